package server

import (
	"cmp"
	"math"
	"net"
	"sync/atomic"

	"regent/engine"
	"regent/engine/units"
	"regent/resp"
)

// A client is one connection's session, whatever moves its bytes. It is a
// state machine without I/O: its owner, a goroutine or an event loop, calls
// the methods of this file and of batch.go one at a time, and does what the
// link says with the socket.
//
//	          take                run                   release            send
//	socket ─────────► in ──guard──► Engine.Execute ──► W ──barrier──► held ───────► out ──► socket
//	                  │             │ parks                │ not yet    │              │
//	                  └ what is     └ Wake, resume         └ Wait ──────┘ Wake         └ writable
//	                    not carried
//	                    out yet
//
// A client stands still for one of three reasons: its command waits (parked),
// its replies wait (waiting), or its peer does not read (unsent). None of
// them holds a goroutine of an event loop, and none lets later commands
// overtake earlier ones.
type client struct {
	srv  *Server
	sess *engine.Session
	link link

	guard guard
	in    []byte // input that was kept, from at on
	at    int

	batch  batch
	marks  []mark // of the batch that waits
	held   []byte // its replies
	parkAt parkPoint

	out  []byte // released replies, from sent on
	sent int

	guest       *guest  // nil: it is a client indeed
	seldom      *seldom // nil: it has nothing of that
	peer, local string

	face    engine.Face
	more    bool // stopped at a bound of the batch: there may be whole commands in in
	waiting bool // on the barrier
	closing bool // once everything is sent
	eof     bool // the peer sends no more
	dead    bool // the socket failed
	departs bool // seldom says where to: no more commands are carried out
	far     bool // it is another node's, at the end of a tunnel
	span    bool // in is the pool's
	moved   bool // far: it was told that this node leads no more
	late    bool // its last command has waited
	led     bool // this node has served it as the leader
	strange bool // it is among the strangers
	secure  bool // it speaks TLS
	works   bool // its input is being carried out
	deaf    bool // its peer says no more, and its handshake is not over

	killed   atomic.Bool
	deposed  atomic.Int32 // whether this node leads no more: leads, lost, handedOver. See depart
	expelled atomic.Bool  // a guest whose time is over
	asleep   atomic.Bool  // waits inside a command
	lean     atomic.Bool  // it was idle for long: memory is to be given back, or it is to end
	holds    atomic.Int32 // KB that it counts in what maxmemory bounds, gone: it is no client any more

	shakes    atomic.Int64 // Server.ticks since when its handshake is under way, 0: it is not
	inBytes   atomic.Int64 // what Buffers tells
	inFree    atomic.Int64
	outBytes  atomic.Int64
	weight    atomic.Int64 // bytes that it counts in Server.weights
	softSince atomic.Int64 // Server.ticks since when output is over the soft limit, 0: it is not
	leanFor   int64        // the LastActive for which lean was asked; doChores' own
}

// A link is a client's way to its socket. wake, kill, peerGone and fd may be called
// from any goroutine, the rest by the client's owner.
type link interface {
	// write sends what can be sent at once. b is not kept.
	write(b []byte) (n int, err error)
	// drain sends what can be sent at once and gives the client a turn when
	// more can be. b stays as it is until then.
	drain(b []byte) (n int, err error)
	// detach gives the socket away.
	detach() (net.Conn, error)
	// close closes it; hangUp: after taking what lies unread.
	close(hangUp bool)
	wake()
	kill()
	peerGone() bool
	fd() int
}

// Limits of one client.
const (
	// maxBatch bounds the commands, and maxBatchReply roughly the bytes of
	// replies (the last reply may be longer), after which others get a turn.
	maxBatch      = 1024
	maxBatchReply = 128 << 10
	// maxUnsent is how many bytes of released replies may lie about before
	// no more commands are carried out.
	maxUnsent = 256 << 10
	// maxStrangerInput is how much a client without the password may have
	// kept, in bytes.
	maxStrangerInput = 1 << 20
	// maxClosingReads bounds what is read and thrown away before a close, in
	// reads: input that lies unread would turn the close into a reset, which
	// overtakes the last reply.
	maxClosingReads = 16
)

// A parkPoint is what was true before the command that parked.
type parkPoint struct {
	start int
	wrote int64
}

// Wake asks for a turn.
func (c *client) Wake() { c.link.wake() }

// Kill closes the connection.
func (c *client) Kill() {
	c.killed.Store(true)
	c.link.kill()
}

// RemoteAddr is the peer's address.
func (c *client) RemoteAddr() string { return c.peer }

