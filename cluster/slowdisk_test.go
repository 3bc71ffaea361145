package cluster_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// A gateDisk is a disk whose fsyncs wait while it is shut.
type gateDisk struct {
	mu    sync.Mutex
	shut  chan struct{} // nil: open
	waits atomic.Int64  // fsyncs that wait
}

func (x *node) onGateDisk() *gateDisk {
	g := &gateDisk{}
	x.disk = disktest.Slow{FS: disk.OS{}, Sync: func(string) { g.pass() }}
	return g
}

// pass waits while the gate is shut.
func (g *gateDisk) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		g.waits.Add(1)
		<-shut
		g.waits.Add(-1)
	}
}

func (g *gateDisk) close() (open func()) {
	shut := make(chan struct{})
	g.mu.Lock()
	g.shut = shut
	g.mu.Unlock()
	return sync.OnceFunc(func() {
		g.mu.Lock()
		g.shut = nil
		g.mu.Unlock()
		close(shut)
	})
}

// epochOf is the epoch in which a node is.
func (x *node) epochOf() int64 { return x.cluster.View().Epoch }

// maxTries is how often a leader may be replaced while its disk waits before that is called
// the disk's fault: a machine with other things to do replaces one now and then.
const maxTries = 20

// TestFsyncOfALeader: a leader whose state file is not synced for several election
// timeouts leads on, and answers.
func TestFsyncOfALeader(t *testing.T) {
	w := newNetwork(t, 3)
	gates := map[*node]*gateDisk{}
	for _, x := range w.nodes {
		gates[x] = x.onGateDisk()
		x.config.AppendFsync.Set(config.FsyncAlways)
	}
	w.start()
	for tries := 0; ; tries++ {
		leader := w.leader()
		leader.must("SET", "k", "0")
		epoch := leader.epochOf()
		open := gates[leader].close()
		t.Cleanup(open)
		leader.config.AppendFsync.Set(config.FsyncEverysec) // the state file is to say so
		leader.try(time.Second, "SET", "k", "1")
		w.until("the state file is being written", func() bool { return gates[leader].waits.Load() > 0 || leader.epochOf() != epoch })
		n := 0
		for began := time.Now(); time.Since(began) < 3*testTimeout*time.Millisecond; n++ {
			reply, sent := leader.try(20*time.Second, "SET", "k", fmt.Sprint(n))
			if !sent || reply != "+OK\r\n" {
				break
			}
			if reply, sent := leader.try(20*time.Second, "GET", "k"); !sent || reply != bulk(fmt.Sprint(n)) {
				break
			}
		}
		same := leader.epochOf() == epoch && leader.cluster.Leads()
		waits := gates[leader].waits.Load()
		open()
		leader.config.AppendFsync.Set(config.FsyncAlways)
		if waits > 0 && same && n > 10 {
			return
		}
		// A busy machine changes leaders by itself, now and then.
		if tries == maxTries {
			t.Fatalf("the leader did not stay in %d tries: %d writes in the last one", tries, n)
		}
	}
}

// gateMarks has a gate before each store to a node's mark.
func (w *network) gateMarks() map[*node]*gateDisk {
	gates := map[*node]*gateDisk{}
	for _, x := range w.nodes {
		g := &gateDisk{}
		gates[x] = g
		x.disk = disktest.Slow{FS: disk.OS{}, Sync: func(string) {}, Write: func(name string) {
			if name == "cluster.reached" {
				g.pass()
			}
		}}
	}
	return gates
}

// TestMarkOfAFollowerStalls: a follower acknowledges nothing that its mark does not cover.
func TestMarkOfAFollowerStalls(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3).patient()
	gates := w.gateMarks()
	w.start()
	leader := w.leader()
	w.write("SET", "k", "0")
	w.followed(leader)
	slow, gone := w.others(leader)[0], w.others(leader)[1]
	gone.kill()
	open := gates[slow].close()
	t.Cleanup(open)
	end := leader.log.End()
	if reply, sent := leader.try(testTimeout*time.Millisecond, "SET", "k", "1"); sent {
		t.Errorf("acknowledged with %q by the leader alone", reply)
	}
	w.until("the store waits", func() bool { return gates[slow].waits.Load() > 0 })
	if slow.log.End() == end {
		t.Error("the follower has nothing that it could acknowledge")
	}
	if leader.cluster.Committed() > end {
		t.Error("what the mark does not cover was acknowledged")
	}
	open()
	w.write("SET", "k", "2")
}

