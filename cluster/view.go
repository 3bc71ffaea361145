package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
)

// What others see of this node's idea of the cluster.

// View is the current state, an immutable value.
func (c *Cluster) View() *engine.View { return c.view.Load() }

// A knownLeader is the node that led last, as far as is known here, and where it said that
// it is.
type knownLeader struct {
	id   int64
	said string
}

// compose makes a view of what the election says.
func (c *Cluster) compose(st bully.Status, leading bool) *engine.View {
	id := c.clusterHex()
	v := &engine.View{
		Clustered: true, Leading: leading, NodeID: c.id, ClusterID: id,
		Handover: handoverState(st.Handover), LeaderID: st.Leader, Epoch: st.Epoch,
		Electing: st.Electing || st.Role == bully.Leader && !leading,
	}
	if st.Role == bully.Leader && !leading {
		v.LeaderID = 0
	}
	if st.ByWitness {
		v.LeaderID, v.Electing = 0, true // it leads no clients, and hands over in a moment
	}
	if v.Witness = c.opts.Witness; v.Witness {
		v.LogFrom, v.HeldByData = c.opts.Stream.Start(), st.Held
	}
	r := c.roster.Load()
	last := c.lastLeader.Load()
	if is := (knownLeader{v.LeaderID, st.Addr}); is.id != 0 && is != *last {
		last = &is
		c.lastLeader.Store(last)
	}
	v.LastLeaderID = last.id
	if v.LeaderID == 0 {
		if v.NoLeaderAt = max(c.opts.Host.Ticks()/int64(time.Millisecond), 1); c.view.Load() != nil && c.view.Load().NoLeaderAt != 0 {
			v.NoLeaderAt = c.view.Load().NoLeaderAt
		}
	}
	leader := c.placeOf(r, last.id, last.said)
	if v.LeaderID != 0 {
		at := c.forClients(engine.NodeView{ID: last.id, Host: leader.Host, Port: leader.Port}, r.member(last.id))
		v.Leader = config.Spell(at.Host, at.Port)
	}
	v.Serves = leading || v.LeaderID != 0 && v.LeaderID != c.id && c.hasBegun(st.Epoch)
	v.LinkUp = leading || c.follow.up.Load()
	v.LastIO = c.follow.lastIO.Load()
	if !v.LinkUp {
		v.LinkDownAt = c.follow.downAt.Load()
	}
	if v.SyncProgress = c.copying.on.Load(); v.SyncProgress {
		v.SyncTotal, v.SyncRead, v.SyncIO = c.copying.total.Load(), c.copying.read.Load(), c.copying.lastIO.Load()
	}
	v.Recovering = st.Recovering || st.Epoch == 0 // it has heard no node: it may have been anything
	v.Unfilled = c.unfilled(v)
	v.Membership, v.MembersVersion, v.MembersEpoch = c.membership(&r.conf, st.Epoch), r.conf.Version, r.conf.Epoch
	for _, p := range r.list {
		if p.ID == last.id {
			p = leader
		}
		n := engine.NodeView{ID: p.ID, Name: nodeName(id, p.ID), Host: p.Host, Port: p.Port, Leader: p.ID == v.LeaderID, Lag: -1}
		n.Learner = !r.votes(p.ID)
		if m := r.member(p.ID); m != nil {
			c.describe(&n, m)
			if lost := m.lost.Load(); leading && !n.Learner && lost != 0 && c.opts.Host.Mono()-lost > missTimes*int64(c.timeout) {
				v.Missing++
			}
		} else {
			n.Myself, n.Up, n.Lag, n.Offset = true, true, 0, c.opts.Stream.End()
		}
		v.Nodes = append(v.Nodes, c.forClients(n, r.member(p.ID)))
	}
	if !r.conf.Has(c.id) {
		p := c.places(&r.conf)[c.id]
		v.Nodes = append(v.Nodes, c.forClients(engine.NodeView{ID: c.id, Name: nodeName(id, c.id), Host: p.Host, Port: p.Port,
			Myself: true, Learner: true, Up: true, Offset: c.opts.Stream.End()}, nil))
	}
	return v
}

// hasBegun reports whether another node's epoch has begun to count: its first record is
// committed, as far as is known here. Until then its leader answers nobody.
func (c *Cluster) hasBegun(epoch int64) bool {
	if c.served.Load() == epoch {
		return true
	}
	h := c.opts.Stream.History()
	if len(h) == 0 || h[len(h)-1].Epoch != epoch || c.commit.Load() <= h[len(h)-1].Offset {
		return false
	}
	c.served.Store(epoch)
	return true
}

