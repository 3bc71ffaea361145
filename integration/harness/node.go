// Package harness runs real servers for the system tests and the benchmark:
// built binaries as processes of their own, on loopback, with directories of
// their own. It ends only what it started, by process.
//
// It knows Regent as a user does: through the command line and a Redis
// client. It imports nothing of Regent.
package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness/ports"
)

const (
	// StartTimeout is how long a process may take until it answers PING.
	StartTimeout = 60 * time.Second
	// stopTimeout is how long an orderly end may take.
	stopTimeout = 60 * time.Second
	// pollEvery is the pause between two looks at a condition.
	pollEvery = 5 * time.Millisecond
)

// A Node is one server process, Regent or redis-server.
type Node struct {
	Binary string
	Host   string // "": the loopback address
	Port   int
	Dir    string
	Prefix []string // words before the binary, to run it on a host of its own
	Before []string // arguments before all others: a configuration file
	Args   []string
	Dialer Dialer // for Client; nil: net's own

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how it ended
}

// FreePorts returns n ports that stay this process's (package ports).
func FreePorts(n int) ([]int, error) {
	var free []int
	for range n {
		port, err := ports.Reserve()
		if err != nil {
			return nil, err
		}
		free = append(free, port)
	}
	return free, nil
}

// Addr is host:port.
func (n *Node) Addr() string { return net.JoinHostPort(n.host(), strconv.Itoa(n.Port)) }

func (n *Node) host() string {
	if n.Host == "" {
		return "127.0.0.1"
	}
	return n.Host
}

// PID is the process's ID, 0 when it does not run.
func (n *Node) PID() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// Start runs the process; it does not wait until it answers.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return errors.New("the node runs already")
	}
	if err := os.MkdirAll(n.Dir, 0o755); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	args := append(slices.Clone(n.Before), "--port", strconv.Itoa(n.Port), "--dir", n.Dir, "--bind", n.host())
	args = append(args, n.Args...)
	argv := append(append(slices.Clone(n.Prefix), n.Binary), args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	log, err := os.OpenFile(n.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the node's log: %w", err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.Binary, err)
	}
	done := make(chan struct{})
	n.cmd, n.done = cmd, done
	go func() {
		err := cmd.Wait()
		n.mu.Lock()
		n.err, n.cmd = err, nil
		n.mu.Unlock()
		close(done)
	}()
	return nil
}

// LogFile is where the process's output goes.
func (n *Node) LogFile() string { return filepath.Join(n.Dir, "log") }

// Log is the process's output so far.
func (n *Node) Log() string {
	b, err := os.ReadFile(n.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Ready waits until the server answers PING.
func (n *Node) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, StartTimeout)
	defer cancel()
	c := n.Client()
	defer c.Close()
	return Until(ctx, func() error {
		if n.PID() == 0 {
			return Final(fmt.Errorf("node %d has ended (%v):\n%s", n.Port, n.err, tail(n.Log())))
		}
		err := c.Ping(ctx).Err()
		if err != nil && strings.HasPrefix(err.Error(), "NOAUTH") {
			return nil // it answers
		}
		return err
	})
}

func tail(s string) string {
	const keep = 4000
	return s[max(0, len(s)-keep):]
}

// Client is a plain client of this node without retries.
func (n *Node) Client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Dialer: n.Dialer,
		Addr:   n.Addr(), MaxRetries: -1, DialerRetries: 1,
		DialTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
	})
}

// Signal sends a signal to the process.
func (n *Node) Signal(sig syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return fmt.Errorf("node %d does not run", n.Port)
	}
	if err := n.cmd.Process.Signal(sig); err != nil || sig != syscall.SIGSTOP {
		return err
	}
	return awaitStopped(n.cmd.Process.Pid)
}

// stopPatience is how long the kernel may take to stop every thread.
const stopPatience = 10 * time.Second

// awaitStopped returns when no thread of the process runs any more: a signal
// has been sent when kill returns, not yet carried out, and on a busy machine
// a server answers several requests in between.
func awaitStopped(pid int) error {
	for end := time.Now().Add(stopPatience); ; time.Sleep(100 * time.Microsecond) {
		running, err := runningThread(pid)
		if err != nil || running == "" {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("thread %s of process %d still runs %s after SIGSTOP", running, pid, stopPatience)
		}
	}
}

// runningThread names a thread of the process that is not stopped, "" if there
// is none.
func runningThread(pid int) (string, error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return "", err
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return "", fmt.Errorf("is the process stopped: %w", err)
		}
		_, state, _ := strings.Cut(string(text), ") ")
		if !strings.HasPrefix(state, "T") {
			return path, nil
		}
	}
	return "", nil
}

// Kill ends the process at once, as kill -9 does, and waits for its end.
func (n *Node) Kill() error { return n.end(syscall.SIGKILL) }

// Stop ends the process in order and returns how it exited.
func (n *Node) Stop() error {
	if err := n.end(syscall.SIGTERM); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

// Exited waits for the end of the process and returns its exit status.
func (n *Node) Exited(ctx context.Context) (int, error) {
	n.mu.Lock()
	done := n.done
	n.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return 0, fmt.Errorf("node %d still runs: %w", n.Port, ctx.Err())
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case n.err == nil:
		return 0, nil
	case errors.As(n.err, &exit):
		return exit.ExitCode(), nil
	}
	return 0, n.err
}

func (n *Node) end(sig syscall.Signal) error {
	n.mu.Lock()
	cmd, done := n.cmd, n.done
	n.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if sig != syscall.SIGKILL { // what is killed does nothing more, stopped or not
		_ = cmd.Process.Signal(syscall.SIGCONT) // a stopped process does not see SIGTERM before
	}
	if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal node %d: %w", n.Port, err)
	}
	select {
	case <-done:
		return nil
	case <-time.After(stopTimeout):
		_ = cmd.Process.Kill()
		<-done
		return fmt.Errorf("node %d did not end within %s of %s", n.Port, stopTimeout, sig)
	}
}

// Info is one node's INFO as a map.
func (n *Node) Info(ctx context.Context, sections ...string) (map[string]string, error) {
	c := n.Client()
	defer c.Close()
	text, err := c.Info(ctx, sections...).Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

// finalError ends Until at once.
type finalError struct{ error }

// Final marks an error that waiting cannot mend.
func Final(err error) error { return finalError{err} }

// Until calls f again and again until it returns nil, a Final error, or ctx
// ends, and returns its last error.
func Until(ctx context.Context, f func() error) error {
	for {
		err := f()
		var final finalError
		if err == nil || errors.As(err, &final) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
		case <-time.After(pollEvery):
		}
	}
}
