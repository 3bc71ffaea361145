package spec

// An Arg describes an argument for COMMAND DOCS.
type Arg struct {
	Name  string
	Type  string // key, string, integer, double, pattern, unix-time, pure-token, oneof, block
	Token string
	Since string
	// DeprecatedSince is the version that deprecated the argument, "" while it
	// is not.
	DeprecatedSince string
	KeySpec         int // index into Keys; used when Type is key, or NamesKeys
	NamesKeys       bool
	Optional        bool
	Multiple        bool
	MultiTok        bool // the token is repeated with each value
	Args            Args
}

// Args are arguments in their order.
type Args []Arg

// Key describes a key found by the command's key spec number spec.
func Key(name string, spec int) Arg { return Arg{Name: name, Type: "key", KeySpec: spec} }

// OfKeys is a, from which the keys of the command's key spec number spec come.
func (a Arg) OfKeys(spec int) Arg { a.KeySpec, a.NamesKeys = spec, true; return a }

// String describes an argument that may be any bytes.
func String(name string) Arg { return Arg{Name: name, Type: "string"} }

// Integer describes a whole number.
func Integer(name string) Arg { return Arg{Name: name, Type: "integer"} }

// Double describes a number with a fraction.
func Double(name string) Arg { return Arg{Name: name, Type: "double"} }

// Pattern describes a glob pattern.
func Pattern(name string) Arg { return Arg{Name: name, Type: "pattern"} }

// UnixTime describes a time since 1970, in seconds or milliseconds.
func UnixTime(name string) Arg { return Arg{Name: name, Type: "unix-time"} }

// Word describes a word that stands for itself.
func Word(name, token string) Arg { return Arg{Name: name, Type: "pure-token", Token: token} }

// OneOf describes a choice.
func OneOf(name string, choices ...Arg) Arg { return Arg{Name: name, Type: "oneof", Args: choices} }

// Block describes arguments that come together.
func Block(name string, parts ...Arg) Arg { return Arg{Name: name, Type: "block", Args: parts} }

// With is a behind the word token.
func (a Arg) With(token string) Arg { a.Token = token; return a }

// Added is a, which there is since that version of Redis.
func (a Arg) Added(version string) Arg { a.Since = version; return a }

// Opt is a that may be left out.
func (a Arg) Opt() Arg { a.Optional = true; return a }

// Many is a that may be repeated.
func (a Arg) Many() Arg { a.Multiple = true; return a }

// Repeated is a whose token comes again with each value.
func (a Arg) Repeated() Arg { a.MultiTok = true; return a }
