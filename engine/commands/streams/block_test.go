package streams_test

import (
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestReadersAtFollowers: XREAD waits at a node that follows, and is served as records
// are applied, with all of a transaction; what leads next does not matter to it.
func TestReadersAtFollowers(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	a := s.NewApplier()
	apply := func(line string) {
		t.Helper()
		if err := a.Apply(enginetest.Raw(enginetest.Words(t, line)...)); err != nil {
			t.Fatal(err)
		}
	}
	s.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Epoch: 5})
	c.Do("READONLY")
	if got := c.Do("XREAD", "BLOCK", "0", "STREAMS", "s", "$"); got != "" || !c.Parked() {
		t.Fatalf("it does not wait: %q", got)
	}
	s.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 3, Epoch: 6})
	if got := c.Go(); got != "" {
		t.Fatalf("another leader: %q", got)
	}
	apply("MULTI")
	apply("XADD s 1-0 a 1")
	apply("XADD s 2-0 a 1")
	apply("EXEC")
	if got := enginetest.Parsed(t, c.Go()).String(); got != `*[*["s" *[*["1-0" *["a" "1"]] *["2-0" *["a" "1"]]]]]` {
		t.Errorf("it gets %s", got)
	}
	if len(s.Log.Lines()) != 0 {
		t.Errorf("a follower writes %q", s.Log.Lines())
	}
	c.Do("XREAD", "BLOCK", "0", "STREAMS", "s", "$")
	apply("XADD s 3-0 a 1")
	if got := c.Go(); !strings.Contains(got, "3-0") {
		t.Errorf("it gets %q", got)
	}
	c.Do("XREAD", "BLOCK", "0", "STREAMS", "s", "$")
	s.Cluster.SetView(engine.View{Clustered: true, Leading: true, NodeID: 1, LeaderID: 1, Epoch: 7})
	if got := c.Go(); !strings.HasPrefix(got, "-UNBLOCKED") {
		t.Errorf("where it comes to lead: %q", got)
	}
}

// TestConsumersHearThatTheStreamIsGone: by the upkeep of the keyspace, not by a command.
func TestConsumersHearThatTheStreamIsGone(t *testing.T) {
	s := enginetest.NewEngine(t)
	writer, reader := s.Client(), s.Client()
	writer.Do("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
	writer.Do("PEXPIRE", "s", "100")
	reader.Do("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
	s.Host.Advance(time.Second)
	if n := s.ExpireCycle(10); n != 1 {
		t.Fatalf("%d keys have expired", n)
	}
	const gone = "-UNBLOCKED the stream key no longer exists\r\n"
	if got := reader.Go(); got != gone || reader.Link.Woken.Load() == 0 {
		t.Errorf("expiry: %q", got)
	}
	writer.Do("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
	reader.Do("XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
	writer.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	writer.Do("CONFIG", "SET", "maxmemory", "1")
	writer.Do("SET", "k", "v")
	if got := reader.Go(); got != gone {
		t.Errorf("eviction: %q", got)
	}
}
