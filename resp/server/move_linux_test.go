package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// shuffle moves clients between loops, and loops between work and rest, until
// the returned function is called.
func shuffle(t testing.TB, s *Server) (rest func()) {
	g := s.loops
	list := func() []*loop {
		for i := range g.limit {
			if _, err := g.loop(i); err != nil {
				t.Error(err)
			}
		}
		return g.all()
	}()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		rnd := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(rnd.IntN(300)) * time.Microsecond):
			}
			from, to := list[rnd.IntN(len(list))], list[rnd.IntN(len(list))]
			switch rnd.IntN(8) {
			case 0:
				g.active.Store(int64(1 + rnd.IntN(len(list))))
			case 1:
				from.post(nil, &order{among: list[:g.active.Load()]})
			default:
				if from != to {
					from.post(nil, &order{to: to, share: rnd.Float64()})
				}
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// TestMovedClientsLoseNothing: clients that are moved all the time get every
// reply in its order, whole commands and parts of them alike.
func TestMovedClientsLoseNothing(t *testing.T) {
	h := start(t, moving, nil)
	var all sync.WaitGroup
	for i := range 20 {
		w := h.dial()
		all.Add(1)
		go func() {
			defer all.Done()
			key := fmt.Sprint("n", i)
			rnd := rand.New(rand.NewPCG(uint64(i), 0))
			n := 0
			for range 200 {
				var ask, want strings.Builder
				for range 1 + rnd.IntN(20) {
					n++
					ask.WriteString(command("INCR", key))
					fmt.Fprintf(&want, ":%d\r\n", n)
				}
				s := ask.String()
				cut := rnd.IntN(len(s))
				w.send(s[:cut])
				w.send(s[cut:])
				w.expect(want.String())
			}
		}()
	}
	seen := map[*loop]bool{}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-time.After(time.Millisecond):
		}
		h.front.mu.Lock()
		for c := range h.front.clients {
			seen[c.link.(*slot).at.Load()] = true
		}
		h.front.mu.Unlock()
	}
	if len(seen) < 2 {
		t.Fatal("one loop did everything")
	}
}

// TestRestingLoopsLetGo: after the load every client is the first loop's, and
// the others hold no memory for them.
func TestRestingLoopsLetGo(t *testing.T) {
	h := start(t, moving, nil)
	var ws []*wire
	for range 50 {
		w := h.dial()
		w.send("GET k\r\n")
		w.expect("$-1\r\n")
		ws = append(ws, w)
	}
	g := h.front.loops
	calm := func() bool {
		g.active.Store(1)
		first := g.all()[0]
		for _, lp := range g.all()[1:] {
			lp.post(nil, &order{among: []*loop{first}})
		}
		for _, w := range ws {
			w.send("GET k\r\n")
			w.expect("$-1\r\n")
		}
		h.front.mu.Lock()
		defer h.front.mu.Unlock()
		for c := range h.front.clients {
			if c.link.(*slot).at.Load() != first {
				return false
			}
		}
		return true
	}
	eventually(t, "all clients are the first loop's", calm)
}
