package bully

import (
	"errors"
	"slices"
	"time"
)

// Who votes, and how that changes while the cluster runs.
//
// A configuration names the voters, and the learners, which follow and do not
// count. It has a version and the epoch of the leader that wrote it; they are
// compared as (epoch, version). It is not in the log: leaders tell it with
// COORDINATOR and HEARTBEAT to nodes that have another one. A follower uses what
// its leader told, keeps it on disk, and says in each message which it has; so
// what an earlier leader wrote, and no majority has, ends with it. A voter
// refuses a candidate whose configuration is older than its own, and takes over
// a newer one while it hears no leader: it may be a voter by that alone, and the
// only one whose log is fresh.
//
// Voters change by one at a time, so that any majority of the old ones and any
// of the new ones share a voter. A chain of changes would lead away from this,
// so a leader begins one only when
//
//   - a majority of the present voters has the present configuration, written
//     in this leader's own epoch: it writes it anew first if it is older. So
//     no configuration that another leader left behind can win votes any more;
//   - the record of its epoch is committed, and all that is committed is held
//     by a majority of the present voters: what the voters before them held is
//     not forgotten with them.
//
// A learner becomes a voter when its log is near. The leader stays a voter: it
// hands over first. Who is no voter any more is told so once, and runs no more.

// A Configuration says which nodes vote.
type Configuration struct {
	Epoch   int64
	Version int64 // 0: nothing known yet, 1: as configured
	Voters  []int64
	// Learners follow and do not count.
	Learners []int64
	// Addrs says where they are. It is the driver's, goes wherever the lists
	// go, and decides nothing here; "": as the driver was told at start.
	Addrs string
}

// Limits of a configuration.
const (
	// maxMembers bounds voters and learners together.
	maxMembers = 32
	// MaxAddrs bounds Configuration.Addrs in bytes.
	MaxAddrs = 16 << 10
)

// Why members cannot be changed as asked.
var (
	ErrChangeRuns  = errors.New("a change of the voters is under way")
	ErrTwoVoters   = errors.New("voters change one at a time")
	ErrLeaderStays = errors.New("the leader must hand over before it leaves")
	ErrFarBehind   = errors.New("the new voter must be a learner that has caught up")
	ErrMembers     = errors.New("voters and learners must be distinct, positive and few")
)

// Older reports whether c is older than d.
func (c *Configuration) Older(d *Configuration) bool {
	return c.Epoch < d.Epoch || c.Epoch == d.Epoch && c.Version < d.Version
}

// Is reports whether c is d: which node wrote it, and which of that node's it is.
func (c *Configuration) Is(d *Configuration) bool {
	return c.Epoch == d.Epoch && c.Version == d.Version
}

// Has reports whether a node votes or learns.
func (c *Configuration) Has(id int64) bool {
	return slices.Contains(c.Voters, id) || slices.Contains(c.Learners, id)
}

// same reports whether two configurations say the same, whichever node wrote them.
func (c *Configuration) same(d *Configuration) bool {
	return slices.Equal(c.Voters, d.Voters) && slices.Equal(c.Learners, d.Learners) && c.Addrs == d.Addrs
}

// id is the configuration without its lists.
func (c *Configuration) id() Configuration {
	return Configuration{Epoch: c.Epoch, Version: c.Version}
}

// plausible: the lists ascend, share nothing, and are not too long. A
// configuration may come without lists.
func (c *Configuration) plausible() bool {
	if c.Epoch < 0 || c.Version < 0 || len(c.Voters)+len(c.Learners) > maxMembers || len(c.Addrs) > MaxAddrs {
		return false
	}
	for _, list := range [][]int64{c.Voters, c.Learners} {
		for i, id := range list {
			if id <= 0 || i > 0 && list[i-1] >= id {
				return false
			}
		}
	}
	return !slices.ContainsFunc(c.Learners, func(id int64) bool { return slices.Contains(c.Voters, id) })
}

func sorted(ids []int64) []int64 {
	s := slices.Clone(ids)
	slices.Sort(s)
	return s
}

// useMembers makes a configuration the present one. What is known of peers
// stays.
func (n *Node) useMembers(c Configuration) {
	was := n.peers
	n.members = c
	n.voter = slices.Contains(c.Voters, n.cfg.ID)
	n.quorum = len(c.Voters)/2 + 1
	n.peers = nil
	for _, id := range sorted(append(slices.Clone(c.Voters), c.Learners...)) {
		if id == n.cfg.ID {
			continue
		}
		i := slices.IndexFunc(was, func(p *peer) bool { return p.id == id })
		p := &peer{id: id}
		if i >= 0 {
			p = was[i]
		}
		p.voter = slices.Contains(c.Voters, id)
		n.peers = append(n.peers, p)
	}
	if !n.voter && n.role == Candidate {
		n.role = Follower
	}
	if !n.voter {
		n.campaign.calm(n.now + n.cfg.Timeout)
		n.campaign.deferTo = 0
	}
}

// replaces reports whether a configuration that the leader of an epoch told is
// to be used: within the leader's own epoch the newest counts, however late the
// others come; what is from before it is the leader's to say.
func (n *Node) replaces(c *Configuration, epoch int64) bool {
	return len(c.Voters) > 0 && !c.Is(&n.members) && (n.members.Epoch < epoch || n.members.Older(c))
}

