package regent

import (
	"context"
	"io"
	"math"
	"net"
	"strings"

	"regent/aof"
	"regent/aof/disk"
	"regent/cluster"
	"regent/cluster/repl"
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

// The wiring: what the floors, which do not know each other, are told of one
// another.

// shardsPerCore gives every core several locks to choose from.
const shardsPerCore = 8

// build makes all parts of the node and ties them together.
func (s *Server) build() error {
	dir := s.cfg.Dir.Get()
	others := max(len(s.node.Peers)-1, 0)
	if s.cfg.Join.Get() {
		others = max(others, 1)
	}
	byHTTP := 0
	if s.showsStatus() {
		byHTTP = status.Files
	}
	if err := machine.FitClients(s.cfg, s.host, others, byHTTP); err != nil {
		return err
	}
	var err error
	if s.certs, err = certs.New(s.cfg, s.host); err != nil {
		return err
	}
	s.data = persist.New(persist.Options{
		Config: s.cfg, Host: s.host, Cores: machine.Cores(), Disk: s.disk(), Joined: cluster.Joined(s.disk(), dir),
		Witness:  s.cfg.Role.Get() == config.RoleWitness,
		Replaced: func() { s.barrier.Deposed() }, History: s.opts.LogHistory,
	})
	if err := s.data.OpenLog(s.trouble()); err != nil {
		return err
	}
	var view engine.Cluster = cluster.Lone(s.node.ID, s.node.Host, s.node.Port, s.cfg)
	if s.node.Clustered() {
		if err := s.joinPeers(dir); err != nil {
			return err
		}
		view = s.peers
		s.data.With(s.peers)
	}
	s.log.SetRole(func() byte {
		if view.View().Leading {
			return 'M'
		}
		return 'S'
	})
	s.barrier = barrier.New(s.barrierPorts())
	o := engine.Options{
		Config: s.cfg, Host: s.host, Cluster: view, Control: control{s},
		Dial:  machine.Dialer(s.opts.Dial, s.certs.Others()),
		Rooms: commands.All(), Shards: shardsPerCore * machine.Cores(),
		Version: s.opts.Version, ConfigFile: s.opts.ConfigFile,
	}
	if log := s.data.Log(); log != nil {
		o.Log = log.Recorder()
	}
	o.Replicas = func() []engine.Replica { return s.outside.List() }
	s.engine = engine.New(o)
	if err := s.loadUsers(); err != nil {
		return err
	}
	s.data.Attach(s.engine)
	s.outside = replicas.New(s.replicaOptions())
	s.engine.AddInfo(engine.InfoSection{Name: "Regent", Default: true, Write: s.barrier.Info})
	if s.certs != nil {
		s.engine.AddInfo(engine.InfoSection{Name: "TLS", Default: true, Write: s.certs.Info})
	}
	s.watch = watchdog.New(s.host)
	front := server.Options{
		Engine: s.engine, Barrier: s.barrier, Config: s.cfg, Host: s.host,
		Hijack: s.hijack, Watch: s.watch, TLS: s.certs.Server,
	}
	if s.peers != nil {
		front.Admit, front.Carry = s.peers.Admit, s.peers.Carry
	}
	s.front = server.New(front)
	if s.showsStatus() {
		s.status = status.New(s.statusOptions(view))
	}
	return s.listen()
}

// showsStatus reports whether the node tells of itself by HTTP.
func (s *Server) showsStatus() bool {
	return s.cfg.HTTPPort.Get() != 0 && s.opts.Listeners == nil || s.opts.HTTPListeners != nil
}

// statusOptions ties what is told by HTTP to what there is to tell.
func (s *Server) statusOptions(view engine.Cluster) status.Options {
	o := status.Options{
		Host: s.host, Cluster: view, Engine: s.engine, Version: s.opts.Version, Leaderships: s.led.Load,
		Serving:   func() bool { return s.serving.Load() && !s.leaving.Load() },
		Committed: func() (int64, bool) { return s.durable(engine.AckSet(0)), s.data.Log() != nil },
	}
	if s.cfg.TLSHTTP.Get() {
		o.TLS = s.certs.Server
	}
	if s.peers != nil {
		o.Committed = func() (int64, bool) { return s.peers.Committed(), true }
	}
	return o
}

// disk is the file system of the data and of the configuration.
func (s *Server) disk() disk.FS {
	if s.opts.Disk != nil {
		return s.opts.Disk
	}
	return disk.OS{}
}

// listen opens the ports and says which process has them.
func (s *Server) listen() (err error) {
	s.socks = address.Sockets{Port: s.opts.Listeners, Plain: s.opts.PlainListeners, HTTP: s.opts.HTTPListeners}
	if s.opts.Listeners == nil {
		s.socks, err = address.Listen(s.cfg, machine.InDir(s.cfg, s.cfg.UnixSocket.Get()))
	}
	if p := machine.InDir(s.cfg, s.cfg.PidFile.Get()); p != "" && err == nil {
		if err := machine.WritePID(p); err != nil { // as in Redis, nothing else depends on it
			s.host.Logf(engine.LevelWarning, "Failed to write the process ID: %v", err)
		}
	}
	return err
}

func (s *Server) joinPeers(dir string) (err error) {
	log := s.data.Log() // which a node with peers keeps
	dial, verified := s.certs.Peers()
	s.peers, err = cluster.New(cluster.Options{
		Config: s.cfg, Host: s.host, ID: s.node.ID, Peers: s.node.Peers, Addr: s.node.Addr(),
		Join: s.cfg.Join.Get(), Witness: s.cfg.Role.Get() == config.RoleWitness,
		Dir: dir, Disk: s.disk(), Boot: s.opts.Boot,
		Dial: s.opts.Dial, TLS: dial, Verified: verified, Secrets: s.secrets,
		KeepStep: s.opts.LogHistory / 4, KeepProcessor: s.opts.SpareProcessors,
		Stream: log.Stream(), Log: log.Recorder(), Seal: log.Seal,
		Failing: log.Failing, Probe: log.Probe, Rebuild: s.data.Rebuild,
		Snapshot: s.feedCopy,
		Install: func(ctx context.Context, at repl.Place, r io.Reader, enter func() error) error {
			return s.data.Install(ctx, aof.Place(at), r, enter)
		},
		Changed: s.roleChanged,
		Adopt: func(conn net.Conn, carried engine.Carried, far bool) (string, error) {
			return s.front.Adopt(conn, carried, far)
		},
		Refusal:  func(carried engine.Carried) string { return s.front.Refusal(carried) },
		Advanced: func() { s.barrier.Advance() },
		Watch:    func(fd int, ready func() bool, tend func(bool)) bool { return s.front.Watch(fd, ready, tend) },
	})
	return err
}

// feedCopy is cluster.Options.Snapshot.
func (s *Server) feedCopy(ctx context.Context, turn *engine.SnapshotTurn, w io.Writer, cut func(at repl.Place, total int64)) error {
	return s.data.Feed(ctx, turn, w, func(at aof.Place, total int64) { cut(repl.Place(at), total) })
}

// replicaOptions ties the replicas that are no nodes (docs/replicas.md) to the log that there is.
func (s *Server) replicaOptions() replicas.Options {
	o := replicas.Options{
		Config: s.cfg, Host: s.host, Disk: s.disk(), Copy: s.data.CopyOut, Beat: s.engine.Beat, Synced: s.engine.CountSync, Sent: s.engine.CountReplOutput,
		Leads: func() bool { return true }, History: s.engine.RunID,
		Stream: s.data.Followed, Rest: s.data.EndBacklog,
		Committed: func() int64 {
			if log := s.data.Followed(); log != nil {
				return log.Durable()
			}
			return 0
		},
	}
	if s.peers != nil {
		o.Committed = func() int64 { return s.peers.CommittedFor(engine.AcksQuorum.Set()) }
		o.Leads = func() bool { return s.peers.View().Leading }
		o.History = func() string { return s.peers.View().ClusterID }
	}
	return o
}

// barrierPorts ties the barrier to the log and the cluster that there are.
func (s *Server) barrierPorts() barrier.Ports {
	p := barrier.Ports{
		Ticks:     s.host.Ticks,
		Seal:      s.seal,
		Settle:    s.settle,
		Committed: s.durable,
		Epoch:     func() int64 { return 0 },
		Keyspace:  func() int64 { return s.engine.KeyspaceEpoch() },
		Leased:    func() bool { return true },
		Handed:    func(int64, int64) bool { return false },
		Rounds:    func() bool { return false },
		Timeout:   s.cfg.WriteTimeout.Millis,
		Moving:    func(int64) int64 { return 0 },
	}
	if s.peers != nil {
		p.Handed = s.peers.Handed
		p.Rounds = func() bool { return !s.peers.Leased() }
		p.Round, p.Confirmed = s.peers.Round, s.peers.Confirmed
		p.Committed, p.Epoch, p.Leased = s.peers.CommittedFor, s.leadingEpoch, s.peers.Leads
		p.Moving = s.moving
	}
	return p
}

// durable is what replies of a node without peers wait for: nothing, where no log is kept.
func (s *Server) durable(engine.AckSet) int64 {
	if log := s.data.Log(); log != nil {
		return log.Durable()
	}
	return math.MaxInt64
}

// seal is barrier.Ports'.
func (s *Server) seal(upto int64) error {
	if log := s.data.Log(); log != nil {
		return log.SealSoon(upto)
	}
	return nil
}

// settle is barrier.Ports'.
func (s *Server) settle(handOff bool) (work func(), soon bool) {
	if log := s.data.Log(); log != nil {
		return log.Settle(handOff)
	}
	return nil, false
}

// moving is when the large unit that ends at off has moved last: here, or to a follower.
func (s *Server) moving(off int64) int64 {
	start, unwritten, ok := s.data.Log().LargeUnit(off)
	switch {
	case !ok:
		return 0
	case unwritten:
		return s.host.Ticks()
	}
	return s.peers.Moving(start, off)
}

// leadingEpoch is the epoch in which this node leads and serves, 0: none.
func (s *Server) leadingEpoch() int64 {
	if v := s.peers.View(); v.Leading {
		return v.Epoch
	}
	return 0
}

func (s *Server) roleChanged(leads bool) {
	if leads {
		s.led.Add(1)
	}
	if !leads {
		s.barrier.Deposed()
		s.front.Deposed(s.peers.HandedOver())
	}
	s.barrier.Advance()
}

// hijack takes a connection over from the listener.
func (s *Server) hijack(conn net.Conn, early []byte, words [][]byte) {
	ask, syncs := engine.ReadSync(words)
	switch {
	case syncs:
		s.outside.Serve(conn, early, ask)
	case len(words) > 1 && strings.EqualFold(string(words[1]), "backup"):
		s.data.Backup(conn)
	case s.peers != nil:
		s.peers.Hijack(conn, early, words)
	default:
		_ = conn.Close()
	}
}
