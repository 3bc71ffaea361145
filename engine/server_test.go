package engine_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestInfoSections: which sections are shown, in which order, and that INFO
// speaks in lines of name:value.
func TestInfoSections(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.AddInfo(engine.InfoSection{Name: "Persistence", Default: true, Write: func(w *engine.InfoWriter) { w.Int("aof_enabled", 1) }},
		engine.InfoSection{Name: "Extra", Write: func(w *engine.InfoWriter) { w.Int("x", 1) }})
	c := s.Client()
	titles := func(args ...string) string {
		n, _, err := enginetest.Parse([]byte(c.Do(append([]string{"INFO"}, args...)...)))
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for line := range strings.SplitSeq(n.Text, "\r\n") {
			if name, ok := strings.CutPrefix(line, "# "); ok {
				out = append(out, name)
			} else if line != "" && !strings.Contains(line, ":") {
				t.Errorf("INFO %q: line %q", args, line)
			}
		}
		return strings.Join(out, " ")
	}
	const byDefault = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace Regent"
	for asked, want := range map[string]string{
		"": byDefault, "default": byDefault, "KeySpace": "Keyspace", "nope": "", "regent replication": "Replication Regent", "extra": "Extra",
		"default commandstats": "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Cluster Keyspace Regent",
		"everything":           "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster Keyspace Regent Extra",
	} {
		if got := titles(strings.Fields(asked)...); got != want {
			t.Errorf("INFO %s: %s, want %s", asked, got, want)
		}
	}
	if got := c.Do("INFO", "persistence"); !strings.Contains(got, "aof_enabled:1\r\n") {
		t.Errorf("what another package adds is missing: %q", got)
	}
}

// TestInfoCounts: what clients did is in the counters.
func TestInfoCounts(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v", "PX", "10")
	c.Do("SET", "l", "v")
	c.Do("GET", "l")
	c.Do("GET", "none")
	c.Do("INCR", "l")
	c.Do("GET")
	s.Host.Advance(20 * time.Millisecond)
	s.ExpireCycle(10)
	info := c.Do("INFO", "everything")
	for _, want := range []string{
		"total_commands_processed:5\r\n", "db0:keys=1,expires=0", "expired_keys:1", "keyspace_hits:1", "keyspace_misses:1", "errorstat_ERR:count=2", "total_error_replies:2",
		"cmdstat_set:calls=2,", "cmdstat_get:calls=2,", "rejected_calls=1,failed_calls=0", "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1",
		"connected_clients:1", "role:master", "node_id:1", "leader_id:1",
	} {
		if !strings.Contains(info, want) {
			t.Errorf("INFO has no %s:\n%s", want, info)
		}
	}
	c.Do("CONFIG", "RESETSTAT")
	if info := c.Do("INFO", "stats"); !strings.Contains(info, "keyspace_hits:0") || !strings.Contains(info, "expired_keys:0") {
		t.Errorf("after RESETSTAT:\n%s", info)
	}
}

// TestFollowerInfo: a follower looks like a replica.
func TestFollowerInfo(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 3, Leader: "10.0.0.3:7003", LinkUp: true, Epoch: 4, ClusterID: strings.Repeat("ab", 20)})
	info := s.Client().Do("INFO", "replication", "regent", "server")
	for _, want := range []string{
		"role:slave", "master_host:10.0.0.3", "master_port:7003", "master_link_status:up", "master_replid:abab", "leader_addr:10.0.0.3:7003", "epoch:4", "redis_mode:cluster",
	} {
		if !strings.Contains(info, want) {
			t.Errorf("no %s in\n%s", want, info)
		}
	}
	if got := s.Client().Do("ROLE"); !strings.HasPrefix(got, "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.3\r\n:7003\r\n$9\r\nconnected\r\n") {
		t.Errorf("ROLE: %q", got)
	}
}