// LocalAddr is the address that was connected to.
func (c *client) LocalAddr() string { return c.local }

// FD is the descriptor's number.
func (c *client) FD() int { return c.link.fd() }

// Gone reports whether the peer has hung up, as the kernel knows it: the owner may
// not have had the time to read that.
func (c *client) Gone() bool { return c.link.peerGone() }

// Buffers are the bytes of input and of unsent output.
func (c *client) Buffers() engine.Buffers {
	return engine.Buffers{Input: int(c.inBytes.Load()), InputFree: int(c.inFree.Load()), Output: int(c.outBytes.Load())}
}

func (c *client) unsent() int { return len(c.out) - c.sent }

// runs reports whether commands may be carried out now.
func (c *client) runs() bool {
	return !c.waiting && !c.closing && !c.departs && c.unsent() < maxUnsent && !c.sess.Parked() && !c.killed.Load()
}

// reads reports whether more input is wanted. A client whose output stands
// still is read on, within limits, because it may not begin to read before
// all it has to say is sent.
func (c *client) reads() bool {
	switch {
	case c.closing || c.eof || c.waiting || c.departs || c.sess.Parked():
		return false
	case c.unsent() >= maxUnsent:
		return int64(len(c.in)-c.at) < c.inputLimit()
	}
	return !c.more
}

// listens reports whether a peer that hangs up while its command waits would
// be heard of by reading only. Replies before it may wait for the barrier too.
func (c *client) listens() bool {
	return c.sess.Parked() && !c.eof && !c.closing && !c.dead
}

// inputLimit is how many bytes may be kept: what the log cannot hold is not taken,
// whatever the configuration allows.
func (c *client) inputLimit() int64 {
	if c.guest != nil {
		return maxGuestInput
	}
	if !c.sess.Authenticated {
		return min(maxStrangerInput, c.srv.cfg.ClientQueryBufferLimit.Get())
	}
	return min(c.srv.cfg.ClientQueryBufferLimit.Get(), units.MaxCommand)
}

// over reports whether there is nothing more to do for c but to close it.
func (c *client) over() bool {
	if c.dead || c.killed.Load() || c.srv.stopping.Load() {
		return true
	}
	if c.eof && c.waiting && c.sess.Parked() {
		return true // or what others push now goes to nobody
	}
	if c.waiting || c.unsent() > 0 {
		return false
	}
	return c.closing || c.eof && (!c.more || c.sess.Parked())
}

// arrived counts what was read.
func (c *client) arrived(w *scratch, n int) {
	c.srv.count.CountInput(c.sess.ID, int64(n))
	c.sess.Shared.Active(c.srv.engine.Now(&w.desk))
}

// take carries out what has just been read. p is the reader's: what cannot be
// carried out now is copied.
func (c *client) take(w *scratch, p []byte) {
	if len(c.in) > c.at {
		c.keep(w, p)
		c.carry(w)
		return
	}
	used := 0
	if c.runs() {
		c.works = true
		c.setInput(len(p))
		used = c.run(w, p)
		c.works = false
	}
	if used == len(p) {
		c.setInput(0)
		return
	}
	c.keep(w, p[used:])
	c.checkInput()
}

// grown carries out what was read straight into room().
func (c *client) grown(w *scratch, n int) {
	c.in = c.in[:len(c.in)+n]
	c.carry(w)
}

// carry carries out input that was kept.
func (c *client) carry(w *scratch) {
	c.more = false
	if c.runs() && c.at < len(c.in) {
		c.works = true
		c.measure()
		if used := c.run(w, c.in[c.at:]); c.in != nil { // else a dictionary has it
			c.at += used
		}
		c.works = false
	}
	if c.at >= len(c.in) {
		c.drop(w)
		return
	}
	c.checkInput()
}

// drop gives the input's memory back once all of it is carried out.
func (c *client) drop(w *scratch) {
	c.letGo(w)
	c.setInput(0)
}

// checkInput ends a client whose one command is larger than it may be, or that
// sends so much while its command waits.
func (c *client) checkInput() {
	pending := len(c.in) - c.at
	c.setInput(pending - c.guard.bigHeader())
	if !c.secure && pending > 1 && c.in[c.at] == typeHandshake && c.in[c.at+1] == versionMajor {
		c.srv.tellMisfit("A client at %s begins TLS at a port without: %s", c)
		c.dead = true
		return
	}
	if int64(pending) <= c.inputLimit() || !c.sess.Parked() && (!c.runs() || c.more) {
		return
	}
	const shown = 64 // bytes
	start := resp.AppendQuoted(nil, c.in[c.at:min(len(c.in), c.at+shown)])
	c.srv.log(engine.LevelWarning, "Closing client that reached max query buffer length: %s (qbuf initial bytes: %s)", c.srv.engine.ClientLine(c.sess), start)
	c.srv.count.CountQueryLimit()
	c.dead = true
}

