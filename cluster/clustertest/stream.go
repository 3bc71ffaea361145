// Package clustertest has a log in memory that keeps engine.Stream's contract
// and engine.Log's, for tests of the cluster.
package clustertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"

	"regent/engine"
	"regent/engine/units"
	"regent/resp"
)

// A Log is the log of one node. It outlives the node that writes it, as a
// disk does: hand it to the next one. What was appended but not sealed is lost
// with Crash.
type Log struct {
	// Moved, if set, is called after every seal, without a lock.
	Moved func()

	mu     sync.Mutex
	start  int64
	base   []byte // what came before start: the state there, as a base file has it
	buf    []byte // from start on
	sealed int64  // offset
	epochs []engine.EpochStart
	db     int // selected at the end; -1: unknown, so that SELECT is written
	notify chan struct{}
	broken error // every write fails with it

	reserved []*int64 // offsets, readers' own among them
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{db: -1, notify: make(chan struct{})} }

// Break makes every later write fail; nil mends it.
func (l *Log) Break(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
}

// Crash forgets what was not sealed, as the end of a process does.
func (l *Log) Crash() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf, l.db = l.buf[:l.sealed-l.start], -1
}

// Append is engine.Log's: records in memory, SELECT before the first of
// another database, MULTI and EXEC around several.
func (l *Log) Append(e *engine.Effects) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e = e.Joined()
	several, from := len(e.Recs) > 1, 0
	if several {
		l.buf = resp.AppendCommand(l.buf, "MULTI")
	}
	for _, r := range e.Recs {
		if r.DB != l.db {
			l.buf = resp.AppendCommand(l.buf, "SELECT", strconv.Itoa(r.DB))
			l.db = r.DB
		}
		l.buf = append(l.buf, e.Buf[from:r.End]...)
		from = r.End
	}
	if several {
		l.buf = resp.AppendCommand(l.buf, "EXEC")
	}
	return l.start + int64(len(l.buf))
}

// Return has nothing to give back: Append copies.
func (l *Log) Return(int64) {}

// Seal makes everything appended visible to readers.
func (l *Log) Seal() error {
	l.mu.Lock()
	err := l.broken
	if err == nil {
		l.seal()
	}
	l.mu.Unlock()
	if err == nil && l.Moved != nil {
		l.Moved()
	}
	return err
}

func (l *Log) seal() {
	l.sealed = l.start + int64(len(l.buf))
	close(l.notify)
	l.notify = make(chan struct{})
}

// Stream is the log as the cluster sees it.
func (l *Log) Stream() engine.Stream { return stream{l} }

// End is the offset after the last appended record.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start + int64(len(l.buf))
}

// Synced is the offset of the last seal.
func (l *Log) Synced() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sealed
}

// Bytes are a copy of the sealed bytes.
func (l *Log) Bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.buf[:l.sealed-l.start])
}

// Forget drops the history before off, as a rewrite does: what it amounted to
// is in the base. What is reserved stays.
func (l *Log) Forget(off int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, from := range l.reserved {
		off = min(off, max(*from, l.start))
	}
	l.base = append(l.base, l.buf[:off-l.start]...)
	l.buf = bytes.Clone(l.buf[off-l.start:])
	l.start = off
}

// Snapshot is the state at the log's end, as Install takes it. Nobody may
// append meanwhile.
func (l *Log) Snapshot() (base []byte, off int64, db int, history []engine.EpochStart) {
	l.mu.Lock()
	defer l.mu.Unlock()
	base = append(bytes.Clone(l.base), l.buf...)
	return base, l.start + int64(len(l.buf)), max(l.db, 0), slices.Clone(l.epochs)
}

// Install replaces the log by a base at an offset, as a full copy does.
func (l *Log) Install(base []byte, off int64, history []engine.EpochStart) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.start, l.sealed, l.base, l.buf, l.epochs, l.db = off, off, bytes.Clone(base), nil, slices.Clone(history), -1
}

type stream struct{ l *Log }

func (s stream) Start() int64 {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.start
}

func (s stream) End() int64 {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.sealed
}

func (s stream) Durable() int64 { return s.End() }

func (s stream) LastEpoch() int64 {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if n := len(s.l.epochs); n > 0 {
		return s.l.epochs[n-1].Epoch
	}
	return 0
}

