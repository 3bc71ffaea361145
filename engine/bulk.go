package engine

import (
	"sync"
	"sync/atomic"

	"regent/engine/spec"
)

// A BulkApplier carries out the records of a log at a start, on all cores. One
// goroutine hands them over in order; a record whose keys are in one shard goes
// to the worker that owns the shard, everything else waits until the workers are
// done and is carried out by itself:
//
//	Apply ──SET a──► worker 0   shards 0, 2, 4 ...    in order
//	      ──SET b──► worker 1   shards 1, 3, 5 ...    in order
//	      ──MSET a b, EXEC, FLUSHALL──► drained: both idle, then here
//
// So every key sees its records in the order of the log, and a record that
// touches several shards stands behind all that were before it and ahead of all
// that follow: the keyspace is the one that an Applier makes. What is between
// two drains commutes, since a handler whose keys are in one shard touches
// nothing else.
//
// Nothing is answered while a log is loaded, so nobody can see how far apart the
// workers are. Memory is bounded: bulkQueue batches of about bulkBytes a worker.
type BulkApplier struct {
	e       *Engine
	alone   *Applier // what is carried out by itself
	workers []*bulkWorker
	busy    sync.WaitGroup // batches handed over
	n       int64          // records so far
	failed  atomic.Bool

	done, total atomic.Int64 // bytes of the log
	project     int64        // done at which to make room again
	room        *Reserve     // nil until it is worth it

	mu  sync.Mutex
	err *RecordError // of the earliest record that failed
}

// A RecordError says which record could not be carried out: Index of them were
// handed over before it.
type RecordError struct {
	Index int64
	Err   error
}

func (e *RecordError) Error() string { return e.Err.Error() }

// Unwrap is what is wrong with the record.
func (e *RecordError) Unwrap() error { return e.Err }

const (
	// bulkBytes and bulkRecords bound a batch: large enough that handing it over
	// costs nothing beside it, small enough to stay in a core's cache.
	bulkBytes   = 64 << 10
	bulkRecords = 512
	// bulkQueue is how many batches wait for a worker.
	bulkQueue = 4
	// bulkInline is how many records of an idle worker are carried out at a
	// drain without handing them over.
	bulkInline = 32
	// bulkLarge bounds the bytes of a record that is copied for a worker.
	bulkLarge = 256 << 10
	// maxBulkWorkers bounds the workers.
	maxBulkWorkers = 64
)

// A bulk is a batch of records for one worker.
type bulk struct {
	buf  []byte
	recs []bulkRecord
	ends []int // of the arguments in buf
}

type bulkRecord struct {
	cmd   *Command
	shard uint32
	db    int
	argc  int
	index int64
}

type bulkWorker struct {
	b           *BulkApplier
	a           *Applier
	in          chan *bulk
	free        chan *bulk
	open        *bulk
	outstanding atomic.Int32 // batches handed over and not done
	args        [][]byte
	done        chan struct{}
}

// NewBulkApplier returns an applier that begins in database 0. Close must
// follow.
func (e *Engine) NewBulkApplier(workers int) *BulkApplier {
	b := &BulkApplier{e: e, alone: e.NewApplier(), project: projectAt}
	for range min(max(workers, 1), maxBulkWorkers, len(e.shards)) {
		w := &bulkWorker{b: b, a: e.NewApplier(), in: make(chan *bulk, bulkQueue), free: make(chan *bulk, bulkQueue+1), open: &bulk{}, done: make(chan struct{})}
		b.workers = append(b.workers, w)
		go w.run()
	}
	return b
}

// Close ends the workers.
func (b *BulkApplier) Close() {
	for _, w := range b.workers {
		close(w.in)
		<-w.done
	}
	if b.room != nil {
		b.room.Release()
	}
}

// Apply takes the next record, whose keys are in database db unless it is inside
// a transaction. An error may be of a record before; Drain says which.
func (b *BulkApplier) Apply(db int, args [][]byte) error {
	if b.failed.Load() {
		return b.Drain()
	}
	index := b.n
	b.n++
	a := b.alone
	if !a.inMulti && len(args) > 0 {
		if a.s.db != db {
			a.s.db = db
		}
		if cmd, shard, ok := b.single(args); ok {
			w := b.workers[int(shard)%len(b.workers)]
			w.add(bulkRecord{cmd, shard, db, len(args), index}, args)
			return nil
		}
	}
	if !b.free(args) {
		if err := b.Drain(); err != nil {
			return err
		}
	}
	if err := a.Apply(args); err != nil {
		b.fail(index, err)
		return b.Drain()
	}
	return nil
}

// free reports whether a record needs no drain: it touches nothing but the
// session.
func (b *BulkApplier) free(args [][]byte) bool {
	if len(args) == 0 {
		return true
	}
	switch {
	case spec.EqualFold(args[0], "exec"):
		return false
	case b.alone.inMulti, spec.EqualFold(args[0], "multi"), spec.EqualFold(args[0], "select"):
		return true
	}
	return false
}

