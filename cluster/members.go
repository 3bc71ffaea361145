package cluster

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
	"regent/engine/config"
)

// Who the other nodes are. The election holds the configuration in force; a
// roster is what follows from it here: which nodes are dialled and where. It is replaced
// as a whole whenever the election's configuration changes, after that is on
// disk, so a goroutine that has a roster may use it without a lock.
//
//	Output.Persist ──► state file ──► messages leave ──► adopt ──► roster
//	                                   (a farewell to      links to new nodes
//	                                    one was removed)   begin, old ones end
//
// A member stays the same object as long as its ID is in the configuration,
// wherever the node moves: the ID is its name, the address is where it is
// dialled next.

// A roster is the nodes of one configuration. It is not changed.
type roster struct {
	conf   bully.Configuration
	list   []config.Peer // voters and learners by ID, this node among them if it is one
	others []*member     // the other nodes by ID
}

// member is the other node with an ID, nil: there is none.
func (r *roster) member(id int64) *member {
	for _, m := range r.others {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// votes reports whether a node counts.
func (r *roster) votes(id int64) bool { return slices.Contains(r.conf.Voters, id) }

// lone reports whether no other node votes.
func (r *roster) lone() bool { return len(r.conf.Voters) == 1 }

// A member is another node.
type member struct {
	ID     int64
	at     atomic.Pointer[config.Peer] // where it is dialled
	link   *peer.Link
	dialer *peer.Dialer
	addrs  addresses
	kick   chan struct{} // dial the stream at once
	end    func()        // ends the link
	ctx    context.Context

	sender  atomic.Pointer[repl.Sender]
	held    atomic.Int64 // offset held durably, as the leader knows
	heard   atomic.Int64 // stamp of its last word, 0: none yet
	moved   atomic.Int64 // ticks of its last acknowledgement on the stream, 0: none yet
	offset  atomic.Int64 // its log's end as it last said
	applied atomic.Int64 // offset up to which its readers see the log, as it said last
	synced  atomic.Int64 // offset up to which it has fsynced, as it said last
	first   atomic.Bool  // leader: it was among the first to hold what was committed last
	lost    atomic.Int64 // leader: mono ns since when it has no stream, 0: it has one
	copied  atomic.Bool  // leader: it was sent a full copy, and its stream has not begun since
	copying atomic.Value // string: how far its full copy is
	refused atomic.Int64 // stamp of the last refused dial, 0: answered since

	clock peerClock                  // its wall clock beside this node's
	faces atomic.Pointer[peer.Ports] // where its other faces are; nil: not known yet

	witness atomic.Bool // it has no data, as it said last

	messages *courier // what clients have published here

	release func() // of the log reserved for it, nil: none; its stream's goroutine's own
	behind  bool   // a witness that was told to begin too early; the same one's own

	mu       sync.Mutex
	incoming *peer.Conn // its control channel to this node
	process  string     // the process at the other end of it
	twin     string     // a process that was refused because of that, and was told of
}

// Addr is where the member is dialled. A host's name is resolved at each dial.
func (m *member) Addr() string { return m.at.Load().Addr() }

// others are the other nodes at the moment.
func (c *Cluster) others() []*member { return c.roster.Load().others }

func (c *Cluster) member(id int64) *member { return c.roster.Load().member(id) }

func (c *Cluster) newMember(p config.Peer) *member {
	m := &member{ID: p.ID, kick: make(chan struct{}, 1), messages: newCourier()}
	m.at.Store(&p)
	m.witness.Store(slices.Contains(c.state.witnesses, p.ID))
	m.ctx, m.end = context.WithCancel(c.ctx)
	m.dialer = &peer.Dialer{Secrets: c.secrets, Limit: c.timeout, Tried: m.addrs.add, Net: c.opts.Dial, TLS: c.opts.TLS}
	if ip, err := netip.ParseAddr(p.Host); err == nil {
		m.addrs.add(ip)
	}
	m.link = peer.NewLink(c.linkConfig(m))
	return m
}

// firstMembers is the configuration to begin with: what the state file knows of
// changes, else the peers as configured.
func (c *Cluster) firstMembers() bully.Configuration {
	if m := c.state.hard.Members; len(m.Voters) > 0 {
		return m
	}
	first := bully.Configuration{Version: 1, Voters: c.voters()}
	if c.opts.Join {
		first.Version = 0
	}
	return first
}

// voters are the configured nodes, without this one while it is to join them.
func (c *Cluster) voters() (ids []int64) {
	for _, p := range c.opts.Peers {
		if p.ID != c.id || !c.opts.Join {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// places is where a configuration says that its nodes are, this one among them:
// what all nodes are told counts, not what this one was told at its start. Nodes
// of which it says nothing are where the directive peers has them.
func (c *Cluster) places(conf *bully.Configuration) map[int64]config.Peer {
	at := map[int64]config.Peer{}
	for _, p := range c.opts.Peers {
		at[p.ID] = p
	}
	for _, p := range c.listed(conf) {
		at[p.ID] = p
	}
	return at
}

// listed are the addresses that a configuration holds: none before the nodes
// were changed.
func (c *Cluster) listed(conf *bully.Configuration) []config.Peer {
	told, _ := config.ParsePeers(conf.Addrs) // what is not understood says nothing
	return told
}

// placeOf is where a node is, for clients and for nodes: the one answer for MOVED,
// SLOTS, ROLE and INFO. said is what a leader says of itself: it counts as long as
// the nodes have not been changed, and each knows of itself alone.
func (c *Cluster) placeOf(r *roster, id int64, said string) config.Peer {
	i := slices.IndexFunc(r.list, func(p config.Peer) bool { return p.ID == id })
	if i >= 0 && (r.conf.Addrs != "" || said == "") {
		return r.list[i]
	}
	if p, err := config.ParsePeer(strconv.FormatInt(id, 10) + "@" + said); err == nil {
		return p
	}
	if i >= 0 {
		return r.list[i]
	}
	return config.Peer{}
}

// checkPlace refuses a start at a loopback address among nodes elsewhere: they
// could not reach this one, and clients would be sent to their own machine.
func (c *Cluster) checkPlace() error {
	r := c.roster.Load()
	if !r.conf.Has(c.id) {
		return nil // the node that takes it in says where it is
	}
	own := c.placeOf(r, c.id, "")
	far := slices.IndexFunc(r.list, func(p config.Peer) bool { return p.ID != c.id && p.Far() })
	if !own.Far() && far >= 0 {
		return fmt.Errorf("this node would tell others that it is at %s, which is every machine's own, and %s is elsewhere: say where it is with announce-host", own.Addr(), r.list[far].Addr())
	}
	if said, err := config.ParsePeer(c.opts.Addr); err == nil && own.Addr() != said.Addr() && said.Far() == own.Far() {
		c.opts.Host.Logf(engine.LevelWarning, "This node was started as %s, and the list of the nodes has it at %s, which counts: if it has moved, say REGENT NODE ADD %d@%s at the leader",
			c.opts.Addr, own.Addr(), c.id, c.opts.Addr)
	}
	return nil
}

// adopt makes a configuration's roster the present one. The caller holds mu, or
// nothing runs yet.
func (c *Cluster) adopt(conf bully.Configuration) {
	was := c.roster.Load()
	at := c.places(&conf)
	r := &roster{conf: conf}
	ids := slices.Concat(conf.Voters, conf.Learners)
	slices.Sort(ids)
	for _, id := range ids {
		p := at[id]
		p.ID = id
		r.list = append(r.list, p)
		if id == c.id {
			continue
		}
		m := was.member(id)
		switch {
		case m == nil:
			m = c.newMember(p)
			c.dial(m)
		case *m.at.Load() != p:
			c.opts.Host.Logf(engine.LevelNotice, "Node %d is at %s from now on", id, p.Addr())
			m.at.Store(&p)
			m.link.Kick()
			poke(m.kick)
		}
		r.others = append(r.others, m)
	}
	c.roster.Store(r)
	for _, m := range was.others {
		if r.member(m.ID) == nil {
			c.dismiss(m)
		}
	}
	c.tellMembership(&was.conf, &conf)
}

// dial begins the link to a member, once the node runs. The caller holds mu.
func (c *Cluster) dial(m *member) {
	if c.node != nil && !c.stopping {
		c.run(func() { m.link.Run(m.ctx) })
		c.run(func() { c.tellMessages(m.ctx, m) })
	}
}

// dismiss ends what there is with a node that is a member no more, after a
// moment in which it may hear so. The caller holds mu.
func (c *Cluster) dismiss(m *member) {
	if c.node == nil || c.stopping {
		m.end()
		return
	}
	c.run(func() {
		t := time.NewTimer(farewell)
		defer t.Stop()
		select {
		case <-c.ctx.Done():
		case <-t.C:
		}
		m.end()
		m.replace(nil)
	})
}

// tellMembership logs what a change means for this node.
func (c *Cluster) tellMembership(was, is *bully.Configuration) {
	switch {
	case was.Version == 0 && was.Epoch == 0 && len(was.Voters) == 0: // the start
	case was.Has(c.id) && !is.Has(c.id):
		c.opts.Host.Logf(engine.LevelWarning, "This node was removed from the cluster: it takes no part any more and refuses writes")
	case !was.Has(c.id) && is.Has(c.id):
		c.opts.Host.Logf(engine.LevelNotice, "This node is a member of the cluster, of %d voters", len(is.Voters))
	}
	if is.Epoch > 0 && !is.Is(was) {
		c.opts.Host.Logf(engine.LevelNotice, "The nodes are %s (version %d of epoch %d)", c.describeMembers(is), is.Version, is.Epoch)
	}
}

// describeMembers is a configuration for the log: learners in brackets.
func (c *Cluster) describeMembers(conf *bully.Configuration) string {
	var b []byte
	at := c.places(conf)
	for _, id := range conf.Voters {
		b = fmt.Appendf(b, " %d@%s", id, at[id].Addr())
	}
	for _, id := range conf.Learners {
		b = fmt.Appendf(b, " (%d@%s)", id, at[id].Addr())
	}
	return string(b[min(len(b), 1):])
}

// tellDifference says where the state file and the configured peers differ: the
// first one counts.
func (c *Cluster) tellDifference() {
	conf := c.state.hard.Members
	if len(conf.Voters) == 0 {
		return
	}
	var now []config.Peer
	at := c.places(&conf)
	for _, id := range conf.Voters {
		now = append(now, at[id])
	}
	slices.SortFunc(now, func(a, b config.Peer) int { return cmp.Compare(a.ID, b.ID) })
	if !slices.Equal(now, c.opts.Peers) {
		c.opts.Host.Logf(engine.LevelNotice, "The nodes were changed while the cluster ran: %s count, not those of the directive peers", c.describeMembers(&conf))
	}
	if !conf.Has(c.id) {
		c.opts.Host.Logf(engine.LevelWarning, "This node is no member of the cluster: it takes no part and refuses writes until REGENT NODE ADD takes it in")
	}
}

// membership is what this node is in the cluster, for INFO.
func (c *Cluster) membership(conf *bully.Configuration, epoch int64) string {
	switch {
	case slices.Contains(conf.Voters, c.id):
		return engine.MemberVoter
	case conf.Has(c.id):
		return engine.MemberLearner
	case epoch == 0:
		return engine.MemberJoining
	}
	return engine.MemberRemoved
}

// membersFor is what a node is told that is no member and asks: nothing of a change that
// this node has not finished, and of nodes as configured only while somebody leads them. What
// another leader has not finished may be told: it is what that one's own words could
// have told.
func (c *Cluster) membersFor() *bully.Configuration {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.node.Status()
	if c.muted || st.Changing || !st.Members.Is(&c.kept.members) || st.Leader == 0 && st.Members.Epoch == 0 || st.Role == bully.Leader && !st.Serving {
		return nil
	}
	conf := st.Members
	conf.Addrs = config.FormatPeers(c.roster.Load().list)
	return &conf
}