func (s stream) History() []engine.EpochStart {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return slices.Clone(s.l.epochs)
}

func (s stream) BeginEpoch(epoch, leader int64) (int64, error) {
	l := s.l
	l.mu.Lock()
	if l.broken != nil {
		defer l.mu.Unlock()
		return 0, l.broken
	}
	l.epochs = append(l.epochs, engine.EpochStart{Epoch: epoch, Leader: leader, Offset: l.start + int64(len(l.buf))})
	l.buf = units.AppendEpoch(l.buf, epoch, leader)
	l.db = -1
	l.seal()
	end := l.sealed
	l.mu.Unlock()
	if l.Moved != nil {
		l.Moved()
	}
	return end, nil
}

func (s stream) AppendRaw(off int64, p []byte) error {
	l := s.l
	l.mu.Lock()
	end := l.start + int64(len(l.buf))
	if l.broken != nil || off != end {
		defer l.mu.Unlock()
		if l.broken != nil {
			return l.broken
		}
		return fmt.Errorf("append at %d, the log ends at %d", off, end)
	}
	l.buf = append(l.buf, p...)
	l.note(off, p)
	l.db = -1
	l.seal()
	l.mu.Unlock()
	if l.Moved != nil {
		l.Moved()
	}
	return nil
}

// note finds the epochs in whole records.
func (l *Log) note(off int64, p []byte) {
	sc := units.NewScanner(0, off)
	sc.Comments = true
	if whole, err := sc.Scan(p); err != nil || whole != len(p) {
		panic(fmt.Sprintf("clustertest: a record was appended in part: %v", err))
	}
	l.epochs = append(l.epochs, sc.Epochs...)
}

func (s stream) Truncate(off int64) error {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	if off < l.start || off > l.start+int64(len(l.buf)) {
		return fmt.Errorf("cut at %d of %d to %d", off, l.start, l.sealed)
	}
	l.buf, l.db = l.buf[:off-l.start:off-l.start], -1
	l.sealed = off
	for n := len(l.epochs); n > 0 && l.epochs[n-1].Offset >= off; n-- {
		l.epochs = l.epochs[:n-1]
	}
	return nil
}

// DBAt looks for the last SELECT before off. Values in tests hold no such
// word.
func (s stream) DBAt(off int64) (db int, err error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	before := append(bytes.Clone(s.l.base), s.l.buf[:off-s.l.start]...)
	at := bytes.LastIndex(before, []byte(selectWord))
	if at < 0 {
		return 0, nil
	}
	_, err = fmt.Sscanf(string(before[at+len(selectWord):]), "$%d\r\n%d", new(int), &db)
	return db, err
}

// selectWord is a SELECT up to its argument.
const selectWord = "SELECT\r\n"

func (s stream) NewReader(off int64) (engine.StreamReader, error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if off < s.l.start || off > s.l.sealed {
		return nil, fmt.Errorf("no bytes at %d: %d to %d", off, s.l.start, s.l.sealed)
	}
	r := &reader{s.l, off}
	s.l.reserved = append(s.l.reserved, &r.off)
	return r, nil
}

func (s stream) Reserve(off int64) (release func(), err error) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	mine := &off
	s.l.reserved = append(s.l.reserved, mine)
	return func() { s.l.release(mine) }, nil
}

func (l *Log) release(mine *int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved = slices.DeleteFunc(l.reserved, func(p *int64) bool { return p == mine })
}

func (s stream) Notify() <-chan struct{} {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.notify
}

type reader struct {
	l   *Log
	off int64
}

var errGone = errors.New("the log was cut under its reader")

func (r *reader) Read(p []byte) (int, error) {
	r.l.mu.Lock()
	defer r.l.mu.Unlock()
	switch {
	case r.off > r.l.sealed || r.off < r.l.start:
		return 0, errGone
	case r.off == r.l.sealed:
		return 0, io.EOF
	}
	n := copy(p, r.l.buf[r.off-r.l.start:r.l.sealed-r.l.start])
	r.off += int64(n)
	return n, nil
}

func (r *reader) Close() error {
	r.l.release(&r.off)
	return nil
}

func (r *reader) Offset() int64 { return r.off }
