package aof

import (
	"errors"
	"fmt"

	"regent/engine"
	"regent/engine/config"
)

// Group write. Many connections append and then each of them needs its bytes
// written. A caller that finds no write under way takes its turn and writes all
// pending writes, those of other callers too. Callers that come meanwhile and are
// covered by this write wait for its end; of those that are not, the first becomes
// the next writer, which takes the next turn, and the others wait for its end:
//
//	turn n      W========              covered by n: wait on cur
//	next writer    ........W=======    the first not covered
//	turn n+1       ...............     the others: wait on next
//
// So no caller waits longer than two writes, and one write wakes all it covers.
// A turn is also what Truncate and Close take to have the files to themselves;
// it covers nothing then, and those that wait try again.

// turns is the state of the group write, under Log.mu.
type turns struct {
	busy       bool
	nextWriter bool  // a caller waits to take the next turn
	cover      int64 // the turn under way writes up to here
	// cur ends with the turn under way, next with the one after it; made
	// when somebody waits.
	cur, next chan struct{}
}

var errClosed = errors.New("the log is closed")

// Seal hands everything appended up to offset upto to the operating system, if
// that has not been done. It does not wait for an fsync. An offset behind the end
// of what was appended asks for all of it: a reader that has seen a keyspace that counts
// as none, or records that another leader has cut off since, has such a one, and
// no write would ever reach it.
func (l *Log) Seal(upto int64) error {
	if l.written.Load() >= upto {
		return nil
	}
	l.mu.Lock()
	for {
		upto = min(upto, l.pending.end) // which a cut lowers meanwhile
		switch t := &l.turns; {
		case l.err() != nil:
			l.mu.Unlock()
			return l.err()
		case l.held != nil && l.written.Load() < upto:
			err := l.held.err
			l.mu.Unlock()
			return err
		case l.written.Load() >= upto:
			l.mu.Unlock()
			return nil
		case l.closed:
			l.mu.Unlock()
			return errClosed
		case !t.busy:
			l.takeTurn()
			err := l.writePending()
			l.mu.Unlock()
			l.endTurn()
			if err != nil {
				return err
			}
			l.moved()
			l.mu.Lock()
		case upto <= t.cover:
			l.waitFor(&t.cur)
		case !t.nextWriter:
			t.nextWriter = true
			l.waitFor(&t.cur)
			l.abdicate(upto)
		default:
			l.waitFor(&t.next)
		}
	}
}

// abdicate wakes the callers that wait for the next writer, which has just woken
// up, if it has no more reason to take a turn: they must look for another.
func (l *Log) abdicate(upto int64) {
	if l.written.Load() < upto && l.err() == nil && l.held == nil && !l.closed {
		return
	}
	if t := &l.turns; t.next != nil {
		close(t.next)
		t.next = nil
	}
}

// waitFor waits until *ch, made if need be, is closed; l.mu is released
// meanwhile.
func (l *Log) waitFor(ch *chan struct{}) {
	if *ch == nil {
		*ch = make(chan struct{})
	}
	done := *ch
	l.mu.Unlock()
	<-done
	l.mu.Lock()
}

// takeTurn makes the caller, which holds mu, the one that changes files, once
// nobody else does. The next endTurn ends it.
func (l *Log) takeTurn() {
	t := &l.turns
	for t.busy {
		l.waitFor(&t.cur)
	}
	t.busy, t.nextWriter = true, false
	t.cur, t.next = t.next, nil
	t.cover = l.written.Load()
}

func (l *Log) endTurn() {
	l.mu.Lock()
	t := &l.turns
	t.busy = false
	done := t.cur
	t.cur = nil
	l.mu.Unlock()
	if done != nil {
		close(done)
	}
	l.tell()
}

// writePending writes the pending writes, as a rule as one group, and begins
// the next file where that is asked for. The caller has the turn and holds mu,
// which is released during the write.
func (l *Log) writePending() error {
	if err := l.err(); err != nil {
		return err
	}
	if l.held != nil {
		return l.held.err
	}
	cut := l.pending.cut
	if l.pending.end == l.pending.start && cut == nil {
		return nil
	}
	l.pace.written += l.pending.commands
	l.pace.asked, l.pace.woken = false, false
	g := l.pending.take()
	l.pending.cut = nil
	l.turns.cover = g.to
	l.mu.Unlock()
	var err error
	if cut == nil {
		err = l.writeGroup(&g)
	} else {
		err = l.writeAround(&g, cut)
	}
	l.mu.Lock()
	if l.held == nil {
		l.pending.giveBack(g.buf)
	}
	return err
}

// writeAround writes a group with a cut in it: what is before goes to the last
// file, what is after to the next.
func (l *Log) writeAround(g *group, cut *cutMark) error {
	before, after := g.split(cut.off, cut.db)
	if before.to > before.from {
		if err := l.writeGroup(&before); err != nil {
			l.mu.Lock()
			if l.held != nil { // the rest waits with it, in one piece
				after.lent.own()
				l.held.rest = append(l.held.rest, after)
			}
			l.mu.Unlock()
			cut.rw.fail(err)
			return err
		}
	}
	cut.rw.switchFiles()
	if after.to == after.from {
		return nil
	}
	return l.writeGroup(&after)
}

// writeGroup writes one group behind the last file's end.
func (l *Log) writeGroup(g *group) error {
	s := l.active()
	g.frame(s.salt)
	if err := g.writeTo(s.file, s.size); err != nil {
		return l.hold(s, g, fmt.Errorf("write to %s: %w", s.name, err))
	}
	l.wrote(s, g)
	l.reserve(s)
	return nil
}

// wrote notes that a group is in the file.
func (l *Log) wrote(s *segment, g *group) {
	l.tail.Lock()
	s.grew(g.framed(), g.to, g.db)
	off := g.from
	g.each(func(p []byte) {
		l.backlog.add(off, p)
		off += int64(len(p))
	})
	l.history = append(l.history, g.epochs...)
	l.written.Store(g.to)
	l.tail.Unlock()
	l.stats.writes.Add(1)
	switch l.o.Fsync() {
	case config.FsyncAlways:
		if l.syncers.Load() == 0 {
			l.wakeSync()
		}
	case config.FsyncEverysec:
		raise(&l.durable, g.to)
		l.syncSoon()
	default:
		raise(&l.durable, g.to)
	}
}

// recorder is the log as the engine sees it.
type recorder struct{ *Log }

// Append adds the records of one command in memory.
func (r recorder) Append(e *engine.Effects) (end int64) {
	l := r.Log
	l.mu.Lock()
	if l.failure.Load() != nil && !l.recovering {
		// Nothing is written any more and nothing acknowledged; offsets go on
		// so that nobody takes what was executed for written.
		l.pending.drop()
	}
	end = l.pending.add(e)
	if len(e.Lent) > 0 {
		l.lending.Store(true)
		l.pending.large[len(l.pending.large)-1].since = l.o.Host.Ticks()
	}
	l.mu.Unlock()
	return end
}

// Synced is the offset up to which the log is fsynced.
func (r recorder) Synced() int64 { return r.synced.Load() }

// End is the offset after the last appended record.
func (r recorder) End() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending.end
}
