package bully

import "time"

// A Position is the end of a log: the epoch of its last record and its
// offset in bytes. Positions are compared in this order.
type Position struct {
	Epoch  int64
	Offset int64
}

// Less reports whether p is behind q.
func (p Position) Less(q Position) bool {
	if p.Epoch != q.Epoch {
		return p.Epoch < q.Epoch
	}
	return p.Offset < q.Offset
}

// Config is what a node is told once.
type Config struct {
	ID        int64         // this node
	Voters    []int64       // all configured nodes, this one among them unless Joining
	Timeout   time.Duration // T: silence after which a leader is suspected
	Heartbeat time.Duration // how often a leader speaks
	// Lease is how long a leader may answer after it sent a heartbeat that a
	// majority acknowledged. A voter's promise is P, a quarter longer, and at
	// most T.
	Lease time.Duration
	Rand  func() uint64 // for the random parts of waits
	// Addr is this node's client address, told to others in COORDINATOR.
	Addr string
	// NoCrashEvidence ignores PeerDead: nodes behind proxies, which would refuse
	// connections for nodes that live.
	NoCrashEvidence bool

	// Witness: this node has the log and a vote, and no data. It never serves; what it
	// wins it passes on (witness.go).
	Witness bool

	// Joining: this node is no voter until a leader says so. Voters, and
	// this, count only while HardState knows no members.
	Joining bool

	// Takeover: a leader hands over by itself to a higher ID that has caught
	// up and kept up for TakeoverAfter (0: 4T), longer if it fell repeatedly.
	Takeover      bool
	TakeoverAfter time.Duration
	// HandoverPause bounds how long writes are held for a handover (0: 3T/5).
	HandoverPause time.Duration
	// HandoverNear is how many bytes a target may lack when writes begin to be
	// held (0: 1 MiB).
	HandoverNear int64
}

// A HardState is what must be on disk before a message that depends on it
// leaves.
type HardState struct {
	Epoch   int64 // the highest epoch promised or seen
	VoteFor int64 // the node that got this one's vote in Epoch, 0: none
	// MayHaveLost: the log may lack bytes that this node acknowledged, since
	// the power failed and not each write was synced, or since the log ends before
	// a position that it had reached. The driver sets it at start, or the node
	// itself when it comes with nothing into a cluster that has a log, or with a
	// log of a later epoch than this state's. It takes it back when it has caught up with a leader.
	MayHaveLost bool
	// Forgot: the node came with nothing into a cluster that has a log, or with a
	// log that is newer than this state, so it does not know in which epochs it has voted and acknowledged. It vouches
	// for nothing until it knows of an epoch that is none before those.
	Forgot bool
	// Members is the newest configuration; without voters: as Config says.
	Members Configuration
	// Before is the one that it replaced, of a node that is no voter any more by it.
	Before Configuration
}

// Kind is a message's type, the seed's words first.
type Kind uint8

const (
	Election    Kind = iota + 1 // "may I lead?": Phase, Position
	OK                          // the answer: Verdict, Reason, Position, Leader
	Coordinator                 // "I lead": Position, Addr
	Heartbeat                   // the leader's sign of life: SentAt, Commit, Position
	Ack                         // a follower's answer to Coordinator and Heartbeat: SentAt echoed, Position, Durable
	Resign                      // a leader steps down: Reason
	Handover                    // a follower asks the leader to hand over to it
	Takeover                    // the leader does: Token, Position to have, Reason ByCommand, Stopping or none
)

// Phase of an election.
type Phase uint8

const (
	Pre  Phase = iota + 1 // changes nothing anywhere
	Real                  // epoch + 1, votes on disk
)

// Verdict is a voter's answer.
type Verdict uint8

const (
	Grant     Verdict = iota + 1
	StandDown         // "I am better and I run": the bully
	Refuse            // see Reason
)

// Reason says why a voter refuses or a leader resigns.
type Reason uint8

const (
	NoReason    Reason = iota
	LeaderAlive        // a leader was heard within T; Leader and Addr tell which
	StaleLog           // the candidate's position is behind
	OldEpoch           // a higher epoch was promised
	VoteTaken          // this epoch's vote went to another
	JustStarted        // within T of the voter's own start: it may have promised something before
	DiskFailed         // the node cannot write its log
	Stopping           // orderly end; with TAKEOVER: of a leader that is about to
	LeaseLost          // the leader heard no majority for T
	ByCommand          // a handover that an operator asked for
	TimedOut           // a handover's deadline passed
	Aborted            // a handover was ended by command
	TargetLost         // a handover's target died or fell silent
	OldMembers         // the candidate's configuration is older
	MayHaveLost        // with GRANT: of a voter that may lack what it acknowledged
	Forgot             // with ACK: of a node that does not know what it has promised; it counts for nothing
	Forced             // with COORDINATOR and HEARTBEAT: of a leader that an operator forced
)

