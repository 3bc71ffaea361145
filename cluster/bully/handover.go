package bully

import (
	"errors"
	"time"
)

// A planned change of leader: nobody fails, so nobody has to wait for silence,
// and no reply is lost.
//
//	 leader                                        target
//	   │ catching: until the target is near,         │
//	   │   and has run for T                         │
//	   │ holding: new writes wait at the driver      │
//	   │   Held: nothing runs any more               │
//	   │   the target holds the last offset          │
//	   │ passed: REVOKED, then                       │
//	   ├──────────── TAKEOVER, token ───────────────►│ epoch + 1, its own vote
//	   │◄─────────── ELECTION real, token ───────────┤──► the other voters
//	   ├──────────── OK GRANT ──────────────────────►│
//	   │◄─────────── COORDINATOR ────────────────────┤
//	   │ what was held is answered MOVED             │
//
// The token is the leader's epoch and a number. It says "the leader of this
// epoch has revoked its lease for you", and so ends the promise that a voter gave
// to that leader, in favour of the target alone: no pre-round, no leader-alive.
//
// A leader whose token brought nothing in time goes on, but only after it has
// taken the token back. It cannot take it from the target, so it takes it from
// the voters: its heartbeats say which tokens count no more, what was
// acknowledged before counts nothing, and its lease begins anew with a majority
// that has acknowledged such a heartbeat. Each of them refuses the token from
// then on, so that none of them can help to elect by it; and had a majority
// voted already, one of the acknowledgements would come from a higher epoch.

// A Stage of a handover.
type Stage uint8

const (
	NoHandover Stage = iota
	Catching         // waits until the target's log is near, and tokens are taken; nothing is held
	Holding          // new writes are held until the target has all
	Passed           // the lease is revoked, the token is given away; reads are held, too
	Resuming         // it came to nothing: no lease until it is regained
)

// A Token ends the promises to the leader that gave it. The zero value is
// none.
type Token struct {
	Epoch int64 // of the leader that gave it
	N     int64 // counts its tokens; in COORDINATOR and HEARTBEAT: up to this one they count no more
}

// Why a handover, or a forced election, cannot begin.
var (
	ErrNotLeading     = errors.New("this node does not lead and serve")
	ErrHandoverRuns   = errors.New("a handover is under way")
	ErrNoTarget       = errors.New("no such voter can take over")
	ErrNoLeaderToAsk  = errors.New("no leader is known")
	ErrAlreadyLeading = errors.New("this node leads already")
	ErrCannotRun      = errors.New("this node is stopped or cannot write")
	ErrNotNeeded      = errors.New("a leader is known") // nothing has to be forced
)

// The defaults of Config and the limits of a handover.
const (
	defaultNear     = 1 << 20 // bytes
	pauseNum        = 3       // HandoverPause: 3/5 of T
	pauseDen        = 5
	afterTimes      = 4  // TakeoverAfter: 4T
	fallsMost       = 5  // TakeoverAfter doubles with each fall, at most five times
	triesMost       = 11 // and so does the pause after a handover that failed: to 8192 T, some hours
	askedTimes      = 10 // a handover that a follower asked for may catch up for 10T
	parkPart        = 5  // a deposed leader's driver waits for COORDINATOR T/5 or longer
	forgetFallTimes = 2  // a fall is forgotten after twice the longest wait
)

// A handing is the leader's side of one handover.
type handing struct {
	stage    Stage
	target   *peer
	why      Reason        // ByCommand, Stopping, or none: by itself
	deadline time.Duration // of all of it but Resuming
	held     bool          // the driver: nothing runs and nothing will; so it is at a witness
	token    Token
}

func (c *Config) near() int64 {
	if c.HandoverNear > 0 {
		return c.HandoverNear
	}
	return defaultNear
}

func (c *Config) pause() time.Duration {
	if c.HandoverPause > 0 {
		return c.HandoverPause
	}
	return c.Timeout * pauseNum / pauseDen
}

