package bully

import "time"

// The candidate's side of an election.
//
//	             silence for T,           the best: none; rank·T/10 + random
//	             death, RESIGN                  │
//	  follower ───────────────► suspecting ─────┴──► pre ──majority──► real ──majority──► leader
//	     ▲  ▲                        ▲                │ │                │
//	     │  └──── STANDDOWN, wait 2T ┼────────────────┘ │ T              │ T
//	     │                           └──────────────────┘                │
//	     └──────── T·2^k ± half ─────────────────────────────────────────┘
//
// Within a phase the question is repeated to those that have not granted it,
// and the newest answer of each counts: a lost message, a round trip longer
// than the pace, or a voter that learns of the leader's death a moment later
// costs one repetition, not a new phase.

// The waits, as parts of T.
const (
	rankPart    = 10  // T/10 per better node: the best goes first
	jitterPart  = 20  // up to T/20 at random
	resendPart  = 4   // a question is repeated every T/4,
	hotPart     = 25  // or every T/25 while voters are about to learn of the leader's end,
	hotFirst    = 250 // at first after T/250, then twice that,
	hotDoubled  = 4   // so many times
	tookMost    = 8   // a disk that takes longer than so many T is not waited for
	deferTimes  = 2   // 2T for the node that stood this one down
	backoffMost = 3   // back-off doubles to T·2^3
)

// A campaign is a node's wish to lead.
type campaign struct {
	suspectAt  time.Duration // silence is suspicious from here on
	suspecting bool          // it was; this node's turn is at
	electAt    time.Duration
	suspect    int64         // the leader that was lost, 0: none
	hotUntil   time.Duration // it is gone, it seems; voters are about to learn it
	deferTo    int64         // the node that stood this one down, 0: none
	failed     int           // real phases lost since a leader was heard

	phase  Phase
	seq    uint64
	token  Token  // a leader's that hands over, for one real phase
	giver  int64  // that leader
	why    Reason // of its handover
	forced bool   // grants of voters that may have lost something are as good as others
	top    int64  // highest epoch among the answers
	// stood is the epoch in which this node stood last, while nobody is known to
	// lead it or to have voted for another in it. It stands in it again: votes that came too
	// late, since a disk takes longer than T, are on disk by then.
	stood    int64
	asked    int // questions of this phase
	resendAt time.Duration
	deadline time.Duration
}

// calm ends suspicion until a moment.
func (c *campaign) calm(until time.Duration) {
	c.suspecting, c.suspectAt = false, until
}

// await sets the moment to ask.
func (c *campaign) await(at time.Duration) {
	c.suspecting, c.electAt = true, at
}

// tickFollower waits for silence, then for this node's turn.
func (n *Node) tickFollower() {
	c := &n.campaign
	if n.passive() {
		if n.now >= c.suspectAt {
			n.silence()
			n.leader, n.addr = 0, ""
		}
		return
	}
	if n.unwritten() {
		return
	}
	if !c.suspecting {
		if n.now < c.suspectAt {
			return
		}
		if p := n.peer(c.deferTo); p != nil {
			p.passed = true // it had its time; run past it
		}
		n.silence()
		// The others heard the same last word, perhaps a moment later.
		c.hotUntil = max(c.hotUntil, n.now+n.cfg.Timeout/resendPart)
		n.suspectLeader()
	}
	if n.now >= c.electAt {
		n.startPre()
	}
}

// suspectLeader gives up on the leader and finds this node's turn.
func (n *Node) suspectLeader() {
	c := &n.campaign
	if n.leader != 0 {
		c.suspect = n.leader
		if p := n.peer(n.leader); p != nil {
			n.fell(p)
		}
	}
	n.leader, n.addr = 0, ""
	c.deferTo = 0
	c.await(n.now + n.firstTurn())
}

// wake lets this node run in its turn, since a worse one does already.
func (n *Node) wake() {
	c := &n.campaign
	switch {
	case !c.suspecting:
		n.silence()
		n.suspectLeader()
	case c.failed == 0:
		c.electAt = min(c.electAt, n.now+n.firstTurn())
	}
}

