package engine

import (
	"slices"

	"regent/engine/dict"
	"regent/engine/large"
	"regent/resp"
)

// Large arguments are not copied into a command's effects: 200 MB would take 200 MB
// more there, and again in the log. The log writes them from where they are, which is
// the connection's input, and the connection asks for them back (TakeBack) before that
// changes. A connection that does not promise to (Session.Lends) has them copied.

// anyLarge reports whether one of args is.
func anyLarge(args [][]byte) bool {
	for _, a := range args {
		if len(a) >= large.Least {
			return true
		}
	}
	return false
}

// lend adds a record's bytes to the effects, without those large arguments that are
// the command's own. Others may be a value's, which changes with the next command.
func (c *Ctx) lend(args [][]byte) {
	eff := &c.eff
	eff.Buf = resp.AppendArray(eff.Buf, len(args))
	for _, a := range args {
		own := c.received(a)
		if own < 0 {
			eff.Buf = resp.AppendBulk(eff.Buf, a)
			continue
		}
		eff.Buf = resp.AppendBulkHead(eff.Buf, len(a))
		eff.Lent = append(eff.Lent, Lent{At: len(eff.Buf), Bytes: c.Args[own]})
		eff.Buf = append(eff.Buf, '\r', '\n')
	}
}

// received is which of the command's large arguments a is, -1: none. It is found by
// where it lies; that a itself is not kept saves every caller an allocation.
func (c *Ctx) received(a []byte) int {
	if len(a) < large.Least {
		return -1
	}
	return slices.IndexFunc(c.Args, func(own []byte) bool { return len(own) == len(a) && &own[0] == &a[0] })
}

// TakeBack returns when nobody needs the memory of the session's arguments any more.
// It may write them to the log's file.
func (e *Engine) TakeBack(s *Session) {
	if s.lent > 0 {
		if log := e.log(); log != nil { // one that has ended has given everything back
			log.Return(s.lent)
		}
		s.lent = 0
		if s.ctx != nil {
			s.ctx.Args = nil
		}
	}
}

// Lent reports whether somebody may still need it.
func (s *Session) Lent() bool { return s.lent > 0 }

// Spans has the memory of large values. What is read into one can be offered.
func (e *Engine) Spans() *large.Pool { return &e.spans }

// An offer is a span in which a command's argument lies, and which a dictionary may keep
// with it: then the value is not copied. The other arguments lie elsewhere or behind it.
type offer struct {
	span, arg []byte
	taken     bool
	shown     [slowMaxArg]byte // of arg, which another's command may overwrite once it is taken
}

// Offer offers a span to the next command of s, which is within a batch. arg is the large
// argument in it: none before it lies there, and what is behind that is dropped with it.
func (e *Engine) Offer(s *Session, span, arg []byte) {
	o := &s.context().offer
	o.span, o.arg, o.taken = span, arg, false
}

// Taken ends the offer and reports whether the span is the caller's no more.
func (e *Engine) Taken(s *Session) bool {
	o := &s.context().offer
	o.span, o.arg = nil, nil
	return o.taken
}

// adopt is PutFrom of a value that was offered; false: it was not, or cannot be kept. It
// cannot when more keys than one may be written, for a later one may free it while the command
// still looks at it; nor when somebody looks at the arguments after the shard is free; nor
// when the log is lent them.
func (c *Ctx) adopt(d *dict.Dict, key []byte, v *dict.Value, expireAt int64) (dict.Ref, bool) {
	o := &c.offer
	if o.span == nil || o.taken || len(v.Bytes) != len(o.arg) || &v.Bytes[0] != &o.arg[0] || c.home == 0 || c.cared || c.nested || c.applying ||
		c.e.log() != nil && c.s.Lends && len(o.arg) >= large.Least {
		return 0, false
	}
	copy(o.shown[:], o.arg)
	var r dict.Ref
	r, o.taken = d.Adopt(key, v, expireAt, o.span)
	return r, o.taken
}

