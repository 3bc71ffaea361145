package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"regent"
	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// The ports of each node.
const (
	port      = 6379 // cluster clients and the other nodes
	plainPort = 6380
)

// A clock is one machine's: it runs at a rate of its own, and its wall clock may be off.
type clock struct {
	h       *host
	rate    float64
	booted  time.Time
	mu      sync.Mutex
	wall    time.Duration // ahead of the simulation's time
	rnd     *rand.Rand
	atOnce  time.Time
	started int // timers without a wait at atOnce
}

func (c *clock) Now() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.wall).UnixMilli()
}

// set sets the wall clock to be ahead of the simulation's time.
func (c *clock) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = d
}

func (c *clock) Mono() int64 { return int64(float64(time.Since(c.booted)) * c.rate) }

func (c *clock) Ticks() int64 { return c.Mono() }

func (c *clock) Rand() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rnd.Uint64()
}

// AfterFunc waits by this clock, and for as long as the process is stopped.
func (c *clock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.spins(d)
	return time.AfterFunc(time.Duration(float64(d)/c.rate), func() {
		c.h.await()
		f()
	}).Stop
}

// maxAtOnce is how many timers without a wait a process may start at one moment.
const maxAtOnce = 200_000

// spins ends the test when something begins anew again and again and no time goes by: in
// virtual time it never would.
func (c *clock) spins(d time.Duration) {
	if d > 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Equal(c.atOnce) {
		c.started++
	} else {
		c.atOnce, c.started = now, 0
	}
	if c.started > maxAtOnce {
		panic("sim: a node begins something anew all the time: virtual time stands still")
	}
}

// A node is a machine with its disk and clock, and the server that runs on it.
type node struct {
	w      *world
	id     int
	ip     string
	h      *host
	fs     *disktest.FS
	peers  []string // as its configuration file has had them from its first start on
	clock  *clock
	boots  int
	rotten bool         // a bit of its log was turned since it ran last
	broken bool         // its log could not be written: it is out until it is started again
	wanted bool         // it is to be a member
	blank  bool         // its role is witness
	joins  bool         // it has not been taken in yet, as far as is known
	lives  int          // processes so far
	life   atomic.Int64 // the number of the present process, 0: none
	conf   string

	srv     *regent.Server // nil: none runs
	stop    context.CancelFunc
	fall    *fallible
	leading atomic.Bool // as its log has it
}

func (w *world) newNode(id int, witness bool) *node {
	nd := &node{w: w, id: id, wanted: true, blank: witness, ip: fmt.Sprintf("198.51.100.%d", id), fs: disktest.New()}
	nd.h = w.net.host(nd.ip)
	nd.boot()
	return nd
}

// boot gives the machine power.
func (nd *node) boot() {
	nd.boots++
	c := &clock{h: nd.h, rate: nd.w.plan.rate(nd.id), booted: time.Now(), rnd: rand.New(rand.NewPCG(nd.w.seed, uint64(nd.id*1000+nd.boots)))}
	if nd.clock != nil {
		c.wall = nd.clock.wall
	}
	nd.clock = c
	nd.h.powerOn()
}

func (nd *node) addr() string  { return fmt.Sprintf("%s:%d", nd.ip, port) }
func (nd *node) plain() string { return fmt.Sprintf("%s:%d", nd.ip, plainPort) }

func (nd *node) config(join bool) *config.Config {
	text := fmt.Sprintf("dir %s\nbind %s\nport %d\nplain-port %d\nnode-id %d\nannounce-host %s\npeers %s\ncluster-secret sim\nprotected-mode no\n"+
		"databases 1\nio-model goroutine\nfollower-reads no\nloglevel notice\nenable-debug-command yes\n%s\n%s",
		nd.w.dir, nd.ip, port, plainPort, nd.id, nd.ip, strings.Join(nd.peers, ","), nd.w.plan.conf, nd.conf)
	if join {
		text += "\njoin yes"
	}
	if nd.blank {
		text += "\nrole witness"
	}
	cfg := config.New()
	if err := config.Parse(cfg, text, "sim"); err != nil {
		panic(err)
	}
	return cfg
}

// start starts a process and returns when it serves, or has failed.
func (nd *node) start() error {
	nd.lives++
	w, life := nd.w, nd.lives
	nd.life.Store(int64(life))
	nd.leading.Store(false)
	nd.fall = &fallible{rnd: rand.New(rand.NewPCG(w.seed, uint64(nd.id*100_000+life)))}
	nd.fs.Fault(nd.fall.ask)
	ready := make(chan struct{})
	var ls, plain net.Listener = nd.h.listen(port), nd.h.listen(plainPort)
	srv, err := regent.New(regent.Options{
		Config: nd.config(nd.joins), Version: "sim", Logger: slog.New(&teller{nd: nd, life: life}), Ready: func() { close(ready) },
		Disk: nd.fs, Clock: nd.clock, Dial: nd.h.dialer(), Boot: fmt.Sprintf("boot-%d-%d", nd.id, nd.boots),
		Listeners: []net.Listener{ls}, PlainListeners: []net.Listener{plain}, LogHistory: w.plan.history,
	})
	if err != nil {
		nd.h.kill()
		return err
	}
	ctx, stop := context.WithCancel(w.ctx)
	nd.srv, nd.stop = srv, stop
	ended := make(chan error, 1)
	w.running.Go(func() {
		err := srv.Run(ctx)
		ended <- err
		w.ended(nd, life, err)
	})
	select {
	case <-ready:
		return nil
	case err := <-ended:
		stop()
		nd.srv = nil
		nd.h.kill()
		if err == nil {
			err = errEarly
		}
		return err
	}
}

// kill ends the process: what it had written is on the disk.
func (nd *node) kill() {
	if nd.srv == nil {
		return
	}
	nd.h.kill() // first: nothing is said any more that rests on what is written from here on
	nd.fs = nd.fs.Kill()
	nd.abandon()
}

// powerOff ends the machine: what was not synced may be there, in part or not.
func (nd *node) powerOff() {
	nd.h.powerOff()
	nd.fs = nd.fs.Crash(nd.w.loss(nd.fs))
	nd.abandon()
}

// abandon lets the server end whose process and disk are gone.
func (nd *node) abandon() {
	nd.life.Store(0)
	nd.leading.Store(false)
	if nd.srv != nil {
		nd.stop()
		nd.srv = nil
	}
}

// end ends the process in order.
func (nd *node) end() error {
	if nd.srv == nil {
		return nil
	}
	srv := nd.srv
	nd.srv = nil
	err := srv.Close()
	nd.h.kill()
	nd.stop()
	return err
}

func (nd *node) up() bool { return nd.srv != nil }

// A teller writes a process's log into the story.
type teller struct {
	nd   *node
	life int
}

func (t *teller) Enabled(context.Context, slog.Level) bool { return true }
func (t *teller) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t *teller) WithGroup(string) slog.Handler            { return t }
func (t *teller) Handle(_ context.Context, r slog.Record) error {
	if int(t.nd.life.Load()) != t.life {
		return nil // of a process that is gone
	}
	switch {
	case strings.HasPrefix(r.Message, "Leading epoch "):
		t.nd.leading.Store(true)
		if t.nd.blank {
			t.nd.w.wrong("node %d, a witness, leads", t.nd.id)
		}
	case strings.HasPrefix(r.Message, "No longer leading"):
		t.nd.leading.Store(false)
	}
	t.nd.w.tell("node %d| %s", t.nd.id, r.Message)
	return nil
}
