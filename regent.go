// Package regent is the composition root: it builds a server out of the
// engine, the log, the cluster and the listener, and is the only place that
// knows them all. A Go program or a test may run a server inside itself:
//
//	cfg := config.New()
//	cfg.Port.Set(7001)
//	srv, err := regent.New(regent.Options{Config: cfg})
//	...
//	err = srv.Run(ctx) // until ctx ends or SHUTDOWN is said
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
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"regent/aof"
	"regent/aof/disk"
	"regent/cluster"
	"regent/engine"
	"regent/engine/config"
	"regent/engine/watchdog"
	"regent/resp/server"
)

// Options for New.
type Options struct {
	Config *config.Config
	// ConfigFile is where CONFIG REWRITE writes; "" when there is none.
	ConfigFile string
	// Version is shown by INFO and in the log.
	Version string
	// Ready, if given, is called once the data is loaded and clients are served.
	Ready func()
	// Disk is the log's file system; nil is the operating system's.
	Disk disk.FS
	// Listeners, if given, are served instead of the configured addresses.
	Listeners []net.Listener
}

// A Server is one node.
type Server struct {
	opts       Options
	cfg        *config.Config
	node       identity
	joined     bool   // the directory is one of a node of a cluster
	loadedFrom string // where the data was found; "": nowhere
	host       host
	log        *logger
	engine     *engine.Engine
	aof        *aof.Log // nil with appendonly no
	peers      *cluster.Cluster
	barrier    *barrier
	keeper     *keeper
	backups    backups
	watch      *watchdog.Watchdog
	front      *server.Server
	socks      []net.Listener
	stopped    chan struct{} // closed: Run is to return
	ending     sync.Once
	ran        atomic.Bool   // Run was called, or nobody can call it any more
	released   chan struct{} // closed when everything is given back
	closing    sync.Once
	serving    atomic.Bool // the data is loaded
}

