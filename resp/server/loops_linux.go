package server

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine"
	"regent/engine/config"
)

// loops are a server's event loops: the first, which is always at work, and
// others that are started when the load asks for them.
type loops struct {
	srv    *Server
	limit  int           // loops at most
	ticks  func() int64  // a clock for durations, in ns
	active atomic.Int64  // loops at work: the first so many of list
	done   chan struct{} // closed when the server closes
	ending sync.Once
	asides chan struct{} // slow keys in use

	mu   sync.Mutex
	list []*loop // grows, up to limit

	windows atomic.Uint32 // counts them

	tended atomic.Pointer[[]*watched] // what the first loop watches; nil: nothing

	// The rest belongs to the first loop.
	gov    governor
	began  int64 // ticks: when the window began
	loads  []load
	skewed int // windows in a row that were uneven
	cores  idleCores
	visits int    // of home
	local  string // see intern
}

const (
	// window is over what time loads are compared.
	window = 50 * time.Millisecond
	// evenAfter is how many windows in a row must be uneven before clients
	// move from one loop at work to another.
	evenAfter = 3
)

// newLoops makes the loops that the configuration asks for; nil: none.
func newLoops(s *Server) *loops {
	if s.cfg.IOModel.Get() == config.IOGoroutine {
		return nil
	}
	limit := int(s.cfg.IOThreads.Get())
	if limit == 0 {
		limit = runtime.GOMAXPROCS(0) // heeds a container's quota
	}
	began := time.Now()
	return &loops{srv: s, limit: limit, ticks: func() int64 { return int64(time.Since(began)) }, done: make(chan struct{}), asides: make(chan struct{}, asides())}
}

// serve accepts from l until the server is closed; false: l is nothing for an
// event loop.
func (g *loops) serve(l net.Listener, face engine.Face, secure bool) bool {
	d := listenerOf(l, face, secure)
	if d == nil {
		return false
	}
	first, err := g.loop(0)
	if err != nil {
		d.close()
		g.srv.log(engine.LevelWarning, "Serving %s without event loops: %v", l.Addr(), err)
		return false
	}
	if !first.post(nil, &order{listener: d}) {
		d.close()
	}
	d.own()
	select {
	case <-g.done:
	case <-d.gone: // the server ends, or the listener is dropped
	}
	return true
}

// drop ends accepting at listeners, and returns when the loop has let go of their sockets.
func (g *loops) drop(list []net.Listener) {
	all := g.all()
	if len(all) == 0 {
		return
	}
	first := all[0] // it has all of them
	done := make(chan struct{})
	let := func() {
		for _, l := range list {
			first.dropListener(l)
		}
		close(done)
	}
	if first.post(nil, &order{ask: let}) {
		select {
		case <-done:
		case <-first.finished:
		}
	}
}

// loop returns the i-th loop, which is started if need be.
func (g *loops) loop(i int) (*loop, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i < len(g.list) {
		return g.list[i], nil
	}
	lp, err := newLoop(g, i)
	if err != nil {
		return nil, fmt.Errorf("event loop %d: %w", i, err)
	}
	g.active.CompareAndSwap(0, 1) // the first loop looks at it as soon as it turns, and a guest or a watch may start it
	g.list = append(g.list, lp)
	go lp.run()
	return lp, nil
}

// all lists the loops that have been started.
func (g *loops) all() []*loop {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.list
}

// shut ends accepting; the listeners themselves are closed.
func (g *loops) shut() {
	for _, lp := range g.all() {
		lp.post(nil, &order{ask: lp.shutListeners})
	}
}

// close ends the loops, whose clients are gone.
func (g *loops) close() {
	for _, lp := range g.all() {
		lp.leave()
	}
	g.ending.Do(func() { close(g.done) })
}

// home is the loop that a new client comes to.
func (g *loops) home() *loop {
	n := int(g.active.Load())
	g.visits++
	return g.all()[g.visits%n]
}

// intern returns text, shared with the last client that had the same.
func (g *loops) intern(text string) string {
	if text != g.local {
		g.local = text
	}
	return g.local
}

// govern looks once per window whether the loops at work are the right ones,
// on the first loop.
func (g *loops) govern() {
	now := g.ticks()
	took := now - g.began
	if took < int64(window) {
		return
	}
	g.began = now
	g.windows.Add(1)
	all := g.all()
	n := int(g.active.Load())
	g.loads = g.loads[:0]
	for _, lp := range all[:n] {
		g.loads = append(g.loads, lp.meter.load(now, took))
	}
	want := g.gov.decide(g.loads, g.limit, func() float64 { return g.cores.idle(now) })
	if want != n {
		g.srv.log(engine.LevelVerbose, "Event loops at work: %d, because %d did %.2f", want, n, g.loads)
	}
	switch {
	case want > n:
		g.grow(all[:n])
	case want < n:
		g.active.Store(int64(want))
		all[n-1].post(nil, &order{among: all[:want]})
	default:
		g.balance(all)
	}
}

// grow puts one more loop to work.
func (g *loops) grow(atWork []*loop) {
	n := len(atWork)
	lp, err := g.loop(n)
	if err != nil {
		g.srv.log(engine.LevelWarning, "Going on with %d: %v", n, err)
		g.limit = n
		return
	}
	lp.meter.load(g.began, 1) // forget what it did before
	g.active.Store(int64(n + 1))
	for _, other := range atWork {
		other.post(nil, &order{to: lp, share: 1 / float64(n+1)})
	}
}

// balance evens out loops that are at work.
func (g *loops) balance(all []*loop) {
	from, to, share, ok := even(g.loads)
	if g.skewed = inARow(g.skewed, ok); g.skewed >= evenAfter {
		g.skewed = 0
		all[from].post(nil, &order{to: all[to], share: share})
	}
}
