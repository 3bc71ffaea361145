package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regent/integration/harness"
)

// unitTimeout bounds one unit on one server; the suite's own limit is longer.
const unitTimeout = 10 * time.Minute

// Ports of the suite: how many it may take for servers, beginning at its base port, of which it
// asks each whether it is free, and how far below that its own is.
const (
	portCount = 2000
	belowBase = 32
)

// waitDelay is how long the output of a unit that was ended is waited for.
const waitDelay = 5 * time.Second

// An outcome is how a test ended.
type outcome int

const (
	passed outcome = iota + 1
	failed
)

// A result is a unit's tests on one server.
type result struct {
	tests map[string]outcome
	why   map[string]string // of a failed test: the suite's first line on it
	// broken is why the unit ended before its end, "" when it did not.
	broken string
}

// A suite runs units of the Tcl suite in dir.
type suite struct{ dir, tested, reference string }

// A side is one of the two servers that are compared.
type side struct {
	binary string
	tested bool
	args   []string // beside those of every server, in the external mode
	home   string   // the suite's directory, with the server in src, in its own mode
}

// run runs a unit against one side. Tests that failed for what a test before them has
// left behind are run once more by themselves.
func (s suite) run(ctx context.Context, m mode, unit string, on side) (result, error) {
	r, err := s.runOnly(ctx, m, unit, nil, on)
	if err != nil {
		return r, err
	}
	var again []string
	for name, why := range r.why {
		if left := reasonFor(name, why); left == after || left == afterKeys {
			again = append(again, name)
		}
	}
	if len(again) == 0 {
		return r, nil
	}
	alone, err := s.runOnly(ctx, m, unit, again, on)
	for name, o := range alone.tests {
		if o == passed {
			r.tests[name] = passed
		} else {
			r.why[name] = alone.why[name]
		}
	}
	return r, err
}

// runOnly runs these tests of a unit, nil: all of them.
func (s suite) runOnly(ctx context.Context, m mode, unit string, only []string, on side) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, unitTimeout)
	defer cancel()
	flags := []string{"tests/test_helper.tcl", "--durable", "--clients", "1", "--no-latency", "--single", unit}
	for _, name := range only {
		flags = append(flags, "--only", name)
	}
	if on.tested {
		for _, name := range harmful(m) {
			flags = append(flags, "--skiptest", name)
		}
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		return result{}, err
	}
	flags = append(flags, "--baseport", strconv.Itoa(ports[0]+belowBase), "--portcount", strconv.Itoa(portCount))
	if m == external {
		return s.outside(ctx, on, flags)
	}
	if m == encrypted {
		flags = append(flags, "--tls")
	}
	return tclsh(ctx, on.home, flags)
}

// outside runs the suite in its external mode against a fresh server.
func (s suite) outside(ctx context.Context, on side, flags []string) (result, error) {
	ports, err := harness.FreePorts(1)
	if err != nil {
		return result{}, err
	}
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	n := &harness.Node{Binary: on.binary, Port: ports[0], Dir: dir, Args: on.args}
	if err := n.Start(); err != nil {
		return result{}, err
	}
	defer func() { _ = n.Kill() }()
	if err := n.Ready(ctx); err != nil {
		return result{}, fmt.Errorf("%s does not answer: %w\n%s", on.binary, err, n.Log())
	}
	return tclsh(ctx, s.dir, append(flags, "--host", "127.0.0.1", "--port", strconv.Itoa(ports[0])))
}

// tclsh runs the suite with flags, and ends what it has started.
func tclsh(ctx context.Context, dir string, flags []string) (result, error) {
	cmd := exec.CommandContext(ctx, "tclsh", flags...)
	cmd.Dir = dir
	// It has a client of its own, which holds its output open, and servers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = waitDelay
	out, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // a server that a test has left
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return result{}, fmt.Errorf("run the suite: %w", err)
	}
	r := parse(string(out))
	if exit != nil && len(r.tests) == 0 && ctx.Err() == nil && r.broken == "" {
		return result{}, fmt.Errorf("the suite did not run: %s", out)
	}
	if r.broken == "" && ctx.Err() != nil {
		r.broken = fmt.Sprintf("did not end within %v", unitTimeout)
	}
	return r, nil
}

var (
	colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)
	lineOf  = regexp.MustCompile(`^\[(ok|err|exception|ignore|skip)\]: (.*?)(?: \(\d+ ms\))?$`)
	errorIn = regexp.MustCompile(`^(.*) in tests/(?:unit|integration)/\S+\.tcl$`)
)

// What the suite says of a server that it could not start, and what is said here of the test behind
// that: the suite leaves out what was to be done with the server, and takes the test for passed.
const (
	cantStart  = "Can't start the Redis server"
	notStarted = "its server did not start"
)

// parse reads what the suite prints: a line for each test, and for one that
// failed what it saw.
func parse(out string) result {
	r := result{tests: map[string]outcome{}, why: map[string]string{}}
	var last string
	without := false // the next test has no server
	sc := bufio.NewScanner(strings.NewReader(out))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := colours.ReplaceAllString(sc.Text(), "")
		m := lineOf.FindStringSubmatch(line)
		if m == nil {
			if last != "" && strings.TrimSpace(line) != "" {
				r.why[last] = clip(strings.TrimSpace(line))
				last = ""
			}
			continue
		}
		last = ""
		switch m[1] {
		case "ok":
			if without {
				without, r.tests[m[2]], r.why[m[2]] = false, failed, notStarted
			}
			if r.tests[m[2]] != failed {
				r.tests[m[2]] = passed
			}
		case "err":
			name := m[2]
			without = name == cantStart
			if in := errorIn.FindStringSubmatch(name); in != nil {
				name = in[1]
			}
			r.tests[name], last = failed, name
		case "exception":
			r.broken = clip(m[2])
		}
	}
	return r
}

// maxWhy bounds what is shown of a failure, in characters.
const maxWhy = 160

func clip(s string) string {
	if len(s) > maxWhy {
		s = s[:maxWhy] + "…"
	}
	return s
}

// units are the suite's units by name, as its files are called.
func (s suite) units() ([]string, error) {
	var names []string
	for _, pattern := range []string{"tests/unit/*.tcl", "tests/unit/type/*.tcl", "tests/unit/cluster/*.tcl", "tests/integration/*.tcl"} {
		files, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			rel, err := filepath.Rel(filepath.Join(s.dir, "tests"), f)
			if err != nil {
				return nil, err
			}
			names = append(names, strings.TrimSuffix(rel, ".tcl"))
		}
	}
	return names, nil
}
