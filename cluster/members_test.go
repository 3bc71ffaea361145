package cluster_test

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
)

// patience is how long a change of the nodes may take in a test.
const patience = 15 * time.Second

func (x *node) peer() config.Peer { return config.Peer{ID: x.id, Host: "127.0.0.1", Port: x.port} }

// joiner starts a node that knows one of the others and is to join it.
func (w *network) joiner(seed *node) *node {
	w.t.Helper()
	x := w.add()
	x.config.ElectionTimeout.Set(w.nodes[0].config.ElectionTimeout.Get())
	x.config.HeartbeatInterval.Set(w.nodes[0].config.HeartbeatInterval.Get())
	x.config.LeaderLease.Set(w.nodes[0].config.LeaderLease.Get())
	x.join, x.peers = true, []config.Peer{seed.peer(), x.peer()}
	x.start()
	return x
}

// changed has the leader carry out a change: again at the next one when
// leadership moved meanwhile, as an operator would.
func (w *network) changed(what string, change func(leader *node) error) {
	w.t.Helper()
	w.until(what, func() bool {
		err := change(w.leader())
		for _, passing := range []error{engine.ErrNotLeading, engine.ErrHandoverRuns, engine.ErrChangeRuns, engine.ErrChangeUnknown} {
			if errors.Is(err, passing) {
				return false
			}
		}
		if err != nil {
			w.t.Fatalf("%s: %v", what, err)
		}
		return true
	})
}

func (w *network) takeIn(x *node) {
	w.t.Helper()
	w.changed(fmt.Sprintf("node %d is taken in", x.id), func(l *node) error { return l.cluster.AddNode(x.peer(), patience) })
}

func (w *network) takeOut(x *node) {
	w.t.Helper()
	w.changed(fmt.Sprintf("node %d is taken out", x.id), func(l *node) error {
		if l == x {
			w.handOver(w.others(x)[0])
		}
		return w.leader().cluster.RemoveNode(x.id, patience)
	})
}

// members is which nodes count as a node knows it: "1 2 (4)", learners in brackets.
func (x *node) members() string {
	var out []string
	for _, n := range x.cluster.View().Nodes {
		switch {
		case !n.Learner:
			out = append(out, fmt.Sprint(n.ID))
		case !n.Myself || x.cluster.View().Membership == engine.MemberLearner:
			out = append(out, fmt.Sprintf("(%d)", n.ID))
		}
	}
	return strings.Join(out, " ")
}

func (x *node) knows(want string) {
	x.net.t.Helper()
	x.net.until(fmt.Sprintf("node %d knows %s", x.id, want), func() bool { return x.members() == want })
}

func (x *node) is(membership string) {
	x.net.t.Helper()
	x.net.until(fmt.Sprintf("node %d is a %s", x.id, membership), func() bool { return x.cluster.View().Membership == membership })
}

// TestGrowAndShrink: three nodes become five and three others again, under
// writers that are told nothing but replies and MOVED.
func TestGrowAndShrink(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	first := w.leader()
	var wg sync.WaitGroup
	var done atomic.Bool
	counts := make([]int, 3)
	for i := range counts {
		wg.Go(func() {
			c := &caller{w: w, at: first}
			for !done.Load() {
				if got := c.do("INCR", fmt.Sprint("n", i)); got != fmt.Sprintf(":%d\r\n", counts[i]+1) {
					t.Errorf("INCR %d: %q", counts[i]+1, got)
					return
				}
				counts[i]++
			}
		})
	}
	four := w.joiner(first)
	four.is(engine.MemberJoining)
	w.takeIn(four)
	four.is(engine.MemberVoter)
	five := w.joiner(four) // which is as good as any
	w.takeIn(five)
	for _, x := range w.nodes {
		x.knows("1 2 3 4 5")
	}
	w.handOver(five)
	for _, x := range w.nodes[:2] {
		w.takeOut(x)
		x.is(engine.MemberRemoved)
	}
	done.Store(true)
	wg.Wait()
	for _, x := range w.nodes[2:] {
		x.knows("3 4 5")
		for i, n := range counts {
			x.sees(fmt.Sprint("n", i), fmt.Sprint(n))
		}
	}
	w.until("a node that was removed refuses writes", func() bool {
		got, _ := w.nodes[0].try(time.Second, "SET", "k", "v")
		return strings.HasPrefix(got, "-CLUSTERDOWN")
	})
	// Two of three are enough, whatever those say that were removed.
	w.nodes[2].kill()
	w.leader(four, five)
	w.write("SET", "k", "v")
}