// makeRoom has a reply of n bytes more, for which its writer has no room, go on in a span: on
// Go's heap it would be garbage as soon as it is sent.
func (c *Ctx) makeRoom(n int) {
	const header = 32 // bytes, of a bulk, and more
	need := c.W.Len() + n + header
	if need > c.W.Cap() && c.W.Fits(n) {
		c.e.moveReplies(c.W, max(need, 2*c.W.Len()), c.grown)
	}
}

// moveReplies has what is written to w go on in a span for n bytes, if there is one.
func (e *Engine) moveReplies(w *resp.Writer, n int, grown *[][]byte) {
	span := e.spans.Get(n)
	if span == nil {
		return
	}
	was := w.Move(span)
	if i := slices.IndexFunc(*grown, func(b []byte) bool { return within(b, was) }); i >= 0 {
		e.spans.Put((*grown)[i])
		*grown = slices.Delete(*grown, i, i+1)
	}
	*grown = append(*grown, span)
}

// Large values that are replied with alone are sent from where the dictionary has them: a
// copy would cost as much as sending. A pin keeps the value until its client's batch is
// released. What the socket does not take then is copied, so that no client that
// does not read keeps a value from being freed.
//
//	GET ─► pin, BulkApart ─► Execute returns ─► release: header and value in one write, or a copy ─► LetGo

// leastDirect is from which length on a value is replied with from where it lies, in
// bytes. Where another reply comes behind it in the batch, it is copied then.
const leastDirect = 64 << 10

// A pinned value is one that a session's batch replies with from where it lies.
type pinned struct {
	s     *Session // nil: nobody any more, but a script had the shard
	pin   *dict.Pin
	shard uint32
}

// ReplyLast is ReplyString for a handler that replies with nothing else.
func (c *Ctx) ReplyLast(en Entry) {
	if c.pins == nil || c.nested || c.applying || c.home == 0 || en.d.Kind(en.ref) != dict.Raw {
		c.ReplyString(en)
		return
	}
	b := en.d.Text(en.ref)
	if len(b) < leastDirect || !c.W.Fits(len(b)) {
		c.ReplyString(en)
		return
	}
	pin := en.d.Pin(en.ref)
	if pin == nil {
		c.ReplyString(en)
		return
	}
	c.Heavy(len(b))
	*c.pins = append(*c.pins, pinned{c.s, pin, c.home - 1})
	c.W.BulkApart(b)
}

// Settle copies a value that the last reply to s has left where it is to a span, if there is one.
func (e *Engine) Settle(d *Desk, s *Session) {
	if s.W.Apart() != nil && s.W.Len() > s.W.Cap() {
		e.moveReplies(&s.W, s.W.Len(), &d.grown)
	}
	s.W.Settle()
}

// LetGo ends that replies to s need values where they lie. It locks.
func (e *Engine) LetGo(d *Desk, s *Session) {
	if len(d.pins) == 0 {
		return
	}
	kept := d.pins[:0]
	for _, p := range d.pins {
		sh, own, locked := &e.shards[p.shard], p.s == s, false
		switch {
		case own:
			locked = e.lockShard(sh)
		case p.s == nil:
			locked = sh.mu.TryLock() // a long script costs nobody more than this
		}
		if !locked {
			if own {
				p.s = nil
			}
			kept = append(kept, p) // the next call tries again
			continue
		}
		p.pin.Unpin()
		sh.mu.Unlock()
	}
	clear(d.pins[len(kept):])
	d.pins = kept
}

// within reports whether b begins where span does.
func within(span, b []byte) bool { return cap(b) > 0 && &span[0] == &b[:1][0] }

// Grown is the span in which replies are, which is the caller's from now on; nil: they are in
// none.
func (d *Desk) Grown(replies []byte) []byte {
	i := slices.IndexFunc(d.grown, func(b []byte) bool { return within(b, replies) })
	if i < 0 {
		return nil
	}
	span := d.grown[i]
	d.grown = slices.Delete(d.grown, i, i+1)
	return span
}

// DropGrown gives back the spans of replies that became nothing.
func (e *Engine) DropGrown(d *Desk) {
	for _, b := range d.grown {
		e.spans.Put(b)
	}
	d.grown = d.grown[:0]
}
