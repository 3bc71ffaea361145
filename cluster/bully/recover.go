package bully

import "time"

// After a power loss a node that does not sync each write may lack bytes that
// it had acknowledged, and that were committed on the strength of it. Its state
// file was always synced: what it promised it knows. So it is with a node whose
// log was shortened by whatever else. One whose disk was replaced, or whose state
// file is missing beside its log, lacks even that: it has forgotten.
//
// So its grant is weak. It counts only in two cases: all voters grant, and then
// the candidate's log is at least the greatest that is left of it anywhere; or
// an operator says that what only the missing ones hold is given up.
//
// It is a full voter again when it has caught up with a leader. That leader has
// all that was committed before its epoch, and what this node acknowledged in
// this very epoch, the leader wrote. How far it must get is the leader's end at
// some moment after this node's start; so it asks, with ELECTION pre, which
// changes nothing and which a leader answers with its position. A heartbeat
// would not do: it may have been under way since before the loss.
//
// Who has forgotten cannot tell whether a leader is of an epoch that it once
// helped to replace: one that has handed over, and has not heard of the next
// epoch yet, looks like any other. Until it can, it helps nobody: it
// acknowledges no heartbeat for a lease and no bytes for a commit, answers no
// round, and counts for no configuration. So it asks all voters in which epoch
// they are. Answers of as many of the others as every majority with this node
// has at least one of say which epoch it may have been in at most: a node that elects,
// or acknowledges, is in the epoch. A leader of that epoch or a later one
// will do. The question is not asked before every
// candidacy has ended that may hold a vote from before: 5/4 T after the start,
// given clock rates within a fifth, since votes count within T of being asked
// for. And a configuration that is newer than its own must be known first.

// lookBack finds out whether a node that started with nothing is one of a new
// cluster, or came without its disk into one that has a log. If others have a
// log it cannot know what it has promised and acknowledged, so it may have lost
// it, and is wary. At a cluster's first start all logs are empty, and a node that
// has voted then is no longer blank.
func (n *Node) lookBack(m Message) {
	if !n.blank || m.Position.Epoch == 0 || n.rules.blankVotes {
		return
	}
	n.blank = false
	n.event(Event{Kind: Emptied, Node: m.From})
	n.hard.MayHaveLost, n.hard.Forgot, n.unsaved = true, true, true
	n.promise.wary = n.started + n.cfg.Timeout
}

// A node that has forgotten asks after forgetNum/forgetDen of T.
const (
	forgetNum = 5
	forgetDen = 4
)

// Vouches reports whether what this node acknowledges and answers may count: it
// knows what it has promised.
func (n *Node) Vouches() bool { return !n.hard.Forgot || n.rules.forgotAcks }

// recovery is what a node that may have lost something knows of its way back.
type recovery struct {
	epoch int64  // in which it asked
	seq   uint64 // of the question
	known bool   // it was answered
	end   int64  // the leader's end by then
	first uint64 // of the questions to all, 0: too early
	// forced is the epoch of a leader that an operator forced: what others may
	// know of later ones was given up.
	forced int64
}

// Doubt tells that the log is about to be replaced by one that may lack what this
// node has acknowledged: its grants are weak until it has caught up with a leader. They
// are, on disk, before the log is touched, and Disk(false) lasts until it is replaced.
func (n *Node) Doubt(now time.Duration) Output {
	n.enter(now)
	if n.role != Leader && !n.stopped {
		n.hard.MayHaveLost, n.unsaved = true, true
		n.recovery.known = false
	}
	return n.leave()
}

// reserve is the reason that goes with this node's grants.
func (n *Node) reserve() Reason {
	if n.hard.MayHaveLost {
		return MayHaveLost
	}
	return NoReason
}

// granted reports whether the grants suffice: a majority that has lost nothing,
// or all.
func (n *Node) granted() bool {
	full, all := 0, 1
	if !n.hard.MayHaveLost {
		full++
	}
	for _, p := range n.peers {
		if !p.voter || p.verdict != Grant {
			continue
		}
		all++
		if !p.weak {
			full++
		}
	}
	if n.rules.forgetLoss || n.campaign.forced {
		full = all
	}
	return full >= n.quorum || all == len(n.members.Voters)
}

