package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine/enginetest"
	"regent/engine/slots"
)

// What redis-server shows of blocking is tested in the room of lists. Here
// is what it cannot show: the log, the barrier, roles, and many at a time.

// blocked is a client of s that waits inside a command.
func blocked(t *testing.T, s *enginetest.Server, args ...string) *enginetest.Client {
	t.Helper()
	c := s.Client()
	if got := c.Do(args...); got != "" || !c.Parked() {
		t.Fatalf("%q: %q", args, got)
	}
	return c
}

// TestServedInTheLog: the plain pop follows what made it possible, in one append,
// and the reply depends on it.
func TestServedInTheLog(t *testing.T) {
	for _, tc := range []struct {
		waits []string
		logs  []string
		reply string
	}{
		{[]string{"BLPOP", "k", "0"}, []string{"LPOP k"}, "*2\r\n$1\r\nk\r\n$1\r\na\r\n"},
		{[]string{"BRPOP", "none", "k", "0"}, []string{"RPOP k"}, "*2\r\n$1\r\nk\r\n$1\r\nb\r\n"},
		{[]string{"BLMPOP", "0", "1", "k", "LEFT"}, []string{"LPOP k 1"}, "*2\r\n$1\r\nk\r\n*1\r\n$1\r\na\r\n"},
		{[]string{"BLMPOP", "0", "1", "k", "RIGHT", "COUNT", "9"}, []string{"RPOP k 2"}, "*2\r\n$1\r\nk\r\n*2\r\n$1\r\nb\r\n$1\r\na\r\n"},
		{[]string{"BLMOVE", "k", "d", "RIGHT", "LEFT", "0"}, []string{"LMOVE k d right left"}, "$1\r\nb\r\n"},
		{[]string{"BRPOPLPUSH", "k", "d", "0"}, []string{"RPOPLPUSH k d"}, "$1\r\nb\r\n"},
	} {
		s := enginetest.NewEngine(t)
		c, pusher := blocked(t, s, tc.waits...), s.Client()
		if got := pusher.Do("RPUSH", "k", "a", "b"); got != ":2\r\n" {
			t.Fatal(got)
		}
		if got, want := s.Log.Lines(), append([]string{"RPUSH k a b"}, tc.logs...); !slices.Equal(got, want) {
			t.Errorf("%q: the log has %q, not %q", tc.waits, got, want)
		}
		if pusher.Barrier != s.Log.End() {
			t.Errorf("the pusher's barrier is %d of %d", pusher.Barrier, s.Log.End())
		}
		if n := c.Link.Woken.Load(); n != 1 {
			t.Errorf("%q: woken %d times", tc.waits, n)
		}
		end := s.Log.End()
		pusher.Do("SET", "other", "x") // what comes later does not matter
		if got := c.Go(); got != tc.reply || c.Parked() {
			t.Errorf("%q: %q, not %q", tc.waits, got, tc.reply)
		}
		if c.Barrier != end || c.LastWriteEnd != end {
			t.Errorf("%q: barrier %d, last write %d, not %d", tc.waits, c.Barrier, c.LastWriteEnd, end)
		}
		// Readers of what a move wrote depend on it, whatever its shard.
		reader := s.Client()
		if reader.Do("LLEN", "d"); strings.Contains(tc.logs[0], " d") && reader.Barrier < end {
			t.Errorf("%q: a reader's barrier is %d, not %d", tc.waits, reader.Barrier, end)
		}
	}
}

// TestServedBesideTheShardsMark: a move within one shard writes to a key whose
// readers look at another mark than the pusher's.
func TestServedBesideTheShardsMark(t *testing.T) {
	s := enginetest.NewEngine(t)
	pusher, reader := s.Client(), s.Client()
	const shards = 16
	at, dst := slots.Of([]byte("k")), ""
	for i := 0; dst == ""; i++ {
		if name := fmt.Sprint("d", i); slots.Of([]byte(name))%shards == at%shards && slots.Of([]byte(name)) != at {
			dst = name
		}
	}
	blocked(t, s, "BLMOVE", "k", dst, "LEFT", "LEFT", "0")
	pusher.Do("RPUSH", "k", "x")
	if got := reader.Do("LLEN", dst); got != ":1\r\n" || reader.Barrier != s.Log.End() {
		t.Errorf("%q, barrier %d of %d", got, reader.Barrier, s.Log.End())
	}
}

