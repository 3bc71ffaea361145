package engine

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"regent/engine/spec"
	"regent/resp"
)

// Plain clients at a node that does not lead. They know nothing of MOVED, so their
// connections are carried to the leader (plain-forward yes):
//
//	GET k ─► gates: not here ─► Session.Carry ─► the connection is taken from its listener,
//	                                             and the leader's listener gets it:
//	                                             Restore, then GET k
//
// A session is carried whole, when it says the first command that is the leader's: what
// reads or writes data, runs scripts, listens, or prepares any of that. What it said
// before about itself goes along (SessionState). What tells of the node (INFO, ROLE,
// CONFIG) is answered here until then, and after that there. A session that was carried
// here is not carried further: it ends when this node leads no more, and its tunnel looks for
// the next leader. So nothing loops.

// carriedAway is a refusal that is no answer: the session is the leader's.
const carriedAway = "\x00carried"

// SessionState is what a session is, for it to go on at another node.
type SessionState struct {
	DB, Proto             int
	Authenticated         bool
	User                  string
	Name, LibName, LibVer string
	Readonly, NoEvict     bool
	NoTouch, Redirects    bool
	Acks                  Acks
	// Bound: it cannot go on elsewhere, because of what it has begun here.
	Bound bool
}

// State is the session's, on its own turn.
func (s *Session) State() SessionState {
	a := s.Shared.attributes()
	if s.ReplyMode != ReplyOn || s.Listens() || s.Shared.has(clientMonitor) {
		s.uncounted = true
	}
	return SessionState{
		DB: s.db, Proto: s.W.Proto(), Authenticated: s.Authenticated, User: s.user.Name(), Name: a.name, LibName: a.libName, LibVer: a.libVer,
		Readonly: s.readonlyMode, NoEvict: s.Shared.has(clientNoEvict), NoTouch: s.noTouch, Redirects: s.redirects, Acks: s.Acks,
		Bound: s.bound(),
	}
}

// bound reports whether the session has begun something that is here alone.
func (s *Session) bound() bool {
	return s.uncounted || s.ReplyMode != ReplyOn || s.tx != nil && (s.tx.open || len(s.tx.watched) > 0) || s.Listens() ||
		s.Shared.has(clientMonitor) || s.Shared.tracker.Load() != nil
}

// StateMoved is State if it may differ from what was returned last, because of the
// command that the session has just said.
func (s *Session) StateMoved() (st SessionState, moved bool) {
	if s.ctx == nil || s.ctx.Cmd == nil {
		return st, false
	}
	switch s.ctx.Cmd.Group {
	case spec.GroupConnection, spec.GroupTransaction, spec.GroupPubSub, spec.GroupServer, spec.GroupCluster, spec.GroupGeneric:
	default:
		return st, false
	}
	st = s.State()
	r := s.rarely()
	moved = st != r.told
	r.told = st
	return st, moved
}

// Restore makes a session that has just begun what it was at another node, or before it
// came back from there. carried: its client is still at the other node.
func (e *Engine) Restore(s *Session, st SessionState, carried bool) {
	s.carried = carried
	s.selectDB(min(max(st.DB, 0), e.databases()-1))
	s.setProto(min(max(st.Proto, resp.RESP2), resp.RESP3))
	e.restoreUser(s, st)
	s.Shared.setAttributes(func(a *clientAttrs) { *a = clientAttrs{st.Name, st.LibName, st.LibVer} })
	s.setReadonly(st.Readonly)
	s.setNoTouch(st.NoTouch)
	s.Shared.setFlag(clientNoEvict, st.NoEvict)
	s.redirects, s.Acks = st.Redirects, min(st.Acks, acksEnd-1)
	if carried {
		s.rarely().told = s.State()
	}
}

// stateWords are the words of a state in text.
const stateWords = 12

// Append appends the state as text: words with their lengths.
func (st *SessionState) Append(dst []byte) []byte {
	flag := func(on bool) string { return strconv.Itoa(int(btoi(on))) }
	return resp.AppendCommand(dst, strconv.Itoa(st.DB), strconv.Itoa(st.Proto), flag(st.Authenticated), st.Name, st.LibName, st.LibVer,
		flag(st.Readonly), flag(st.NoEvict), flag(st.NoTouch), flag(st.Redirects), strconv.Itoa(int(st.Acks)), st.User)
}

func btoi(on bool) int64 {
	if on {
		return 1
	}
	return 0
}

var errState = errors.New("not a session's state")

// ParseSessionState reads what Append wrote.
func ParseSessionState(b []byte) (st SessionState, err error) {
	v, err := resp.NewReader(bytes.NewReader(b), resp.Limits{Bulk: resp.MaxNote, Elems: stateWords, Depth: 1, Total: stateWords + 1}).Read()
	if err != nil || len(v.Elems) != stateWords {
		return st, errState
	}
	words := make([]string, stateWords)
	for i, e := range v.Elems {
		words[i] = string(e.Text)
	}
	acks := 0
	for i, p := range map[int]*int{0: &st.DB, 1: &st.Proto, 10: &acks} {
		if *p, err = strconv.Atoi(words[i]); err != nil || *p < 0 {
			return st, errState
		}
	}
	if acks >= int(acksEnd) || st.Proto < resp.RESP2 || st.Proto > resp.RESP3 {
		return st, errState
	}
	for i, p := range map[int]*bool{2: &st.Authenticated, 6: &st.Readonly, 7: &st.NoEvict, 8: &st.NoTouch, 9: &st.Redirects} {
		if *p = words[i] == "1"; !*p && words[i] != "0" {
			return st, errState
		}
	}
	for i, p := range map[int]*string{3: &st.Name, 4: &st.LibName, 5: &st.LibVer} {
		if *p = words[i]; !printable([]byte(*p)) {
			return st, errState
		}
	}
	st.Acks, st.User = Acks(acks), words[11]
	return st, nil
}

