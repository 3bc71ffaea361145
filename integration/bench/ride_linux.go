package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ride has all clients go round and round until a time, on one thread, as redis-benchmark has: a
// goroutine for each spends more than the server does, of which they would take the
// processor. Each has sent its greeting before, of so many commands.
func ride(ctx context.Context, addr string, riders []rider, greetings [][]byte, greeted int, until time.Time) error {
	defer lockThread()()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	defer func() { _ = unix.Close(poll) }()
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return fmt.Errorf("the server's address: %w", err)
	}
	sockets := make([]int, len(riders))
	in := make([]byte, 64<<10)
	for i := range riders {
		fd, err := dialRaw(to)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		sockets[i] = fd
		if greeted > 0 {
			riders[i].owed.owe(greeted)
			if err := writeRaw(fd, greetings[i]); err != nil {
				return err
			}
			for !riders[i].owed.done() {
				if _, err := riders[i].readRaw(fd, in, true); err != nil {
					return err
				}
			}
		}
		// Each arrival is told of once: to tell of it again, the system would look at the socket again.
		if err := unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(i)}); err != nil {
			return fmt.Errorf("epoll_ctl: %w", err)
		}
		riders[i].next()
	}
	for i := range riders {
		if err := writeRaw(sockets[i], riders[i].out); err != nil {
			return err
		}
	}
	events := make([]unix.EpollEvent, len(riders))
	for under := len(riders); under > 0; {
		n, err := unix.EpollWait(poll, events, int(cycleTimeout.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		if n == 0 {
			return fmt.Errorf("%d clients got no reply for %v", under, cycleTimeout)
		}
		over := ctx.Err() != nil || !time.Now().Before(until)
		for _, ev := range events[:max(n, 0)] {
			r, fd := &riders[ev.Fd], sockets[ev.Fd]
			for more := true; more; {
				n, err := r.readRaw(fd, in, false)
				if err != nil {
					return err
				}
				more = n == len(in)
			}
			switch {
			case !r.owed.done():
			case over && r.at == 0: // at the end of a cycle
				under--
			default:
				r.next()
				if err := writeRaw(fd, r.out); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// dialRaw connects a socket that the runtime does not know. Its calls end after cycleTimeout.
func dialRaw(to *net.TCPAddr) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	limit := unix.NsecToTimeval(cycleTimeout.Nanoseconds())
	err = errors.Join(
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		connectRaw(fd, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return 0, fmt.Errorf("connect: %w", err)
	}
	return fd, nil
}

// connectRaw goes on waiting for a connection after a signal of Go's scheduler.
func connectRaw(fd int, to unix.Sockaddr) error {
	for {
		if err := unix.Connect(fd, to); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// writeRaw waits until the system has all of it: what is written is no answer to what is unread.
// As a rule it is taken at once, of which Go's scheduler need not be told.
func writeRaw(fd int, out []byte) error {
	if len(out) > 0 {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&out[0])), uintptr(len(out)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno == 0 {
			out = out[n:]
		}
	}
	for len(out) > 0 {
		n, err := unix.Write(fd, out)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("a client: write: %w", err)
		}
		out = out[max(n, 0):]
	}
	return nil
}

// readRaw takes what there is of the replies, at most as many bytes as in has; wait has it wait for some.
func (r *rider) readRaw(fd int, in []byte, wait bool) (n int, err error) {
	if wait {
		n, err = unix.Read(fd, in)
	} else { // it is not interrupted: it waits for nothing
		got, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&in[0])), uintptr(len(in)), unix.MSG_DONTWAIT, 0, 0)
		if n = int(got); errno != 0 {
			err = errno
		}
	}
	switch {
	case errors.Is(err, unix.EINTR), !wait && errors.Is(err, unix.EAGAIN):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("a client: read: %w", err)
	case n == 0:
		return 0, errors.New("a client: the server has closed the connection")
	}
	return n, r.owed.take(in[:n])
}
