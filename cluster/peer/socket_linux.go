package peer

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socket is a TCP connection that Go's scheduler does not wait for. A stream's frames
// come every few hundred microseconds; by way of the scheduler each of them wakes the
// thread that waits for all sockets, a second one that looks for work, and the monitor,
// which then looks every 20 µs whether anybody needs the processor. Here the goroutine
// that wants the bytes waits for them in its own system call:
//
//	  ┌───────────── something came ──────────────┐
//	  ▼                                           │
//	read ─► nothing ─► wait with the processor ───┤   while waits are short, if it keeps one
//	                   wait without ──────────────┘   for as long as it takes
//
// One goroutine may read and one may write at a time; Close may be called from anywhere.
// A deadline counts for what begins afterwards.
type socket struct {
	fd            int
	local, remote net.Addr
	uses          atomic.Int64 // calls under way; closing: it is closed to new ones
	keeps         bool         // short waits keep the processor
	readBy        atomic.Int64 // deadlines, Unix ns; 0: none
	writeBy       atomic.Int64
	brisk         bool // the reader's: the last wait was short
	sure          bool // the reader's: there is input
	nowait        bool // the reader's: it waits for nothing
}

const (
	// keepProcessor is for how long a wait keeps the scheduler's processor: some times as
	// long as a leader gathers what nobody waits for, since a wait of which the scheduler
	// is told has its monitor look every 20 µs, fifty times. A collection that begins
	// meanwhile ends the wait by its signal, and so does the monitor every 10 ms.
	keepProcessor = 4 * time.Millisecond
	// maxRaw is how many bytes a system call moves at most of which the scheduler is
	// not told.
	maxRaw = 64 << 10
	// longestPoll is how long one wait without the processor lasts at most.
	longestPoll = time.Minute
	// closing is added to a socket's uses when it is closed.
	closing = 1 << 32
)

// newSocket takes a connection over; nil: it is none that can be, and stays as it is.
func newSocket(c net.Conn, keeps bool) *socket {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	if err := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); err != nil || fd < 0 {
		return nil
	}
	s := &socket{fd: fd, keeps: keeps, local: c.LocalAddr(), remote: c.RemoteAddr()}
	_ = tcp.Close() // the descriptor that the scheduler waits for; the connection is the copy's
	return s
}

// use reports whether the descriptor may be used, until done.
func (s *socket) use() bool {
	if s.uses.Add(1) < closing {
		return true
	}
	s.done()
	return false
}

func (s *socket) done() {
	if s.uses.Add(-1) == closing && s.uses.CompareAndSwap(closing, 2*closing) {
		_ = unix.Close(s.fd)
	}
}

// with calls f with the descriptor, which is open as long as f lasts.
func (s *socket) with(f func(fd int)) {
	if s.use() {
		f(s.fd)
		s.done()
	}
}

// Close ends the connection, and what waits for it.
func (s *socket) Close() error {
	for {
		n := s.uses.Load()
		if n >= closing {
			return net.ErrClosed
		}
		if s.uses.CompareAndSwap(n, n+closing+1) { // of which one is this call's
			break
		}
	}
	_ = unix.Shutdown(s.fd, unix.SHUT_RDWR)
	s.done()
	return nil
}

func (s *socket) shut() bool { return s.uses.Load() >= closing }

// Read takes what has come, and waits for it.
func (s *socket) Read(b []byte) (n int, err error) {
	if !s.use() {
		return 0, net.ErrClosed
	}
	defer s.done()
	if len(b) == 0 {
		return 0, nil
	}
	if s.brisk && !s.sure { // what is awaited has most likely not come yet
		s.brisk = s.hold(keepProcessor)
	}
	s.sure = false
	for {
		n, errno := transfer(unix.SYS_READ, s.fd, b)
		switch {
		case s.shut():
			return 0, net.ErrClosed
		case errno == 0 && n == 0:
			return 0, io.EOF
		case errno == 0:
			return n, nil
		case errno != unix.EAGAIN && errno != unix.EINTR:
			return 0, fmt.Errorf("read from %s: %w", s.remote, errno)
		case s.nowait:
			return 0, errNotNow
		}
		began := time.Now()
		if err := s.wait(unix.POLLIN, &s.readBy); err != nil {
			return 0, err
		}
		s.brisk = s.keeps && time.Since(began) < keepProcessor
	}
}