// TestAwayWhileMembersChange: a node that is down while it is removed learns
// so from those it dials, one that stays learns which the others are, and one
// whose file is older than all this still starts.
func TestAwayWhileMembersChange(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	one, two, three := w.nodes[0], w.nodes[1], w.nodes[2]
	w.handOver(three)
	w.write("SET", "k", "1")
	w.followed(three)
	one.kill()
	four := w.joiner(three)
	w.takeIn(four)
	one.start()
	one.knows("1 2 3 4")
	one.kill()
	w.takeOut(one)
	epoch := w.leader().cluster.View().Epoch
	one.start()
	one.is(engine.MemberRemoved)
	for range 3 { // it asks again at each start, knows what it was told, and disturbs nobody
		one.kill()
		links := one.linked()
		one.start()
		one.is(engine.MemberRemoved)
		w.until("it has dialled all", func() bool { return one.linked() >= links+3 })
	}
	if l := w.leader(); l.cluster.View().Epoch != epoch || one.cluster.View().Electing {
		t.Errorf("a removed node disturbs: epoch %d, then %d", epoch, l.cluster.View().Epoch)
	}
	w.takeIn(one)
	one.is(engine.MemberVoter)
	one.sees("k", "1")
	two.knows("1 2 3 4")
}

// linked is how often a node has opened a link to another one.
func (x *node) linked() (n int) {
	for _, line := range x.host.Lines() {
		if strings.Contains(line, "Link to node") {
			n++
		}
	}
	return n
}

// TestMove: a node comes back at another address. It is the same node.
func TestMove(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	x := w.others(leader)[0]
	w.followed(leader)
	name := func() (s string) {
		for _, n := range w.leader().cluster.View().Nodes {
			if n.ID == x.id {
				s = n.Name
			}
		}
		return s
	}
	was := name()
	x.kill()
	l, err := listenLow()
	if err != nil {
		t.Fatal(err)
	}
	x.listen, x.port = l, l.Addr().(*net.TCPAddr).Port
	x.conns.Clear() // nobody listens where it was
	for i := range x.peers {
		if x.peers[i].ID == x.id {
			x.peers[i] = x.peer()
		}
	}
	x.start()
	w.write("SET", "k", "moved")
	w.takeIn(x)
	x.sees("k", "moved")
	if name() != was {
		t.Errorf("it was called %s and is called %s", was, name())
	}
	w.handOver(x) // everybody reaches it
	w.write("SET", "k", "leads")
	for _, o := range w.nodes {
		o.sees("k", "leads")
	}
}

// TestKillInTheMiddle: the leader dies while a node is taken in. The next one
// goes on with it, or knows nothing of it and can be asked anew.
func TestKillInTheMiddle(t *testing.T) {
	t.Parallel()
	for round := range 4 {
		w := newNetwork(t, 3).patient()
		w.start()
		leader := w.leader()
		w.write("SET", "k", "1")
		four := w.joiner(leader)
		told := make(chan error, 1)
		go func() { told <- leader.cluster.AddNode(four.peer(), patience) }()
		w.until("it has begun", func() bool { return round == 0 || strings.Contains(leader.members(), "(4)") })
		if round > 1 {
			four.is(engine.MemberLearner)
		}
		leader.kill()
		if err := <-told; err == nil && round < 2 {
			t.Logf("round %d: it was quick", round)
		} else if err != nil && !errors.Is(err, engine.ErrChangeUnknown) && !errors.Is(err, engine.ErrNotLeading) {
			t.Errorf("round %d: %v", round, err)
		}
		next := w.leader(w.others(leader)...)
		w.write("SET", "k", "2")
		w.takeIn(four)
		four.is(engine.MemberVoter)
		four.sees("k", "2")
		leader.start()
		leader.knows("1 2 3 4")
		next.knows("1 2 3 4")
	}
}