// firstTurn is the turn of a node that has just lost its leader: the best goes
// at once. If two think so of themselves, the pre-round tells them apart.
func (n *Node) firstTurn() time.Duration {
	if n.rank() == 0 && n.campaign.failed == 0 {
		return 0
	}
	return n.turn()
}

// turn is how long this node lets better ones go first, and a random while, so that
// those that asked in vain together do not ask together again.
func (n *Node) turn() time.Duration {
	if n.lone() {
		return 0
	}
	t := n.cfg.Timeout
	return time.Duration(n.rank())*t/rankPart + n.within(t/jitterPart)
}

// rank counts the reachable peers that should lead before this node, as far
// as their positions are known. Followers do not speak with each other: what
// one said more than T ago says nothing. The lost leader is not counted.
func (n *Node) rank() int {
	r := 0
	for _, p := range n.peers {
		if !p.voter || p.passed || p.id == n.campaign.suspect || !n.reachable(p) {
			continue
		}
		known := p.posKnown && n.now-p.seen < n.cfg.Timeout
		switch {
		case known && n.pos.Less(p.pos):
			r++
		case known && p.pos.Less(n.pos):
		case n.yieldsTo(p.id, p.witness):
			r++
		}
	}
	return r
}

func (n *Node) reachable(p *peer) bool {
	return !p.dead && (p.up || p.everMet && !p.lost && n.now-p.seen < n.cfg.Timeout)
}

func (n *Node) seesMajority() bool {
	k := 1
	for _, p := range n.peers {
		if p.voter && n.reachable(p) {
			k++
		}
	}
	return k >= n.quorum
}

// startPre asks whether an election could be won. Nothing is promised.
func (n *Node) startPre() {
	if n.bound() != NoReason || n.unwritten() {
		// A promise came in between, or the start is too fresh: wait it out.
		n.campaign.calm(max(n.boundUntil(), n.now+n.cfg.Timeout/jitterPart))
		return
	}
	if n.leader != 0 {
		n.silence()
		n.campaign.suspect = n.leader
	}
	n.leader, n.addr = 0, ""
	n.campaign.top, n.campaign.token = n.hard.Epoch, Token{}
	n.openPhase(Pre)
}

// startReal takes a new epoch, this node's vote in it, and asks for the rest.
func (n *Node) startReal() {
	assert(n.bound() == NoReason, "candidate bound by a promise")
	epoch := max(n.campaign.top, n.hard.Epoch) + 1
	if n.campaign.stood != 0 && n.campaign.stood == epoch-1 {
		n.openPhase(Real) // this node's vote is there, and perhaps others' by now
		return
	}
	if epoch >= epochLimit {
		n.retire(n.cfg.Timeout)
		return
	}
	n.setHard(HardState{Epoch: epoch, VoteFor: n.cfg.ID})
	n.campaign.stood = epoch
	n.event(Event{Kind: Stands, Epoch: epoch})
	n.openPhase(Real)
}

func (n *Node) openPhase(ph Phase) {
	c := &n.campaign
	n.role = Candidate
	c.phase, c.suspecting, c.deferTo, c.asked = ph, false, 0, 0
	c.seq++
	c.deadline = n.now + n.cfg.Timeout
	for _, p := range n.peers {
		p.verdict, p.refusal = 0, Vote{}
	}
	n.ask()
	n.count()
}

// ask sends the question to those that have not granted it.
func (n *Node) ask() {
	c := &n.campaign
	pace := n.cfg.Timeout / resendPart
	if n.now < c.hotUntil {
		pace = min(n.cfg.Timeout/hotFirst<<min(c.asked, hotDoubled), n.cfg.Timeout/hotPart)
	}
	c.asked++
	c.resendAt = n.now + max(pace, 1)
	for _, p := range n.peers {
		if p.voter && p.verdict != Grant {
			n.send(p.id, Message{Kind: Election, Phase: c.phase, Seq: c.seq, Token: c.token})
		}
	}
}

