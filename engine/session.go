package engine

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"

	"regent/engine/acl"
	"regent/engine/pubsub"
	"regent/resp"
)

// A Session is one client's state. Its owner, the connection, calls Execute
// and Resume one at a time; the fields that other sessions may look at
// (CLIENT LIST, CLIENT KILL) are atomic or under mu.
//
// Most clients say nothing most of the time, and there may be many thousands: what
// commands need while they run is the connection loop's (Desk), and what few sessions have
// is behind a pointer that is nil for the others. TestSizeOfSession holds it to that.
type Session struct {
	ID      int64
	conn    Conn
	W       resp.Writer // replies not yet taken by the connection
	created int64       // wall ms

	// Barrier is the highest log offset that the current batch wrote or read
	// over; the connection resets it when it has released the batch.
	Barrier int64
	// LeaderEpoch is what the current batch's replies rest on beside the log.
	// Above 0: this node's leadership of that epoch, and its lease, when they
	// leave. Below 0: that a follower's keyspace is still the one that was read
	// (Engine.KeyspaceEpoch). 0: nothing; mixedEpochs: more than one, so that
	// the replies can never leave. The connection resets it with Barrier.
	LeaderEpoch int64

	table  *table // its face's commands
	ctx    *Ctx   // nil between batches, see Desk
	parked *wait

	db           int
	user         *acl.User // nil: the session is no client's
	LastWriteEnd int64     // log offset after this session's last write, for WAIT
	lent         int64     // log offset up to which something is lent, 0: nothing is

	face          Face
	Authenticated bool
	proved        bool // it has given the password
	readonlyMode  bool // READONLY was said
	ReplyMode     ReplyMode
	Acks          Acks  // REGENT ACKS
	caching       uint8 // what CLIENT CACHING has said
	noTouch       bool  // CLIENT NO-TOUCH ON
	redirects     bool  // CLIENT CAPA REDIRECT
	greets        bool  // it is a Sentinel's, which has greeted the others by way of this node
	carried       bool  // it came from another node: Restore
	uncounted     bool  // not every command of it has one reply
	Lends         bool  // its connection calls TakeBack before arguments change: see lend.go
	// TLS: its client speaks TLS, and is told of addresses at which it can go on so.
	TLS             bool
	CloseAfterReply bool // QUIT, protocol errors

	tx     *transaction          // nil: nothing was said of one
	subs   *subscriptions        // nil: it has listened to nothing
	inbox  atomic.Pointer[inbox] // nil: nothing was ever published for it
	seldom *seldom               // nil: it has nothing of that

	// Denied, if there is one, answers every command but the one that opens the
	// peers' channel, and the connection is closed.
	Denied string

	// Hijack, once set by a command, gives the connection away after the handler
	// returns, to the peers' channel or a backup; its value is the command.
	Hijack [][]byte

	Shared SharedState
}

// seldom is what few sessions have.
type seldom struct {
	carry [][]byte     // see Carry
	told  SessionState // see StateMoved
	// always is what a client hears that wants no replies: that it listens now.
	always []byte
	errand *errand  // nil: it has no command elsewhere
	syncs  *SyncAsk // nil: it has said nothing of a replica
}

// rarely is s.seldom, to write to.
func (s *Session) rarely() *seldom {
	if s.seldom == nil {
		s.seldom = &seldom{}
	}
	return s.seldom
}

// SharedState is what other sessions may read of a session.
type SharedState struct {
	LastActive atomic.Int64 // wall ms
	lastCmd    atomic.Pointer[Command]
	user       atomic.Pointer[acl.User]
	db         atomic.Int32
	proto      atomic.Int32
	flags      atomic.Uint32               // ClientFlags
	subs       [pubsub.Kinds]atomic.Int32  // how many channels of each kind
	tracker    atomic.Pointer[tracker]     // nil: it does not track
	waiting    atomic.Pointer[wait]        // what CLIENT UNBLOCK can end; nil: nothing
	attrs      atomic.Pointer[clientAttrs] // nil: it has said nothing; what it points to stays as it is

	argBytes atomic.Int64 // of the arguments of a command that waits
	// queued is one more than the commands that wait for EXEC, 0: there is no
	// MULTI; queuedBytes are those of their arguments.
	queued, queuedBytes atomic.Int64
}

// clientAttrs are what a client says about itself.
type clientAttrs struct{ name, libName, libVer string }

// clientFlags are a session's flags as CLIENT LIST shows them.
type clientFlags uint32

const (
	clientBlocked  clientFlags = 1 << iota // waits inside a command
	clientClosing                          // its connection ends after the reply
	clientReadonly                         // READONLY was said
	clientNoEvict                          // CLIENT NO-EVICT ON
	clientNoTouch                          // CLIENT NO-TOUCH ON
	clientMonitor                          // MONITOR was said
	clientPubSub                           // it listens to channels
	clientEnded                            // its connection is being closed, and others find it no more
)

// setFlag sets or clears flags.
func (sh *SharedState) setFlag(f clientFlags, on bool) {
	if on {
		sh.flags.Or(uint32(f))
		return
	}
	sh.flags.And(^uint32(f))
}

// has reports whether all of f are set.
func (sh *SharedState) has(f clientFlags) bool { return clientFlags(sh.flags.Load())&f == f }

// noteCommand remembers what the client does, for CLIENT LIST. Storing costs
// more than looking, and most commands come in runs.
func (sh *SharedState) noteCommand(cmd *Command, now int64) {
	if sh.lastCmd.Load() != cmd {
		sh.lastCmd.Store(cmd)
	}
	sh.Active(now)
}