// askEnd asks the leader, once per heartbeat, where its log ends, and others
// in which epoch they are, if this node does not know that.
func (n *Node) askEnd(p *peer) {
	r := &n.recovery
	if !n.hard.MayHaveLost {
		return
	}
	known := r.known && r.epoch == n.hard.Epoch
	all := n.hard.Forgot && !n.remembers() && n.now >= n.started+n.cfg.Timeout*forgetNum/forgetDen
	if known && !all {
		return
	}
	n.campaign.seq++
	if all && r.first == 0 {
		r.first = n.campaign.seq
	}
	if !known {
		r.epoch, r.seq, r.known = n.hard.Epoch, n.campaign.seq, false
		n.send(p.id, Message{Kind: Election, Phase: Pre, Seq: n.campaign.seq})
	}
	for _, q := range n.peers {
		if all && q.voter && !q.said && (q != p || known) {
			n.send(q.id, Message{Kind: Election, Phase: Pre, Seq: n.campaign.seq})
		}
	}
}

// onEnd takes the answer.
func (n *Node) onEnd(p *peer, m Message) {
	r := &n.recovery
	if !n.hard.MayHaveLost {
		return
	}
	if r.first != 0 && m.Seq >= r.first && m.Seq <= n.campaign.seq {
		p.said, p.saidEpoch = true, max(p.saidEpoch, m.Epoch)
	}
	if !r.known && m.Seq == r.seq && m.Epoch == r.epoch &&
		m.From == n.leader && m.Leader == m.From && n.hard.Epoch == r.epoch {
		r.known, r.end = true, m.Position.Offset
	}
	n.recovered()
}

// recovered ends the reserve once the log holds all that the leader's held.
func (n *Node) recovered() {
	r := &n.recovery
	if !n.hard.MayHaveLost || n.diskBad || n.role == Leader || !r.known || r.epoch != n.hard.Epoch ||
		n.matched != r.epoch || n.durable < r.end || n.hard.Forgot && !n.remembers() {
		return
	}
	n.regain()
}

// remembers reports whether a node that has forgotten knows enough: it follows
// a leader of no earlier epoch than any that it can have been in.
func (n *Node) remembers() bool {
	if n.rules.leaderSays || n.recovery.forced != 0 && n.recovery.forced == n.hard.Epoch {
		return true
	}
	said := 0
	for _, p := range n.peers {
		if !p.voter || !p.said {
			continue
		}
		if p.saidEpoch > n.hard.Epoch || n.members.Older(&p.members) {
			return false
		}
		said++
	}
	return said > len(n.members.Voters)-n.quorum
}

func (n *Node) regain() {
	if n.hard.Forgot && n.hard.VoteFor == 0 {
		// It may be one of those that elected this leader, in this epoch.
		n.hard.VoteFor = n.leader
	}
	n.event(Event{Kind: Regained, Node: n.otherLeader(), Epoch: n.hard.Epoch})
	n.hard.MayHaveLost, n.hard.Forgot = false, false
	n.unsaved = true
	n.recovery = recovery{}
	for _, p := range n.peers {
		p.said = false
	}
}

// otherLeader is the leader that this node follows, 0: none.
func (n *Node) otherLeader() int64 {
	if n.leader == n.cfg.ID {
		return 0
	}
	return n.leader
}

// ForceLeader lets this node run, and count the grants of voters that may have
// lost something as those of others: what only the voters hold that do not
// answer is given up. A majority and the greatest position among those that do
// answer are needed all the same. It lasts until a leader is known.
func (n *Node) ForceLeader(now time.Duration) (Output, error) {
	n.enter(now)
	var err error
	switch {
	case n.stopped || n.passive():
		err = ErrCannotRun
	case n.leader != 0:
		err = ErrNotNeeded
	default:
		n.campaign.forced = true
		if n.role == Follower {
			n.campaign.deferTo = 0
			n.campaign.await(n.now)
			n.tickFollower()
		} else {
			n.count()
		}
	}
	return n.leave(), err
}
