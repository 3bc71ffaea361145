package server

import (
	"slices"

	"regent/engine"
	"regent/engine/large"
)

// Input that could not be carried out when it was read, and the memory that
// owners share among their clients: an idle client owns no buffer at all.

// Sizes of buffers in bytes.
const (
	readBytes  = 64 << 10  // one read from a socket
	keptBytes  = 16 << 10  // the least that is allocated for kept input
	arenaBytes = 512 << 10 // replies of all batches that are open in one owner
	// bigFrame is from what length on a command gets a read of its own and
	// leaves nothing behind.
	bigFrame = 32 << 10
	// leastRead is with how much room behind a big part of a command the rest is read.
	leastRead = 512
	// mostSpare bounds the input buffers of keptBytes that an event loop keeps for later
	// use, and spareArenas those of other owners, in arenas.
	mostSpare   = 256
	spareArenas = 16
	// maxHead is how many bytes may stand before a large argument that stays where it was
	// read to.
	maxHead = 1 << 10
	// maxArgsKept bounds the arguments that are kept.
	maxArgsKept = 1024
)

// A scratch is memory that one owner's clients use in turns.
type scratch struct {
	ahead ahead
	desk  engine.Desk
	marks []mark // of the open batches
	arena []byte // their replies, one batch behind the other
	used  int
	proof engine.Proof // for all that are released together
	read  []byte

	spare     [][]byte // of keptBytes, for kept input
	mostSpare int
	spans     *large.Pool // has what is larger, outside of Go's heap; nil: it is not there
	head      []byte      // a copy of what stands before an argument that is offered
}

func newScratch(arena int) *scratch {
	return &scratch{arena: make([]byte, arena), read: make([]byte, min(readBytes, arena)), mostSpare: arena * spareArenas / keptBytes}
}

// begin opens a batch: its replies go into the arena as far as there is room.
func (w *scratch) begin(c *client) {
	c.sess.W.Take(w.arena[w.used:])
	c.batch = batch{open: true, first: len(w.marks)}
}

// ran is called when c has carried out what it could of one piece of input.
func (w *scratch) ran(c *client) {
	w.ahead.forget()
	c.srv.engine.EndBatch(c.sess, &w.desk)
}

// end is called when c has carried out what it could: the next batch begins
// behind its replies.
func (w *scratch) end(c *client) {
	if c.batch.open {
		w.used = min(w.used+c.sess.W.Len(), len(w.arena))
	}
}

// reset forgets the batches, which are released.
func (w *scratch) reset() { w.marks, w.used, w.proof = w.marks[:0], 0, engine.Proof{} }

// giveBack takes a buffer that a client has done with, to which nothing points; span: it
// is the pool's.
func (w *scratch) giveBack(b []byte, span bool) {
	switch {
	case span:
		w.spans.Put(b[:cap(b)])
	case cap(b) == keptBytes && len(w.spare) < w.mostSpare:
		w.spare = append(w.spare, b[:0])
	case cap(b) > keptBytes:
		large.Unmap(b)
	}
}

// borrow returns an empty buffer of n bytes or more, and whether it is the pool's.
func (w *scratch) borrow(n int) (b []byte, span bool) {
	if n > keptBytes {
		if w.spans != nil {
			if b := w.spans.Get(n); b != nil {
				return b[:0], true
			}
		}
		return make([]byte, 0, (n+keptBytes-1)&^(keptBytes-1)), false
	}
	if last := len(w.spare) - 1; last >= 0 {
		b, w.spare = w.spare[last], w.spare[:last]
		return b, false
	}
	return make([]byte, 0, keptBytes), false
}

// keep copies p behind the input that is kept.
func (c *client) keep(w *scratch, p []byte) {
	c.reserve(w, len(p))
	c.in = append(c.in, p...)
	c.setInput(len(c.in) - c.at)
}

// A way is how bytes come from the socket of a loop's client to where they are carried
// out. Each copy that it saves is one of the whole input, and each read that is longer
// saves the write of an answer, too.
type way uint8

const (
	// wayShared: into the owner's memory, where the commands that are whole are carried out.
	wayShared way = iota
	// wayBehind: the same, behind room for what was kept, which is copied there once the
	// command is whole.
	wayBehind
	// wayOwn: into the client's own memory, which holds one command and no more.
	wayOwn
)

// place is where the next bytes of a client that wants some are read to.
//
//	nothing is kept, and the last command was big    as many bytes as that had, memory of their own
//	nothing is kept                                  the owner's memory
//	a big part of the command is still to come       that part, behind what is kept
//	else                                             the owner's memory, behind room for what is kept
func (c *client) place(w *scratch) (p []byte, by way) {
	pending := len(c.in) - c.at
	if pending == 0 {
		if last := c.guard.last(); last >= bigFrame && last <= large.MaxSpan && w.spans != nil {
			c.reserve(w, last)
			return c.in[len(c.in):][:last], wayOwn
		}
		return w.read, wayShared
	}
	if pending <= bigFrame && c.guard.wants()-pending < bigFrame && !c.span && c.runs() {
		return w.read[pending:], wayBehind
	}
	return c.room(w), wayOwn
}

