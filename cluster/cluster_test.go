package cluster_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/cluster"
	"regent/cluster/bully"
	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/integration/harness/ports"
	"regent/resp"
)

// A network lets tests cut what nodes say to each other: each node dials its
// peers through a proxy of its own.
type network struct {
	t     *testing.T
	nodes []*node

	dirs []string
	calm bool                          // elections are not waited for at the start: see patient
	hold atomic.Pointer[chan struct{}] // snapshots wait in their middle until it is closed; nil: they do not
	held atomic.Int64                  // snapshots that wait so

	mu   sync.Mutex
	cuts map[[2]int64]bool
	wire map[net.Conn][2]int64
}

// A node is a cluster member whose log outlives its process.
type node struct {
	net    *network
	id     int64
	port   int
	log    *clustertest.Log
	dir    string
	host   *clustertest.Host
	config *config.Config
	disk   disk.FS // of the state file; nil: the machine's
	peers  []config.Peer
	join   bool // it is none of its peers until it is taken in

	snapshots atomic.Int64 // begun
	installs  atomic.Int64 // done

	alive   bool
	listen  net.Listener
	conns   sync.Map
	cluster *cluster.Cluster
	engine  *engine.Engine
}

// testTimeout is long enough that a busy machine is not taken for a fault, as
// a rule: what a test finds must not rest on it.
const testTimeout = 1000 // ms

func newNetwork(t *testing.T, n int) *network {
	w := &network{t: t, cuts: map[[2]int64]bool{}, wire: map[net.Conn][2]int64{}}
	for range n {
		w.add()
	}
	for _, a := range w.nodes {
		for _, b := range w.nodes {
			port := b.port
			if a != b {
				port = w.proxy(a, b)
			}
			a.peers = append(a.peers, config.Peer{ID: b.id, Host: "127.0.0.1", Port: port})
		}
	}
	t.Cleanup(func() {
		for _, x := range w.nodes {
			x.kill()
		}
		for _, dir := range w.dirs {
			_ = os.RemoveAll(dir)
		}
	})
	return w
}

// add makes a node with the next ID, which has no peers yet.
func (w *network) add() *node {
	w.t.Helper()
	l, err := listenLow()
	if err != nil {
		w.t.Fatal(err)
	}
	id := int64(len(w.nodes) + 1)
	x := &node{
		net: w, id: id, port: l.Addr().(*net.TCPAddr).Port, log: clustertest.NewLog(),
		dir: w.tempDir(), host: clustertest.NewHost(w.t, fmt.Sprint("node ", id)), listen: l, config: config.New(),
	}
	x.config.ElectionTimeout.Set(testTimeout)
	x.config.HeartbeatInterval.Set(testTimeout / 20)
	x.config.LeaderLease.Set(testTimeout / 4)
	x.config.WriteAcks.Set(config.AcksQuorum)
	x.config.CrashEvidence.Set(true)
	x.config.Takeover.Set(config.TakeoverManual) // leaders change when a test says so
	x.config.HandoverPause.Set(20_000)           // a busy disk is no reason to give up
	x.config.ProtoMaxBulkLen.Set(512 << 20)
	x.config.FollowerReads.Set(config.FollowerReadsYes) // tests look at what followers hold
	w.nodes = append(w.nodes, x)
	return x
}

// proxy carries what a dials to b. While b is down it is not listening either,
// so that a dial is refused; while the way is cut it swallows.
func (w *network) proxy(a, b *node) int {
	port, err := ports.Reserve()
	if err != nil {
		w.t.Fatal(err)
	}
	gate := &gate{w: w, a: a, b: b, addr: fmt.Sprint("127.0.0.1:", port)}
	b.conns.Store(gate, true)
	return port
}

