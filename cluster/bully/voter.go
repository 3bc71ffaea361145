package bully

import (
	"slices"
	"time"
)

// The voter's side of an election: a promise not to help others while a
// leader is heard, and one vote per epoch.
//
// Three times bind a voter. It has promised the leader that it heard P of quiet,
// counted from the receipt of each heartbeat: the leader's lease rests on this,
// and nothing but proof of that leader's end ends it early. While it hears that
// leader, within T of a heartbeat, it helps nobody to replace it: nothing rests
// on this but peace, and a sign of the leader's death ends it. And after its own
// start it does not know what it had promised, so it holds back for T, which is
// as long as any promise, as if it had. None of these binds a node that has
// never seen an epoch: it cannot have promised anything.

// A promise binds a voter to a leader.
type promise struct {
	to    int64
	addr  string
	until time.Duration // the leader's lease rests on it so long
	heard time.Duration // the leader counts as alive so long; until, or later
	epoch int64         // of the leader's heartbeat that gave it
	// cancelled tokens of that leader's epoch end it no more.
	cancelled int64
	// wary is the end of the time after the node's own start in which it must
	// keep promises it may have forgotten; 0: none. It ends early when a leader
	// of an epoch not below its own is heard: any other promise it can have
	// given was to a leader that this one has replaced.
	wary time.Duration
}

func (p promise) holds(now time.Duration) bool { return p.to != 0 && now < max(p.until, p.heard) }

// boundUntil is when the times that bind this voter are over.
func (n *Node) boundUntil() time.Duration {
	return max(n.promise.until, n.promise.heard, n.promise.wary)
}

// bound says why this node may not vote at all at the moment, NoReason if it
// may. It holds for its own candidacy as well.
func (n *Node) bound() Reason {
	switch {
	case n.role == Leader && (n.LeaseValid(n.now) || n.now < n.lead.renewed+n.cfg.Timeout):
		return LeaderAlive // also while its lease has run out for a moment
	case n.promise.holds(n.now) && !n.rules.noPromise:
		return LeaderAlive
	case n.now < n.promise.wary && !n.rules.noWariness:
		return JustStarted
	}
	return NoReason
}

// owes is what a candidate's log must hold for this node's vote: all of its own. Of a log
// that cannot be written, that is what this node has ever acknowledged; the rest, which is
// in its memory alone, nobody was told of. If nothing of the last epoch is durable, what is
// ends in an earlier one.
func (n *Node) owes() Position {
	switch {
	case !n.diskBad:
		return n.pos
	case n.rules.brokenOwesNothing:
		return Position{}
	case n.durable <= n.before.Offset:
		return Position{n.before.Epoch, n.durable}
	}
	return Position{n.pos.Epoch, n.durable}
}

// onElection answers a candidate.
func (n *Node) onElection(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	if n.role != Leader && n.members.Older(&m.Members) && n.bound() == NoReason {
		n.takeMembers(m.Members, 0)
	}
	switch m.Phase {
	case Pre:
		n.answerPre(p, m)
	case Real:
		n.answerReal(p, m)
	}
}

// answer sends OK. It names the leader this node hears, so that a candidate
// that cannot hear it can still redirect its clients.
func (n *Node) answer(p *peer, m Message, v Verdict, r Reason) {
	reply := Message{Kind: OK, Seq: m.Seq, Phase: m.Phase, Verdict: v, Reason: r}
	if r == LeaderAlive {
		if n.role == Leader {
			reply.Leader, reply.Addr = n.cfg.ID, n.cfg.Addr
		} else if !n.isWitness(n.promise.to) {
			reply.Leader, reply.Addr = n.promise.to, n.promise.addr
		}
	}
	n.send(p.id, reply)
}

