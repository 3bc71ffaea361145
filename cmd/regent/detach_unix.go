//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// daemonize yes: the process starts itself again in a session of its own,
// without the terminal, and ends when that one has its directory and its ports.
// A start that fails before says so here, with exit status 1; what comes
// afterwards is in the log.
//
//	parent ── starts ──► child: configuration, directory, ports
//	   ▲                   │ the pipe: serving, or the reason why not
//	   └───────────────────┘
const (
	detachedEnv = "REGENT_DETACHED" // set: this is the child
	detachPipe  = 3                 // the child's descriptor of the pipe
	serving     = "\x06"            // what it writes there once it serves
	maxReason   = 64 << 10          // bytes that the parent repeats
)

// detach starts the child; text is a configuration that was read from standard
// input.
func (t tool) detach(text string) (status int) {
	failed := func(err error) int { return t.fail(fmt.Errorf("daemonize: %w", err)) }
	self, err := os.Executable()
	if err != nil {
		return failed(err)
	}
	from, to, err := os.Pipe()
	if err != nil {
		return failed(err)
	}
	defer from.Close()
	cmd := exec.Command(self, t.args...)
	cmd.Env = append(os.Environ(), detachedEnv+"=1")
	cmd.ExtraFiles = []*os.File{to}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := asFile(text)
	if err != nil {
		return failed(err)
	}
	defer in.Close()
	cmd.Stdin = in
	err = cmd.Start()
	to.Close()
	if err != nil {
		return failed(err)
	}
	said, err := io.ReadAll(io.LimitReader(from, maxReason))
	if string(said) == serving {
		return exitOK
	}
	fmt.Fprint(t.err, string(said))
	if werr := cmd.Wait(); err == nil && werr == nil {
		err = errors.New("the server ended before it served")
	}
	if len(said) == 0 {
		return failed(errors.Join(err, errors.New("the server ended before it served")))
	}
	return exitFailed
}

// asFile is text as a file that has no name any more.
func asFile(text string) (*os.File, error) {
	if text == "" {
		return os.Open(os.DevNull)
	}
	f, err := os.CreateTemp("", "regent.*.conf")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, err
	}
	_, err = io.Copy(f, strings.NewReader(text))
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	return f, err
}

// detached is the child's side: its errors go to the parent until serves is
// called.
func (t tool) detached() (child tool, serves func()) {
	if os.Getenv(detachedEnv) == "" {
		return t, func() {}
	}
	_ = os.Unsetenv(detachedEnv)
	to := os.NewFile(detachPipe, "the parent")
	syscall.CloseOnExec(detachPipe)
	t.err, t.isDetached = to, true
	return t, func() {
		_, _ = io.WriteString(to, serving)
		_ = to.Close()
	}
}
