package engine_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestMemoryGate: writes that need memory are refused when there is none, and
// only where they would be carried out.
func TestMemoryGate(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	if got := c.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("without maxmemory: %q", got)
	}
	s.Config.MaxMemory.Set(1)
	const oom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
	for _, cmd := range []string{"SET k v", "INCR n", "APPEND k v"} {
		if got := c.Do(strings.Fields(cmd)...); got != oom {
			t.Errorf("%s: %q", cmd, got)
		}
	}
	for _, cmd := range []string{"GET k", "DEL k", "PING"} {
		if got := c.Do(strings.Fields(cmd)...); got == oom {
			t.Errorf("%s is refused", cmd)
		}
	}
	s.Config.MaxMemory.Set(1 << 30)
	if got := c.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("with room: %q", got)
	}
	s.Config.MaxMemory.Set(1)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	if got := c.Do("SET", "k", "v"); !strings.HasPrefix(got, "-MOVED ") {
		t.Errorf("at a follower: %q", got)
	}
}

func TestReplicasGate(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Config.MinReplicasToWrite.Set(2)
	s.Config.MinReplicasMaxLag.Set(10)
	v := enginetest.ThreeNodes(1, 1)
	s.Cluster.SetView(v)
	if got := c.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("two good ones: %q", got)
	}
	v = enginetest.ThreeNodes(1, 1)
	v.Nodes[1].Lag = 11
	s.Cluster.SetView(v)
	if got := c.Do("SET", "k", "v"); got != "-NOREPLICAS Not enough good replicas to write.\r\n" {
		t.Errorf("one lags: %q", got)
	}
	if got := c.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("a read: %q", got)
	}
	s.Config.MinReplicasMaxLag.Set(0)
	if got := c.Do("SET", "k", "v"); got != "+OK\r\n" {
		t.Errorf("without a limit of lag: %q", got)
	}
}

// TestLoadingGate: a node that loads says so, unless it knows a node that can help.
func TestLoadingGate(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.SetLoading(true)
	for cmd, want := range map[string]string{
		"GET k": "-LOADING ", "SET k v": "-LOADING ", "PING": "-LOADING ", "ECHO x": "$1\r\nx", "CLIENT ID": ":",
		"GET": "-ERR wrong number", "SELECT 1": "+OK",
	} {
		if got := c.Do(strings.Fields(cmd)...); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", cmd, got)
		}
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
	if got := c.Do("SET", "k", "v"); !strings.HasPrefix(got, "-LOADING ") {
		t.Errorf("before it has joined the others: %q", got)
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	if got := c.Do("SET", "k", "v"); !strings.HasPrefix(got, "-MOVED ") {
		t.Errorf("with a leader: %q", got)
	}
}

// TestLogIsKeptWhileLoading: whether there is a log is not changed while it is loaded, whatever else is asked for;
// what is unknown before it is said first, as by redis-server.
func TestLogIsKeptWhileLoading(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.SetLoading(true)
	const loading = "-LOADING Redis is loading the dataset in memory\r\n"
	for cmd, want := range map[string]string{
		"CONFIG SET appendonly no":                    loading,
		"CONFIG SET AppendOnly yes":                   loading,
		"CONFIG SET maxmemory 1gb appendonly no":      loading,
		"CONFIG SET appendonly no nosuch 1":           loading,
		"CONFIG SET nosuch 1 appendonly no":           "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n",
		"CONFIG SET appendfsync always":               "+OK\r\n",
		"CONFIG SET maxmemory 2gb appendfsync always": "+OK\r\n",
	} {
		if got := c.Do(strings.Fields(cmd)...); got != want {
			t.Errorf("%s: %q, want %q", cmd, got, want)
		}
	}
	if got := c.Do("CONFIG", "GET", "appendonly"); !strings.Contains(got, "yes") {
		t.Errorf("appendonly has become %q", got)
	}
}

// TestDiskGate: a leader that cannot write its log refuses writes and says so
// to health checks.
func TestDiskGate(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v")
	s.RefuseWrites("no space left on device")
	const want = "-MISCONF Errors writing to the AOF file: no space left on device\r\n"
	for _, cmd := range []string{"SET k v", "DEL k", "PING"} {
		if got := c.Do(strings.Fields(cmd)...); got != want {
			t.Errorf("%s: %q", cmd, got)
		}
	}
	if got := c.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("a read: %q", got)
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	if got := c.Do("PING"); got != "+PONG\r\n" {
		t.Errorf("PING at a follower: %q", got)
	}
}

// TestTooFewForTheAcks: a leader that misses followers refuses writes that
// would wait for them, by what the connection asks for.
func TestTooFewForTheAcks(t *testing.T) {
	const refused, ok = "-NOREPLICAS Not enough good replicas to write.\r\n", "+OK\r\n"
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, try := range []struct {
		missing int
		acks    string
		want    string
	}{
		{0, "all", ok}, {1, "all", refused}, {1, "quorum", ok}, {1, "default", ok}, {1, "leader", ok},
		{2, "quorum", refused}, {2, "default", refused}, {2, "leader", ok},
	} {
		v := enginetest.ThreeNodes(1, 1)
		v.Missing = try.missing
		s.Cluster.SetView(v)
		if got := c.Do("REGENT", "ACKS", try.acks); got != ok {
			t.Fatal(got)
		}
		if got := c.Do("SET", "k", "v"); got != try.want {
			t.Errorf("%d of 2 missing, acks %s: %q", try.missing, try.acks, got)
		}
		if got := c.Do("GET", "k"); got[0] != '$' {
			t.Errorf("a read: %q", got)
		}
	}
	if got := c.Do("REGENT", "ACKS", "some"); got != "-ERR syntax error\r\n" {
		t.Error(got)
	}
}

// TestALearnerIsNoFollowerForTheAcks: of two nodes one is missing, and a third that only
// learns does not stand in for it.
func TestALearnerIsNoFollowerForTheAcks(t *testing.T) {
	s := enginetest.NewEngine(t)
	v := enginetest.ThreeNodes(1, 1)
	v.Nodes[2].Learner, v.Missing = true, 1
	s.Cluster.SetView(v)
	c := s.Client()
	if got := c.Do("REGENT", "ACKS", "quorum"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	if got := c.Do("SET", "k", "v"); got != "-NOREPLICAS Not enough good replicas to write.\r\n" {
		t.Errorf("a write that a learner alone would hold: %q", got)
	}
}