// came carries out n bytes that were read to p, which place gave by a way.
func (c *client) came(w *scratch, by way, p []byte, n int) {
	pending := len(c.in) - c.at
	switch {
	case n == 0:
		if pending == 0 {
			c.letGo(w)
		}
	case by == wayOwn:
		c.grown(w, n)
	case by == wayShared:
		c.take(w, p[:n])
	case pending+n < c.guard.wants(): // it is not whole yet: that which came is copied, and no more
		c.keep(w, p[:n])
		c.checkInput()
	default:
		copy(w.read, c.in[c.at:])
		c.letGo(w)
		c.more = false
		c.take(w, w.read[:pending+n])
	}
}

// room is where the next bytes may be read to: at most as many as the command
// still needs when it is a big one, so that its memory ends with it. Its memory is there
// at once: what a header claims becomes resident as bytes come.
func (c *client) room(w *scratch) []byte {
	pending := len(c.in) - c.at
	short := c.guard.wants() - pending
	if short < bigFrame {
		if free := cap(c.in) - len(c.in); c.span && c.guard.ending() && 0 < short && short <= free {
			return c.in[len(c.in):][:short]
		} else if free < max(short, leastRead) {
			c.reserve(w, keptBytes/2)
		}
		return c.in[len(c.in):cap(c.in)]
	}
	n := short
	if w.spans == nil && c.guard.wants() < large.Least {
		n = min(short, max(pending, keptBytes))
	}
	c.reserve(w, n)
	free := c.in[len(c.in):cap(c.in)]
	return free[:min(len(free), short)]
}

// reserve makes place for n more bytes. What a header claims is believed where memory is
// the system's: none is there before the bytes have come, and they are not copied while
// it fills. Else memory at most doubles, so what is allocated is at most twice what
// has come, and once half of a command is there, the rest gets exactly its place.
func (c *client) reserve(w *scratch, n int) {
	pending := len(c.in) - c.at
	if cap(c.in)-len(c.in) >= n {
		return
	}
	if c.at > 0 && pending+n <= cap(c.in) && pending <= cap(c.in)/2 {
		large.Copy(c.in, c.in[c.at:])
		c.in, c.at = c.in[:pending], 0
		return
	}
	want := c.guard.wants()
	var grown []byte
	var span bool
	need := max(want, pending+n)
	if c.span { // it has grown beyond what was known of it
		need = max(need, 2*pending)
	}
	switch {
	case w.spans != nil && want > bigFrame:
		grown = w.spans.Get(need + leastRead)
		span = grown != nil
	case want >= large.Least:
		grown = large.Map(need)
	}
	if grown == nil {
		if want >= large.Least { // the system refused
			n = min(n, max(pending, keptBytes))
		}
		size := max(2*pending, pending+n, keptBytes)
		if want > bigFrame && want >= pending+n && want < size {
			size = want
		}
		grown, span = w.borrow(size)
	}
	grown = grown[:pending]
	large.Copy(grown, c.in[c.at:])
	c.letGo(w)
	c.in, c.at, c.span = grown, 0, span
}

// letGo gives the input's memory back. What the log still needs of it waits for the
// release.
func (c *client) letGo(w *scratch) {
	switch {
	case cap(c.in) >= large.Least && c.sess.Lent():
		r := c.rarely()
		r.lent = append(r.lent, lentInput{c.in, c.span})
	default:
		w.giveBack(c.in, c.span)
	}
	c.in, c.at, c.span = nil, 0, false
}

// A lentInput is input of which the log may still need something; span: it is the pool's.
type lentInput struct {
	mem  []byte
	span bool
}

// takeBack ends what the log may need of the input.
func (c *client) takeBack() {
	if !c.sess.Lent() {
		return
	}
	c.srv.engine.TakeBack(c.sess)
	if r := c.seldom; r != nil {
		for _, b := range r.lent {
			if b.span {
				c.srv.engine.Spans().Put(b.mem[:cap(b.mem)])
			} else {
				large.Unmap(b.mem)
			}
		}
		r.lent = nil
	}
}

// offer offers the memory that args, which are those of frame, lie in to the command, if
// frame is all that it holds and one argument almost all of it: that stays where it was
// read to, and what is before it is copied.
func (c *client) offer(w *scratch, frame []byte, args [][]byte) {
	i := slices.IndexFunc(args, func(a []byte) bool { return len(a) > large.LeastSpan })
	if i < 0 {
		return
	}
	front := large.Offset(frame, args[i])
	if front < 0 || front > maxHead {
		return
	}
	w.head = append(w.head[:0], frame[:front]...)
	for j, a := range args[:i] {
		if at := large.Offset(frame[:front], a); len(a) > 0 && at >= 0 {
			args[j] = w.head[at : at+len(a) : at+len(a)]
		}
	}
	c.srv.engine.Offer(c.sess, c.in[:cap(c.in)], args[i])
}
