package watchdog

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/engine"
)

// A logHost keeps the lines of the log.
type logHost struct {
	engine.Host
	lines []string
}

func (h *logHost) Logf(_ engine.Level, format string, args ...any) {
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
}

func (h *logHost) AfterFunc(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }

func TestALoopThatDoesNotTurnIsReported(t *testing.T) {
	h := &logHost{}
	w := New(h)
	l := w.Watch("Event loop 3", "nobody is served", nil)
	idle := w.Watch("Event loop 4", "nobody is served", nil)
	idle.Turn()
	idle.Rest()
	look := func(n int) {
		for range n {
			w.Look()
		}
	}
	for range 100 { // turning and resting is no reason to say anything
		l.Turn()
		w.Look()
		l.Rest()
		look(2)
	}
	l.Turn()
	look(Looks)
	if len(h.lines) != 0 {
		t.Fatalf("reported too early: %q", h.lines)
	}
	look(1)
	if len(h.lines) != 1 || !strings.HasPrefix(h.lines[0], "Event loop 3 has not turned for 1.0 s: nobody is served.") {
		t.Fatalf("after %d looks: %q", Looks, h.lines)
	}
	look(Looks - 1)
	if len(h.lines) != 1 {
		t.Fatalf("said twice too soon: %q", h.lines)
	}
	look(1)
	if len(h.lines) != 2 {
		t.Fatalf("not said again: %q", h.lines)
	}
	l.Turn()
	look(1)
	if len(h.lines) != 3 || h.lines[2] != "Event loop 3 turns again, after 2.0 s" {
		t.Fatalf("%q", h.lines)
	}
	l.Rest()
	look(100)
	if len(h.lines) != 3 {
		t.Errorf("a loop that rests was reported: %q", h.lines)
	}
}

// A spinner never comes back from its turn.
type spinner struct {
	loop *Loop
	stop chan struct{}
}

//go:noinline
func (s *spinner) run() {
	s.loop.Turn()
	<-s.stop
	s.loop.Rest()
}

func TestTheReportTellsWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &logHost{}
		w := New(h)
		s := &spinner{stop: make(chan struct{})}
		s.loop = w.Watch("A spinner", "nothing goes on", s)
		go s.run()
		w.Start()
		time.Sleep(1500 * time.Millisecond)
		w.Stop()
		close(s.stop)
		synctest.Wait()
		if len(h.lines) != 1 || !strings.Contains(h.lines[0], "It is in: watchdog.(*spinner).run") {
			t.Errorf("%q", h.lines)
		}
		time.Sleep(time.Minute)
		if len(h.lines) != 1 {
			t.Errorf("it looks after its end: %q", h.lines)
		}
	})
}

func TestNobodyWatches(t *testing.T) {
	var w *Watchdog
	l := w.Watch("x", "y", nil)
	l.Turn()
	l.Rest()
}