func (n *Node) tickCandidate() {
	c := &n.campaign
	switch {
	case n.unwritten():
	case n.now < c.deadline && n.now >= c.resendAt:
		n.ask()
	case n.now < c.deadline:
	case c.phase == Pre:
		n.event(Event{Kind: NotElected, Phase: Pre, Epoch: n.hard.Epoch + 1, Votes: n.votes()})
		n.retire(n.turn())
	default:
		n.event(Event{Kind: NotElected, Phase: Real, Epoch: n.hard.Epoch, Votes: n.votes()})
		n.lostReal()
	}
}

// lostReal backs off after a real phase without a majority, so that rivals
// come apart.
func (n *Node) lostReal() {
	c := &n.campaign
	d := max(n.cfg.Timeout, min(n.took, tookMost*n.cfg.Timeout)) << min(c.failed, backoffMost)
	c.failed++
	n.retire(d/2 + n.within(d))
}

// retire ends the candidacy; the next one starts after wait.
func (n *Node) retire(wait time.Duration) {
	n.role = Follower
	n.campaign.token = Token{}
	n.campaign.await(n.now + max(wait, 1))
}

// onOK takes a voter's answer to the running phase.
func (n *Node) onOK(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	n.onEnd(p, m)
	c := &n.campaign
	if m.Reason == OldMembers && n.role != Leader && n.members.Older(&m.Members) && len(m.Members.Voters) > 0 && n.bound() == NoReason {
		if n.role == Candidate {
			n.retire(n.turn())
		}
		n.takeMembers(m.Members, 0) // as a voter takes a candidate's
		return
	}
	if n.role != Candidate || m.Seq != c.seq || m.Phase != c.phase {
		n.lateGrant(m)
		return
	}
	if m.Verdict == Refuse && m.Reason == LeaderAlive && m.Leader != 0 && m.Leader != n.cfg.ID && !n.isWitness(m.Leader) {
		n.hearsay = promise{to: m.Leader, addr: m.Addr, heard: n.now + n.cfg.Timeout}
	}
	if m.Verdict != Grant {
		p.refusal = Vote{Node: p.id, Verdict: m.Verdict, Reason: m.Reason, Leader: m.Leader}
	}
	if c.phase == Real {
		n.onVote(p, m)
		return
	}
	c.top = max(c.top, m.Epoch)
	switch {
	case m.Verdict == StandDown && !p.passed:
		n.event(Event{Kind: StoodDown, Node: p.id})
		n.role = Follower
		c.deferTo = p.id
		c.calm(n.now + deferTimes*n.cfg.Timeout)
		return
	case m.Verdict == StandDown:
		// It would have granted but for its ID.
		p.verdict, p.weak = Grant, false
	default:
		p.verdict, p.weak = m.Verdict, m.Reason == MayHaveLost
	}
	n.count()
}

// lateGrant has this node run again at once when a voter whose disk is slow has
// voted for it at last.
func (n *Node) lateGrant(m Message) {
	c := &n.campaign
	if m.Phase == Real && m.Verdict == Grant && m.Epoch == n.hard.Epoch && c.stood == m.Epoch && n.role == Follower && c.suspecting {
		c.electAt = min(c.electAt, n.now)
	}
}

func (n *Node) onVote(p *peer, m Message) {
	if m.Epoch > n.hard.Epoch {
		n.event(Event{Kind: NotElected, Phase: Real, Node: p.id, Epoch: m.Epoch})
		n.adopt(m.Epoch)
		n.lostReal()
		return
	}
	if m.Epoch == n.hard.Epoch && m.Reason == VoteTaken {
		n.campaign.stood = 0
	}
	if m.Epoch == n.hard.Epoch && m.Verdict == Grant && n.now < n.campaign.deadline {
		p.verdict, p.weak = Grant, m.Reason == MayHaveLost
		n.count()
	}
}

