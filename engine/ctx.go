package engine

import (
	"hash/maphash"

	"regent/engine/config"
	"regent/engine/dict"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// A Ctx is what a handler sees: its arguments, the reply, the keyspace.
type Ctx struct {
	e    *Engine
	s    *Session
	Cmd  *Command
	Args [][]byte // with the command's name; valid until the handler returns
	said []byte   // the name as the client has said it, if that is another
	W    *resp.Writer
	Now  int64 // wall ms, the same throughout a command

	// home is one more than the index of the shard of the command's only
	// key, 0 when it has none or several: hashing a key costs as much as
	// finding it.
	home uint32
	// held are the shards that are locked when home is 0.
	held     lockSet
	walk     walk // of a LockEach command
	watch    stopwatch
	eff      Effects
	changes  int64 // by those effects, see PropagateN
	applying bool  // the command comes from the log or the stream
	failed   bool  // the reply is an error
	strayed  bool  // it has changed a database other than the session's
	room     space // what the memory gate came to
	stalled  bool  // with late: a script keeps the command from its shards
	moved    bool  // with late: the command, a script, is to be carried out in the background
	aside    bool  // it is carried out there, or may go there: its session has a stand-in
	keyed    bool  // it is a script that has the shards of its keys alone
	overdue  bool  // it is a script that is over busy-reply-threshold
	full     bool  // memory was above maxmemory when the command, a script, began
	late     bool  // a pause had begun before the command could run
	follower bool  // this node does not lead: hide what is expired, delete nothing
	serves   bool  // the record is applied while clients read: a client that waits for its key is served
	apart    bool  // it has views of its own, see form.go
	wide     bool  // it has written to keys other than its own, see block.go
	nested   bool  // the command is part of another: it must not wait
	slept    int64 // ns that it counts as having taken longer than it did (DEBUG SLEEP)
	called   bool  // a script called this command
	unshown  bool  // others cannot see yet what the session says in a transaction: showTurn

	course Course    // of a script
	leave  func()    // has a script go on in the background; nil: it is there, or cannot
	script *Script   // kept for the next one; nil: there was none
	grown  *[][]byte // of the desk, for spans that replies are written to; nil: they are not
	pins   *[]pinned // of the desk, for values that are replied with from where they lie; nil: they are copied
	out    *outbox   // of the desk, where what is published waits for the end of the turn; nil: it does not

	// What the commands of a batch share.
	clock batchClock
	tally tally
	spare spareViews
	found []byte // memory for the elements of a walk's reply, and for Scratch

	ready  []*keyQueue // keys that came to hold something others wait for
	served []*waiter   // the clients that got it

	// What others want to know of the command, as it was when it had its locks: events
	// that are told (notify.go), and whether anybody watches, tracks or monitors.
	events Event
	cared  bool

	happened []happening // that is to be told
	invalid  []staleKey  // keys that have changed, while somebody tracks

	offer offer
}

// An Entry is a key's place in the keyspace as a lookup found it. It is valid
// until the next change of the keyspace.
type Entry struct {
	d   *dict.Dict
	ref dict.Ref
}

// OK reports whether the key exists.
func (en Entry) OK() bool { return en.ref != 0 }

// Value returns the entry's value. Bytes are the dictionary's own: copy or
// write them to the reply before the handler returns.
func (en Entry) Value() dict.Value { return en.d.Value(en.ref) }

// Int is the value if it is a number (dict.Int); false: it is something else.
func (en Entry) Int() (n int64, ok bool) {
	if en.d.Kind(en.ref) != dict.Int {
		return 0, false
	}
	return en.d.Int(en.ref), true
}

// ExpireAt is in wall milliseconds, 0: never.
func (en Entry) ExpireAt() int64 { return en.d.ExpireAt(en.ref) }

// Key is the dictionary's own copy of the key.
func (en Entry) Key() []byte { return en.d.Key(en.ref) }

// DB is the number of the session's database.
func (c *Ctx) DB() int { return c.s.db }

// Config is the server's configuration.
func (c *Ctx) Config() *config.Config { return c.e.Config }

// View is this node's idea of the cluster.
func (c *Ctx) View() *View { return c.e.cluster.View().toward(c.s.TLS) }

// LeaseOver is Cluster.LeaseOver, and Links Cluster.Links.
func (c *Ctx) LeaseOver() bool { return c.e.cluster.LeaseOver() }

// Links describes the connections to other nodes.
func (c *Ctx) Links() []LinkView { return c.e.cluster.Links() }

// Version is Regent's own.
func (c *Ctx) Version() string { return c.e.version }

// Codecs are for values in RDB's format.
func (c *Ctx) Codecs() *rdb.Registry { return c.e.codecs }

// Table is what is known of all commands.
func (c *Ctx) Table() *spec.Table { return c.s.table.spec }

// Told is Table as clients know it: rename-command changes names, and takes some away.
func (c *Ctx) Told() *spec.Table { return c.s.table.told }

// Asked finds the command that a client would ask for with args; known: its subcommand,
// too.
func (c *Ctx) Asked(args [][]byte) (cmd *Command, known bool) { return c.e.table.Asked(args) }

// Applying reports whether the command is a record of a log that is carried out.
func (c *Ctx) Applying() bool { return c.applying }

// Rand returns 64 random bits.
func (c *Ctx) Rand() uint64 { return c.e.host.Rand() }

// Seed is that of the engine's hashes: what hashes with it inside a value finds
// the same in its clones.
func (c *Ctx) Seed() maphash.Seed { return c.e.seed }

// LocalAddr is the address at which the client has reached this node.
func (c *Ctx) LocalAddr() string { return c.s.conn.LocalAddr() }

// Read looks key up for a read: an expired key is not there, the access
// statistics and keyspace hits and misses are kept.
func (c *Ctx) Read(key []byte) Entry {
	en := c.find(c.s.db, key)
	if !en.OK() {
		c.tally.misses++
		c.Notify(eventMiss, "keymiss", key)
		return en
	}
	c.tally.hits++
	c.touch(en)
	return en
}

// Again counts an entry that Read has found as read once more, without looking for it.
func (c *Ctx) Again(en Entry) {
	c.tally.hits++
	c.touch(en)
}

// Write looks key up for a change. An expired key is removed first.
func (c *Ctx) Write(key []byte) Entry {
	en := c.find(c.s.db, key)
	if en.OK() {
		c.touch(en)
	}
	return en
}

// Peek looks key up and leaves no trace (OBJECT, TTL, TYPE, EXISTS use it with
// or without Touch as Redis does).
func (c *Ctx) Peek(key []byte) Entry { return c.find(c.s.db, key) }

// PeekIn is Peek in another database.
func (c *Ctx) PeekIn(db int, key []byte) Entry { return c.find(db, key) }

// Look is Read without marking the key as used: EXISTS, TTL, TYPE and OBJECT
// count as hits and misses but do not keep a key young.
func (c *Ctx) Look(key []byte) Entry {
	en := c.Inspect(key)
	if !en.OK() {
		c.Notify(eventMiss, "keymiss", key)
	}
	return en
}

// Inspect is Look without an event for a key that is not there: OBJECT asks about the
// keyspace, not for a value.
func (c *Ctx) Inspect(key []byte) Entry {
	en := c.Peek(key)
	if en.OK() {
		c.tally.hits++
	} else {
		c.tally.misses++
	}
	return en
}

// Put stores v at key, new or over what was there, to expire at the wall ms
// expireAt (0: never). v.Bytes is copied.
func (c *Ctx) Put(key []byte, v dict.Value, expireAt int64) Entry {
	return c.put(c.s.db, key, &v, expireAt)
}

// PutIn is Put in another database.
func (c *Ctx) PutIn(db int, key []byte, v dict.Value, expireAt int64) Entry {
	return c.put(db, key, &v, expireAt)
}

// PutString is Put of a string that arrives whole, which does not expire.
func (c *Ctx) PutString(key, b []byte) {
	v := EncodeString(b)
	c.put(c.s.db, key, &v, 0)
}

func (c *Ctx) put(db int, key []byte, v *dict.Value, expireAt int64) Entry {
	c.Heavy(len(v.Bytes))
	if c.events&(eventExpired|eventNew) != 0 || c.cared {
		c.find(db, key) // what has expired is told of before it is replaced
	}
	d := c.changing(db, key)
	before := d.Len()
	en := Entry{d: d}
	adopted := false
	if c.offer.span != nil {
		en.ref, adopted = c.adopt(d, key, v, expireAt)
	}
	if !adopted {
		en.ref = d.PutFrom(key, v, expireAt)
	}
	if d.Len() > before {
		d.SetAccess(en.ref, c.e.accessed(0, c.Now, true))
		c.NotifyIn(db, eventNew, "new", key)
	} else {
		c.touch(en)
	}
	if v.Kind.IsString() {
		c.lost(db, key)
	} else {
		c.arrived(db, key)
	}
	c.changed(db, key)
	return en
}

// SetInt changes the number at en, which must be one (dict.Int).
func (c *Ctx) SetInt(en Entry, n int64) {
	en.d.SetInt(en.ref, n)
	c.changedAt(en)
}

// Traceless reports whether a command that reads must not keep what it found out, in the
// value itself: this node follows, or a pause is on.
func (c *Ctx) Traceless() bool { return c.follower }

// Remove deletes key and reports whether it was there. The effect is the
// caller's to propagate.
func (c *Ctx) Remove(key []byte) bool { return c.removeIn(c.s.db, key) }

// RemoveAt is Remove of a key that was found at en.
func (c *Ctx) RemoveAt(key []byte, en Entry) {
	c.size(en)
	en.d.DeleteAt(en.ref)
	c.changed(c.s.db, key)
	c.lost(c.s.db, key)
}

// removeIn is Remove in another database.
func (c *Ctx) removeIn(db int, key []byte) bool {
	gone := c.changing(db, key).Delete(key)
	if gone {
		c.changed(db, key)
		c.lost(db, key)
	}
	return gone
}

// setExpire sets or with 0 clears when en expires (wall ms).
func (c *Ctx) setExpire(en Entry, at int64) Entry {
	en.ref = en.d.SetExpire(en.ref, at)
	c.changedAt(en)
	return en
}

// Scratch is memory for what a handler gathers, of n bytes at least and without content. It is the
// handler's until it returns, or calls Scratch or a walk.
func (c *Ctx) Scratch(n int) []byte {
	if cap(c.found) < n {
		c.found = make([]byte, 0, n)
	}
	return c.found[:0]
}

func (c *Ctx) shardOf(key []byte) uint32 {
	if c.home != 0 {
		return c.home - 1
	}
	return c.e.shardIndex(key)
}

func (c *Ctx) dictOf(db int, key []byte) *dict.Dict {
	return c.e.shardDict(&c.e.shards[c.shardOf(key)], db)
}

// changing is dictOf for a change.
func (c *Ctx) changing(db int, key []byte) *dict.Dict {
	if db != c.s.db {
		c.strayed = true
	}
	return c.dictOf(db, key)
}

func (c *Ctx) stripe(key []byte) *stripe { return &c.e.stats.stripes[c.shardOf(key)] }

// find is the lookup under all others: it removes or hides what has expired.
func (c *Ctx) find(db int, key []byte) Entry {
	d := c.dictOf(db, key)
	r := d.Find(key)
	if r == 0 {
		return Entry{}
	}
	if at := d.ExpireAt(r); at != 0 && at <= c.Now && !c.applying {
		if !c.follower {
			c.expire(db, key)
		}
		return Entry{}
	}
	return Entry{d, r}
}

// expire deletes a key whose time is over. As in Redis that is no change of the
// data: it would not be there after a load either.
func (c *Ctx) expire(db int, key []byte) {
	n := len(c.invalid)
	if c.removeIn(db, key); len(c.invalid) > n {
		c.invalid[n].expired = true
	}
	c.NotifyIn(db, eventExpired, "expired", key)
	c.stripe(key).expired.Add(1)
	if c.applying {
		return
	}
	c.eff.Buf = resp.AppendCommand(c.eff.Buf, "DEL", string(key))
	c.eff.Recs = append(c.eff.Recs, Effect{db, len(c.eff.Buf)})
}

func (c *Ctx) touch(en Entry) {
	if !c.s.noTouch {
		c.MarkUsed(en)
	}
}

// MarkUsed is touch whatever CLIENT NO-TOUCH said.
func (c *Ctx) MarkUsed(en Entry) {
	if !c.e.usesLFU() {
		en.d.SetAccess(en.ref, lruNow(c.Now))
		return
	}
	en.d.SetAccess(en.ref, c.e.accessed(en.d.Access(en.ref), c.Now, false))
}

// Propagate adds a record to the log: the deterministic form of what this
// command did, which is one change. Several records of one command stay together.
func (c *Ctx) Propagate(args ...[]byte) { c.PropagateN(1, args...) }

// PropagateN is Propagate for n changes of the data as Redis's server.dirty counts
// them, keys and elements: save points and INFO go by them.
func (c *Ctx) PropagateN(n int64, args ...[]byte) {
	c.changes += n
	if c.applying {
		return
	}
	switch {
	case c.e.logs.Load() == nil: // that there is an effect is all that counts
	case c.s.Lends && anyLarge(args):
		c.lend(args)
	default:
		c.eff.Buf = resp.AppendCommand(c.eff.Buf, args...)
	}
	c.eff.Recs = append(c.eff.Recs, Effect{c.s.db, len(c.eff.Buf)})
}

// PropagateSelf adds the command as it was received.
func (c *Ctx) PropagateSelf() { c.Propagate(c.Args...) }

// PropagateSelfN is PropagateSelf for n changes.
func (c *Ctx) PropagateSelfN(n int64) { c.PropagateN(n, c.Args...) }

// Err writes an error reply.
func (c *Ctx) Err(msg string) {
	c.W.Error(msg)
	c.failed = true
	c.e.stats.errors.note(msg)
}