// A Message between two nodes. Times are on the sender's own clock and only
// ever compared by it.
type Message struct {
	Kind     Kind
	From, To int64
	Epoch    int64
	Seq      uint64 // of the election or heartbeat that is answered
	Phase    Phase
	Verdict  Verdict
	Reason   Reason
	Position Position // the sender's log
	Durable  int64    // offset up to which the sender's log is durable as appendfsync asks
	Commit   int64    // the leader's commit offset
	Leader   int64    // known leader
	Addr     string   // its client address
	SentAt   time.Duration
	Promise  time.Duration // ACK: how long the sender's promise lasts from now, on its own clock
	Token    Token         // of a handover
	Witness  bool          // the sender is one
	Held     int64         // COORDINATOR and HEARTBEAT to a witness: all voters with data hold the log up to here
	// Members is the sender's configuration: its lists come from leaders and
	// candidates to those that have another one.
	Members Configuration
}

// Evidence says how much a refused dial proves.
type Evidence uint8

const (
	// Sign: another machine's answer, or what looks like it: a firewall, a proxy
	// or NAT may have given it in the place of a node that lives.
	Sign Evidence = iota + 1
	// Proof: the kernel of this machine says that the process is gone.
	Proof
)

// Role is what a node is at the moment.
type Role uint8

const (
	Follower  Role = iota + 1 // with or without a known leader
	Candidate                 // asking, in either phase
	Leader                    // elected; Serving says whether it may answer
)

// An Output is what a step asks of the driver, in this order: persist, revoke,
// send, act on the change.
type Output struct {
	// Persist, unless nil, must be durable before anything else is done. When
	// it cannot be written, nothing may leave this node until a later one was:
	// drop the messages, report Disk(false); Disk(true) asks for it again.
	Persist *HardState
	// Deposed: this node led until now. It must have stopped acknowledging
	// before Messages leave, since a Resign or a grant among them lets others
	// elect at once.
	Deposed bool
	// Revoke: this node goes on leading but gives its lease up, and a token away with
	// Messages.
	// It must have stopped acknowledging and reading before they leave, as if
	// it were deposed; Status.Serving is false until it may again.
	Revoke   bool
	Messages []Message
	// Hold: a handover begins. New writes are kept in their sessions from now
	// on. When none runs any more and all replies have left, reads are kept as
	// well, and Held is called; it may be called again. Release: what was kept
	// goes on: it runs if this node leads and serves, else it is answered by
	// what Status says of the leader (MOVED). Nothing kept has run.
	Hold, Release bool
	// Changed is set when role, leader, epoch or serving changed: read
	// Status. A node that has just become Leader must append its epoch's
	// record to its log and report it with EpochBegun.
	Changed bool
	// Events are what happened, for the log alone.
	Events []Event
}

// Status is what the driver and INFO read.
type Status struct {
	Role     Role
	Epoch    int64
	Leader   int64  // 0: none known
	Addr     string // the leader's client address
	Electing bool
	// Serving: this node leads, is no witness, and its epoch's record is committed. Whether
	// the lease holds must be asked with LeaseValid at each use.
	Serving    bool
	Commit     int64         // highest committed offset known here
	LeaseUntil time.Duration // leader only, this node's clock; Never: it is the only voter
	// LeaseLate: a majority's answers come when the lease that they give is over,
	// so that it never holds. The driver has to prove in another way that this
	// node leads, or nobody is answered.
	LeaseLate  bool
	Suspended  bool // disk failed: neither votes nor runs
	Recovering bool // HardState.MayHaveLost: its vote counts only if all voters grant
	// ByWitness: the leader is a witness. It leads no clients, and is about to hand over.
	ByWitness bool
	// Held, at a witness: all voters with data hold the log durably up to here.
	Held int64
	// Handover is how far a handover by this node is, Target to which one, and
	// HandoverFailed why the last one of this leadership came to nothing.
	Handover       Stage
	Target         int64
	HandoverFailed Reason
	// Members are which nodes vote and which learn; Changing, at a leader: not yet as
	// SetMembers said, or not yet known to a majority.
	Members  Configuration
	Changing bool
}

