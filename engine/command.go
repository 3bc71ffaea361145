package engine

import "regent/engine/config"

// Flags are a command's flags as COMMAND INFO shows them, in Redis's order.
type Flags uint32

const (
	Write           Flags = 1 << iota // may change data: only the leader runs it
	ReadOnly                          // reads data
	DenyOOM                           // refused while memory is above maxmemory
	Admin                             // administration
	PubSub                            // publish and subscribe
	NoScript                          // not from scripts
	Blocking                          // may park the session
	Loading                           // allowed while the data is being loaded
	Stale                             // allowed at a follower that lost its leader
	SkipMonitor                       // not shown by MONITOR
	SkipSlowlog                       // not in the slow log
	Asking                            // implies ASKING in a cluster
	Fast                              // constant or logarithmic time
	NoAuth                            // allowed before AUTH
	NoMandatoryKeys                   // its key arguments are optional
	NoAsyncLoading                    // not during an asynchronous load
	NoMulti                           // not inside MULTI
	MovableKeys                       // keys are found by looking at the arguments
	AllowBusy                         // allowed while a script is overdue
)

// Categories are ACL categories. Those that follow from the flags (@read,
// @write, @fast, @slow, @admin, @dangerous, @pubsub, @blocking) need not be
// written in a literal.
type Categories uint32

const (
	CatKeyspace Categories = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
)

// KeyFlags say what a command does with the keys of one KeySpec.
type KeyFlags uint16

const (
	KeyRW KeyFlags = 1 << iota
	KeyRO
	KeyOW
	KeyRM
	KeyAccess
	KeyUpdate
	KeyInsert
	KeyDelete
	KeyNotKey
	KeyIncomplete
	KeyVariable
)

// A KeySpec finds some of a command's keys: where to begin, and how to go on
// from there. It is what COMMAND INFO calls a key specification.
type KeySpec struct {
	Flags KeyFlags
	Notes string

	// Begin: at Index, or after the word Keyword looked for from StartFrom
	// on (negative: from the end backwards), or Unknown.
	Index     int
	Keyword   string
	StartFrom int
	Unknown   bool

	// Find, from the beginning: a range up to LastKey (relative; negative
	// counts from the end) by KeyStep with Limit, or when KeyNum is set a
	// count found at KeyNumIdx with the first key at FirstKey, or when
	// FindUnknown is set nothing that can be told.
	LastKey, KeyStep, Limit int
	KeyNum                  bool
	KeyNumIdx, FirstKey     int
	FindUnknown             bool
}

// One is the spec of a single key at argument i.
func One(i int, f KeyFlags) KeySpec { return KeySpec{Flags: f, Index: i, KeyStep: 1} }

// Span is the spec of every step-th argument from first to last, where a
// negative last counts from the end.
func Span(first, last, step int, f KeyFlags) KeySpec {
	if last >= 0 {
		last -= first
	}
	return KeySpec{Flags: f, Index: first, LastKey: last, KeyStep: step}
}

// LockSet says which shards the dispatcher locks around a handler.
type LockSet uint8

const (
	LockKeys LockSet = iota // the shards of the command's keys; none without keys
	LockAll                 // every shard: whole-keyspace commands
	LockSlot                // the shard of the hash slot that argument slotArg names
)

// slotArg is where a LockSlot command names its slot: after the command and
// the subcommand.
const slotArg = 2

// Group is COMMAND DOCS' group.
type Group string

const (
	GroupGeneric     Group = "generic"
	GroupString      Group = "string"
	GroupConnection  Group = "connection"
	GroupServer      Group = "server"
	GroupCluster     Group = "cluster"
	GroupList        Group = "list"
	GroupSet         Group = "set"
	GroupHash        Group = "hash"
	GroupSortedSet   Group = "sorted-set"
	GroupStream      Group = "stream"
	GroupPubSub      Group = "pubsub"
	GroupScripting   Group = "scripting"
	GroupTransaction Group = "transactions"
	GroupBitmap      Group = "bitmap"
	GroupHyperLogLog Group = "hyperloglog"
	GroupGeo         Group = "geo"
)

