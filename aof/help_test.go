package aof

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/engine"
	"regent/resp"
)

// A testHost has timers that fire when the test says so.
type testHost struct {
	mu     sync.Mutex
	lines  []string
	timers []func()
	seed   atomic.Uint64
	ticks  atomic.Int64
}

func (h *testHost) Now() int64   { return 0 }
func (h *testHost) Mono() int64  { return 0 }
func (h *testHost) Ticks() int64 { return h.ticks.Load() }
func (h *testHost) Rand() uint64 { return h.seed.Add(0x9e3779b97f4a7c15) }

func (h *testHost) AfterFunc(_ time.Duration, f func()) func() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timers = append(h.timers, f)
	return func() bool { return false }
}

func (h *testHost) Logf(_ engine.Level, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

// fire runs the timers that were set.
func (h *testHost) fire() {
	h.mu.Lock()
	due := h.timers
	h.timers = nil
	h.mu.Unlock()
	for _, f := range due {
		f()
	}
}

func (h *testHost) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

// testDir is where logs live in a disktest file system.
const testDir = "/log"

// A rig is a log with its surroundings.
type rig struct {
	*Log
	host   *testHost
	fsync  atomic.Int64
	events chan string // what the callbacks said
	got    []string    // what Load carried out
	kept   int64       // size of the last file after the load
}

func newRig(fsys disk.FS, dir string, policy int64) (*rig, error) {
	r := &rig{host: &testHost{}, events: make(chan string, 1000)}
	tell := func(what string) func() { return func() { r.events <- what } }
	r.fsync.Store(policy)
	log, err := Open(Options{
		Dir: dir, Name: "appendonly.aof", Host: r.host, Disk: fsys, Fsync: r.fsync.Load,
		Failed:    func(error) { r.events <- "failed" },
		NoSpace:   func(error) { r.events <- "no space" },
		Recovered: tell("recovered"), SpaceBack: tell("space back"),
	})
	r.Log = log
	return r, err
}

// loaded opens and loads the log in fsys.
func loaded(fsys disk.FS, policy int64) (*rig, error) {
	r, err := newRig(fsys, testDir, policy)
	if err != nil {
		return r, err
	}
	if err := r.Load(collect(&r.got), nil); err != nil {
		_ = r.Close()
		return r, err
	}
	// A backlog so small that readers must also go to the files.
	end := r.written.Load()
	r.backlog = backlog{ring: make([]byte, 300), start: end, end: end}
	return r, nil
}

func mustLoad(t testing.TB, fsys disk.FS, policy int64) *rig {
	t.Helper()
	r, err := loaded(fsys, policy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// collect follows SELECT and MULTI as the engine does, and writes down what is
// carried out where: "3: SET k v".
func collect(out *[]string) func(int, [][]byte) error {
	db, open := 0, false
	var held [][]string
	one := func(words []string) {
		if words[0] == "SELECT" && len(words) == 2 {
			fmt.Sscan(words[1], &db)
			return
		}
		*out = append(*out, fmt.Sprintf("%d: %s", db, strings.Join(words, " ")))
	}
	return func(now int, args [][]byte) error {
		if db != now && !open {
			db = now
		}
		words := make([]string, len(args))
		for i, a := range args {
			words[i] = string(a)
		}
		switch {
		case words[0] == "MULTI":
			open = true
		case words[0] == "EXEC":
			for _, w := range held {
				one(w)
			}
			open, held = false, nil
		case open:
			held = append(held, words)
		default:
			one(words)
		}
		return nil
	}
}

// effects makes the records of one command: "3: SET k v".
func effects(lines ...string) *engine.Effects {
	e := &engine.Effects{}
	for _, line := range lines {
		var db int
		head, rest, _ := strings.Cut(line, ": ")
		fmt.Sscan(head, &db)
		e.Buf = resp.AppendCommand(e.Buf, strings.Split(rest, " ")...)
		e.Recs = append(e.Recs, engine.Effect{DB: db, End: len(e.Buf)})
	}
	return e
}

// write appends one command's records and seals them.
func (r *rig) write(t testing.TB, lines ...string) int64 {
	t.Helper()
	end := r.Recorder().Append(effects(lines...))
	if err := r.Seal(end); err != nil {
		t.Fatal(err)
	}
	return end
}

func wantLines(t testing.TB, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Fatalf("got\n%s\nwant\n%s", g, w)
	}
}

// waitFor waits until a callback has said what.
func (r *rig) waitFor(t testing.TB, what string) {
	t.Helper()
	for late := time.After(10 * time.Second); ; {
		select {
		case got := <-r.events:
			if got == what {
				return
			}
		case <-late:
			t.Fatalf("nobody was told: %s", what)
		}
	}
}

// rewrite rewrites the log with a base of these commands, cut at the end.
func (r *rig) rewrite(t testing.TB, format Format, commands ...string) error {
	t.Helper()
	return r.Rewrite(t.Context(), format, func(w io.Writer, cut func(int64) (Place, error)) error {
		if _, err := cut(r.Recorder().End()); err != nil {
			return err
		}
		for _, c := range commands {
			if _, err := w.Write(effects("0: " + c).Buf); err != nil {
				return err
			}
		}
		return nil
	})
}
