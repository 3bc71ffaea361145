package engine_test

import (
	"strings"
	"testing"
	"time"

	"regent/engine/config"
	"regent/engine/enginetest"
)

func TestPauseHoldsWrites(t *testing.T) {
	s := enginetest.NewEngine(t)
	admin, c := s.Client(), s.Client()
	c.Do("SET", "k", "v")
	admin.Do("CLIENT", "PAUSE", "100", "WRITE")
	if got := c.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("a read: %q", got)
	}
	if got := c.Do("SET", "k", "w"); got != "" || !c.Parked() {
		t.Fatalf("a write: %q", got)
	}
	if got := admin.Do("CLIENT", "UNBLOCK", "2"); got != ":0\r\n" {
		t.Errorf("a command that has not begun cannot be unblocked: %q", got)
	}
	if got := admin.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Errorf("it was carried out: %q", got)
	}
	if got := c.Go(); got != "" {
		t.Fatalf("too early: %q", got)
	}
	s.Host.Advance(100 * time.Millisecond)
	if c.Link.Woken.Load() != 1 {
		t.Fatal("nobody woke it")
	}
	if got := c.Go(); got != "+OK\r\n" || c.Parked() {
		t.Fatalf("%q", got)
	}
	if got := admin.Do("GET", "k"); got != "$1\r\nw\r\n" {
		t.Errorf("it was not carried out: %q", got)
	}
	if c.Barrier != s.Log.End() {
		t.Errorf("the reply waits for %d, the write is at %d", c.Barrier, s.Log.End())
	}
}

// TestPausesHoldWhenTheClockIsSet: whoever asks for a pause, it lasts as long as it was to,
// whatever the wall clock says meanwhile. Set back, the clock made it longer by as much; set ahead,
// it ended a pause in which a leader hands over, or saves its data for the last time.
func TestPausesHoldWhenTheClockIsSet(t *testing.T) {
	const length = time.Hour // lastSaveLimit
	for name, begin := range map[string]func(s *enginetest.Server){
		"CLIENT PAUSE": func(s *enginetest.Server) { s.Client().Do("CLIENT", "PAUSE", "3600000", "WRITE") },
		"HoldData":     func(s *enginetest.Server) { s.HoldData(length) },
		"HoldWrites":   func(s *enginetest.Server) { s.HoldWrites() },
	} {
		for _, step := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
			s := enginetest.NewEngine(t)
			c := s.Client()
			begin(s)
			if got := c.Do("SET", "k", "v"); got != "" {
				t.Fatalf("%s: a write: %q", name, got)
			}
			s.Host.StepWall(step)
			s.Client().Do("CLIENT", "PAUSE", "1", "WRITE") // all pauses are looked at anew
			s.Host.Advance(time.Second)
			if got := c.Go(); got != "" || !c.Parked() {
				t.Errorf("%s: the clock is set by %s, and it has ended: %q", name, step, got)
			}
			s.Host.Advance(length)
			if got := c.Go(); got != "+OK\r\n" {
				t.Errorf("%s: the clock is set by %s, and it has not ended: %q", name, step, got)
			}
		}
	}
}

// TestPauseKeepsArguments: the connection's buffer is used again meanwhile.
func TestPauseKeepsArguments(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Client().Do("CLIENT", "PAUSE", "100", "WRITE")
	args := raw("SET", "k", "good")
	s.Execute(c.Session, args)
	copy(args[2], "evil")
	s.Host.Advance(100 * time.Millisecond)
	c.Go()
	if got := c.Do("GET", "k"); got != "$4\r\ngood\r\n" {
		t.Error(got)
	}
}

func TestPauseAllAndUnpause(t *testing.T) {
	s := enginetest.NewEngine(t)
	admin, c := s.Client(), s.Client()
	admin.Do("CLIENT", "PAUSE", "1000", "WRITE")
	if got := c.Do("SET", "k", "v"); got != "" {
		t.Fatal(got)
	}
	admin.Do("CLIENT", "UNPAUSE")
	if got := c.Go(); got != "+OK\r\n" {
		t.Fatalf("after UNPAUSE: %q", got)
	}
	admin.Do("CLIENT", "PAUSE", "1000")
	if got := c.Do("PING"); got != "" {
		t.Fatalf("PING in a pause of all: %q", got)
	}
	s.EndSession(c.Session)
	s.Host.Advance(time.Second)
	if n := c.Link.Woken.Load(); n != 1 { // the UNPAUSE above
		t.Errorf("a connection that is gone was woken: %d", n)
	}
	if got := admin.Do("PING"); got != "+PONG\r\n" {
		t.Errorf("after the pause: %q", got)
	}
}

