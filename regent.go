// Package regent is the composition root: it builds a server out of the
// engine, the log, the cluster and the listener, and is the only place that
// knows them all. A Go program or a test may run a server inside itself:
//
//	cfg := config.New()
//	cfg.Port.Set(7001)
//	srv, err := regent.New(regent.Options{Config: cfg})
//	...
//	err = srv.Run(ctx) // until ctx ends, SHUTDOWN is said or Close is called
//
// What it does not do: parse command lines, catch signals, supervise
// processes. cmd/regent does.
//
// The order of a start is the order of trust: the configuration is checked,
// the directory is locked, ports are opened (they answer -LOADING), the log is
// loaded, and only then does the node take part in the cluster. The order of
// an end is the reverse: leadership is given up before the port closes, so
// that the others need not find out by silence.
package regent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"regent/aof/disk"
	"regent/cluster"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/watchdog"
	"regent/node/address"
	"regent/node/barrier"
	"regent/node/certs"
	"regent/node/machine"
	"regent/node/persist"
	"regent/node/replicas"
	"regent/node/status"
	"regent/resp/server"
)

// Options for New.
type Options struct {
	Config *config.Config
	// ConfigFile is where CONFIG REWRITE writes; "" when there is none.
	ConfigFile string
	// Version is shown by INFO and in the log.
	Version string
	// Logger takes the server's log; nil: it goes where the directives logfile and
	// log-format say. loglevel counts for both.
	Logger *slog.Logger
	// Ready, if given, is called once the data is loaded and clients are served.
	Ready func()
	// Disk is the file system of the data; nil is the operating system's.
	Disk disk.FS
	// Clock is the node's time and randomness; nil is the machine's.
	Clock machine.Clock
	// Dial opens connections to other nodes and servers; nil is the system's TCP. A
	// connection that nobody takes fails with syscall.ECONNREFUSED.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Boot tells one start of the machine from another; "": as the system has it.
	Boot string
	// SpareProcessors: GOMAXPROCS is larger than the number of cores by a processor for this
	// node, which what waits for the leader's bytes may keep in short waits.
	SpareProcessors bool
	// LogHistory is how much of the log before its base a node keeps for others that come back, in
	// bytes; 0: 256 MB.
	LogHistory int64
	// Listeners, if given, are served instead of the configured addresses, and
	// PlainListeners as plain-port's, HTTPListeners as http-port's.
	Listeners, PlainListeners, HTTPListeners []net.Listener
}

// A Server is one node. A process may have several, each with a directory and
// addresses of its own.
type Server struct {
	opts    Options
	cfg     *config.Config
	node    address.Identity
	host    engine.Host
	log     *machine.Logger
	engine  *engine.Engine
	data    *persist.Data
	ticked  time.Time        // when the regular work was done last; serve's own
	peers   *cluster.Cluster // nil: alone
	secrets *peer.Secrets    // peers'
	barrier *barrier.Barrier
	watch   *watchdog.Watchdog
	meter   machine.Meter
	front   *server.Server
	status  *status.Server // nil: nothing is told by HTTP
	outside *replicas.Replicas
	socks   address.Sockets
	sockMu  sync.Mutex    // socks'
	served  chan error    // how serving a listener has ended
	certs   *certs.Keeper // nil: nothing is done by TLS

	stopped  chan struct{} // closed: Run is to return
	ending   sync.Once
	ran      atomic.Bool   // Run was called, or nobody can call it any more
	serving  atomic.Bool   // the data is loaded
	leaving  atomic.Bool   // everything is being given back
	led      atomic.Int64  // how often it has begun to lead
	released chan struct{} // closed when everything is given back
	closing  sync.Once
	broke    bool // failed has told why
}

