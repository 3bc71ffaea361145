package engine

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"regent/engine/spec"
	"regent/engine/units"
	"regent/resp"
)

// An Applier carries out the records of a log or a stream: no gates, no
// effects, no expiry by this node's clock. It is a session without a client.
type Applier struct {
	e       *Engine
	s       Session
	pending [][][]byte // the commands of an open MULTI
	inMulti bool
	passed  *Passed // nil: what is not known is an error
	ahead   Foresight
	fresh   int // records for which the reading of the clock still does
}

// recordsPerClock is how many records share a reading of the clock, which only
// says when their keys were used.
const recordsPerClock = 64

// NewApplier returns an applier that begins in database 0.
func (e *Engine) NewApplier() *Applier { return &Applier{e: e} }

// DB is the database the next record goes to.
func (a *Applier) DB() int { return a.s.db }

// SetDB selects the database the next record goes to.
func (a *Applier) SetDB(db int) { a.s.db = db }

// Apply carries out one record. An error means that the record cannot have
// been written by Regent or Redis: the log is damaged, or from a later
// version.
func (a *Applier) Apply(args [][]byte) error {
	if len(args) == 0 {
		return errors.New("empty record")
	}
	switch {
	case spec.EqualFold(args[0], "multi"):
		a.inMulti = true
		return nil
	case spec.EqualFold(args[0], "exec"):
		if !a.inMulti {
			return errors.New("EXEC without MULTI")
		}
		return a.exec()
	case a.inMulti:
		if len(a.pending) == units.MaxRecords {
			return fmt.Errorf("more than %d records in one transaction", units.MaxRecords)
		}
		a.pending = append(a.pending, CloneArgs(args))
		return nil
	}
	c, err := a.context(args)
	if err != nil {
		return a.pass(err)
	}
	if kind, key := c.Cmd.shapeFor(args); kind == shapeSingle {
		at := a.e.shardIndex(c.Args[key])
		a.e.shards[at].mu.Lock()
		a.single(c, at)
	} else {
		a.e.lockFor(c, func() { a.carryOut(c); a.serve(c) })
	}
	a.wakeServed()
	return a.outcome(c)
}

// ApplyNow is Apply for a caller that must not be held up: done is false, and nothing has
// happened, where a record has not one key, or somebody else is at work on that.
func (a *Applier) ApplyNow(args [][]byte) (done bool, err error) {
	if a.inMulti || len(args) < 2 {
		return false, nil
	}
	c, err := a.context(args)
	if err != nil {
		return false, nil // Apply says what is wrong
	}
	kind, key := c.Cmd.shapeFor(args)
	if kind != shapeSingle {
		return false, nil
	}
	at := a.e.shardIndex(args[key])
	if !a.e.shards[at].mu.TryLock() {
		return false, nil
	}
	a.single(c, at)
	a.wakeServed()
	return true, a.outcome(c)
}

// Foresee notes the keys of a record that will be applied soon; Fetch then has them fetched.
func (a *Applier) Foresee(args [][]byte) { a.e.Foresee(&a.ahead, &a.s, args) }

// Fetch is Engine.Fetch.
func (a *Applier) Fetch() { a.e.Fetch(&a.ahead, &a.s) }

// serve answers clients that read here and waited for what was applied, which is committed.
func (a *Applier) serve(c *Ctx) {
	if len(c.ready) > 0 {
		a.e.serve(c)
		c.handOver(0)
	}
}

// wakeServed lets them go on, with nothing locked any more.
func (a *Applier) wakeServed() {
	if c := a.s.context(); len(c.served) > 0 {
		c.wakeServed()
	}
}

// single carries out a command with one key, as nearly all records are. Its shard, at, is
// locked, and is not any more when it is done.
func (a *Applier) single(c *Ctx, at uint32) {
	sh := &a.e.shards[at]
	c.home = at + 1
	c.look()
	c.Cmd.Do(c)
	a.serve(c)
	c.home = 0
	sh.noteWritten(c)
	sh.mu.Unlock()
}

// carryOut calls the handler, with the shards it touches locked.
func (a *Applier) carryOut(c *Ctx) {
	c.look()
	c.Cmd.Do(c)
	if c.Cmd.Locks == LockAll {
		return // FLUSHALL and its like note what they did
	}
	var set lockSet
	a.e.collect(&set, c.Cmd, c.Args)
	set.each(func(i int) { a.e.shards[i].noteWritten(c) })
}

// exec carries out a transaction with the shards of all its keys locked: readers
// see all of it or nothing.
func (a *Applier) exec() (err error) {
	cmds := a.pending
	a.pending, a.inMulti = nil, false
	var set lockSet
	for _, args := range cmds {
		if cmd, known := a.e.table.Lookup(args); cmd != nil && known && cmd.Fits(len(args)) {
			a.e.collect(&set, cmd, args)
		}
	}
	a.e.lockSet(&set)
	err = a.runAll(cmds)
	a.s.context().held = set
	a.serve(a.s.ctx)
	a.e.unlockSet(&set)
	a.wakeServed()
	return err
}