// A Carried client comes from another node's listener, or goes there.
type Carried struct {
	Peer, Local string // its own address, and the one that it has connected to
	State       SessionState
	Early       []byte // what it has said and nobody has carried out
	// Late: that has waited already, for a leader's change, or its client has seen another
	// leader on this connection. If it has gone meanwhile it may have said it again
	// elsewhere, and more since: then it is to be dropped.
	Late bool
}

// Carry is the command with which the session is to go to the leader: it was not carried
// out. nil: it stays.
func (s *Session) Carry() [][]byte {
	if s.seldom == nil {
		return nil
	}
	return s.seldom.carry
}

// carryAway ends the session's time here, with the command that c has.
func (c *Ctx) carryAway() {
	s := c.s
	args := c.Args
	if c.said != nil {
		args = append([][]byte{c.said}, args[1:]...)
	}
	s.rarely().carry = CloneArgs(args)
	if s.ReplyMode == replySkip { // the state that goes along is that from before the command
		s.ReplyMode = replySkipNext
	}
}

// carries reports whether a command is the leader's, and its session to be carried there.
func (e *Engine) carries(c *Ctx, v *View) bool {
	s := c.s
	if v.Leading || !v.Clustered || !c.Cmd.leads() {
		return false
	}
	if s.carried {
		return true
	}
	if c.Cmd.ofNode != nil && c.Cmd.ofNode(c.Args) {
		s.greets = true
		return false
	}
	if s.greets && c.Cmd.Group == spec.GroupTransaction {
		return false // what a Sentinel says in a transaction is for this node, as is INFO behind it
	}
	if !e.Config.PlainForward.Get() || s.redirects || s.bound() || s.readonlyMode && !v.Witness && !c.writes() && c.touchesData() {
		return false
	}
	return v.Leader != "" || e.leaderSoon(v) && !e.load.on.Load()
}

// leaderPatience is how many write-timeouts a client waits for a leader while none is
// known; after that it is told so at once.
const leaderPatience = 1

// leaderSoon reports whether there may be a leader again in a moment: it has not been
// missing for longer than clients wait for one.
func (e *Engine) leaderSoon(v *View) bool {
	return v.NoLeaderAt != 0 && e.ticks()-v.NoLeaderAt < leaderPatience*e.Config.WriteTimeout.Get()
}

// leads reports whether a command is the leader's at the plain face: it touches data, or
// prepares what does, or depends on what others do there.
func (cmd *Command) leads() bool {
	switch cmd.Group {
	case spec.GroupTransaction, spec.GroupPubSub, spec.GroupScripting:
		return true
	}
	return cmd.atLeader || cmd.touchesData()
}

// plainElsewhere is elsewhere for the plain face.
func (e *Engine) plainElsewhere(c *Ctx, v *View) string {
	switch {
	case e.carries(c, v):
		return carriedAway
	case v.Leader == "" || v.LeaderID == v.NodeID:
		return resp.ErrMasterDown
	case c.s.bound() && e.Config.PlainForward.Get() && !c.s.redirects && (c.writes() || !c.s.readonlyMode):
		// It became so while there was no leader to carry it to, and cannot go there now: it
		// is to come anew.
		c.s.CloseAfterReply = true
		return resp.ErrMasterDown
	case c.s.redirects && (c.writes() || !c.s.readonlyMode):
		return fmt.Sprintf(resp.ErrRedirect, v.toward(c.s.TLS).leaderAt(FacePlain))
	case c.forLeader(true):
		return resp.ErrReadOnly
	case v.Witness:
		return resp.ErrMasterDown // as a replica that does not serve what it has
	case v.Unfilled:
		return resp.ErrLoading
	}
	return ""
}

// leaderAt is where clients of a face reach the leader.
func (v *View) leaderAt(f Face) string {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; n.Leader {
			return n.spelled(f)
		}
	}
	return v.Leader
}

// Down is what a client of a face is told when nobody leads.
func (f Face) Down() string {
	if f == FacePlain {
		return resp.ErrMasterDown
	}
	return resp.ErrClusterDown
}

// Writes reports whether a command of a name, as clients say it, may change data: one that
// is not known may, and so may one that has others below it.
func (e *Engine) Writes(name []byte) bool {
	cmd := e.table.find(name)
	return cmd == nil || len(cmd.Subs) > 0 || cmd.Locks == lockQueued || cmd.lead&spec.Write != 0 || cmd.Has(spec.MayReplicate) || cmd.Group == spec.GroupScripting
}

// doClientCapa is Valkey's: what the client understands beyond Redis's protocol. What is
// not known is no error, as there.
func doClientCapa(c *Ctx) {
	for _, word := range c.Args[2:] {
		if spec.EqualFold(word, "redirect") {
			c.s.redirects = true
		}
	}
	c.W.OK()
}
