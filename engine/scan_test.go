package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// keysIn sets n keys that lie in one shard each, and returns them.
func keysIn(s *enginetest.Server, c *enginetest.Client, shard, n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprint("k", i); s.ShardOf(key) == shard {
			c.Do("SET", key, "v")
			keys = append(keys, key)
		}
	}
	return keys
}

// TestWalksLockOneShardAtATime: with a shard locked by another command, only what
// has to look into it waits.
func TestWalksLockOneShardAtATime(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	key := keysIn(s, c, 0, 100)[0]
	last := 15
	within := func(what string, done <-chan string) string {
		t.Helper()
		select {
		case got := <-done:
			return got
		case <-time.After(30 * time.Second):
			t.Fatalf("%s waits for a shard that it does not look at", what)
			return ""
		}
	}
	start := func(args ...string) <-chan string {
		d, done := s.Client(), make(chan string, 1)
		go func() { done <- d.Do(args...) }()
		return done
	}
	unlock := s.LockShard(last)
	if got := within("SCAN", start("SCAN", "0", "COUNT", "5")); !strings.HasPrefix(got, "*2\r\n") {
		t.Errorf("SCAN: %q", got)
	}
	if got := within("RANDOMKEY", start("RANDOMKEY")); !strings.HasPrefix(got, "$") || got == "$-1\r\n" {
		t.Errorf("RANDOMKEY: %q", got)
	}
	if got := within("DBSIZE", start("DBSIZE")); got != ":100\r\n" {
		t.Errorf("DBSIZE: %q", got)
	}
	var waiting []<-chan string
	for _, args := range [][]string{{"KEYS", "*"}, {"SCAN", "0", "COUNT", "1000"}} {
		waiting = append(waiting, start(args...))
	}
	for range 100 {
		if got := within("GET", start("GET", key)); got != "$1\r\nv\r\n" {
			t.Fatalf("GET: %q", got)
		}
	}
	unlock()
	for i, prefix := range []string{"*100\r\n", "*2\r\n$1\r\n0\r\n*100\r\n"} {
		if got := within("a walk", waiting[i]); !strings.HasPrefix(got, prefix) {
			t.Errorf("%q, not %q", got, prefix)
		}
	}
}

// A turningCluster changes something at one of the looks at the cluster's view,
// of which a walk takes some in every shard.
type turningCluster struct {
	*enginetest.Cluster
	left int
	turn func()
}

func (c *turningCluster) View() *engine.View {
	if c.left--; c.left == 0 {
		c.turn()
	}
	return c.Cluster.View()
}

// TestWalkIsInterrupted: whatever comes between two shards, a walk's reply is made
// of one state and says what it rests on.
func TestWalkIsInterrupted(t *testing.T) {
	start := func() (*enginetest.Server, *turningCluster, *enginetest.Client) {
		var turning *turningCluster
		s := enginetest.NewEngine(t, func(o *engine.Options) {
			turning = &turningCluster{Cluster: o.Cluster.(*enginetest.Cluster)}
			o.Cluster = turning
		})
		turning.SetView(enginetest.ThreeNodes(1, 1))
		c := s.Client()
		for i := range 100 {
			c.Do("SET", strconv.Itoa(i), "v")
		}
		return s, turning, c
	}
	for _, walk := range []struct {
		name, whole string
		last        int // look that it takes
	}{{"KEYS *", "*100\r\n", 30}, {"DBSIZE", ":100\r\n", 3}, {"SCAN 0 COUNT 1000", "*2\r\n$1\r\n0\r\n*100\r\n", 30}} {
		args := strings.Fields(walk.name)
		for look := 3; look <= walk.last; look += 9 {
			s, turning, c := start()
			turning.left, turning.turn = look, func() { turning.SetView(enginetest.ThreeNodes(1, 3)) }
			s.Config.FollowerReads.Set(config.FollowerReadsNo)
			c.LeaderEpoch, c.Barrier = 0, 0
			if got := c.Do(args...); got != "-MOVED 0 10.0.0.3:7000\r\n" || c.LeaderEpoch != 0 || c.Barrier != 0 {
				t.Errorf("%s, deposed at look %d: %q, epoch %d, barrier %d", walk.name, look, got, c.LeaderEpoch, c.Barrier)
			}

			s, turning, c = start()
			turning.left, turning.turn = look, func() { s.HoldData(300 * time.Millisecond) }
			c.LeaderEpoch, c.Barrier = 0, 0
			if got := c.Do(args...); got != "" {
				t.Errorf("%s, data held at look %d: %q", walk.name, look, got)
			}
			s.ReleaseData()
			if got := c.Go(); !strings.HasPrefix(got, walk.whole) || c.Barrier != s.Log.End() {
				t.Errorf("%s, released: %q, barrier %d, the log ends at %d", walk.name, got, c.Barrier, s.Log.End())
			}
		}
	}
}