// New checks the configuration, takes the data directory and opens the ports.
// Nothing is served before Run. A server that is not wanted after all is given
// back by Close.
func New(o Options) (*Server, error) {
	cfg := o.Config
	cfg.Imply()
	if err := errors.Join(cfg.Check(), engine.CheckRenames(cfg.Renamed, commands.All()...), engine.CheckUsers(cfg, commands.All()...)); err != nil {
		return nil, err
	}
	if err := machine.SettleDir(cfg); err != nil {
		return nil, err
	}
	if err := cfg.ReadSecrets(func(path string) (string, error) { return machine.ReadSecret(cfg, path) }); err != nil {
		return nil, err
	}
	node, err := address.Identify(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, cfg: cfg, node: node, secrets: peer.NewSecrets(node.Secrets...), stopped: make(chan struct{}), served: make(chan error), released: make(chan struct{})}
	s.log, err = machine.NewLogger(machine.LogOptions{
		Slog: o.Logger, Path: machine.InDir(cfg, cfg.LogFile.Get()), Format: cfg.LogFormat.Get(),
		Level: func() engine.Level { return engine.Level(cfg.LogLevel.Get()) },
	})
	if err != nil {
		return nil, err
	}
	s.host = machine.HostBy(o.Clock, s.log)
	if err := s.build(); err != nil {
		s.failed(err)
		s.release()
		return nil, err
	}
	return s, nil
}

// failed leaves the reason of a start or a run that failed as the log's last line, where
// tools that know redis-server look for it.
func (s *Server) failed(err error) {
	if err != nil {
		s.broke = true
		s.host.Logf(engine.LevelWarning, "%v", err)
	}
}

// Engine is the node's database, for programs that embed it.
func (s *Server) Engine() *engine.Engine { return s.engine }

// Reload is what SIGHUP asks for: the log file is opened anew, for tools that have moved it
// away, and the files of secrets and of certificates are read again. What cannot be used
// changes nothing; the log says so.
func (s *Server) Reload() {
	s.log.Reopen()
	_ = s.certs.Reload("SIGHUP") // said there
	before := s.cfg.RequirePass.Get()
	if err := s.cfg.ReadSecretsAgain(); err != nil {
		s.host.Logf(engine.LevelWarning, "Reading secrets again: %v", err)
	}
	if s.cfg.RequirePass.Get() != before {
		s.engine.TakePassword()
		s.host.Logf(engine.LevelNotice, "requirepass has changed in its file")
	}
	if s.cfg.ClusterSecretFile.Get() != "" {
		s.takeSecrets()
	}
}

// takeSecrets has the secrets in cluster-secret-file count for what nodes prove from now on.
func (s *Server) takeSecrets() {
	list, err := address.Secrets(s.cfg)
	if err != nil {
		s.host.Logf(engine.LevelWarning, "Reading secrets again: %v: those from before count", err)
		return
	}
	s.secrets.Set(list...)
	s.host.Logf(engine.LevelNotice, "cluster-secret-file is read again: peers may prove any of its secrets (%d), this node proves the first", len(list))
}

// Addrs are the addresses that are listened on.
func (s *Server) Addrs() []net.Addr {
	s.sockMu.Lock()
	defer s.sockMu.Unlock()
	var out []net.Addr
	for _, l := range s.socks.All() {
		out = append(out, l.Addr())
	}
	return out
}

// Run serves until ctx ends or a client says SHUTDOWN, then ends in order and
// returns nil. It returns an error when the data cannot be loaded.
//
// At the end of ctx the data is saved if there are save points, and the server
// ends even if that fails: see Shutdown for an end that does not.
func (s *Server) Run(ctx context.Context) (err error) {
	if !s.ran.CompareAndSwap(false, true) {
		return errors.New("the server has run, or was closed")
	}
	defer s.release()
	defer func() { s.failed(err) }()
	s.announce()
	s.watch.Start()
	defer s.watch.Stop()
	s.engine.SetLoading(true)
	s.sockMu.Lock()
	s.open(&s.socks)
	s.sockMu.Unlock()
	loading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.stopped:
			stop()
		case <-loading.Done():
		}
	}()
	if err := s.data.Load(loading); err != nil {
		if loading.Err() != nil {
			s.host.Logf(engine.LevelWarning, "Told to stop while the data was loaded")
			return nil
		}
		return err
	}
	if s.peers == nil {
		s.engine.SetLoading(false)
	} else if err := s.peers.Start(s.engine); err != nil {
		return fmt.Errorf("can't join the cluster: %w", err)
	}
	s.data.Follow()
	s.serving.Store(true)
	s.host.Logf(engine.LevelNotice, "Ready to accept connections")
	if s.opts.Ready != nil {
		s.opts.Ready()
	}
	return s.serve(ctx)
}

