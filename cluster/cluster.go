package cluster

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regent/aof/disk"
	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
	"regent/engine/config"
)

// Options are a node's surroundings.
type Options struct {
	Config        *config.Config
	Host          engine.Host
	ID            int64
	Peers         []config.Peer // all nodes, this one among them
	Join          bool          // this node is none of them yet, unless the state file says so
	Witness       bool          // this node has a vote and the log, and no keyspace: see witness.go
	KeepProcessor bool          // a receiver may keep a processor in short waits: the process has one to spare
	KeepStep      int64         // of a witness: by how many bytes others go on before it lets go of them; 0: keepStep
	Addr          string        // this node's address among its peers
	Dir           string        // of the state file
	// Disk is its file system; nil is the operating system's. Boot tells one start of the
	// machine from another; "": as the system has it.
	Disk disk.FS
	Boot string
	// TLS is how this node speaks to others, and Verified looks at what one has shown that
	// comes; nil for both: nodes speak no TLS.
	TLS      func() *tls.Config
	Verified func(tls.ConnectionState) error
	// Dial opens connections to other nodes; nil is the system's TCP.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Secrets are what nodes prove to one another. They may change while the cluster runs.
	Secrets *peer.Secrets
	Stream  engine.Stream
	Log     engine.Log
	// Seal hands what was appended up to an offset to the operating system.
	// Without it a deposed leader waits for others to do so.
	Seal func(upto int64) error
	// Failing is why the log can't be written until it is made anew, nil while it can;
	// Probe tries whether its disk works.
	Failing, Probe func() error
	// Rebuild replaces the keyspace by what the log holds up to an offset, as
	// Engine.Replaced has it. Clients are not held meanwhile: they are told that
	// the data is loaded.
	Rebuild func(upto int64) error
	// Snapshot streams the keyspace as it is at one moment to w, while commands
	// go on. It calls cut once, at that moment and before the first byte, with
	// the offset that the keyspace has reached and about how many bytes will
	// come (0: not known). The turn is its own: it passes when the keyspace is walked,
	// and Snapshot returns when w has taken all of it. Without it no follower gets a
	// full copy.
	Snapshot func(ctx context.Context, turn *engine.SnapshotTurn, w io.Writer, cut func(at repl.Place, total int64)) error
	// Install takes such a stream as the base of the log, from which that goes
	// on at a place, and as the keyspace. When all has come, up to io.EOF, and
	// before log or keyspace change, it calls enter once; an error is returned
	// as it is. The keyspace is not used by anyone but reading clients then, and is
	// replaced as by Rebuild.
	Install func(ctx context.Context, at repl.Place, r io.Reader, enter func() error) error
	// Changed tells that this node begins or ceases to lead, after View says
	// so. Advanced tells that Committed or the lease moved. Both must be quick.
	Changed  func(leads bool)
	Advanced func()
	// Adopt gives a plain client's connection to this node's listener: far, if the client
	// is another node's. refusal is what it is told instead; conn is the caller's then.
	// Refusal is the same without a connection.
	Adopt   func(conn net.Conn, carried engine.Carried, far bool) (refusal string, err error)
	Refusal func(carried engine.Carried) string
	// Watch has this node's listener call ready whenever there is input at a descriptor, and
	// tend, see repl.SenderConfig; nil: it does not.
	Watch func(fd int, ready func() (more bool), tend func(resting bool)) bool
}

// Limits of a node.
const (
	// maxGuests bounds the channels of nodes that have proved the secret and
	// are no members.
	maxGuests = 16
	// farewell is how long Stop waits until the last words are sent.
	farewell = 100 * time.Millisecond
	// probeEvery is how often a disk that failed is tried again.
	probeEvery = time.Second
)