func (c *Config) takeoverAfter() time.Duration {
	if c.TakeoverAfter > 0 {
		return c.TakeoverAfter
	}
	return c.Timeout * afterTimes
}

// Handover begins to hand the leadership to target, 0: to the best one. It
// ends by itself at the deadline; how it goes is in Status.
func (n *Node) Handover(now time.Duration, target int64, deadline time.Duration) (Output, error) {
	return n.handOver(now, target, deadline, ByCommand)
}

// Retire is Handover to the best one before an orderly end. Nobody chose that one to lead:
// a higher ID may take over from it as from any other.
func (n *Node) Retire(now, deadline time.Duration) (Output, error) {
	return n.handOver(now, 0, deadline, Stopping)
}

func (n *Node) handOver(now time.Duration, target int64, deadline time.Duration, why Reason) (Output, error) {
	n.enter(now)
	err := n.mayHandOver()
	var p *peer
	if err == nil {
		if p = n.peer(target); target == 0 {
			p = n.successor()
		}
		if p == nil || !n.canLead(p) {
			err = ErrNoTarget
		}
	}
	if err == nil {
		n.beginHandover(p, why, deadline)
	}
	return n.leave(), err
}

// AbortHandover ends a handover and reports whether there was one to end.
// After the token was given away the leader goes on as after the deadline, if
// it can.
func (n *Node) AbortHandover(now time.Duration) (Output, bool) {
	n.enter(now)
	was := n.lead.handing.stage
	running := n.role == Leader && (was == Catching || was == Holding || was == Passed)
	if running {
		n.giveUpHandover(Aborted)
	}
	return n.leave(), running
}

// AskHandover asks the leader to hand over to this node.
func (n *Node) AskHandover(now time.Duration) (Output, error) {
	n.enter(now)
	var err error
	switch {
	case n.role == Leader:
		err = ErrAlreadyLeading
	case n.stopped || n.passive() || n.cfg.Witness:
		err = ErrCannotRun
	case n.role != Follower || n.leader == 0:
		err = ErrNoLeaderToAsk
	default:
		n.send(n.leader, Message{Kind: Handover})
	}
	return n.leave(), err
}

// Held tells that the driver holds all commands since Output.Hold: none runs,
// and those that ran were answered.
func (n *Node) Held(now time.Duration) Output {
	n.enter(now)
	if n.role == Leader && n.lead.handing.stage == Holding {
		n.lead.handing.held = true
		n.proceed()
	}
	return n.leave()
}

// SetTakeover lets this node, when it leads, hand over by itself to a higher
// ID, or not.
func (n *Node) SetTakeover(auto bool) { n.cfg.Takeover = auto }

func (n *Node) mayHandOver() error {
	switch {
	case n.stopped || !n.serving():
		return ErrNotLeading // a lease that has run out for a moment is no reason
	case n.lead.handing.stage != NoHandover:
		return ErrHandoverRuns
	case n.changing():
		return ErrChangeRuns
	}
	return nil
}

// canLead reports whether a peer is worth handing over to: it has the data, it answers,
// and its disk works.
func (n *Node) canLead(p *peer) bool {
	return p.voter && !p.witness && n.heard(p) && n.reachable(p) && !p.sick
}

// heard reports whether a peer acknowledged a heartbeat of the last T.
func (n *Node) heard(p *peer) bool { return p.echoed && n.now-p.echo < n.cfg.Timeout }

// isNear reports whether a peer's log is this leader's but for a short rest.
func (n *Node) isNear(p *peer) bool {
	return p.acked > 0 && n.pos.Offset-p.acked <= n.cfg.near()
}

// successor is the highest ID that is near, else the one that holds most; one that has just
// started only where there is no other.
func (n *Node) successor() *peer {
	if p := n.successorAmong(false); p != nil {
		return p
	}
	return n.successorAmong(true)
}