// TestDebugSleepHoldsAll: nobody is served while the server sleeps, and the slow log
// has it afterwards; what is said by commands without data waits too.
func TestDebugSleepHoldsAll(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	c, other, third := s.Client(), s.Client(), s.Client()
	if got := c.Do("DEBUG", "SLEEP", "0.5"); got != "" || !c.Parked() {
		t.Fatalf("%q", got)
	}
	if a, b := other.Do("SET", "k", "v"), third.Do("PING"); a+b != "" {
		t.Fatalf("others are served: %q, %q", a, b)
	}
	s.Host.Advance(400 * time.Millisecond)
	if got := c.Go() + other.Go() + third.Go(); got != "" {
		t.Fatalf("after 400 ms: %q", got)
	}
	s.Host.Advance(100 * time.Millisecond)
	if a, b, d := c.Go(), other.Go(), third.Go(); a != "+OK\r\n" || b != "+OK\r\n" || d != "+PONG\r\n" {
		t.Fatalf("after 500 ms: %q, %q, %q", a, b, d)
	}
	if got := c.Do("SLOWLOG", "GET"); !strings.Contains(got, ":500000\r\n*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$3\r\n0.5\r\n") {
		t.Errorf("the slow log has %q", got)
	}
}

// TestDebugSleepInTransaction: what comes behind it in the transaction is as much later, and nobody
// is served until then.
func TestDebugSleepInTransaction(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	c, other := s.Client(), s.Client()
	for _, line := range []string{"MULTI", "SET k v PX 300", "DEBUG SLEEP 0.2", "GET k", "DEBUG SLEEP 0.2", "GET k"} {
		c.Do(strings.Fields(line)...)
	}
	if got, want := c.Do("EXEC"), "*5\r\n+OK\r\n+OK\r\n$1\r\nv\r\n+OK\r\n$-1\r\n"; got != want {
		t.Fatalf("%q, not %q", got, want)
	}
	if got := other.Do("GET", "k"); got != "" {
		t.Fatalf("others are served: %q", got)
	}
	s.Host.Advance(400 * time.Millisecond)
	if got := other.Go(); got != "$-1\r\n" {
		t.Fatalf("after 400 ms: %q", got)
	}
	if got := c.Do("SLOWLOG", "GET"); strings.Count(got, ":200000\r\n*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$3\r\n0.2\r\n") != 2 {
		t.Errorf("the slow log has %q", got)
	}
}

// TestLatencyOfWhoWaits: what serving a command took that had waited is in its histogram, though it is
// never slow enough for the slow log.
func TestLatencyOfWhoWaits(t *testing.T) {
	s := enginetest.NewEngine(t)
	other := s.Client()
	blocked(t, s, "BLPOP", "q", "0")
	other.Do("RPUSH", "q", "a")
	if got := infoLine(t, other, "latencystats", "latency_percentiles_usec_blpop"); !strings.HasPrefix(got, "p50=") {
		t.Errorf("%q", got)
	}
}

// TestSlowLogOfWhoWaits: as in Redis a command that waits is in the slow log when it
// has been carried out, and only then; one that was ended by an error has failed.
func TestSlowLogOfWhoWaits(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.SlowlogSlowerThan.Set(0)
	other := s.Client()
	slow := func() string {
		t.Helper()
		defer other.Do("SLOWLOG", "RESET")
		got := other.Do("SLOWLOG", "GET", "-1")
		return fmt.Sprint(strings.Count(got, "BLPOP"), strings.Count(got, "RPUSH"))
	}
	c := blocked(t, s, "BLPOP", "q", "0")
	if got := slow(); got != "0 0" {
		t.Errorf("while it waits: %s", got)
	}
	other.Do("RPUSH", "q", "a")
	c.Go()
	if got := slow(); got != "1 1" {
		t.Errorf("served: %s", got)
	}
	for _, how := range []string{"TIMEOUT", "ERROR"} {
		c := blocked(t, s, "BLPOP", "q", "0")
		other.Do("CLIENT", "UNBLOCK", strconv.FormatInt(c.ID, 10), how)
		c.Go()
		if got := slow(); got != "0 0" {
			t.Errorf("unblocked, %s: %s", how, got)
		}
	}
	if got := infoLine(t, other, "commandstats", "cmdstat_blpop"); !strings.HasPrefix(got, "calls=3,") || !strings.HasSuffix(got, ",rejected_calls=0,failed_calls=1") {
		t.Errorf("cmdstat_blpop is %s", got)
	}
	other.Do("RPUSH", "q", "a")
	other.Do("SLOWLOG", "RESET")
	s.Client().Do("BLPOP", "q", "0")
	if got := slow(); got != "1 0" {
		t.Errorf("at once: %s", got)
	}
}