// TestEmptyDatabaseHasNoRandomKey: that takes no look into every shard.
func TestEmptyDatabaseHasNoRandomKey(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("MSET", "a", "1", "b", "2", "c", "3", "d", "4")
	c.Do("DEL", "a", "b", "c", "d")
	c.Barrier = 0
	defer s.LockShard(15)()
	if got := c.Do("RANDOMKEY"); got != "$-1\r\n" || c.Barrier != s.Log.End() {
		t.Errorf("RANDOMKEY: %q, barrier %d, the log ends at %d", got, c.Barrier, s.Log.End())
	}
}

// TestDBSizeKnowsEveryWrite: DBSIZE counts what shards have noted, so whatever adds or
// removes keys must note it, and rests on its record.
func TestDBSizeKnowsEveryWrite(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, waiting, queued := s.Client(), s.Client(), false
	for i := range 40 {
		c.Do("SET", fmt.Sprint("k", i), "v", "PX", "1000")
	}
	for _, line := range []string{
		"SET a 1", "MSET b 1 c 1 d 1 e 1", "DEL a b", "UNLINK c", "RENAME d dd", "COPY dd ddd", "COPY dd x DB 1", "MOVE ddd 1",
		"RPUSH l a b", "LMOVE l m LEFT LEFT", "LPOP l", "SADD s a", "SPOP s", "SADD s a b", "SUNIONSTORE t s", "HSET h a 1", "HDEL h a",
		"ZADD z 1 a", "ZPOPMIN z", "XADD st * a 1", "SETEX f 100 v", "GETDEL f", "GETEX e PXAT 1", "SET g v PX 1", "INCR n", "SORT t ALPHA STORE u",
		"EVAL return(redis.call('mset',KEYS[1],'1',KEYS[2],'2')) 2 s1 s2", "EVAL return(redis.call('select','2'))or(redis.call('set','q','1')) 0",
		"MULTI", "SET m1 1", "SELECT 1", "SET m2 1", "SELECT 0", "EXEC", "PUSH", "SWAPDB 0 1", "FLUSHDB", "SWAPDB 0 1", "EXPIRE", "EVICT", "RPUSH last 1", "MULTI", "FLUSHALL", "SET z 1", "EXEC", "FLUSHALL",
	} {
		switch line {
		case "PUSH":
			waiting.Do("BLMOVE", "from", "to", "LEFT", "LEFT", "0")
			c.Do("RPUSH", "from", "a")
			waiting.Go()
		case "EXPIRE":
			s.Host.Advance(2 * time.Second)
			c.Do("GET", "k0") // a look deletes what is past its time
			s.ExpireCycle(1000)
		case "EVICT":
			s.Config.MaxMemoryPolicy.Set(config.AllKeysLRU)
			s.Config.MaxMemory.Set(1)
			c.Do("SET", "evicts", "all")
			s.Config.MaxMemory.Set(0)
		default:
			c.Do(strings.Fields(line)...)
		}
		if queued = (queued || line == "MULTI") && line != "EXEC"; queued {
			continue
		}
		for db := range 3 {
			c.Do("SELECT", strconv.Itoa(db))
			want, _ := s.DBSize(db)
			c.Barrier = 0
			if got := c.Do("DBSIZE"); got != fmt.Sprintf(":%d\r\n", want) || c.Barrier != s.Log.End() {
				t.Errorf("after %s, database %d: %q, want %d; barrier %d, the log ends at %d", line, db, got, want, c.Barrier, s.Log.End())
			}
		}
		c.Do("SELECT", "0")
	}
}
