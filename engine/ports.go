package engine

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"regent/engine/config"
)

// What the engine needs from outside is declared here, and handed in by the
// composition root. The engine itself has no socket, file, clock, goroutine
// or random source.

// A Host gives time and randomness.
type Host interface {
	// Now is the wall clock in milliseconds since 1970: what expiry uses.
	Now() int64
	// Mono is a monotonic clock in nanoseconds from an arbitrary start that
	// goes on while the machine sleeps: what leases and durations use.
	Mono() int64
	// Ticks is a cheap monotonic clock in nanoseconds, for durations that
	// may stand still in a suspended machine: statistics, and the ends of waits and
	// pauses, whose timers stand still there too.
	Ticks() int64
	// Rand returns 64 random bits; safe for concurrent use.
	Rand() uint64
	// AfterFunc calls f once after d, on a goroutine of its own, unless stop
	// is called before.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
	// Logf writes a line to the server's log.
	Logf(level Level, format string, args ...any)
}

// Level is a log line's level, in Redis's order.
type Level int8

const (
	LevelDebug Level = iota
	LevelVerbose
	LevelNotice
	LevelWarning
)

// A Conn is the session's tie to its client's connection. Its methods may be
// called from any goroutine and never block.
type Conn interface {
	// Wake asks for a turn: soon the connection calls Engine.Resume for its
	// session, on the session's own turn.
	Wake()
	// Kill closes the connection; what was not yet sent is dropped.
	Kill()
	RemoteAddr() string
	LocalAddr() string
	// FD is the descriptor's number for CLIENT LIST, or -1.
	FD() int
	// Gone reports whether the peer has hung up, as far as can be said at once: a
	// turn in which the connection finds out itself may still be to come.
	Gone() bool
	Buffers() Buffers
}

// Buffers are a connection's, in bytes. While its commands are carried out their input
// counts too.
type Buffers struct {
	Input, InputFree int // unparsed, and what its buffer has room for
	Output           int // unsent
}

// Effects are the records one command leaves in the log: deterministic
// commands in RESP, one after the other in Buf.
type Effects struct {
	Buf  []byte
	Recs []Effect
	Lent []Lent
}

// A Lent argument of a record is not in Buf but its caller's, and written from there:
// it is large, and not to be copied once more.
type Lent struct {
	At    int // where in Buf it belongs: before Buf[At]
	Bytes []byte
}

// Joined are the effects with nothing lent, for a log that copies anyway.
func (e *Effects) Joined() *Effects {
	if len(e.Lent) == 0 {
		return e
	}
	out := &Effects{Recs: slices.Clone(e.Recs)}
	from, rec := 0, 0
	for _, l := range e.Lent {
		for ; rec < len(e.Recs) && e.Recs[rec].End < l.At; rec++ {
			out.Recs[rec].End += len(out.Buf) - from
		}
		out.Buf = append(append(out.Buf, e.Buf[from:l.At]...), l.Bytes...)
		from = l.At
	}
	for ; rec < len(e.Recs); rec++ {
		out.Recs[rec].End += len(out.Buf) - from
	}
	out.Buf = append(out.Buf, e.Buf[from:]...)
	return out
}

// An Effect is one record: Buf up to End, to be carried out in database DB.
type Effect struct {
	DB, End int
}

// A Log takes effects in the order in which they happen.
type Log interface {
	// Append adds the records of one command as a unit (wrapped in
	// MULTI/EXEC when there is more than one) and returns the offset after
	// them. It copies, but for what is lent, does no I/O and never fails; it is
	// called with the shards of the command locked.
	Append(e *Effects) (end int64)
	// Return gives back what was lent up to offset end: it is written now, or the
	// log has a copy of its own.
	Return(end int64)
	// End is the offset after the last appended record.
	End() int64
	// Synced is the offset up to which fsync has made the log durable, whatever
	// appendfsync asks. LogSynced is called when it has moved. A log that is not on disk
	// answers -1.
	Synced() int64
}

