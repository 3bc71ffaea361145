package server

import (
	"math"

	"regent/engine"
	"regent/resp"
)

// A batch is what a client's commands wrote since the last release: replies
// that leave in one write, once the barrier lets them.
//
// When the outcome is uncertain, each reply is asked for by itself:
//
//	reply rests on               still passes   otherwise
//	nothing (PING)               as it is       -
//	data read, as leader         as it is       -CLUSTERDOWN, -MASTERDOWN: it may be asked again
//	data read, without peers     as it is       -UNCERTAIN
//	a write of its own           as it is       -UNCERTAIN: it may have happened
//	published, rests on a write  as it is       dropped: nobody waits for it
//
// and the connection goes on: the replies keep their order and their number,
// no command is carried out twice, and what stands behind in the pipeline
// meets the new state of things (MOVED, most likely). So a client never takes
// +OK for something that may be lost, and never loses count.
type batch struct {
	off   int64 // the highest offset that a reply rests on
	epoch int64 // the leadership that replies rest on; 0: none
	first int   // its first mark in scratch.marks
	n     int32 // commands
	acks  engine.AckSet
	open  bool
	mixed bool // some replies rest on different leaderships
}

// A mark is one command of a batch: where its reply begins, and on what it
// rests.
type mark struct {
	off   int64
	start uint32
	ties  ties
}

type ties uint32

const (
	tieEpoch ties = 1 << iota // rests on the leadership of the batch's epoch
	tieOther                  // rests on another leadership
	tieWrote                  // has a record of its own
	tiePush                   // is no reply: nobody waits for it
)

// note ends a command: its reply is whole.
func (c *client) note(w *scratch) {
	s, b := c.sess, &c.batch
	b.acks |= s.Acks.Set()
	m := mark{off: s.Barrier, start: uint32(min(c.parkAt.start, math.MaxUint32))}
	if s.LastWriteEnd != c.parkAt.wrote {
		m.ties |= tieWrote
	}
	if s.Barrier > b.off {
		b.off = s.Barrier
	}
	if e := s.LeaderEpoch; e != 0 {
		c.led = true
		switch {
		case b.epoch == 0 || b.epoch == e:
			b.epoch = e
			m.ties |= tieEpoch
		default:
			// Leadership was lost and won again inside the batch. The replies
			// of before can never leave; the batch as a whole cannot either,
			// and is taken apart.
			m.ties |= tieOther
			b.mixed = true
		}
	}
	w.marks = append(w.marks, m)
	b.n++
	if s.CloseAfterReply {
		c.closing = true
	}
	if c.far {
		c.tell()
	}
}

// release lets the batch's replies go, or has them wait.
func (c *client) release(w *scratch) {
	b := &c.batch
	if !b.open {
		return
	}
	c.srv.engine.TellPublished(&w.desk)
	if c.releaseApart(w) {
		c.batch = batch{}
		c.takeBack()
		return
	}
	replies := c.sess.W.Take(nil)
	marks := w.marks[b.first : b.first+int(b.n)]
	b.open = false
	span := w.desk.Grown(replies)
	switch {
	case b.mixed:
		_ = c.srv.passes(b.off, 0, b.acks, &w.proof) // hands the records to the log
		c.send(c.sift(replies, marks), false)
		c.sentSpan(span)
	case c.srv.passes(b.off, b.epoch, b.acks, &w.proof) || len(replies) == 0:
		c.send(replies, span != nil)
		c.sentSpan(span)
	default:
		c.wait(replies, marks, span)
	}
	if !c.waiting {
		c.batch = batch{}
		c.takeBack()
	}
}

// releaseApart is release of a batch whose last reply's value is sent from where it lies, and
// reports whether it was. If not, the value has been copied.
func (c *client) releaseApart(w *scratch) bool {
	defer c.srv.engine.LetGo(&w.desk, c.sess) // also of what was written and dropped
	value, to, b := c.sess.W.Apart(), c.direct(), &c.batch
	switch {
	case value == nil:
		return false
	case to == nil || b.mixed || !c.srv.passes(b.off, b.epoch, b.acks, &w.proof):
		c.srv.engine.Settle(&w.desk, c.sess)
		b.open = false
		return false
	}
	b.open = false
	head := c.sess.W.TakeApart()
	span := w.desk.Grown(head)
	c.sendApart(to, head, value)
	if span != nil {
		c.srv.engine.Spans().Put(span)
	}
	return true
}

// A directLink is a link that sends a value from where it lies.
type directLink interface {
	// writeApart is write of head, value and the line end behind it.
	writeApart(head, value []byte) (n int, err error)
}

// direct is the link if it sends a value from where it lies at this moment, nil: not.
func (c *client) direct() directLink {
	if c.secure || c.unsent() > 0 {
		return nil
	}
	d, _ := c.link.(directLink)
	return d
}

