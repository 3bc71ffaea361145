package bully

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// How a node is laid out:
//
//	            Step(message)          Tick(now)          Appended, Acked, PeerDead …
//	                 │                     │                          │
//	   enter ────────┴─────────────────────┴──────────────────────────┘
//	                 │
//	   voter.go      answers ELECTION, keeps the promise to a leader
//	   election.go   suspects, asks in two phases, stands down, backs off
//	   leader.go     COORDINATOR, HEARTBEAT, lease, commit, RESIGN
//	   follower.go   hears the leader, acknowledges, takes its commit
//	                 │
//	   leave ────────┴──► Output: persist, revoke, send, act
//
// Everything lives in one struct that one goroutine owns. Peers are a sorted
// slice, so that two nodes fed the same calls do the same.

// Never is what NextTick returns when no time is awaited.
const Never = time.Duration(math.MaxInt64)

// epochLimit bounds what is believed of an epoch in a message, so that adding
// one never overflows.
const epochLimit = math.MaxInt64 - 1

// seqShift bounds the first sequence number, which is random: an answer to a
// question of this node's last life must not pass for one of this life.
const seqShift = 16

// A Node is one voter's part in the election. It is not safe for concurrent
// use.
type Node struct {
	cfg    Config
	quorum int     // of the voters
	peers  []*peer // the other members, ascending by ID
	voter  bool    // this node is one
	rules  rules

	now     time.Duration // the newest moment told; never runs backward
	hard    HardState
	unsaved bool  // hard must go to disk with the next Output
	from    int64 // whose message is being taken, 0: none
	pos     Position
	durable int64    // ≤ pos.Offset
	before  Position // where the log ended when its last record was of an earlier epoch

	diskBad bool
	stopped bool

	role   Role
	leader int64  // of hard.Epoch, 0: unknown
	addr   string // its client address

	promise  promise
	hearsay  promise  // a leader others told of, for redirects only
	campaign campaign // this node's wish to lead
	lead     leadership
	recovery recovery
	members  Configuration
	saved    HardState     // what is on disk
	savedIn  Configuration // its configuration, without lists
	asked    time.Duration // since when saved is behind,
	took     time.Duration // and how long that lasted last
	blank    bool          // started with no promise and a log of no epoch, and has seen none since

	started     time.Duration
	parkedUntil time.Duration // deposed by a handover: the driver holds what it held until here, 0: it does not

	held    int64 // a witness': as the leader said last, see Message.Held
	told    int64 // the highest commit offset any leader told
	commit  int64 // the part of it that this log is known to hold
	matched int64 // epoch whose leader's log this log is a prefix of

	out      Output
	shown    Status // as of the last Output
	heldBack bool   // so was the driver told
}

// A peer is what a node knows of another voter.
type peer struct {
	id      int64
	voter   bool
	members Configuration // that it has, without lists
	up      bool          // the driver holds a link
	lost    bool          // the driver lost it, and nothing was heard since
	dead    bool          // crash evidence, until it is heard again
	seen    time.Duration
	everMet bool // seen is valid

	pos      Position
	posKnown bool

	witness bool // it said so

	verdict Verdict // in the running campaign, 0: no answer
	weak    bool    // a Grant that counts only if all grant
	refusal Vote    // the last answer that was none, for the log
	passed  bool    // stood this node down and then did not lead

	said      bool  // it has answered since this node forgot, see recovery,
	saidEpoch int64 // in that epoch

	sick        bool // it said that its disk has failed
	forgot      bool // it said that it has forgotten
	fresh       bool // it said that it takes no token yet
	steady      bool // leader: it keeps up,
	steadySince time.Duration
	falls       int // how often it died or fell silent lately
	fellAt      time.Duration
	tries       int           // handovers to it that came to nothing
	retryAt     time.Duration // no other before, unless its process has ended since
	yielded     bool          // its leadership was given away; until it falls

	acked   int64         // leader: durable here in this epoch
	echo    time.Duration // leader: send time of the newest heartbeat acknowledged
	promise time.Duration // leader: how long it promised from that on
	echoed  bool          // echo and promise are valid
}