// open begins to serve listeners: each is a face's.
func (s *Server) open(socks *address.Sockets) {
	begin := func(serve func(net.Listener, engine.Face) error, l net.Listener, face engine.Face) {
		go func() {
			err := serve(l, face)
			select {
			case s.served <- err:
			case <-s.released:
			}
		}()
	}
	for face, list := range map[engine.Face][2][]net.Listener{
		engine.FacePort: {socks.Port, socks.TLS.Port}, engine.FacePlain: {socks.Plain, socks.TLS.Plain},
		engine.FaceSentinel: {socks.Sentinel, socks.TLS.Sentinel},
	} {
		for _, l := range list[0] {
			begin(s.front.Serve, l, face)
		}
		for _, l := range list[1] {
			begin(s.front.ServeTLS, l, face)
		}
	}
	for _, l := range socks.HTTP {
		begin(func(l net.Listener, _ engine.Face) error { return s.status.Serve(l) }, l, engine.FacePort)
	}
}

// move listens where the configuration says now, while the server runs.
func (s *Server) move() error {
	switch {
	case s.opts.Listeners != nil:
		return errors.New("the program that this node is part of has opened its ports")
	case s.cfg.TLSPort.Get() != 0 && s.certs == nil:
		return errors.New("tls-port: no certificates were read at the start, since nothing was to speak TLS: say tls-port there")
	}
	s.sockMu.Lock()
	defer s.sockMu.Unlock()
	select {
	case <-s.stopped:
		return errors.New("the server ends")
	default:
	}
	fresh, err := s.socks.Move(s.cfg, s.front.Drop)
	if err != nil {
		return err
	}
	s.open(&fresh)
	s.host.Logf(engine.LevelNotice, "Listening at %s, by CONFIG SET", addresses(s.socks.All()))
	return nil
}

// addresses are where listeners are, in words.
func addresses(list []net.Listener) string {
	var at []string
	for _, l := range list {
		at = append(at, l.Addr().String())
	}
	return cmp.Or(strings.Join(at, ", "), "no address")
}

// announce writes the first lines of the log.
func (s *Server) announce() {
	s.host.Logf(engine.LevelNotice, "Regent %s is starting, process ID %d, %d cores", s.opts.Version, os.Getpid(), machine.Cores())
	mode := "alone"
	if s.node.Clustered() {
		mode = fmt.Sprintf("one of %d nodes", len(s.node.Peers))
		if s.cfg.Join.Get() {
			mode = "to join others with REGENT NODE ADD"
		} else if len(s.node.Peers) == 2 {
			s.host.Logf(engine.LevelWarning, "Two nodes need both of them: there is no automatic failover with fewer than three")
		}
		if len(s.node.Secrets) == 0 {
			s.host.Logf(engine.LevelWarning, "The peers' channel has no secret (masterauth or cluster-secret): anyone who reaches the port can speak on it")
		}
	}
	for _, note := range s.cfg.Notes() {
		s.host.Logf(engine.LevelWarning, "Configuration: %s", note)
	}
	s.data.SayWhatIsKept()
	s.host.Logf(engine.LevelNotice, "Running %s, node %d at %s", mode, s.node.ID, s.node.Addr())
}