func (n *Node) successorAmong(fresh bool) *peer {
	var best *peer
	for _, p := range n.peers {
		if !n.canLead(p) || p.fresh != fresh {
			continue
		}
		if best == nil || n.isNear(p) || !n.isNear(best) && p.acked >= best.acked {
			best = p // peers ascend by ID
		}
	}
	return best
}

func (n *Node) beginHandover(p *peer, why Reason, deadline time.Duration) {
	n.lead.handing = handing{stage: Catching, target: p, why: why, deadline: deadline, held: n.cfg.Witness}
	n.lead.failed = NoReason
	n.proceed()
}

// proceed moves a handover on as far as it goes.
func (n *Node) proceed() {
	if n.role != Leader {
		return
	}
	h := &n.lead.handing
	if h.stage == Catching && n.isNear(h.target) && n.takesTokens(h.target) {
		h.stage = Holding
		h.deadline = min(h.deadline, n.now+n.cfg.pause())
	}
	if h.stage != Holding || !h.held && !n.rules.handoverUnheld {
		return
	}
	all := h.target.acked >= n.pos.Offset && n.commit >= n.pos.Offset
	if all || n.rules.handoverUnheld {
		n.pass()
	}
}

// pass revokes this leader's lease and gives the token away.
func (n *Node) pass() {
	h := &n.lead.handing
	h.stage = Passed
	n.lead.tokens++
	h.token = Token{n.hard.Epoch, n.lead.tokens}
	n.out.Revoke = true
	n.event(Event{Kind: HandedOver, Node: h.target.id, Epoch: n.hard.Epoch})
	n.sendToken()
}

func (n *Node) sendToken() {
	h := &n.lead.handing
	n.send(h.target.id, Message{Kind: Takeover, Token: h.token, Reason: h.why})
}

// revokedByHandover: the token is given away, or not yet back.
func (n *Node) revokedByHandover() bool {
	return n.lead.handing.stage >= Passed && !n.rules.handoverKeepsLease
}

// tickHandover ends a handover whose time is over or whose target is gone.
func (n *Node) tickHandover() {
	h := &n.lead.handing
	switch {
	case h.stage == NoHandover || h.stage == Resuming:
	case n.now >= h.deadline:
		n.giveUpHandover(TimedOut)
	case !n.canLead(h.target):
		n.giveUpHandover(TargetLost)
	}
}

// giveUpHandover goes on leading: at once before the token was given away,
// else as soon as a majority has heard that it counts no more.
func (n *Node) giveUpHandover(why Reason) {
	h := &n.lead.handing
	p := h.target
	p.tries = min(p.tries+1, triesMost)
	n.lead.failed = why
	p.retryAt = n.now + n.cfg.takeoverAfter()<<p.tries
	if n.cfg.Witness {
		p.retryAt = n.now + n.cfg.Heartbeat // nobody is served meanwhile
	}
	passed := h.stage == Passed
	n.lead.handing = handing{}
	if !passed || n.rules.handoverKeepsLease {
		return
	}
	n.lead.handing.stage = Resuming
	n.lead.cancelled = n.lead.tokens
	n.lead.since, n.lead.renewed = n.now, n.now
	if !n.rules.resumeAtOnce {
		n.lead.lease = 0
		n.lead.minSeq = n.lead.seq + 1
		for _, p := range n.peers {
			p.echoed = false
		}
	}
	n.beat(Heartbeat)
	n.resumed()
}

// resumed ends the stage Resuming once the lease holds again.
func (n *Node) resumed() {
	if n.lead.handing.stage == Resuming && n.now < n.lead.lease {
		n.lead.handing = handing{}
	}
}

// onHandover takes a follower's wish to lead.
func (n *Node) onHandover(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	if m.Epoch == n.hard.Epoch && n.mayHandOver() == nil {
		n.beginHandover(p, ByCommand, n.now+askedTimes*n.cfg.Timeout)
	}
}