// TestChangesRefused: what is not done, and why.
func TestChangesRefused(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	follower := w.others(leader)[0]
	nobody := config.Peer{ID: 9, Host: "127.0.0.1", Port: 1}
	silent := mute(t, 9)
	taken := leader.peer()
	taken.ID = 9
	mistaken := config.Peer{ID: follower.id, Host: "127.0.0.1", Port: leader.port}
	another := config.Peer{ID: follower.id, Host: "127.0.0.1", Port: w.others(leader)[1].port}
	wrong := config.Peer{ID: 9, Host: "127.0.0.1", Port: follower.port}
	nosuch := config.Peer{ID: follower.id, Host: "nosuch.invalid", Port: follower.port}
	elsewhere := config.Peer{ID: 9, Host: "192.0.2.7", Port: 7000}
	leads := config.Peer{ID: leader.id, Host: "127.0.0.1", Port: 1}
	const short = time.Second
	add := func(at *node, p config.Peer) func() error {
		return func() error { return at.cluster.AddNode(p, short) }
	}
	for _, try := range []struct {
		what string
		do   func() error
		want error  // what the error is, or
		says string // what it says
	}{
		{"at a follower", add(follower, nobody), engine.ErrNotLeading, ""},
		{"a stranger", func() error { return leader.cluster.RemoveNode(9, short) }, engine.ErrNoSuchNode, ""},
		{"the leader elsewhere", add(leader, leads), engine.ErrLeaderAddr, ""},
		{"a new one where the leader is", add(leader, taken), nil, "is at " + leader.addr()},
		{"a follower where the leader is", add(leader, mistaken), nil, "is at " + leader.addr()},
		{"a follower where another one listens", add(leader, another), nil, fmt.Sprintf("This is node %d, not node %d", w.others(leader)[1].id, follower.id)},
		{"a new one where a follower listens", add(leader, wrong), nil, fmt.Sprintf("This is node %d, not node 9", follower.id)},
		{"a follower at a name that nobody has", add(leader, nosuch), nil, "nosuch.invalid"},
		{"one elsewhere, among nodes on one machine", add(leader, elsewhere), nil, "is on one machine alone"},
		{"one that does not answer", add(leader, nobody), nil, "nobody listens"},
		{"the leader where it is", add(leader, leader.peer()), nil, ""},
		{"one that does not follow", add(leader, silent), engine.ErrStillLearning, ""},
		{"a second one", add(leader, mute(t, 8)), engine.ErrChangeRuns, ""},
		{"another one meanwhile", func() error { return leader.cluster.RemoveNode(follower.id, short) }, engine.ErrChangeRuns, ""},
		{"it after all", func() error { return leader.cluster.RemoveNode(9, short) }, nil, ""},
	} {
		err := try.do()
		if try.says != "" && (err == nil || !strings.Contains(err.Error(), try.says)) || try.says == "" && !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v %s", try.what, err, try.want, try.says)
		}
	}
	for _, x := range w.nodes {
		x.knows("1 2 3")
	}
	if n := w.followers(leader); n != 2 {
		t.Errorf("%d followers are left", n)
	}
	w.write("SET", "k", "v") // a node that does not answer and does not count delays none
}

// followers counts the nodes that the leader hears.
func (w *network) followers(leader *node) (n int) {
	for _, nd := range leader.cluster.View().Nodes {
		if !nd.Myself && nd.Up {
			n++
		}
	}
	return n
}

// mute is a node that proves its ID, and says nothing more.
func mute(t *testing.T, id int64) config.Peer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go func() {
				r := bufio.NewReader(conn)
				words, err := readCommand(r)
				if err != nil {
					return
				}
				h, nonce, err := peer.ParseHello(words)
				if err != nil || h.To != id {
					return
				}
				a := peer.Acceptor{Cluster: peer.Unknown, Secrets: peer.NewSecrets("s"), Limit: patience,
					Proved: func() (string, *bully.Configuration) { return "", nil }}
				_, _ = a.Accept(conn, nil, h, nonce)
			}()
		}
	}()
	return config.Peer{ID: id, Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port}
}

// TestAddressOfTheList: a node that comes back and does not know where it is
// leads at the address that the nodes agree on, and each of them says so
// everywhere.
func TestAddressOfTheList(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	four := w.joiner(leader)
	w.takeIn(four)
	four.kill()
	four.peers[len(four.peers)-1].Host = "localhost" // as it calls itself now
	four.start()
	w.handOver(four)
	for _, x := range w.nodes {
		w.until("all say where the leader is", func() bool {
			v := x.cluster.View()
			if v.LeaderID != four.id || v.Leader != four.addr() {
				return false
			}
			for _, n := range v.Nodes {
				if n.ID == four.id && (n.Host != "127.0.0.1" || n.Port != four.port) {
					t.Errorf("node %d says that the leader is at %s:%d and at %s", x.id, n.Host, n.Port, v.Leader)
				}
			}
			return true
		})
	}
}

