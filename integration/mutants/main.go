package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Limits of one mutant.
const (
	// testLimit is how long one package's tests may take; those of a mutant that
	// hangs are ended then.
	testLimit = 6 * time.Minute
	// testGrace is what the compiler gets on top of that.
	testGrace = 10 * time.Minute
	// maxShown is how many names of failed tests are shown.
	maxShown = 3
)

func main() {
	root := flag.String("root", ".", "the tree's root")
	sim := flag.String("sim", "./integration/sim", "what judges the mutants that their own package lets live")
	side := flag.Int("j", 1, "how many run side by side")
	only := flag.String("run", "", "only those whose path or comment matches this regular expression")
	quick := flag.Bool("quick", false, "those that a line names tests for are judged by these alone")
	list := flag.Bool("list", false, "print the table and end")
	flag.Parse()
	survived, err := run(*root, *sim, *side, *only, *list, *quick)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survived > 0 {
		os.Exit(1)
	}
}

func run(root, sim string, side int, only string, list, quick bool) (survived int, err error) {
	if side < 1 {
		return 0, fmt.Errorf("-j %d: at least one must run", side)
	}
	match, err := regexp.Compile(only)
	if err != nil {
		return 0, err
	}
	all, err := readTable(tableText)
	if err != nil {
		return 0, err
	}
	var chosen []mutant
	for _, m := range all {
		if match.MatchString(m.file) || match.MatchString(m.why) {
			chosen = append(chosen, m)
		}
	}
	if list {
		for _, m := range chosen {
			fmt.Printf("%4d %-32s %s\n", m.line, m.file, m.why)
		}
		return 0, nil
	}
	dir, err := os.MkdirTemp("", "regent-mutants-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	h := &hunt{root: root, sim: sim, quick: quick, dir: dir, out: os.Stdout, total: len(chosen)}
	return h.all(chosen, side)
}

// A hunt runs mutants.
type hunt struct {
	root, sim, dir string
	quick          bool

	mu       sync.Mutex
	out      io.Writer
	done     int
	total    int
	survived int
	errs     []error
}

func (h *hunt) all(chosen []mutant, side int) (survived int, err error) {
	work := make(chan *mutant)
	var wg sync.WaitGroup
	for range side {
		wg.Go(func() {
			for m := range work {
				h.one(m)
			}
		})
	}
	for i := range chosen {
		work <- &chosen[i]
	}
	close(work)
	wg.Wait()
	fmt.Fprintf(h.out, "%d planted, %d survived\n", len(chosen), h.survived)
	return h.survived, errors.Join(h.errs...)
}

// one plants one mutant and says what became of it.
func (h *hunt) one(m *mutant) {
	began := time.Now()
	fate, survives, err := h.fate(m)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.done++
	if err != nil {
		fate = "ERROR: " + err.Error()
		h.errs = append(h.errs, fmt.Errorf("line %d, %s: %w", m.line, m.file, err))
	}
	if survives {
		h.survived++
	}
	fmt.Fprintf(h.out, "%3d/%d  %-28s %4.0f s  %s\n         %s\n", h.done, h.total, m.file, time.Since(began).Seconds(), fate, m.why)
}

func (h *hunt) fate(m *mutant) (fate string, survives bool, err error) {
	overlay, err := h.overlay(m)
	if err != nil {
		return "", false, err
	}
	suites := m.suites(h.sim)
	if h.quick && m.first != (suite{}) {
		suites = suites[:1]
	}
	for _, s := range suites {
		args := append([]string{"test", "-overlay", overlay, "-vet=off", "-ldflags=-w", "-count=1", "-failfast", "-timeout", testLimit.String()}, s.args()...)
		out, err := h.goTool(testLimit+testGrace, args...)
		switch {
		case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
			return "", false, fmt.Errorf("it, or the tests of %s, do not compile: %s", s.pkg, last(out, 300))
		case strings.Contains(out, "[no tests to run]"):
			return "", false, fmt.Errorf("%s has no %s", s.pkg, s.run)
		case err != nil:
			return "caught by " + s.pkg + ": " + failed(out), false, nil
		}
	}
	return "SURVIVES", true, nil
}

// overlay writes the changed file and what tells the compiler of it.
func (h *hunt) overlay(m *mutant) (string, error) {
	text, err := m.apply(h.root)
	if err != nil {
		return "", err
	}
	real, err := filepath.Abs(filepath.Join(h.root, filepath.FromSlash(m.file)))
	if err != nil {
		return "", err
	}
	base := filepath.Join(h.dir, strconv.Itoa(m.line))
	changed, overlay := base+".go", base+".json"
	b, err := json.Marshal(map[string]map[string]string{"Replace": {real: changed}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlay, b, 0o600))
}

func (h *hunt) goTool(limit time.Duration, args ...string) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = h.root
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	return b.String(), err
}

// failed is which tests failed, or how their output ends.
func failed(out string) string {
	var names []string
	for line := range strings.Lines(out) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok && len(names) < maxShown {
			names = append(names, strings.Fields(name)[0])
		}
	}
	switch {
	case len(names) > 0:
		return strings.Join(names, ", ")
	case strings.Contains(out, "test timed out"):
		return "it hangs"
	}
	return last(out, 200)
}

// last is the last n bytes of s in one line.
func last(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	return s[max(len(s)-n, 0):]
}
