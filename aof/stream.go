package aof

import (
	"fmt"

	"regent/engine"
)

// stream is the log as the cluster sees it.
type stream struct{ *Log }

// Start is the first offset still on disk.
func (s stream) Start() int64 {
	s.shape.RLock()
	defer s.shape.RUnlock()
	if s.gone || len(s.segments) == 0 {
		return 0
	}
	return s.segments[0].head.start
}

// End is the offset after the last byte handed to the operating system.
func (s stream) End() int64 { return s.written.Load() }

// LastEpoch is the epoch of the last written record.
func (s stream) LastEpoch() int64 {
	s.tail.Lock()
	defer s.tail.Unlock()
	return lastEpoch(s.history)
}

// History lists where each epoch began, oldest first: the newest maxHistory
// of them.
func (s stream) History() []engine.EpochStart {
	s.tail.Lock()
	defer s.tail.Unlock()
	return append([]engine.EpochStart(nil), s.history[max(0, len(s.history)-maxHistory):]...)
}

// BeginEpoch appends the record that begins an epoch and seals it.
func (s stream) BeginEpoch(epoch, leader int64) (end int64, err error) {
	l := s.Log
	l.mu.Lock()
	if epoch <= l.pending.epoch {
		l.mu.Unlock()
		return 0, fmt.Errorf("epoch %d cannot begin in epoch %d", epoch, l.pending.epoch)
	}
	l.pending.dropRaw()
	end = l.pending.begin(epoch, leader)
	l.mu.Unlock()
	return end, l.Seal(end)
}

// AppendRaw appends a leader's bytes. They may be changed once it returns.
func (s stream) AppendRaw(off int64, p []byte) error {
	l := s.Log
	l.mu.Lock()
	if err := l.err(); err != nil {
		l.mu.Unlock()
		return err
	}
	end, err := l.pending.addRaw(off, p)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err := l.Seal(end); err != nil {
		l.takeBack(err)
		return err
	}
	return l.waitSynced(end)
}

// Truncate cuts everything after off.
func (s stream) Truncate(off int64) error { return s.truncate(off) }

// DBAt is the database selected at off.
func (s stream) DBAt(off int64) (int, error) { return s.dbAt(off) }

// NewReader reads sealed bytes from off on.
func (s stream) NewReader(off int64) (engine.StreamReader, error) { return s.newReader(off) }

// Notify returns a channel that is closed at the next seal or fsync.
func (s stream) Notify() <-chan struct{} { return s.notified() }

// Reserve keeps the stream from off on. It does no I/O.
func (s stream) Reserve(off int64) (release func(), err error) { return s.reserved.reserve(off) }
