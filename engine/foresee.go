package engine

import (
	"regent/engine/dict"
	"regent/engine/slots"
)

// Foresight. A pipeline's commands are known before their turn, and with a
// keyspace that is in no cache a command spends more time waiting for its key's
// bucket and entry than on all else. So what a few commands will look at is
// fetched before the first of them runs:
//
//	Foresee(1) Foresee(2) … Foresee(n)   each asks for the bucket of its keys
//	Fetch                                each bucket says where its entry is: asks for that
//	Execute(1) Execute(2) … Execute(n)   finds both in the cache
//
// A command that will be queued for EXEC is passed over: EXEC knows all keys, and has their shards
// locked (fetchQueued).
//
// Where all commands that are foreseen together are for one key, their entry is one, and what
// they wait for is in the value: an object that is a foreseer is told of the members that they
// name.
//
// Values of a room that says so (Room.Deep) are objects of several parts, of which each says where
// the next is. Those of all keys are fetched side by side, part by part.
//
// It is a hint and nothing else. Commands may be foreseen and never carried
// out, keys may be gone when their turn comes, another database may be selected:
// no answer depends on it. A shard that is busy is passed over. A keyspace that fits
// into a core's own cache is not worth it (ForesightPays).

// maxForeseen is how many keys are fetched at once. A core has some dozens of
// reads under way, and the nearest cache forgets the first of many.
const maxForeseen = 32

// foreseeFrom is how many bytes of data are more than a core's own cache holds.
const foreseeFrom = 2 << 20

// ForesightPays reports whether the data, as it was a moment ago, is too large for a
// cache.
func (e *Engine) ForesightPays() bool { return e.outOfCache.Load() }

// A Foresight is memory for foreseeing; its owner uses it again and again.
type Foresight struct {
	keys [maxForeseen]foreseenKey
	n    int
	deep bool // some are
	// one is the key of all commands so far, valid as long as their arguments are; nil: they
	// have several. glances are what they look at there.
	one     []byte
	glances [maxGlances]Glance
	looks   int
	course  foreseen
}

// A foreseen says what becomes of the next command that is foreseen.
type foreseen uint8

const (
	foreseenFirst foreseen = iota // the session knows
	foreseenRun
	foreseenQueued
)

type foreseenKey struct {
	shard  *shard
	hash   uint64
	handle uint32 // of the value, if it is deep
	deep   bool   // the value is of a room that is Deep
}

// maxGlances is how many members of one value are foreseen together.
const maxGlances = 16

// A Glance is a member of a value that a command is about to look at. Score, not nil, is the
// text of the score that it gets, which may be none.
type Glance struct{ Member, Score []byte }

// A foreseer is an Object that can ask for the memory where members are, before commands
// look at them. It does not change.
type foreseer interface{ Foresee(glances []Glance) }

// A deepValue is an Object that fetches its parts. Each call begins to fetch what is known when
// what was asked for before has come, from stage 0 on, and reports whether there is more. It does
// not change.
type deepValue interface{ Fetch(stage int) (more bool) }

// maxStages bounds for how many parts of a value, one behind the other, its command waits beforehand.
const maxStages = 6

// Foresee notes the keys of a command that s will send soon, and reports whether there is room for
// those of another one like it.
func (e *Engine) Foresee(f *Foresight, s *Session, args [][]byte) (more bool) {
	before := f.n
	e.foresee(f, s, args)
	return f.n+(f.n-before) <= maxForeseen && f.n < maxForeseen
}

func (e *Engine) foresee(f *Foresight, s *Session, args [][]byte) {
	if f.course == foreseenQueued && len(args) > 1 {
		return // EXEC and DISCARD are one word
	}
	cmd := e.table.find(args[0])
	if cmd == nil || f.course != foreseenRun && f.queued(s, cmd) {
		return
	}
	first := f.n == 0
	switch kind, key := cmd.shapeFor(args); {
	case kind == shapeSingle:
		switch {
		case key >= len(args):
		case f.one != nil && string(f.one) == string(args[key]):
			f.look(cmd, args)
			return
		case e.note(f, s, cmd, args[key]) && first:
			f.one = args[key]
			f.look(cmd, args)
		}
	case cmd.shape == shapeSpan:
		k := &cmd.Keys[0]
		for at := k.Index; at < len(args); at += max(k.KeyStep, 1) {
			e.note(f, s, cmd, args[at])
		}
	default:
		if cmd.opensQueue {
			f.course = foreseenQueued
			return
		}
		if cmd.Scripts == noScripts && (kind != shapeMany || cmd.GetKeys != nil) {
			return
		}
		e.noteDeclared(f, s, cmd, args)
	}
	if !first {
		f.one = nil
	}
}

// queued reports whether the session will queue the command, or the command ends the queue.
func (f *Foresight) queued(s *Session, cmd *Command) bool {
	if f.course == foreseenFirst && !s.inMulti() {
		f.course = foreseenRun
		return false
	}
	f.course = foreseenQueued
	if cmd.atOnce && !cmd.opensQueue && !cmd.reads { // EXEC, DISCARD
		f.course = foreseenRun
	}
	return true
}