// Write sends all of b, and waits until it is taken.
func (s *socket) Write(b []byte) (n int, err error) {
	for {
		m, err := s.try(b[n:])
		if n += m; err != nil || n == len(b) {
			return n, err
		}
		if !s.use() {
			return n, net.ErrClosed
		}
		err = s.wait(unix.POLLOUT, &s.writeBy)
		s.done()
		if err != nil {
			return n, err
		}
	}
}

// try sends what is taken at once, which may be nothing.
func (s *socket) try(b []byte) (n int, err error) {
	if !s.use() {
		return 0, net.ErrClosed
	}
	defer s.done()
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := transfer(unix.SYS_WRITE, s.fd, b)
	switch {
	case errno == 0:
		return n, nil
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("write to %s: %w", s.remote, errno)
}

// transfer reads or writes. A little of it costs the scheduler nothing.
func transfer(call uintptr, fd int, b []byte) (int, syscall.Errno) {
	do := syscall.Syscall
	if len(b) <= maxRaw {
		do = syscall.RawSyscall
	}
	n, _, errno := do(call, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), errno
}

// hold waits for input, without the scheduler's knowledge, for at most keepProcessor, and
// reports whether there is any. When a signal ends the wait, others get a turn before it
// goes on.
func (s *socket) hold(most time.Duration) bool {
	if !s.keeps {
		return false
	}
	left := min(most, keepProcessor)
	for end := time.Now().Add(left); left > 0; left = time.Until(end) {
		fds := [1]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
		limit := unix.NsecToTimespec(int64(left))
		n, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
		if errno != unix.EINTR {
			return errno == 0 && n > 0
		}
		runtime.Gosched()
	}
	return false
}

// await waits until there is input, or the end, and reports whether there is before a time
// is over.
func (s *socket) await(most time.Duration) bool {
	if !s.use() {
		return true // a read says so
	}
	defer s.done()
	end := time.Now().Add(most)
	if s.sure = s.hold(most); s.sure {
		return true
	}
	left := time.Until(end)
	if left < time.Millisecond {
		return false
	}
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(left/time.Millisecond))
	s.sure = err == nil && n > 0
	return s.sure
}

// wait waits for an event until a deadline.
func (s *socket) wait(event int16, deadline *atomic.Int64) error {
	for {
		most := longestPoll
		if by := deadline.Load(); by != 0 {
			most = min(most, time.Until(time.Unix(0, by)))
		}
		if most <= 0 {
			return os.ErrDeadlineExceeded
		}
		fds := []unix.PollFd{{Fd: int32(s.fd), Events: event}}
		n, err := unix.Poll(fds, int((most+time.Millisecond-1)/time.Millisecond))
		switch {
		case s.shut():
			return net.ErrClosed
		case n > 0:
			return nil
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("poll %s: %w", s.remote, err)
		}
	}
}

// LocalAddr is this end's address.
func (s *socket) LocalAddr() net.Addr { return s.local }

// RemoteAddr is the other end's.
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// SetDeadline bounds both, the zero time: not.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline bounds later reads.
func (s *socket) SetReadDeadline(t time.Time) error { return setDeadline(&s.readBy, t) }

// SetWriteDeadline bounds later writes.
func (s *socket) SetWriteDeadline(t time.Time) error { return setDeadline(&s.writeBy, t) }

func setDeadline(at *atomic.Int64, t time.Time) error {
	if t.IsZero() {
		at.Store(0)
	} else {
		at.Store(max(t.UnixNano(), 1))
	}
	return nil
}