// Active notes that the client and the node have exchanged something, in either direction.
func (sh *SharedState) Active(now int64) {
	if sh.LastActive.Load() != now {
		sh.LastActive.Store(now)
	}
}

// attributes is what the client says about itself.
func (sh *SharedState) attributes() clientAttrs {
	if a := sh.attrs.Load(); a != nil {
		return *a
	}
	return clientAttrs{}
}

// setAttributes changes what the client says about itself, on the session's own turn.
func (sh *SharedState) setAttributes(change func(a *clientAttrs)) {
	a := sh.attributes()
	change(&a)
	if a == (clientAttrs{}) {
		sh.attrs.Store(nil)
		return
	}
	sh.attrs.Store(&a)
}

// ReplyMode is what CLIENT REPLY sets.
type ReplyMode uint8

const (
	ReplyOn ReplyMode = iota
	replyOff
	replySkipNext // CLIENT REPLY SKIP was said: the next command is silent
	replySkip     // this command is silent
)

// mixedEpochs is the LeaderEpoch of a batch that outlived a leadership.
const mixedEpochs = math.MinInt64

// claim notes that a command's answer rests on epoch, see LeaderEpoch.
func (s *Session) claim(epoch int64) { s.LeaderEpoch = mixed(s.LeaderEpoch, epoch) }

// mixed is the epoch of what rests on two, before: 0 is none.
func mixed(before, epoch int64) int64 {
	if before == 0 || before == epoch {
		return epoch
	}
	return mixedEpochs
}

// closeAfterReply ends the connection once the reply is out.
func (s *Session) closeAfterReply() {
	s.CloseAfterReply = true
	s.Shared.setFlag(clientClosing, true)
}

// selectDB makes db the session's database.
func (s *Session) selectDB(db int) {
	s.db = db
	s.Shared.db.Store(int32(db))
}

// setProto makes version the session's protocol.
func (s *Session) setProto(version int) {
	s.W.SetProto(version)
	s.Shared.proto.Store(int32(version))
}

// setReadonly is READONLY and READWRITE.
func (s *Session) setReadonly(on bool) {
	s.readonlyMode = on
	s.Shared.setFlag(clientReadonly, on)
}

// setNoTouch is CLIENT NO-TOUCH.
func (s *Session) setNoTouch(on bool) {
	s.noTouch = on
	s.Shared.setFlag(clientNoTouch, on)
}

// SetReadonly is READONLY and READWRITE.
func (c *Ctx) SetReadonly(on bool) { c.s.setReadonly(on) }

// SetAcks says how many nodes must hold the session's writes from now on.
func (c *Ctx) SetAcks(a Acks) { c.s.Acks = a }

// HandOver gives the session's connection away, together with the command's
// arguments: what takes it answers. It may be the handler itself.
func (c *Ctx) HandOver() { c.s.Hijack = CloneArgs(c.Args) }

// context is what the session's commands run in.
func (s *Session) context() *Ctx {
	if s.ctx == nil {
		s.ctx = &Ctx{}
	}
	return s.ctx
}

// NewSession registers a client that has just connected to a face.
func (e *Engine) NewSession(conn Conn, face Face) *Session {
	s := &Session{face: face, table: e.tableAt(face), ID: e.lastID.Add(1), conn: conn, created: e.host.Now()}
	e.beDefault(s)
	s.Shared.LastActive.Store(s.created)
	s.Shared.proto.Store(2)
	e.stats.connections.Add(1)
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	e.sessions[s.ID] = s
	return s
}

// EndSession forgets a client whose connection is gone. It runs on the
// session's own turn.
func (e *Engine) EndSession(s *Session) {
	e.unpark(s)
	if s.tx != nil {
		e.endTransaction(s)
	}
	e.endSubscriptions(s)
	e.endMonitor(s)
	e.setTracker(s, nil)
	if s.ctx != nil {
		e.countUp(s.ctx)
	}
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	delete(e.sessions, s.ID)
}

// SlimSession gives back the memory that s, which is idle and not parked,
// keeps for its next command. It runs on the session's own turn.
func (e *Engine) SlimSession(s *Session) {
	s.W.Take(nil)
	s.ctx = nil
}

// clients lists the sessions by ID.
func (e *Engine) clients() []*Session {
	e.sessMu.Lock()
	list := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		if !s.Shared.has(clientEnded) {
			list = append(list, s)
		}
	}
	e.sessMu.Unlock()
	slices.SortFunc(list, func(a, b *Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// client finds a session by its ID, nil when there is none.
func (e *Engine) client(id int64) *Session {
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	if s := e.sessions[id]; s != nil && !s.Shared.has(clientEnded) {
		return s
	}
	return nil
}

// maxReply is how many bytes one reply may take where client-output-buffer-limit
// sets no limit, as it does by default: a client that asks for more (SRANDMEMBER
// with a count of -2^62) would bring the process down.
const maxReply = 4 << 30

// ReplyBound is how many bytes a reply may take while it is built, for a client
// that has not been sent that many bytes yet; at least 1. Beyond it the session's writer
// overflows, and its connection ends as for any unsent output over the limit.
func (e *Engine) ReplyBound(unsent int) int {
	hard := e.Config.OutputHardNormal.Get()
	if hard <= 0 {
		return maxReply
	}
	return int(max(min(hard, maxReply)-int64(unsent), 1))
}

// FreeMemory gives memory that is not needed back to the system, in the background.
func (e *Engine) FreeMemory() { e.host.AfterFunc(0, e.control.FreeMemory) }
