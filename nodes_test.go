package regent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
	"regent/engine"
	"regent/engine/config"
	"regent/integration/harness/ports"
	"regent/node/machine"
)

// nodes are a cluster of servers in this process, each on a disk of its own.
type nodes []*testServer

// beginNodes starts a node with each disk and clock, and waits until one leads and the
// others follow.
func beginNodes(t *testing.T, surroundings []Options, lines ...string) nodes {
	t.Helper()
	var peers []string
	var at []int
	for range surroundings {
		port, err := ports.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		at, peers = append(at, port), append(peers, fmt.Sprint("127.0.0.1:", port))
	}
	var all nodes
	for i, o := range surroundings {
		dir := t.TempDir()
		cfg := config.New()
		conf := append([]string{
			fmt.Sprint("port ", at[i]), "peers " + strings.Join(peers, ","), "takeover manual", "save \"\"", "hz 100",
			"dir " + dir, "logfile " + filepath.Join(dir, "log"), debugging,
		}, lines...)
		if err := config.Parse(cfg, strings.Join(conf, "\n"), "test"); err != nil {
			t.Fatal(err)
		}
		o.Config = cfg
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ts := &testServer{Server: s, t: t, addr: peers[i], stop: stop, done: make(chan error, 1)}
		go func() { ts.done <- s.Run(ctx) }()
		t.Cleanup(ts.end)
		t.Cleanup(func() {
			if text, err := os.ReadFile(filepath.Join(dir, "log")); t.Failed() && err == nil {
				t.Logf("%s\n%s", ts.addr, text)
			}
		})
		all = append(all, ts)
	}
	all.whole()
	return all
}

// leader waits until a node leads.
func (ns nodes) leader() (leader *testServer) {
	ns[0].t.Helper()
	ns[0].until("somebody leads", func() bool {
		for _, ts := range ns {
			if ts.leads() {
				leader = ts
				return true
			}
		}
		return false
	})
	return leader
}

func (ts *testServer) leads() bool {
	v := ts.peers.View()
	return v.Leading && ts.peers.Leads()
}

// whole waits until all but the leader follow it, with all their votes.
func (ns nodes) whole() {
	ns[0].t.Helper()
	ns[0].until("all follow", func() bool {
		following := 0
		for _, ts := range ns {
			if v := ts.peers.View(); v.LinkUp && !v.Leading && !v.Recovering && ts.data.Log().Failing() == nil {
				following++
			}
		}
		return following == len(ns)-1
	})
}

// agree waits until all nodes hold the same keys.
func (ns nodes) agree() {
	ns[0].t.Helper()
	var want []string
	ns[0].until("all hold the same", func() bool {
		want = want[:0]
		for _, ts := range ns {
			got, err := ts.client().Do(ts.t.Context(), "DEBUG", "DIGEST").Text()
			if err != nil {
				return false
			}
			want = append(want, got)
		}
		return !slices.ContainsFunc(want, func(digest string) bool { return digest != want[0] })
	})
}

// write writes at the leader, whichever node that is.
func (ns nodes) write(key, value string) {
	ns[0].t.Helper()
	ns[0].until("a write is answered", func() bool {
		return ns.leader().client().Set(ns[0].t.Context(), key, value, 0).Err() == nil
	})
}

// TestANodeMakesItsLogAnew: a node whose log can't be synced gives up leading, and says nothing
// more of its log. When the disk works again it gets a full copy from the leader and is
// a voter as before, without a restart.
func TestANodeMakesItsLogAnew(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		for _, what := range []string{"leader", "follower"} {
			t.Run(policy+"/"+what, func(t *testing.T) {
				var broken [3]atomic.Bool
				var disks []Options
				for i := range broken {
					fs := disktest.New()
					fs.Fault(func(op disktest.Op) (int, error) {
						if broken[i].Load() && op.Kind == "sync" && op.Name != "temp-cluster.state" {
							return 0, errors.New("input/output error")
						}
						return 0, nil
					})
					disks = append(disks, Options{Disk: fs})
				}
				ns := beginNodes(t, disks, "appendfsync "+policy)
				ns.write("a", "1")
				leader := ns.leader()
				bad := -1
				for i, ts := range ns {
					if (ts == leader) == (what == "leader") {
						bad = i
					}
				}
				broken[bad].Store(true)
				ns[bad].until("the log fails", func() bool {
					if what == "leader" {
						c := ns[bad].client()
						defer c.Close()
						ctx, stop := context.WithTimeout(t.Context(), time.Second)
						defer stop()
						_ = c.Set(ctx, "during", "the failure", 0).Err()
					} else {
						ns.write("during", "the failure")
					}
					return ns[bad].data.Log().Failing() != nil
				})
				ns.write("b", "2")
				if ns[bad].leads() {
					t.Error("a node whose log has failed leads")
				}
				broken[bad].Store(false)
				ns.write("c", "3")
				ns.whole()
				ns.write("d", "4")
				ns.agree()
				// It is a voter again: without one of the others there is a majority.
				for i, ts := range ns {
					if i != bad && ts != ns.leader() {
						ts.end()
						break
					}
				}
				ns.write("e", "5")
			})
		}
	}
}

