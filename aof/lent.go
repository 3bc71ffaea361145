package aof

import (
	"slices"
	"time"

	"regent/engine"
	"regent/engine/large"
)

// Large arguments, and what a leader sends that is large, are not copied into the
// pending writes but written from where they are: the memory is lent.
//
//	buf    *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$209715200\r\n|\r\n*2\r\n...
//	                                               at
//	lent                                            200 MB of a client's
//
// A caller that has lent asks for it back before the memory changes (Return, and the end of
// AppendRaw). By then it is written as a rule, since a reply waits for that too; else
// the log takes a copy.

// maxWrite is how much of what is lent goes to the system in one call, in bytes.
const maxWrite = 8 << 20

// A lentPiece is bytes of the stream that belong before buf[at].
type lentPiece struct {
	at    int
	bytes []byte
	owned bool // they are the log's by now
}

// lents are the pieces of a buffer, by their places.
type lents struct {
	list []lentPiece
	size int64 // bytes
}

func (l *lents) add(at int, p []byte) {
	l.list = append(l.list, lentPiece{at: at, bytes: p})
	l.size += int64(len(p))
}

// index is where in a buffer the byte is that is the n-th with what is lent, and how
// many pieces are before it. It is in none of them.
func (l *lents) index(n int64) (at, pieces int) {
	for _, one := range l.list {
		if int64(one.at) >= n {
			break
		}
		n -= int64(len(one.bytes))
		pieces++
	}
	return int(n), pieces
}

// split are the first n pieces, and the others, for a buffer that begins cut bytes
// later.
func (l *lents) split(n, cut int) (before, after lents) {
	before.list, after.list = l.list[:n:n], slices.Clone(l.list[n:])
	for _, one := range before.list {
		before.size += int64(len(one.bytes))
	}
	for i := range after.list {
		after.list[i].at -= cut
	}
	after.size = l.size - before.size
	return before, after
}

// own copies what is lent.
func (l *lents) own() {
	for i := range l.list {
		if one := &l.list[i]; !one.owned {
			one.bytes, one.owned = large.Clone(one.bytes), true
		}
	}
}

// addLarge is add for effects with something lent.
func (g *pending) addLarge(e *engine.Effects) int64 {
	start := g.end
	from, lent := 0, e.Lent
	for i, rec := range e.Recs {
		g.selectDB(rec.DB)
		if i == 0 && len(e.Recs) > 1 {
			g.buf = append(g.buf, recordMulti...)
		}
		for ; len(lent) > 0 && lent[0].At <= rec.End; lent = lent[1:] {
			g.buf = append(g.buf, e.Buf[from:lent[0].At]...)
			g.lent.add(len(g.buf), lent[0].Bytes)
			from = lent[0].At
		}
		g.buf = append(g.buf, e.Buf[from:rec.End]...)
		from = rec.End
	}
	if len(e.Recs) > 1 {
		g.buf = append(g.buf, recordExec...)
	}
	g.grown()
	if len(g.large) == maxNoted {
		g.large = g.large[1:]
	}
	g.large = append(g.large, largeUnit{from: start, to: g.end})
	return g.end
}

// A largeUnit is a part of the stream, and when it was appended, in ticks.
type largeUnit struct{ from, to, since int64 }

// maxNoted is how many large units are remembered: as many as can be waited for, if
// each takes a while.
const maxNoted = 64

// maxUnwritten is how long a large unit counts as being written, at most.
const maxUnwritten = time.Minute

// LargeUnit is where the large unit begins that ends at offset end; ok is false where
// none does. unwritten: it is on its way to the file, which takes its time, and not
// held for want of space.
func (l *Log) LargeUnit(end int64) (start int64, unwritten, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.pending.large {
		if u.to == end {
			late := l.o.Host.Ticks()-u.since >= int64(maxUnwritten)
			return u.from, l.written.Load() < end && l.held == nil && l.err() == nil && !late, true
		}
	}
	return 0, false, false
}

// Return gives back what was lent up to offset end. It writes that, as Seal does, and
// copies it where that fails.
func (r recorder) Return(end int64) { r.takeBack(r.Seal(end)) }

// takeBack ends the pieces after a Seal, which wrote them if err is nil.
func (l *Log) takeBack(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.turns.busy { // a goroutine that writes reads from there
		l.waitFor(&l.turns.cur)
	}
	l.pending.lent.own()
}
