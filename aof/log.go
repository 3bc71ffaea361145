package aof

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"

	"regent/aof/disk"
	"regent/engine"
)

// Options for Open.
type Options struct {
	Dir  string // of the log alone: appendonlydir
	Name string // what its files' names begin with: appendonly.aof
	Host engine.Host
	// Fsync is the policy of this moment: config.FsyncAlways and its kind.
	Fsync func() int64
	// LoadTruncated says whether a torn tail is cut, or refuses the start.
	LoadTruncated func() bool
	// Moved is called after each write and fsync that moved End or Durable,
	// without locks; it must not block.
	Moved func()
	// Failed is called when the log cannot be written any more; Recovered when
	// a rewrite has made it whole again.
	Failed    func(error)
	Recovered func()
	// NoSpace is called when the disk is about to be full, or is: what was
	// appended is safe in memory, and nothing more should be. SpaceBack is
	// called when there is space again. Neither may block.
	NoSpace   func(error)
	SpaceBack func()
	// LoadBase carries out a base file that does not consist of commands: RDB.
	// Without it such a base is refused.
	LoadBase func(b *Base) error
	// Alone reports that no other node can come back for what is before the base: it is not
	// kept then, unless something has read the stream. nil: one can.
	Alone func() bool
	// Disk is the file system; nil is the operating system's.
	Disk disk.FS
	// History is how much of the stream before the base is kept for followers, in bytes; 0:
	// HistoryBytes.
	History int64
}

// A Log is one node's log on disk. Its methods may be called from any
// goroutine once Load has returned.
//
// Locks, in the order in which they are taken:
//
//	filesMu                   the manifest is being changed
//	turn (a state under mu)   the right to write to the last file and to begin another
//	syncMu                    an fsync is under way
//	shape                     which files there are, and what readers may see; it changes with the turn or
//	                          filesMu held too, and nobody waits for the disk with it
//	tail                      the end of the last file and of the backlog
//	mu                        the pending writes in memory
type Log struct {
	o    Options
	fs   disk.FS
	lock io.Closer

	filesMu disk.Gate

	mu      sync.Mutex
	pending pending
	turns   turns
	pace    pace
	loaded  bool
	closed  bool // no more writing
	held    *held
	// recovering: the log has failed, and a rewrite begins anew.
	recovering bool
	rewriting  *rewrite

	// noReserve: nothing can be allocated ahead here. It belongs to the turn.
	noReserve bool
	health    health

	// written and synced are stream offsets: handed to the operating system,
	// and on the disk. durable is what Durable reports.
	written, synced, durable atomic.Int64
	failure                  atomic.Pointer[error]

	shape        sync.RWMutex
	manifest     *manifest
	fresh        bool       // no start would load it: see OpenAnew
	segments     []*segment // all that hold stream bytes, oldest first; the last is written to
	before       []*source  // what is loaded first
	baseAt       int64      // and then the segments from this offset on; those before are history
	readers      map[*reader]struct{}
	followed     bool // there was one
	reserved     reservations
	historyBytes int64 // Options.History
	mostReserved int64 // ReservedBytes
	// baseOffset mirrors baseAt for callers that hold no lock; baseSeq is the
	// highest number that a base was given.
	baseOffset, baseSeq atomic.Int64
	unused              *entry // listed last, begun behind what Redis wrote, and empty
	torn                *entry // listed last, but a power loss took its head
	gone                bool   // the files are closed

	tail     sync.Mutex
	backlog  backlog
	history  []engine.EpochStart // of what is written
	last     *segment            // the last of segments
	unlisted bool                // the manifest that lists it is not durable yet

	syncMu   disk.Gate
	syncWake chan struct{} // capacity 1
	syncStop chan struct{} // closed by Close
	syncDone chan struct{} // closed when the syncing goroutine has ended
	syncTick atomic.Bool   // a timer for everysec runs
	// syncers are the goroutines that are about to sync what is written now.
	syncers atomic.Int32
	// unsettled: SealSoon was asked for something that Settle has not seen to.
	unsettled atomic.Bool
	// lending: something lent may be pending.
	lending atomic.Bool

	notifyMu sync.Mutex
	notify   chan struct{} // nil: nobody asked

	stats stats
}

