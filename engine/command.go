package engine

import (
	"slices"

	"regent/engine/decimal"
	"regent/engine/spec"
)

// LockSet says which shards the dispatcher locks around a handler.
type LockSet uint8

const (
	lockKeys   LockSet = iota // the shards of the command's keys; none without keys
	LockAll                   // every shard: what changes whole databases, or shows them at one moment
	LockEach                  // none around the handler: the walks of Ctx lock shard after shard (Ctx.visit)
	LockSlot                  // the shard of the hash slot that argument SlotArg names
	lockQueued                // EXEC's: what the queue and its watched keys need
)

// SlotArg is where a LockSlot command names its slot: after the command and
// the subcommand.
const SlotArg = 2

// A Handler carries out a command: it is written as if it were alone, reads
// and changes the keyspace through c, writes one reply to c.W and says with
// c.Propagate what goes into the log. It looks up no keys but those its
// literal names, or any with LockAll or Wide; with LockEach it sees keys through the walks
// of Ctx alone. It never locks, blocks or keeps a slice
// of an argument or of a value after it returns.
type Handler func(c *Ctx)

// A Command is one row of the command table: what is known of it, and how it is
// carried out. Everything Regent knows about a command is in its literal; nothing
// switches on names elsewhere.
type Command struct {
	spec.Command
	Do Handler // nil only for containers that need a subcommand
	// Administer stands in Do's place where the cluster is changed.
	Administer func(c *Ctx, a Administration)
	Locks      LockSet
	Subs       []Command // makes the command a container
	Help       string    // what HELP says of the subcommands that redis-server has, too
	// Wide reports whether with these arguments the handler looks keys up that they do not
	// name, so that every shard is locked; nil: it never does.
	Wide func(args [][]byte) bool
	// Sole is where the only key stands that a call looks up, 0: there are several, or it
	// cannot be said in passing. It agrees with GetKeys and Wide, whose place it takes there: most
	// calls of a command that may have several keys have one. nil: none is looked at so.
	Sole func(args [][]byte) int
	// Scripts: it carries out commands that no argument names.
	Scripts Scripts
	// atLeader: at the plain face the command is the leader's although it touches no data.
	atLeader bool
	// ofNode reports whether a call of a command that is else the leader's is for the node
	// that it was said to; nil: none is.
	ofNode func(args [][]byte) bool
	// refuses is why a call can do nothing, "" if it can: asked before it is queued too, so
	// that it ends the transaction that it is said in. nil: none is refused so.
	refuses func(c *Ctx) string
	// Course says how a command with Scripts is carried out (script_turn.go). nil: always
	// CourseAside.
	Course func(args [][]byte) Course
	// ScriptFlags are what the script that a call of a command with Scripts names says of itself;
	// known is false where there is no such script. Every command with Scripts has it.
	ScriptFlags func(args [][]byte) (flags ScriptFlags, known bool)
	// OpensChannel marks a peer's first word: it is allowed to a client that is denied
	// all else.
	OpensChannel bool
	// Aside reports whether a call waits for the disk or for the listener, in another goroutine: a
	// transaction with such a call is carried out there as a whole, as a script that takes long is.
	// nil: none does.
	Aside func(c *Ctx) bool
	// Member is the argument that names a member of the value at the only key, and Score the
	// one that is its score from then on, 0: none. They are a hint (foresee.go): options may
	// stand where they are looked for.
	Member, Score int
	// Weighs: it goes over elements, and says by Ctx.Heavy how many bytes that is, so that its
	// time may be estimated as that of a quick command (clock.go).
	Weighs bool
	// Sized: what it costs goes by the size of the values at its keys. So the time of a call that
	// looks at small ones may be estimated. Reads of collections are so without saying it.
	Sized bool
	// Sentinel: it is there at the Sentinel face, too.
	Sentinel bool
	// Harmless: a command of administrators that only shows something, so that every client
	// of the Sentinel face may say it.
	Harmless bool
	// atOnce: it is carried out where other commands are queued for EXEC.
	atOnce bool
	// opensQueue: the commands after it are queued.
	opensQueue bool
	// whileListening: a client that listens to channels may say it with RESP2.
	whileListening bool
	// reads: leadership matters to it as to a read, though no flag says so.
	reads bool
	// OfUsers marks what changes users: where they are the cluster's, the leader alone
	// does it, as if it were a write.
	OfUsers bool
	// showsData finds out whether a command that is allowed while the data is
	// being loaded would show it; nil: none does. Such a call is refused then.
	showsData func(args [][]byte) bool

	// derived by the table
	parent *Command // of a subcommand
	shape  shape
	deep   bool       // Room.Deep
	first  int        // where the only key stands, of shapeSingle
	lead   spec.Flags // those on which the gates depend, with reads as ReadOnly, and scripts that may write as Write
	quick  bool       // no walk over elements, or Weighs, or sized: its time may be estimated
	sized  bool       // unless it looks at a value that is not small (form.go)
}