// TestShutdownAsksTheProcess and does not reply: the client waits for the end of the process.
func TestShutdownAsksTheProcess(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	if got := c.Do("SHUTDOWN", "NOSAVE"); got != "" || !c.Parked() || len(s.Control.Calls) != 1 {
		t.Errorf("%q, waits %v, asked %q", got, c.Parked(), s.Control.Calls)
	}
	if got := c.Go(); got != "" || !c.Parked() || c.CloseAfterReply {
		t.Errorf("%q: the connection ends before the server does", got)
	}
}

// TestSlowlogClips: long commands are shown in part.
func TestSlowlogClips(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.SlowlogSlowerThan.Set(0)
	s.Config.SlowlogMaxLen.Set(2)
	c := s.Client()
	args := []string{"MGET", strings.Repeat("x", 200)}
	for range 50 {
		args = append(args, "k")
	}
	c.Do("PING")
	c.Do(args...)
	c.Do("PING")
	got := c.Do("SLOWLOG", "GET")
	if !strings.Contains(got, "... (72 more bytes)") || !strings.Contains(got, "... (21 more arguments)") || !strings.HasPrefix(got, "*2\r\n") {
		t.Errorf("%q", got)
	}
}

// TestDebugAgainstRedis where it is allowed.
func TestDebugAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t, "--enable-debug-command", "yes")
	enginetest.RunScript(t, redis, "testdata/debug/debug.txt", func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
}

// slowArguments runs the commands and returns the arguments that the slow log
// has of them, oldest first.
func slowArguments(t *testing.T, do func(args ...string) string, commands ...[]string) (shown []string) {
	do("CONFIG", "SET", "slowlog-log-slower-than", "0")
	do("SLOWLOG", "RESET")
	for _, args := range commands {
		do(args...)
	}
	for _, en := range enginetest.Parsed(t, do("SLOWLOG", "GET", "-1")).Elems {
		var words []string
		for _, a := range en.Elems[3].Elems {
			words = append(words, a.Text)
		}
		shown = append([]string{strings.Join(words, "|")}, shown...)
	}
	return shown
}

