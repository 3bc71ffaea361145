package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"regent/engine/units"
	"regent/integration/harness"
)

// limit measures how near the servers are to what a machine can do without pipelining: a
// loop on one thread that waits for sockets, reads, parses and answers +OK, and does nothing
// else. What it spends is the system's: the servers cannot be quicker.
func limit(ctx context.Context, o options, r *report) error {
	dir, remove, err := scratchDir()
	defer remove()
	if err != nil {
		return err
	}
	ports, err := harness.FreePorts(2)
	if err != nil {
		return err
	}
	servers := []*harness.Node{
		regentNode(o, ports[0], dir, persistence("off")...),
		redisNode(o, ports[1], dir, persistence("off")...),
	}
	defer stop(servers...)
	if err := start(ctx, servers...); err != nil {
		return err
	}
	e, err := newEcho()
	if err != nil {
		return err
	}
	defer e.end()
	r.begin("The limit: SET of 64 bytes, P=1, beside a loop that reads, parses and answers",
		[]string{"clients", "loop/s", "regent/s", "of it", "redis/s", "of it", "loop CPU µs", "regent", "redis"})
	for _, clients := range []int{10, 50} {
		if err := limitAt(ctx, o, e, servers, clients, r); err != nil {
			return err
		}
	}
	return nil
}

func limitAt(ctx context.Context, o options, e *echo, servers []*harness.Node, clients int, r *report) error {
	c := cell{familyNamed("set"), valueBytes, clients, 1}
	all, err := o.plan.compare(clients, 1).run(ctx,
		func(n int) (sample, error) { return measure(ctx, servers[0], c, n) },
		func(n int) (sample, error) { return e.measure(ctx, c, n) }, // in the middle: adjacent to both
		func(n int) (sample, error) { return measure(ctx, servers[1], c, n) })
	if err != nil {
		return err
	}
	ours, loop, theirs := summary(all[0]), summary(all[1]), summary(all[2])
	whole, two := func(v float64) string { return fmt.Sprintf("%.0f", v) }, func(v float64) string { return fmt.Sprintf("%.2f", v) }
	r.row(strconv.Itoa(clients), whole(loop.rps), whole(ours.rps), ratios(all[0], all[1], throughputOf).String(), whole(theirs.rps), ratios(all[2], all[1], throughputOf).String(),
		two(loop.cpu()), two(ours.cpu()), two(theirs.cpu()))
	return nil
}

// An echo is the loop, in a process of its own so that it is measured as the servers are.
type echo struct {
	port int
	cmd  *exec.Cmd
}

// echoFlag is the first argument of that process, the port the second.
const echoFlag = "-echo-loop"

func newEcho() (*echo, error) {
	ports, err := harness.FreePorts(1)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	e := &echo{port: ports[0], cmd: exec.Command(filepath.Clean(self), echoFlag, strconv.Itoa(ports[0]))}
	e.cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the loop: %w", err)
	}
	return e, nil
}

func (e *echo) end() {
	_ = e.cmd.Process.Kill()
	_ = e.cmd.Wait() // killed
}

func (e *echo) measure(ctx context.Context, c cell, requests int) (sample, error) {
	before, err := cpuSeconds(e.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	args := []string{"-h", "127.0.0.1", "-p", strconv.Itoa(e.port), "-c", strconv.Itoa(c.clients), "-n", strconv.Itoa(requests), "-r", strconv.Itoa(c.keys()), "--precision", "3"}
	args = append(args, fillIn(c.family.command, randomKey, randomNumber, strings.Repeat("x", c.size))...)
	out, err := exec.CommandContext(ctx, "redis-benchmark", args...).Output()
	if err != nil {
		return sample{}, fmt.Errorf("redis-benchmark against the loop: %w", err)
	}
	after, err := cpuSeconds(e.cmd.Process.Pid)
	if err != nil {
		return sample{}, err
	}
	s, err := parseBenchmark(string(out))
	s.busy, s.requests = after-before, requests
	return s, err
}

// runEcho is the loop. It ends with the process.
func runEcho(port int) error {
	defer lockThread()()
	l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	const backlog = 511
	if err := errors.Join(unix.SetsockoptInt(l, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(l, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(l, backlog)); err != nil {
		return fmt.Errorf("listen on port %d: %w", port, err)
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll_create1: %w", err)
	}
	watch := func(fd int) error {
		return unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	}
	if err := watch(l); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	var events [256]unix.EpollEvent
	in, out, args := make([]byte, 64<<10), make([]byte, 0, 64<<10), [][]byte(nil)
	for {
		n, err := unix.EpollWait(poll, events[:], -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			fd := int(e.Fd)
			if fd == l {
				if c, _, err := unix.Accept4(l, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC); err == nil {
					_ = unix.SetsockoptInt(c, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
					_ = watch(c)
				}
				continue
			}
			n, err := unix.Read(fd, in)
			if n <= 0 && !errors.Is(err, unix.EAGAIN) {
				_ = unix.Close(fd)
				continue
			}
			out = out[:0]
			for b := in[:max(n, 0)]; len(b) > 0; {
				var size int
				if args, size, err = units.Parse(b, args[:0]); err != nil {
					break // nobody sends half of a command here
				}
				out, b = append(out, "+OK\r\n"...), b[size:]
			}
			_, _ = unix.Write(fd, out)
		}
	}
}

// asEcho runs the loop if this process is there for that.
func asEcho(args []string) (bool, error) {
	if len(args) != 2 || args[0] != echoFlag {
		return false, nil
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return true, fmt.Errorf("%s %q: %w", echoFlag, args[1], err)
	}
	return true, runEcho(port)
}