// TestOneOfTwoLogsFails: of two nodes one can't sync its log. Nothing can be committed without
// it, but it has a vote: the other leads, and when the disk works again the first gets a full
// copy from it, without a restart.
func TestOneOfTwoLogsFails(t *testing.T) {
	for _, what := range []string{"leader", "follower"} {
		t.Run(what, func(t *testing.T) {
			var broken [2]atomic.Bool
			var disks []Options
			for i := range broken {
				fs := disktest.New()
				fs.Fault(func(op disktest.Op) (int, error) {
					if broken[i].Load() && op.Kind == "sync" && op.Name != "temp-cluster.state" {
						return 0, errors.New("input/output error")
					}
					return 0, nil
				})
				disks = append(disks, Options{Disk: fs})
			}
			ns := beginNodes(t, disks, "appendfsync always")
			ns.write("a", "1")
			leader := ns.leader()
			epoch := leader.peers.View().Epoch
			bad := 0
			if (ns[0] == leader) != (what == "leader") {
				bad = 1
			}
			broken[bad].Store(true)
			ns[bad].until("the log fails", func() bool {
				ctx, stop := context.WithTimeout(t.Context(), time.Second)
				defer stop()
				_ = leader.client().Set(ctx, "during", "the failure", 0).Err()
				return ns[bad].data.Log().Failing() != nil
			})
			other := ns[1-bad]
			if ns[bad].leads() {
				t.Error("a node whose log has failed leads")
			}
			if what == "leader" {
				other.until("the other is elected", func() bool { return other.peers.View().Epoch > epoch })
			}
			broken[bad].Store(false)
			ns.write("b", "2")
			ns.whole()
			ns.agree()
			other.do("1", "GET", "a")
		})
	}
}

// stays is what a fault that concerns no lease leaves as it was.
type stays struct {
	leader *testServer
	epoch  int64
}

func (ns nodes) stays() stays {
	l := ns.leader()
	return stays{l, l.peers.View().Epoch}
}

// TestSlowFsyncs: with appendfsync always and a disk on one node on which each fsync takes its
// time, the log's and the state file's, nobody else is elected and reads are answered.
//
//	REGENT_SOAK=1  go test -run TestSlowFsyncs -timeout 60m .   ten minutes of 50 ms each
func TestSlowFsyncs(t *testing.T) {
	delays := []time.Duration{500 * time.Millisecond, 50 * time.Millisecond, 5 * time.Millisecond}
	if os.Getenv("REGENT_SOAK") == "" {
		delays = delays[:1]
	}
	for _, delay := range delays {
		for _, where := range []string{"leader", "follower"} {
			t.Run(fmt.Sprint(delay, "/", where), func(t *testing.T) {
				length := 4 * delay
				var timeout []string // the default when nothing else is at work
				if os.Getenv("REGENT_SOAK") == "" {
					timeout = []string{"election-timeout 3000", "leader-lease 1500"} // a busy machine is no fault
				} else if delay == 50*time.Millisecond {
					length = 10 * time.Minute
				}
				slowFsyncs(t, delay, where == "leader", length, timeout)
			})
		}
	}
}

