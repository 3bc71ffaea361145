package engine

import (
	"bytes"
	"fmt"
	"strings"

	"regent/engine/config"
	"regent/engine/slots"
	"regent/engine/spec"
	"regent/resp"
)

// The gates: what may refuse a command before its handler runs, in the order
// of Redis (server.c, processCommand).
//
//	known, arity ─► authenticated ─► user ─► lease ─► elsewhere ─► memory ─► log ─► replicas ─► loading ─► paused ─► Do
//	                                 NOPERM  (waits)  MOVED        OOM       MISCONF NOREPLICAS LOADING    (waits)
//	                                                  CLUSTERDOWN
//
// Whether this node leads is asked inside the shard locks, because roles
// change while all of them are held: a command that has passed cannot be
// overtaken by a change of role. The gates before the locks ask it as well, but
// only when they have something to refuse: so a follower redirects a write
// even where its own memory is full.
//
// LOADING goes first where no leader is known: a node that loads its log has
// not joined the others yet, and CLUSTERDOWN would say more than it knows.

// admit is the gates that need no lock; it returns the refusal, or "".
func (e *Engine) admit(c *Ctx, known bool) string {
	cmd, args := c.Cmd, c.Args
	if c.s.Denied != "" && (cmd == nil || !cmd.OpensChannel) {
		c.s.CloseAfterReply = true
		return c.s.Denied
	}
	if cmd == nil {
		return unknownCommand(args)
	}
	if !known {
		return fmt.Sprintf(resp.ErrUnknownSub, Clip(args[1], 128), c.Spoken())
	}
	if n := len(args); !cmd.Fits(n) {
		return fmt.Sprintf(resp.ErrArity, cmd.FullName())
	}
	if !c.s.Authenticated && !cmd.Has(spec.NoAuth) && e.authRequired(c.s) {
		return resp.ErrNoAuth
	}
	if !c.s.user.Rights().Free {
		if msg := e.gateUser(c); msg != "" {
			return msg
		}
	}
	if c.s.face == FacePlain && e.carries(c, e.cluster.View()) {
		return carriedAway
	}
	c.room, c.full = spaceYes, false
	if c.s.face == FaceSentinel {
		return c.guarded()
	}
	if c.flags()&(spec.DenyOOM|spec.Write) != 0 {
		if msg := e.gateMemory(c); msg != "" {
			return msg
		}
	}
	if c.s.Listens() {
		if msg := c.barred(); msg != "" {
			return msg
		}
	}
	if e.load.on.Load() && !cmd.whileLoading(args) && !e.loadWaitsForScript(cmd) {
		v := e.cluster.View()
		if msg := e.elsewhere(c, v); msg != "" && v.Leader != "" {
			return msg
		}
		return resp.ErrLoading
	}
	return ""
}

// guarded is what the gates ask of a command at the Sentinel face, which has no data, and
// answers while that is loaded. Most Sentinels have no password, and old clients know
// none: so without one, what changes anything is for clients on this machine alone.
func (c *Ctx) guarded() string {
	if c.Cmd.Has(spec.Admin) && !c.Cmd.Harmless && !c.trusted() {
		return fmt.Sprintf(resp.ErrNoPerm, c.Cmd.FullName())
	}
	if c.s.Listens() {
		return c.barred()
	}
	return ""
}

// trusted reports whether a client of the Sentinel face has given its password, or is on
// this machine. That lets it do what changes the Sentinel; what changes the server, its
// clients and its users, only if the data asks for no password either.
func (c *Ctx) trusted() bool {
	if c.s.proved || !isLocal(c.s.conn) {
		return c.s.proved
	}
	return c.Cmd.Group == spec.GroupSentinel || c.e.open(FacePort)
}

// loadWaitsForScript reports whether a script keeps the data from being replaced, and cmd may be
// what ends it: nothing else could.
func (e *Engine) loadWaitsForScript(cmd *Command) bool {
	return cmd.Has(spec.AllowBusy) && e.scripts.running.Load()
}

// whileLoading reports whether the command may run while the data is loaded.
func (cmd *Command) whileLoading(args [][]byte) bool {
	return cmd.Has(spec.Loading) && (cmd.showsData == nil || !cmd.showsData(args))
}

// authRequired reports whether s must say AUTH first. A password that has
// been taken away is not asked for any more.
func (e *Engine) authRequired(s *Session) bool {
	return !s.Authenticated && !e.LetsIn(s.face)
}

// gateLocked is the gates that must not be overtaken by a change of role.
// c.late: the command must wait for the lease.
func (e *Engine) gateLocked(c *Ctx) string {
	v, flags := e.cluster.View(), c.flags()
	if v.Clustered {
		if c.late = e.leaseless(c, v); c.late {
			return ""
		}
	}
	// In a pause reads delete nothing. A write that was under way when it
	// began must: its effect presupposes that what had expired is gone.
	c.follower = !v.Leading || flags&spec.Write == 0 && e.pause.mode.Load() != pauseNone
	if flags&(spec.Write|spec.ReadOnly) == 0 {
		return ""
	}
	if !v.Leading {
		if msg := e.elsewhere(c, v); msg != "" {
			return msg
		}
		if v.Clustered {
			c.s.claim(e.KeyspaceEpoch())
		}
		return ""
	}
	if flags&spec.Write != 0 && c.Cmd.Scripts == noScripts { // a script's commands are asked one by one
		if msg := e.writeTrouble(c, v); msg != "" {
			return msg
		}
	}
	if v.Clustered {
		c.s.claim(v.Epoch)
	}
	return ""
}