func (c *client) setInput(n int) {
	if c.inBytes.Load() != int64(n) {
		c.inBytes.Store(int64(n))
	}
	free := int64(cap(c.in) - len(c.in))
	if cap(c.in) > bigFrame {
		// It is for one command, and what is behind that is never touched.
		free = min(free, int64(max(c.guard.wants()-(len(c.in)-c.at), 0)))
	}
	if c.inFree.Load() != free {
		c.inFree.Store(free)
	}
	c.weigh()
	c.measure()
}

// run carries out the whole commands in p and returns how many bytes that
// took.
func (c *client) run(w *scratch, p []byte) (used int) {
	c.more = false
	if !c.batch.open {
		w.begin(c)
	}
	w.desk.Direct = c.direct() != nil
	c.srv.engine.BeginBatch(c.sess, maxBatch, &w.desk)
	defer w.ran(c)
	ahead := &w.ahead
	for c.runs() {
		if c.batch.n >= maxBatch || c.sess.W.Len() >= maxBatchReply {
			c.more = true
			break
		}
		if ahead.empty() && !ahead.look(c, p[used:]) {
			return used
		}
		ahead.foresee(c)
		cmd := ahead.pop()
		if cmd.refusal != "" {
			c.refuse(w, cmp.Or(c.sess.Denied, cmd.refusal))
			return len(p)
		}
		used += cmd.n
		switch {
		case len(cmd.args) == 0:
		case cmd.n > bigFrame && c.span && used == len(p) && ahead.empty() && &p[0] == &c.in[c.at]:
			c.offer(w, p[used-cmd.n:], cmd.args)
			c.command(w, cmd.args)
			if c.srv.engine.Taken(c.sess) {
				c.in, c.at, c.span = nil, 0, false // nothing was read behind it
			}
		default:
			c.command(w, cmd.args)
		}
	}
	if !ahead.empty() {
		c.guard = guard{} // which was ahead as well
	}
	if c.more {
		return used
	}
	if c.closing { // nothing behind QUIT counts
		return len(p)
	}
	c.more = used < len(p)
	return used
}

// command carries out one command.
func (c *client) command(w *scratch, args [][]byte) {
	s := c.sess
	if s.Tracks() {
		c.srv.engine.Foretell()
	}
	if s.Pushed() {
		c.pushes(w) // it came before what the command does
	}
	s.Barrier, s.LeaderEpoch = 0, 0
	c.parkAt = parkPoint{s.W.Len(), s.LastWriteEnd}
	if s.W.Apart() != nil {
		c.srv.engine.Settle(&w.desk, s)
	}
	s.W.SetBound(c.srv.engine.ReplyBound(c.unsent()))
	c.srv.engine.Execute(s, args)
	if s.Authenticated == c.strange {
		c.srv.meetAgain(c)
	}
	switch {
	case s.W.Overflowed():
		c.overflow()
	case s.Parked():
		c.asleep.Store(true)
		return
	case s.Hijack != nil:
		c.rarely().hello, c.departs = cloneArgs(s.Hijack), true
	case c.face == engine.FacePlain:
		c.leave()
	}
	c.note(w)
}

// pushes takes what has been published for c, between two replies.
func (c *client) pushes(w *scratch) {
	if !c.batch.open {
		w.begin(c)
	}
	s := c.sess
	barrier, epoch, at := s.Barrier, s.LeaderEpoch, c.parkAt // of a command that waits
	s.Barrier, s.LeaderEpoch = 0, 0
	c.parkAt = parkPoint{s.W.Len(), s.LastWriteEnd}
	s.W.SetBound(math.MaxInt32) // the inbox has its own
	c.srv.engine.TakePushes(s)
	s.Shared.Active(c.srv.engine.Now(&w.desk))
	if s.W.Overflowed() {
		c.overflow()
	}
	c.note(w)
	w.marks[len(w.marks)-1].ties |= tiePush
	s.Barrier, s.LeaderEpoch, c.parkAt = barrier, epoch, at
}

