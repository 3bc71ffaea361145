package cluster

import (
	"fmt"
	"testing"
	"time"

	"regent/cluster/bully"
	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// endsAt is a log of which only the durable end is known.
type endsAt struct {
	engine.Stream
	durable int64
}

func (s endsAt) Durable() int64 { return s.durable }

// hotPath is a node as the hot path sees it: what it is, its lease and its offsets, without
// anything that runs.
func hotPath(t *testing.T, v engine.View) *Cluster {
	t.Helper()
	c := &Cluster{opts: Options{Config: config.New(), Host: enginetest.NewHost(t), Stream: endsAt{durable: 300}}}
	c.view.Store(&v)
	c.roster.Store(&roster{})
	return c
}

// TestTheLeaseIsAsked: a leader answers while its lease of this epoch lasts, and runs
// commands no longer than that.
func TestTheLeaseIsAsked(t *testing.T) {
	const second = int64(time.Second)
	for _, try := range []struct {
		name          string
		leading       bool
		lease         *lease
		leads         bool
		revoked, over bool
	}{
		{"a follower", false, nil, false, false, false},
		{"a follower with the lease that it had", false, &lease{7, second, second}, false, false, false},
		{"a lease that lasts", true, &lease{7, second, second}, true, false, false},
		{"no lease", true, nil, false, true, false},
		{"a lease of an epoch before", true, &lease{6, second, second}, false, true, false},
		{"a lease that is over", true, &lease{7, 0, 0}, false, false, true},
	} {
		t.Run(try.name, func(t *testing.T) {
			c := hotPath(t, engine.View{Clustered: true, Leading: try.leading, Epoch: 7})
			c.lease.Store(try.lease)
			if got := c.Leads(); got != try.leads {
				t.Errorf("it leads: %v", got)
			}
			if revoked, over := c.lapsed(); revoked != try.revoked || over != try.over {
				t.Errorf("revoked %v, over %v", revoked, over)
			}
			if got := c.MustHold(); got != (try.revoked || try.over) {
				t.Errorf("it must hold: %v", got)
			}
		})
	}
}

// TestHowFarRepliesMayLeave, by what write-acks says and by what the connection asks for. Here
// the disk has the log up to 300, a quorum up to 200, and all up to 100.
func TestHowFarRepliesMayLeave(t *testing.T) {
	c := hotPath(t, engine.View{Clustered: true, Leading: true, Epoch: 7})
	c.commit.Store(200)
	c.all.Store(100)
	for acks, want := range map[int64]int64{config.AcksLeader: 300, config.AcksQuorum: 200, config.AcksAll: 100} {
		c.opts.Config.WriteAcks.Set(acks)
		if got := c.Committed(); got != want {
			t.Errorf("write-acks %d: %d, want %d", acks, got, want)
		}
		for asked, want := range map[engine.Acks]int64{
			engine.AcksDefault: want, engine.AcksLeader: 300, engine.AcksQuorum: 200, engine.AcksAll: 100,
		} {
			if got := c.CommittedFor(asked.Set()); got != want {
				t.Errorf("write-acks %d, asked for %d: %d, want %d", acks, asked, got, want)
			}
		}
	}
	v := engine.View{Clustered: true, Epoch: 7}
	c.view.Store(&v)
	c.opts.Config.WriteAcks.Set(config.AcksLeader)
	if got := c.Committed(); got != 200 {
		t.Errorf("a follower: %d", got)
	}
}

// TestWhoIsWaitedFor: of five voters the two quickest are sent everything at once, and all
// are where they do not do, or where somebody asks for more.
func TestWhoIsWaitedFor(t *testing.T) {
	c := hotPath(t, engine.View{Clustered: true, Leading: true, Epoch: 7})
	c.opts.Config.WriteAcks.Set(config.AcksQuorum)
	r := &roster{conf: bully.Configuration{Voters: []int64{1, 2, 3, 4, 5}}}
	for id := range int64(5) {
		r.others = append(r.others, &member{ID: id + 2}) // 6 only learns
	}
	c.roster.Store(r)
	spare := func() string {
		out := ""
		for _, m := range r.others {
			if c.spare(m) {
				out += fmt.Sprint(m.ID)
			}
		}
		return out
	}
	chosen := func(held ...int64) string {
		for i, off := range held {
			r.others[i].held.Store(off)
		}
		r.chooseFirst()
		return spare()
	}
	if got := spare(); got != "" {
		t.Errorf("%q are spare when nobody is known to be quick", got)
	}
	for _, try := range []struct {
		held []int64
		want string
	}{
		{[]int64{10, 10, 10, 10, 90}, "456"},
		{[]int64{10, 30, 20, 10, 90}, "256"},
		{[]int64{30, 30, 30, 30, 90}, "256"}, // no quicker than those that are first
		{[]int64{30, 40, 30, 31, 90}, "246"},
	} {
		if got := chosen(try.held...); got != try.want {
			t.Errorf("held %v: %s are spare, want %s", try.held, got, try.want)
		}
	}
	c.opts.Host.(*enginetest.Host).Advance(time.Hour)
	for what, change := range map[string][2]func(){
		"one of the first has no stream": {func() { r.others[1].lost.Store(1) }, func() { r.others[1].lost.Store(0) }},
		"all are to acknowledge":         {func() { c.opts.Config.WriteAcks.Set(config.AcksAll) }, func() { c.opts.Config.WriteAcks.Set(config.AcksQuorum) }},
		"none is waited for":             {func() { c.opts.Config.WriteAcks.Set(config.AcksLeader) }, func() { c.opts.Config.WriteAcks.Set(config.AcksQuorum) }},
		"a client has asked for more":    {func() { c.CommittedFor(engine.AcksAll.Set()) }, func() { c.hurried.Store(0) }},
		"a handover":                     {func() { c.holds.Store(true) }, func() { c.holds.Store(false) }},
		"each write is fsynced":          {func() { c.opts.Config.AppendFsync.Set(config.FsyncAlways) }, func() { c.opts.Config.AppendFsync.Set(config.FsyncEverysec) }},
		"this node leads no more":        {func() { c.view.Store(&engine.View{Clustered: true, Epoch: 7}) }, func() { c.view.Store(&engine.View{Clustered: true, Leading: true, Epoch: 7}) }},
	} {
		change[0]()
		if got := spare(); got != "" {
			t.Errorf("%s, and %q are spare", what, got)
		}
		change[1]()
		if got := spare(); got != "246" {
			t.Errorf("after %q: %q are spare", what, got)
		}
	}
}

// TestWhoHasAWrite: WAIT counts the nodes that hold a write and show it, WAITAOF those that have
// synced it, both without a witness.
func TestWhoHasAWrite(t *testing.T) {
	c := hotPath(t, engine.View{Clustered: true, Leading: true, Epoch: 7})
	var all []*member
	for _, at := range []struct{ held, applied, synced int64 }{{100, 100, 100}, {100, 50, 50}, {50, 50, 0}, {0, 0, 0}} {
		m := &member{}
		m.held.Store(at.held)
		m.applied.Store(at.applied)
		m.synced.Store(at.synced)
		all = append(all, m)
	}
	blank := &member{}
	blank.witness.Store(true)
	blank.held.Store(200)
	blank.applied.Store(200)
	blank.synced.Store(200)
	all = append(all, blank)
	c.roster.Store(&roster{others: all})
	for off, want := range map[int64][2]int{100: {1, 1}, 50: {3, 2}, 101: {0, 0}} {
		if acked, synced := c.AckedBy(off), c.SyncedBy(off); acked != want[0] || synced != want[1] {
			t.Errorf("up to %d: %d have it, %d have synced it, want %v", off, acked, synced, want)
		}
	}
}
