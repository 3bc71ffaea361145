package repl

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/peer"
)

// How the leader takes what a follower says. Where somebody watches the connection, an
// event loop of the clients', it does so in its turn: the replies that an acknowledgement
// sets free are that loop's, and no goroutine is woken on the way to them. But a loop may
// be long in a turn, with a script, or end, so a timer looks as well while something is
// expected. Elsewhere a goroutine of its own reads. In the same way the loops send what was put
// off (Sender.tend), and elsewhere a timer's goroutine.

const (
	// lookEvery is after how long the timer looks, and lookMore how often it does so after
	// something was sent, although nothing that was sent is unacknowledged.
	lookEvery = 20 * time.Millisecond
	lookMore  = 50
)

// An intake takes a follower's frames, one goroutine at a time.
type intake struct {
	watched atomic.Bool // an event loop takes them, or the timer
	timer   *time.Timer
	armed   atomic.Bool
	looks   atomic.Int64 // since something was sent

	mu  sync.Mutex
	f   peer.Frame
	err error // why no more are taken; gone is closed then
}

// takeIn has frames taken until the connection is lost.
func (s *Sender) takeIn() {
	if s.cfg.Watch != nil {
		s.in.timer = time.AfterFunc(time.Hour, s.look)
		s.in.timer.Stop()
		s.conn.With(func(fd int) { s.in.watched.Store(s.cfg.Watch(fd, s.ready, s.tend)) })
	}
	if s.in.watched.Load() {
		s.in.expect() // what came before it was watched
		return
	}
	go func() {
		for {
			err := s.conn.Next(&s.in.f)
			if err == nil {
				err = s.heard(&s.in.f)
			}
			if err != nil {
				s.in.err = err
				close(s.gone)
				return
			}
		}
	}()
}

// end closes the connection, and sees to it that gone is closed.
func (s *Sender) end() {
	_ = s.conn.Close()
	if s.in.watched.Load() {
		s.took() // finds that out, if the loop does not turn
	}
}

// ready is took for the loop that watches the connection. It waits for no lock: another goroutine may hold it.
func (s *Sender) ready() (more bool) {
	if !s.in.mu.TryLock() {
		return true
	}
	defer s.in.mu.Unlock()
	return s.take()
}

// took takes what has come, and reports whether more may come.
func (s *Sender) took() (more bool) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.take()
}

// take is took for a caller that holds the intake's mu.
func (s *Sender) take() (more bool) {
	in := &s.in
	if in.err != nil {
		return false
	}
	err := s.conn.Fill()
	for err == nil && s.conn.Whole() {
		if err = s.conn.Next(&in.f); err == nil {
			err = s.heard(&in.f)
		}
	}
	if in.err = err; err != nil {
		close(s.gone)
	}
	return err == nil
}

// expect has the timer look, since something was sent.
func (in *intake) expect() {
	if !in.watched.Load() {
		return
	}
	if in.looks.Load() != 0 {
		in.looks.Store(0)
	}
	if !in.armed.Load() && in.armed.CompareAndSwap(false, true) {
		in.timer.Reset(lookEvery)
	}
}

// look takes what the loop may have left, on the timer's goroutine.
func (s *Sender) look() {
	in := &s.in
	in.armed.Store(false)
	if s.overdue() {
		s.Wake() // the loops have not tended it
	}
	if s.took() && (in.looks.Add(1) < lookMore || s.received.Load() < s.sentTo.Load()) && in.armed.CompareAndSwap(false, true) {
		in.timer.Reset(lookEvery)
	}
}

// heard takes one frame.
func (s *Sender) heard(f *peer.Frame) error {
	if f.Type == peer.Refuse {
		return fmt.Errorf("node %d follows epoch %d no more: it is in epoch %d", s.cfg.Peer, s.cfg.Epoch, f.Epoch)
	}
	if f.Epoch != s.cfg.Epoch {
		return fmt.Errorf("%s of epoch %d in a stream of epoch %d", f.Type, f.Epoch, s.cfg.Epoch)
	}
	switch f.Type {
	case peer.Answer:
		var round, synced int64
		if err := f.Ints(&round, &synced); err != nil {
			return err
		}
		s.cfg.Answered(round, synced)
		return nil
	case peer.Applied:
		off, err := f.Int(0)
		if err == nil {
			s.cfg.Applied(off)
		}
		return err
	case peer.Held:
		return s.held(f)
	}
	return fmt.Errorf("%s of epoch %d in a stream of epoch %d", f.Type, f.Epoch, s.cfg.Epoch)
}

// held takes an acknowledgement.
func (s *Sender) held(f *peer.Frame) error {
	var p Progress
	if err := f.Ints(&p.Received, &p.Durable, &p.Applied); err != nil {
		return err
	}
	if p.Durable > p.Received {
		return fmt.Errorf("durable to %d, received to %d", p.Durable, p.Received)
	}
	if s.received.Swap(p.Received) > p.Received {
		return fmt.Errorf("received less than before: %d", p.Received)
	}
	s.cfg.Held(p)
	if s.shut.Load() && s.shut.CompareAndSwap(true, false) {
		s.Wake()
	}
	return nil
}