// TestWhoLeavesIsPassedOver: what ends a wait leaves the others in their order, and
// the queues hold nobody afterwards.
func TestWhoLeavesIsPassedOver(t *testing.T) {
	s := enginetest.NewEngine(t)
	pusher := s.Client()
	gone, timed, unblocked, failed := blocked(t, s, "BLPOP", "k", "0"), blocked(t, s, "BLPOP", "k", "0.05"),
		blocked(t, s, "BLPOP", "k", "j", "0"), blocked(t, s, "BLMOVE", "k", "d", "LEFT", "LEFT", "0")
	last := blocked(t, s, "BLPOP", "j", "k", "0")
	if n := s.WaitersOf("k"); n != 5 {
		t.Fatalf("%d wait", n)
	}
	if got := infoLine(t, pusher, "clients", "blocked_clients"); got != "5" {
		t.Errorf("blocked_clients is %s", got)
	}
	if got := pusher.Do("CLIENT", "LIST", "ID", fmt.Sprint(last.ID)); !strings.Contains(got, " flags=b ") || !strings.Contains(got, " cmd=blpop ") {
		t.Error(got)
	}
	s.EndSession(gone.Session)
	hungUp := blocked(t, s, "BLPOP", "k", "0")
	hungUp.Link.HungUp.Store(true)
	s.Host.Advance(50 * time.Millisecond) // its turn comes after the push
	for id, how := range map[int64]string{unblocked.ID: "TIMEOUT", failed.ID: "ERROR"} {
		if got := pusher.Do("CLIENT", "UNBLOCK", fmt.Sprint(id), how); got != ":1\r\n" {
			t.Fatal(got)
		}
	}
	pusher.Do("RPUSH", "k", "x")
	if got := pusher.Do("CLIENT", "UNBLOCK", fmt.Sprint(last.ID)); got != ":0\r\n" {
		t.Errorf("a client that was served is unblocked: %q", got)
	}
	for _, end := range []struct {
		c    *enginetest.Client
		want string
	}{
		{timed, "*-1\r\n"}, {unblocked, "*-1\r\n"}, {failed, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"},
		{last, "*2\r\n$1\r\nk\r\n$1\r\nx\r\n"},
	} {
		if got := end.c.Go(); got != end.want {
			t.Errorf("%q, not %q", got, end.want)
		}
	}
	if got := pusher.Do("EXISTS", "k", "j", "d"); got != ":0\r\n" {
		t.Errorf("keys are left: %q", got)
	}
	pusher.Do("RPUSH", "k", "y")
	if got := pusher.Do("LPOP", "k"); got != "$1\r\ny\r\n" || hungUp.Link.Woken.Load() != 0 {
		t.Errorf("a client that has hung up is served: %q is left", got)
	}
	s.EndSession(hungUp.Session)
	for _, key := range []string{"k", "j"} {
		if n := s.WaitersOf(key); n != 0 {
			t.Errorf("%d still wait for %s", n, key)
		}
	}
	if got := infoLine(t, pusher, "clients", "blocked_clients"); got != "0" {
		t.Errorf("blocked_clients is %s", got)
	}
}

// TestBlockedAtAChangeOfRole: a client that is blocked is told, as by Redis's
// replicas; one that was served before is not, and its reply rests on the epoch it was
// served in.
func TestBlockedAtAChangeOfRole(t *testing.T) {
	s := enginetest.NewEngine(t)
	lead := enginetest.ThreeNodes(1, 1)
	lead.Epoch = 4
	s.Cluster.SetView(lead)
	waits, served, late := blocked(t, s, "BLPOP", "k", "0"), blocked(t, s, "BLPOP", "j", "0"), blocked(t, s, "BLPOP", "k", "0")
	s.ReplicaAcked()
	if waits.Link.Woken.Load() != 0 {
		t.Error("an acknowledgement woke a client that waits for a list")
	}
	s.Client().Do("RPUSH", "j", "x")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	s.ReplicaAcked()
	if got := waits.Go(); !strings.HasPrefix(got, "-UNBLOCKED force unblock") || !waits.CloseAfterReply {
		t.Errorf("deposed: %q", got)
	}
	if got := served.Go(); got != "*2\r\n$1\r\nj\r\n$1\r\nx\r\n" || served.LeaderEpoch != 4 {
		t.Errorf("served before: %q in epoch %d", got, served.LeaderEpoch)
	}
	// A record of the new leader serves nobody here.
	if err := s.NewApplier().Apply(enginetest.Raw("RPUSH", "k", "x")); err != nil {
		t.Fatal(err)
	}
	lead.Epoch = 9
	s.Cluster.SetView(lead)
	if got := late.Go(); !strings.HasPrefix(got, "-UNBLOCKED force unblock") {
		t.Errorf("a client that has missed it: %q", got)
	}
	if n := s.WaitersOf("k"); n != 0 {
		t.Errorf("%d still wait", n)
	}
	if got := s.Client().Do("LLEN", "k"); got != ":1\r\n" {
		t.Errorf("the list: %q", got)
	}
}

// TestALogDoesNotWait: nobody writes a blocking command into a log, and a log that
// holds one all the same blocks nobody.
func TestALogDoesNotWait(t *testing.T) {
	s := enginetest.NewEngine(t)
	a := s.NewApplier()
	for _, rec := range [][]string{{"BLPOP", "k", "0"}, {"BLMOVE", "k", "d", "LEFT", "LEFT", "0"}, {"RPUSH", "k", "x"}} {
		if err := a.Apply(enginetest.Raw(rec...)); err != nil {
			t.Fatal(err)
		}
	}
	s.Client().Do("RPUSH", "d", "x")
	if got := s.Client().Do("LLEN", "k"); got != ":1\r\n" || s.WaitersOf("k") != 0 {
		t.Errorf("%q, %d wait", got, s.WaitersOf("k"))
	}
}

// TestHeldAndBlocked: a pause holds a blocking command before it begins, and it
// blocks afterwards.
func TestHeldAndBlocked(t *testing.T) {
	s := enginetest.NewEngine(t)
	other := s.Client()
	other.Do("CLIENT", "PAUSE", "50", "WRITE")
	c := blocked(t, s, "BLPOP", "k", "0")
	if n := s.WaitersOf("k"); n != 0 {
		t.Fatalf("%d wait in a pause", n)
	}
	s.Host.Advance(51 * time.Millisecond)
	if got := c.Go(); got != "" || s.WaitersOf("k") != 1 {
		t.Fatalf("after the pause: %q, %d wait", got, s.WaitersOf("k"))
	}
	other.Do("RPUSH", "k", "x")
	if got := c.Go(); got != "*2\r\n$1\r\nk\r\n$1\r\nx\r\n" {
		t.Fatal(got)
	}
}

// TestManyMovers: moves to everywhere, more of them than are looked at one by
// one, and chains over more keys.
func TestManyMovers(t *testing.T) {
	s := enginetest.NewEngine(t)
	pusher := s.Client()
	var all []*enginetest.Client
	const n = 150
	for i := range n {
		all = append(all, blocked(t, s, "BLMOVE", "src", fmt.Sprint("dst", i), "LEFT", "RIGHT", "0"))
	}
	push := []string{"RPUSH", "src"}
	for i := range n {
		push = append(push, fmt.Sprint(i))
	}
	pusher.Do(push...)
	for i, c := range all {
		want := fmt.Sprint(i)
		if got := c.Go(); got != fmt.Sprintf("$%d\r\n%s\r\n", len(want), want) {
			t.Fatalf("mover %d: %q", i, got)
		}
		if got := pusher.Do("LRANGE", "dst"+want, "0", "-1"); got != fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", len(want), want) {
			t.Fatalf("destination %d: %q", i, got)
		}
	}
	all = nil
	for i := range n {
		all = append(all, blocked(t, s, "BLMOVE", fmt.Sprint("chain", i), fmt.Sprint("chain", i+1), "LEFT", "RIGHT", "0"))
	}
	pusher.Do("RPUSH", "chain0", "goes")
	for i, c := range all {
		if got := c.Go(); got != "$4\r\ngoes\r\n" {
			t.Fatalf("chain %d: %q", i, got)
		}
	}
	if got := pusher.Do("LRANGE", fmt.Sprint("chain", n), "0", "-1"); got != "*1\r\n$4\r\ngoes\r\n" {
		t.Error(got)
	}
}

