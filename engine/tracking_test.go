package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestTrackingByRedirection: with RESP2 another connection is told; when that is gone,
// the one that tracks is told so.
func TestTrackingByRedirection(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, listens, w := s.Client(), s.Client(), s.Client()
	listens.Do("SUBSCRIBE", "__redis__:invalidate")
	redirect := func() { c.Do("CLIENT", "TRACKING", "ON", "REDIRECT", fmt.Sprint(listens.ID)) }
	redirect()
	if got := c.Do("CLIENT", "INFO"); !strings.Contains(got, " flags=t ") || !strings.Contains(got, fmt.Sprintf(" redir=%d ", listens.ID)) {
		t.Errorf("listed as %s", got)
	}
	c.Do("GET", "a")
	w.Do("SET", "a", "1")
	if got, want := listens.Hear(), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n*1\r\n$1\r\na\r\n"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	w.Do("FLUSHALL")
	if got, want := listens.Hear(), "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n$-1\r\n"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	c.Do("GET", "a")
	c.Do("HELLO", "3")
	s.EndSession(listens.Session)
	w.Do("SET", "a", "2")
	if got, want := c.Hear(), fmt.Sprintf(">2\r\n$21\r\ntracking-redir-broken\r\n:%d\r\n", listens.ID); got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if got := c.Do("CLIENT", "TRACKINGINFO"); !strings.Contains(got, "broken_redirect") {
		t.Error(got)
	}
}

// TestTrackingTableIsBounded: what is forgotten for want of room is told as changed.
func TestTrackingTableIsBounded(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.TrackingTableMaxKeys.Set(100)
	c := s.Client()
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	told := 0
	for i := range 1000 {
		c.Do("GET", fmt.Sprint("key:", i))
		told += strings.Count(c.Hear(), "invalidate")
	}
	if told != 900 {
		t.Errorf("%d of 1000 keys were told, want 900", told)
	}
	if got := c.Do("INFO", "stats"); !strings.Contains(got, "tracking_total_keys:100\r\ntracking_total_items:100\r\ntracking_total_prefixes:0\r\n") {
		t.Error(got)
	}
}

// TestTrackingOfWhatNoCommandDoes: expiry and eviction are told; what a follower applies
// is told there; and when a keyspace is thrown away, everything is.
func TestTrackingOfWhatNoCommandDoes(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, w := s.Client(), s.Client()
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	heard := func(when, key string) {
		t.Helper()
		want := fmt.Sprintf(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\n%s\r\n", key)
		if key == "" {
			want = ">2\r\n$10\r\ninvalidate\r\n_\r\n"
		}
		if got := c.Hear(); got != want {
			t.Errorf("%s: heard %q, want %q", when, got, want)
		}
	}
	w.Do("SET", "a", "1", "PX", "5")
	c.Do("GET", "a")
	s.Host.Advance(10 * time.Millisecond)
	s.ExpireCycle(10)
	heard("expired", "a")
	w.Do("SET", "b", "1")
	c.Do("GET", "b")
	w.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	w.Do("CONFIG", "SET", "maxmemory", "1")
	s.EvictAsAsked()
	w.Do("CONFIG", "SET", "maxmemory", "0")
	heard("evicted", "b")

	s.Cluster.SetView(enginetest.ThreeNodes(1, 2))
	c.Do("READONLY")
	c.Do("GET", "c")
	if err := s.NewApplier().Apply(enginetest.Raw("SET", "c", "1")); err != nil {
		t.Fatal(err)
	}
	c.Barrier, c.LeaderEpoch = 0, 0
	heard("applied", "c")
	if c.Barrier != 0 {
		t.Errorf("what is applied is committed, and yet it waits for %d", c.Barrier)
	}
	c.Do("GET", "c")
	s.Freeze(s.Reset)
	heard("rebuilt", "")
}

// TestInvalidationRestsOnTheWrite: it leaves when that is committed.
func TestInvalidationRestsOnTheWrite(t *testing.T) {
	cluster := enginetest.NewCluster()
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Cluster = cluster })
	v := enginetest.ThreeNodes(1, 1)
	v.Epoch = 7
	cluster.SetView(v)
	c, w := s.Client(), s.Client()
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	c.Do("GET", "a")
	w.Do("SET", "a", "1")
	c.Barrier, c.LeaderEpoch = 0, 0
	c.Hear()
	if c.Barrier != s.Log.End() || c.LeaderEpoch != 7 {
		t.Errorf("it waits for %d in epoch %d, the log ends at %d in epoch 7", c.Barrier, c.LeaderEpoch, s.Log.End())
	}
}