// A Cluster is this node among its peers. It implements engine.Cluster.
type Cluster struct {
	opts    Options
	id      int64
	clients map[int64]config.Peer // where clients reach the nodes, if not where peers do
	secrets *peer.Secrets
	timeout time.Duration // the election's T
	beat    time.Duration // the heartbeat's interval
	length  time.Duration // of a lease, from its heartbeat on
	roster  atomic.Pointer[roster]

	ctx          context.Context // of everything that runs
	cancel       context.CancelFunc
	wg           sync.WaitGroup
	unproved     peer.Places // connections that have not proved the secret
	lastLeader   atomic.Pointer[knownLeader]
	outside      atomic.Bool   // it was said that the others do not know this node
	strangerTold atomic.Int64  // mono ns of the last line about one, see mayTell
	twinTold     atomic.Int64  // and about two nodes of one ID
	guestTold    atomic.Int64  // and about a node that is no member
	process      string        // tells this process from others that say they are this node
	guests       chan struct{} // one token per open channel of a node that is no member
	engine       *engine.Engine

	mu       sync.Mutex // see doc.go
	node     *bully.Node
	state    durable // as it is to be
	kept     keeping // as it is on disk
	muted    bool    // the state file or the mark could not be written
	logBad   error   // the log or the keyspace failed: for good
	told     logEnd
	bare     bool          // the role worker's: this node started with nothing, or less than it had,
	fill     int64         // and holds as much as a leader had when it has applied this offset
	changes  chan struct{} // closed and replaced with each change of role
	stopping bool
	stirs    stirrer
	stilled  int64 // mono ns at which the last command had ended before a handover
	verified bool  // a round has proved since that this node led then
	handing  bool  // a handover wants commands to be held
	rising   bool  // this node is elected and does not serve yet
	news     news
	changing *change // somebody waits for it

	// What the hot path reads.
	leaseLate atomic.Bool // bully.Status.LeaseLate: rounds prove what the lease can't
	view      atomic.Pointer[engine.View]
	lease     atomic.Pointer[lease]
	handed    atomic.Pointer[handed]
	holds     atomic.Bool // commands are held, see mark
	commit    atomic.Int64
	all       atomic.Int64 // held by every configured node
	askSynced atomic.Bool  // somebody waits for followers' fsyncs
	awaited   atomic.Int64 // the highest offset that somebody waits for until followers have applied it
	hurried   atomic.Int64 // ticks: when a client last asked for more acknowledgements than write-acks; 0: never
	behind    atomic.Bool  // others hold more durably than this node
	idText    atomic.Pointer[string]
	nextTick  atomic.Int64 // mono ns at which the clock wakes
	marks     marking
	unmarked  chan struct{} // the log has moved: for markLoop
	tick      chan struct{}
	chores    chan struct{} // wakes the role worker
	apply     chan struct{} // wakes the applier

	logMu     disk.Gate
	applier   *repl.Applier
	following atomic.Bool // the applier may apply what is committed

	follow  following
	lead    leading
	served  atomic.Int64 // the last epoch of another node of which hasBegun is known
	begun   atomic.Int64 // the epoch whose record this node has appended
	rounds  rounds
	copies  copies  // that this node makes as leader
	copying copying // that it gets as follower

	tail     tail // a witness'
	carriers carriers
	planned  atomic.Bool // the last leadership of this node was handed over
}

// New checks what it is given and reads the state file. Nothing runs before
// Start.
func New(o Options) (*Cluster, error) {
	c := &Cluster{
		opts: o, id: o.ID, secrets: o.Secrets,
		timeout: o.Config.ElectionTimeout.Millis(), beat: o.Config.HeartbeatInterval.Millis(), length: o.Config.LeaderLease.Millis(),
		process: peer.NewProcess(), guests: make(chan struct{}, maxGuests), changes: make(chan struct{}),
		unmarked: make(chan struct{}, 1), tick: make(chan struct{}, 1), chores: make(chan struct{}, 1), apply: make(chan struct{}, 1),
	}
	if o.Disk == nil {
		c.opts.Disk = disk.OS{}
	}
	if o.Boot == "" {
		c.opts.Boot = bootID()
	}
	c.kept.wake, c.kept.ended = make(chan struct{}, 1), make(chan struct{})
	c.lastLeader.Store(&knownLeader{})
	c.logMu = disk.NewGate()
	c.follow.turn = make(chan struct{}, 1)
	if err := o.Config.CheckTimes(); err != nil {
		return nil, err
	}
	clients, err := clientAddrs(o.Config)
	if err != nil {
		return nil, err
	}
	c.clients = clients
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.opts.Peers = slices.Clone(o.Peers)
	slices.SortFunc(c.opts.Peers, func(a, b config.Peer) int { return cmp.Compare(a.ID, b.ID) })
	if err := c.remember(); err != nil {
		return nil, err
	}
	if err := c.meet(); err != nil {
		return nil, err
	}
	c.kept.cluster = c.state.cluster
	c.shareID()
	c.bare = true // until Start has looked
	c.view.Store(c.compose(bully.Status{}, false))
	return c, nil
}

// meet makes the roster to begin with.
func (c *Cluster) meet() error {
	self := slices.ContainsFunc(c.opts.Peers, func(p config.Peer) bool { return p.ID == c.id })
	if !self || len(c.opts.Peers) < 2 {
		return fmt.Errorf("node %d is not among its peers, or has none", c.id)
	}
	c.roster.Store(&roster{})
	c.adopt(c.firstMembers())
	c.tellDifference()
	return c.checkPlace()
}

