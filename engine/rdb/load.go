package rdb

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

const (
	// batchBytes is about how much of a file is decoded at a time. It fits a
	// core's cache with what is made of it, which is a multiple where values are
	// compressed.
	batchBytes = 96 << 10
	// maxWorkers bounds the goroutines of one load.
	maxWorkers = 64
	// jobsAhead is how many jobs for each worker the walk is ahead: a worker that had to
	// wait for the next would sleep, and waking it takes longer than the job.
	jobsAhead = 4
)

// Options say how a file is read.
type Options struct {
	// Workers is how many goroutines decode and call back; up to 1 the
	// caller's own does it all.
	Workers int
	// Codecs are for the types beyond strings; nil: there are none.
	Codecs *Registry
	// Library is called with the code of each library of functions, in their order and
	// from one goroutine, which may be beside calls of f. The slice is valid until it
	// returns. An error ends the load. nil: libraries are as values without a codec.
	Library func(code []byte) error
	// SkipUnknown passes over values without a codec, functions without Library and
	// modules' data, and counts them, where they would be an error.
	SkipUnknown bool
	// Unchecked says that checksums are not looked at: rdbchecksum no.
	Unchecked bool
	// Whole says that nothing may follow the file's end.
	Whole bool
	// Resize is told the sizes of a database, as a hint to make room, and for
	// the first one before any key arrives. They may be a lie. It may be called
	// from any goroutine, at any time, and more than once for a database.
	Resize func(db int, keys, expires uint64)
	// Progress is told after each batch how many bytes are done; calls may
	// overlap, and overtake each other.
	Progress func(bytes int64)
}

// A Summary is what a file was found to hold.
type Summary struct {
	Version   int
	Aux       Aux            // in their order, as far as they fit their limits
	Bytes     int64          // length of the file, the checksum included
	Checked   bool           // it had a checksum, and that was right
	Keys      int64          // keys delivered
	Expires   int64          // of which with an expiry
	Skipped   map[string]int // values passed over, by type; not among Keys
	Libraries int            // of functions, given to Library
	Sections  int            // read by an index: how many; 0: read in order
	// Databases counts the keys of each, delivered or passed over, for as many
	// as maxCounted.
	Databases map[int]Count
}

// A Count is how many keys there are, and how many of them have an expiry.
type Count struct{ Keys, Expires int64 }

// maxCounted bounds the databases of one file that are counted one by one.
const maxCounted = 4096

// A census counts keys by database.
type census map[int]Count

func (c census) add(db int, n Count) {
	old, there := c[db]
	if !there && len(c) >= maxCounted {
		return
	}
	c[db] = Count{old.Keys + n.Keys, old.Expires + n.Expires}
}

// A passed is what a walker passed over.
type passed struct {
	kinds map[string]int // by Type.String and the like
	keys  census
}

// A Batch is some of a file's keys. It is valid until the callback returns.
type Batch struct {
	Entries []Entry
	Offset  int64 // in the file, of the first of them
}

// errStopped ends the walk when a worker has failed; loader.err says why.
var errStopped = errors.New("stopped")

// Load reads a file from its beginning and calls f with its keys, batch by
// batch, from up to o.Workers goroutines at once and in no order. An error of
// f ends the load and is returned. See the package for what other errors there
// are; with an error the summary says what was found up to then. When Load
// returns, no goroutine of it is left.
func Load(r io.Reader, o Options, f func(*Batch) error) (*Summary, error) {
	l := newLoader(o, f)
	s := newScanner(l, r)
	l.start()
	err := s.scan()
	return l.finish(&s.walker, err)
}

// A loader is what the goroutines of one load share.
type loader struct {
	o     Options
	f     func(*Batch) error
	jobs  chan job // nil: the scanner's goroutine works itself
	free  chan []byte
	wg    sync.WaitGroup
	done  atomic.Int64
	stop  chan struct{} // closed at the first error of a worker
	alone *worker

	libMu sync.Mutex // around Library, and sum.Libraries

	mu       sync.Mutex
	err      error
	errAt    int64 // offset of the batch that failed with err
	sum      Summary
	auxBytes int
}

// A job is a piece of the file that begins and ends between items.
type job struct {
	buf  []byte
	base int64 // offset in the file of buf[0]
	db   int   // database selected there
	lo   int   // before it stands the rest of a value that was passed over
	hi   int   // from it on, the beginning of one
}

func newLoader(o Options, f func(*Batch) error) *loader {
	o.Workers = min(o.Workers, maxWorkers)
	return &loader{
		o: o, f: f, stop: make(chan struct{}), free: make(chan []byte, (1+jobsAhead)*max(o.Workers, 1)+1),
		sum: Summary{Skipped: map[string]int{}, Databases: census{}},
	}
}