// New checks the configuration, takes the data directory and opens the
// ports. Nothing is served before Run.
func New(o Options) (*Server, error) {
	cfg := o.Config
	cfg.Imply()
	if err := errors.Join(cfg.Check(), engine.CheckRenames(cfg.Renamed)); err != nil {
		return nil, err
	}
	if err := settleDir(cfg); err != nil {
		return nil, err
	}
	node, err := identify(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, cfg: cfg, node: node, backups: newBackups(), stopped: make(chan struct{}), released: make(chan struct{})}
	s.log, err = newLogger(inDir(cfg, cfg.LogFile.Get()), cfg.LogFormat.Get(), func() engine.Level { return engine.Level(cfg.LogLevel.Get()) })
	if err != nil {
		return nil, err
	}
	s.host = host{log: s.log, start: time.Now()}
	if err := s.fitClients(); err != nil {
		return nil, err
	}
	if err := s.build(); err != nil {
		s.failed(err)
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *Server) build() error {
	dir := s.cfg.Dir.Get()
	s.joined = cluster.Joined(dir)
	if err := s.openLog(); err != nil {
		return err
	}
	s.sweepSaves()
	var view engine.Cluster = cluster.Lone(s.node.id, s.node.host, s.node.port)
	if s.node.clustered() {
		if err := s.joinPeers(dir); err != nil {
			return err
		}
		view = s.peers
	}
	s.log.role = func() byte {
		if view.View().Leading {
			return 'M'
		}
		return 'S'
	}
	s.barrier = newBarrier(s.barrierPorts())
	o := engine.Options{
		Config: s.cfg, Host: s.host, Cluster: view, Control: control{s},
		Shards: shardsPerCore * cores(), Version: s.opts.Version, ConfigFile: s.opts.ConfigFile,
	}
	if s.aof != nil {
		o.Log = s.aof.Recorder()
	}
	s.engine = engine.New(o)
	s.keeper = newKeeper(s)
	s.engine.AddInfo(engine.InfoSection{Name: "Persistence", Default: true, Write: s.keeper.info})
	if s.aof != nil {
		s.engine.AddInfo(s.backlogInfo())
	}
	s.watch = watchdog.New(s.host)
	front := server.Options{Engine: s.engine, Barrier: s.barrier, Config: s.cfg, Host: s.host, Hijack: s.hijack, Watch: s.watch}
	if s.peers != nil {
		front.Admit = s.peers.Admit
	}
	s.front = server.New(front)
	return s.listen()
}

// logDir is the directory of the log's files.
func (s *Server) logDir() string {
	return filepath.Join(s.cfg.Dir.Get(), s.cfg.AppendDirname.Get())
}

// logOptions are for a log that nobody depends on.
func (s *Server) logOptions() aof.Options {
	nothing := func(error) {}
	return aof.Options{
		Dir: s.logDir(), Name: s.cfg.AppendFilename.Get(), Host: s.host, Disk: s.opts.Disk,
		Fsync: s.cfg.AppendFsync.Get, LoadTruncated: s.cfg.AofLoadTruncated.Get,
		Failed: nothing, Recovered: func() {}, NoSpace: nothing, SpaceBack: func() {},
		LoadBase: func(b *aof.Base) error { b.Used = b.Size; return nil },
	}
}

func (s *Server) openLog() error {
	if !s.cfg.AppendOnly.Get() {
		return nil
	}
	o := s.logOptions()
	o.Moved, o.Failed, o.Recovered = s.logMoved, s.logFailed, s.logRecovered
	o.NoSpace, o.SpaceBack = s.noSpace, s.spaceBack
	o.LoadBase = s.loadBase
	log, err := aof.Open(o)
	if err != nil {
		return fmt.Errorf("can't open the append only log: %w", err)
	}
	s.aof = log
	return nil
}

func (s *Server) joinPeers(dir string) (err error) {
	s.peers, err = cluster.New(cluster.Options{
		Config: s.cfg, Host: s.host, ID: s.node.id, Peers: s.node.peers,
		Join: s.cfg.Join.Get(), Addr: s.node.addr(), Dir: dir, Secret: s.node.secret,
		Stream: s.aof.Stream(), Log: s.aof.Recorder(), Seal: s.aof.Seal,
		Rebuild:  s.rebuild,
		Snapshot: s.feedCopy,
		Install:  s.installCopy,
		Changed:  s.roleChanged,
		Advanced: func() { s.barrier.Advance() },
	})
	return err
}

// barrierPorts ties the barrier to the log and the cluster that there are.
func (s *Server) barrierPorts() barrierPorts {
	p := barrierPorts{
		mono:      s.host.Mono,
		seal:      func(int64) error { return nil },
		settle:    func(bool) (func(), bool) { return nil, false },
		committed: func(engine.AckSet) int64 { return math.MaxInt64 },
		epoch:     func() int64 { return 0 },
		keyspace:  func() int64 { return s.engine.KeyspaceEpoch() },
		leased:    func() bool { return true },
		handed:    func(int64, int64) bool { return false },
		rounds:    func() bool { return false },
		timeout:   s.cfg.WriteTimeout.Millis,
	}
	if s.aof != nil {
		p.seal, p.settle = s.aof.SealSoon, s.aof.Settle
		p.committed = func(engine.AckSet) int64 { return s.aof.Durable() }
	}
	if s.peers != nil {
		p.handed = s.peers.Handed
		p.rounds = func() bool { return !s.peers.Leased() }
		p.round, p.confirmed = s.peers.Round, s.peers.Confirmed
		p.committed, p.epoch, p.leased = s.peers.CommittedFor, s.leadingEpoch, s.peers.Leads
	}
	return p
}

// leadingEpoch is the epoch in which this node leads and serves, 0: none.
func (s *Server) leadingEpoch() int64 {
	if v := s.peers.View(); v.Leading {
		return v.Epoch
	}
	return 0
}

// logMoved follows every write and fsync of the log.
func (s *Server) logMoved() {
	if s.peers != nil {
		s.peers.Sealed()
	}
	s.barrier.Advance()
	s.engine.LogSynced()
}

func (s *Server) roleChanged(leads bool) {
	if !leads {
		s.barrier.Deposed()
	}
	s.barrier.Advance()
}

// rebuild throws the keyspace away and loads the log up to an offset: what a
// deposed leader does with what it ran ahead.
func (s *Server) rebuild(upto int64) error {
	a := s.engine.NewApplier()
	if s.cfg.SkipUnknownTypes.Get() {
		a.PassOver() // the start has told of them
	}
	return s.loadAnew(upto, applyWith(a))
}

// loadAnew replaces the keyspace by what the log holds up to an offset. Clients
// are told so, as at the start; what has slipped in sees a keyspace that counts
// as none (Engine.Replaced), and is not answered from it.
func (s *Server) loadAnew(upto int64, apply func(db int, args [][]byte) error) error {
	s.engine.LoadProgress(0, 0)
	s.engine.SetLoading(true)
	defer s.engine.SetLoading(false)
	s.engine.Freeze(func() {
		s.engine.Reset()
		s.engine.SetFloor(math.MaxInt64)
	})
	s.barrier.Deposed()
	defer s.barrier.Deposed() // who has slipped in waits for nothing
	if err := s.aof.LoadUpTo(upto, apply); err != nil {
		return err
	}
	s.engine.Freeze(func() { s.engine.Replaced(upto) })
	return nil
}

func applyWith(a *engine.Applier) func(db int, args [][]byte) error {
	return func(db int, args [][]byte) error {
		if a.DB() != db {
			a.SetDB(db)
		}
		return a.Apply(args)
	}
}

// Engine is the node's database, for programs that embed it.
func (s *Server) Engine() *engine.Engine { return s.engine }

// ReopenLog opens the log file anew, for tools that have moved it away.
func (s *Server) ReopenLog() { s.log.reopen() }

// Addrs are the addresses that are listened on.
func (s *Server) Addrs() []net.Addr {
	var out []net.Addr
	for _, l := range s.socks {
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
	served := make(chan error, len(s.socks))
	s.engine.SetLoading(true)
	for _, l := range s.socks {
		go func() { served <- s.front.Serve(l) }()
	}
	loading, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.stopped:
			stop()
		case <-loading.Done():
		}
	}()
	if err := s.load(loading); err != nil {
		if loading.Err() != nil {
			s.host.Logf(engine.LevelWarning, "Told to stop while the data was loaded")
			return nil
		}
		return err
	}
	s.engine.SetLoading(false)
	s.keeper.begun()
	if s.peers != nil {
		if err := s.peers.Start(s.engine); err != nil {
			return fmt.Errorf("can't join the cluster: %w", err)
		}
	}
	s.serving.Store(true)
	s.host.Logf(engine.LevelNotice, "Ready to accept connections")
	if s.opts.Ready != nil {
		s.opts.Ready()
	}
	return s.serve(ctx, served)
}