// writeTrouble is the answer to a write that could not be made to last, or "".
func (e *Engine) writeTrouble(c *Ctx, v *View) string {
	if msg := e.diskTrouble(); msg != "" {
		return msg
	}
	if v.Missing > 0 && e.tooFew(c.s, v) || !e.enoughReplicas(v) {
		return resp.ErrNoReplicas
	}
	return ""
}

// diskTrouble is the answer to a write, and to PING, while data cannot be made to
// last, or "".
func (e *Engine) diskTrouble() string {
	if e.save.failed.Load() && e.Config.StopWritesOnBgsaveError.Get() && len(e.Config.Save.Get()) > 0 {
		return resp.ErrBgsave
	}
	if why := e.writeErr.Load(); why != nil {
		return fmt.Sprintf(resp.ErrMisconf, *why)
	}
	return ""
}

// enoughReplicas reports whether min-replicas-to-write followers have
// acknowledged within min-replicas-max-lag seconds; either being 0 turns the
// question off.
func (e *Engine) enoughReplicas(v *View) bool {
	want, maxLag := e.Config.MinReplicasToWrite.Get(), e.Config.MinReplicasMaxLag.Get()
	if want <= 0 || maxLag <= 0 {
		return true
	}
	return v.goodFollowers(maxLag) >= want
}

// tooFew reports whether a write of s would wait for followers that are not
// there.
func (e *Engine) tooFew(s *Session, v *View) bool {
	followers := v.voters() - 1
	return followers-v.Missing < e.wantedAcks(s, followers)
}

// voters counts the nodes that count.
func (v *View) voters() (n int) {
	for i := range v.Nodes {
		if !v.Nodes[i].Learner {
			n++
		}
	}
	return n
}

// wantedAcks is how many followers must hold a write of s.
func (e *Engine) wantedAcks(s *Session, followers int) int {
	acks := s.Acks
	if acks == AcksDefault {
		acks = [...]Acks{config.AcksLeader: AcksLeader, config.AcksQuorum: AcksQuorum, config.AcksAll: AcksAll}[e.Config.WriteAcks.Get()]
	}
	switch acks {
	case AcksLeader:
		return 0
	case AcksAll:
		return followers
	}
	return (followers + 1) / 2
}

// goodFollowers counts the followers with data that have acknowledged within maxLag
// seconds.
func (v *View) goodFollowers(maxLag int64) (n int64) {
	for i := range v.Nodes {
		if nd := &v.Nodes[i]; !nd.Myself && nd.Up && !nd.Witness && nd.Lag >= 0 && nd.Lag <= maxLag {
			n++
		}
	}
	return n
}

// readsHere reports whether a follower answers c's reads: follower-reads yes
// as Redis's replicas do, readonly as those of Redis Cluster, no never. The latter have no
// slot to send a client to that names no keys, and answer it themselves.
func (e *Engine) readsHere(c *Ctx) bool {
	switch e.Config.FollowerReads.Get() {
	case config.FollowerReadsReadonly:
		return c.s.readonlyMode || len(c.keys()) == 0
	case config.FollowerReadsNo:
		return false
	}
	return true
}

// keysElsewhere reports whether a command of s that names keys, and one of its scripts
// that does, is not for this node.
func (e *Engine) keysElsewhere(s *Session) bool {
	if s.face != FacePort || s.readonlyMode || e.Config.FollowerReads.Get() != config.FollowerReadsReadonly {
		return false
	}
	v := e.cluster.View()
	return v.Clustered && !v.Leading
}

// forLeader reports whether c's command is to be refused by a node that does not lead since it may
// change data. replica: as a replica of redis-server answers, and one of Redis Cluster after READONLY.
// It runs scripts that do not say that they write, and refuses the writes within. Those that do it does
// not run, whatever they are called with.
func (c *Ctx) forLeader(replica bool) bool {
	switch {
	case c.Cmd.Locks != lockQueued || !c.s.inMulti():
		return c.Cmd.saysWrites(c.Args) || !replica && c.writes()
	case !replica:
		return c.writes()
	}
	any := false
	c.s.tx.each(func(q *queued, args [][]byte) { any = any || q.cmd.saysWrites(args) })
	return any
}

// touchesData reports whether leadership matters to the command at all.
func (cmd *Command) touchesData() bool {
	return cmd.lead&(spec.Write|spec.ReadOnly) != 0
}

// elsewhere is the answer to a command that this node must not carry out in
// the role it has in v, or "".
func (e *Engine) elsewhere(c *Ctx, v *View) string {
	switch {
	case !v.Clustered || !c.touchesData():
		return ""
	case v.Leading:
		return ""
	case c.s.face == FacePlain:
		return e.plainElsewhere(c, v)
	case e.readsHere(c) && !v.Witness && !c.forLeader(c.s.readonlyMode):
		if v.Unfilled {
			return resp.ErrLoading // what it holds is no state that the data ever had lately
		}
		return ""
	case v.Leader == "" || v.LeaderID == v.NodeID:
		return resp.ErrClusterDown
	}
	slot := 0
	if keys := c.keys(); len(keys) > 0 {
		slot = int(slots.Of(keys[0]))
	}
	return fmt.Sprintf(resp.ErrMoved, slot, v.toward(c.s.TLS).Leader)
}

func unknownCommand(args [][]byte) string {
	var rest strings.Builder
	for i := 1; i < len(args) && rest.Len() < 128; i++ {
		fmt.Fprintf(&rest, "'%s' ", Clip(args[i], 128-rest.Len()))
	}
	return fmt.Sprintf(resp.ErrUnknownCmd, Clip(args[0], 128), rest.String())
}

// Clip is the first n bytes of b, and not beyond a NUL: where Redis prints
// words in errors, it prints C strings.
func Clip(b []byte, n int) []byte {
	if len(b) > n {
		b = b[:n]
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return b
}