// TestPausesAddUp: a later pause makes the first one longer and stricter,
// never shorter or milder.
func TestPausesAddUp(t *testing.T) {
	s := enginetest.NewEngine(t)
	admin, c := s.Client(), s.Client()
	admin.Do("CLIENT", "PAUSE", "100", "WRITE")
	admin.Do("CLIENT", "PAUSE", "50", "WRITE")
	c.Do("SET", "k", "v")
	s.Host.Advance(50 * time.Millisecond)
	if got := c.Go(); got != "" {
		t.Fatalf("a shorter pause has ended a longer one: %q", got)
	}
	admin.Do("CLIENT", "PAUSE", "200", "WRITE")
	s.Host.Advance(100 * time.Millisecond)
	if got := c.Go(); got != "" {
		t.Fatalf("before the longer end: %q", got)
	}
	s.Host.Advance(100 * time.Millisecond)
	if got := c.Go(); got != "+OK\r\n" {
		t.Fatalf("after it: %q", got)
	}
}

// TestHandover: held writes go where leadership has gone, and are not carried
// out here.
func TestHandover(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	c := s.Client()
	s.HoldData(300 * time.Millisecond)
	if got := c.Do("SET", "k", "v"); got != "" {
		t.Fatal(got)
	}
	end := s.Log.End()
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	s.ReleaseData()
	if got := c.Go(); got != "-MOVED 7629 10.0.0.3:7000\r\n" || s.Log.End() != end {
		t.Fatalf("%q, log at %d", got, s.Log.End())
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.HoldData(300 * time.Millisecond)
	c.Do("SET", "k", "v")
	s.Host.Advance(300 * time.Millisecond)
	if got := c.Go(); got != "+OK\r\n" {
		t.Fatalf("a handover that came to nothing: %q", got)
	}
	s.Client().Do("CLIENT", "PAUSE", "1000", "WRITE")
	s.HoldData(300 * time.Millisecond)
	s.ReleaseData()
	if got := c.Do("SET", "k", "v"); got != "" {
		t.Errorf("the end of a handover ended CLIENT PAUSE: %q", got)
	}
}

// TestDataStandsStillInAPause: what expires meanwhile is hidden, and deleted
// afterwards.
func TestDataStandsStillInAPause(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "k", "v", "PX", "10")
	c.Do("CLIENT", "PAUSE", "100", "WRITE")
	end := s.Log.End()
	s.Host.Advance(20 * time.Millisecond)
	if got := c.Do("GET", "k"); got != "$-1\r\n" {
		t.Errorf("an expired key: %q", got)
	}
	if s.ExpireCycle(10) != 0 || s.Log.End() != end {
		t.Error("something was deleted")
	}
	s.Host.Advance(100 * time.Millisecond)
	if s.ExpireCycle(10) != 1 {
		t.Error("nothing was deleted afterwards")
	}
}

// TestSkippedReplyInAPause: REPLY SKIP belongs to the command that is held.
func TestSkippedReplyInAPause(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Client().Do("CLIENT", "PAUSE", "10", "WRITE")
	c.Do("CLIENT", "REPLY", "SKIP")
	c.Do("SET", "k", "v")
	s.Host.Advance(10 * time.Millisecond)
	if got := c.Go(); got != "" || c.Parked() {
		t.Fatalf("%q", got)
	}
	if got := c.Do("GET", "k"); got != "$1\r\nv\r\n" {
		t.Fatal(got)
	}
}