// tempDir is a directory in memory where there is one: how long a busy disk
// takes for an fsync is no matter of these tests.
func (w *network) tempDir() string {
	dir, err := os.MkdirTemp("/dev/shm", "regent-cluster-")
	if err != nil {
		dir, err = os.MkdirTemp("", "regent-cluster-")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.dirs = append(w.dirs, dir)
	return dir
}

// listenLow listens on a port that stays this process's: it will be listened
// on again after a crash.
func listenLow() (net.Listener, error) {
	port, err := ports.Reserve()
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
}

// start runs a node on the log it has.
func (x *node) start() {
	t := x.net.t
	t.Helper()
	if x.listen == nil {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", x.port))
		if err != nil {
			t.Fatal(err)
		}
		x.listen = l
	}
	var leads atomic.Bool
	c, err := cluster.New(cluster.Options{
		Config: x.config, Host: x.host, ID: x.id, Peers: x.peers, Join: x.join, Addr: x.addr(), Dir: x.dir, Disk: x.disk, Secrets: peer.NewSecrets("s"),
		Stream: x.log.Stream(), Log: x.log, Seal: func(int64) error { return x.log.Seal() },
		Rebuild: x.rebuild, Snapshot: x.snapshot, Install: x.install, Changed: leads.Store, Advanced: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.cluster = c
	x.log.Moved = c.Sealed
	x.engine = engine.New(engine.Options{Config: x.config, Host: x.host, Log: x.log, Cluster: c, Control: &enginetest.Control{}, Rooms: commands.All()})
	if err := x.log.LoadUpTo(x.log.End(), onto(x.engine.NewApplier())); err != nil {
		t.Fatal(err)
	}
	end := x.log.End()
	x.engine.Freeze(func() { x.engine.SetFloor(end) })
	if err := c.Start(x.engine); err != nil {
		t.Fatal(err)
	}
	x.alive = true
	go x.serve(x.listen, c)
	x.conns.Range(func(g, _ any) bool { g.(*gate).open(); return true })
}

func (x *node) addr() string { return fmt.Sprint("127.0.0.1:", x.port) }

func onto(a *engine.Applier) func(db int, args [][]byte) error {
	return func(db int, args [][]byte) error {
		a.SetDB(db)
		return a.Apply(args)
	}
}

// rebuild replaces the keyspace by the log up to an offset.
func (x *node) rebuild(upto int64) error {
	x.engine.SetLoading(true)
	defer x.engine.SetLoading(false)
	x.engine.Freeze(x.engine.Reset)
	err := x.log.LoadUpTo(upto, onto(x.engine.NewApplier()))
	x.engine.Freeze(func() { x.engine.Replaced(upto) })
	return err
}

// serve is the listener: it reads the first command and hands the connection
// over.
func (x *node) serve(l net.Listener, c *cluster.Cluster) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			r := bufio.NewReader(conn)
			words, err := readCommand(r)
			if err != nil {
				_ = conn.Close()
				return
			}
			early, _ := r.Peek(r.Buffered())
			c.Hijack(conn, early, words)
		}()
	}
}

func readCommand(r *bufio.Reader) (words [][]byte, err error) {
	number := func() int {
		line, e := r.ReadString('\n')
		if err = e; err != nil {
			return 0
		}
		n, e := strconv.Atoi(strings.TrimSpace(line[1:]))
		err = e
		return n
	}
	for range min(number(), 16) {
		b := make([]byte, min(number(), 1024)+2)
		if err != nil {
			return nil, err
		}
		if _, err = io.ReadFull(r, b); err != nil {
			return nil, err
		}
		words = append(words, b[:len(b)-2])
	}
	return words, err
}

// kill ends a node without a word; what it had not sealed is lost.
func (x *node) kill() {
	if !x.alive {
		return
	}
	x.shut()
	x.cluster.Kill()
	x.log.Crash()
	x.checkMark()
}

// checkMark: what the node keeps of how far its log had come is not behind, or
// it would not notice what it loses next; and not ahead, or it would doubt a log
// that is whole.
func (x *node) checkMark() {
	s := x.log.Stream()
	want := bully.Position{Epoch: s.LastEpoch(), Offset: s.End()}
	if at, found, err := cluster.ReadMark(x.dir); err != nil || !found || want.Less(at) {
		x.net.t.Errorf("node %d's mark is %v %v %v, its log ends at %v", x.id, at, found, err, want)
	}
}

// stop ends a node in order.
func (x *node) stop() {
	x.cluster.Stop()
	x.shut()
}

func (x *node) shut() {
	x.alive = false
	_ = x.listen.Close()
	x.listen = nil
	x.conns.Range(func(g, _ any) bool { _ = g.(*gate).l.Close(); return true })
	x.net.flap(x)
}

// try is one client's command: the reply, and whether it could leave in time.
func (x *node) try(patience time.Duration, args ...string) (reply string, sent bool) {
	c := (&enginetest.Server{Engine: x.engine}).Client()
	defer x.engine.EndSession(c.Session)
	reply = c.Do(args...)
	for end := time.Now().Add(patience); c.Parked(); {
		if time.Now().After(end) {
			return "(held)", false
		}
		time.Sleep(50 * time.Microsecond)
		reply = c.Go()
	}
	return reply, x.release(c.Barrier, c.LeaderEpoch, patience)
}

// release waits as the barrier does, and reports whether a reply that rests on
// an offset and an epoch could leave.
func (x *node) release(off, epoch int64, patience time.Duration) bool {
	_ = x.log.Seal()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Microsecond) {
		v := x.cluster.View()
		if off <= x.cluster.Committed() && x.cluster.Handed(epoch, off) {
			return true
		}
		if epoch > 0 && (!v.Leading || v.Epoch != epoch) || epoch < 0 && epoch != x.engine.KeyspaceEpoch() {
			return false
		}
		if off <= x.cluster.Committed() && (epoch <= 0 || x.cluster.Leads()) {
			return true
		}
	}
	return false
}

// must is a command that is answered. A leader whose lease ran out for a moment,
// as happens on a busy machine, is asked again.
func (x *node) must(args ...string) string {
	x.net.t.Helper()
	const patience = 60 * time.Second
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		reply, sent := x.try(patience, args...)
		if !sent {
			x.net.t.Fatalf("node %d: %.80v was not answered", x.id, fmt.Sprint(args))
		}
		if !strings.HasPrefix(reply, "-"+resp.ErrClusterDown) || time.Now().After(end) {
			return strings.TrimSpace(reply)
		}
	}
}

