package spec

// A Command is what is known of a command without running it.
type Command struct {
	Name  string // lower case; a subcommand carries its own word only
	Arity int    // arguments with the name; negative: at least that many
	Flags Flags
	Cats  Categories // besides those that follow from the flags
	Keys  Keys
	// Channels says which of the arguments are channels that are listened to or published
	// in: access lists ask.
	Channels Channels
	Tips     []string
	Group    Group
	Since    string // the version of Redis that had it first
	Complex  string // time complexity
	Summary  string
	// DeprecatedSince is the version that deprecated the command, "" while it
	// is not; ReplacedBy then says by what.
	DeprecatedSince, ReplacedBy string
	Internal                    bool // for the server's own use and its tests: COMMAND DOCS says syscmd
	Args                        Args

	// GetKeys finds the keys (as indices into args) where specs do not
	// suffice; nil means the specs say it all.
	GetKeys func(args [][]byte) ([]int, bool)
	// KeyUse says what is done with a key whose spec has KeyVariable, where
	// the arguments decide.
	KeyUse func(args [][]byte) KeyFlags

	// Secrets finds the arguments that no log and no history may show, where
	// hidden tells which directives of the configuration are secrets; nil: there
	// are none.
	Secrets func(hidden func(directive string) bool, args [][]byte) []int

	// derived by NewTable
	full   string // "client|list"
	parent *Command
	subs   []*Command
	index  int
	oneKey bool
}

// Channels says which arguments are channels.
type Channels uint8

const (
	NoChannels      Channels = iota
	OneChannel               // the first
	AllChannels              // all
	ChannelPatterns          // all, and they are patterns of names
)

// OneKey reports whether the command has one key, in a fixed place, and always does the
// same with it.
func (cmd *Command) OneKey() bool { return cmd.oneKey }

// FullName is the command's name as INFO and COMMAND show it: "get",
// "client|list".
func (cmd *Command) FullName() string { return cmd.full }

// Parent is the container of a subcommand, nil of any other command.
func (cmd *Command) Parent() *Command { return cmd.parent }

// Contain makes cmd the container of subs. It must be called before NewTable.
func (cmd *Command) Contain(subs ...*Command) { cmd.subs = append(cmd.subs, subs...) }

// Subcommands are those of a container, in the order of its literal.
func (cmd *Command) Subcommands() []*Command { return cmd.subs }

// Index is the command's number in its table, from 0 up to the table's Size:
// statistics and access lists are kept by it.
func (cmd *Command) Index() int { return cmd.index }

// Has reports whether all of f are set.
func (cmd *Command) Has(f Flags) bool { return cmd.Flags&f == f }

// Fits reports whether the command may have n arguments, with its name.
func (cmd *Command) Fits(n int) bool {
	return n == cmd.Arity || cmd.Arity < 0 && n >= -cmd.Arity
}