// rules takes single rules out of the protocol, for tests that prove the
// simulator would notice. The zero value is the protocol.
type rules struct {
	noMajority     bool // one grant wins
	noFreshness    bool // votes ignore positions
	volatileVote   bool // epoch and vote are not persisted
	oldEpochCommit bool // records of earlier epochs count as committed
	noLease        bool // a leader is always valid
	noMargin       bool // the lease lasts as long as the promise, whatever clocks differ
	ownLease       bool // the lease is what the leader is told, whatever voters promise
	leaseOnArrival bool // the lease counts from the acknowledgement's arrival
	foreignAcks    bool // durable offsets of diverged logs count
	noPromise      bool // voters grant although they hear a leader
	noWariness     bool // voters grant right after their own start
	lateEvidence   bool // crash evidence older than the peer's last word counts
	signIsProof    bool // an answer from another machine ends a promise

	changeAtOnce  bool // members change before the last change is known to a majority
	oldMembersRun bool // voters grant to candidates with older configurations

	brokenOwesNothing bool // a voter whose log cannot be written grants to any candidate

	blankVotes bool // a voter that came without its disk votes as others do
	stateVotes bool // so does one whose log came without the state file
	forgetLoss bool // the grant of a voter that may have lost something is as good as others
	forgotAcks bool // a node that has forgotten acknowledges as others do
	leaderSays bool // and is well again when it has caught up with a node that says that it leads

	handoverUnheld     bool // the token is passed before the target has all
	handoverKeepsLease bool // the token is passed while the leader goes on
	resumeAtOnce       bool // the lease from before the token was passed counts
	tokenForever       bool // voters take a token that was taken back

	witnessServes bool // a witness answers as any leader
	witnessKeeps  bool // and does not hand over by itself
	witnessDrops  bool // a witness is told that the others hold what one of them does
}

// New makes a node as of its start: a follower that has heard nobody. It
// panics on a configuration that could not have been meant: no Rand, or an ID
// that is not among the voters.
func New(c Config, h HardState, pos Position, now time.Duration) *Node {
	return newNode(c, h, pos, now, rules{})
}

func newNode(c Config, h HardState, pos Position, now time.Duration, r rules) *Node {
	assert(c.Rand != nil, "no source of randomness")
	assert(c.Timeout > 0 && c.Heartbeat > 0 && c.Lease > 0, "no timeout, heartbeat or lease")
	assert(c.promise() <= c.Timeout, "a promise of %v is longer than the timeout %v", c.promise(), c.Timeout)
	n := &Node{
		cfg: c, rules: r, now: now, started: now, hard: h, pos: pos, durable: pos.Offset,
		role: Follower,
	}
	n.useMembers(firstMembers(&c, &h))
	n.saved, n.savedIn = h, n.members.id()

	if pos.Epoch > h.Epoch {
		// The log knows an epoch that the state file does not: the file was
		// lost, or is an old one. Whoever got this node's vote then, it is spent.
		n.hard.Epoch, n.hard.VoteFor = pos.Epoch, c.ID
		n.hard.MayHaveLost, n.hard.Forgot = !r.stateVotes, !r.stateVotes
		n.unsaved = true
	}
	n.campaign.suspectAt = now + c.Timeout
	n.campaign.seq = c.Rand() >> seqShift
	n.blank = n.hard.Epoch == 0 && pos.Epoch == 0
	switch {
	case n.lone():
		n.campaign.suspectAt = now
	case n.hard.Epoch > 0:
		n.promise.wary = now + c.Timeout
	}
	n.shown = n.Status()
	return n
}

// firstMembers is the configuration a node starts with.
func firstMembers(c *Config, h *HardState) Configuration {
	if len(h.Members.Voters) > 0 {
		return h.Members
	}
	m := Configuration{Version: 1, Voters: sorted(c.Voters)}
	if c.Joining {
		m.Version = 0
	}
	assert(m.plausible() && len(m.Voters) > 0, "not a set of voters: %v", m.Voters)
	assert(slices.Contains(m.Voters, c.ID) != c.Joining, "node %d among the voters %v, joining: %v", c.ID, m.Voters, c.Joining)
	return m
}

// assert panics when an invariant of the package is broken: going on would
// risk acknowledged data.
func assert(ok bool, format string, args ...any) {
	if !ok {
		panic("bully: " + fmt.Sprintf(format, args...))
	}
}

// enter begins a call. Time told out of order counts as the newest told.
func (n *Node) enter(now time.Duration) {
	n.now = max(n.now, now)
	n.out, n.from = Output{}, 0
}