// A Barrier releases replies. A batch's replies may leave once every record
// the batch wrote or read over is committed: durable here as appendfsync
// asks, held by as many nodes as write-acks asks, and the leader's lease not
// run out.
type Barrier interface {
	// Pass hands what was appended up to off to the operating system and
	// reports whether replies that depend on off may leave now. epoch is
	// Session.LeaderEpoch: if it is not 0, something was answered by right of
	// leadership in that epoch, which must have held after that. acks is what the
	// clients of these replies asked for: all of it counts. p serves all replies
	// that were computed before it was first handed in.
	Pass(off, epoch int64, acks AckSet, p *Proof) bool
	// Settle follows the last Pass of a turn. If replies wait for the disk and
	// nobody is at it, it returns the work, for the caller to do as soon as it
	// can: that takes as long as the disk does, and wakes them. soon: there will
	// be work in a moment, so the caller takes another turn without a rest. A
	// caller that may not be held up says handOff false, and the work is done
	// elsewhere.
	Settle(handOff bool) (work func(), soon bool)
	// Wait calls c.Wake once when the outcome for c is decided: see Outcome.
	// A connection waits for one offset at a time.
	Wait(off, epoch int64, acks AckSet, c Conn)
	// Outcome says what became of the wait that c began for off, and ends it
	// unless it is Pending. It is kept by connection, not by offset: a later
	// leader may write other records at the same offsets.
	Outcome(c Conn) Outcome
	// Leave ends c's wait, if any: its connection is gone.
	Leave(c Conn)
}

// A Proof is that this node's lease in an epoch held at a moment, 0: that was not
// looked at yet. Until that moment no other node can have answered as the leader, so
// what was computed before it was true then, and may leave at any time after. So one
// look at the clock, which costs a system call, serves a whole turn's replies.
type Proof struct{ Epoch int64 }

// Acks is how many nodes must hold a write before its reply leaves.
type Acks uint8

const (
	AcksDefault Acks = iota // as write-acks says
	AcksLeader
	AcksQuorum
	AcksAll
	acksEnd
)

// An AckSet is some of the Acks; the strictest counts.
type AckSet uint8

// Set is a alone.
func (a Acks) Set() AckSet { return 1 << a }

// Has reports whether a is in the set.
func (s AckSet) Has(a Acks) bool { return s&(1<<a) != 0 }

// AckSets is how many different sets there are.
const AckSets = 1 << acksEnd

// Outcome is what became of a record a reply waits for.
type Outcome uint8

const (
	Pending   Outcome = iota // not decided yet
	Committed                // replies may leave, and nothing is to be asked again
	Uncertain                // leadership or time ran out first: it may or may not survive
)

// A Cluster is the engine's window on the other nodes. A lone server has one
// too: it always leads.
type Cluster interface {
	// View is the current state, an immutable value.
	View() *View
	// MustHold reports whether this node leads but must run no command as leader
	// at the moment: its lease has run out or was revoked. When that has passed,
	// one way or the other, the cluster calls LeaseMoved.
	MustHold() bool
	// LeaseOver reports whether this node leads, as far as it knows, and others
	// may have elected another by now: it does not say that it leads.
	LeaseOver() bool
	// LeaderSilent reports whether this node follows a leader of which it has heard nothing
	// for longer than the election timeout: another may lead by now, or this node was asleep.
	LeaderSilent() bool
	// AckedBy returns how many other nodes hold the log up to off and show it to
	// their readers, as far as is known. Asking has the cluster find out, and
	// call ReplicaAcked.
	AckedBy(off int64) int
	// SyncedBy returns how many other nodes have fsynced the log up to off, as
	// far as is known. Asking has the cluster find out, and call ReplicaAcked.
	SyncedBy(off int64) int
	// Publish takes a message that a client has published to the other nodes, which
	// have their clients Hear it; shard: on a shard channel. It keeps nothing of the
	// arguments, and never blocks.
	Publish(shard bool, channel, payload []byte)
	// Links describes the connections to other nodes for CLUSTER LINKS.
	Links() []LinkView
	Administration
}

// An Administration changes the cluster. Only the handlers that say so get it
// (Command.Administer).
type Administration interface {
	// Handover begins to hand leadership over to a node, 0: to the best one,
	// and gives up after limit. AbortHandover ends it and reports whether there
	// was one. AskHandover, at a follower, asks the leader for it.
	Handover(to int64, limit time.Duration) error
	AbortHandover() bool
	AskHandover() error
	// ForceLeader lets this node run by an operator's word where the election
	// waits for nodes that may have lost what they promised, or that are gone.
	ForceLeader() error
	// AddNode takes a node in, or tells where one is that has moved; RemoveNode
	// takes one out. They return when that is in force, at most after limit:
	// they wait, and are not for a session's turn.
	AddNode(p config.Peer, limit time.Duration) error
	RemoveNode(id int64, limit time.Duration) error
}