func (a *Applier) runAll(cmds [][][]byte) error {
	for _, args := range cmds {
		c, err := a.context(args)
		if err != nil {
			if err = a.pass(err); err != nil {
				return err
			}
			continue
		}
		a.carryOut(c)
		if err := a.outcome(c); err != nil {
			return err
		}
	}
	return nil
}

func (a *Applier) context(args [][]byte) (*Ctx, error) {
	cmd, known := a.e.table.Lookup(args)
	if cmd == nil || !known {
		return nil, foreign(args, a.s.db)
	}
	if n := len(args); !cmd.Fits(n) {
		return nil, fmt.Errorf("%s with %d arguments", cmd.FullName(), n)
	}
	c := a.s.context()
	c.e, c.s, c.Cmd, c.Args, c.W = a.e, &a.s, cmd, args, &a.s.W
	if a.fresh--; a.fresh <= 0 {
		c.Now, a.fresh = a.e.host.Now(), recordsPerClock
	}
	c.applying, c.serves, c.strayed = true, true, false
	return c, nil
}

// outcome looks at the reply that nobody reads: an error there means the
// record did not do what it did where it was written.
func (a *Applier) outcome(c *Ctx) error {
	c.tally.changes += c.changes
	c.changes = 0
	a.e.countUp(c)
	if len(c.happened) > 0 {
		c.tellHappened(0) // what is applied is committed
	}
	if len(c.invalid) > 0 {
		c.tellInvalidated(0)
	}
	c.Args = nil // their memory may be gone soon
	reply := a.s.W.Bytes()
	a.s.W.Truncate(0)
	if len(reply) > 0 && reply[0] == '-' {
		if a.passed != nil && a.passed.any() && string(reply[1:len(reply)-2]) == resp.ErrNoSuchKey {
			a.passed.add(absentKind)
			return nil
		}
		if c.Cmd.Scripts != noScripts && !bytes.HasPrefix(reply, []byte("-NOSCRIPT ")) {
			return nil // a script of Redis's that ended with an error, after it had written
		}
		return fmt.Errorf("%s: %s", c.Cmd.FullName(), reply[1:len(reply)-2])
	}
	return nil
}

// lockFor runs f with the shards that c's command touches locked.
func (e *Engine) lockFor(c *Ctx, f func()) {
	if c.Cmd.Locks == LockAll {
		e.Freeze(f)
		return
	}
	var set lockSet
	e.collect(&set, c.Cmd, c.Args)
	e.lockSet(&set)
	defer e.unlockSet(&set)
	f()
}

// CloneArgs copies arguments. An empty one stays one: none is nil.
func CloneArgs(args [][]byte) [][]byte {
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = append([]byte{}, a...)
	}
	return out
}

// A foreignError is a record of a log for a value of a type that this server
// does not have. Redis wrote it, or a later version of Regent.
type foreignError struct {
	command string // in lower case
	kind    string // the type
	db      int
	key     []byte
}

func (e *foreignError) Error() string {
	const shown = 128 // bytes of a key
	return fmt.Sprintf("key %q in database %d is a %s (%s), a type this server does not have", Clip(e.key, shown), e.db, e.kind, strings.ToUpper(e.command))
}

// foreign is the error for a record whose command is not known: redis-server 7.4 writes
// one that this server does not have, which gives fields of a hash an expiry.
func foreign(args [][]byte, db int) error {
	name := strings.ToLower(string(Clip(args[0], 64)))
	if name != "hpexpireat" || len(args) < 2 {
		//lint:ignore ST1005 redis-server's text
		return fmt.Errorf("Unknown command '%s' reading the append only file", Clip(args[0], 64))
	}
	return &foreignError{name, "hash whose fields expire", db, append([]byte(nil), args[1]...)}
}

// Passed counts the records of a log that were passed over, by type.
type Passed struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Counts are the numbers so far.
func (p *Passed) Counts() map[string]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.counts)
}

func (p *Passed) add(kind string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[kind]++
}

func (p *Passed) any() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.counts) > 0
}

// PassOver makes the applier pass over records of types that this server does
// not have, and count them. What such a value was renamed to is not there
// either: a record that finds no key is then counted too.
func (a *Applier) PassOver() *Passed {
	a.passed = &Passed{counts: map[string]int64{}}
	return a.passed
}

// PassOver is Applier.PassOver.
func (b *BulkApplier) PassOver() *Passed {
	p := b.alone.PassOver()
	for _, w := range b.workers {
		w.a.passed = p
	}
	return p
}

// pass decides about a record that cannot be carried out.
func (a *Applier) pass(err error) error {
	var f *foreignError
	if a.passed == nil || !errors.As(err, &f) {
		return err
	}
	a.passed.add(f.kind)
	return nil
}

// absentKind is what a record is counted as that finds no key, where values were
// passed over.
const absentKind = "unknown, of keys that were passed over"
