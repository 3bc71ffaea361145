package server

import (
	"math/bits"
	"sync/atomic"

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
	// spareClasses is how many sizes of input buffers are kept for later use: keptBytes
	// and its doublings. maxSpareBytes bounds those of an event loop, and spareArenas
	// those of other owners, in arenas.
	spareClasses  = 8
	maxSpareBytes = 16 << 20
	spareArenas   = 16
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

	spare      [spareClasses][][]byte // for kept input
	spareBytes int
	mostSpare  int   // bytes
	maps       *pile // what is larger than keptBytes is outside of Go's heap; nil: it is not
	lent       bool  // a large one was, since tidy
}

// A pile says from outside whether an owner keeps large buffers.
type pile struct{ atomic.Int64 } // bytes

func newScratch(arena int) *scratch {
	return &scratch{arena: make([]byte, arena), read: make([]byte, min(readBytes, arena)), mostSpare: arena * spareArenas}
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

// spareClass is the smallest class of buffers of n bytes, spareClasses or more: none is
// so large.
func spareClass(n int) int {
	return max(bits.Len(uint(max(n, 1)-1))-bits.Len(uint(keptBytes-1)), 0)
}

// giveBack takes a buffer that a client has done with, to which nothing points.
func (w *scratch) giveBack(b []byte) {
	class := spareClass(cap(b))
	if class < spareClasses && cap(b) == keptBytes<<class && w.spareBytes+cap(b) <= w.mostSpare {
		w.spare[class] = append(w.spare[class], b[:0])
		w.piled(class, cap(b))
		return
	}
	if cap(b) > keptBytes {
		large.Unmap(b)
	}
}

// borrow returns an empty buffer of n bytes or more.
func (w *scratch) borrow(n int) []byte {
	class := spareClass(n)
	if class >= spareClasses {
		return make([]byte, 0, n)
	}
	w.lent = w.lent || class > 0
	list := w.spare[class]
	if last := len(list) - 1; last >= 0 {
		b := list[last]
		w.spare[class] = list[:last]
		w.piled(class, -cap(b))
		return b
	}
	if class > 0 && w.maps != nil {
		if b := large.Map(keptBytes << class); b != nil {
			return b[:0]
		}
	}
	return make([]byte, 0, keptBytes<<class)
}

// piled counts n bytes of spare buffers that have come.
func (w *scratch) piled(class, n int) {
	w.spareBytes += n
	if class > 0 && w.maps != nil {
		w.maps.Add(int64(n))
	}
}

// tidy gives back the memory of large spare buffers when none was needed since it was
// called last.
func (w *scratch) tidy() {
	if !w.lent {
		w.free()
	}
	w.lent = false
}

// free gives back the memory of all large spare buffers.
func (w *scratch) free() {
	for class := 1; class < spareClasses; class++ {
		for _, b := range w.spare[class] {
			w.piled(class, -cap(b))
			large.Unmap(b)
		}
		w.spare[class] = nil
	}
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
		if last := c.guard.last(); last >= bigFrame && w.maps != nil && spareClass(last) < spareClasses {
			c.reserve(w, last)
			return c.in[len(c.in):][:last], wayOwn
		}
		return w.read, wayShared
	}
	if pending <= bigFrame && c.guard.wants()-pending < bigFrame && c.runs() {
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
		c.reserve(w, keptBytes/2)
		return c.in[len(c.in):cap(c.in)]
	}
	n := short
	if w.maps == nil && c.guard.wants() < large.Least {
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
	if need := max(want, pending+n); want >= large.Least && spareClass(need) >= spareClasses {
		grown = large.Map(need)
	} else if want > bigFrame && w.maps != nil {
		grown = w.borrow(need)
	}
	if grown == nil {
		if want >= large.Least { // the system refused
			n = min(n, max(pending, keptBytes))
		}
		size := max(2*pending, pending+n, keptBytes)
		if want > bigFrame && want >= pending+n && want < size {
			size = want
		}
		grown = w.borrow(size)
	}
	grown = grown[:pending]
	large.Copy(grown, c.in[c.at:])
	c.letGo(w)
	c.in, c.at = grown, 0
}

// letGo gives the input's memory back. What the log still needs of it waits for the
// release.
func (c *client) letGo(w *scratch) {
	switch {
	case cap(c.in) < large.Least:
		w.giveBack(c.in)
	case c.sess.Lent():
		r := c.rarely()
		r.lent = append(r.lent, c.in)
	default:
		w.giveBack(c.in)
	}
	c.in, c.at = nil, 0
}

// takeBack ends what the log may need of the input.
func (c *client) takeBack() {
	if !c.sess.Lent() {
		return
	}
	c.srv.engine.TakeBack(c.sess)
	if r := c.seldom; r != nil {
		for _, b := range r.lent {
			large.Unmap(b)
		}
		r.lent = nil
	}
}