// onTakeover takes the token and runs: the real phase at once.
func (n *Node) onTakeover(p *peer, m Message) {
	p.pos, p.posKnown = m.Position, true
	if n.role != Follower || n.passive() || n.cfg.Witness || n.leader != m.From || m.Epoch != n.hard.Epoch ||
		n.pos.Less(m.Position) || !n.tokenHolds(m.Token) {
		return
	}
	n.promise = promise{}
	n.event(Event{Kind: TakesOver, Node: m.From, Epoch: m.Epoch})
	n.leader, n.addr = 0, ""
	c := &n.campaign
	c.top, c.token, c.giver, c.why = n.hard.Epoch, m.Token, m.From, m.Reason
	n.startReal()
}

// tokenHolds reports whether a token ends this voter's promise: it is from the
// leader that the promise is to, and that leader has not taken it back. Within
// T of its own start a voter does not know what it has heard before.
func (n *Node) tokenHolds(t Token) bool {
	if t.N == 0 || t.Epoch != n.hard.Epoch || n.leader == 0 || n.promise.to != n.leader {
		return false
	}
	if n.rules.tokenForever {
		return true
	}
	return t.N > n.promise.cancelled && !n.fresh()
}

// fresh reports whether this voter may have heard, before its start, of tokens that count no
// more.
func (n *Node) fresh() bool { return n.now < n.started+n.cfg.Timeout }

// takesTokens reports whether a token for p can come to anything: p takes it, and a majority of
// the voters with this leader. Those that have just started take none.
func (n *Node) takesTokens(p *peer) bool {
	count := 1
	for _, other := range n.peers {
		if other.voter && !other.fresh {
			count++
		}
	}
	return !p.fresh && count >= n.quorum
}

// freed reports whether a real ELECTION carries a token that ends this node's
// reason to refuse: as a voter, or as the leader that gave it.
func (n *Node) freed(m Message) bool {
	if n.role == Leader {
		h := &n.lead.handing
		return h.stage == Passed && h.token == m.Token && h.target.id == m.From
	}
	return n.tokenHolds(m.Token)
}

// considerTakeover hands over to a higher ID that has caught up and kept up
// long enough. It is asked once per heartbeat.
func (n *Node) considerTakeover() {
	n.watchPeers()
	n.passOn()
	if n.cfg.Witness || !n.cfg.Takeover || n.mayHandOver() != nil {
		return
	}
	for i := len(n.peers) - 1; i >= 0; i-- {
		p := n.peers[i]
		if p.id < n.cfg.ID {
			return
		}
		if p.steady && !p.yielded && n.now >= p.retryAt && n.now-p.steadySince >= n.patience(p) {
			n.beginHandover(p, NoReason, n.now+n.cfg.pause())
			return
		}
	}
}

// patience is how long a peer must have kept up: longer for one that falls
// again and again.
func (n *Node) patience(p *peer) time.Duration {
	return n.cfg.takeoverAfter() << max(p.falls-1, 0)
}

// watchPeers notes since when each peer keeps up.
func (n *Node) watchPeers() {
	for _, p := range n.peers {
		switch ok := n.canLead(p) && n.isNear(p); {
		case ok && !p.steady:
			p.steady, p.steadySince = true, n.now
		case !ok && p.steady:
			p.steady = false
			if !n.heard(p) {
				n.fell(p)
			}
		}
	}
}

// fell notes that a peer died or fell silent. One death is noticed in several
// ways within T.
func (n *Node) fell(p *peer) {
	p.steady, p.yielded = false, false
	if p.falls > 0 {
		switch since := n.now - p.fellAt; {
		case since < n.cfg.Timeout:
			return
		case since > forgetFallTimes*n.cfg.takeoverAfter()<<fallsMost:
			p.falls = 0
		}
	}
	p.falls, p.fellAt = min(p.falls+1, fallsMost+1), n.now
}

// holds reports whether the driver must hold commands back: see Output.Hold.
func (n *Node) holds() bool {
	if n.role == Leader {
		return n.lead.handing.stage >= Holding
	}
	return n.parkedUntil != 0
}