// TestRemoveTheLeader: it hands over and sends the client that asked to the next leader,
// which takes it out.
func TestRemoveTheLeader(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	old := w.leader()
	w.write("SET", "k", "v")
	w.followed(old)
	if err := old.cluster.RemoveNode(old.id, patience); !errors.Is(err, engine.ErrNotLeading) {
		t.Fatalf("the leader: %v", err)
	}
	next := w.leader(w.others(old)...)
	if v := old.cluster.View(); v.Leader == "" || v.LeaderID == old.id {
		t.Errorf("it does not know which node leads: %d at %q", v.LeaderID, v.Leader)
	}
	if err := next.cluster.RemoveNode(old.id, patience); err != nil {
		t.Fatalf("at the next one: %v", err)
	}
	old.is(engine.MemberRemoved)
	w.write("SET", "k", "w")
	other := w.others(next)[0]
	if other == old {
		other = w.others(next)[1]
	}
	if err := next.cluster.RemoveNode(other.id, patience); err != nil {
		t.Fatal(err)
	}
	if err := next.cluster.RemoveNode(next.id, patience); !errors.Is(err, engine.ErrLeaderStays) {
		t.Errorf("the last one: %v", err)
	}
}

// TestStartedWithoutJoin: a node that counts itself among others that do not know
// it says so, the others say that it asks, and it can be taken in.
func TestStartedWithoutJoin(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	four := w.add()
	four.config.ElectionTimeout.Set(leader.config.ElectionTimeout.Get())
	for _, x := range w.nodes {
		four.peers = append(four.peers, x.peer())
	}
	four.start()
	said := func(x *node, words string) {
		t.Helper()
		w.until(words, func() bool { return strings.Contains(strings.Join(x.host.Lines(), "\n"), words) })
	}
	said(four, "is no member of (1@")
	said(four, fmt.Sprintf("join yes, and say REGENT NODE ADD 4@%s at the leader", four.addr()))
	said(leader, "Node 4 at 127.0.0.1 asks to be heard and is no member")
	w.takeIn(four)
	four.is(engine.MemberVoter)
}

// TestDownToOne: a cluster of one leads without asking, also after a restart.
func TestDownToOne(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	w.start()
	leader := w.leader()
	for _, x := range w.others(leader) {
		w.takeOut(x)
		x.kill()
	}
	time.Sleep(leader.config.ElectionTimeout.Millis()) // any lease has run out by then
	w.write("SET", "k", "alone")
	leader.kill()
	leader.start()
	w.leader(leader)
	leader.sees("k", "alone")
	x := w.others(leader)[0]
	x.start()
	w.takeIn(x)
	w.write("SET", "k", "two")
	x.sees("k", "two")
}

// TestOldStateFile: a state file from before nodes could be changed counts as
// it did: its promises are kept, and the nodes are as configured. Once
// they are changed the file says where they are.
func TestOldStateFile(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	for _, x := range w.nodes {
		old := fmt.Sprintf("regent-cluster-state 1\nnode %d\ncluster -\nepoch 7\nvote 2\nlost no\n"+
			"voters 1 2\nvoters-version 1\nvoters-epoch 0\nlearners\nclean yes\nboot \n", x.id)
		sum := crc32.Checksum([]byte(old), crc32.MakeTable(crc32.Castagnoli))
		if err := os.WriteFile(filepath.Join(x.dir, "cluster.state"), fmt.Appendf(nil, "%schecksum %08x\n", old, sum), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	leader := w.leader()
	if epoch := leader.cluster.View().Epoch; epoch <= 7 {
		t.Errorf("epoch %d after 7", epoch)
	}
	leader.knows("1 2 3")
	four := w.joiner(leader)
	w.takeIn(four)
	text, err := os.ReadFile(filepath.Join(four.dir, "cluster.state"))
	if want := fmt.Sprintf("4@%s", four.addr()); err != nil || !strings.Contains(string(text), "\naddresses ") || !strings.Contains(string(text), want) {
		t.Errorf("%v\n%s", err, text)
	}
}