// LeaderSilent reports whether this node follows a leader that it has not heard of for
// longer than the election timeout. A node that was stopped and goes on knows it before its
// election does.
func (c *Cluster) LeaderSilent() bool {
	v := c.view.Load()
	m := c.member(v.LeaderID)
	return !v.Leading && m != nil && c.unheard(m) > c.timeout
}

// unfilled reports whether a node that started with nothing, or less than it had,
// still lacks what a leader had after that. Only the role worker calls it.
func (c *Cluster) unfilled(v *engine.View) bool {
	switch {
	case !c.bare || v.Leading:
		c.bare = false
	case v.Recovering:
	case c.fill == 0:
		c.fill = max(c.opts.Stream.End(), 1)
	case c.applier.Applied() >= c.fill:
		c.bare = false
	}
	return c.bare
}

// forClients gives a node the addresses that clients reach it at, where they are not the
// one that its peers use. m is nil for this node.
func (c *Cluster) forClients(n engine.NodeView, m *member) engine.NodeView {
	n.PeerAddr = config.Peer{Host: n.Host, Port: n.Port}.Addr()
	at := n.Port
	if p, ok := c.clients[n.ID]; ok {
		n.Host, n.Port = p.Host, p.Port
	}
	base := n.Port
	c.showFaces(&n, m)
	if n.TLS.Port == at {
		n.TLS.Port = base
	}
	return n
}

// clientAddrs reads the directive client-addresses.
func clientAddrs(cfg *config.Config) (map[int64]config.Peer, error) {
	list, err := config.ParsePeers(cfg.ClientAddresses.Get())
	if err != nil {
		return nil, fmt.Errorf("client-addresses: %w", err)
	}
	clients := make(map[int64]config.Peer, len(list))
	for _, p := range list {
		clients[p.ID] = p
	}
	return clients, nil
}

// describe fills in what is known of another node.
func (c *Cluster) describe(n *engine.NodeView, m *member) {
	heard, refused := m.heard.Load(), m.refused.Load()
	n.Up = c.hears(m) && refused <= heard
	n.Offset, n.PongAt = m.offset.Load(), c.wallAt(heard)
	n.Copy, _ = m.copying.Load().(string)
	if d, ok := m.clock.known(c.now()); ok {
		n.ClockAhead, n.ClockError = d.ahead, d.within
	}
	if !n.Up {
		n.PingAt = c.wallAt(max(heard, refused))
	}
	if at := m.moved.Load(); at != 0 {
		n.Lag = max(c.opts.Host.Ticks()-at, 0) / int64(time.Second)
	}
}

// wallAt is what this node's wall clock, as it is now, says of a stamp: ms, 0 of none.
func (c *Cluster) wallAt(stamp int64) int64 {
	if stamp == 0 {
		return 0
	}
	return c.opts.Host.Now() - (c.now() - time.Duration(stamp)).Milliseconds()
}

// upTimes: a node is up that was heard of within 2T. An idle one speaks every
// T/2.
const upTimes = 2

// missTimes: writes that wait for a follower are refused once it has had no
// stream for 2T.
const missTimes = 2

// clusterHex is the cluster's ID in hex, "" while unknown.
func (c *Cluster) clusterHex() string {
	id, _, _ := strings.Cut(c.clusterText(), "@")
	return strings.TrimPrefix(id, peer.Unknown)
}

// nodeName is a node's name in CLUSTER NODES: the same for the same ID in the
// same cluster.
func nodeName(cluster string, id int64) string {
	h := sha256.Sum256([]byte(cluster + "/" + strconv.FormatInt(id, 10)))
	return hex.EncodeToString(h[:])[:idDigits]
}

// Links describes the channels to other nodes for CLUSTER LINKS.
func (c *Cluster) Links() []engine.LinkView {
	var out []engine.LinkView
	id := c.clusterHex()
	row := func(m *member, to bool, since time.Time, events string) {
		if !since.IsZero() {
			out = append(out, engine.LinkView{To: to, Node: nodeName(id, m.ID), CreatedAt: since.UnixMilli(), Events: events})
		}
	}
	for _, m := range c.others() {
		row(m, true, m.link.Since(), "rw")
		m.mu.Lock()
		if m.incoming != nil {
			row(m, false, m.incoming.Since, "r")
		}
		m.mu.Unlock()
	}
	return out
}
