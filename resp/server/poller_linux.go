package server

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A poller waits for sockets by epoll, level-triggered, and for nudges from
// other goroutines by an eventfd.
//
// What cannot block, which is every call on a socket and a look at what is
// ready, is a raw system call: it costs the scheduler nothing. Only the wait
// that may last tells the scheduler, so that it gives the processor away.
type poller struct {
	ep, ev int
	events [maxEvents]unix.EpollEvent
}

const (
	// maxEvents is how many sockets one wait reports at most.
	maxEvents = 256
	// maxRaw is how many bytes a raw system call moves at most: the scheduler
	// cannot stop the goroutine meanwhile.
	maxRaw = 64 << 10
	// keepProcessor is for how long a wait keeps the scheduler's processor, whole
	// milliseconds. A collection that begins meanwhile ends the wait by its signal.
	keepProcessor = time.Millisecond
	// maxRead is how many bytes of a big command one turn reads at most: a value of 1 MB and what stands
	// around it, for the next turn comes after the answers of all others, and a second wait with it.
	maxRead = 2 << 20
	// nudgePlace marks the eventfd; the places of clients count from 0.
	nudgePlace = -1
)

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	p := &poller{ep: ep, ev: ev}
	if err := p.add(ev, tag{place: nudgePlace}, unix.EPOLLIN); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	_ = unix.Close(p.ev)
	_ = unix.Close(p.ep)
}

// A tag is what a socket's events carry: a place, and which of those that
// have had it.
type tag struct{ place, gen int32 }

// add begins to watch fd; its events carry t.
func (p *poller) add(fd int, t tag, interest uint32) error {
	return p.control(unix.EPOLL_CTL_ADD, fd, t, interest)
}

// change watches fd for something else.
func (p *poller) change(fd int, t tag, interest uint32) error {
	return p.control(unix.EPOLL_CTL_MOD, fd, t, interest)
}

// remove ends watching fd.
func (p *poller) remove(fd int) error { return p.control(unix.EPOLL_CTL_DEL, fd, tag{}, 0) }

func (p *poller) control(op, fd int, t tag, interest uint32) error {
	if err := unix.EpollCtl(p.ep, op, fd, &unix.EpollEvent{Events: interest, Fd: t.place, Pad: t.gen}); err != nil {
		return fmt.Errorf("epoll_ctl %d of descriptor %d: %w", op, fd, err)
	}
	return nil
}

// ready returns what is ready at this moment.
func (p *poller) ready() []unix.EpollEvent { return p.raw(0) }

// hold returns what is ready within keepProcessor, in which the scheduler does not know
// that the goroutine waits.
func (p *poller) hold() []unix.EpollEvent { return p.raw(uintptr(keepProcessor / time.Millisecond)) }

func (p *poller) raw(millis uintptr) []unix.EpollEvent {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.ep), uintptr(unsafe.Pointer(&p.events[0])), maxEvents, millis, 0, 0)
	if errno != 0 {
		p.failed(errno)
		return nil
	}
	return p.events[:n]
}

// wait returns what is ready, after at most millis milliseconds; -1: for
// however long it takes.
func (p *poller) wait(millis int) []unix.EpollEvent {
	n, err := unix.EpollWait(p.ep, p.events[:], millis)
	if err != nil {
		p.failed(err)
		return nil
	}
	return p.events[:n]
}

// failed judges an error of epoll_wait: a signal came, or the descriptor is
// not what it was, which nothing here may do.
func (p *poller) failed(err error) {
	if !errors.Is(err, unix.EINTR) {
		panic("server: epoll_wait: " + err.Error())
	}
}

// nudge ends a wait, from any goroutine.
func (p *poller) nudge() {
	one := [8]byte{1}
	_, _ = unix.Write(p.ev, one[:]) // EAGAIN: it is nudged already
}

// nudged takes the nudge away.
func (p *poller) nudged() {
	var n [8]byte
	_, _ = unix.Read(p.ev, n[:]) // EAGAIN: somebody was quicker
}

// readNow reads what is there: 0 and no error at the end of the stream,
// errNotNow when there is nothing. The calls that are for sockets alone take less than those for
// all files: a tenth of a microsecond for a read and a write.
func readNow(fd int, b []byte) (n int, err error) {
	switch {
	case len(b) == 0:
		return 0, errNotNow
	case len(b) > maxRaw:
		n, err := unix.Read(fd, b[:min(len(b), maxRead)])
		return judge(n, err)
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, now(errno)
	}
	return int(r), nil
}

// writeNow writes what is taken at once; errNotNow: nothing.
func writeNow(fd int, b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if len(b) > maxRaw {
		n, err := unix.Write(fd, b)
		return judge(n, err)
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, now(errno)
	}
	return int(r), nil
}

// errNotNow is returned for what would have to wait.
var errNotNow = errors.New("not at once")

// judge is now for the package's own calls.
func judge(n int, err error) (int, error) {
	if errno, ok := err.(unix.Errno); ok {
		return 0, now(errno)
	}
	return n, err
}

func now(errno unix.Errno) error {
	switch errno {
	case 0:
		return nil
	case unix.EAGAIN, unix.EINTR:
		return errNotNow
	}
	return errno
}