// sendApart is send of head, a value that is about to be somebody else's, and the line end behind it: what
// is not taken at once is copied.
func (c *client) sendApart(to directLink, head, value []byte) {
	if c.dead || c.killed.Load() {
		return
	}
	const end = "\r\n"
	all := len(head) + len(value) + len(end)
	c.srv.count.CountOutput(c.sess.ID, int64(all))
	n, err := to.writeApart(head, value)
	if err != nil {
		c.dead = true
		return
	}
	if n == all {
		return
	}
	span := c.srv.engine.Spans().Get(all - n)
	if span == nil {
		span = make([]byte, all-n)
	} else {
		c.rarely().outSpan = span
	}
	rest := span[:0]
	for _, part := range [][]byte{head, value, []byte(end)} {
		skip := min(n, len(part))
		rest = append(rest, part[skip:]...)
		n -= skip
	}
	c.out, c.sent = rest, 0
	c.flush()
	c.limitOutput()
}

// wait parks the batch on the barrier.
func (c *client) wait(replies []byte, marks []mark, span []byte) {
	switch {
	case span != nil:
		c.rarely().heldSpan = span
	case len(replies) <= arenaBytes:
		replies = append(c.held[:0], replies...)
	}
	c.held, c.marks = replies, append(c.marks[:0], marks...)
	c.waiting = true
	c.srv.barrier.Wait(c.batch.off, c.batch.epoch, c.batch.acks, c)
}

// decide asks what became of the wait and reports whether it is over.
func (c *client) decide() bool {
	replies := c.held
	switch c.srv.barrier.Outcome(c) {
	case engine.Pending:
		return false
	case engine.Uncertain:
		replies = c.sift(c.held, c.marks)
	}
	c.waiting, c.batch = false, batch{}
	c.takeBack() // as a rule it is written by now
	span := []byte(nil)
	if r := c.seldom; r != nil && r.heldSpan != nil {
		span, r.heldSpan, c.held = r.heldSpan, nil, nil
	}
	c.send(replies, span != nil)
	c.sentSpan(span)
	c.settleDown()
	return true
}

// sentSpan ends the use of a span in which replies were, nil: there is none, unless what is
// still to be sent is there.
func (c *client) sentSpan(span []byte) {
	switch {
	case span == nil:
	case c.unsent() > 0 && &c.out[:1][0] == &span[0]:
		c.rarely().outSpan = span
	default:
		c.srv.engine.Spans().Put(span)
	}
}

// dropSpans gives back the spans of replies that leave no more.
func (c *client) dropSpans() {
	r := c.seldom
	if r == nil {
		return
	}
	for _, span := range [][]byte{r.heldSpan, r.outSpan} {
		if span != nil {
			c.srv.engine.Spans().Put(span)
		}
	}
	r.heldSpan, r.outSpan = nil, nil
}

// maxHeld is how many bytes of memory a client keeps for its next wait.
const maxHeld = 4 << 10

func (c *client) settleDown() {
	if cap(c.held) > maxHeld {
		c.held = nil
	}
	if cap(c.marks) > maxHeld/16 {
		c.marks = nil
	}
}

// slim gives back what the client keeps for its next batch.
func (c *client) slim() {
	if c.waiting || c.batch.open || c.sess.Parked() {
		return
	}
	c.held, c.marks = nil, nil
	c.srv.engine.SlimSession(c.sess)
}

// endIdle ends the client if it has been idle for longer than timeout says. One whose replies wait
// for others is not.
func (c *client) endIdle() {
	now, active := c.srv.host.Now(), &c.sess.Shared.LastActive
	switch limit := c.srv.cfg.Timeout.Get() * 1000; {
	case limit <= 0 || now-active.Load() <= limit || c.sess.Parked() || c.sess.Attends():
	case c.waiting || c.batch.open:
		active.Store(now)
	default:
		c.srv.log(engine.LevelVerbose, "Closing idle client")
		c.Kill()
	}
}

// sift replaces each reply that may not leave.
func (c *client) sift(replies []byte, marks []mark) []byte {
	var out resp.Writer
	for i, m := range marks {
		end := len(replies)
		if i+1 < len(marks) {
			end = int(marks[i+1].start)
		}
		reply := replies[m.start:end]
		switch {
		case len(reply) == 0 || c.mayLeave(m):
			out.Raw(reply)
		case m.ties&tiePush != 0:
		case m.ties&tieWrote == 0 && m.ties&(tieEpoch|tieOther) != 0:
			out.Error(c.face.Down())
		default:
			out.Error(resp.ErrUncertain)
		}
	}
	return out.Bytes()
}

// mayLeave asks the barrier about one reply alone.
func (c *client) mayLeave(m mark) bool {
	switch {
	case m.ties&tieOther != 0:
		return false
	case m.ties&tieEpoch != 0:
		return c.srv.passes(m.off, c.batch.epoch, c.batch.acks, &engine.Proof{})
	}
	return c.srv.passes(m.off, 0, c.batch.acks, &engine.Proof{})
}

// passes asks the barrier, unless there is nothing to ask.
func (s *Server) passes(off, epoch int64, acks engine.AckSet, p *engine.Proof) bool {
	return off == 0 && epoch == 0 || s.barrier.Pass(off, epoch, acks, p)
}
