package aof

import (
	"fmt"
	"slices"
	"strconv"

	"regent/aof/disk"
	"regent/engine"
	"regent/engine/large"
	"regent/engine/units"
	"regent/resp"
)

// A pending is the pending writes: what has been appended and not yet written: the bytes of the
// next group, behind the room for its opening line. It is under Log.mu, and
// what a write costs is what is done here: one lock, one copy.
type pending struct {
	buf      []byte // headroom, then stream bytes
	lent     lents  // that belong in between
	spare    []byte // the buffer of the group before, to be used again
	commands int    // whose records these are
	start    int64  // stream offset of the first pending byte
	end      int64  // after the last

	db       int  // selected at end
	startDB  int  // selected at start
	reselect bool // the next record needs its SELECT whatever db says
	epoch    int64
	epochs   []engine.EpochStart // begun in the pending bytes
	history  []engine.EpochStart // all of them, with those
	cut      *cutMark            // where the next file is to begin
	large    []largeUnit         // the last ones

	raw     []byte // the beginning of a unit that AppendRaw was given
	scanner units.Scanner
}

// maxSpare is how much memory a pending keeps for later, in bytes.
const maxSpare = 4 << 20

// reset begins anew at a place.
func (g *pending) reset(at Place) {
	off, db := at.Offset, at.DB
	if g.buf == nil {
		g.buf = make([]byte, headroom, 64<<10)
	}
	g.buf, g.lent = g.buf[:headroom], lents{}
	g.start, g.end, g.db, g.startDB = off, off, db, db
	g.reselect, g.epochs, g.cut, g.large, g.commands = false, nil, nil, nil, 0
	g.epoch, g.history = lastEpoch(at.History), slices.Clip(at.History)
	g.dropRaw()
}

// drop forgets the pending writes; offsets go on.
func (g *pending) drop() {
	g.buf, g.lent = g.buf[:headroom], lents{}
	g.start, g.startDB, g.epochs, g.cut, g.commands = g.end, g.db, nil, nil, 0
}

func (g *pending) dropRaw() {
	g.raw = nil
	g.scanner = units.NewScanner(g.db, g.end)
}

// grown notes what was appended to buf.
func (g *pending) grown() int64 {
	g.end = g.start + int64(len(g.buf)-headroom) + g.lent.size
	return g.end
}

var (
	recordMulti = []byte("*1\r\n$5\r\nMULTI\r\n")
	recordExec  = []byte("*1\r\n$4\r\nEXEC\r\n")
)

// add appends the records of one command.
func (g *pending) add(e *engine.Effects) int64 {
	g.commands++
	if len(e.Lent) > 0 {
		return g.addLarge(e)
	}
	if len(e.Recs) == 1 {
		g.selectDB(e.Recs[0].DB)
		g.buf = append(g.buf, e.Buf...)
		return g.grown()
	}
	from := 0
	for i, rec := range e.Recs {
		g.selectDB(rec.DB)
		if i == 0 {
			g.buf = append(g.buf, recordMulti...)
		}
		g.buf = append(g.buf, e.Buf[from:rec.End]...)
		from = rec.End
	}
	if from > 0 {
		g.buf = append(g.buf, recordExec...)
	}
	return g.grown()
}

func (g *pending) selectDB(db int) {
	if db == g.db && !g.reselect {
		return
	}
	g.db, g.reselect = db, false
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], int64(db), 10)
	g.buf = append(g.buf, "*2\r\n$6\r\nSELECT\r\n"...)
	g.buf = resp.AppendBulk(g.buf, text)
}

// begin appends the record that begins an epoch. The first command after it
// selects its database, so that an epoch can be read by itself.
func (g *pending) begin(epoch, leader int64) int64 {
	g.began(engine.EpochStart{Epoch: epoch, Leader: leader, Offset: g.end})
	g.reselect = true
	g.buf = units.AppendEpoch(g.buf, epoch, leader)
	return g.grown()
}

func (g *pending) began(e engine.EpochStart) {
	g.epoch = e.Epoch
	g.epochs = append(g.epochs, e)
	g.history = append(g.history, e)
}

// addRaw appends a leader's bytes at off and returns the offset after the last
// whole unit.
func (g *pending) addRaw(off int64, p []byte) (int64, error) {
	if off == g.end && len(g.raw) > 0 {
		g.dropRaw()
	}
	if want := g.end + int64(len(g.raw)); off != want {
		return g.end, fmt.Errorf("bytes for offset %d do not continue the log, which ends at %d", off, want)
	}
	if len(g.raw) == 0 {
		g.scanner = units.NewScanner(g.db, g.end)
	}
	whole, err := g.scanner.Scan(p)
	if err == nil {
		err = g.checkEpochs()
	}
	if err != nil {
		g.dropRaw()
		return g.end, err
	}
	if whole > 0 {
		g.buf = append(g.buf, g.raw...)
		if whole < large.Least {
			g.buf = append(g.buf, p[:whole]...)
		} else {
			g.lent.add(len(g.buf), p[:whole])
		}
		g.raw = g.raw[:0]
		g.db = g.scanner.DB
		g.grown()
	}
	g.raw = append(g.raw, p[whole:]...)
	if len(g.raw) == 0 {
		g.raw = nil
	}
	return g.end, nil
}

