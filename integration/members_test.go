package integration

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// patient nodes do not take a busy machine for a fault, and change their leader
// when a test says so.
var patient = []string{
	"--takeover", "manual", "--handover-pause", "3000",
	"--election-timeout", "3000",
}

// operator changes the nodes of a cluster as a person would: at the leader, and
// again where leadership has moved.
type operator struct {
	t *testing.T
	c *harness.Cluster
}

// say sends REGENT NODE to the leader until it is answered with OK.
func (o *operator) say(words ...any) {
	o.t.Helper()
	cmd := append([]any{"REGENT", "NODE"}, words...)
	err := harness.Until(within(o.t, time.Minute), func() error {
		leader, err := o.c.Leader(o.t.Context())
		if err != nil {
			return err
		}
		n := leader.Client()
		defer n.Close()
		return n.Do(o.t.Context(), cmd...).Err()
	})
	if err != nil {
		o.t.Fatalf("%v: %v", cmd, err)
	}
}

func (o *operator) add(n *harness.Node) { o.t.Helper(); o.say("ADD", n.Addr()) }

// remove takes a node out; a leader hands over before.
func (o *operator) remove(n *harness.Node) {
	o.t.Helper()
	err := harness.Until(within(o.t, time.Minute), func() error {
		leader, err := o.c.Leader(o.t.Context())
		if err != nil || leader != n {
			return err
		}
		cl := n.Client()
		defer cl.Close()
		cl.Do(o.t.Context(), "FAILOVER")
		return errors.New("it leads")
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.say("REMOVE", strconv.Itoa(n.Port))
}

// join starts a new node and takes it in.
func (o *operator) join() *harness.Node {
	o.t.Helper()
	n, err := o.c.Join(patient...)
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		o.t.Fatal(err)
	}
	ready(o.t, n)
	return n
}

// is waits until a node says that it is a voter, or something else.
func (o *operator) is(n *harness.Node, membership string, nodes int) {
	o.t.Helper()
	err := harness.Until(within(o.t, 20*time.Second), func() error {
		info, err := n.Info(o.t.Context(), "regent")
		if err == nil && (info["membership"] != membership || info["nodes"] != strconv.Itoa(nodes)) {
			err = fmt.Errorf("node %d is %s of %s nodes", n.Port, info["membership"], info["nodes"])
		}
		return err
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

// TestGrowAndShrinkUnderLoad: three nodes become five, and three of these stay.
// go-redis's cluster client hears no error, and no acknowledged write is lost.
// One that was removed and starts again disturbs nobody.
func TestGrowAndShrinkUnderLoad(t *testing.T) {
	c, _ := startCluster(t, 3, patient...)
	old := c.Nodes
	o := &operator{t, c}
	cc := c.ClusterClient()
	t.Cleanup(func() { cc.Close() })
	load := harness.StartLoad(4, "grow", c.Addrs(), nil)
	counting := startCounters(t, cc)
	wait(t, load)
	began := time.Now()
	for range 2 {
		n := o.join()
		o.is(n, "joining", 3+len(c.Nodes)-4)
		o.add(n)
		o.is(n, "voter", len(c.Nodes))
		wait(t, load)
	}
	for i, n := range old[:2] {
		o.remove(n)
		o.is(n, "removed", 4-i)
		wait(t, load)
	}
	c.Nodes = c.Nodes[2:]
	t.Cleanup((&harness.Cluster{Nodes: old[:2]}).Kill)
	gone := old[0]
	if err := gone.Stop(); err != nil {
		t.Fatal(err)
	}
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := info(t, leader, "regent")
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, gone)
	o.is(gone, "removed", 3)
	for range 3 {
		wait(t, load)
	}
	if after := info(t, leader, "regent"); after["epoch"] != before["epoch"] || after["leader_id"] != before["leader_id"] {
		t.Errorf("a node that was removed disturbs the others: epoch %s and leader %s, then %s and %s",
			before["epoch"], before["leader_id"], after["epoch"], after["leader_id"])
	}
	if err := client(t, gone).Set(t.Context(), "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "CLUSTERDOWN") {
		t.Errorf("a write at a node that was removed: %v", err)
	}
	counting.stop()
	load.Stop()
	gap, _ := load.Gap(began)
	t.Logf("%d writes acknowledged, %d unknown: %v; longest time without one: %s",
		load.Acked(), load.Unknown(), load.Reasons(), gap.Round(time.Millisecond))
	nothingMissing(t, c, load)
}

// TestKillLeaderInTheMiddleOfAdd: the next leader takes the node in to the end,
// or can be asked again.
func TestKillLeaderInTheMiddleOfAdd(t *testing.T) {
	t.Parallel()
	c, leader := startCluster(t, 3)
	o := &operator{t, c}
	load := harness.StartLoad(4, "add", c.Addrs(), nil)
	wait(t, load)
	n := o.join()
	asked := make(chan error, 1)
	cl := client(t, leader)
	go func() { asked <- cl.Do(t.Context(), "REGENT", "NODE", "ADD", n.Addr()).Err() }()
	err := harness.Until(within(t, time.Minute), func() error {
		if m := info(t, n, "regent")["membership"]; m == "joining" {
			return errors.New(m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the client that asked was told: %v", <-asked)
	wait(t, load)
	o.add(n)
	o.is(n, "voter", 4)
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, leader)
	o.is(leader, "voter", 4)
	load.Stop()
	nothingMissing(t, c, load)
}

// TestReturnUnderAnotherPort: a node comes back with its data at another port.
// It is the same one, once the others are told where it is.
func TestReturnUnderAnotherPort(t *testing.T) {
	t.Parallel()
	c, leader := startCluster(t, 3)
	o := &operator{t, c}
	load := harness.StartLoad(4, "move", c.Addrs(), nil)
	wait(t, load)
	n := c.Nodes[0]
	if n == leader {
		n = c.Nodes[1]
	}
	id := strconv.Itoa(n.Port)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	wait(t, load)
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	n.Port = ports[0]
	n.Args = append(n.Args, "--node-id", id, "--announce-host", "127.0.0.1", "--announce-port", strconv.Itoa(n.Port))
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	o.say("ADD", id+"@localhost:"+strconv.Itoa(n.Port))
	o.is(n, "voter", 3)
	load.Stop()
	nothingMissing(t, c, load)
	for _, x := range c.Nodes {
		nodes := client(t, x).ClusterNodes(t.Context()).Val()
		if want := ":" + strconv.Itoa(n.Port) + "@"; !strings.Contains(nodes, want) || strings.Contains(nodes, ":"+id+"@") {
			t.Errorf("node %d does not know where node %s is:\n%s", x.Port, id, nodes)
		}
	}
}

func info(t *testing.T, n *harness.Node, section string) map[string]string {
	t.Helper()
	m, err := n.Info(t.Context(), section)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