// serve is the life of the server: its ticker and its end.
func (s *Server) serve(ctx context.Context) error {
	tick := time.NewTicker(s.tickEvery())
	defer tick.Stop()
	turns := s.watch.Watch("The regular work", "keys do not expire, waits do not end, nothing is saved", s)
	for {
		select {
		case <-tick.C:
			turns.Turn()
			pause := s.tick()
			turns.Rest()
			tick.Reset(pause)
		case <-ctx.Done():
			s.host.Logf(engine.LevelWarning, "Told to stop by whoever runs the server")
			_ = s.data.LastSave() // said there; the end does not wait
			return nil
		case <-s.stopped:
			return nil
		case err := <-s.served:
			if err != nil && !errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("the listener failed: %w", err)
			}
		}
	}
}

func (s *Server) tickEvery() time.Duration {
	return time.Second / time.Duration(max(s.cfg.HZ.Get(), 1))
}

// expireLimit is how many keys are deleted at once at most when their time is over, about a
// millisecond's work: so long may a client wait for the core that it takes. Where
// there are more the next come after a pause as long as that took, expirePause at least:
// a million of them are gone within a second, and commands have half of the time.
const (
	expireLimit = 5_000
	expirePause = 2 * time.Millisecond
)

// tick is the regular work: expiry, rehashing, statistics, waits that have
// lasted too long. It returns after how long it is due again.
func (s *Server) tick() (pause time.Duration) {
	began, every := time.Now(), s.tickEvery()
	more := s.engine.ExpireCycle(expireLimit) == expireLimit
	if took := time.Since(began); more {
		pause = min(max(took, expirePause), every)
	} else {
		pause = every
	}
	if began.Sub(s.ticked) < every/2 {
		return pause // expiry alone goes on
	}
	s.ticked = began
	s.engine.Maintain()
	s.engine.SampleStats()
	s.barrier.Expire()
	s.engine.LookAgain()
	s.data.Tick()
	s.certs.Tick()
	return pause
}

// Shutdown is what a signal asks for: the data is saved if there are save points,
// or as how says (config.ShutdownSave and the like), and Run returns. If it
// cannot be saved, and is not forced, that is the error, and the server goes on;
// it may be asked again.
func (s *Server) Shutdown(why string, how int64) error {
	s.host.Logf(engine.LevelWarning, "%s", why)
	saves := how&config.ShutdownNoSave == 0 && (how&config.ShutdownSave != 0 || s.data.SavesAtEnd())
	if saves && s.serving.Load() {
		if err := s.data.FinalSave(); err != nil && how&config.ShutdownForce == 0 {
			s.host.Logf(engine.LevelWarning, "Errors trying to shut down the server. Check the logs for more information.")
			return fmt.Errorf("the last save: %w", err)
		}
	}
	s.end()
	return nil
}

// end has Run return.
func (s *Server) end() { s.ending.Do(func() { close(s.stopped) }) }

// Close ends the server as a signal would, but does not go on if the data cannot
// be saved: that is the error then. It returns when everything is given back. A
// server that was not run is given back as well.
func (s *Server) Close() error {
	var err error
	select {
	case <-s.stopped: // saved, or told not to
	default:
		if s.serving.Load() {
			err = s.data.LastSave()
		}
	}
	s.end()
	if s.ran.CompareAndSwap(false, true) {
		s.release() // and Run finds that there is nothing left to do
	}
	<-s.released
	return err
}

// release gives everything back, in the order that keeps promises: leadership,
// clients, log.
func (s *Server) release() {
	s.closing.Do(func() {
		defer close(s.released)
		s.leaving.Store(true)
		if s.outside != nil {
			s.outside.Close()
		}
		if s.peers != nil {
			s.peers.Stop()
		}
		if s.data != nil {
			s.data.End()
		}
		if s.front != nil {
			_ = s.front.Close()
		}
		if s.status != nil {
			s.status.Close()
		}
		s.sockMu.Lock()
		s.socks.Close()
		s.sockMu.Unlock()
		if s.data != nil {
			s.data.CloseLog()
		}
		if p := machine.InDir(s.cfg, s.cfg.PidFile.Get()); p != "" && s.engine != nil {
			_ = os.Remove(p)
		}
		if s.engine != nil && !s.broke {
			s.host.Logf(engine.LevelWarning, "Regent is now ready to exit, bye bye...")
		}
		_ = s.log.Close()
	})
}
