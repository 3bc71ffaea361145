package engine_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// do is c.Do for a command that may wait for room: the background works meanwhile.
func do(t *testing.T, s *enginetest.Server, c *enginetest.Client, args ...string) string {
	t.Helper()
	got := c.Do(args...)
	for rounds := 0; c.Parked(); rounds++ {
		if rounds == 100 {
			t.Fatalf("%.40q waits for ever", args)
		}
		s.Host.Advance(0)
		got = c.Go()
	}
	return got
}

// policies are those that evict; keys that do not expire are safe under half of them.
var policies = map[string]int64{
	"allkeys-lru": config.AllKeysLRU, "allkeys-lfu": config.AllKeysLFU, "allkeys-random": config.AllKeysRandom,
	"volatile-lru": config.VolatileLRU, "volatile-lfu": config.VolatileLFU, "volatile-random": config.VolatileRandom, "volatile-ttl": config.VolatileTTL,
}

// TestMaxMemoryIsKept: whatever the policy, the type and the size, memory is above the
// limit by one command's need at most, and the log says which keys went.
func TestMaxMemoryIsKept(t *testing.T) {
	const limit, small, large = 2 << 20, 10_000, 256 << 10
	big := strings.Repeat("x", large)
	fills := map[string]func(i int) []string{
		"strings": func(i int) []string { return []string{"SET", "big" + strconv.Itoa(i), big} },
		"appends": func(i int) []string { return []string{"APPEND", "big" + strconv.Itoa(i/4), big[:large/4]} },
		"lists":   func(i int) []string { return []string{"RPUSH", "big" + strconv.Itoa(i), big} },
		"sets":    func(i int) []string { return []string{"SADD", "big" + strconv.Itoa(i), big, "b", "c"} },
		"ranges":  func(i int) []string { return []string{"SETRANGE", "big" + strconv.Itoa(i), "200000", "x"} },
		"copies":  func(i int) []string { return []string{"COPY", "big", "big" + strconv.Itoa(i)} },
	}
	for name, policy := range policies {
		volatile := strings.HasPrefix(name, "volatile")
		for what, fill := range fills {
			t.Run(name+"/"+what, func(t *testing.T) {
				s := enginetest.NewEngine(t)
				s.Config.MaxMemory.Set(limit)
				s.Config.MaxMemoryPolicy.Set(policy)
				c := s.Client()
				put := func(args ...string) {
					t.Helper()
					if got := do(t, s, c, args...); strings.HasPrefix(got, "-") {
						t.Fatalf("%.40q: %q", args, got)
					}
					if used := s.UsedMemory(); used > limit+2*large {
						t.Fatalf("%.40q: %d bytes used of %d", args, used, limit)
					}
				}
				for i := range small {
					put("SET", "small"+strconv.Itoa(i), "x", "EX", "1000")
				}
				put("SET", "big", big[:large/2])
				for i := range 30 {
					args := fill(i)
					put(args...)
					if key := args[1]; volatile {
						if key == "big" { // COPY's source
							key = args[2]
						}
						put("EXPIRE", key, "2000")
					}
					if what == "copies" {
						put("SET", "big", big[:large/2])
					}
				}
				if !volatile {
					return
				}
				// What does not expire is safe, and in the end there is nothing left.
				var got string
				for i := 0; !strings.HasPrefix(got, "-OOM "); i++ {
					if i > 100 {
						t.Fatal("there is room for ever")
					}
					got = do(t, s, c, "SET", "safe"+strconv.Itoa(i), big)
				}
				if n := c.Do("EXISTS", "safe0", "safe1", "safe2", "safe3"); n != ":4\r\n" {
					t.Errorf("of four that do not expire %s", n)
				}
				if used := s.UsedMemory(); used > limit+2*large {
					t.Errorf("%d bytes used of %d", used, limit)
				}
			})
		}
	}
}

// TestEvictionIsInTheLog: a follower that applies the log has what the leader has.
func TestEvictionIsInTheLog(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			s := enginetest.NewEngine(t)
			s.Config.MaxMemory.Set(200 << 10)
			s.Config.MaxMemoryPolicy.Set(policy)
			c := s.Client()
			for i := range 5000 {
				if i%1000 == 0 {
					c.Do("SELECT", strconv.Itoa(i/1000%2*3))
				}
				do(t, s, c, "SET", "k"+strconv.Itoa(i), strings.Repeat("v", 60), "PX", "100000000")
				if i%7 == 0 {
					do(t, s, c, "RPUSH", "l"+strconv.Itoa(i), "a", "b")
				}
			}
			evicted := infoLine(t, c, "stats", "evicted_keys")
			if evicted == "0" {
				t.Fatal("nothing was evicted")
			}
			follower := enginetest.NewEngine(t)
			a := follower.NewApplier()
			dels := 0
			for _, r := range s.Log.Records() {
				if string(r.Args[0]) == "DEL" {
					dels++
				}
				a.SetDB(r.DB)
				if err := a.Apply(r.Args); err != nil {
					t.Fatal(err)
				}
			}
			if strconv.Itoa(dels) != evicted {
				t.Errorf("%d deletions in the log, %s evicted", dels, evicted)
			}
			if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
				t.Errorf("the follower has %d keys, the leader %d", len(got), len(want))
			}
			if used := s.UsedMemory(); used > 210<<10 {
				t.Errorf("%d bytes are used", used)
			}
		})
	}
}