// A View is one node's idea of the cluster.
type View struct {
	Clustered bool   // there are peers
	Leading   bool   // this node leads and serves
	NodeID    int64  // this node
	ClusterID string // 40 hex digits, "" while unknown
	LeaderID  int64  // 0: none known
	Leader    string // the leader's client address as config.Spell has it, "" when none
	// Serves: the leader has begun to serve, as far as this node has heard: its epoch's first
	// record is committed.
	Serves bool
	// LastLeaderID is LeaderID, or while none is known the last that was; 0: there
	// was none yet, as far as is known here.
	LastLeaderID int64
	NoLeaderAt   int64 // ms of Host.Ticks since when none is known, 0: one is
	Epoch        int64
	Electing     bool
	Missing      int        // at a leader: followers that have had no stream for longer than a moment
	Handover     string     // how far a handover by this node is: HandoverNone, …; "": none
	Nodes        []NodeView // all members, by ID; and this one at the end if it is none

	// Witness: this node has the log and no keyspace. It has the log from LogFrom on, and all
	// nodes with data hold it up to HeldByData.
	Witness             bool
	LogFrom, HeldByData int64

	Membership string // what this node is: MemberVoter, …; "": alone
	// Unfilled: this node does not lead, and started with nothing or less than it
	// once had; its keyspace does not hold yet what a leader had since then.
	Unfilled bool

	Recovering     bool  // its vote counts only with all others'
	MembersVersion int64 // of the list of the nodes, in the epoch
	MembersEpoch   int64 // of the leader that wrote it, 0: as configured

	// For INFO replication and ROLE at a follower.
	LinkUp       bool
	SyncProgress bool  // a full copy is under way
	SyncTotal    int64 // its bytes, 0: not known
	SyncRead     int64 // of them received
	SyncIO       int64 // wall ms of the last of them
	LinkDownAt   int64 // wall ms, 0 when up
	LastIO       int64 // wall ms of the last bytes from the leader
}

// A NodeView is one node as another sees it.
type NodeView struct {
	ID   int64
	Name string // 40 hex digits, stable, for CLUSTER NODES
	Host string // where clients reach it
	Port int
	// PlainPort and SentinelPort are those of its other faces, 0: none, or not known yet.
	PlainPort, SentinelPort int
	// TLS are the ports of the same faces for clients that speak TLS; 0: there is none, and
	// they are told the other one.
	TLS config.FacePorts
	// Bare is the port without TLS, whatever a client speaks; 0: none, or not known yet.
	Bare int
	// PeerAddr is where the other nodes reach it, host:port; "": at the same
	// address.
	PeerAddr string
	Myself   bool
	Leader   bool
	// Witness: it has no data.
	Witness bool
	// Learner: it follows and does not count yet.
	Learner bool
	Up      bool // heard of within the election timeout
	Offset  int64
	Lag     int64  // seconds since its last acknowledgement; -1 unknown
	Copy    string // how far its full copy is, in Redis's words; "": it needs none
	PingAt  int64  // wall ms of the last unanswered ping, 0 none
	PongAt  int64  // wall ms of the last answer
	// ClockAhead is by how many ms its wall clock is ahead of this node's, less
	// than 0 behind, within ClockError ms; ClockError 0: it is not known.
	ClockAhead, ClockError int64
}

// A LinkView is one row of CLUSTER LINKS.
type LinkView struct {
	To        bool // outgoing
	Node      string
	CreatedAt int64 // wall ms
	Events    string
	BufAlloc  int64
	BufUsed   int64
}

// Control is what administrative commands ask of the process.
type Control interface {
	// Shutdown begins an orderly end.
	Shutdown(reason string)
	// Rewrite begins a rewrite of the log, or lets one follow the save that is
	// under way.
	Rewrite() Job
	// KeepLog begins to keep a log of what is written, or ends that. It returns when that has
	// begun, or ended; an error says that it could not begin.
	KeepLog(on bool) error
	// SaveSoon begins to write the data into its file. If a rewrite is under
	// way it does so afterwards, if that is wanted.
	SaveSoon(afterwards bool) Job
	// Save writes the data into its file, and returns when that is done. If a
	// save is under way the error is ErrSaving, unless that one is to be given
	// up.
	Save(giveUp bool) error
	// GiveUpSave ends a save that is under way in the background, if there is one. It does not
	// wait for that.
	GiveUpSave()
	// SavesAtEnd reports whether an orderly end saves without being told to.
	SavesAtEnd() bool
	// ReloadLog replaces the keyspace by what the log holds; ReloadDump by what
	// the file does, into which it saves before if save says so, or loads the file
	// over it. Both return when that is done; the caller holds writes meanwhile.
	ReloadLog() error
	ReloadDump(save, over bool) error
	// ReloadTLS reads the certificates as the configuration says now. An error leaves them
	// as they were.
	ReloadTLS() error
	// Listen listens where the configuration says now. An error about a port changes nothing; after one
	// about bind the configuration is to be taken back, and Listen called again.
	Listen() error
	// RewriteConfig writes the configuration back to its file.
	RewriteConfig() error
	// ReadUsers reads aclfile, and WriteUsers replaces it.
	ReadUsers() (text string, err error)
	WriteUsers(text string) error
	// Usage is what the process takes from the machine.
	Usage() Usage
	// FreeMemory gives memory that is not needed back to the machine.
	FreeMemory()
	// Crash ends the process at once (DEBUG SEGFAULT and its kind).
	Crash(how string)
}