// count moves on when the grants, this node's own among them, are enough.
func (n *Node) count() {
	if n.unwritten() || !n.granted() && !n.rules.noMajority {
		return
	}
	if n.bound() != NoReason {
		n.retire(n.turn())
		return
	}
	if n.campaign.phase == Pre {
		n.startReal()
		return
	}
	n.becomeLeader()
}

// PeerDead takes evidence that a peer's process is gone. at is this node's
// clock before the dial that was refused: a word heard from the peer since
// then is a newer process's, and the evidence does not touch that one.
//
// A Proof ends the promise to that peer. A Sign saves the suspicion: the peer
// need not be silent for T, but what was promised to it stands.
func (n *Node) PeerDead(at time.Duration, id int64, how Evidence) Output {
	n.enter(at)
	p := n.peer(id)
	if p == nil || n.stopped || n.cfg.NoCrashEvidence {
		return n.leave()
	}
	if p.everMet && p.seen >= at && !n.rules.lateEvidence {
		return n.leave()
	}
	if !p.dead && (n.promise.to == id || n.leader == id) && n.role != Leader {
		n.event(Event{Kind: LeaderGone, Node: id, Epoch: n.hard.Epoch, How: how})
	}
	if !p.dead {
		yielded := p.yielded && at < n.lead.since // that fall was before the command
		n.fell(p)
		p.yielded, p.tries, p.retryAt = yielded, 0, 0
	}
	p.up, p.dead = false, true
	if n.role == Leader {
		return n.leave()
	}
	switch {
	case n.promise.to == id && (how == Proof || n.rules.signIsProof):
		n.released(id)
	case n.promise.to == id:
		n.unheard(id)
	case n.awaits(id) && !n.passive():
		n.suspectLeader()
	}
	return n.leave()
}

// unheard takes a leader for dead that said nothing for as long as this node's
// promise to it lasts. One that lives speaks before, and all is as it was.
func (n *Node) unheard(id int64) {
	if n.promise.heard <= n.promise.until {
		return // an earlier sign
	}
	n.promise.heard = n.promise.until
	over := max(n.now, n.promise.until)
	c := &n.campaign
	c.hotUntil = over + n.cfg.Timeout
	if n.role == Follower && n.leader == id && !c.suspecting {
		c.suspectAt = min(c.suspectAt, over)
	}
	if n.role == Candidate {
		c.resendAt = min(c.resendAt, n.now+n.cfg.Timeout/hotPart)
	}
}

// awaits reports whether this node holds still until a peer becomes leader.
func (n *Node) awaits(id int64) bool {
	c := &n.campaign
	if n.role != Follower || n.leader != 0 || c.suspecting {
		return false
	}
	return c.deferTo == id || c.deferTo == 0 && n.hard.VoteFor == id
}

// released ends the promise to a leader that is certainly gone: a dead one
// cannot acknowledge, a resigned one has no lease.
func (n *Node) released(id int64) {
	n.promise.to, n.promise.until, n.promise.heard = 0, 0, 0
	if n.hearsay.to == id {
		n.hearsay = promise{}
	}
	c := &n.campaign
	c.hotUntil = n.now + n.cfg.Timeout
	c.suspect = id
	if n.role == Follower && !n.passive() && c.deferTo == 0 {
		n.suspectLeader()
	}
	if n.role == Candidate {
		c.resendAt = min(c.resendAt, n.now+n.cfg.Timeout/hotPart)
	}
}

// PeerReachable tells whether the driver holds a link to a peer. It decides
// nothing but which goes first, and that the peer is told the configuration again: at
// the end of a new link may be a process that has lost it with its disk, and does not even
// know of this node, so that it cannot say which it has.
func (n *Node) PeerReachable(id int64, up bool) {
	p := n.peer(id)
	if p == nil {
		return
	}
	p.up, p.lost = up, !up
	if up {
		p.dead, p.members = false, Configuration{}
	}
}
