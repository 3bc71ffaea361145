package server

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

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

	mu   sync.Mutex
	list []*loop // grows, up to limit

	// The rest belongs to the first loop.
	gov     governor
	next    int64  // ticks: when the window ends
	turn    int    // of home
	lastLoc string // see intern
}

// window is over what time loads are compared.
const window = 50 * time.Millisecond

// newLoops makes the loops that the configuration asks for; nil: none.
func newLoops(s *Server) *loops {
	if s.cfg.IOModel.Get() == config.IOGoroutine {
		return nil
	}
	limit := int(s.cfg.IOThreads.Get())
	if limit == 0 {
		limit = runtime.NumCPU()
	}
	began := time.Now()
	return &loops{srv: s, limit: limit, ticks: func() int64 { return int64(time.Since(began)) }, done: make(chan struct{})}
}

// serve accepts from l until the server is closed; false: l is nothing for an
// event loop.
func (g *loops) serve(l net.Listener) bool {
	d := doorOf(l)
	if d == nil {
		return false
	}
	first, err := g.loop(0)
	if err != nil {
		d.close()
		g.srv.log(engine.LevelWarning, "Serving %s without event loops: %v", l.Addr(), err)
		return false
	}
	g.active.CompareAndSwap(0, 1)
	if !first.post(nil, &order{door: d}) {
		d.close()
	}
	<-g.done
	return true
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
	if n <= 1 {
		return g.list[0]
	}
	g.turn++
	return g.all()[g.turn%n]
}

// intern returns text, shared with the last client that had the same.
func (g *loops) intern(text string) string {
	if text != g.lastLoc {
		g.lastLoc = text
	}
	return g.lastLoc
}

// An order is what a loop is asked to do between its clients' turns.
type order struct {
	door *door // to be opened
}

func (lp *loop) carryOut(o order) {
	if d := o.door; d != nil {
		lp.doors = append(lp.doors, d)
		d.tag = firstDoor - int32(len(lp.doors)-1)
		if err := lp.poll.add(d.sock, d.tag, unix.EPOLLIN); err != nil {
			lp.set.srv.log(engine.LevelWarning, "Listening on %s: %v", d.socket, err)
		}
	}
}

// govern looks once per window whether the loops at work are the right ones.
func (g *loops) govern() {}

type governor struct{}
