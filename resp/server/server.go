package server

import (
	"container/list"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/watchdog"
)

// Options are the listener's surroundings.
type Options struct {
	Engine  *engine.Engine
	Barrier engine.Barrier
	Config  *config.Config
	Host    engine.Host
	// Hijack, if given, gets the connections whose command set
	// Session.Hijack, on a goroutine of its own: the socket, the bytes that
	// were read behind the command, and the command. nil: such connections
	// are closed.
	Hijack func(conn net.Conn, early []byte, hello [][]byte)
	// Admit, if given, gives a connection a place that is refused as a client and
	// may be a peer (guest.go); nil: there is none. evict is called when the place is needed.
	Admit func(from net.Addr, evict func()) (leave func())
	// Carry, if given, gets the connections of plain clients that are the leader's, on a
	// goroutine of its own, and calls done when it has ended; nil: there is none.
	Carry func(conn net.Conn, carried engine.Carried, done func())
	// TLS, if given, is how connections to ServeTLS are spoken to; it is asked for each.
	TLS func() *tls.Config
	// Watch, if given, looks whether the event loops turn.
	Watch *watchdog.Watchdog
}

// A Server serves clients on any number of listeners.
type Server struct {
	engine  *engine.Engine
	barrier engine.Barrier
	cfg     *config.Config
	host    engine.Host
	hijack  func(conn net.Conn, early []byte, hello [][]byte)
	admit   func(from net.Addr, evict func()) (leave func())
	carry   func(conn net.Conn, carried engine.Carried, done func())
	watch   *watchdog.Watchdog
	tls     func() *tls.Config
	shakers shakers
	misfit  atomic.Int64 // Host.Mono: when a client at the wrong port was told of last
	count   counters
	scratch sync.Pool // of *scratch, for the goroutine model
	loops   *loops    // nil: every connection has a goroutine

	mu        sync.Mutex
	clients   map[*client]struct{}
	guests    int       // among clients
	strangers list.List // *client
	carried   int       // clients of this node that Options.Carry has
	listeners map[net.Listener]struct{}
	serving   sync.WaitGroup // listeners that are accepted from
	stopClock func() bool
	stopping  atomic.Bool
	gone      sync.WaitGroup // clients
	weights   atomic.Int64   // bytes: what all clients count for maxmemory-clients
	weighed   atomic.Int64   // the limit for which all were weighed, 0: none
	chored    int            // how often doChores was called; mu's
	garbage   atomic.Int64   // bytes of large replies since memory was given back
}

// Bounds on the server as a whole.
const (
	// chores is how often clients are looked at for having been idle, or
	// slow, for too long.
	chores = time.Second
	// tidyChores is after how many of these memory for large values that nobody needed
	// meanwhile goes back to the system: a pause of two seconds cost the next 50 clients with 1 MB each
	// 50 MB of page faults.
	tidyChores = 5
	// maxGarbage is after how many bytes of large replies memory is given back to the
	// system: by itself the collector keeps for minutes what one client made it take.
	maxGarbage = 64 << 20
	// leanAfter is how long in milliseconds a client is idle before it gives
	// back the memory that it keeps for its next command.
	leanAfter = 2000
	// closePatience is how long Close waits for listeners, and for clients, to end by themselves.
	closePatience = time.Second
	// acceptPause is how long no connection is accepted after a failure to
	// accept one: there are no descriptors left, most likely.
	acceptPause = 100 * time.Millisecond
)

// goroutineArena is the arena of one goroutine's batch, in bytes.
const goroutineArena = 16 << 10

// New makes a server that serves nobody yet.
func New(o Options) *Server {
	s := &Server{
		engine: o.Engine, barrier: o.Barrier, cfg: o.Config, host: o.Host, hijack: o.Hijack, admit: o.Admit, carry: o.Carry, watch: o.Watch,
		tls:     o.TLS,
		count:   countersOf(o.Engine),
		clients: map[*client]struct{}{}, listeners: map[net.Listener]struct{}{},
	}
	s.scratch.New = func() any { return newScratch(goroutineArena) }
	s.loops = newLoops(s)
	return s
}

// Watch has an event loop call ready whenever there is input at fd, as the first thing of
// its turn and until ready returns false; the loop may be long in the turn before. Until
// then every loop calls tend, at the end of each turn and, resting, before it waits for
// long: it must be quick and wait for nothing. Watch
// reports whether there is a loop that does. fd is the caller's and must be open during the call.
func (s *Server) Watch(fd int, ready func() (more bool), tend func(resting bool)) bool {
	return s.loops != nil && s.loops.watch(fd, ready, tend)
}

// Serve accepts connections from l, the port of a face, until the server is closed,
// and then returns net.ErrClosed.
func (s *Server) Serve(l net.Listener, face engine.Face) error { return s.serve(l, face, false) }