func slowFsyncs(t *testing.T, delay time.Duration, atLeader bool, length time.Duration, lines []string) {
	var slow [3]atomic.Int64 // ns
	var os []Options
	for i := range slow {
		os = append(os, Options{Disk: disktest.Slow{FS: disk.OS{}, Sync: func(string) { time.Sleep(time.Duration(slow[i].Load())) }}})
	}
	ns := beginNodes(t, os, append(lines, "appendfsync always")...)
	ns.write("old", "0") // which shares no mark with what is written
	was := ns.stays()
	for i, ts := range ns {
		if (ts == was.leader) == atLeader {
			slow[i].Store(int64(delay))
			break
		}
	}
	done := make(chan struct{})
	writes := make(chan int)
	go func() {
		c, n := was.leader.client(), 0
		defer func() { writes <- n }()
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := c.Set(context.Background(), "new0", n, 0).Err(); err != nil {
				t.Errorf("a write: %v", err)
				return
			}
			n++
		}
	}()
	var reads int
	var longest time.Duration
	c := was.leader.client()
	for began := time.Now(); time.Since(began) < length; reads++ {
		asked := time.Now()
		if got, err := c.Get(t.Context(), "old").Result(); err != nil || got != "0" {
			t.Fatalf("a read: %q, %v", got, err)
		}
		longest = max(longest, time.Since(asked))
		time.Sleep(time.Millisecond)
	}
	close(done)
	n := <-writes
	if is := ns.stays(); is != was {
		t.Errorf("epoch %d and then %d", was.epoch, is.epoch)
	}
	if n == 0 {
		t.Error("nothing was written")
	}
	t.Logf("%d writes, %d reads in %v, the longest read %v", n, reads, length, longest.Round(time.Microsecond))
	for i := range slow {
		slow[i].Store(0)
	}
	ns.agree()
}

// A stepClock is the machine's clock, whose wall clock is set.
type stepClock struct {
	engine.Host
	ahead atomic.Int64 // ms
}

func (c *stepClock) Now() int64 { return c.Host.Now() + c.ahead.Load() }

// TestClockSteps: the wall clock of a node is set by hours, forth and back. Leases and
// elections do not look at it. A follower deletes nothing by it; at a leader what has
// its end by then is over, as in Redis, and nothing else is.
func TestClockSteps(t *testing.T) {
	var clocks [3]*stepClock
	var os []Options
	for i := range clocks {
		clocks[i] = &stepClock{Host: machine.NewHost(nil)}
		os = append(os, Options{Clock: clocks[i]})
	}
	ns := beginNodes(t, os, "election-timeout 3000", "leader-lease 1500")
	ns.write("stays", "1")
	was := ns.stays()
	var leads int
	for i, ts := range ns {
		if ts == was.leader {
			leads = i
		}
	}
	const hour = int64(time.Hour / time.Millisecond)
	set := func(key string, ttl int64) {
		t.Helper()
		if err := was.leader.client().Do(t.Context(), "SET", key, "v", "PX", ttl).Err(); err != nil {
			t.Fatal(err)
		}
	}
	same := func(when string) {
		t.Helper()
		ns.write("probe", when)
		if is := ns.stays(); is != was {
			t.Fatalf("%s: epoch %d and then %d", when, was.epoch, is.epoch)
		}
		if n, err := was.leader.client().Exists(t.Context(), "stays").Result(); n != 1 || err != nil {
			t.Fatalf("%s: a key without an end is gone: %v", when, err)
		}
	}
	exists := func(when, key string, want int64) {
		t.Helper()
		was.leader.until(when, func() bool {
			n, err := was.leader.client().Exists(t.Context(), key).Result()
			return err == nil && n == want
		})
	}
	set("short", hour)
	set("long", 20*hour)
	for _, step := range []int64{5 * hour, -5 * hour, 0} {
		clocks[(leads+1)%3].ahead.Store(step)
		same(fmt.Sprint("a follower's clock ", step/hour, " hours ahead"))
		exists("a follower's clock ends nothing", "short", 1)
	}
	ns.agree()
	clocks[leads].ahead.Store(-5 * hour)
	same("the leader's clock 5 hours back")
	exists("nothing ends when the clock goes back", "short", 1)
	set("fresh", hour)
	if ttl, err := was.leader.client().PTTL(t.Context(), "fresh").Result(); err != nil || ttl > time.Hour || ttl < time.Hour/2 {
		t.Errorf("an end in an hour is in %v: %v", ttl, err)
	}
	clocks[leads].ahead.Store(5 * hour)
	same("the leader's clock 5 hours ahead")
	exists("what has its end by then is over", "short", 0)
	exists("what has it later is not", "long", 1)
	clocks[leads].ahead.Store(0)
	same("the leader's clock is right again")
	exists("what was over stays over", "short", 0)
	exists("and the rest stays", "long", 1)
	ns.agree()
	// Whoever leads next, with a clock of its own.
	ns.leader().end()
	rest := nodes{ns[(leads+1)%3], ns[(leads+2)%3]}
	rest.write("after", "1")
	if n, err := rest.leader().client().Exists(t.Context(), "stays", "long", "short").Result(); n != 2 || err != nil {
		t.Errorf("%d of two keys are left: %v", n, err)
	}
}