// A Job is what became of a request to do something in the background.
type Job uint8

const (
	JobStarted Job = iota
	JobScheduled
	JobRunning // one of its kind is under way
	JobBusy    // another kind is under way
	JobRefused
)

// ErrSaving says that the data is being saved already.
var ErrSaving = errors.New("a save is under way")

// Usage is what the process takes from the machine.
type Usage struct {
	PID          int
	OS           string // as uname says: "Linux 6.1.0 x86_64"
	Executable   string
	Resident     int64         // bytes, 0 where the system does not tell
	Memory       int64         // bytes that the machine has, 0 where the system does not tell
	Heap         int64         // bytes in use outside the dictionaries
	GCCycles     int64         // of the collector of that heap, since the start
	GCPause      time.Duration // the longest for which it has stopped everything
	User, System time.Duration
	Listener     string // how sockets are waited for: "epoll", "goroutine"
}

// An InfoSection is one "# Name" part of INFO.
type InfoSection struct {
	Name    string // "Server"
	Default bool   // shown without being asked for
	Write   func(w *InfoWriter)
}

// What a Cluster answers, beside ports.go.

// Why the cluster does not begin a handover.
var (
	ErrHandoverRuns = errors.New("a handover is under way")
	ErrNotLeading   = errors.New("this node does not lead")
	ErrNoTarget     = errors.New("no node can take over")
	ErrNoLeader     = errors.New("no leader is known")
)

// States of a handover in Redis's words, for View.Handover.
const (
	HandoverNone    = "no-failover"
	HandoverWaiting = "waiting-for-sync"
	HandoverRuns    = "failover-in-progress"
)

// Why the nodes are not changed as asked; ErrNotLeading and ErrHandoverRuns
// count here, too.
var (
	ErrAlone            = errors.New("a server without peers")
	ErrChangeRuns       = errors.New("another change is under way")
	ErrChangeReplaced   = errors.New("another change of the same node came after it")
	ErrChangeUnknown    = errors.New("it is not known what became of the change")
	ErrStillLearning    = errors.New("the node has not caught up yet")
	ErrLeaderStays      = errors.New("the leader cannot be removed")
	ErrLeaderAddr       = errors.New("the leader's address is what it announces")
	ErrNoSuchNode       = errors.New("no such node")
	ErrFarWithoutSecret = errors.New("a node beyond this machine, and no secret")
)

// A TakenError says that another node is where one is said to be.
type TakenError struct{ By config.Peer }

func (e *TakenError) Error() string { return fmt.Sprintf("node %d is at %s", e.By.ID, e.By.Addr()) }

// An UnprovedError says that a node did not prove itself at an address.
type UnprovedError struct {
	Node config.Peer
	Err  error
}

func (e *UnprovedError) Error() string {
	return fmt.Sprintf("node %d has not proved that it is at %s: %v", e.Node.ID, e.Node.Addr(), e.Err)
}

func (e *UnprovedError) Unwrap() error { return e.Err }

// An ApartError says that one node is reached over the loopback interface and
// another one is not.
type ApartError struct{ Near, Far config.Peer }

func (e *ApartError) Error() string {
	return fmt.Sprintf("%s is on one machine alone, and %s need not be there", e.Near.Addr(), e.Far.Addr())
}

// What a node is, for View.Membership.
const (
	MemberVoter   = "voter"
	MemberLearner = "learner" // follows, and votes when it has caught up
	MemberJoining = "joining" // has never been a member
	MemberRemoved = "removed"
)

// Followers are the other nodes with data that are up.
func (v *View) Followers() (out []*NodeView) {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; !n.Myself && n.Up && !n.Witness {
			out = append(out, n)
		}
	}
	return out
}

// SplitAddr takes host:port or [host]:port apart; false for a unix socket's
// path.
func SplitAddr(addr string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 || strings.HasPrefix(addr, "/") {
		return "", 0, false
	}
	port, err := strconv.Atoi(addr[i+1:])
	return strings.Trim(addr[:i], "[]"), port, err == nil && port > 0
}
