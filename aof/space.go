package aof

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"regent/aof/disk"
)

// Space. What is in memory was executed, and somebody may have seen it: it must
// fit on the disk. So blocks are allocated ahead of the end of the last file,
// and when they cannot be had NoSpace is called while there are some left:
// writes are refused before they are executed, and what is under way still
// fits. What does not fit all the same, a large value on a disk where nothing
// can be allocated ahead, is held in memory behind the log's last good byte,
// and written when there is space: nobody was told that it is written.
//
//	               size         allocated
//	  ...groups|   v reserveLow..reserve |
//	           '-- held: what did not fit, in memory
//
// A timer tries again; service resumes by itself.

const (
	// reserveBytes is how much is allocated ahead at once.
	reserveBytes = 16 << 20
	// reserveLow is how much must be there: more is allocated below it, and
	// where that cannot be had writes are refused.
	reserveLow = 4 << 20
	// spacePoll is how often a full disk is tried again.
	spacePoll = time.Second
)

// A held is what could not be written, in order: bytes are in memory, the file
// ends where it did before. It is under Log.mu, changed with the turn.
type held struct {
	err   error
	first group // has its lines already
	rest  []group
}

// reserve keeps reserveLow bytes allocated behind the end of s. The caller has
// the turn.
func (l *Log) reserve(s *segment) {
	if l.noReserve || s.allocated-s.size >= reserveLow {
		return
	}
	from := max(s.allocated, s.size)
	err := errors.New("the disk is full")
	for _, n := range []int64{reserveBytes, reserveLow - (from - s.size)} {
		if err = s.file.Allocate(from, n); err == nil {
			s.allocated = from + n
			break
		}
		if errors.Is(err, disk.ErrUnsupported) {
			l.noReserve, err = true, nil
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("no space is left for %s: %w", s.name, err)
	}
	l.setShort(err)
}

// release gives back what was allocated behind the end of s.
func (l *Log) release(s *segment) error {
	if s.allocated <= s.size {
		return nil
	}
	s.allocated = s.size
	return s.file.Truncate(s.size)
}

// hold takes the file back to its last good length after a failed write of g
// and keeps g. If that cannot be done nobody knows what the file holds, and
// the log has failed.
func (l *Log) hold(s *segment, g *group, err error) error {
	if cut := s.file.Truncate(s.size); cut != nil {
		err = errors.Join(err, fmt.Errorf("and it can't be cut back: %w", cut))
		l.fail(err)
		return err
	}
	s.allocated = min(s.allocated, s.size)
	g.lent.own()
	l.mu.Lock()
	l.held = &held{err: err, first: *g}
	l.mu.Unlock()
	l.setShort(err)
	return err
}

// retry writes what is held, if there is something, and sees to the reserve.
func (l *Log) retry() {
	l.health.mu.Lock()
	l.health.polling = false
	l.health.mu.Unlock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.takeTurn()
	h := l.held
	if l.closed || l.err() != nil {
		h = nil
	}
	l.mu.Unlock()
	if h != nil {
		l.writeHeld(h)
	}
	l.mu.Lock()
	stuck, gone := l.held != nil, l.closed
	l.mu.Unlock()
	if !stuck && !gone && l.err() == nil {
		l.reserve(l.active())
	}
	l.endTurn()
	if !stuck {
		l.moved()
	}
}

// writeHeld writes what is held, or holds on to it.
func (l *Log) writeHeld(h *held) {
	s := l.active()
	if err := h.first.writeTo(s.file, s.size); err != nil {
		_ = l.hold(s, &h.first, fmt.Errorf("write to %s: %w", s.name, err))
		l.mu.Lock()
		if l.held != nil {
			l.held.rest = h.rest
		}
		l.mu.Unlock()
		return
	}
	l.mu.Lock()
	l.held = nil
	l.mu.Unlock()
	l.setShort(nil)
	l.wrote(s, &h.first)
	for i := range h.rest {
		if err := l.writeGroup(&h.rest[i]); err != nil {
			l.mu.Lock()
			if l.held != nil {
				l.held.rest = append(l.held.rest, h.rest[i+1:]...)
			}
			l.mu.Unlock()
			return
		}
	}
}

// pollSpace sets the timer, unless it is set.
func (l *Log) pollSpace() {
	l.health.mu.Lock()
	set := l.health.polling
	l.health.polling = true
	l.health.mu.Unlock()
	if !set {
		l.o.Host.AfterFunc(spacePoll, l.retry)
	}
}

// health is what NoSpace, SpaceBack, Failed and Recovered were last called
// about, and what they are to be called about.
type health struct {
	mu      sync.Mutex
	short   error // why there is no space
	polling bool  // the timer is set
	telling bool
	told    error // the last word: nil for all well
	failed  bool  // told was a failure
}

// setShort notes that there is no space, or with nil that there is some.
func (l *Log) setShort(err error) {
	l.health.mu.Lock()
	l.health.short = err
	l.health.mu.Unlock()
	if err != nil {
		l.pollSpace()
	}
}

// tell calls the callbacks that the state asks for, one at a time and without
// a lock: they may call the log.
func (l *Log) tell() {
	h := &l.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.telling {
		return // the one that is at it looks again
	}
	h.telling = true
	for {
		err, failed := h.short, false
		if e := l.err(); e != nil {
			err, failed = e, true
		}
		if (err == nil) == (h.told == nil) && failed == h.failed {
			break
		}
		was := h.failed
		h.told, h.failed = err, failed
		h.mu.Unlock()
		l.call(err, failed, was)
		h.mu.Lock()
	}
	h.telling = false
}

func (l *Log) call(err error, failed, was bool) {
	switch {
	case failed:
		callWith(l.o.Failed, err)
	case err != nil:
		callWith(l.o.NoSpace, err)
	case was:
		callNow(l.o.Recovered)
	default:
		callNow(l.o.SpaceBack)
	}
}

func callWith(f func(error), err error) {
	if f != nil {
		f(err)
	}
}

func callNow(f func()) {
	if f != nil {
		f()
	}
}
