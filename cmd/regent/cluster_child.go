package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A child is one server process of `regent cluster`.
type child struct {
	port   int
	binary string
	dir    string
	args   []string
	proc   *os.Process
	pid    int // 0: not running
	diedAt time.Time
	ended  string    // how its last process ended
	says   *lastLine // what it last wrote outside its log file
	seen   sighting
}

func (c *child) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// childLog is a child's log file, in its directory.
const childLog = "regent.log"

// exitError is how a child ended.
type exitError struct {
	code  int
	state string
}

func (e *exitError) Error() string { return e.state }

// start runs the child and reports its end to events.
func (c *child) start(events chan<- event) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of node %d: %w", c.port, err)
	}
	c.says = &lastLine{}
	cmd := exec.Command(c.binary, c.args...)
	cmd.Stdout, cmd.Stderr = c.says, c.says
	// A group of its own: the terminal's Ctrl-C goes to the parent, which
	// ends the children in order.
	cmd.SysProcAttr = childAttr()
	began := time.Now()
	err := startTied(cmd, func(err error) {
		var failed *exec.ExitError
		end := &exitError{state: "exit status 0"}
		if errors.As(err, &failed) {
			end.code, end.state = failed.ExitCode(), failed.ProcessState.String()
		}
		events <- event{child: c, err: end, ran: time.Since(began)}
	})
	if err != nil {
		return fmt.Errorf("start node %d: %w", c.port, err)
	}
	c.proc, c.pid = cmd.Process, cmd.Process.Pid
	return nil
}

// startTied starts cmd from a thread that lives as long as the child does:
// the kernel takes the end of the starting thread for the end of the parent.
func startTied(cmd *exec.Cmd, ended func(error)) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	return <-started
}

func (c *child) signal(sig syscall.Signal) {
	if c.pid != 0 {
		_ = c.proc.Signal(sig)
	}
}

func (c *child) lastLine() string { return c.says.String() }

// lastLine keeps the last line that was written to it.
type lastLine struct{ text string }

// maxLastLine bounds that line in bytes.
const maxLastLine = 1024

func (l *lastLine) Write(p []byte) (int, error) {
	lines := strings.Split(strings.TrimSpace(string(p)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		l.text = last[:min(len(last), maxLastLine)]
	}
	return len(p), nil
}

func (l *lastLine) String() string { return l.text }
