package cluster_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestScripts compares a lone Regent with a redis-server in
// cluster mode that owns all slots.
func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, startClusterRedis(t), "testdata/scripts", func(o *engine.Options) { o.Config.ClusterEnabled.Set(true) })
}

// startClusterRedis starts a cluster of one. Its bus needs a port of its own:
// the usual one, 10000 above the client's, may be beyond the last port.
func startClusterRedis(t *testing.T) *enginetest.Redis {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bus := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	redis := enginetest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus))
	c := redis.Client(t)
	if got := c.Do("CLUSTER", "ADDSLOTSRANGE", "0", "16383"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	const patience = 20 * time.Second
	for end := time.Now().Add(patience); !strings.Contains(c.Do("CLUSTER", "INFO"), "cluster_state:ok"); {
		if time.Now().After(end) {
			t.Fatal("the oracle's cluster does not come up")
		}
		time.Sleep(10 * time.Millisecond)
	}
	return redis
}

// show is the reply in one line.
func show(t *testing.T, reply string) string {
	t.Helper()
	return enginetest.Parsed(t, reply).String()
}

func TestClusterTopology(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	n1, n2, n3 := enginetest.NodeName(1), enginetest.NodeName(2), enginetest.NodeName(3)
	check := func(want string, words ...string) {
		t.Helper()
		if got := show(t, c.Do(words...)); got != want {
			t.Errorf("%v:\n got  %s\n want %s", words, got, want)
		}
	}
	v := enginetest.ThreeNodes(1, 3)
	v.Nodes[1].Up = false
	s.Cluster.SetView(v)
	check(fmt.Sprintf(`*[*[:0 :16383 *["10.0.0.3" :7000 "%s" *[]] *["10.0.0.1" :7000 "%s" *[]]]]`, n3, n1), "CLUSTER", "SLOTS")
	check(fmt.Sprintf("%q", fmt.Sprintf("%s 10.0.0.1:7000@7000 myself,slave %s 0 %d 7 connected\n"+
		"%s 10.0.0.2:7000@7000 slave,fail %s 0 %d 7 disconnected\n"+
		"%s 10.0.0.3:7000@7000 master - 0 %d 7 connected 0-16383\n",
		n1, n3, enginetest.Start, n2, n3, enginetest.Start, n3, enginetest.Start)), "CLUSTER", "NODES")
	check(fmt.Sprintf("%q", n1), "CLUSTER", "MYID")
	check(":1", "CLUSTER", "COUNT-FAILURE-REPORTS", n2)
	check(":0", "CLUSTER", "COUNT-FAILURE-REPORTS", n3)
	check("-ERR The specified node is not a master", "CLUSTER", "REPLICAS", n1)
	if got := enginetest.Elements(c.Do("CLUSTER", "REPLICAS", n3)); len(got) != 2 || !strings.HasPrefix(got[0], n1) || !strings.HasPrefix(got[1], n2) {
		t.Errorf("replicas: %q", got)
	}
	if got := show(t, c.Do("CLUSTER", "SHARDS")); !strings.Contains(got, `"role" "master" "replication-offset" :100 "health" "online"`) ||
		!strings.Contains(got, `"health" "failed"`) || strings.Count(got, `"role" "replica"`) != 2 {
		t.Errorf("shards: %s", got)
	}
	info := c.Do("CLUSTER", "INFO")
	for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3", "cluster_size:1", "cluster_current_epoch:7"} {
		if !strings.Contains(info, want+"\r\n") {
			t.Errorf("%s is missing in %s", want, info)
		}
	}
}