// The calls of a Node, in bully.go. All are pure: no I/O, no clock, no
// goroutine; now is the node's own monotonic clock (CLOCK_BOOTTIME).
//
//	func New(c Config, h HardState, pos Position, now time.Duration) *Node
//	func (n *Node) Tick(now time.Duration) Output
//	func (n *Node) Step(now time.Duration, m Message) Output
//	func (n *Node) Appended(now time.Duration, pos Position, durable int64) Output   // own log moved (or was cut)
//	func (n *Node) EpochBegun(now time.Duration, epoch, end int64) Output           // own epoch's record ends at offset end
//	func (n *Node) Acked(now time.Duration, from, epoch, durable int64) Output      // stream: a follower holds the leader's log up to durable
//	func (n *Node) Committed(now time.Duration, epoch, commit int64) Output         // stream: the leader told its commit offset; the log was cut to the common point
//	func (n *Node) PeerDead(at time.Duration, id int64, how Evidence) Output        // reset and refused dial at the peer's own address; at: read BEFORE that dial
//	func (n *Node) PeerReachable(id int64, up bool)
//	func (n *Node) PeerIsWitness(id int64, is bool)
//	func (n *Node) Disk(now time.Duration, ok bool) Output
//	func (n *Node) Saved(now time.Duration, h HardState) Output                     // what Persist asked for is on disk
//	func (n *Node) Doubt(now time.Duration) Output                                  // a log that failed is about to be replaced
//	func (n *Node) Stop(now time.Duration) Output                                   // orderly end: RESIGN
//	func (n *Node) Follows(epoch int64) bool                                        // may stream bytes of this epoch be appended and acknowledged?
//	func (n *Node) Status() Status
//	func (n *Node) LeaseValid(now time.Duration) bool
//	func (n *Node) NextTick() time.Duration                                         // no need to Tick before; Never: nothing is due
//	func (n *Node) AckedOffset(id int64) int64                                      // for WAIT and INFO
//
// A handover, in handover.go:
//
//	func (n *Node) Handover(now time.Duration, target int64, deadline time.Duration) (Output, error) // target 0: the best
//	func (n *Node) Retire(now, deadline time.Duration) (Output, error)              // before an orderly end
//	func (n *Node) AbortHandover(now time.Duration) (Output, bool)
//	func (n *Node) AskHandover(now time.Duration) (Output, error)                   // at a follower: the leader shall hand over to it
//	func (n *Node) Held(now time.Duration) Output                                   // all is held, nothing runs, all replies have left
//	func (n *Node) SetTakeover(auto bool)
//
// Members, in members.go:
//
//	func (n *Node) SetMembers(now time.Duration, to Configuration) (Output, error)  // one voter at a time, from the learners
//	func (n *Node) Told(now time.Duration, c Configuration) Output                  // a node that does not know this one told it which its members are
//
// After a power loss, in recover.go:
//
//	func (n *Node) Vouches() bool                                                   // may this node's streams acknowledge, and its answers count?
//	func (n *Node) ForceLeader(now time.Duration) (Output, error)                   // an operator takes the loss upon himself
//
// The driver's side of the safety argument, which the node cannot see to:
//
//   - A stream acknowledgement leaves a follower only after Appended told the
//     node of those bytes and Follows(epoch) was true after that. A vote is
//     weighed against the position the node knows: bytes acknowledged behind
//     its back could be missing in the leader it helps to elect.
//   - A cut is told before anything is appended behind it: of a log that cannot be written
//     the node must know of which epoch the durable part is.
//   - While Vouches is false a stream acknowledges nothing as durable, and no
//     round is answered.
//   - Follows is asked again before each append: a node that promised a
//     higher epoch takes nothing more from the old leader.
//   - PeerDead is reported again with every refused dial: evidence that is not
//     newer than the peer's last word is dropped.
//   - The log that New is told of is durable up to its end: sync it at start.
//   - A position is kept outside of the log, never behind the durable end that any
//     message or acknowledgement told of, moved back before the log is cut, and
//     compared at start: see HardState.MayHaveLost.
//   - Proof is claimed of processes on this machine alone, and a leader stops
//     acknowledging before it closes its listener: a Proof is taken to mean that
//     it cannot acknowledge any more.
//   - Output.Revoke is obeyed as Output.Deposed is: when the token leaves, no
//     reply may leave any more that rests on this leadership, until
//     Status.Serving is true and LeaseValid says so again.
//   - What was kept for a handover has not run. It runs here after Release, or
//     is answered MOVED; never both.