// TestALapsedLeaseHoldsCommands: a leader whose lease has run out keeps what
// touches data in its sessions: it runs when the lease is renewed, goes to the
// next leader when there is one, and is refused when neither comes in time.
func TestALapsedLeaseHoldsCommands(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	c := s.Client()
	c.Do("SET", "k", "v")
	hold := func(args ...string) *enginetest.Client {
		t.Helper()
		d := s.Client()
		if got := d.Do(args...); got != "" || !d.Parked() {
			t.Fatalf("%v with a lease that is over: %q", args, got)
		}
		return d
	}
	end := s.Log.End()
	s.Cluster.SetLeaseOver(true)
	get, set := hold("GET", "k"), hold("SET", "k", "w")
	if got := c.Do("PING"); got != "+PONG\r\n" {
		t.Errorf("PING: %q", got)
	}
	if s.Log.End() != end {
		t.Error("a write ran without a lease")
	}
	s.LeaseMoved()
	if got := get.Go(); got != "" || !get.Parked() {
		t.Errorf("woken too early: %q", got)
	}
	s.Cluster.SetLeaseOver(false)
	s.LeaseMoved()
	if got := set.Go(); got != "+OK\r\n" {
		t.Errorf("SET when the lease is renewed: %q", got)
	}
	if got := get.Go(); got != "$1\r\nw\r\n" {
		t.Errorf("GET when the lease is renewed: %q", got)
	}

	s.Cluster.SetLeaseOver(true)
	get = hold("GET", "k")
	s.HoldData(100 * time.Millisecond)
	set = hold("SET", "k", "x")
	s.Cluster.SetLeaseOver(false)
	s.LeaseMoved()
	for range 2 { // a pause holds what the lease has held, and lets it go
		if got := get.Go() + set.Go(); got != "" {
			t.Fatalf("in a pause: %q", got)
		}
	}
	s.Config.FollowerReads.Set(config.FollowerReadsYes)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	s.ReleaseData()
	if got := set.Go(); got != "-MOVED 7629 10.0.0.3:7000\r\n" {
		t.Errorf("SET when another leads: %q", got)
	}
	if got := get.Go(); got != "$1\r\nw\r\n" { // a follower's reader
		t.Errorf("GET when another leads: %q", got)
	}

	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetLeaseOver(true)
	get = hold("GET", "k")
	s.Host.Advance(time.Minute)
	if got := get.Go(); got != "-CLUSTERDOWN The cluster is down\r\n" {
		t.Errorf("when nothing comes: %q", got)
	}
}

// TestHandoverHoldsReads: a leader that hands over has no lease, and nobody leads yet. Its
// clients wait, reads too, and are redirected then.
func TestHandoverHoldsReads(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	c := s.Client()
	c.Do("SET", "k", "v")
	s.HoldData(300 * time.Millisecond)
	s.Cluster.SetLeaseOver(true)
	for _, cmd := range [][]string{{"GET", "k"}, {"MSET", "a", "1", "b", "2"}, {"DBSIZE"}} {
		d := s.Client()
		if got := d.Do(cmd...); got != "" {
			t.Fatalf("%v at once: %q", cmd, got)
		}
		defer func() {
			if got := d.Go(); got != "-CLUSTERDOWN The cluster is down\r\n" {
				t.Errorf("%v when the time is over: %q", cmd, got)
			}
		}()
	}
	if got := c.Do("PING"); got != "+PONG\r\n" {
		t.Errorf("PING: %q", got)
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 0))
	if got := c.Do("SET", "k", "w"); got != "" {
		t.Fatalf("while no leader is known: %q", got)
	}
	s.Cluster.SetLeaseOver(false)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	s.ReleaseData()
	if got := c.Go(); got != "-MOVED 7629 10.0.0.3:7000\r\n" {
		t.Errorf("%q", got)
	}
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetLeaseOver(true)
	s.Host.Advance(time.Minute)
}

// TestAPauseOfWritesLetsReadingScriptsGo: a script that says that it does not write is not
// held, alone or in a transaction; one that says nothing is.
func TestAPauseOfWritesLetsReadingScriptsGo(t *testing.T) {
	s := enginetest.NewEngine(t)
	admin, c := s.Client(), s.Client()
	const reads = "#!lua flags=no-writes\nreturn 12"
	sha := enginetest.Parsed(t, c.Do("SCRIPT", "LOAD", reads)).Text
	c.Do("FUNCTION", "LOAD", "#!lua name=l\nredis.register_function{function_name='f', callback=function() return 12 end, flags={'no-writes'}}")
	admin.Do("CLIENT", "PAUSE", "100", "WRITE")
	for _, line := range [][]string{{"EVAL", reads, "0"}, {"EVAL", reads + " ", "0"}, {"EVALSHA", sha, "0"}, {"EVAL_RO", "return 12", "0"}, {"FCALL", "f", "0"}} {
		got := c.Do(line...)
		for c.Parked() { // it runs aside
			got = c.Go()
		}
		if got != ":12\r\n" {
			t.Errorf("%q: %q", line, got)
		}
	}
	for _, call := range []string{"'publish', 'ch', 'm'", "'set', 'k', 'v'", "'pfcount', 'k'"} {
		got := c.Do("EVAL_RO", "return redis.call("+call+")", "0")
		for c.Parked() {
			got = c.Go()
		}
		if !strings.HasPrefix(got, "-ERR Write commands are not allowed from read-only scripts.") {
			t.Errorf("%s: %q", call, got)
		}
	}
	c.Do("MULTI")
	c.Do("EVAL", reads, "0")
	if got := c.Do("EXEC"); got != "*1\r\n:12\r\n" {
		t.Errorf("EXEC: %q", got)
	}
	if got := c.Do("EVAL", "return 12", "0"); got != "" || !c.Parked() {
		t.Errorf("a script that says nothing: %q", got)
	}
}