// TestSlowlogAgainstRedis: what it shows of long and of secret arguments.
func TestSlowlogAgainstRedis(t *testing.T) {
	long := []string{"MGET"}
	for range 40 {
		long = append(long, "key")
	}
	commands := [][]string{
		{"SET", "k", strings.Repeat("x", 128)}, {"SET", "k", strings.Repeat("x", 129)}, long, long[:32], long[:33], {"GET", ""},
		{"AUTH", "secret"}, {"AUTH", "name", "secret"}, {"HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me"}, {"HELLO", "2", "SETNAME", "me"},
		{"CONFIG", "SET", "masterauth", "secret"}, {"CONFIG", "SET", "timeout", "0", "MasterAuth", "secret"}, {"CONFIG", "SET", "nope", "1", "masterauth", "secret"},
		{"CONFIG", "SET", "masterauth", "", "timeout", "x"}, {"NOPE"}, {"GET"}, {"SLOWLOG", "LEN"}, {"PING"},
	}
	want := slowArguments(t, enginetest.StartRedis(t).Client(t).Do, commands...)
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.BeginBatch(c.Session, 1000, nil) // quick commands are sampled, and still all are here
	got := slowArguments(t, c.Do, commands...)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSlowlogForgets the oldest, however many there were and however few may
// stay.
func TestSlowlogForgets(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.SlowlogSlowerThan.Set(0)
	c := s.Client()
	for i, most := range []int64{5, 5, 1, 3, 0, 7} {
		s.Config.SlowlogMaxLen.Set(most)
		for range 30 {
			c.Do("PING")
		}
		n := enginetest.Parsed(t, c.Do("SLOWLOG", "GET", "-1"))
		if int64(len(n.Elems)) != most {
			t.Fatalf("step %d: %d entries, want %d", i, len(n.Elems), most)
		}
		for j := 1; j < len(n.Elems); j++ {
			a, b := n.Elems[j-1].Elems[0].Text, n.Elems[j].Elems[0].Text
			if len(a) < len(b) || len(a) == len(b) && a <= b {
				t.Fatalf("step %d: entry %s is shown before %s", i, a, b)
			}
		}
	}
}

// TestConfigRewrite is done elsewhere while the client waits.
func TestConfigRewrite(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.ConfigFile = "/etc/regent.conf" })
	c := s.Client()
	for _, step := range []struct {
		fail error
		want string
	}{{nil, "+OK\r\n"}, {errors.New("disk full"), "-ERR Rewriting config file: disk full\r\n"}} {
		s.Control.Fail = step.fail
		if got := c.Do("CONFIG", "REWRITE"); got != "" || !c.Parked() {
			t.Fatalf("before it is done: %q, parked %v", got, c.Parked())
		}
		if got := c.Go(); got != "" {
			t.Fatalf("woken too early: %q", got)
		}
		if got := s.Client().Do("CLIENT", "UNBLOCK", strconv.FormatInt(c.ID, 10)); got != ":0\r\n" {
			t.Fatalf("it can be unblocked: %q", got)
		}
		s.Host.Advance(0)
		if c.Link.Woken.Load() == 0 {
			t.Fatal("nobody woke the client")
		}
		if got := c.Go(); got != step.want {
			t.Fatalf("got %q, want %q", got, step.want)
		}
	}
}

// TestMemoryPurge too.
func TestMemoryPurge(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", strings.Repeat("x", 100_000))
	c.Do("DEL", "k")
	if s.Spans().Warm() == 0 {
		t.Error("the memory of a large value is not kept for the next one")
	}
	if got := c.Do("MEMORY", "PURGE"); got != "" {
		t.Fatalf("%q", got)
	}
	s.Host.Advance(0)
	if got := c.Go(); got != "+OK\r\n" || len(s.Control.Calls) != 1 || s.Spans().Warm() != 0 {
		t.Fatalf("%q, asked %q, %d bytes are kept", got, s.Control.Calls, s.Spans().Warm())
	}
}

// TestMemoryStats: the sums are those of the data.
func TestMemoryStats(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("HELLO", "3")
	stat := func(name string) string {
		elems := enginetest.Parsed(t, c.Do("MEMORY", "STATS")).Elems
		for i := 0; i+1 < len(elems); i += 2 {
			if elems[i].Text == name {
				return elems[i+1].Text
			}
		}
		t.Fatalf("no %s", name)
		return ""
	}
	if keys, each := stat("keys.count"), stat("keys.bytes-per-key"); keys != "0" || each != "0" {
		t.Errorf("of nothing: %s keys, %s bytes each", keys, each)
	}
	for i := range 1000 {
		c.Do("SET", "key"+strconv.Itoa(i), strings.Repeat("x", 100))
	}
	used := strconv.FormatInt(s.UsedMemory(), 10)
	if keys, total, peak := stat("keys.count"), stat("total.allocated"), stat("peak.percentage"); keys != "1000" || total != used || peak != "100" {
		t.Errorf("%s keys, total.allocated %s of %s, peak.percentage %s", keys, total, used, peak)
	}
	c.Do("FLUSHALL")
	if keys, peak := stat("keys.count"), stat("peak.allocated"); keys != "0" || peak != used {
		t.Errorf("after FLUSHALL: %s keys, peak.allocated %s of %s", keys, peak, used)
	}
}
