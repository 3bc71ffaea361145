package bully

import "time"

// After a power loss a node that does not sync each write may lack bytes that
// it had acknowledged, and that were committed on the strength of it. Its state
// file was always synced: what it promised it knows. A node whose disk was
// replaced lacks even that.
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

// lookBack finds out whether a node that started with nothing is one of a new
// cluster, or came without its disk into one that has a log. If others have a
// log it cannot know what it has promised and acknowledged, so it may have lost
// it, and is wary. At a cluster's first start all logs are empty, and whoever
// has voted then is no longer blank.
func (n *Node) lookBack(m Message) {
	if !n.blank || m.Position.Epoch == 0 || n.rules.blankVotes {
		return
	}
	n.blank = false
	n.hard.MayHaveLost, n.unsaved = true, true
	n.promise.wary = n.started + n.cfg.Timeout
}

// recovery is what a node that may have lost something knows of its way back.
type recovery struct {
	epoch int64  // in which it asked
	seq   uint64 // of the question
	known bool   // it was answered
	end   int64  // the leader's end by then
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

// askEnd asks the leader, once per heartbeat, where its log ends.
func (n *Node) askEnd(p *peer) {
	r := &n.recovery
	if !n.hard.MayHaveLost || r.known && r.epoch == n.hard.Epoch {
		return
	}
	n.campaign.seq++
	*r = recovery{epoch: n.hard.Epoch, seq: n.campaign.seq}
	n.send(p.id, Message{Kind: Election, Phase: Pre, Seq: r.seq})
}

// onEnd takes the answer.
func (n *Node) onEnd(m Message) {
	r := &n.recovery
	if !n.hard.MayHaveLost || r.known || m.Seq != r.seq || m.Epoch != r.epoch ||
		m.From != n.leader || m.Leader != m.From || n.hard.Epoch != r.epoch {
		return
	}
	r.known, r.end = true, m.Position.Offset
	n.recovered()
}

// recovered ends the reserve once the log holds all that the leader's held.
func (n *Node) recovered() {
	r := &n.recovery
	if !n.hard.MayHaveLost || n.role == Leader || !r.known || r.epoch != n.hard.Epoch ||
		n.matched != r.epoch || n.durable < r.end {
		return
	}
	n.regain()
}

func (n *Node) regain() {
	n.hard.MayHaveLost = false
	n.unsaved = true
	n.recovery = recovery{}
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