// outdated reports whether a candidate's configuration forbids this node to vote for
// it: it is older than this node's own. One exception keeps a removal that was never
// finished, and that only dead nodes know of beside the one that was removed, from costing the
// leader: that one may vote for a candidate that has the configuration before. If the
// removal is in force, a majority of those that are left have it, and of any majority of
// those before, one of these is part beside the removed node: it refuses.
//
// It must be the very one before, as the same leader wrote it (hard.Before): with a change
// in between majorities need not meet. The candidate may have it from an earlier leader.
func (n *Node) outdated(c *Configuration) bool {
	if !c.Older(&n.members) || n.rules.oldMembersRun {
		return false
	}
	b := &n.hard.Before
	mine := !n.voter && b.Epoch == n.members.Epoch && b.Version+1 == n.members.Version
	same := c.Is(b) || c.Version == b.Version && slices.Equal(c.Voters, b.Voters)
	return !mine || !same
}

// deny refuses a vote.
func (n *Node) deny(p *peer, m Message, r Reason) {
	n.event(Event{Kind: VoteDenied, Node: p.id, Epoch: m.Epoch, Reason: r})
	n.answer(p, m, Refuse, r)
}

// answerPre says how this node would vote, and changes nothing by it: only
// this node's own wish to run may be woken.
func (n *Node) answerPre(p *peer, m Message) {
	r := n.bound()
	if r == NoReason && n.role == Leader {
		r = LeaderAlive // its lease is revoked, but it has not given up yet
	}
	if r != NoReason {
		n.answer(p, m, Refuse, r)
		return
	}
	old := n.outdated(&m.Members)
	behind := m.Position.Less(n.owes()) && !n.rules.noFreshness
	bully := !old && !behind && !n.pos.Less(m.Position) && !n.yieldsTo(m.From, m.Witness)
	// One question wakes several nodes at one moment. So a node that backs off goes
	// on doing so, and stands nobody down: woken together again and again,
	// rivals would split the votes for ever.
	mayRun := !n.passive() && !n.members.Older(&m.Members) && n.campaign.deferTo == 0 && n.campaign.failed == 0 && n.seesMajority() && !n.hard.MayHaveLost && !n.unwritten()
	switch {
	case old:
		n.answer(p, m, Refuse, OldMembers)
	case behind:
		n.answer(p, m, Refuse, StaleLog)
	case bully && mayRun:
		n.answer(p, m, StandDown, NoReason)
	default:
		n.answer(p, m, Grant, n.reserve())
	}
	switch {
	case !mayRun || n.role != Follower:
	case bully:
		n.startPre()
	case behind || old:
		n.wake()
	}
}

// answerReal votes. IDs do not matter here: a high node without a majority
// would block everyone.
func (n *Node) answerReal(p *peer, m Message) {
	if m.Epoch < n.hard.Epoch {
		n.deny(p, m, OldEpoch)
		return
	}
	freed := n.freed(m)
	if r := n.bound(); r != NoReason && !(freed && r == LeaderAlive) {
		n.deny(p, m, r)
		return
	}
	if m.Epoch > n.hard.Epoch {
		n.adopt(m.Epoch)
	}
	switch {
	case n.hard.VoteFor != 0 && n.hard.VoteFor != m.From:
		n.deny(p, m, VoteTaken)
	case n.outdated(&m.Members):
		n.deny(p, m, OldMembers)
		if n.role == Follower && n.leader == 0 && !n.passive() {
			n.wake()
		}
	case m.Position.Less(n.owes()) && !n.rules.noFreshness:
		n.deny(p, m, StaleLog)
		if n.role == Follower && n.leader == 0 && !n.passive() {
			n.wake()
		}
	default:
		if n.hard.VoteFor == 0 {
			n.setHard(HardState{Epoch: m.Epoch, VoteFor: m.From})
			n.event(Event{Kind: Voted, Node: p.id, Epoch: m.Epoch})
		}
		if n.role == Candidate {
			n.role = Follower
		}
		if freed {
			n.promise = promise{}
		}
		n.campaign.calm(n.now + n.cfg.Timeout)
		n.campaign.deferTo = 0
		n.answer(p, m, Grant, n.reserve())
	}
}