// TestClusterWithoutLeader: while nobody leads, or not for certain, the last
// leader stays listed, and the state says that nothing is served. Before the first
// one no node may claim slots.
func TestClusterWithoutLeader(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	fails := func(when string) {
		t.Helper()
		if got := c.Do("CLUSTER", "INFO"); !strings.Contains(got, "cluster_state:fail\r\n") || !strings.Contains(got, "cluster_slots_fail:16384\r\n") {
			t.Errorf("%s: %s", when, got)
		}
		if got := c.Do("REGENT", "NODE", "LIST"); strings.Contains(got, "leader") {
			t.Errorf("%s: %s", when, got)
		}
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
	fails("there was none yet")
	if got := c.Do("CLUSTER", "SLOTS"); got != "*0\r\n" {
		t.Errorf("there was none yet: slots %q", got)
	}
	if got := c.Do("CLUSTER", "NODES"); strings.Contains(got, "master") || strings.Contains(got, "0-16383") {
		t.Errorf("there was none yet: %s", got)
	}
	listed := func(when, master, health string, offset int) {
		t.Helper()
		fails(when)
		if got := show(t, c.Do("CLUSTER", "SLOTS")); !strings.HasPrefix(got, `*[*[:0 :16383 *["`+master+`"`) {
			t.Errorf("%s: slots %s", when, got)
		}
		if got := c.Do("CLUSTER", "NODES"); strings.Count(got, "master") != 1 || !strings.Contains(got, master+":7000@7000 ") || strings.Count(got, " 0-16383") != 1 {
			t.Errorf("%s: nodes %s", when, got)
		}
		got := show(t, c.Do("CLUSTER", "SHARDS"))
		if want := fmt.Sprintf(`"role" "master" "replication-offset" :%d "health" "%s"`, offset, health); !strings.Contains(got, want) || !strings.HasPrefix(got, `*[*["slots" *[:0 :16383]`) {
			t.Errorf("%s: shards %s", when, got)
		}
	}
	v := enginetest.ThreeNodes(1, 0)
	v.LastLeaderID = 3
	v.Nodes[2].Up, v.Nodes[2].Offset = false, 42
	s.Cluster.SetView(v)
	listed("the last one is gone", "10.0.0.3", "failed", 42)
	if got := c.Do("CLUSTER", "NODES"); !strings.Contains(got, "master,fail - ") || !strings.Contains(got, "myself,slave "+enginetest.NodeName(3)) {
		t.Errorf("the last one is gone: %s", got)
	}
	if got := c.Do("SET", "k", "v"); !strings.HasPrefix(got, "-CLUSTERDOWN") {
		t.Errorf("a write is answered %q", got)
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetLeaseOver(true)
	listed("the lease has run out", "10.0.0.1", "online", 100)
}

// TestAddressesOfIPv6: one spelling, Redis's, everywhere.
func TestAddressesOfIPv6(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	v := enginetest.ThreeNodes(1, 3)
	for i := range v.Nodes {
		v.Nodes[i].Host = fmt.Sprintf("fd00::%d", i+1)
	}
	v.Leader = config.Spell(v.Nodes[2].Host, v.Nodes[2].Port)
	s.Cluster.SetView(v)
	for _, try := range []struct {
		want  string
		words []string
	}{
		{"-MOVED 7629 fd00::3:7000\r\n", []string{"SET", "k", "v"}},
		{"-MOVED 0 fd00::3:7000\r\n", []string{"REGENT", "NODE", "REMOVE", "2"}},
		{"$7\r\nfd00::3\r\n:7000\r\n", []string{"CLUSTER", "SLOTS"}},
		{" fd00::3:7000@7000 master", []string{"CLUSTER", "NODES"}},
		{"$7\r\nfd00::3\r\n", []string{"CLUSTER", "SHARDS"}},
		{"$7\r\nfd00::3\r\n:7000\r\n", []string{"ROLE"}},
		{"\r\nmaster_host:fd00::3\r\nmaster_port:7000\r\n", []string{"INFO", "replication"}},
		{"\r\nleader_addr:fd00::3:7000\r\n", []string{"INFO", "regent"}},
		{"\r\nfd00::3:7000\r\n", []string{"REGENT", "NODE", "LIST"}},
	} {
		if got := c.Do(try.words...); !strings.Contains(got, try.want) {
			t.Errorf("%v: %q, want %q", try.words, got, try.want)
		}
	}
}

// TestLoneNode is a standalone server, as redis-server is one, unless it is told to
// be a cluster of one: then its address is the one that the client has used.
func TestLoneNode(t *testing.T) {
	redis := enginetest.StartRedis(t)
	alone := enginetest.NewEngine(t).Client()
	theirs := redis.Client(t)
	for _, line := range []string{
		"CLUSTER", "CLUSTER NOSUCH", "CLUSTER KEYSLOT", "CLUSTER KEYSLOT a", "CLUSTER INFO", "CLUSTER NODES", "CLUSTER SLOTS", "CLUSTER SHARDS",
		"CLUSTER MYID", "CLUSTER HELP", "CLUSTER LINKS", "CLUSTER REPLICAS x", "CLUSTER SLAVES x", "CLUSTER COUNTKEYSINSLOT 1", "CLUSTER GETKEYSINSLOT 1 1",
		"CLUSTER COUNT-FAILURE-REPORTS x", "CLUSTER FAILOVER", "READONLY", "READONLY x", "READWRITE", "ASKING", "INFO cluster",
	} {
		words := strings.Fields(line)
		if got, want := alone.Do(words...), theirs.Do(words...); got != want {
			t.Errorf("%s: %q, redis-server answers %q", line, got, want)
		}
	}
	if got := alone.Do("INFO", "server"); !strings.Contains(got, "redis_mode:standalone\r\n") {
		t.Error(got)
	}
	if got := alone.Do("HELLO"); !strings.Contains(got, "standalone") || !strings.Contains(got, "master") {
		t.Error(got)
	}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.ClusterEnabled.Set(true) })
	c := s.Client()
	want := fmt.Sprintf(`*[*[:0 :16383 *["127.0.0.1" :6379 "%s" *[]]]]`, enginetest.NodeName(1))
	if got := show(t, c.Do("CLUSTER", "SLOTS")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := c.Do("CLUSTER", "NODES"); !strings.Contains(got, " 127.0.0.1:6379@6379 myself,master - 0 0 0 connected 0-16383\n") {
		t.Error(got)
	}
	for _, words := range [][]string{{"INFO", "cluster"}, {"INFO", "server"}, {"HELLO"}, {"CLUSTER", "INFO"}} {
		got := c.Do(words...)
		if !strings.Contains(got, "cluster_enabled:1") && !strings.Contains(got, "redis_mode:cluster") &&
			!strings.Contains(got, "$7\r\ncluster\r\n") && !strings.Contains(got, "cluster_state:ok") {
			t.Errorf("%v: %s", words, got)
		}
	}
	v := enginetest.ThreeNodes(1, 1)
	v.Clustered, v.Nodes = false, v.Nodes[:1]
	s.Cluster.SetView(v)
	s.Config.AnnounceHost.Set("db.example")
	if got := c.Do("CLUSTER", "SLOTS"); !strings.Contains(got, "10.0.0.1") {
		t.Errorf("told what to call itself: %q", got)
	}
}

func TestKeysInSlotAreOfTheDatabase(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.ClusterEnabled.Set(true) })
	c := s.Client()
	want := map[string]bool{}
	for i := range 300 {
		key := fmt.Sprintf("{bar}%d", i)
		want[key] = true
		c.Do("SET", key, "v")
		c.Do("SET", fmt.Sprint("other", i), "v")
	}
	for _, key := range enginetest.Elements(c.Do("CLUSTER", "GETKEYSINSLOT", "5061", "1000")) {
		if !want[key] {
			t.Errorf("%q twice, or not of this slot", key)
		}
		delete(want, key)
	}
	if len(want) != 0 {
		t.Errorf("missing: %v", want)
	}
	c.Do("SELECT", "1")
	if got := c.Do("CLUSTER", "COUNTKEYSINSLOT", "5061"); got != ":0\r\n" {
		t.Errorf("in another database: %q", got)
	}
}