// TestMarkOfALeaderStalls: a leader whose mark cannot be moved, since the system waits for the
// disk, leads on for several election timeouts: its own log does not count for more than the
// mark covers, and the others' does.
func TestMarkOfALeaderStalls(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	gates := w.gateMarks()
	w.start()
	for tries := 0; ; tries++ {
		leader := w.leader()
		leader.must("SET", "k", "0")
		epoch := leader.epochOf()
		open := gates[leader].close()
		t.Cleanup(open)
		n := 0
		for began := time.Now(); time.Since(began) < 3*testTimeout*time.Millisecond; n++ {
			if reply, sent := leader.try(20*time.Second, "SET", "k", fmt.Sprint(n)); !sent || reply != "+OK\r\n" {
				break
			}
			if reply, sent := leader.try(20*time.Second, "GET", "k"); !sent || reply != bulk(fmt.Sprint(n)) {
				break
			}
		}
		waits := gates[leader].waits.Load()
		same := leader.epochOf() == epoch && leader.cluster.Leads()
		open()
		w.write("SET", "k", "1")
		if waits > 0 && same && n > 3 {
			return
		}
		// A busy machine changes leaders by itself, now and then.
		if tries == maxTries {
			t.Fatalf("the leader did not stay in %d tries: %d writes in the last one, %d stores wait", tries, n, waits)
		}
	}
}

// TestFsyncOfAFollower: a follower that cannot sync the new leader's epoch says nothing
// in it, takes nothing and acknowledges nothing, and does not think the leader
// dead. The others go on without it. Then it goes on with them.
func TestFsyncOfAFollower(t *testing.T) {
	w := newNetwork(t, 3)
	gates := map[*node]*gateDisk{}
	for _, x := range w.nodes {
		gates[x] = x.onGateDisk()
		x.config.ElectionTimeout.Set(3 * testTimeout) // a busy machine is no fault here
	}
	w.start()
	w.write("SET", "k", "0")
	w.followed(w.leader())
	leader := w.leader()
	slow, next := w.others(leader)[0], w.others(leader)[1]
	open := gates[slow].close()
	t.Cleanup(open)
	w.handOver(next)
	w.until("the epoch is being written", func() bool { return gates[slow].waits.Load() > 0 })
	epoch, end := slow.epochOf(), slow.log.End()
	for began, n := time.Now(), 0; time.Since(began) < 7*testTimeout*time.Millisecond; n++ {
		w.write("SET", "k", fmt.Sprint(n))
		if held := w.leader().cluster.AckedBy(1); held > 1 {
			t.Fatalf("the slow node acknowledged in an epoch that is not on its disk")
		}
		if slow.log.End() != end {
			t.Fatalf("the log of the slow node grew from %d to %d", end, slow.log.End())
		}
	}
	if got := slow.cluster.View(); got.LeaderID == 0 && slow.epochOf() == next.epochOf() {
		t.Errorf("the slow node knows no leader: %+v", got)
	}
	if slow.epochOf() < epoch {
		t.Errorf("epoch %d after %d", slow.epochOf(), epoch)
	}
	open()
	w.write("SET", "k", "last")
	w.followed(w.leader())
	slow.sees("k", "last")
}

// TestFsyncLongerThanTheTimeout: where each fsync takes longer than the
// election's timeout, somebody is elected all the same.
func TestFsyncLongerThanTheTimeout(t *testing.T) {
	const timeout = 300 // ms
	w := newNetwork(t, 3)
	for _, x := range w.nodes {
		x.config.ElectionTimeout.Set(timeout)
		x.config.HeartbeatInterval.Set(timeout / 6)
		x.config.LeaderLease.Set(timeout / 2)
		x.disk = disktest.Slow{FS: disk.OS{}, Sync: func(string) { time.Sleep(timeout * 3 / 2 * time.Millisecond) }}
	}
	w.start()
	w.write("SET", "k", "1")
	w.leader().kill()
	w.write("SET", "k", "2")
}
