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
	a.ended()
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
