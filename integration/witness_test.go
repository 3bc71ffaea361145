package integration

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// startWitnessed starts two nodes with data and a witness, which has the highest ID.
func startWitnessed(t *testing.T, args ...string) (*harness.Cluster, *harness.Node) {
	t.Helper()
	c, err := harness.NewCluster(binary(), t.TempDir(), 3, args...)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(c.Nodes, func(a, b *harness.Node) int { return a.Port - b.Port }) // the ID is the port
	w := c.Nodes[2]
	w.Args = append(w.Args, "--role", "witness")
	runCluster(t, c)
	return c, w
}

// TestWitness kills each node of three in turn, the witness too: nothing that was acknowledged
// is lost, and the witness leads nobody. REGENT_KILLS is how many of them, and the medians are
// logged.
func TestWitness(t *testing.T) {
	c, witness := startWitnessed(t)
	kills := 6
	if s := os.Getenv("REGENT_KILLS"); s != "" {
		var err error
		if kills, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	load := harness.StartLoad(4, "w", c.Addrs(), nil)
	gaps := map[string][]time.Duration{}
	for i := range kills {
		leader, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if leader == witness {
			t.Fatal("the witness leads")
		}
		if err := load.Wait(t.Context(), 200); err != nil {
			t.Fatal(err)
		}
		victim, what := c.Nodes[i%3], "follower"
		switch victim {
		case leader:
			what = "leader"
		case witness:
			what = "witness"
		}
		at := time.Now()
		if err := victim.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := load.Wait(t.Context(), 200); err != nil {
			t.Fatalf("after the kill of the %s: %v", what, err)
		}
		gap, _ := load.Gap(at)
		gaps[what] = append(gaps[what], gap)
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, victim)
	}
	load.Stop()
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	missing, err := load.Missing(t.Context(), client(t, leader))
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Errorf("%d of %d acknowledged writes are missing: %q", len(missing), load.Acked(), missing[:min(5, len(missing))])
	}
	if strings.Contains(witness.Log(), "Leading epoch") {
		t.Error("the witness has led clients")
	}
	for what, list := range gaps {
		slices.Sort(list)
		t.Logf("kill -9 of the %s, %d times: median %v, worst %v", what, len(list), list[len(list)/2], list[len(list)-1])
	}
	t.Logf("%d acknowledged, %d missing; the witness has %d KB resident", load.Acked(), len(missing), resident(t, witness.PID())>>10)
}

