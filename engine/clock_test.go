package engine_test

import (
	"strconv"
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

// repeat has the readings of the clocks counted while a command is executed so many times in each
// of so many batches.
func (h *tickingHost) repeat(e *engine.Engine, s *engine.Session, cmd [][]byte, batches, rounds int) {
	h.nows, h.ticks = 0, 0
	for range batches {
		e.BeginBatch(s, rounds, nil)
		for range rounds {
			e.Execute(s, cmd)
		}
		s.W.Truncate(0)
	}
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
		{"SET", "k", large}, {"GET", "k"}, {"GETRANGE", "k", "0", "-1"}, {"APPEND", "k", large}, {"SETRANGE", "k", "400000", "x"}, {"BITCOUNT", "k"}, {"BITPOS", "k", "0", "99990"},
		{"SORT", "list", "ALPHA"}, {"LINDEX", "list", "0"}, {"DUMP", "k"}, {"DEL", "list"}, {"LMOVE", "list", "list", "LEFT", "RIGHT"},
		{"LRANGE", "list", "0", "-1"}, {"ZRANGE", "ranked", "0", "-1"}, {"XRANGE", "stream", "-", "+"}, {"XREAD", "STREAMS", "stream", "0"},
		{"GETSET", "k", large}, {"SETRANGE", "fresh", "90000", "x"}, {"EXISTS", "1", "2"}, append([]string{"MGET"}, strings.Fields(strings.Repeat("a ", 40))...),
	} {
		for before := range 40 {
			e.BeginBatch(s, 1000, nil)
			do("SLOWLOG", "RESET")
			do("DEL", "fresh")
			do("SET", "k", large)
			do("DEL", "list", "ranked", "stream")
			do("RPUSH", "list", "a", large)
			do("ZADD", "ranked", "1", "a", "2", large)
			do("XADD", "stream", "1-1", "a", large)
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

// TestShortRangesAreQuick: what goes over elements, and says over how many, shares the clock's
// readings while these are few, and none of it is missed when they are many.
func TestShortRangesAreQuick(t *testing.T) {
	e, h, s := tickingEngine(t)
	const batches, rounds = 20, 50
	for i := range 2000 {
		n := strconv.Itoa(i + 1)
		e.Execute(s, raw("RPUSH", "list", n))
		e.Execute(s, raw("ZADD", "ranked", n, n))
		e.Execute(s, raw("XADD", "stream", n, "a", n))
		e.Execute(s, raw("SADD", "set", n))
	}
	e.Execute(s, raw("RPUSH", "few", "3", "1", "2"))
	e.Execute(s, raw("SADD", "some", "3", "1", "x"))
	for _, c := range []struct{ short, long string }{
		{"LRANGE list 0 9", "LRANGE list 0 -1"}, {"LRANGE list -9 -1", "LRANGE list 1000 1000"},
		{"ZRANGE ranked 500 509", "ZRANGE ranked 0 -1"}, {"ZREVRANGEBYSCORE ranked 9 1", "ZREVRANGEBYSCORE ranked inf 1"},
		{"SORT few DESC", "SORT list DESC"}, {"SMEMBERS some", "SMEMBERS set"}, {"SINTER some some", "SINTER some set"},
		{"SSCAN some 0 COUNT 9999", "SSCAN set 0 COUNT 9999"}, {"DEL nothing", "KEYS none"}, {"LMOVE few few LEFT LEFT", "KEYS none"},
		{"XRANGE stream - + COUNT 9", "XRANGE stream - +"}, {"XREAD COUNT 9 STREAMS stream 5", "XREAD STREAMS stream 5"},
	} {
		readings := func(command string) int64 {
			h.repeat(e, s, raw(strings.Fields(command)...), batches, rounds)
			return h.nows
		}
		if n := readings(c.short); n > batches*rounds/20 {
			t.Errorf("%d times %s read the wall clock %d times", batches*rounds, c.short, n)
		}
		if n := readings(c.long); n < batches*rounds {
			t.Errorf("%d times %s read the wall clock %d times", batches*rounds, c.long, n)
		}
	}
}

// TestPartsOfLargeValuesAreQuick: commands that look at a few bytes of a long string, or change
// them where they stand, share the clock's readings as those on short ones do.
func TestPartsOfLargeValuesAreQuick(t *testing.T) {
	e, h, s := tickingEngine(t)
	e.Config.ProtoMaxBulkLen.Set(1 << 20)
	const batches, rounds = 20, 50
	e.Execute(s, raw("SET", "k", strings.Repeat("x", 100<<10)))
	e.Execute(s, raw("APPEND", "k", "x")) // which gives it room
	for _, cmd := range [][][]byte{
		raw("APPEND", "k", "x"), raw("SETRANGE", "k", "90000", "y"), raw("GETRANGE", "k", "90000", "90009"), raw("STRLEN", "k"),
		raw("GETBIT", "k", "800000"), raw("SETBIT", "k", "800000", "1"), raw("BITFIELD", "k", "INCRBY", "u8", "800000", "1"),
	} {
		h.repeat(e, s, cmd, batches, rounds)
		if total := int64(batches * rounds); h.nows > total/20 || h.ticks > total/3 {
			t.Errorf("%d times %s read the wall clock %d times and the ticks %d times", total, cmd[0], h.nows, h.ticks)
		}
	}
}