// TestNothingIsEvictedInAPause, although the background had been asked to make room before it.
func TestNothingIsEvictedInAPause(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.MaxMemoryPolicy.Set(config.AllKeysRandom)
	c := s.Client()
	for i := range 1000 {
		c.Do("SET", strconv.Itoa(i), strings.Repeat("v", 60))
	}
	s.Config.MaxMemory.Set(s.UsedMemory() / 2)
	s.Maintain() // asks the background
	if got := c.Do("CLIENT", "PAUSE", "60000", "WRITE"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	end := s.Log.End()
	s.Host.Advance(0)
	if got := c.Do("DBSIZE"); got != ":1000\r\n" || s.Log.End() != end {
		t.Errorf("in the pause: %q keys of 1000, and %d bytes went into the log", got, s.Log.End()-end)
	}
	c.Do("CLIENT", "UNPAUSE")
	s.Maintain()
	s.Host.Advance(0)
	if got := c.Do("DBSIZE"); got == ":1000\r\n" {
		t.Error("after the pause nothing is evicted")
	}
}

// TestLimitLoweredAtRest: nobody has to write for a new limit to hold.
func TestLimitLoweredAtRest(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.MaxMemoryPolicy.Set(config.AllKeysLRU)
	c := s.Client()
	for i := range 20_000 {
		c.Do("SET", "k"+strconv.Itoa(i), "v")
	}
	limit := s.UsedMemory() / 4
	s.Config.MaxMemory.Set(limit)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3)) // a follower holds what its leader holds
	s.Maintain()
	s.Host.Advance(0)
	if used := s.UsedMemory(); used <= limit {
		t.Fatalf("a follower evicts: %d bytes", used)
	}
	s.Cluster.SetView(engine.View{Leading: true, NodeID: 1, LeaderID: 1})
	c.Do("CLIENT", "PAUSE", "1000", "WRITE")
	s.Maintain()
	s.Host.Advance(0)
	if used := s.UsedMemory(); used <= limit {
		t.Fatalf("evicts in a pause: %d bytes", used)
	}
	if got := c.Do("SET", "k", "v"); got != "" || !c.Parked() {
		t.Fatalf("a write in a pause: %q", got)
	}
	s.Host.Advance(1001 * time.Millisecond)
	for i := 0; c.Parked(); i++ {
		if i == 100 {
			t.Fatal("waits for ever")
		}
		s.Host.Advance(0)
		c.Go()
	}
	s.Maintain()
	s.Host.Advance(0)
	if used := s.UsedMemory(); used > limit {
		t.Errorf("%d bytes used of %d", used, limit)
	}
}

// TestSmallLimit: 100 kB above what an empty server uses hold some hundred keys, for
// every policy, and writes go on.
func TestSmallLimit(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			s := enginetest.NewEngine(t)
			c := s.Client()
			c.Do("SELECT", "9")
			limit := s.UsedMemory() + 100<<10
			s.Config.MaxMemory.Set(limit)
			s.Config.MaxMemoryPolicy.Set(policy)
			for i := range 2000 {
				if got := do(t, s, c, "SETEX", "key:"+strconv.Itoa(i), "10000", "x"); got != "+OK\r\n" {
					t.Fatalf("key %d: %q", i, got)
				}
			}
			if n, _ := strconv.Atoi(strings.TrimSpace(c.Do("DBSIZE")[1:])); n < 500 {
				t.Errorf("%d keys in 100 kB", n)
			}
			if used := s.UsedMemory(); used > limit+1000 {
				t.Errorf("%d bytes used of %d", used, limit)
			}
		})
	}
}

// TestEvictsTheLeast: of few keys too the one that goes is the oldest, or the rarest.
func TestEvictsTheLeast(t *testing.T) {
	for _, name := range []string{"allkeys-lru", "allkeys-lfu", "volatile-lru", "volatile-lfu", "volatile-ttl"} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.NewEngine(t)
			s.Config.MaxMemoryPolicy.Set(policies[name])
			s.Config.MaxMemorySamples.Set(64)
			c := s.Client()
			const keys = 8
			for i := range keys {
				c.Do("SET", "k"+strconv.Itoa(i), strings.Repeat("x", 1000), "EX", strconv.Itoa(1000+i))
			}
			s.Host.Advance(100 * time.Second)
			for i := range keys {
				for range 20 * i { // more and more
					c.Do("GET", "k"+strconv.Itoa(i))
				}
				s.Host.Advance(2 * time.Second)
			}
			s.Config.MaxMemory.Set(s.UsedMemory() - 2*1000)
			s.Maintain()
			s.Host.Advance(0)
			left := ""
			for i := range keys {
				if c.Do("EXISTS", "k"+strconv.Itoa(i)) == ":1\r\n" {
					left += strconv.Itoa(i)
				}
			}
			// How often a key was used is counted by chance.
			if !strings.HasSuffix(left, "34567") || len(left) > 6 || !strings.HasSuffix(name, "lfu") && left != "234567" {
				t.Errorf("left are %s", left)
			}
		})
	}
}
