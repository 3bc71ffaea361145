package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"regent/engine/dict"
	"regent/engine/rdb"
)

// Snapshots without fork: the keyspace as it was at one moment, the cut, given
// out while commands go on.
//
//	cut     every shard locked, marks only: BeginSnapshot of each dictionary
//	walk    shard by shard, a few buckets under one lock, copied into a batch
//	copy    a command that is about to change or delete an entry which the walk
//	        has not reached copies it first, into its shard's batch (dict.touch):
//	        the entry is copied on write
//	emit    batches go to the caller with no lock held: copies first, then the
//	        walk, which goes on at the shard that has copied
//
// Each entry comes once, by the walk or as a copy on write: the stamps of the dict
// see to that. A database that is emptied is not copied: its dictionaries leave the
// keyspace as they are (retire) and belong to the walk, which has them released when
// it has seen them. SWAPDB moves dictionaries; what came out of one belongs to the
// database it had at the cut.
//
// Values above pinAbove are not copied but pinned (dict.Pin). Objects are cloned,
// which shares what is large (Object.Clone): what changes meanwhile is copied by
// the command that changes it.
//
// # What it costs
//
// A lock is held for about batchBytes of entries. What was copied on write waits in
// memory for emit to take it, each entry once with entryHead bytes and a pinned value's
// own memory on top, as fork's would be, but by entries and not by pages. It stays
// small because emit gets the copies before the walk goes on: in memory are then what
// one shard after the other gathers up to a batch, and what comes in during one emit.
// Nothing stops a writer from changing faster than emit takes, since a handler must not
// wait. So there is a bound (MaxCopied), and it is the handler that keeps it: the one that
// would exceed it gives the snapshot up and lets its shard's copies go, while emit may be
// stuck in a write to a disk that stalls. SnapshotUse tells. An emit that depends on
// another machine's pace is told before that, by SnapshotTurn.Hurry, to go on by itself.

// Limits of a snapshot.
const (
	// batchBytes is how many bytes of entries are copied under one lock, and
	// given to emit at once. The last entry of a batch may go beyond.
	batchBytes = 32 << 10
	// stepBuckets is how many buckets, which may be empty, are looked into
	// under one lock.
	stepBuckets = 128
	// pinAbove is from which length on a value is pinned, in bytes.
	pinAbove = 64 << 10
	// leastCopied is the bound of the copies of small data, in bytes.
	leastCopied = 256 << 20
	// keptBatches is how many empty batches are kept to be filled again.
	keptBatches = 32
)

// A SnapshotInfo is what is known at the cut.
type SnapshotInfo struct {
	// Offset is the end of the log. A follower's keyspace is behind that: its
	// owner knows where.
	Offset  int64
	Keys    []int64 // by database
	Expires []int64 // those of them that expire
	Bytes   int64   // that the data takes
	// Libraries are the sources of the libraries of functions.
	Libraries [][]byte
	// Aux is what stands beside the keys: names and texts, for Engine.LoadAux.
	Aux [][2]string
	// Beside is the same as commands.
	Beside []byte
}

// SnapshotOptions say how a snapshot is taken.
type SnapshotOptions struct {
	// Still, if given, makes the cut while something else stands still: it
	// calls cut once.
	Still func(cut func())
	// Cut, if given, is called at the cut with every shard locked: it does no
	// I/O, and its error ends the snapshot before it has begun.
	Cut func(*SnapshotInfo) error
	// MaxCopied ends the snapshot when more bytes than that, up to a batch, were copied on
	// write and were not taken yet: emit is too slow. 0: half of what the data takes at the
	// cut, leastCopied at least.
	MaxCopied int64
	// Turn, if given, is one that the caller holds: it passes as soon as all entries were
	// given out.
	Turn *SnapshotTurn
}

// errMaxCopied says that a snapshot was given up for MaxCopied.
var errMaxCopied = errors.New("the data changes faster than its copy is taken")