// checkEpochs takes the epochs that the scanner found.
func (g *pending) checkEpochs() error {
	for _, e := range g.scanner.Epochs {
		if e.Epoch <= g.epoch {
			return fmt.Errorf("epoch %d begins at offset %d, after epoch %d", e.Epoch, e.Offset, g.epoch)
		}
		g.began(e)
	}
	g.scanner.Epochs = g.scanner.Epochs[:0]
	return nil
}

// A group is what one write hands to the operating system.
type group struct {
	buf      []byte // headroom, then stream bytes
	lent     lents  // that belong in between
	at       int    // where in buf the opening line begins, once there is one
	body     int    // and where the stream bytes in buf end
	from, to int64
	db       int   // selected at from
	before   int64 // the epoch at from
	epoch    int64 // at to
	epochs   []engine.EpochStart
}

// A Place is a point in the stream, and what one must know to go on there.
type Place struct {
	Offset  int64
	DB      int                 // selected there
	History []engine.EpochStart // of the epochs begun before it, oldest first
}

// now is the place after everything appended.
func (g *pending) now() Place {
	return Place{Offset: g.end, DB: g.db, History: slices.Clone(g.history)}
}

// split cuts a group in two at offset off, database db.
func (g *group) split(off int64, db int) (before, after group) {
	n, lent := g.lent.index(off - g.from + headroom)
	after = group{buf: append(make([]byte, headroom, len(g.buf)-n+headroom+maxLine), g.buf[n:]...), from: off, to: g.to, db: db, epoch: g.epoch}
	before = group{buf: g.buf[:n:n], from: g.from, to: off, db: g.db, epoch: g.epoch}
	before.lent, after.lent = g.lent.split(lent, n-headroom)
	for _, e := range g.epochs {
		if e.Offset < off {
			before.epochs = append(before.epochs, e)
		} else {
			after.epochs = append(after.epochs, e)
		}
	}
	if len(after.epochs) > 0 {
		before.epoch = g.before
		if n := len(before.epochs); n > 0 {
			before.epoch = before.epochs[n-1].Epoch
		}
	}
	return before, after
}

// size is how many stream bytes g holds; it has no lines yet.
func (g *group) size() int64 { return int64(len(g.buf)-headroom) + g.lent.size }

// each calls f with the stream bytes of a group that has its lines.
func (g *group) each(f func(p []byte)) {
	at := headroom
	for _, l := range g.lent.list {
		f(g.buf[at:l.at])
		f(l.bytes)
		at = l.at
	}
	f(g.buf[at:g.body])
}

// take hands over the pending writes and goes on with the spare buffer.
func (g *pending) take() group {
	out := group{buf: g.buf, lent: g.lent, from: g.start, to: g.end, db: g.startDB, epoch: g.epoch, epochs: g.epochs}
	out.before = lastEpoch(g.history[:len(g.history)-len(g.epochs)])
	if g.spare == nil {
		g.spare = make([]byte, headroom, 64<<10)
	}
	g.buf, g.spare, g.lent = g.spare[:headroom], nil, lents{}
	g.start, g.startDB, g.epochs, g.commands = g.end, g.db, nil, 0
	return out
}

// giveBack returns a buffer that take handed over.
func (g *pending) giveBack(buf []byte) {
	if cap(buf) <= maxSpare {
		g.spare = buf[:headroom]
	}
}

// frame puts the group's bytes between their lines, in place where the buffer has
// room.
func (g *group) frame(salt uint32) {
	g.body = len(g.buf)
	sum := uint32(0)
	g.each(func(p []byte) { sum = large.Update(sum, castagnoli, p) })
	open := appendOpeningOf(g.buf[:0:headroom], kindGroup, salt, g.size(), sum)
	from := headroom - len(open)
	copy(g.buf[from:], open)
	g.buf = appendClosing(g.buf, kindGroup, salt, g.epoch, g.to)
	g.at = from
}

// framed is how long the group is with its lines.
func (g *group) framed() int64 { return int64(len(g.buf)-g.at) + g.lent.size }

// writeTo writes the group with its lines to f at pos. It is one write, as far as
// nothing is lent.
func (g *group) writeTo(f disk.File, pos int64) error {
	at := g.at
	put := func(p []byte) error {
		_, err := f.WriteAt(p, pos)
		pos += int64(len(p))
		return err
	}
	for _, l := range g.lent.list {
		if err := put(g.buf[at:l.at]); err != nil {
			return err
		}
		for p := range slices.Chunk(l.bytes, maxWrite) {
			if err := put(p); err != nil {
				return err
			}
		}
		at = l.at
	}
	return put(g.buf[at:])
}