// fetchQueued asks for what the queue's commands will look at: their shards are locked.
func (c *Ctx) fetchQueued() {
	tx := c.s.tx
	list := tx.queue[:min(len(tx.queue), maxForeseen)]
	if len(list) < 2 || !c.e.ForesightPays() {
		return
	}
	same := true
	for i := range list {
		same = same && list[i].home != 0 && list[i].hash == list[0].hash
		if d := c.queuedDict(&list[i]); d != nil {
			d.FetchBucket(list[i].hash)
		}
	}
	deep := false
	for i := range list {
		d := c.queuedDict(&list[i])
		if d != nil && (!same || i == 0) {
			d.FetchEntry(list[i].hash)
		}
		deep = deep || d != nil && list[i].deep
	}
	if d := c.queuedDict(&list[0]); same && d != nil {
		c.fetchMembers(d)
	}
	for stage := 0; deep && stage < maxStages; stage++ {
		deep = c.fetchQueuedParts(list, stage)
	}
}

// fetchQueuedParts is fetchParts of the queue's values.
func (c *Ctx) fetchQueuedParts(list []queued, stage int) (more bool) {
	for i := range list {
		q := &list[i]
		if d := c.queuedDict(q); d != nil && q.deep {
			q.deep = fetchPart(d, q.hash, &q.handle, stage)
			more = more || q.deep
		}
	}
	return more
}

// fetchMembers asks for what the queue's commands will look at in the value of their key, which is
// one.
func (c *Ctx) fetchMembers(d *dict.Dict) {
	var f Foresight
	c.s.tx.each(func(q *queued, args [][]byte) {
		f.one = args[q.key]
		f.look(q.cmd, args)
	})
	if f.looks > 1 {
		foreseeIn(d, f.one, f.glances[:f.looks])
	}
}

// queuedDict is where the only key of a queued command is; nil: it has none or several, or there
// is nothing yet.
func (c *Ctx) queuedDict(q *queued) *dict.Dict {
	if q.home == 0 {
		return nil
	}
	return c.e.shards[q.home-1].dbs[c.s.db]
}

// noteDeclared notes the keys of a command that says with its arguments which they are.
func (e *Engine) noteDeclared(f *Foresight, s *Session, cmd *Command, args [][]byte) {
	for i := range cmd.Keys {
		from, last, step, ok := cmd.Keys[i].Bounds(args)
		if !ok {
			return // it will be refused
		}
		for at := from; at <= last; at += step {
			e.note(f, s, cmd, args[at])
		}
	}
}

// note asks for the bucket of a key of cmd's, and reports whether it has.
func (e *Engine) note(f *Foresight, s *Session, cmd *Command, key []byte) bool {
	if f.n == maxForeseen {
		return false
	}
	seen := foreseenKey{&e.shards[uint32(slots.Of(key))&e.mask], dict.Hash(e.seed, key), 0, cmd.deep}
	d := seen.shard.tryDict(s.db)
	if d == nil {
		return false
	}
	d.FetchBucket(seen.hash)
	seen.shard.mu.Unlock()
	f.keys[f.n] = seen
	f.n++
	f.deep = f.deep || cmd.deep
	return true
}

// look notes what a command looks at in the value of its key, which is the only one so far.
func (f *Foresight) look(cmd *Command, args [][]byte) {
	if cmd.Member == 0 || f.looks == maxGlances || len(args) <= cmd.Member {
		return
	}
	g := &f.glances[f.looks]
	g.Member, g.Score = args[cmd.Member], nil
	if cmd.Score != 0 && len(args) == cmd.Member+1 {
		g.Score = args[cmd.Score]
	}
	f.looks++
}

// Fetch asks for the entries of what was foreseen, and begins anew.
func (e *Engine) Fetch(f *Foresight, s *Session) {
	for i := range f.keys[:f.n] {
		key := &f.keys[i]
		if d := key.shard.tryDict(s.db); d != nil {
			d.FetchEntry(key.hash)
			if f.one != nil && f.looks > 1 {
				foreseeIn(d, f.one, f.glances[:f.looks])
			}
			key.shard.mu.Unlock()
		}
	}
	for stage := 0; f.deep && stage < maxStages; stage++ {
		f.deep = e.fetchParts(f, s, stage)
	}
	clear(f.glances[:f.looks])
	f.n, f.looks, f.one, f.deep, f.course = 0, 0, nil, false, foreseenFirst
}

// fetchParts asks for the next parts of the values that are deep, and reports whether there are more.
func (e *Engine) fetchParts(f *Foresight, s *Session, stage int) (more bool) {
	for i := range f.keys[:f.n] {
		key := &f.keys[i]
		if !key.deep {
			continue
		}
		d := key.shard.tryDict(s.db)
		if d == nil {
			continue
		}
		key.deep = fetchPart(d, key.hash, &key.handle, stage)
		key.shard.mu.Unlock()
		more = more || key.deep
	}
	return more
}

// fetchPart asks for the next part of a value, whose handle it says at first, and reports whether there
// are more.
func fetchPart(d *dict.Dict, hash uint64, handle *uint32, stage int) (more bool) {
	if stage == 0 {
		*handle, more = d.FetchHandle(hash)
		return more
	}
	o, ok := d.Held(*handle).(deepValue)
	return ok && o.Fetch(stage-1)
}

// foreseeIn tells the value at key what will be looked at.
func foreseeIn(d *dict.Dict, key []byte, glances []Glance) {
	if r := d.Find(key); r != 0 && d.Kind(r) == dict.Object {
		if o, ok := d.Value(r).Obj.(foreseer); ok {
			o.Foresee(glances)
		}
	}
}

// tryDict locks the shard and returns its dictionary of database db, or nil
// without a lock: it is locked, or there is none.
func (sh *shard) tryDict(db int) *dict.Dict {
	if !sh.mu.TryLock() {
		return nil
	}
	if d := sh.dbs[db]; d != nil {
		return d
	}
	sh.mu.Unlock()
	return nil
}
