package engine_test

import (
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// A tickingHost counts how often its clocks are read. Every reading of Ticks
// is a microsecond after the one before: whatever is timed takes that long.
type tickingHost struct {
	*enginetest.Host
	nows, ticks int64
}

func (h *tickingHost) Now() int64   { h.nows++; return h.Host.Now() }
func (h *tickingHost) Ticks() int64 { h.ticks++; return h.ticks * microsecond }

const microsecond = 1000 // ns

func tickingEngine(t *testing.T) (*engine.Engine, *tickingHost, *engine.Session) {
	h := &tickingHost{Host: enginetest.NewHost(t)}
	e := engine.New(engine.Options{Config: config.New(), Host: h, Cluster: enginetest.NewCluster(), Rooms: commands.All()})
	s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
	h.nows, h.ticks = 0, 0
	return e, h, s
}

// TestBatchesShareTheClock: few readings, and commandstats that are right on
// average for every command of a repeating pipeline.
func TestBatchesShareTheClock(t *testing.T) {
	e, h, s := tickingEngine(t)
	e.Config.ProtoMaxBulkLen.Set(1 << 20)
	pipeline := [][][]byte{raw("SET", "k", "v"), raw("GET", "k"), raw("PING"), raw("GET", "k")}
	const batches, rounds = 200, 25
	for range batches {
		e.BeginBatch(s, rounds*len(pipeline), nil)
		for range rounds {
			for _, cmd := range pipeline {
				e.Execute(s, cmd)
			}
		}
		s.W.Truncate(0)
	}
	total := int64(batches * rounds * len(pipeline))
	if h.nows > total/25 || h.ticks > total/3 {
		t.Errorf("%d commands read the wall clock %d times and the ticks %d times", total, h.nows, h.ticks)
	}
	for name, perRound := range map[string]int64{"set": 1, "get": 2, "ping": 1} {
		calls, nanos := e.CommandTime(name)
		if calls != batches*rounds*perRound {
			t.Errorf("%s: %d calls", name, calls)
		}
		if mean := nanos / calls; mean < microsecond*9/10 || mean > microsecond*11/10 {
			t.Errorf("%s: %d ns per call, each takes %d", name, mean, microsecond)
		}
	}
}

// TestLoneCommandsAreTimedExactly: so it is without BeginBatch, after its end,
// and for what may take long.
func TestLoneCommandsAreTimedExactly(t *testing.T) {
	e, h, s := tickingEngine(t)
	exact := func(name string, times int64, cmd [][]byte) {
		t.Helper()
		for range times {
			e.Execute(s, cmd)
		}
		if calls, nanos := e.CommandTime(name); calls != times || nanos != times*microsecond {
			t.Errorf("%s: %d calls in %d ns", name, calls, nanos)
		}
	}
	exact("get", 50, raw("GET", "k"))
	e.BeginBatch(s, 100, nil)
	exact("mget", 100, raw("MGET", "k", "l"))
	if h.nows != 150 {
		t.Errorf("150 commands read the wall clock %d times", h.nows)
	}
	exact("ttl", 50, raw("TTL", "k")) // the batch is over
}

// TestTimePassesInABatch: a turn begins with a new reading, and so does the
// command after one that may have taken long.
func TestTimePassesInABatch(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v", "PX", "10")
	s.BeginBatch(c.Session, 5, nil)
	if got := c.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Fatal(got)
	}
	c.Do("KEYS", "*")
	s.Host.Set(enginetest.Start + 20)
	if got := c.Do("GET", "k"); got != "$-1\r\n" {
		t.Errorf("after a long command: %q", got)
	}
	c.Do("SET", "k", "v", "PX", "10")
	s.Host.Set(enginetest.Start + 40)
	s.BeginBatch(c.Session, 1, nil)
	if got := c.Do("GET", "k"); got != "$-1\r\n" {
		t.Errorf("in the next turn: %q", got)
	}
}

// A slowHost is a machine on which whatever is timed took a second.
type slowHost struct {
	*enginetest.Host
	ticks int64
}

func (h *slowHost) Ticks() int64 {
	h.ticks += 1e9
	return h.ticks
}

// TestSlowlogSeesLargeValues: most quick commands of a batch are not timed, but
// none that copies much, wherever it stands in the batch.
func TestSlowlogSeesLargeValues(t *testing.T) {
	host := &slowHost{Host: enginetest.NewHost(t)}
	e := engine.New(engine.Options{Config: config.New(), Host: host, Cluster: enginetest.NewCluster(), Rooms: commands.All()})
	e.Config.ProtoMaxBulkLen.Set(1 << 20)
	s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
	do := func(args ...string) string {
		from := s.W.Len()
		e.Execute(s, raw(args...))
		return string(s.W.Bytes()[from:])
	}
	large := strings.Repeat("x", 100<<10)
	for _, cmd := range [][]string{
		{"SET", "k", large}, {"GET", "k"}, {"GETRANGE", "k", "0", "-1"}, {"APPEND", "k", "x"}, {"SETRANGE", "k", "90000", "x"},
		{"GETSET", "k", large}, {"SETRANGE", "fresh", "90000", "x"}, {"EXISTS", "1", "2"}, append([]string{"MGET"}, strings.Fields(strings.Repeat("a ", 40))...),
	} {
		for before := range 40 {
			e.BeginBatch(s, 1000, nil)
			do("SLOWLOG", "RESET")
			do("DEL", "fresh")
			do("SET", "k", large)
			do("SLOWLOG", "RESET")
			for range before {
				do("GET", "nothing")
			}
			do(cmd...)
			if got := do("SLOWLOG", "GET", "1"); !strings.Contains(got, "\r\n"+cmd[0]+"\r\n") {
				t.Fatalf("%s after %d quick commands is not in the slow log: %.300q", cmd[0], before, got)
			}
		}
	}
}