// leave ends a call and hands out what it asks for.
func (n *Node) leave() Output {
	if n.unsaved {
		n.unsaved = false
		if n.asked == 0 {
			n.asked = n.now
		}
		h := n.hard
		n.out.Persist = &h
	}
	was, is := n.shown, n.Status()
	n.out.Hold, n.out.Release = !n.heldBack && n.holds(), n.heldBack && !n.holds()
	n.heldBack = n.holds()
	n.shown = is
	n.out.Changed = was.Role != is.Role || was.Leader != is.Leader || was.Addr != is.Addr ||
		was.Epoch != is.Epoch || was.Serving != is.Serving ||
		was.Electing != is.Electing || was.Suspended != is.Suspended ||
		was.Recovering != is.Recovering ||
		was.Handover != is.Handover || was.Target != is.Target ||
		!was.Members.Is(&is.Members) || was.Changing != is.Changing
	out := n.out
	n.out = Output{}
	return out
}

// Tick lets time pass.
func (n *Node) Tick(now time.Duration) Output {
	n.enter(now)
	if n.now >= n.parkedUntil {
		n.parkedUntil = 0
	}
	switch {
	case n.stopped:
	case n.role == Leader:
		n.tickLeader()
	case n.role == Candidate:
		n.tickCandidate()
	default:
		n.tickFollower()
	}
	return n.leave()
}

// Step takes a message. One that no voter can have sent is dropped.
func (n *Node) Step(now time.Duration, m Message) Output {
	n.enter(now)
	p := n.peer(m.From)
	if p == nil && !n.stopped {
		p = n.introduce(m)
	}
	if n.stopped || p == nil || !n.plausible(m) {
		return n.leave()
	}
	p.members, p.witness = m.Members.id(), m.Witness
	p.seen, p.everMet, p.dead, p.lost = n.now, true, false, false
	n.from = m.From
	n.lookBack(m)
	switch m.Kind {
	case Election:
		n.onElection(p, m)
	case OK:
		n.onOK(p, m)
	case Coordinator, Heartbeat:
		n.onLeader(p, m)
	case Ack:
		n.onAck(p, m)
	case Resign:
		n.onResign(p, m)
	case Handover:
		n.onHandover(p, m)
	case Takeover:
		n.onTakeover(p, m)
	}
	return n.leave()
}

func (n *Node) plausible(m Message) bool {
	return m.To == n.cfg.ID &&
		m.Epoch >= 0 && m.Epoch < epochLimit &&
		m.Position.Epoch >= 0 && m.Position.Epoch <= m.Epoch && m.Position.Offset >= 0 &&
		m.Durable >= 0 && m.Commit >= 0 && m.Held >= 0 && m.Token.N >= 0 && m.Members.plausible()
}

// Status is the node as of the last call.
func (n *Node) Status() Status {
	s := Status{
		Role: n.role, Epoch: n.hard.Epoch, Leader: n.leader, Addr: n.addr,
		Electing:  n.role == Candidate || n.campaign.suspecting || n.campaign.deferTo != 0,
		Commit:    n.commit,
		Suspended: n.diskBad, Recovering: n.hard.MayHaveLost,
		Members: n.members, Changing: n.changing(),
	}
	if s.Leader == 0 && n.role != Leader && n.hearsay.holds(n.now) {
		s.Leader, s.Addr = n.hearsay.to, n.hearsay.addr
	}
	if n.role == Leader {
		s.Serving = n.serving() && n.mayServe()
		s.LeaseUntil, s.LeaseLate = n.lead.lease, n.lead.tooLate
		if n.lone() {
			s.LeaseUntil = Never
		}
		s.Handover, s.HandoverFailed = n.lead.handing.stage, n.lead.failed
		if p := n.lead.handing.target; p != nil {
			s.Target = p.id
		}
	}
	s.ByWitness, s.Held = n.isWitness(s.Leader), n.dataHeld()
	return s
}

// NextTick is when Tick has something to do next, unless other calls come
// before.
func (n *Node) NextTick() time.Duration {
	next := n.nextOwn()
	if n.parkedUntil != 0 {
		next = min(next, n.parkedUntil)
	}
	return next
}

func (n *Node) nextOwn() time.Duration {
	switch {
	case n.stopped:
		return Never
	case n.role == Leader:
		return n.nextLeader()
	case n.role == Candidate && n.unwritten():
		return Never
	case n.role == Candidate:
		return min(n.campaign.resendAt, n.campaign.deadline)
	case n.passive() && n.leader == 0:
		return Never
	case n.unwritten():
		return Never
	case n.campaign.suspecting:
		return n.campaign.electAt
	}
	return n.campaign.suspectAt
}