// single finds the command and the one shard that it touches.
func (b *BulkApplier) single(args [][]byte) (cmd *Command, shard uint32, ok bool) {
	cmd, known := b.e.table.Lookup(args)
	if cmd == nil || !known || cmd.Locks != lockKeys || !cmd.Fits(len(args)) || cmd.Wide != nil && cmd.Wide(args) {
		return nil, 0, false
	}
	size := 0
	for _, arg := range args {
		size += len(arg)
	}
	if size > bulkLarge {
		return nil, 0, false
	}
	if cmd.GetKeys == nil && len(cmd.Keys) == 1 {
		first, last, step, ok := cmd.Keys[0].Bounds(args)
		if !ok || first > last {
			return nil, 0, false
		}
		shard = b.e.shardIndex(args[first])
		for at := first + step; at <= last; at += step {
			if b.e.shardIndex(args[at]) != shard {
				return nil, 0, false
			}
		}
		return cmd, shard, true
	}
	keys, ok := cmd.KeyIndices(args)
	if !ok || len(keys) == 0 {
		return nil, 0, false
	}
	shard = b.e.shardIndex(args[keys[0]])
	for _, at := range keys[1:] {
		if b.e.shardIndex(args[at]) != shard {
			return nil, 0, false
		}
	}
	return cmd, shard, true
}

func (w *bulkWorker) add(r bulkRecord, args [][]byte) {
	o := w.open
	for _, arg := range args {
		o.buf = append(o.buf, arg...)
		o.ends = append(o.ends, len(o.buf))
	}
	o.recs = append(o.recs, r)
	if len(o.buf) >= bulkBytes || len(o.recs) == bulkRecords {
		w.send()
	}
}

// send hands the open batch over; it waits while the worker has enough to do.
func (w *bulkWorker) send() {
	w.b.makeRoom()
	w.outstanding.Add(1)
	w.b.busy.Add(1)
	w.in <- w.open
	select {
	case w.open = <-w.free:
	default:
		w.open = &bulk{}
	}
}

func (w *bulkWorker) run() {
	defer close(w.done)
	for o := range w.in {
		w.carryOut(o)
		if cap(o.buf) <= 2*bulkBytes {
			select {
			case w.free <- o:
			default:
			}
		}
		w.outstanding.Add(-1)
		w.b.busy.Done()
	}
}

// carryOut applies a batch and empties it. After a failure nothing counts any
// more, and batches are only emptied.
func (w *bulkWorker) carryOut(o *bulk) {
	defer func() { o.buf, o.recs, o.ends = o.buf[:0], o.recs[:0], o.ends[:0] }()
	now := w.b.e.host.Now()
	from, arg := 0, 0
	for i := range o.recs {
		r := &o.recs[i]
		w.args = w.args[:0]
		for range r.argc {
			end := o.ends[arg]
			w.args = append(w.args, o.buf[from:end:end])
			from, arg = end, arg+1
		}
		if w.b.failed.Load() && w.b.after(r.index) {
			return
		}
		if err := w.a.applyLocked(r, w.args, now); err != nil {
			w.b.fail(r.index, err)
			return
		}
	}
}

// applyLocked carries out a record of one shard.
func (a *Applier) applyLocked(r *bulkRecord, args [][]byte, now int64) error {
	c := a.s.context()
	a.s.db = r.db
	c.e, c.s, c.Cmd, c.Args, c.W = a.e, &a.s, r.cmd, args, &a.s.W
	c.Now, c.applying, c.strayed = now, true, false
	s := &a.e.shards[r.shard]
	s.mu.Lock()
	kind, _ := r.cmd.shapeFor(args)
	c.home, c.apart = r.shard+1, kind != shapeSingle
	c.Cmd.Do(c)
	c.home, c.apart = 0, false
	s.noteWritten(c)
	s.mu.Unlock()
	return a.outcome(c)
}

// Drain returns when everything that was handed over is carried out, with the
// *RecordError of the earliest record that could not be.
func (b *BulkApplier) Drain() error {
	for _, w := range b.workers {
		switch n := len(w.open.recs); {
		case n == 0:
		case n <= bulkInline && w.outstanding.Load() == 0:
			w.carryOut(w.open)
		default:
			w.send()
		}
	}
	b.busy.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return nil
	}
	return b.err
}

func (b *BulkApplier) fail(index int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil || index < b.err.Index {
		b.err = &RecordError{index, err}
	}
	b.failed.Store(true)
}

// after reports whether a record comes after the one that failed.
func (b *BulkApplier) after(index int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err != nil && index > b.err.Index
}

// projectAt is after how many bytes of a log it is first guessed how many keys
// all of it makes.
const projectAt = 4 << 20

// Progress notes how far the load is; calls may come from any goroutine.
func (b *BulkApplier) Progress(done, total int64) {
	b.total.Store(total)
	b.done.Store(done)
}

// makeRoom makes room for as many keys as there will be if the log goes on as it
// began: tables that grow step by step move each entry again and again.
func (b *BulkApplier) makeRoom() {
	done, total := b.done.Load(), b.total.Load()
	if done < b.project || total <= done {
		return
	}
	b.project = 2 * done
	if b.room == nil {
		b.room = b.e.NewReserve(total)
	}
	for db := range b.e.databases() {
		if keys, expires := b.e.countLocked(db); keys > 0 {
			f := float64(total) / float64(done)
			b.room.Resize(db, uint64(float64(keys)*f), uint64(float64(expires)*f))
		}
	}
}

// countLocked counts the keys of a database, locking shard by shard.
func (e *Engine) countLocked(db int) (keys, expires int) {
	for i := range e.shards {
		s := &e.shards[i]
		s.mu.Lock()
		if d := s.dbs[db]; d != nil {
			keys += d.Len()
			expires += d.Expires()
		}
		s.mu.Unlock()
	}
	return keys, expires
}