func (c *Cluster) linkConfig(m *member) peer.LinkConfig {
	return peer.LinkConfig{
		Peer: m.ID, Addr: m.Addr, Dialer: m.dialer, Timeout: c.timeout,
		Hello:   func() peer.Hello { return c.hello(m, peer.Control) },
		Offset:  c.opts.Stream.End,
		Clock:   func() peer.Clock { return m.clock.tell(c.opts.Host.Now()) },
		Ports:   facePorts(c.opts.Config),
		Cluster: c.clusterText, Mono: c.now, Rand: c.opts.Host.Rand,
		Up: func(up bool) {
			c.do(func(time.Duration) bully.Output {
				if c.member(m.ID) == m {
					c.node.PeerReachable(m.ID, up)
				}
				return bully.Output{}
			})
			if up {
				m.refused.Store(0)
				poke(m.kick)
			}
		},
		Dead: func(at time.Duration, proof bool) {
			m.refused.Store(c.stamp())
			where := m.at.Load()
			c.do(func(time.Duration) bully.Output {
				if m.at.Load() != where || c.member(m.ID) != m {
					return bully.Output{} // it is not there any more: that is no death
				}
				how := bully.Sign
				if proof {
					how = bully.Proof
				}
				return c.node.PeerDead(at, m.ID, how)
			})
		},
		Told: func(conf bully.Configuration) {
			uninvited := false
			c.do(func(now time.Duration) bully.Output {
				if !c.opts.Join && !c.state.cluster.confirmed {
					uninvited = true // another cluster's nodes, by mistake, for all we know
					return bully.Output{}
				}
				return c.node.Told(now, conf)
			})
			if uninvited && !conf.Has(c.id) && !c.outside.Swap(true) {
				c.opts.Host.Logf(engine.LevelWarning, "Node %d at %s belongs to a cluster that this node is no member of (%s): start this one with join yes, and say REGENT NODE ADD %d@%s at the leader",
					m.ID, m.Addr(), c.describeMembers(&conf), c.id, c.opts.Addr)
			}
		},
		Logf: func(format string, args ...any) { c.opts.Host.Logf(engine.LevelNotice, format, args...) },
	}
}

// remember reads what this node has promised before.
func (c *Cluster) remember() error {
	d, found, err := loadState(c.opts.Disk, c.opts.Dir)
	if err != nil {
		return err
	}
	if found && d.node != c.id {
		return fmt.Errorf("the data directory belongs to node %d, this is node %d", d.node, c.id)
	}
	loose := d.loose || !d.marked && !c.fsyncs() // an older file does not say
	if found && !d.clean && d.boot != c.opts.Boot && loose {
		c.opts.Host.Logf(engine.LevelWarning, "The machine went down while this node ran: what it acknowledged without fsync may be lost. Until it has caught up with a leader, its vote counts only together with all others")
		d.hard.MayHaveLost = true
	}
	d.node, d.voters = c.id, c.voters()
	c.state = d
	return nil
}

// Start takes part: the engine holds the whole log by now. It ends the engine's loading, as
// soon as there is a view of which node led last: a client that is told of no leader at all forgets
// all nodes.
func (c *Cluster) Start(e *engine.Engine) error {
	c.engine = e
	end := c.opts.Stream.End()
	db, err := c.opts.Stream.DBAt(end)
	if err != nil {
		return fmt.Errorf("can't read the log back: %w", err)
	}
	c.applier = repl.NewApplier(e, c.opts.Stream, end, db)
	if c.opts.Witness {
		c.applier = repl.NewBlankApplier(e, c.opts.Stream, end)
	}
	c.following.Store(true)
	c.lastLeader.Store(&knownLeader{id: c.ledLast()})
	c.mu.Lock()
	c.told = c.readLog()
	if err := c.take(); err != nil {
		c.mu.Unlock()
		return err
	}
	c.node = bully.New(bully.Config{
		ID: c.id, Voters: c.voters(), Joining: c.opts.Join, Witness: c.opts.Witness, Timeout: c.timeout, Heartbeat: c.beat, Lease: c.length,
		Rand: c.opts.Host.Rand, Addr: c.opts.Addr,
		NoCrashEvidence: !c.opts.Config.CrashEvidence.Get(),
		Takeover:        c.opts.Config.Takeover.Get() == config.TakeoverAuto,
		HandoverPause:   c.opts.Config.HandoverPause.Millis(),
	}, c.state.hard, c.told.pos, c.now())
	for _, m := range c.others() {
		c.node.PeerIsWitness(m.ID, m.witness.Load())
		c.dial(m)
	}
	st := c.node.Status()
	c.mu.Unlock()
	c.view.Store(c.compose(st, false))
	e.SetLoading(false)
	c.run(c.keep)
	c.run(c.markLoop)
	c.run(c.clock)
	c.run(c.roleWorker)
	c.run(c.applyLoop)
	c.doLog(nothing)
	return nil
}

