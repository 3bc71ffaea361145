package server

import (
	"os"
	"sync/atomic"
	"testing"

	"regent/engine/config"
)

// TestWatched: what comes at a descriptor is told to the one who watches it, until that has
// had enough or the server ends; and clients are served beside it.
func TestWatched(t *testing.T) {
	h := start(t, config.IOEventLoop, nil)
	a := h.dial()
	a.send("PING\r\n")
	a.expect("+PONG\r\n")
	type end struct{ r, w *os.File }
	var ends []end
	var tended [3]struct{ turns, rests atomic.Int64 }
	calls := make(chan byte, 16)
	for i := range tended {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		fd := int(r.Fd()) // which reads wait for from now on
		if !h.front.Watch(fd, func() bool {
			var b [1]byte
			if n, _ := r.Read(b[:]); n == 0 {
				return false // the other end is closed
			}
			calls <- b[0]
			return b[0] != 'x'
		}, func(resting bool) {
			if resting {
				tended[i].rests.Add(1)
			} else {
				tended[i].turns.Add(1)
			}
		}) {
			t.Fatal("nobody watches")
		}
		ends = append(ends, end{r, w})
	}
	say := func(i int, b byte) {
		t.Helper()
		if _, err := ends[i].w.Write([]byte{b}); err != nil {
			t.Fatal(err)
		}
		if got := <-calls; got != b {
			t.Fatalf("%q is told where %q was said", got, b)
		}
	}
	for _, b := range []byte("abc") {
		for i := range ends {
			say(i, b)
		}
		a.send("PING\r\n")
		a.expect("+PONG\r\n")
	}
	say(1, 'x')
	_ = ends[1].r.Close()
	eventually(t, "the descriptor is let go", func() bool {
		_, err := ends[1].w.Write([]byte("y"))
		return err != nil // nobody can read it any more
	})
	say(0, 'd')
	say(2, 'd') // and so the first loop has forgotten that one
	tends := func(i int) int64 { return tended[i].turns.Load() + tended[i].rests.Load() }
	gone := tends(1)
	for i := range tended {
		rests := tended[i].rests.Load()
		a.send("PING\r\n")
		a.expect("+PONG\r\n")
		if i != 1 {
			eventually(t, "a loop that rests tends", func() bool { return tended[i].rests.Load() > rests && tended[i].turns.Load() > 0 })
		}
	}
	if n := tends(1); n != gone {
		t.Errorf("the one that had enough is tended %d times more", n-gone)
	}
	if err := h.front.Close(); err != nil {
		t.Fatal(err)
	}
	for _, e := range ends {
		_ = e.r.Close()
		if _, err := e.w.Write([]byte("z")); err == nil {
			t.Fatal("a descriptor is left open")
		}
	}
	if h.front.loops.tended.Load() != nil {
		t.Error("a server that has ended holds what it tended")
	}
	if h.front.Watch(0, func() bool { return true }, nil) {
		t.Fatal("a server that has ended watches")
	}
}
