package server

import "regent/engine/large"

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
	// maxSpare and maxArgsKept bound the memory that is kept for later use:
	// input buffers of keptBytes each, and arguments.
	maxSpare    = 64
	maxArgsKept = 1024
)

// A scratch is memory that one owner's clients use in turns.
type scratch struct {
	ahead ahead
	marks []mark // of the open batches
	arena []byte // their replies, one batch behind the other
	used  int
	spare [][]byte // for kept input
	read  []byte
}

func newScratch(arena int) *scratch {
	return &scratch{arena: make([]byte, arena), read: make([]byte, min(readBytes, arena))}
}

// begin opens a batch: its replies go into the arena as far as there is room.
func (w *scratch) begin(c *client) {
	c.sess.W.Take(w.arena[w.used:])
	c.batch = batch{open: true, first: len(w.marks)}
}

// end is called when c has carried out what it could: the next batch begins
// behind its replies.
func (w *scratch) end(c *client) {
	if c.batch.open {
		w.used = min(w.used+c.sess.W.Len(), len(w.arena))
	}
}

// reset forgets the batches, which are released.
func (w *scratch) reset() { w.marks, w.used = w.marks[:0], 0 }

func (w *scratch) giveBack(b []byte) {
	if cap(b) == keptBytes && len(w.spare) < maxSpare {
		w.spare = append(w.spare, b[:0])
	}
}

// borrow returns an empty buffer of n bytes.
func (w *scratch) borrow(n int) []byte {
	if last := len(w.spare) - 1; n == keptBytes && last >= 0 {
		b := w.spare[last]
		w.spare = w.spare[:last]
		return b
	}
	return make([]byte, 0, n)
}

// keep copies p behind the input that is kept.
func (c *client) keep(w *scratch, p []byte) {
	c.reserve(w, len(p))
	c.in = append(c.in, p...)
	c.setInput(len(c.in) - c.at)
}

// room is where the next bytes may be read to: at most as many as the command
// still needs when it is a big one, so that its memory ends with it.
func (c *client) room(w *scratch) []byte {
	pending := len(c.in) - c.at
	short := c.guard.wants() - pending
	if short < bigFrame {
		c.reserve(w, keptBytes/2)
		return c.in[len(c.in):cap(c.in)]
	}
	n := min(short, max(pending, keptBytes))
	if c.guard.wants() >= large.Least {
		n = short
	}
	c.reserve(w, n)
	free := c.in[len(c.in):cap(c.in)]
	return free[:min(len(free), short)]
}

// reserve makes place for n more bytes. What a header claims is believed for large
// commands alone: their memory is the system's, and none before the bytes have come.
// It is not copied while it fills, then, and given back as soon as the command is
// carried out. Else memory at most doubles, so what is allocated is at most twice what
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
	if want >= large.Least {
		grown = large.Map(max(want, pending+n))
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
		c.lent = append(c.lent, c.in)
	default:
		large.Unmap(c.in)
	}
	c.in, c.at = nil, 0
}

// takeBack ends what the log may need of the input.
func (c *client) takeBack() {
	if !c.sess.Lent() {
		return
	}
	c.srv.engine.TakeBack(c.sess)
	for _, b := range c.lent {
		large.Unmap(b)
	}
	c.lent = nil
}
