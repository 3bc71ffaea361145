package aof

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"regent/engine"
	"regent/engine/units"
)

// A player carries out the records of whole units, in order.
//
// The database handed to apply is the one selected before the record's unit:
// SELECT, MULTI and EXEC are handed over too, so what applies them follows
// what is selected inside a transaction.
type player struct {
	apply   func(db int, args [][]byte) error // nil: only looks
	db      int                               // selected before the unit
	next    int                               // selected inside it
	multi   bool
	args    [][]byte
	records int64 // played so far
	epoch   int64
	history []engine.EpochStart
}

// play carries out data, whole units at stream offset off. With an error it
// returns where in data the record begins that could not be played.
func (p *player) play(data []byte, off int64) (at int, err error) {
	for at < len(data) {
		n, err := p.one(data[at:], off+int64(at))
		if err != nil {
			if err == units.ErrShort {
				err = errors.New("the record goes on after the end of its group")
			}
			return at, err
		}
		at += n
		p.records++
	}
	if p.multi {
		return at, errors.New("MULTI without EXEC")
	}
	return at, nil
}

func (p *player) one(b []byte, off int64) (size int, err error) {
	if b[0] == '#' {
		return p.line(b, off)
	}
	p.args, size, err = units.Parse(b, p.args[:0])
	if err != nil {
		return 0, err
	}
	switch units.KindOf(p.args[0], len(p.args)) {
	case units.Select:
		if p.next, err = units.Database(p.args[1]); err != nil {
			return 0, err
		}
	case units.Multi:
		if p.multi {
			return 0, errors.New("MULTI inside MULTI")
		}
		p.multi = true
	case units.Exec:
		if !p.multi {
			return 0, errors.New("EXEC without MULTI")
		}
		p.multi = false
	}
	if p.apply != nil {
		if err := p.apply(p.db, p.args); err != nil {
			return 0, err
		}
	}
	if !p.multi {
		p.db = p.next
	}
	return size, nil
}

// line plays a line that begins with #: an epoch's record, or a comment.
func (p *player) line(b []byte, off int64) (size int, err error) {
	line, size, err := units.Line(b, 0)
	if line == nil {
		return 0, cmp.Or(err, units.ErrShort)
	}
	start, ok := units.ParseEpoch(line)
	if !ok {
		return size, nil
	}
	if start.Epoch <= p.epoch {
		return 0, fmt.Errorf("epoch %d begins after epoch %d", start.Epoch, p.epoch)
	}
	start.Offset = off
	p.epoch = start.Epoch
	p.history = append(p.history, start)
	return size, nil
}

// selectDB makes the next unit's database db: at the start of a file.
func (p *player) selectDB(db int) { p.db, p.next = db, db }

// A DamageError says where the log is damaged.
type DamageError struct {
	File   string
	Pos    int64 // in the file, bytes
	Offset int64 // in the stream
	Record int64 // good records before it, counted from the start of the log
	What   string
	Err    error // of the record, may be nil
}

// Error names the file, the offset and the record.
func (e *DamageError) Error() string {
	s := e.File + " is damaged at file offset " + strconv.FormatInt(e.Pos, 10) +
		" (stream offset " + strconv.FormatInt(e.Offset, 10) +
		", after " + strconv.FormatInt(e.Record, 10) + " good records): " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap is the record's error.
func (e *DamageError) Unwrap() error { return e.Err }