// TestNothingIsLostBetweenSessions: producers, consumers that block and movers work
// side by side; every element comes out once, those of one producer in order.
func TestNothingIsLostBetweenSessions(t *testing.T) {
	const producers, each, consumers = 3, 800, 4
	s := enginetest.NewEngine(t)
	var mu sync.Mutex
	got := map[string]int{}
	var work, eat sync.WaitGroup
	for p := range producers {
		c := s.Client()
		work.Go(func() {
			for i := range each {
				c.Do("RPUSH", fmt.Sprint("in", p), fmt.Sprintf("%d:%d", p, i))
			}
		})
		mover := s.Client()
		work.Go(func() {
			for range each {
				mover.Do("BLMOVE", fmt.Sprint("in", p), "out", "LEFT", "RIGHT", "0")
				await(mover)
			}
		})
	}
	for range consumers {
		c := s.Client()
		eat.Go(func() {
			last := map[string]int{}
			for {
				reply := c.Do("BLPOP", "out", "stop", "0")
				reply += await(c)
				el := enginetest.Elements(reply)
				if el[0] == "stop" {
					return
				}
				var p, i int
				if _, err := fmt.Sscanf(el[1], "%d:%d", &p, &i); err != nil {
					t.Error(err)
				}
				from := fmt.Sprint(p)
				if before, seen := last[from]; seen && i <= before {
					t.Errorf("%s after %d", el[1], before)
				}
				last[from] = i
				mu.Lock()
				got[el[1]]++
				mu.Unlock()
			}
		})
	}
	work.Wait()
	c := s.Client()
	for range consumers {
		c.Do("RPUSH", "stop", "x")
	}
	eat.Wait()
	if len(got) != producers*each {
		t.Errorf("%d elements came out of %d", len(got), producers*each)
	}
	for el, n := range got {
		if n != 1 {
			t.Errorf("%s came %d times", el, n)
		}
	}
	follower := enginetest.NewEngine(t)
	a := follower.NewApplier()
	for _, rec := range s.Log.Records() {
		if err := a.Apply(rec.Args); err != nil {
			t.Fatal(err)
		}
	}
	if left := append(follower.Dump(), s.Dump()...); len(left) != 0 {
		t.Errorf("keys are left: %q", left)
	}
}

// await lets a parked client go on until it has its reply.
func await(c *enginetest.Client) (reply string) {
	for c.Parked() {
		reply = c.Go()
		time.Sleep(10 * time.Microsecond)
	}
	return reply
}
