// Package backlog is a log in memory alone: what redis-server's replicas and tools follow at a node
// that keeps no log on disk (docs/replicas.md).
//
//	a replica gets its copy ─► the engine writes here from the copy's moment on
//	                           │ blocks of bytes, the oldest are let go
//	                           ▼
//	                     its reader, and that of each that comes later
//
// It is there from the first such copy on, and until nobody has followed for repl-backlog-ttl. Nobody
// else has a use for it: replies wait for nothing in it, and a start loads nothing of it.
//
// # What is bounded
//
// What nobody reads any more goes but for the last repl-backlog-size bytes, which serve a replica
// that comes again. What somebody still reads stays up to the hard limit that
// client-output-buffer-limit has for replicas: a reader that is farther behind fails, and its replica comes
// again for a copy.
package backlog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"regent/engine"
	"regent/resp"
)

// blockBytes is how large a block is.
const blockBytes = 128 << 10

// Options for New.
type Options struct {
	// Start is the offset at which it begins.
	Start int64
	// Keep is how many bytes are kept whether or not somebody reads them, and Behind how many at most
	// for those that do; 0: all.
	Keep, Behind func() int64
}

// A Log is what is written since it began, as far as it is kept. It is an engine.Log and an
// engine.Stream without epochs.
type Log struct {
	o Options

	mu         sync.Mutex
	blocks     []block // oldest first; the last one is being filled
	start, end int64   // offsets of what they hold
	db         int     // selected at end, anyDB: the next record selects its own
	holds      map[*hold]struct{}
	moved      chan struct{} // closed at the next append; nil: nobody waits for it
}

// A block holds the bytes from an offset on.
type block struct {
	from  int64
	bytes []byte
}

// A hold keeps what is behind an offset.
type hold struct{ off int64 }

// anyDB is no database.
const anyDB = -1

var (
	errNoEpochs = errors.New("a log in memory has no epochs")
	errBehind   = errors.New("that part of the log is not in memory any more")
)

// New is an empty log.
func New(o Options) *Log {
	return &Log{o: o, start: o.Start, end: o.Start, db: anyDB, holds: map[*hold]struct{}{}}
}

// Append is engine.Log's.
func (l *Log) Append(e *engine.Effects) int64 {
	e = e.Joined()
	l.mu.Lock()
	defer l.mu.Unlock()
	from := 0
	for i, rec := range e.Recs {
		l.selectDB(rec.DB)
		if i == 0 && len(e.Recs) > 1 {
			l.put([]byte("*1\r\n$5\r\nMULTI\r\n"))
		}
		l.put(e.Buf[from:rec.End])
		from = rec.End
	}
	if len(e.Recs) > 1 {
		l.put([]byte("*1\r\n$4\r\nEXEC\r\n"))
	}
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
	return l.end
}

func (l *Log) selectDB(db int) {
	if db != l.db {
		l.db = db
		l.put(resp.AppendCommand(nil, "SELECT", strconv.Itoa(db)))
	}
}

// Reselect has the next record select its database, whichever is selected: so those that begin here
// need not be told.
func (l *Log) Reselect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.db = anyDB
}

// put appends bytes; mu is held.
func (l *Log) put(p []byte) {
	for len(p) > 0 {
		last := len(l.blocks) - 1
		if last < 0 || len(l.blocks[last].bytes) == blockBytes {
			l.trim()
			l.blocks = append(l.blocks, block{from: l.end, bytes: make([]byte, 0, blockBytes)})
			last = len(l.blocks) - 1
		}
		b := &l.blocks[last]
		n := min(len(p), blockBytes-len(b.bytes))
		b.bytes = append(b.bytes, p[:n]...)
		p, l.end = p[n:], l.end+int64(n)
	}
}

// trim lets whole blocks go that nobody needs; mu is held.
func (l *Log) trim() {
	need := l.end - l.o.Keep()
	for h := range l.holds {
		need = min(need, h.off)
	}
	if most := l.o.Behind(); most > 0 {
		need = max(need, l.end-max(most, l.o.Keep()))
	}
	n := 0
	for n < len(l.blocks) && l.blocks[n].from+int64(len(l.blocks[n].bytes)) <= need {
		n++
	}
	if n > 0 {
		l.blocks = slices.Delete(l.blocks, 0, n)
		if l.start = l.end; len(l.blocks) > 0 {
			l.start = l.blocks[0].from
		}
	}
}

// Return is engine.Log's: what was lent was copied.
func (l *Log) Return(int64) {}

// Synced is engine.Log's: nothing is on a disk, not even what was written before the first byte.
func (l *Log) Synced() int64 { return -1 }

// Start is the first offset that is kept.
func (l *Log) Start() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start
}

// End is the offset behind the last byte.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Durable is End: nothing waits.
func (l *Log) Durable() int64 { return l.End() }

// LastEpoch is 0.
func (l *Log) LastEpoch() int64 { return 0 }

// History is empty.
func (l *Log) History() []engine.EpochStart { return nil }

// BeginEpoch is for a log on disk.
func (l *Log) BeginEpoch(int64, int64) (int64, error) { return 0, errNoEpochs }

// AppendRaw is for a log on disk.
func (l *Log) AppendRaw(int64, []byte) error { return errNoEpochs }

// Truncate is for a log on disk.
func (l *Log) Truncate(int64) error { return errNoEpochs }

// DBAt is for a log on disk.
func (l *Log) DBAt(int64) (int, error) { return 0, errNoEpochs }

// Notify returns a channel that is closed at the next append.
func (l *Log) Notify() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved == nil {
		l.moved = make(chan struct{})
	}
	return l.moved
}

// Reserve keeps the bytes from off on.
func (l *Log) Reserve(off int64) (release func(), err error) {
	h, err := l.hold(off)
	if err != nil {
		return nil, err
	}
	return func() { l.letGo(h) }, nil
}

func (l *Log) hold(off int64) (*hold, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if off < l.start || off > l.end {
		return nil, fmt.Errorf("offset %d is not in the log, which holds %d to %d", off, l.start, l.end)
	}
	h := &hold{off}
	l.holds[h] = struct{}{}
	return h, nil
}

func (l *Log) letGo(h *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.holds, h)
}

// NewReader reads from off on.
func (l *Log) NewReader(off int64) (engine.StreamReader, error) {
	h, err := l.hold(off)
	if err != nil {
		return nil, err
	}
	return &reader{l: l, hold: h}, nil
}

// A reader reads the log. It belongs to one goroutine.
type reader struct {
	l    *Log
	hold *hold
}

// Offset is the offset of the next byte.
func (r *reader) Offset() int64 { return r.hold.off }

// Close gives the reader up.
func (r *reader) Close() error {
	r.l.letGo(r.hold)
	return nil
}

// Read reads what there is; io.EOF says that there is nothing now.
func (r *reader) Read(p []byte) (n int, err error) {
	l := r.l
	l.mu.Lock()
	defer l.mu.Unlock()
	off := r.hold.off
	switch {
	case off < l.start:
		return 0, errBehind
	case off == l.end:
		return 0, io.EOF
	}
	at, exact := slices.BinarySearchFunc(l.blocks, off, func(b block, off int64) int { return int(min(max(b.from-off, -1), 1)) })
	if !exact {
		at--
	}
	for ; n < len(p) && at < len(l.blocks); at++ {
		b := l.blocks[at]
		n += copy(p[n:], b.bytes[off+int64(n)-b.from:])
	}
	r.hold.off += int64(n)
	return n, nil
}