// A shape is what the dispatcher has to lock for a command.
type shape uint8

const (
	shapeMany   shape = iota // the shards of several keys, found at every call; with Sole as shapeSingle when there is but one
	shapeSpan                // as shapeMany, and as shapeSingle when there is but one
	shapeNone                // nothing
	shapeSingle              // the shard of one key: the hot path
	shapeSlot                // the shard of a slot
	shapeAll                 // every shard
	shapeEach                // one shard after the other, inside the walks
)

// shapeOf reads the shape off the literal.
func shapeOf(cmd *Command) shape {
	switch {
	case cmd.Locks == LockAll:
		return shapeAll
	case cmd.Locks == LockEach:
		return shapeEach
	case cmd.Locks == LockSlot:
		return shapeSlot
	case cmd.GetKeys != nil, cmd.Wide != nil, cmd.Locks == lockQueued:
		return shapeMany
	case len(cmd.Keys) == 0, !cmd.hasKeys():
		return shapeNone
	case len(cmd.Keys) == 1 && cmd.Keys[0].IsRange() && cmd.Keys[0].LastKey == 0:
		return shapeSingle
	case len(cmd.Keys) == 1 && cmd.Keys[0].IsRange() && cmd.Keys[0].LastKey == -1 && cmd.Keys[0].Limit <= 1:
		return shapeSpan
	}
	return shapeMany
}

// hasKeys reports whether a key spec names keys, and not just what decides in which slot
// a command is at home.
func (cmd *Command) hasKeys() bool {
	for i := range cmd.Keys {
		if cmd.Keys[i].Flags&spec.KeyNotKey == 0 {
			return true
		}
	}
	return false
}

// shapeFor is the command's shape with these arguments, and of shapeSingle where the key stands.
func (cmd *Command) shapeFor(args [][]byte) (s shape, key int) {
	if cmd.shape <= shapeSpan {
		return cmd.shapeOfCall(args)
	}
	return cmd.shape, cmd.first
}

// shapeOfCall is shapeFor where it goes by the arguments.
func (cmd *Command) shapeOfCall(args [][]byte) (s shape, key int) {
	if cmd.shape == shapeSpan {
		if k := &cmd.Keys[0]; len(args)-k.Index <= max(k.KeyStep, 1) {
			return shapeSingle, k.Index
		}
		return shapeMany, 0
	}
	if cmd.Sole != nil {
		if key = cmd.Sole(args); key > 0 {
			return shapeSingle, key
		}
	}
	return shapeMany, 0
}

// KeysDeclared reports whether it is certain that a command with these arguments touches no keys
// but those that are declared, arguments of which a script knows that they are its keys, and looks
// at no other data. open: the last argument stands for any number of them.
func (c *Ctx) KeysDeclared(args [][]byte, declared []bool, open bool) bool {
	cmd, known := c.Asked(args)
	switch {
	case cmd == nil || !known || cmd.Do == nil || cmd.Has(spec.NoScript) || cmd.Scripts != noScripts:
		return false
	case cmd.Locks != lockKeys || cmd.Wide != nil || cmd.GetKeys != nil:
		return false
	case cmd.Subs != nil:
		return false
	case len(cmd.Keys) == 0:
		return cmd.Has(spec.Fast) // it looks at no data
	}
	fixed := len(args)
	if open {
		fixed--
	}
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		switch {
		case !k.IsRange():
			return false
		case !open:
		case k.LastKey < 0 || k.Index+k.LastKey >= fixed: // then all that may be a key must be one
			if slices.Contains(declared[min(k.Index, fixed):], false) {
				return false
			}
			continue
		}
		first, last, step, ok := k.Bounds(args)
		for at := first; ok && at <= last; at += step {
			if at >= len(args) || !declared[at] {
				return false
			}
		}
	}
	return true
}

// ScriptArgs are the arguments behind the keys of EVAL and its like.
func ScriptArgs(args [][]byte) [][]byte {
	const numKeys = 2
	if len(args) <= numKeys {
		return nil
	}
	n, ok := decimal.Parse(args[numKeys])
	if !ok || n < 0 || n >= int64(len(args)-numKeys) {
		return nil // there is none, or the call is refused
	}
	return args[numKeys+1+int(n):]
}