// takeMembers keeps it.
func (n *Node) takeMembers(c Configuration, epoch int64) {
	if n.replaces(&c, epoch) {
		if n.hard.Before = (Configuration{}); n.voter && !slices.Contains(c.Voters, n.cfg.ID) {
			n.hard.Before = Configuration{Epoch: n.members.Epoch, Version: n.members.Version, Voters: n.members.Voters}
		}
		n.useMembers(c)
		n.hard.Members = c
		n.unsaved = true
	}
}

// introduce lets a node speak that this one does not know yet: a leader, if
// it brings the configuration that makes it one, a leader of an older epoch, which
// must learn of this one or neither would ever follow the other, and a candidate
// with a newer configuration, which this node may be needed to elect.
func (n *Node) introduce(m Message) *peer {
	if !n.plausible(m) {
		return nil
	}
	if m.Kind == Election && (n.members.Older(&m.Members) || n.rules.oldMembersRun) {
		return &peer{id: m.From}
	}
	leads := (m.Kind == Coordinator || m.Kind == Heartbeat) && slices.Contains(m.Members.Voters, m.From)
	if leads && m.Epoch < n.hard.Epoch {
		return &peer{id: m.From}
	}
	if !leads || !n.replaces(&m.Members, m.Epoch) || n.role == Leader && m.Epoch == n.hard.Epoch {
		return nil
	}
	n.takeMembers(m.Members, m.Epoch)
	return n.peer(m.From)
}

// Told tells this node of a configuration that it is not in: it asked a node
// that did not know it. It takes a newer one, as a voter takes a candidate's,
// and runs no more. So a node that was away while it was removed learns of it,
// and one that is to join learns which the others are. A leader that is heard
// knows better.
func (n *Node) Told(now time.Duration, c Configuration) Output {
	n.enter(now)
	if !n.stopped && n.role != Leader && !n.promise.holds(n.now) && c.plausible() && !c.Has(n.cfg.ID) && n.members.Older(&c) {
		n.takeMembers(c, 0)
	}
	return n.leave()
}

// passive: this node neither runs nor waits to.
func (n *Node) passive() bool { return n.diskBad || !n.voter }

// SetMembers changes which nodes vote, which learn, and where they are; of c the lists
// and the addresses count. Voters change by one at a time.
// It is done when Status.Changing is false and Status.Members are the new
// ones; a change of leader may undo it before.
func (n *Node) SetMembers(now time.Duration, to Configuration) (Output, error) {
	n.enter(now)
	c := Configuration{Voters: sorted(to.Voters), Learners: sorted(to.Learners), Addrs: to.Addrs}
	err := n.mayChange(&c)
	if err == nil && !c.same(&n.members) {
		n.lead.change = &c
		if n.members.Epoch != n.hard.Epoch {
			n.write(n.members)
		}
		n.proceedChange()
	}
	return n.leave(), err
}

func (n *Node) mayChange(c *Configuration) error {
	differ := 0
	var added []int64
	for _, id := range c.Voters {
		if !slices.Contains(n.members.Voters, id) {
			differ++
			added = append(added, id)
		}
	}
	for _, id := range n.members.Voters {
		if !slices.Contains(c.Voters, id) {
			differ++
		}
	}
	switch {
	case !c.plausible() || len(c.Voters) == 0:
		return ErrMembers
	case n.stopped || !n.serving() || !n.mayServe():
		return ErrNotLeading
	case n.lead.handing.stage != NoHandover:
		return ErrHandoverRuns
	case n.changing() && !n.rules.changeAtOnce:
		return ErrChangeRuns
	case !slices.Contains(c.Voters, n.cfg.ID):
		return ErrLeaderStays
	case differ > 1:
		return ErrTwoVoters
	}
	for _, id := range added {
		if p := n.peer(id); p == nil || !n.heard(p) || !n.isNear(p) {
			return ErrFarBehind
		}
	}
	return nil
}

// changing: a change waits, or too few have the present configuration.
func (n *Node) changing() bool {
	return n.role == Leader && (n.lead.change != nil || n.members.Epoch == n.hard.Epoch && !n.installed())
}

// installed reports whether a majority of the voters has the configuration.
func (n *Node) installed() bool {
	k := 0
	if n.voter && n.savedIn.Is(&n.members) {
		k++
	}
	for _, p := range n.peers {
		if p.voter && !p.forgot && p.members.Is(&n.members) {
			k++
		}
	}
	return k >= n.quorum
}

// proceedChange carries out a change that waits, when it may.
func (n *Node) proceedChange() {
	if n.role != Leader || n.lead.change == nil {
		return
	}
	if ok := n.installed() && n.serving() && n.majorityHolds() >= n.commit; !ok && !n.rules.changeAtOnce {
		return
	}
	c := *n.lead.change
	n.lead.change = nil
	c.Version = n.members.Version + 1
	n.write(c)
}

// write is a leader's new configuration. Those that are left out hear it once.
func (n *Node) write(c Configuration) {
	c.Epoch = n.hard.Epoch
	was := n.peers
	n.takeMembers(c, c.Epoch)
	assert(n.members.Is(&c), "a leader's configuration %v is older than %v", c, n.members)
	// The lease rests on a majority of the present voters.
	n.lead.lease = 0
	n.renew()
	for _, p := range was {
		if n.peer(p.id) == nil {
			n.out.Messages = append(n.out.Messages, n.sign(p.id, Message{
				Kind: Heartbeat, SentAt: n.now, Commit: n.commit, Leader: n.cfg.ID, Addr: n.cfg.Addr,
				Token: Token{n.hard.Epoch, n.lead.cancelled}, Members: c,
			}))
		}
	}
	n.beat(Heartbeat)
}
