package bully

import (
	"slices"
	"time"
)

// The leader's side: its sign of life, its lease, what is committed, and its
// end.
//
//	            sent s                       acknowledged by a majority
//	leader  ──────┬───────────────────────────────┬──────────┤ lease ends s + 0.8·P
//	voter   ───────────┬─────────────────────────────────────────────┤ promise ends r + P
//	            received r ≥ s
//
// With clock rates that differ by at most 20 %, 0.8·P on the leader's clock is
// over before P on any voter's.
//
// A lease that has run out ends nothing yet: the leader answers nothing until a
// majority has acknowledged a newer heartbeat. It resigns T after the newest one
// that a majority did.

// A lease is leaseNum/leaseDen of the promise that it rests on.
const (
	leaseNum = 4
	leaseDen = 5
)

// promise is P, how long this node's promises last.
func (c *Config) promise() time.Duration { return c.Lease * leaseDen / leaseNum }

// leadership is a leader's state in its epoch.
type leadership struct {
	since    time.Duration // when it was elected, or went on after a handover
	seq      uint64        // of heartbeats
	nextBeat time.Duration
	forced   bool  // by an operator, who gave up what the missing voters hold
	begun    bool  // the epoch's record is in the log
	epochEnd int64 // and ends at this offset
	lease    time.Duration
	late     int           // renewals in a row that gave no lease
	timely   int           // and that left enough of it
	tooLate  bool          // after lateMost late ones, until timelyMost timely ones
	renewed  time.Duration // send time of the newest heartbeat a majority acknowledged, or since

	handing   handing
	tokens    int64  // given away
	cancelled int64  // of them taken back
	minSeq    uint64 // heartbeats before this one renew nothing
	failed    Reason // why the last handover did

	change *Configuration // waits until it may begin
}

// becomeLeader starts this node's epoch. It does not serve yet: the driver
// appends the epoch's record, and a majority must hold it first.
func (n *Node) becomeLeader() {
	assert(n.role == Candidate && n.campaign.phase == Real, "leader without an election")
	assert(n.hard.VoteFor == n.cfg.ID, "leader without its own vote in epoch %d", n.hard.Epoch)
	n.role = Leader
	n.leader, n.addr = n.cfg.ID, n.cfg.Addr
	n.lead = leadership{since: n.now, renewed: n.now, forced: n.campaign.forced}
	n.matched = n.hard.Epoch
	if n.hard.MayHaveLost {
		n.regain() // what may elect found nothing that this log lacks
	}
	n.event(Event{Kind: Elected, Epoch: n.hard.Epoch, Votes: n.votes()})
	n.promise, n.hearsay = promise{}, promise{}
	n.parkedUntil = 0
	given := n.campaign
	n.settle()
	for _, p := range n.peers {
		p.acked, p.echo, p.promise, p.echoed, p.steady = 0, 0, 0, false, false
		p.yielded, p.tries, p.retryAt = given.keeps(p.id), 0, 0
		p.members = Configuration{}
	}
	n.beat(Coordinator)
}

// keeps reports whether the winner with a leader's token keeps the lead against a peer that
// has not fallen since: the operator's choice against all, what a leader that stops left
// behind against that one alone.
func (c *campaign) keeps(peer int64) bool {
	return c.token.N != 0 && (c.why == ByCommand || c.why == Stopping && c.giver == peer)
}

// settle forgets the campaign once a leader is known.
func (n *Node) settle() {
	c := &n.campaign
	c.suspecting, c.suspect, c.hotUntil, c.deferTo, c.failed = false, 0, 0, 0, 0
	c.token, c.giver, c.why, c.forced, c.stood = Token{}, 0, NoReason, false, 0
	for _, p := range n.peers {
		p.passed = false
	}
}

// beat sends the sign of life to all.
func (n *Node) beat(k Kind) {
	n.lead.seq++
	n.lead.nextBeat = n.now + n.cfg.Heartbeat
	why := NoReason
	if n.lead.forced {
		why = Forced
	}
	n.broadcast(Message{
		Kind: k, Reason: why, Seq: n.lead.seq, SentAt: n.now, Commit: n.commit,
		Leader: n.cfg.ID, Addr: n.cfg.Addr, Token: Token{n.hard.Epoch, n.lead.cancelled},
	})
}