// start begins the workers of a load in order.
func (l *loader) start() {
	if l.o.Workers <= 1 {
		l.alone = newWorker(l)
		return
	}
	l.jobs = make(chan job, jobsAhead*l.o.Workers)
	for range l.o.Workers {
		l.wg.Go(func() {
			w := newWorker(l)
			defer w.end()
			for j := range l.jobs {
				if err := w.run(j, nil); err != nil {
					l.fail(err, j.base)
					return
				}
				l.give(j.buf)
			}
		})
	}
}

// work hands a job to a worker.
func (l *loader) work(j job) error {
	if l.alone != nil {
		defer l.give(j.buf)
		if err := l.alone.run(j, nil); err != nil {
			l.fail(err, j.base)
			return errStopped
		}
		return nil
	}
	select {
	case l.jobs <- j:
		return nil
	case <-l.stop:
		return errStopped
	}
}

// give takes back a buffer for the scanner to use again.
func (l *loader) give(buf []byte) {
	if cap(buf) != batchBytes {
		return // made for one large key
	}
	select {
	case l.free <- buf:
	default:
	}
}

// buffer returns an empty buffer with room for n bytes at least.
func (l *loader) buffer(n int) []byte {
	if n > batchBytes {
		return make([]byte, 0, n)
	}
	select {
	case buf := <-l.free:
		return buf[:0]
	default:
		return make([]byte, 0, batchBytes)
	}
}

// fail keeps the error that belongs to the earliest place of the file.
func (l *loader) fail(err error, at int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		close(l.stop)
	}
	if l.err == nil || at < l.errAt {
		l.err, l.errAt = err, at
	}
}

// finish waits for the workers. err is what ended the walk, in which walked
// also counted what was passed over: the workers meet it again.
func (l *loader) finish(walked *walker, err error) (*Summary, error) {
	if l.jobs != nil {
		close(l.jobs)
	}
	l.wg.Wait()
	if l.alone != nil {
		l.alone.end()
	}
	l.count(walked)
	if l.err != nil {
		err = l.err // of an earlier place than where the walk was
	}
	return &l.sum, err
}

func (l *loader) aux(f AuxField) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.auxBytes += len(f.Key) + len(f.Value)
	if len(l.sum.Aux) < maxAuxKept && l.auxBytes <= maxAuxBytes {
		l.sum.Aux = append(l.sum.Aux, f)
	}
}

func (l *loader) resize(db int, keys, expires uint64) {
	if l.o.Resize != nil {
		l.o.Resize(db, keys, expires)
	}
}

func (l *loader) library(code []byte) error {
	l.libMu.Lock()
	defer l.libMu.Unlock()
	l.sum.Libraries++
	if err := l.o.Library(code); err != nil {
		return &LibraryError{err}
	}
	return nil
}

func (l *loader) walker() walker {
	w := walker{codecs: l.o.Codecs, libraries: l.o.Library != nil}
	if l.o.SkipUnknown {
		w.passed = &passed{map[string]int{}, census{}}
	}
	return w
}

// count adds what a walker passed over to the summary.
func (l *loader) count(w *walker) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.passed == nil {
		return
	}
	for kind, n := range w.passed.kinds {
		l.sum.Skipped[kind] += n
	}
	for db, n := range w.passed.keys {
		census(l.sum.Databases).add(db, n)
	}
}

// A worker decodes batches.
type worker struct {
	l    *loader
	w    walker
	list []Entry
	sum  Count
	keys census
}

func newWorker(l *loader) *worker { return &worker{l: l, w: l.walker(), keys: census{}} }

// run decodes a job and delivers its keys. h is told of what is no key.
func (w *worker) run(j job, h hooks) error {
	w.w.cursor = cursor{buf: j.buf[:j.hi], i: j.lo, base: j.base}
	w.w.db = j.db
	w.w.reset()
	var err error
	if w.list, err = w.w.entries(w.list[:0], h); err != nil {
		return err
	}
	if len(w.list) > 0 {
		b := Batch{Entries: w.list, Offset: w.list[0].Offset}
		if err := w.l.f(&b); err != nil {
			return err
		}
	}
	w.tally()
	if done := w.l.done.Add(int64(len(j.buf))); w.l.o.Progress != nil {
		w.l.o.Progress(done)
	}
	return nil
}

// tally counts a batch that was delivered; most are of one database.
func (w *worker) tally() {
	var n Count
	for i := range w.list {
		n.Keys++
		if w.list[i].Expire != 0 {
			n.Expires++
		}
		if i == len(w.list)-1 || w.list[i+1].DB != w.list[i].DB {
			w.sum.Keys += n.Keys
			w.sum.Expires += n.Expires
			w.keys.add(w.list[i].DB, n)
			n = Count{}
		}
	}
}

// end adds what the worker did to the summary.
func (w *worker) end() {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	w.l.sum.Keys += w.sum.Keys
	w.l.sum.Expires += w.sum.Expires
	for db, n := range w.keys {
		census(w.l.sum.Databases).add(db, n)
	}
}