// TestWitnessHasTheEnd: leader and witness acknowledge, the other node is stopped; then both
// nodes with data die, and that other one alone comes back. The witness has the only copy
// of what was acknowledged, and what it says to clients is that nobody leads.
func TestWitnessHasTheEnd(t *testing.T) {
	c, witness := startWitnessed(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := c.Nodes[0]
	if other == leader {
		other = c.Nodes[1]
	}
	if err := other.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	const writes = 500
	db := client(t, leader)
	for i := range writes {
		if err := db.Set(t.Context(), fmt.Sprint("k", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []*harness.Node{other, leader} {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, other)
	if now, err := c.Leader(t.Context()); err != nil || now != other {
		t.Fatalf("%v leads, not the node with data: %v", now, err)
	}
	for i := range writes {
		if got, err := client(t, other).Get(t.Context(), fmt.Sprint("k", i)).Int(); err != nil || got != i {
			t.Fatalf("k%d is %d: %v", i, got, err)
		}
	}
	if text := witness.Log(); !strings.Contains(text, "Handing the lead") || strings.Contains(text, "Leading epoch") {
		t.Error("the witness did not hand over what it had, or led clients")
	}
}

// TestWitnessShowsNoData: what clients are told at the witness, and of it.
func TestWitnessShowsNoData(t *testing.T) {
	c, witness := startWitnessed(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, at, db := t.Context(), client(t, witness), client(t, leader)
	if err := db.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	conn := at.Conn()
	defer conn.Close()
	if err := conn.Do(ctx, "READONLY").Err(); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]any{{"GET", "k"}, {"SET", "k", 1}, {"DBSIZE"}, {"SCAN", 0}} {
		if err := conn.Do(ctx, words...).Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") || !strings.HasSuffix(err.Error(), leader.Addr()) {
			t.Errorf("%v: %v", words, err)
		}
	}
	for _, words := range [][]any{{"SAVE"}, {"BGSAVE"}, {"BGREWRITEAOF"}, {"REGENT", "BACKUP"}} {
		if err := at.Do(ctx, words...).Err(); err == nil || !strings.Contains(err.Error(), "is a witness") {
			t.Errorf("%v: %v", words, err)
		}
	}
	port := strconv.Itoa(witness.Port)
	for _, n := range c.Nodes {
		for _, words := range [][]any{{"CLUSTER", "SLOTS"}, {"CLUSTER", "SHARDS"}} {
			if text := fmt.Sprint(client(t, n).Do(ctx, words...).Val()); strings.Contains(text, port) {
				t.Errorf("%v at %d names the witness: %s", words, n.Port, text)
			}
		}
		if text := client(t, n).ClusterNodes(ctx).Val(); !strings.Contains(text, "master,nofailover - ") {
			t.Errorf("CLUSTER NODES at %d: %s", n.Port, text)
		}
	}
	for _, words := range [][]any{{"ROLE"}, {"INFO", "replication"}} {
		if text := fmt.Sprint(db.Do(ctx, words...).Val()); strings.Contains(text, port) {
			t.Errorf("%v names the witness: %s", words, text)
		}
	}
	if n, err := db.Wait(ctx, 2, 100*time.Millisecond).Result(); err != nil || n != 1 {
		t.Errorf("WAIT counts %d: %v", n, err)
	}
}

// TestWitnessStaysOne: a data directory is one role's for ever.
func TestWitnessStaysOne(t *testing.T) {
	c, witness := startWitnessed(t)
	for _, n := range c.Nodes[1:] {
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	data := c.Nodes[1]
	data.Args, witness.Args = append(data.Args, "--role", "witness"), append(witness.Args, "--role", "data")
	for n, want := range map[*harness.Node]string{data: "a node with data, and role is witness", witness: "of a witness, which has no data, and role is data"} {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		if code, err := n.Exited(t.Context()); err != nil || code == 0 || !strings.Contains(n.Log(), want) {
			t.Errorf("exit %d, %v:\n%s", code, err, n.Log())
		}
	}
}

// TestWitnessComesLater: a witness that has nothing begins where the nodes with data are, not
// at the beginning of what they have, and is as good as any from then on.
func TestWitnessComesLater(t *testing.T) {
	// A busy machine is no reason for another leader: that one does not know yet what others hold.
	c, witness := startWitnessed(t, "--election-timeout", "5000", "--leader-lease", "1250", "--heartbeat-interval", "250")
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := witness.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(witness.Dir); err != nil {
		t.Fatal(err)
	}
	db, value := client(t, leader), strings.Repeat("x", 64<<10)
	for i := range 64 {
		if err := db.Set(t.Context(), fmt.Sprint("large", i), value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := witness.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, witness)
	var info map[string]string
	err = harness.Until(t.Context(), func() (err error) {
		if info, err = witness.Info(t.Context(), "regent", "replication"); err == nil && (info["recovering"] != "0" || info["master_link_status"] != "up") {
			err = fmt.Errorf("it is not there yet: %v", info)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if from, err := strconv.Atoi(info["witness_log_from"]); err != nil || from < 64*len(value) {
		t.Errorf("the witness has the log from %d on: %v\n%s", from, err, witness.Log())
	}
	if err := db.Set(t.Context(), "after", "it", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	now, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"after": "it", "large63": value} {
		if got, err := client(t, now).Get(t.Context(), key).Result(); err != nil || got != want {
			t.Errorf("%s has %d bytes: %v", key, len(got), err)
		}
	}
	// And a start goes on from what it has.
	if err := witness.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := witness.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, witness)
	err = harness.Until(t.Context(), func() error { // it may have given up the lead meanwhile
		now, err := c.Leader(t.Context())
		if err != nil {
			return err
		}
		return client(t, now).Set(t.Context(), "more", 1, 0).Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWitnessForcedLeader is the last resort of docs/witness.md: the leader is lost for good, the
// other node with data was behind, and what the witness has does not reach down to it. With an
// empty directory the witness makes a majority for the node that is left, which leads by command;
// then the lost one comes back all the same, and what only it had is given up.
func TestWitnessForcedLeader(t *testing.T) {
	c, witness := startWitnessed(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left := c.Nodes[0]
	if left == leader {
		left = c.Nodes[1]
	}
	db := client(t, leader)
	if err := db.Set(t.Context(), "both", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Wait(t.Context(), 1, time.Minute).Result(); err != nil || n != 1 {
		t.Fatalf("WAIT: %d, %v", n, err)
	}
	if err := left.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := db.Set(t.Context(), "one", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*harness.Node{left, leader, witness} {
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(witness.Dir); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*harness.Node{left, witness} {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
	}
	at := client(t, left)
	err = harness.Until(t.Context(), func() error { // it is refused where somebody leads
		return at.Do(t.Context(), "REGENT", "FORCE-LEADER").Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	if now, err := c.Leader(t.Context()); err != nil || now != left {
		t.Fatalf("%v leads, not the node that is left: %v\n%s", now, err, left.Log())
	}
	for key, want := range map[string]int64{"both": 1, "one": 0} {
		if n, err := at.Exists(t.Context(), key).Result(); err != nil || n != want {
			t.Errorf("EXISTS %s: %d, %v", key, n, err)
		}
	}
	if err := at.Set(t.Context(), "after", 1, 0).Err(); err != nil {
		t.Fatalf("a write by the two that are left: %v", err)
	}
	if err := leader.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, leader)
	err = harness.Until(t.Context(), func() error {
		now, err := c.Agreed(t.Context())
		if err != nil {
			return err
		}
		for key, want := range map[string]int64{"both": 1, "one": 0, "after": 1} {
			if n, err := client(t, now).Exists(t.Context(), key).Result(); err != nil || n != want {
				return fmt.Errorf("EXISTS %s: %d, %w", key, n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
