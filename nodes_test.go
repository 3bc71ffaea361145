package regent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
	"regent/engine/config"
	"regent/integration/harness/ports"
)

// nodes are a cluster of servers in this process, each on a disk of its own.
type nodes []*testServer

// beginNodes starts a node on each disk, and waits until one leads and the others follow.
func beginNodes(t *testing.T, disks []disk.FS, lines ...string) nodes {
	t.Helper()
	var peers []string
	var at []int
	for range disks {
		port, err := ports.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		at, peers = append(at, port), append(peers, fmt.Sprint("127.0.0.1:", port))
	}
	var all nodes
	for i, fs := range disks {
		dir := t.TempDir()
		cfg := config.New()
		conf := append([]string{
			fmt.Sprint("port ", at[i]), "peers " + strings.Join(peers, ","), "takeover manual", "save \"\"", "hz 100",
			"dir " + dir, "logfile " + filepath.Join(dir, "log"), debugging,
		}, lines...)
		if err := config.Parse(cfg, strings.Join(conf, "\n"), "test"); err != nil {
			t.Fatal(err)
		}
		s, err := New(Options{Config: cfg, Disk: fs})
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
			if v := ts.peers.View(); v.LinkUp && !v.Leading && !v.Recovering && ts.aof.Failing() == nil {
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
		return want[0] == want[1] && want[1] == want[2]
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
				var disks []disk.FS
				for i := range broken {
					fs := disktest.New()
					fs.Fault(func(op disktest.Op) (int, error) {
						if broken[i].Load() && op.Kind == "sync" && op.Name != "temp-cluster.state" {
							return 0, errors.New("input/output error")
						}
						return 0, nil
					})
					disks = append(disks, fs)
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
					return ns[bad].aof.Failing() != nil
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