// write is a command that is answered by whichever node leads: one that may be
// repeated, since a busy machine may change the leader meanwhile.
func (w *network) write(args ...string) {
	w.t.Helper()
	w.until(fmt.Sprintf("%.80v is answered", fmt.Sprint(args)), func() bool {
		reply, sent := w.leader().try(20*time.Second, args...)
		return sent && reply[0] != '-'
	})
}

// deadline bounds a wait for what must come, however busy the machine is.
const deadline = 2 * time.Minute

// until waits for something to become true.
func (w *network) until(what string, f func() bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			for _, x := range w.nodes {
				if x.alive {
					w.t.Logf("node %d: %+v, committed %d, log %d", x.id, *x.cluster.View(), x.cluster.Committed(), x.log.End())
				}
			}
			w.t.Fatalf("never: %s", what)
		}
	}
}

// leader waits until one of the given nodes leads, or of all.
func (w *network) leader(among ...*node) (leader *node) {
	w.t.Helper()
	if len(among) == 0 {
		among = w.nodes
	}
	w.until("a leader", func() bool {
		for _, x := range among {
			if x.alive && x.cluster.View().Leading && x.cluster.Leads() {
				leader = x
				return true
			}
		}
		return false
	})
	return leader
}

// followed waits until every living node follows the leader and sees all of
// its keyspace.
func (w *network) followed(leader *node) {
	w.t.Helper()
	w.until("all follow", func() bool {
		for _, x := range w.nodes {
			if x != leader && x.alive && (!x.cluster.View().LinkUp || x.cluster.Committed() < leader.log.End()) {
				return false
			}
		}
		return true
	})
}

func (w *network) start() {
	w.t.Helper()
	for _, x := range w.nodes {
		x.start()
	}
	if !w.calm {
		return
	}
	one := w.nodes[0]
	w.until("all are linked", func() bool {
		for _, x := range w.nodes {
			for _, n := range x.cluster.View().Nodes {
				if !n.Up {
					return false
				}
			}
		}
		return true
	})
	w.until("somebody leads by command", func() bool {
		return one.cluster.ForceLeader() != nil && one.cluster.View().LeaderID != 0
	})
	w.until("all count", func() bool {
		for _, x := range w.nodes {
			if x.cluster.View().Recovering {
				return false
			}
		}
		return true
	})
}

// sees waits until a reader at the node gets a value.
func (x *node) sees(key, want string) {
	x.net.t.Helper()
	x.net.until(fmt.Sprintf("node %d: %s is %q", x.id, key, want), func() bool {
		reply, sent := x.try(time.Second, "GET", key)
		return sent && reply == bulk(want)
	})
}

func bulk(s string) string {
	if s == "" {
		return "$-1\r\n"
	}
	return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s)
}

func TestElectAndReplicate(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	for i := range 100 {
		if got := leader.must("SET", fmt.Sprint("k", i), fmt.Sprint("v", i)); got != "+OK" {
			t.Fatal(got)
		}
	}
	leader.must("MSET", "a", "1", "b", "2")
	w.followed(leader)
	for _, x := range w.nodes {
		x.sees("k99", "v99")
		x.sees("b", "2")
		if x != leader {
			if got, _ := x.try(time.Second, "SET", "k", "v"); !strings.HasPrefix(got, "-MOVED ") || !strings.HasSuffix(got, leader.addr()+"\r\n") {
				t.Errorf("a write at a follower: %q", got)
			}
		}
	}
	id := leader.cluster.View().ClusterID
	for _, x := range w.nodes {
		if x.cluster.View().ClusterID != id || len(id) != 40 {
			t.Errorf("node %d is of cluster %q, the leader of %q", x.id, x.cluster.View().ClusterID, id)
		}
	}
	w.until("AckedBy counts both", func() bool { return leader.cluster.AckedBy(leader.log.End()) == 2 })
}

func TestKillAndReturn(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	var written []string
	for round := range 4 {
		leader := w.leader()
		for i := range 20 {
			key := fmt.Sprintf("r%d:%d", round, i)
			leader.must("SET", key, key)
			written = append(written, key)
		}
		leader.kill()
		next := w.leader()
		for _, key := range written {
			if got := next.must("GET", key); !strings.HasSuffix(got, key) {
				t.Fatalf("round %d: %s is %q", round, key, got)
			}
		}
		leader.start()
		w.followed(next)
		for _, key := range written {
			leader.sees(key, key)
		}
	}
}

// TestSteadyNodesRest: nodes that lead and follow do their chores seldom, and one that has
// lost its leader does them at each beat, until it follows again.
func TestSteadyNodesRest(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	leader := w.leader()
	steady := func(nodes ...*node) func() bool {
		return func() bool {
			for _, x := range nodes {
				if !x.cluster.Steady() {
					return false
				}
			}
			return true
		}
	}
	w.until("all rest", steady(w.nodes...))
	others := w.others(leader)
	leader.kill()
	others[0].kill()
	w.until("the last one does not rest", func() bool { return !steady(others[1])() })
	leader.start()
	others[0].start()
	w.until("all rest again", steady(w.nodes...))
}
