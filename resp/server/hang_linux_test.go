package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/watchdog"
)

// A keptLog keeps the lines of the log.
type keptLog struct {
	engine.Host
	mu    sync.Mutex
	lines []string
}

func (l *keptLog) Logf(_ engine.Level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *keptLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// TestALoopThatHangsIsNamed: the log says which loop does not turn, where it is,
// and that it turns again; loops that sleep, or whose goroutines were handed off to a disk
// that stalls, are none.
func TestALoopThatHangsIsNamed(t *testing.T) {
	log := &keptLog{}
	w := watchdog.New(log)
	h := start(t, config.IOEventLoop, func(_ *house, o *Options) { o.Watch = w })
	looks := func() {
		for range watchdog.Looks + 1 {
			w.Look()
		}
	}
	c, other := h.dial(), h.dial()
	c.send(command("PING"))
	c.expect("+PONG\r\n")
	eventually(t, "the loop sleeps", func() bool { return !h.firstLoop().turns.Busy() })
	looks()
	if got := log.all(); got != "" {
		t.Fatalf("a loop that sleeps: %s", got)
	}

	stalled, goOn := make(chan struct{}), make(chan struct{})
	h.gate.mu.Lock()
	h.gate.work = func() { close(stalled); <-goOn }
	h.gate.mu.Unlock()
	c.send(command("PING"))
	<-stalled
	looks()
	if got := log.all(); got != "" {
		t.Fatalf("a loop that waits for a disk: %s", got)
	}
	close(goOn)
	c.expect("+PONG\r\n")

	hangs, end := make(chan struct{}), make(chan struct{})
	h.gate.mu.Lock()
	h.gate.inTurn = func() { close(hangs); <-end }
	h.gate.mu.Unlock()
	other.send(command("SET", "k", "v"))
	<-hangs
	looks()
	got := log.all()
	if !strings.Contains(got, "Event loop 0 has not turned for 1.0 s: its clients get no answer. It is in: ") || !strings.Contains(got, "server.(*gate).Pass < ") {
		t.Errorf("the log says: %s", got)
	}
	close(end)
	other.expect("+OK\r\n")
	eventually(t, "the log says that it turns again", func() bool {
		w.Look()
		return strings.Contains(log.all(), "Event loop 0 turns again, after ")
	})
}