// snapshots is the engine's part in snapshots: one is taken at a time. Those that want one
// get their turn in the order in which they asked.
//
// How long a turn takes is up to emit. A file on this machine's disk takes what it takes;
// a connection takes as long as its reader likes, and nothing else is to wait for
// that: neither a rewrite, without which the log grows, nor a copy for another follower. So
// a turn says when it is to end soon (Hurry), and what sends to a connection puts the rest
// of its snapshot aside then (delivery.Spool).
type snapshots struct {
	token chan struct{} // held by whose turn it is
	run   atomic.Pointer[snapshotRun]
	last  atomic.Int64 // the most that the last one has held, in bytes

	mu      sync.Mutex
	waiting int           // that want a turn
	now     *SnapshotTurn // nil: nobody's
}

func newSnapshots() *snapshots { return &snapshots{token: make(chan struct{}, 1)} }

// A SnapshotTurn is the right to take the next snapshot.
type SnapshotTurn struct {
	of     *snapshots
	hurry  chan struct{}
	once   sync.Once
	passed sync.Once
}

// SnapshotTurn waits until no other snapshot is under way, or until the end of ctx. What
// it returns has to be passed on: by Pass, or by a snapshot that is given it.
func (e *Engine) SnapshotTurn(ctx context.Context) (*SnapshotTurn, error) {
	s := e.snaps
	s.ask(1)
	select {
	case s.token <- struct{}{}:
		return s.begin(), nil
	case <-ctx.Done():
		s.ask(-1)
		return nil, ctx.Err()
	}
}

// ask counts those that wait. One more of them hurries the turn that is under way.
func (s *snapshots) ask(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += n
	if n > 0 && s.now != nil {
		s.now.press()
	}
}