// resume lets a parked command go on and reports whether it has ended.
func (c *client) resume(w *scratch) bool {
	if !c.batch.open {
		w.begin(c)
	}
	c.parkAt.start = c.sess.W.Len()
	c.sess.W.SetBound(c.srv.engine.ReplyBound(c.unsent()))
	c.works = true
	c.measure()
	parked := c.srv.engine.Resume(c.sess)
	c.works = false
	c.measure()
	if parked {
		return false
	}
	c.sess.Shared.Active(c.srv.engine.Now(&w.desk))
	c.asleep.Store(false)
	if c.sess.W.Overflowed() {
		c.overflow()
	}
	c.leave()
	c.late = true
	c.note(w)
	return true
}

// overflow ends a client whose reply has become too large while it was built. What
// the command did stays; its replies are dropped.
func (c *client) overflow() {
	n := c.srv.engine.ReplyBound(c.unsent())
	c.outBytes.Store(int64(c.unsent() + n))
	c.srv.garbage.Add(int64(n))
	c.srv.outputLimit(c)
}

// refuse answers input that is no command, and ends the connection.
func (c *client) refuse(w *scratch, text string) {
	s := c.sess
	s.Barrier, s.LeaderEpoch = 0, 0
	c.parkAt = parkPoint{s.W.Len(), s.LastWriteEnd}
	if s.ReplyMode == engine.ReplyOn {
		s.W.Error(text)
	}
	c.closing = true
	c.note(w)
}

// work does everything for c that can be done without new input: it ends a
// wait that is decided, resumes a parked command, carries out input that was
// kept. What that writes is in an open batch afterwards.
func (c *client) work(w *scratch) {
	if c.lean.Load() {
		c.lean.Store(false)
		c.slim()
		c.endIdle()
	}
	if c.waiting && !c.decide() {
		return
	}
	if c.batch.open {
		return // released first: a later turn goes on
	}
	if c.expelled.Load() && c.runs() {
		c.expel(w)
		return
	}
	if c.sess.Pushed() {
		c.pushes(w)
	}
	if c.sess.Parked() {
		if c.eof || !c.resume(w) {
			return
		}
	}
	if c.deposed.Load() != leads {
		c.depart(w)
		return
	}
	c.carry(w)
}

// send hands released replies to the socket; own: their memory is not the arena's.
func (c *client) send(b []byte, own bool) {
	if len(b) == 0 || c.dead || c.killed.Load() {
		return
	}
	c.srv.count.CountOutput(c.sess.ID, int64(len(b)))
	if len(b) > arenaBytes && !own {
		c.srv.garbage.Add(int64(cap(b)))
	}
	if c.unsent() > 0 {
		c.out = append(c.out, b...)
		c.limitOutput()
		return
	}
	n, err := c.link.write(b)
	if err != nil {
		c.dead = true
		return
	}
	if n == len(b) {
		return
	}
	if own || len(b) > arenaBytes { // it can be kept
		c.out, c.sent = b, n
	} else {
		c.out, c.sent = append(c.out[:0], b[n:]...), 0
	}
	c.flush()
	c.limitOutput()
}

// flush sends more of what is unsent.
func (c *client) flush() {
	if c.unsent() > 0 && !c.dead {
		n, err := c.link.drain(c.out[c.sent:])
		c.sent += n
		c.dead = c.dead || err != nil
		if n > 0 {
			c.sess.Shared.Active(c.srv.host.Now())
		}
	}
	if c.unsent() == 0 {
		c.out, c.sent = nil, 0
		if r := c.seldom; r != nil && r.outSpan != nil {
			c.srv.engine.Spans().Put(r.outSpan)
			r.outSpan = nil
		}
	}
	if n := int64(c.unsent()); c.outBytes.Load() != n {
		c.outBytes.Store(n)
		c.measure()
	}
}

// limitOutput is client-output-buffer-limit for the class of the client.
func (c *client) limitOutput() {
	n, cfg := int64(c.unsent()), c.srv.cfg
	c.outBytes.Store(n)
	hard, soft := cfg.OutputHardNormal.Get(), cfg.OutputSoftNormal.Get()
	if c.sess.Listens() {
		hard, soft = cfg.OutputHardPubsub.Get(), cfg.OutputSoftPubsub.Get()
	}
	if hard > 0 && n > hard {
		c.srv.outputLimit(c)
		return
	}
	switch {
	case soft <= 0 || n <= soft:
		c.softSince.Store(0)
	case c.softSince.Load() == 0:
		c.softSince.Store(c.srv.ticks())
	}
	c.weigh()
	c.measure()
}

func cloneArgs(args [][]byte) [][]byte {
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = append([]byte(nil), a...)
	}
	return out
}

// greet is what a connection that is not accepted is told.
func greet(text string) []byte {
	var w resp.Writer
	w.Error(text)
	return w.Bytes()
}