func (n *Node) tickLeader() {
	if len(n.peers) == 0 {
		return
	}
	if n.now >= n.lead.renewed+n.cfg.Timeout && !n.lone() && !n.rules.noLease {
		n.resign(LeaseLost)
		return
	}
	n.tickHandover()
	if n.now >= n.lead.nextBeat {
		n.considerTakeover()
		n.beat(Heartbeat)
		if n.lead.handing.stage == Passed {
			n.sendToken() // the first may have been lost
		}
	}
}

func (n *Node) nextLeader() time.Duration {
	if len(n.peers) == 0 {
		return Never
	}
	if n.rules.noLease || n.lone() {
		return n.lead.nextBeat
	}
	next := min(n.lead.nextBeat, n.lead.renewed+n.cfg.Timeout)
	if s := n.lead.handing.stage; s != NoHandover && s != Resuming {
		next = min(next, n.lead.handing.deadline)
	}
	return next
}

// onAck takes a follower's answer to a heartbeat.
func (n *Node) onAck(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	p.sick, p.fresh = m.Reason == DiskFailed, m.Reason == JustStarted
	if n.role != Leader {
		return
	}
	if m.Epoch > n.hard.Epoch {
		n.adopt(m.Epoch)
		return
	}
	if m.Epoch < n.hard.Epoch || m.Reason == OldEpoch || m.SentAt > n.now {
		return
	}
	if m.Seq >= n.lead.minSeq && m.Reason != Forgot && (!p.echoed || m.SentAt > p.echo) {
		p.echo, p.promise, p.echoed = m.SentAt, m.Promise, true
		if n.rules.leaseOnArrival {
			p.echo = n.now
		}
	}
	if p.forgot = m.Reason == Forgot; p.forgot {
		p.acked = 0 // what it held is gone
		return
	}
	n.renew()
	n.proceedChange()
	// A log whose last record is of this epoch was written by this leader: it
	// is a prefix of this log. Any other may have a tail that this leader has
	// never seen, and its length says nothing.
	if m.Position.Epoch == n.hard.Epoch || n.rules.foreignAcks {
		p.acked = max(p.acked, m.Durable)
		n.countCommit()
	}
	n.passOn()
}

// renew moves the lease to where the promises of a majority, the leader itself
// among it, surely last, and notes the newest heartbeat that one acknowledged.
// How long a voter's promise lasts, the voter says: it may have been told
// another length than this leader.
func (n *Node) renew() {
	var echoes, ends []time.Duration
	for _, p := range n.peers {
		if p.voter && p.echoed {
			length := min(p.promise*leaseNum/leaseDen, n.cfg.Lease)
			switch {
			case n.rules.noMargin:
				length = p.promise
			case n.rules.ownLease:
				length = n.cfg.Lease
			}
			echoes, ends = append(echoes, p.echo), append(ends, p.echo+length)
		}
	}
	if len(echoes) < n.quorum-1 {
		return
	}
	renewed, lease := n.lead.renewed, n.lead.lease
	n.lead.renewed = max(renewed, n.byMajority(echoes, n.now))
	n.lead.lease = max(lease, n.byMajority(ends, n.now+n.cfg.Lease))
	if n.lead.renewed > renewed {
		n.watchLease(lease)
	}
	n.resumed()
}

// byMajority is the latest moment that a majority has reached: the others'
// moments are given, and this node's own.
func (n *Node) byMajority(others []time.Duration, own time.Duration) time.Duration {
	if n.quorum == 1 {
		return own
	}
	slices.Sort(others)
	return others[len(others)-(n.quorum-1)]
}

// LeaseValid reports whether this node may answer as the leader at now. It
// must be asked when a command is taken and again before its reply leaves.
func (n *Node) LeaseValid(now time.Duration) bool {
	if n.role != Leader || n.revokedByHandover() || !n.mayServe() {
		return false
	}
	return n.lone() || now < n.lead.lease || n.rules.noLease
}