// begin is the turn of one that has waited and holds the token.
func (s *snapshots) begin() *SnapshotTurn {
	t := &SnapshotTurn{of: s, hurry: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t
	if s.waiting--; s.waiting > 0 {
		t.press()
	}
	return t
}

// press says that the turn is to end soon.
func (t *SnapshotTurn) press() { t.once.Do(func() { close(t.hurry) }) }

// Hurry is closed when the turn is to end soon: another one waits for it, or what writers
// change meanwhile has taken half of the memory that it may take.
func (t *SnapshotTurn) Hurry() <-chan struct{} { return t.hurry }

// Pass ends the turn. Only the first call does anything.
func (t *SnapshotTurn) Pass() {
	t.passed.Do(func() {
		t.of.mu.Lock()
		t.of.now = nil
		t.of.mu.Unlock()
		<-t.of.token
	})
}

// A snapshotRun is one snapshot under way.
type snapshotRun struct {
	e      *Engine
	turn   *SnapshotTurn
	emit   func(*SnapshotBatch) error
	use    rdb.UseKind // what is told of how much a key was used
	now    int64       // wall ms of the cut
	parts  []shardPart
	ready  atomic.Int32 // parts that have a batch of copies to give out
	memory atomic.Int64 // bytes that wait, with retired dictionaries
	peak   atomic.Int64
	most   int64       // see MaxCopied
	lost   atomic.Bool // given up for it: nothing is copied any more
	free   chan *SnapshotBatch
	views  [dict.Forms]Small // of what emit is shown

	retired atomic.Int64 // bytes of retired dictionaries
	keys    int64        // of all databases
	done    atomic.Int64 // of them given out
}

// A shardPart is a snapshot's part in one shard, under the shard's lock.
type shardPart struct {
	dicts  []*dictPart      // those the walk is not through with
	copied *SnapshotBatch   // on write, the batch that is being filled
	full   []*SnapshotBatch // copied on write and not given out yet
	ready  atomic.Bool      // full is not empty
}

// A dictPart is one dictionary of a snapshot.
type dictPart struct {
	db      int // at the cut
	d       *dict.Dict
	cursor  uint64
	retired int64 // bytes of a dictionary that has left the keyspace, 0: it has not
}

// Snapshot gives out all entries as they are at one moment, in batches that are
// valid until emit returns. It waits for its turn if another one is under way.
// emit is called with no lock held and may take its time. An error of it, or the
// end of ctx, ends the snapshot.
func (e *Engine) Snapshot(ctx context.Context, o SnapshotOptions, emit func(*SnapshotBatch) error) (err error) {
	if o.Turn == nil {
		if o.Turn, err = e.SnapshotTurn(ctx); err != nil {
			return err
		}
	}
	defer o.Turn.Pass()
	r := &snapshotRun{e: e, turn: o.Turn, emit: emit, most: o.MaxCopied, parts: make([]shardPart, len(e.shards)), free: make(chan *SnapshotBatch, keptBatches)}
	still := o.Still
	if still == nil {
		still = func(cut func()) { cut() }
	}
	err = errors.New("the snapshot was not cut")
	still(func() { e.Freeze(func() { err = r.begin(o.Cut) }) })
	if err != nil {
		return err
	}
	defer func() {
		r.end()
		e.snaps.run.Store(nil)
		e.snaps.last.Store(r.peak.Load())
	}()
	return r.walk(ctx)
}

// snapshotProgress is how many of its keys the snapshot under way has given out;
// zeros without one.
func (e *Engine) snapshotProgress() (done, all int64) {
	if r := e.snaps.run.Load(); r != nil {
		return r.done.Load(), r.keys
	}
	return 0, 0
}

// SnapshotUse is the memory that the snapshot under way holds now and has held
// at most, in bytes; without one, what the last has held at most.
func (e *Engine) SnapshotUse() (now, peak int64) {
	if r := e.snaps.run.Load(); r != nil {
		return r.memory.Load(), r.peak.Load()
	}
	return 0, e.snaps.last.Load()
}

// begin is the cut; the caller holds Freeze.
func (r *snapshotRun) begin(cut func(*SnapshotInfo) error) error {
	e := r.e
	info := &SnapshotInfo{Offset: e.logEnd(), Bytes: e.usedMemory(), Libraries: e.codes(), Aux: e.aux(), Beside: e.beside()}
	for db := range e.databases() {
		n := e.dbSize(db)
		r.keys += n
		info.Keys = append(info.Keys, n)
		info.Expires = append(info.Expires, e.expiresIn(db))
	}
	if cut != nil {
		if err := cut(info); err != nil {
			return err
		}
	}
	r.use, r.now = e.useKind(), e.host.Now()
	if r.most == 0 {
		r.most = max(info.Bytes/2, leastCopied)
	}
	for i := range e.shards {
		p := &r.parts[i]
		for db, d := range e.shards[i].dbs {
			if d == nil || d.Len() == 0 {
				continue
			}
			d.BeginSnapshot(func(ref dict.Ref) { r.preserve(p, db, d, ref) })
			p.dicts = append(p.dicts, &dictPart{db: db, d: d})
		}
	}
	e.snaps.run.Store(r)
	return nil
}

// preserve copies an entry that is about to change, in the handler that changes
// it.
func (r *snapshotRun) preserve(p *shardPart, db int, d *dict.Dict, ref dict.Ref) {
	if r.lost.Load() || r.memory.Load()-r.retired.Load() > r.most {
		r.lost.Store(true)
		p.drop(r)
		return
	}
	if p.copied == nil {
		p.copied = r.batch()
	}
	r.hold(p.copied.add(r, db, d, ref))
	if len(p.copied.buf) < batchBytes && len(p.copied.held) < maxHeld {
		return
	}
	p.full, p.copied = append(p.full, p.copied), nil
	if !p.ready.Swap(true) {
		r.ready.Add(1)
	}
}

// hold counts memory that waits.
func (r *snapshotRun) hold(n int64) {
	if now := r.memory.Add(n); now > r.peak.Load() {
		r.peak.Store(now) // as good as exact: it is only shown
	}
	if n > 0 && r.memory.Load() > r.most/2 {
		r.turn.press()
	}
}

// walk gives out everything.
func (r *snapshotRun) walk(ctx context.Context) error {
	for at := range r.parts {
		for done := false; !done; {
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.lost.Load() {
				return errMaxCopied
			}
			turn := r.nextReady(at)
			out, over := r.step(turn)
			if err := r.give(turn, out); err != nil {
				return err
			}
			if r.lost.Load() {
				return errMaxCopied // it may be the last turn
			}
			done = over && turn == at
			runtime.Gosched() // clients wait for a processor, too
		}
	}
	return nil
}

// nextReady is a shard that has a batch of copies to give out, or else the given one.
func (r *snapshotRun) nextReady(at int) int {
	if r.ready.Load() == 0 {
		return at
	}
	for i := range r.parts {
		if j := (at + i) % len(r.parts); r.parts[j].ready.Load() {
			return j
		}
	}
	return at
}

// step takes what a shard has copied on write and walks on in it; over says that
// nothing is left there.
func (r *snapshotRun) step(at int) (out []*SnapshotBatch, over bool) {
	s, p := &r.e.shards[at], &r.parts[at]
	s.mu.Lock()
	defer s.mu.Unlock()
	out, p.full = p.full, nil
	if p.ready.Swap(false) {
		r.ready.Add(-1)
	}
	if len(p.dicts) > 0 {
		b := r.batch()
		p.advance(r, b)
		r.hold(b.weight)
		out = append(out, b)
	}
	if over = len(p.dicts) == 0; over && p.copied != nil {
		out, p.copied = append(out, p.copied), nil
	}
	return out, over
}

// advance fills a batch, and drops what it is through with.
func (p *shardPart) advance(r *snapshotRun, b *SnapshotBatch) {
	for buckets := stepBuckets; buckets > 0 && len(b.buf) < batchBytes && len(b.held) < maxHeld; buckets-- {
		dp := p.dicts[0]
		dp.cursor = dp.d.SnapshotStep(dp.cursor, 1, func(ref dict.Ref) { b.add(r, dp.db, dp.d, ref) })
		if dp.cursor != 0 {
			continue
		}
		dp.end(r, true)
		if p.dicts = p.dicts[1:]; len(p.dicts) == 0 {
			return
		}
	}
}

// end ends a dictionary's part.
func (dp *dictPart) end(r *snapshotRun, complete bool) {
	dp.d.EndSnapshot(complete)
	if dp.retired > 0 {
		r.hold(-dp.retired)
		r.retired.Add(-dp.retired)
		dp.d.Part()
		r.e.release(dp.d)
	}
}

// give hands batches of shard at over, as far as there is no error, and takes
// them back.
func (r *snapshotRun) give(at int, out []*SnapshotBatch) (err error) {
	for _, b := range out {
		if b.n > 0 && err == nil {
			err = r.emit(b)
			r.done.Add(int64(b.n))
		}
		r.hold(-b.weight)
		r.recycle(at, b)
	}
	return err
}

// recycle empties a batch of shard at for another use.
func (r *snapshotRun) recycle(at int, b *SnapshotBatch) {
	if len(b.held) > 0 {
		s := &r.e.shards[at]
		s.mu.Lock()
		b.unpin()
		s.mu.Unlock()
	}
	if cap(b.buf) > 4*batchBytes {
		return
	}
	b.reset()
	select {
	case r.free <- b:
	default:
	}
}

func (r *snapshotRun) batch() *SnapshotBatch {
	select {
	case b := <-r.free:
		return b
	default:
		return &SnapshotBatch{buf: make([]byte, 0, batchBytes+batchBytes/8)}
	}
}

// end lets go of what a snapshot that was given up still holds.
func (r *snapshotRun) end() {
	for i := range r.parts {
		s, p := &r.e.shards[i], &r.parts[i]
		s.mu.Lock()
		for _, dp := range p.dicts {
			dp.end(r, false)
		}
		p.drop(r)
		p.dicts = nil
		s.mu.Unlock()
	}
}

// drop lets go of what a shard has copied on write. The shard is locked.
func (p *shardPart) drop(r *snapshotRun) {
	if p.copied != nil {
		p.full = append(p.full, p.copied)
	}
	for _, b := range p.full {
		r.hold(-b.weight)
		b.unpin()
	}
	p.full, p.copied = nil, nil
}

// retire reports whether a dictionary that has left the keyspace is to be released, which
// needs no lock then. It is not where the snapshot has not seen all of it: that releases it. The shard is locked.
func (e *Engine) retire(shard int, d *dict.Dict) bool {
	if !d.Snapshotting() {
		d.Part()
		return true
	}
	r := e.snaps.run.Load()
	for _, dp := range r.parts[shard].dicts {
		if dp.d == d {
			dp.retired = d.Bytes()
			r.hold(dp.retired)
			r.retired.Add(dp.retired)
			return false
		}
	}
	panic("engine: a dictionary in a snapshot that does not know it")
}
