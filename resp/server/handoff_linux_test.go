package server

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"regent/engine/config"
)

// TestLentLoopIsTakenBack: a loop whose goroutine does not come back from the
// disk goes on by another, and the first ends when it does. Again and again, and
// in between with work that is quick.
func TestLentLoopIsTakenBack(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	a, b := h.dial(), h.dial()
	before := runtime.NumGoroutine()
	for range 20 {
		began, finish := make(chan bool), make(chan bool)
		back := sync.OnceFunc(func() { close(finish) })
		t.Cleanup(back)
		h.handOff(func() { close(began); <-finish })
		a.send(command("SET", "k", "v"))
		<-began
		a.expect("+OK\r\n")
		b.send(command("GET", "k") + command("INCR", "n") + command("DEL", "n"))
		b.expect("$1\r\nv\r\n:1\r\n:1\r\n")
		back()
		for range 50 {
			done := make(chan bool)
			h.handOff(func() { close(done) })
			b.send(command("PING"))
			b.expect("+PONG\r\n")
			<-done
		}
	}
	eventually(t, "the goroutines that were away end", func() bool { return runtime.NumGoroutine() <= before+1 })
}

// TestALoopIsOnes: a goroutine that comes back knows whether the loop is its own still.
func TestALoopIsOnes(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	lp, err := newLoop(h.front.loops, 1000)
	if err != nil {
		t.Fatal(err)
	}
	defer lp.poll.close()
	defer lp.handOff.timer.Stop()
	for range 3 {
		if !lp.handOffDuring(func() {}) {
			t.Error("nobody else has it")
		}
		if lp.handOffDuring(func() { lp.handOff.count.Add(1) }) { // as review does
			t.Error("another goroutine has it")
		}
	}
}

// TestClosesWhileLent: the end does not wait for a goroutine that the disk holds.
func TestClosesWhileLent(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	began, finish := make(chan bool), make(chan bool)
	h.handOff(func() { close(began); <-finish })
	a := h.dial()
	a.send("PING\r\n")
	<-began
	if err := h.front.Close(); err != nil {
		t.Error(err)
	}
	// The goroutine that took the loop over may have sent the reply before the end.
	if rest := a.rest(); rest != "" && rest != "+PONG\r\n" {
		t.Errorf("got %q before the end", rest)
	}
	close(finish)
	stacks := func() string {
		b := make([]byte, 1<<20)
		return string(b[:runtime.Stack(b, true)])
	}
	eventually(t, "no loop is left", func() bool { return !strings.Contains(stacks(), "(*loop).run") })
}

func (h *house) handOff(work func()) {
	h.gate.mu.Lock()
	h.gate.work = work
	h.gate.mu.Unlock()
}

// TestRepliesLeaveWithTheDisk: where the loop does what the disk has to do by itself, no
// client waits at the barrier, not even while more commands are expected; and what rests on
// nothing that is written leaves meanwhile.
func TestRepliesLeaveWithTheDisk(t *testing.T) {
	h := start(t, config.IOEventLoop, func(h *house, _ *Options) { h.Config.IOThreads.Set(1) }) // none moves
	a, b, c := h.dial(), h.dial(), h.dial()
	for _, x := range []*wire{a, b, c} {
		x.send("PING\r\n")
		x.expect("+PONG\r\n")
	}
	h.front.loops.mu.Lock()
	for _, lp := range h.front.loops.list {
		// Nobody looks whether the disk stalls: on a machine that has too much to do it seems to.
		lp.handOff.armed.Store(true)
	}
	h.front.loops.mu.Unlock()
	for range 50 {
		h.gate.set(0, 0)
		h.expectMore(true)
		a.send(command("SET", "k", "v"))
		b.send(command("INCR", "n"))
		c.send(command("PING"))
		c.expect("+PONG\r\n")
		h.handOff(func() { h.gate.set(-1, 0) })
		h.expectMore(false)
		a.expect("+OK\r\n")
		b.send(command("DEL", "n"))
		b.expect(":1\r\n:1\r\n")
	}
	h.gate.mu.Lock()
	defer h.gate.mu.Unlock()
	if h.gate.waits != 0 {
		t.Errorf("%d clients waited at the barrier", h.gate.waits)
	}
}

// TestStalledCommit: what the disk holds up waits at the barrier as soon as the loop is
// another goroutine's.
func TestStalledCommit(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	a, b := h.dial(), h.dial()
	for range 20 {
		began, finish := make(chan bool), make(chan bool)
		h.gate.set(0, 0)
		h.handOff(func() { close(began); <-finish })
		a.send(command("SET", "k", "v"))
		<-began
		eventually(t, "it waits", func() bool { return h.gate.waiting() == 1 })
		b.send(command("PING"))
		b.expect("+PONG\r\n")
		h.gate.set(-1, 0)
		a.expect("+OK\r\n")
		close(finish)
	}
}

// expectMore has the gate say that more commands are to share an fsync.
func (h *house) expectMore(soon bool) {
	h.gate.mu.Lock()
	h.gate.soon = soon
	h.gate.mu.Unlock()
}
