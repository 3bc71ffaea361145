// Package sentinel is the Sentinel face: the commands with which clients ask Sentinels
// where the master is, here answered by each node of the cluster for itself. What they
// say is package engine/sentinel's; here it is asked for, and published.
//
//	SENTINEL MASTERS ─┐                          ┌─► reply
//	INFO, ROLE ───────┼─► view of engine.Sight ──┤
//	the View moved ───┘                          └─► Step ─► messages of a change
//
// What else there is at this face says Command.Sentinel; what only clients on this
// machine may do, or those that gave a password, Command.Harmless.
//
// What it does not do: it watches nobody and elects nobody, there are no scripts to run, and
// SENTINEL SET, CONFIG SET and DEBUG change what is shown alone, but for failover-timeout,
// which bounds a SENTINEL FAILOVER. MONITOR and REMOVE change by which names the master is
// known (sentinel-master-name).
package sentinel

import (
	"sync/atomic"

	"regent/engine"
	"regent/engine/sentinel"
	"regent/engine/spec"
	"regent/resp"
)

// Room is the room.
func Room() engine.Room {
	f := &face{}
	f.set.Store(&options{Settings: sentinel.Defaults()})
	return engine.Room{
		Group: spec.GroupSentinel, Face: engine.FaceSentinel, Commands: f.commands(),
		Info: f.info, Seen: f.seen,
	}
}

// A face is one server's.
type face struct {
	set  atomic.Pointer[options] // replaced as a whole
	said sentinel.State          // seen's own
	led  bool                    // seen's own: this node led
}

// options are what commands have set. They last until the process ends.
type options struct {
	sentinel.Settings
	config map[string]string
	debug  map[string]int64
	fails  int64 // failures to simulate, as bits
}

// change replaces the options by a changed copy.
func (f *face) change(how func(o *options)) {
	for {
		old := f.set.Load()
		next := &options{Settings: old.Settings, config: map[string]string{}, debug: map[string]int64{}, fails: old.fails}
		for k, v := range old.config {
			next.config[k] = v
		}
		for k, v := range old.debug {
			next.debug[k] = v
		}
		if how(next); f.set.CompareAndSwap(old, next) {
			return
		}
	}
}

func (f *face) commands() []engine.Command {
	return []engine.Command{
		{Help: resp.HelpSentinel, Command: spec.Command{
			Name: "sentinel", Arity: -2, Flags: spec.Admin, Since: "2.8.4", Complex: "Depends on the subcommand",
			Summary: "Holds the commands of Sentinels.",
		}, Subs: append(f.questions(), f.changes()...)},
		{Do: f.role, Command: spec.Command{
			Name: "role", Arity: 1, Flags: spec.NoScript | spec.Loading | spec.Stale | spec.Fast, Cats: spec.CatAdmin | spec.CatDangerous, Since: "2.8.12", Complex: "O(1)",
			Summary: "Says that this is a Sentinel, and by which names it knows its master.",
		}},
		{Do: publish, Command: spec.Command{
			Name: "publish", Arity: 3, Flags: spec.PubSub | spec.Loading | spec.Stale | spec.Fast | spec.MayReplicate, Since: "2.0.0", Complex: "O(1)",
			Summary: "Takes what Sentinels say to one another, and nothing else.",
			Args:    spec.Args{spec.String("channel"), spec.String("message")},
		}},
	}
}

// view is what a Sentinel sees of the cluster.
func (f *face) view(s *engine.Sight) *sentinel.View {
	v, cfg := s.View(), s.Config()
	out := &sentinel.View{
		Names: cfg.MasterNames(), Self: v.NodeID, Epoch: v.Epoch, Leader: s.Leader(),
		Failover:  v.Leading && v.Handover != "" && v.Handover != engine.HandoverNone,
		DownAfter: cfg.ElectionTimeout.Get(), Now: s.Now(), Set: f.set.Load().Settings,
	}
	for i := range v.Nodes {
		n := &v.Nodes[i]
		if n.Learner || n.Witness {
			continue
		}
		node := sentinel.Node{
			ID: n.ID, Name: n.Name, Up: n.Up, Copying: n.Copy != "", Heard: n.PongAt, Offset: n.Offset,
			Priority: cfg.ReplicaPriority.Get(),
		}
		node.Host, node.Port, _ = n.At(engine.FacePlain)
		_, node.SentinelPort, _ = n.At(engine.FaceSentinel)
		out.Nodes = append(out.Nodes, node)
	}
	out.Last = lastLeader(out, v)
	return out
}

// lastLeader is the node that leads, or led last, or else another node that could: of all
// that there is to name it serves best, and this one is the last that clients need.
func lastLeader(out *sentinel.View, v *engine.View) int64 {
	best, rank := int64(0), 0
	for _, n := range out.Nodes {
		r := 1
		switch {
		case n.ID == out.Leader:
			r = 5
		case n.ID == v.LeaderID:
			r = 4
		case n.ID == v.LastLeaderID:
			r = 3
		case n.ID != out.Self:
			r = 2
		}
		if r > rank {
			best, rank = n.ID, r
		}
	}
	return best
}

// here is the view of a client's node. A lone server that was not told what to call
// itself is where the client has reached it.
func (f *face) here(c *engine.Ctx) *sentinel.View {
	out := f.view(c.Sight())
	if !c.View().Clustered && c.Config().AnnounceHost.Get() == "" {
		if host, _, ok := engine.SplitAddr(c.LocalAddr()); ok {
			for i := range out.Nodes {
				out.Nodes[i].Host = host
			}
		}
	}
	return out
}

// seen publishes what has changed.
func (f *face) seen(s *engine.Sight) {
	v := f.view(s)
	var out []sentinel.Message
	f.said, out = sentinel.Step(f.said, v)
	for _, m := range out {
		s.Say(m.Channel, m.Payload)
	}
	if leads := v.Leader == v.Self; leads != f.led {
		f.led = leads
		if leads && f.set.Load().fails != 0 {
			s.Crash()
		}
	}
}

func (f *face) role(c *engine.Ctx) {
	names := c.Config().MasterNames()
	c.W.Array(2)
	c.W.BulkString("sentinel")
	c.W.Array(len(names))
	for _, name := range names {
		c.W.BulkString(name)
	}
}

// info is INFO's section Sentinel.
func (f *face) info(c *engine.Ctx) engine.InfoSection {
	v, fails := f.here(c), f.set.Load().fails
	return engine.InfoSection{Name: "Sentinel", Default: true, Write: func(w *engine.InfoWriter) {
		w.Int("sentinel_masters", int64(len(v.Names)))
		w.Int("sentinel_tilt", 0)
		w.Int("sentinel_tilt_since_seconds", -1)
		w.Int("sentinel_running_scripts", 0)
		w.Int("sentinel_scripts_queue_length", 0)
		w.Int("sentinel_simulate_failure_flags", fails)
		for _, l := range v.InfoLines() {
			w.Str(l.Name, l.Value)
		}
	}}
}
