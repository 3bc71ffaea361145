package bully

import "time"

// The follower's side: it hears the leader, answers, and learns what is
// committed.

// onLeader takes COORDINATOR and HEARTBEAT. Both say "I lead"; the second
// heals the loss of the first.
func (n *Node) onLeader(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	if m.Epoch < n.hard.Epoch {
		// A leader that the majority has left behind learns it from this.
		n.send(p.id, Message{Kind: Ack, Seq: m.Seq, SentAt: m.SentAt, Reason: OldEpoch})
		return
	}
	if m.Epoch > n.hard.Epoch {
		n.adopt(m.Epoch)
	}
	if n.role == Leader || n.leader != 0 && n.leader != m.From {
		return // an epoch has one leader: this is not from a voter of ours
	}
	n.role = Follower
	n.takeMembers(m.Members, m.Epoch)
	if n.leader != m.From {
		n.event(Event{Kind: Follows, Node: m.From, Epoch: m.Epoch})
	}
	n.leader, n.addr = m.From, m.Addr
	cancelled := m.Token.N
	if n.promise.to == m.From && n.promise.epoch == m.Epoch {
		cancelled = max(cancelled, n.promise.cancelled)
	}
	n.promise = promise{
		to: m.From, addr: m.Addr, until: n.now + n.cfg.promise(), heard: n.now + n.cfg.Timeout,
		epoch: m.Epoch, cancelled: cancelled,
	}
	n.parkedUntil = 0
	n.hearsay = promise{}
	n.settle()
	if m.Reason == Forced {
		n.recovery.forced = m.Epoch
	}
	n.campaign.suspectAt = n.promise.heard
	n.held = m.Held
	n.told = max(n.told, m.Commit)
	n.raiseCommit()
	ack := Message{Kind: Ack, Seq: m.Seq, SentAt: m.SentAt, Promise: n.cfg.promise()}
	switch {
	case !n.Vouches():
		ack.Reason = Forgot // above all: the others only cost a leadership
	case n.diskBad:
		ack.Reason = DiskFailed
	case n.fresh():
		ack.Reason = JustStarted // no handover comes to anything meanwhile
	}
	n.send(p.id, ack)
	n.askEnd(p)
}

// onResign lets this node run at once: the leader has revoked its lease.
func (n *Node) onResign(p *peer, m Message) {
	if m.Epoch > n.hard.Epoch {
		n.adopt(m.Epoch)
	}
	p.sick = m.Reason == DiskFailed
	if m.Epoch == n.hard.Epoch && n.promise.to == m.From && n.role != Leader {
		n.event(Event{Kind: LeaderResigned, Node: m.From, Epoch: m.Epoch, Reason: m.Reason})
		n.released(m.From)
	}
}

// Follows reports whether bytes of an epoch's stream may be appended and
// acknowledged at the moment: this node has promised no higher epoch and knows
// the epoch's leader.
func (n *Node) Follows(epoch int64) bool {
	return n.role == Follower && !n.stopped && n.leader != 0 && epoch == n.hard.Epoch
}

// Appended tells where this node's log ends and up to where it is durable.
// After a cut both are lower than before. Cutting what is known to be
// committed panics: it would lose acknowledged data.
func (n *Node) Appended(now time.Duration, pos Position, durable int64) Output {
	n.enter(now)
	assert(pos.Offset >= n.commit, "log cut to %d below commit %d", pos.Offset, n.commit)
	switch {
	case pos.Offset < n.pos.Offset || pos.Epoch < n.pos.Epoch: // it was cut
		n.before = Position{}
	case n.pos.Epoch < pos.Epoch:
		n.before = n.pos
	}
	n.pos, n.durable = pos, min(durable, pos.Offset)
	if pos.Epoch > n.hard.Epoch {
		n.adopt(pos.Epoch)
	}
	n.countCommit()
	n.raiseCommit()
	n.recovered()
	return n.leave()
}

// Committed takes the commit offset that came with an epoch's stream. The
// stream has cut this log to the common point, so it is a prefix of the
// leader's.
func (n *Node) Committed(now time.Duration, epoch, commit int64) Output {
	n.enter(now)
	if n.Follows(epoch) {
		n.matched = epoch
		n.told = max(n.told, commit)
		n.raiseCommit()
		n.recovered()
	}
	return n.leave()
}

// raiseCommit takes as much of what leaders told as this log certainly holds.
// A tail that is not known to be the leader's may hold other bytes at the same
// offsets.
func (n *Node) raiseCommit() {
	if n.role != Leader && (n.matched == n.hard.Epoch || n.pos.Epoch == n.hard.Epoch) {
		n.commit = max(n.commit, min(n.told, n.pos.Offset))
	}
}