// TestBroadcastsTogether: what one transaction changes, or one turn of the expiry, is told of in one
// message for each prefix, each key once; of keys that were read each by itself.
func TestBroadcastsTogether(t *testing.T) {
	s := enginetest.NewEngine(t)
	reader, all, w := s.Client(), s.Client(), s.Client()
	reader.Do("HELLO", "3")
	all.Do("HELLO", "3")
	reader.Do("CLIENT", "TRACKING", "ON")
	all.Do("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b", "PREFIX", "a")
	reader.Do("MGET", "a1", "a2")
	for _, line := range []string{"MULTI", "INCR a2", "INCR b", "INCR a1", "INCR a2", "PEXPIRE a1 10", "PEXPIRE a2 10", "EXEC"} {
		w.Do(strings.Fields(line)...)
	}
	const push, two, a1, a2, b = ">2\r\n$10\r\ninvalidate\r\n", "*2\r\n", "$2\r\na1\r\n", "$2\r\na2\r\n", "$1\r\nb\r\n"
	if got, want := all.Hear(), push+two+a1+a2+push+"*1\r\n"+b; got != want {
		t.Errorf("of the transaction: %q, not %q", got, want)
	}
	if got, want := reader.Hear(), push+"*1\r\n"+a2+push+"*1\r\n"+a1; got != want {
		t.Errorf("what was read: %q, not %q", got, want)
	}
	s.Host.Advance(20 * time.Millisecond)
	s.ExpireCycle(10)
	if got := all.Hear(); !strings.Contains(got, a1) || !strings.Contains(got, a2) {
		t.Errorf("of the expiry: %q", got)
	}
}

// TestALowerLimitForgets: clients are told of the keys that the table may not hold any more.
func TestALowerLimitForgets(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, line := range []string{"HELLO 3", "CLIENT TRACKING ON", "MGET a b c", "CONFIG SET tracking-table-max-keys 1"} {
		c.Do(strings.Fields(line)...)
	}
	// At once, not at the next turn of the upkeep.
	if got := strings.Count(c.Hear(), "invalidate"); got != 2 {
		t.Errorf("told of %d keys, not of 2", got)
	}
}

// TestNoloopHearsOfExpiry: a key whose time is over was changed by nobody, so the client that finds
// that out is told, unless it has written the key since.
func TestNoloopHearsOfExpiry(t *testing.T) {
	for _, mode := range []string{"", " BCAST"} {
		s := enginetest.NewEngine(t)
		c := s.Client()
		for _, line := range []string{"HELLO 3", "SET k v PX 10", "SET l v PX 10", "CLIENT TRACKING ON NOLOOP" + mode, "MGET k l"} {
			c.Do(strings.Fields(line)...)
		}
		s.Host.Advance(20 * time.Millisecond)
		c.Do("SET", "l", "v")
		c.Do("GET", "k")
		if got, want := c.Hear(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"; !strings.HasSuffix(got, want) || strings.Contains(got, "$1\r\nl\r\n") != (mode == "") {
			t.Errorf("mode %q: %q", mode, got)
		}
	}
}

// TestTrackersLeaveNothingBehind: a client that is gone is not told, nor counted.
func TestTrackersLeaveNothingBehind(t *testing.T) {
	s := enginetest.NewEngine(t)
	w := s.Client()
	for _, mode := range [][]string{{"CLIENT", "TRACKING", "ON"}, {"CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a"}} {
		c := s.Client()
		c.Do("HELLO", "3")
		c.Do(mode...)
		c.Do("GET", "a")
		s.EndSession(c.Session)
		w.Do("SET", "a", "1")
		if got := w.Do("INFO", "stats"); !strings.Contains(got, "tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:0\r\n") {
			t.Errorf("%q: %s", mode, got)
		}
		if s.Watching() != 0 {
			t.Errorf("%q: somebody still cares", mode)
		}
	}
}

// TestReadAfterTheChange: a client that reads a key in the transaction that has changed it
// before has what it holds now, and is told of the next change alone.
func TestReadAfterTheChange(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, w := s.Client(), s.Client()
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	c.Do("MULTI")
	c.Do("SET", "a", "1")
	c.Do("GET", "a")
	c.Do("EXEC")
	if got := c.Hear(); got != "" {
		t.Errorf("heard %q of what it has read since", got)
	}
	w.Do("SET", "a", "2")
	if got, want := c.Hear(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// TestOwnChangeBehindTheReply: a client that waited is told of what its own command has changed after
// its reply, though another client's has carried it out; with NOLOOP it is not told of that. What the
// other has changed comes before.
func TestOwnChangeBehindTheReply(t *testing.T) {
	const reply, told = "$1\r\na\r\n", ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nd\r\n"
	for _, tc := range []struct{ mode, first, then string }{
		{"", "", reply + told},
		{"NOLOOP", "", reply},
		{"BCAST", "", reply + strings.Replace(told, "*1\r\n$1\r\nd\r\n", "*2\r\n$1\r\nd\r\n$1\r\nk\r\n", 1)},
		{"OFF REPLY", "", told},
	} {
		s := enginetest.NewEngine(t)
		c, pusher := s.Client(), s.Client()
		c.Do("HELLO", "3")
		mode, quiet := strings.CutSuffix(tc.mode, "OFF REPLY")
		c.Do(append([]string{"CLIENT", "TRACKING", "ON"}, strings.Fields(mode)...)...)
		c.Do("LRANGE", "d", "0", "-1")
		if quiet {
			c.Do("CLIENT", "REPLY", "OFF")
		}
		c.Do("BLMOVE", "k", "d", "LEFT", "LEFT", "0")
		pusher.Do("RPUSH", "k", "a")
		if got := c.Hear(); got != tc.first {
			t.Errorf("%q: before its reply it heard %q, not %q", tc.mode, got, tc.first)
		}
		if got := c.Go(); got != tc.then {
			t.Errorf("%q: %q, not %q", tc.mode, got, tc.then)
		}
	}
}