// lone reports whether this node is the only voter.
func (n *Node) lone() bool { return n.voter && len(n.members.Voters) == 1 }

func (n *Node) peer(id int64) *peer {
	for _, p := range n.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// send queues a message with the fields that all kinds share.
func (n *Node) send(to int64, m Message) {
	m.Members = n.members.id()
	if p := n.peer(to); p != nil && (m.Kind == Coordinator || m.Kind == Heartbeat || m.Kind == Election || m.Reason == OldMembers) && !p.members.Is(&n.members) {
		m.Members = n.members
	}
	if p := n.peer(to); p != nil && p.witness && (m.Kind == Coordinator || m.Kind == Heartbeat) {
		m.Held = n.heldByData()
	}
	n.out.Messages = append(n.out.Messages, n.sign(to, m))
}

func (n *Node) sign(to int64, m Message) Message {
	m.From, m.To, m.Epoch = n.cfg.ID, to, n.hard.Epoch
	m.Position, m.Durable, m.Witness = n.pos, n.durable, n.cfg.Witness
	return m
}

func (n *Node) broadcast(m Message) {
	for _, p := range n.peers {
		n.send(p.id, m)
	}
}

// setHard changes the promise; the Output that carries it is persisted before
// its messages leave.
func (n *Node) setHard(h HardState) {
	assert(h.Epoch >= n.hard.Epoch, "epoch %d after %d", h.Epoch, n.hard.Epoch)
	assert(h.Epoch > n.hard.Epoch || n.hard.VoteFor == 0 || n.hard.VoteFor == h.VoteFor,
		"second vote in epoch %d: %d after %d", h.Epoch, h.VoteFor, n.hard.VoteFor)
	h.MayHaveLost, h.Forgot = n.hard.MayHaveLost, n.hard.Forgot
	h.Members, h.Before = n.hard.Members, n.hard.Before
	n.hard, n.blank = h, false
	n.unsaved = !n.rules.volatileVote
}

// unwritten reports whether this node's epoch or vote is not on disk yet. It neither
// runs meanwhile nor suspects anybody.
func (n *Node) unwritten() bool {
	return (n.hard.Epoch != n.saved.Epoch || n.hard.VoteFor != n.saved.VoteFor) && !n.rules.volatileVote
}

// Saved tells that a state is on disk: the newest that Persist has asked for by the time
// when it was begun to be written. Until then this node does not count itself among
// those that have its configuration, and what it has asked others, or promised them,
// has not reached them: times that run from that moment begin here.
func (n *Node) Saved(now time.Duration, h HardState) Output {
	n.enter(now)
	was := n.unwritten()
	m := firstMembers(&n.cfg, &h)
	n.saved, n.savedIn = h, m.id()
	if n.stopped {
		return n.leave()
	}
	if was && !n.unwritten() {
		n.took, n.asked = n.now-n.asked, 0
		switch {
		case n.role == Candidate:
			n.campaign.deadline = n.now + n.cfg.Timeout
			n.count()
		case n.role == Follower && n.leader == 0 && n.hard.VoteFor != 0 && n.hard.VoteFor != n.cfg.ID:
			n.campaign.calm(n.now + n.cfg.Timeout)
		}
	}
	n.proceedChange()
	return n.leave()
}

// adopt takes over a higher epoch. Who leads it is not known yet; a promise
// given to an earlier leader stands until its time is over.
func (n *Node) adopt(epoch int64) {
	assert(epoch > n.hard.Epoch, "adopting epoch %d in %d", epoch, n.hard.Epoch)
	if n.role == Leader {
		if !n.revokedByHandover() { // else it was HandedOver
			n.event(Event{Kind: Deposed, Node: n.from, Epoch: epoch})
		}
		n.depose()
	}
	n.setHard(HardState{Epoch: epoch})
	n.campaign.stood = 0
	n.leader, n.addr = 0, ""
	if n.role == Candidate {
		n.role = Follower
		n.campaign.calm(n.now + n.cfg.Timeout)
	}
}

// within draws a duration in [0, d).
func (n *Node) within(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(n.cfg.Rand() % uint64(d))
}