// load brings the data from the disk: the log, or a dump where there is none.
func (s *Server) load(ctx context.Context) error {
	if err := s.loadLog(ctx); err != nil {
		return err
	}
	if err := s.loadDump(ctx); err != nil {
		return err
	}
	if s.loadedFrom == "" {
		s.host.Logf(engine.LevelNotice, "Starting without data: there is none in %s", s.cfg.Dir.Get())
		return nil
	}
	s.host.Logf(engine.LevelNotice, "Loaded %d keys from %s", s.engine.Keys(), s.loadedFrom)
	return nil
}

// serve is the life of the server: its ticker and its end.
func (s *Server) serve(ctx context.Context, served <-chan error) error {
	tick := time.NewTicker(s.tickEvery())
	defer tick.Stop()
	turns := s.watch.Watch("The regular work", "keys do not expire, waits do not end, nothing is saved", s)
	for {
		select {
		case <-tick.C:
			turns.Turn()
			s.tick()
			turns.Rest()
			tick.Reset(s.tickEvery())
		case <-ctx.Done():
			s.host.Logf(engine.LevelWarning, "Told to stop by whoever runs the server")
			_ = s.keeper.lastSave() // said there; the end does not wait
			return nil
		case <-s.stopped:
			return nil
		case err := <-served:
			if err != nil && !errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("the listener failed: %w", err)
			}
		}
	}
}

func (s *Server) tickEvery() time.Duration {
	return time.Second / time.Duration(max(s.cfg.HZ.Get(), 1))
}

// expireLimit is how many keys one tick deletes at most; what is left waits
// for the next.
const expireLimit = 20_000

// tick is the regular work: expiry, rehashing, statistics, waits that have
// lasted too long.
func (s *Server) tick() {
	s.engine.ExpireCycle(expireLimit)
	s.engine.Maintain()
	s.engine.SampleStats()
	s.barrier.Expire()
	s.keeper.tick()
}

// Shutdown is what a signal asks for: the data is saved if there are save points,
// or as how says (config.ShutdownSave and the like), and Run returns. If it
// cannot be saved, and is not forced, that is the error, and the server goes on;
// it may be asked again.
func (s *Server) Shutdown(why string, how int64) error {
	s.host.Logf(engine.LevelWarning, "%s", why)
	saves := how&config.ShutdownNoSave == 0 && (how&config.ShutdownSave != 0 || len(s.cfg.Save.Get()) > 0)
	if saves && s.serving.Load() {
		if err := s.keeper.finalSave(); err != nil && how&config.ShutdownForce == 0 {
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
			err = s.keeper.lastSave()
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
		if s.peers != nil {
			s.peers.Stop()
		}
		if s.keeper != nil {
			s.keeper.end()
		}
		if s.front != nil {
			_ = s.front.Close()
		}
		for _, l := range s.socks {
			_ = l.Close()
		}
		s.closeLog()
		if p := inDir(s.cfg, s.cfg.PidFile.Get()); p != "" && s.engine != nil {
			_ = os.Remove(p)
		}
		if s.engine != nil {
			s.host.Logf(engine.LevelWarning, "Regent is now ready to exit, bye bye...")
		}
	})
}

func (s *Server) closeLog() {
	if s.aof == nil {
		return
	}
	if err := s.aof.Close(); err != nil {
		s.host.Logf(engine.LevelWarning, "The append only log was not closed cleanly: %v", err)
	}
}