// An Arg describes an argument for COMMAND DOCS.
type Arg struct {
	Name  string
	Type  string // key, string, integer, double, pattern, unix-time, pure-token, oneof, block
	Token string
	Since string
	// DeprecatedSince is the version that deprecated the argument, "" while it
	// is not.
	DeprecatedSince string
	KeySpec         int // index into Keys; used when Type is key
	Optional        bool
	Multiple        bool
	MultiTok        bool // the token is repeated with each value
	Args            []Arg
}

// A Handler carries out a command: it is written as if it were alone, reads
// and changes the keyspace through c, writes one reply to c.W and says with
// c.Propagate what goes into the log. It looks up no keys but those its
// literal names, or any with LockAll. It never locks, blocks or keeps a slice
// of an argument or of a value after it returns.
type Handler func(c *Ctx)

// A Command is one row of the command table. Everything Regent knows about a
// command is in its literal; nothing switches on names elsewhere.
type Command struct {
	Name    string // lower case; a subcommand carries its own word only
	Arity   int    // arguments with the name; negative: at least that many
	Flags   Flags
	Cats    Categories
	Keys    []KeySpec
	Locks   LockSet
	Tips    []string
	Group   Group
	Since   string
	Complex string // time complexity
	Summary string
	// DeprecatedSince is the version that deprecated the command, "" while it
	// is not; ReplacedBy then says by what.
	DeprecatedSince, ReplacedBy string
	Internal                    bool // for the server's own use and its tests: COMMAND DOCS says syscmd
	OpensChannel                bool // a peer's first word: allowed to whoever is denied all else
	Args                        []Arg
	Subs                        []Command // makes the command a container
	Do                          Handler   // nil only for containers that need a subcommand

	// GetKeys finds the keys (as indices into args) where specs do not
	// suffice; nil means the specs say it all.
	GetKeys func(args [][]byte) ([]int, bool)
	// KeyUse says what is done with a key whose spec has KeyVariable, where
	// the arguments decide.
	KeyUse func(args [][]byte) KeyFlags

	// ShowsData finds out whether a command that is allowed while the data is
	// being loaded would show it; nil: none does. Such a call is refused then.
	ShowsData func(args [][]byte) bool

	// Secrets finds the arguments that no log may show; nil: there are none.
	Secrets func(cfg *config.Config, args [][]byte) []int

	// derived by the table
	full   string   // "client|list"
	parent *Command // of a subcommand
	index  int      // into statistics
	shape  shape
	quick  bool // no walk over elements: with one key or none its time may be estimated
}

// FullName is the command's name as INFO and COMMAND show it: "get",
// "client|list".
func (cmd *Command) FullName() string { return cmd.full }

// Has reports whether all of f are set.
func (cmd *Command) Has(f Flags) bool { return cmd.Flags&f == f }

// A shape is what the dispatcher has to lock for a command.
type shape uint8

const (
	shapeMany   shape = iota // the shards of several keys, found at every call
	shapeSpan                // as shapeMany, and as shapeSingle when there is but one
	shapeNone                // nothing
	shapeSingle              // the shard of one key at a fixed place: the hot path
	shapeSlot                // the shard of a slot
	shapeAll                 // every shard
)

// shapeOf reads the shape off the literal.
func shapeOf(cmd *Command) shape {
	switch {
	case cmd.Locks == LockAll:
		return shapeAll
	case cmd.Locks == LockSlot:
		return shapeSlot
	case cmd.GetKeys != nil:
		return shapeMany
	case len(cmd.Keys) == 0:
		return shapeNone
	case len(cmd.Keys) == 1 && cmd.Keys[0].isRange() && cmd.Keys[0].LastKey == 0:
		return shapeSingle
	case len(cmd.Keys) == 1 && cmd.Keys[0].isRange() && cmd.Keys[0].LastKey == -1 && cmd.Keys[0].Limit <= 1:
		return shapeSpan
	}
	return shapeMany
}

// shapeFor is the command's shape with these arguments.
func (cmd *Command) shapeFor(args [][]byte) shape {
	if cmd.shape != shapeSpan {
		return cmd.shape
	}
	if k := &cmd.Keys[0]; len(args)-k.Index <= max(k.KeyStep, 1) {
		return shapeSingle
	}
	return shapeMany
}
