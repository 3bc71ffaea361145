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
	var waiting []<-chan string
	for _, args := range [][]string{{"KEYS", "*"}, {"DBSIZE"}, {"SCAN", "0", "COUNT", "1000"}} {
		waiting = append(waiting, start(args...))
	}
	for range 100 {
		if got := within("GET", start("GET", key)); got != "$1\r\nv\r\n" {
			t.Fatalf("GET: %q", got)
		}
	}
	unlock()
	for i, prefix := range []string{"*100\r\n", ":100\r\n", "*2\r\n$1\r\n0\r\n*100\r\n"} {
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
	for _, walk := range []struct{ name, whole string }{{"KEYS *", "*100\r\n"}, {"DBSIZE", ":100\r\n"}, {"SCAN 0 COUNT 1000", "*2\r\n$1\r\n0\r\n*100\r\n"}} {
		args := strings.Fields(walk.name)
		for look := 3; look <= 30; look += 9 {
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