// lockName is the file that keeps two servers from one directory.
const lockName = "lock"

// Open takes the directory, making it if it is missing, and reads its
// manifest. Load must follow.
func Open(o Options) (_ *Log, err error) {
	l := &Log{
		o: o, fs: o.Disk, readers: map[*reader]struct{}{}, historyBytes: cmp.Or(o.History, HistoryBytes), mostReserved: ReservedBytes,
		filesMu: disk.NewGate(), syncMu: disk.NewGate(),
		syncWake: make(chan struct{}, 1), syncStop: make(chan struct{}),
	}
	if l.fs == nil {
		l.fs = disk.OS{}
	}
	if err := l.fs.MkdirAll(o.Dir); err != nil {
		return nil, err
	}
	l.lock, err = l.fs.Lock(filepath.Join(o.Dir, lockName))
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%s is in use by another server", o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", o.Dir, err)
	}
	if err := l.openFiles(); err != nil {
		l.closeFiles()
		return nil, errors.Join(err, l.lock.Close())
	}
	return l, nil
}

// Recorder is the log as the engine sees it.
func (l *Log) Recorder() engine.Log { return recorder{l} }

// Stream is the log as the cluster sees it.
func (l *Log) Stream() engine.Stream { return stream{l} }

// Durable is the offset up to which the log is durable as the policy asks:
// fsynced with always, written otherwise.
func (l *Log) Durable() int64 { return l.durable.Load() }

// Close writes and syncs what there is and lets go of the directory.
func (l *Log) Close() error {
	err := l.stopWriting()
	l.closeFiles()
	return errors.Join(err, l.lock.Close())
}

func (l *Log) stopWriting() error {
	l.mu.Lock()
	if !l.loaded || l.closed {
		l.mu.Unlock()
		return nil
	}
	l.takeTurn()
	l.closed = true
	if l.rewriting != nil && l.rewriting.err == nil {
		l.rewriting.err = errClosed
	}
	err := l.writePending()
	l.mu.Unlock()
	l.endTurn()
	if err == nil {
		err = l.syncOnce()
	}
	if err == nil {
		err = l.release(l.active())
	}
	close(l.syncStop)
	<-l.syncDone
	return err
}

func (l *Log) closeFiles() {
	l.filesMu.Lock()
	defer l.filesMu.Unlock()
	l.shape.Lock()
	defer l.shape.Unlock()
	for _, s := range l.segments {
		_ = s.file.Close()
	}
	for _, f := range l.before {
		_ = f.file.Close()
	}
	l.gone, l.segments, l.before = true, nil, nil
}

// err is the failure that ended writing, nil while there was none.
func (l *Log) err() error {
	if p := l.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail ends writing; the next tell says so. After an error nobody knows what the disk holds,
// and after a failed fsync the system may have dropped the very pages that
// another try would claim to be safe.
func (l *Log) fail(err error) {
	if l.failure.CompareAndSwap(nil, &err) {
		l.broadcast()
	}
}

// moved tells everybody that written, synced or durable has moved.
func (l *Log) moved() {
	l.broadcast()
	if l.o.Moved != nil {
		l.o.Moved()
	}
}

// notified is closed at the next broadcast.
func (l *Log) notified() <-chan struct{} {
	l.notifyMu.Lock()
	defer l.notifyMu.Unlock()
	if l.notify == nil {
		l.notify = make(chan struct{})
	}
	return l.notify
}

func (l *Log) broadcast() {
	l.notifyMu.Lock()
	ch := l.notify
	l.notify = nil
	l.notifyMu.Unlock()
	if ch != nil {
		close(ch)
	}
}

// active is the file that is written to. It changes with the turn and syncMu
// held.
func (l *Log) active() *segment {
	l.tail.Lock()
	defer l.tail.Unlock()
	return l.last
}