// countCommit finds the offset that a majority holds durably.
func (n *Node) countCommit() {
	if n.role != Leader || !n.lead.begun {
		return
	}
	c := n.majorityHolds()
	if c < n.lead.epochEnd && !n.rules.oldEpochCommit {
		return
	}
	n.told = max(n.told, c)
	n.commit = max(n.commit, c)
	n.passOn()
	n.proceed()
	n.proceedChange()
}

// majorityHolds is the offset that a majority of the voters holds durably. A
// leader is one of them.
func (n *Node) majorityHolds() int64 {
	held := make([]int64, 0, len(n.peers)+1)
	held = append(held, n.durable)
	for _, p := range n.peers {
		if p.voter {
			held = append(held, p.acked)
		}
	}
	slices.Sort(held)
	return min(held[len(held)-n.quorum], n.pos.Offset)
}

// serving: this epoch's record is committed, and with it all before, and no
// token is given away.
func (n *Node) serving() bool {
	return n.role == Leader && n.lead.begun && n.commit >= n.lead.epochEnd && !n.revokedByHandover()
}

// EpochBegun tells that the driver appended the record of this node's epoch,
// ending at offset end.
func (n *Node) EpochBegun(now time.Duration, epoch, end int64) Output {
	n.enter(now)
	if n.role == Leader && epoch == n.hard.Epoch && !n.lead.begun {
		n.lead.begun, n.lead.epochEnd = true, end
		n.countCommit()
	}
	return n.leave()
}

// Acked tells that a follower's stream of an epoch holds this leader's log
// durably up to an offset. It does not renew the lease.
func (n *Node) Acked(now time.Duration, from, epoch, durable int64) Output {
	n.enter(now)
	p := n.peer(from)
	if p != nil && n.role == Leader && epoch == n.hard.Epoch && !p.forgot {
		p.acked = max(p.acked, durable)
		n.countCommit()
	}
	return n.leave()
}

// AckedOffset is how far a peer holds this leader's log durably; 0 when this
// node does not lead.
func (n *Node) AckedOffset(id int64) int64 {
	if p := n.peer(id); p != nil && n.role == Leader {
		return p.acked
	}
	return 0
}

// depose ends the leadership. The driver ends the lease before anything is sent.
func (n *Node) depose() {
	assert(n.role == Leader, "deposing a node that does not lead")
	n.role = Follower
	n.leader, n.addr = 0, ""
	if h := n.lead.handing; h.stage >= Holding {
		n.parkedUntil = max(h.deadline, n.now+n.cfg.Timeout/parkPart)
	}
	n.lead = leadership{}
	n.out.Deposed = true
	n.campaign.calm(n.now + n.cfg.Timeout)
}

// resign tells the others that they need not wait.
func (n *Node) resign(r Reason) {
	n.event(Event{Kind: Resigned, Epoch: n.hard.Epoch, Reason: r})
	n.depose()
	n.broadcast(Message{Kind: Resign, Reason: r})
}

// Disk tells whether the log and the state file can be written. A node that
// cannot write neither leads nor runs. It votes: the driver sends nothing while the
// vote is not on disk.
func (n *Node) Disk(now time.Duration, ok bool) Output {
	n.enter(now)
	if n.stopped || ok == !n.diskBad {
		return n.leave()
	}
	n.diskBad = !ok
	switch {
	case ok:
		// What failed to be written then is due now.
		n.unsaved = true
		if n.lone() {
			n.campaign.calm(n.now)
		} else {
			n.campaign.calm(n.now + n.cfg.Timeout)
		}
	case n.role == Leader:
		n.resign(DiskFailed)
	case n.role == Candidate:
		n.role = Follower
	}
	return n.leave()
}

// Stop ends this node's part: a leader resigns. Every later call but Status
// does nothing.
func (n *Node) Stop(now time.Duration) Output {
	n.enter(now)
	if !n.stopped {
		if n.role == Leader {
			n.resign(Stopping)
		}
		n.role = Follower
		n.stopped = true
	}
	return n.leave()
}