// take makes what this node has promised and held its own, on disk: first the
// state file, which says what was found missing, then a mark that forgets it.
func (c *Cluster) take() error {
	lost, err := c.inspect(c.told.pos)
	if err != nil {
		return err
	}
	s := &c.state
	s.hard.MayHaveLost = s.hard.MayHaveLost || lost
	c.bare = lost || c.told.pos == bully.Position{}
	s.clean, s.boot = false, c.opts.Boot
	s.reached, s.marked, s.loose = c.told.pos, true, !c.fsyncs()
	if err := s.saveOn(c.opts.Disk, c.opts.Dir); err != nil {
		return fmt.Errorf("can't write the cluster state file: %w", err)
	}
	c.marks.reached, err = newMark(c.opts.Disk, c.opts.Dir, c.told.pos)
	if err != nil {
		return fmt.Errorf("can't write how far the log has come: %w", err)
	}
	c.marks.covered.Store(c.told.durable)
	c.kept.took(s, &c.roster.Load().conf)
	return nil
}

// fsyncs reports whether nothing is acknowledged here before an fsync.
func (c *Cluster) fsyncs() bool { return c.opts.Config.AppendFsync.Get() == config.FsyncAlways }

// run starts a goroutine that ends with the cluster.
func (c *Cluster) run(f func()) { c.wg.Go(f) }

// Stop hands leadership over, or gives it up and says so to the others, and
// ends everything. The log must still be open.
func (c *Cluster) Stop() {
	c.retire()
	c.mu.Lock()
	running := c.node != nil && !c.stopping
	c.stopping = true
	c.mu.Unlock()
	if !running {
		c.cancel()
		return
	}
	c.do(func(now time.Duration) bully.Output { return c.node.Stop(now) })
	c.flush()
	c.cancel()
	c.follow.drop()
	for _, m := range c.others() {
		m.replace(nil)
	}
	c.wg.Wait()
	c.settle()
	c.engine.ReleaseData()
	c.endSenders()
	m := &c.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.clean = !c.muted && c.logBad == nil
	c.state.reached = m.reached.at
	if err := c.state.saveOn(c.opts.Disk, c.opts.Dir); err != nil {
		c.opts.Host.Logf(engine.LevelWarning, "The cluster state file was not written: %v", err)
	}
	m.reached.page.close()
	m.reached = nil
}

// flush waits until the last words are on their way, or farewell is over.
func (c *Cluster) flush() {
	ctx, cancel := context.WithTimeout(c.ctx, farewell)
	defer cancel()
	for _, m := range c.others() {
		m.link.Flush(ctx)
	}
}

// DiskFailed tells that the log cannot be written: this node neither leads
// nor runs any more. It votes on (rule 10 of the election).
func (c *Cluster) DiskFailed(err error) {
	c.mu.Lock()
	c.logBad = errors.Join(c.logBad, err)
	c.mu.Unlock()
	c.do(func(now time.Duration) bully.Output { return c.node.Disk(now, false) })
}

// DiskOK takes DiskFailed back.
func (c *Cluster) DiskOK() {
	c.mu.Lock()
	c.logBad = nil
	muted := c.muted
	c.mu.Unlock()
	if !muted {
		c.do(func(now time.Duration) bully.Output { return c.node.Disk(now, true) })
	}
}

func (c *Cluster) now() time.Duration { return time.Duration(c.opts.Host.Mono()) }

// stamp is now in ns, and never 0. What is to end after a time goes by it: a wall clock that is
// set by hours would have everybody unheard of, or nobody for as long.
func (c *Cluster) stamp() int64 { return max(c.opts.Host.Mono(), 1) }

// unheard is for how long nothing was heard of a member; longer than any limit: never anything.
func (c *Cluster) unheard(m *member) time.Duration {
	heard := m.heard.Load()
	if heard == 0 {
		return math.MaxInt64
	}
	return c.now() - time.Duration(heard)
}

func (c *Cluster) hello(m *member, kind string) peer.Hello {
	return peer.Hello{Cluster: c.ownID(), From: c.id, To: m.ID, Kind: kind, Process: c.process}
}

// ownID is the cluster's ID for a handshake.
func (c *Cluster) ownID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.cluster.sure()
}

func (c *Cluster) clusterText() string { return *c.idText.Load() }

// poke leaves a word on a channel that holds one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

var _ engine.Cluster = (*Cluster)(nil)