func (s *Server) serve(l net.Listener, face engine.Face, secure bool) error {
	if !s.attach(l) {
		return net.ErrClosed
	}
	defer s.release(l)
	if s.loops != nil && s.loops.serve(l, face, secure) {
		return net.ErrClosed
	}
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) || err != nil && s.stopping.Load() {
			return net.ErrClosed
		}
		if err != nil {
			s.log(engine.LevelWarning, "Accepting client connection: %v", err)
			s.crowded()
			time.Sleep(acceptPause)
			continue
		}
		s.accept(conn, face, secure)
	}
}

// attach registers a listener; false: the server is closed.
func (s *Server) attach(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	s.serving.Add(1)
	if s.stopClock == nil {
		s.stopClock = s.host.AfterFunc(chores, s.doChores)
	}
	return true
}

// Drop ends accepting at listeners that are served and closes them; their clients stay. It returns
// when another may listen there.
func (s *Server) Drop(list []net.Listener) {
	for _, l := range list {
		_ = l.Close()
	}
	if s.loops != nil {
		s.loops.drop(list)
	}
}

func (s *Server) release(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	s.serving.Done()
}

// Close stops accepting, gives every client a last turn, in which replies
// that may leave do, and closes the connections. When a client's connection ends,
// nothing listens any more: a server that is started then finds the port free.
func (s *Server) Close() error {
	s.mu.Lock()
	s.stopping.Store(true)
	if s.stopClock != nil {
		s.stopClock()
	}
	var errs []error
	for l := range s.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("closing %s: %w", l.Addr(), err))
		}
	}
	s.mu.Unlock()
	s.awaitListeners()
	s.mu.Lock()
	for c := range s.clients {
		c.Wake()
	}
	s.mu.Unlock()
	s.awaitClients()
	if s.loops != nil {
		s.loops.close()
	}
	return errors.Join(errs...)
}

// awaitListeners waits until nobody listens any more, for as long as is fair: a loop may be
// long in its turn.
func (s *Server) awaitListeners() {
	awaitPatiently(func() {
		if s.loops != nil {
			s.loops.shut()
		}
		s.serving.Wait()
	})
}

// awaitPatiently has wait go on, and returns when it ends or closePatience has passed; ended is
// closed when it ends.
func awaitPatiently(wait func()) (ended <-chan struct{}, late bool) {
	over := make(chan struct{})
	go func() {
		wait()
		close(over)
	}()
	t := time.NewTimer(closePatience)
	defer t.Stop()
	select {
	case <-over:
		return over, false
	case <-t.C:
		return over, true
	}
}

// awaitClients waits for the clients' last turns, for as long as is fair.
func (s *Server) awaitClients() {
	ended, late := awaitPatiently(s.gone.Wait)
	if !late {
		return
	}
	s.mu.Lock()
	for c := range s.clients {
		c.Kill()
	}
	s.mu.Unlock()
	<-ended
}

// ticks is a clock for durations in ms, never 0: a wall clock that is set would end what has just begun.
func (s *Server) ticks() int64 { return s.host.Ticks()/int64(time.Millisecond) + 1 }

// doChores ends the clients that were idle or slow for too long.
func (s *Server) doChores() {
	wall, now := s.host.Now(), s.ticks()
	idle := s.cfg.Timeout.Get() * 1000
	soft, listens := s.cfg.OutputSoftSecondsNormal.Get()*1000, s.cfg.OutputSoftSecondsPubsub.Get()*1000
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return
	}
	for c := range s.clients {
		soft := soft
		if c.sess.Listens() {
			soft = listens
		}
		if since := c.shakes.Load(); since != 0 && now-since > shakeLimit {
			s.log(engine.LevelVerbose, "The handshake with %s has taken too long", c.peer)
			c.Kill()
			continue
		}
		if since := c.softSince.Load(); since != 0 && now-since > soft {
			s.outputLimit(c)
		} else if idle > 0 && !c.asleep.Load() && !c.sess.Attends() && wall-c.sess.Shared.LastActive.Load() > idle {
			c.lean.Store(true)
			c.Wake()
		} else if last := c.sess.Shared.LastActive.Load(); wall-last > leanAfter && c.leanFor != last {
			c.leanFor = last
			c.lean.Store(true)
			c.Wake()
		}
	}
	s.endStrangers(now)
	if s.chored++; s.chored%tidyChores == 0 {
		s.engine.Spans().Tidy()
	}
	if s.garbage.Load() > maxGarbage {
		s.garbage.Store(0)
		s.engine.FreeMemory()
	}
	s.stopClock = s.host.AfterFunc(chores, s.doChores)
}

// outputLimit ends a client that does not take its replies.
func (s *Server) outputLimit(c *client) {
	s.log(engine.LevelWarning, "Client %s scheduled to be closed ASAP for overcoming of output buffer limits.", s.engine.ClientLine(c.sess))
	s.count.CountOutputLimit()
	c.Kill()
}

func (s *Server) log(level engine.Level, format string, args ...any) {
	s.host.Logf(level, format, args...)
}

// Model is how sockets are waited for, for INFO's multiplexing_api.
func (s *Server) Model() string {
	if s.loops != nil {
		return "epoll"
	}
	return "goroutine"
}
