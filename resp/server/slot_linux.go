package server

import (
	"fmt"
	"math"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A slot is a connection slot: a client's place in a loop, and its link to its socket.
type slot struct {
	client
	at     atomic.Pointer[loop] // whose client it is, or is on its way to be
	queued atomic.Bool          // it is in an inbox, or about to be

	// The rest belongs to the loop.
	interest uint32   // what the poller reports
	loop     *loop    // nil: not adopted yet
	tls      *secured // nil: it is plain
	sock     int
	weight   uint32 // work in the window stamp, see turnWeight
	last     uint32 // work in the window before
	stamp    uint32
	tag      tag  // its place in the loop
	open     bool // in loop.open
	again    bool // in loop.again
	left     bool // it is no client any more
	away     bool // the socket belongs to somebody else
}

const (
	// unwatched: the poller does not know the socket.
	unwatched = math.MaxUint32
	// turnWeight is what a read and a write weigh, in quick commands.
	turnWeight = 8
)

func (s *slot) wake() {
	if s.queued.CompareAndSwap(false, true) {
		s.at.Load().post(s, nil)
	}
}

func (s *slot) kill() { s.wake() }

func (s *slot) peerGone() bool { return hungUp(s.sock) }

func (s *slot) fd() int { return s.sock }

func (s *slot) write(b []byte) (n int, err error) {
	if s.tls != nil {
		s.tls.wire.lp = s.loop
		n, err = s.tls.write(b)
		s.tls.wire.lp = nil
		return n, err
	}
	m := &s.loop.meter
	m.call(s.loop.set.ticks)
	n, err = writeNow(s.sock, b)
	m.called(s.loop.set.ticks)
	if err == errNotNow {
		return 0, nil
	}
	return n, err
}

// writeApart is write of a reply whose value lies elsewhere.
func (s *slot) writeApart(head, value []byte) (n int, err error) {
	m := &s.loop.meter
	m.call(s.loop.set.ticks)
	n, err = judge(unix.Writev(s.sock, [][]byte{head, value, {'\r', '\n'}}))
	m.called(s.loop.set.ticks)
	if err == errNotNow {
		return 0, nil
	}
	return n, err
}

// drain is write: settle has the poller watch for what it leaves.
func (s *slot) drain(b []byte) (n int, err error) { return s.write(b) }

// detach gives the socket away as one of Go's.
func (s *slot) detach() (net.Conn, error) {
	s.loop.disown(s)
	s.away = true
	f := os.NewFile(uintptr(s.sock), s.peer)
	defer f.Close() // FileConn has made a copy
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("making a connection of a descriptor: %w", err)
	}
	if s.tls != nil {
		s.tls.wire.give(conn)
		return s.tls.conn, nil
	}
	return conn, nil
}

func (s *slot) close(hangUp bool) {
	if s.away {
		return
	}
	for range maxClosingReads {
		if !hangUp {
			break
		}
		if n, err := readNow(s.sock, s.loop.w.read); n <= 0 || err != nil {
			break
		}
	}
	lp := s.loop
	lp.disown(s)
	if s.tls != nil {
		s.tls.close(s.dead || s.killed.Load())
		lp.giveUp(s)
		return
	}
	closeNow(s.sock)
}

// weigh adds to what s costs its loop.
func (s *slot) weigh(window, weight uint32) {
	if s.stamp != window {
		s.last = s.recent(window)
		s.weight, s.stamp = 0, window
	}
	s.weight += weight
}

// recent is what s cost in the last window in which all is known.
func (s *slot) recent(window uint32) uint32 {
	switch s.stamp {
	case window:
		return max(s.weight, s.last)
	case window - 1:
		return s.weight
	}
	return 0
}
