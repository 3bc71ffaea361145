package integration

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// TestGoRedisConnectsWithoutComplaint looks at everything go-redis logs while
// it connects in either protocol and runs a few commands.
func TestGoRedisConnectsWithoutComplaint(t *testing.T) {
	n := startNode(t, "--requirepass", "secret")
	var complaints complaintLog
	redis.SetLogger(&complaints)
	defer redis.SetLogger(quiet{})
	for _, proto := range []int{2, 3} {
		c := redis.NewClient(&redis.Options{Addr: n.Addr(), Password: "secret", Protocol: proto, ClientName: "tester"})
		if err := c.Set(t.Context(), "k", "v", time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		equal(t, c.Get(t.Context(), "k"), "v")
		name, err := c.ClientGetName(t.Context()).Result()
		if name != "tester" || err != nil {
			t.Errorf("RESP%d: name %q, %v", proto, name, err)
		}
		if list := c.ClientList(t.Context()).Val(); !strings.Contains(list, "lib-name=go-redis") {
			t.Errorf("RESP%d: CLIENT LIST does not know the library:\n%s", proto, list)
		}
		pipe := c.Pipeline()
		for i := range 1000 {
			pipe.Incr(t.Context(), fmt.Sprint("n:", proto))
			_ = i
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		equal(t, c.Get(t.Context(), fmt.Sprint("n:", proto)), "1000")
		c.Close()
	}
	if text := complaints.String(); text != "" {
		t.Errorf("go-redis complained:\n%s", text)
	}
}

// complaintLog keeps what go-redis logs.
type complaintLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *complaintLog) Printf(_ context.Context, format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.buf, format+"\n", v...)
}

func (l *complaintLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// TestClusterClientRidesThroughAFailover writes through go-redis's cluster
// client while the leader is killed; no call may fail and no write be lost.
func TestClusterClientRidesThroughAFailover(t *testing.T) {
	c, leader := startCluster(t, 3)
	cc := c.ClusterClient()
	defer cc.Close()
	const writes = 3000
	for i := range writes {
		if i == writes/3 {
			if err := leader.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		key := fmt.Sprint("cc:", i)
		// A write whose connection broke is repeated: SET of the same value.
		err := harness.Until(within(t, time.Minute), func() error { return cc.Set(t.Context(), key, key, 0).Err() })
		if err != nil {
			t.Fatalf("write %d: %v", i, err)
		}
	}
	for i := range writes {
		equal(t, cc.Get(t.Context(), fmt.Sprint("cc:", i)), fmt.Sprint("cc:", i))
	}
}

// TestFollowersRedirect looks at what a plain client sees at a follower.
func TestFollowersRedirect(t *testing.T) {
	c, leader := startCluster(t, 3)
	for _, n := range c.Nodes {
		if n == leader {
			continue
		}
		err := client(t, n).Set(t.Context(), "k", "v", 0).Err()
		want := "MOVED 7629 " + leader.Addr()
		if err == nil || err.Error() != want {
			t.Errorf("a write at node %d: %v, want %s", n.Port, err, want)
		}
		if err := client(t, n).FlushAll(t.Context()).Err(); err == nil || err.Error() != "MOVED 0 "+leader.Addr() {
			t.Errorf("FLUSHALL at node %d: %v", n.Port, err)
		}
		info, err := n.Info(t.Context(), "replication", "regent")
		if err != nil {
			t.Fatal(err)
		}
		for field, want := range map[string]string{
			"role": "slave", "master_port": fmt.Sprint(leader.Port), "leader_addr": leader.Addr(),
			"leader_id": fmt.Sprint(leader.Port), "node_id": fmt.Sprint(n.Port), "election_in_progress": "0",
		} {
			if info[field] != want {
				t.Errorf("node %d: %s is %q, want %q", n.Port, field, info[field], want)
			}
		}
	}
	if err := client(t, leader).Do(t.Context(), "SET", "k", "v").Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := client(t, leader).Wait(t.Context(), 2, 5*time.Second).Result(); n != 2 || err != nil {
		t.Errorf("WAIT 2: %d, %v", n, err)
	}
}

// TestNoMajorityNoService takes two of three nodes away: the last one must
// neither write nor read as leader, and must serve again when one returns.
func TestNoMajorityNoService(t *testing.T) {
	c, leader := startCluster(t, 3)
	var others []*harness.Node
	for _, n := range c.Nodes {
		if n != leader {
			others = append(others, n)
		}
	}
	for _, n := range others {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	lone := client(t, leader)
	err := harness.Until(within(t, time.Minute), func() error {
		if err := lone.Set(t.Context(), "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN") {
			return fmt.Errorf("a write without a majority: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := others[0].Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, others[0])
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Fatal(err)
	}
	cc := c.ClusterClient()
	defer cc.Close()
	if err := cc.Set(t.Context(), "k", "again", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestRedisCliFollows does what the README says with redis-cli -c.
func TestRedisCliFollows(t *testing.T) {
	cli := need(t, "redis-cli")
	c, leader := startCluster(t, 3)
	run := func(n *harness.Node, args ...string) string {
		t.Helper()
		args = append([]string{"-c", "-p", fmt.Sprint(n.Port)}, args...)
		out, err := exec.CommandContext(within(t, time.Minute), cli, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("redis-cli %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	var follower *harness.Node
	for _, n := range c.Nodes {
		if n != leader {
			follower = n
		}
	}
	if got := run(follower, "set", "k", "v"); got != "OK" {
		t.Fatalf("set through a follower: %q", got)
	}
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Leader(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := run(follower, "get", "k"); got != "v" {
		t.Fatalf("get after the failover: %q", got)
	}
}

// TestClientAddresses: clients are told other addresses than peers use, by
// everything that tells an address.
func TestClientAddresses(t *testing.T) {
	c, err := harness.NewCluster(binary(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, n := range c.Nodes {
		list = append(list, fmt.Sprintf("localhost:%d", n.Port))
	}
	for _, n := range c.Nodes {
		n.Args = append(n.Args, "--client-addresses", strings.Join(list, ","))
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(c.Kill)
	leader, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("localhost:%d", leader.Port)
	for _, n := range c.Nodes {
		err := harness.Until(within(t, 30*time.Second), func() error {
			info, err := n.Info(t.Context(), "regent")
			if err == nil && info["leader_addr"] != at {
				err = fmt.Errorf("node %d: leader_addr %q, want %q", n.Port, info["leader_addr"], at)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r := client(t, n)
		slots, err := r.Do(t.Context(), "CLUSTER", "SLOTS").Slice()
		if first := fmt.Sprintf("[0 16383 [localhost %d ", leader.Port); err != nil || len(slots) != 1 || !strings.HasPrefix(fmt.Sprint(slots[0]), first) {
			t.Errorf("node %d: CLUSTER SLOTS %v, %v", n.Port, slots, err)
		}
		if text := r.ClusterNodes(t.Context()).Val(); strings.Contains(text, "127.0.0.1") {
			t.Errorf("node %d: CLUSTER NODES\n%s", n.Port, text)
		}
		nodes := fmt.Sprint(r.Do(t.Context(), "REGENT", "NODE", "LIST").Val())
		if !strings.Contains(nodes, leader.Addr()) {
			t.Errorf("node %d: REGENT NODE LIST %s", n.Port, nodes)
		}
		if n == leader {
			continue
		}
		if err := r.Set(t.Context(), "k", "v", 0).Err(); err == nil || err.Error() != "MOVED 7629 "+at {
			t.Errorf("node %d: a write: %v", n.Port, err)
		}
	}
}
