package engine

import (
	"strconv"

	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

// SCAN and its kin inside values: their options, cursors and replies.

// ScanOptions are SCAN's.
type ScanOptions struct {
	pattern []byte // nil: all
	typ     []byte // nil: all
	count   int64
}

func (o *ScanOptions) wants(en Entry) bool {
	if o.pattern != nil && !glob.Match(o.pattern, en.Key()) {
		return false
	}
	return o.typ == nil || spec.EqualFold(o.typ, TypeName(en.Value()))
}

// patience is how many places are looked into that may be empty.
func (o *ScanOptions) patience() int64 {
	if o.count > 1<<40 {
		return o.count
	}
	return o.count * scanPatience
}

// ReplyScan replies with the cursor to go on from and n elements, which are
// replies already.
func (c *Ctx) ReplyScan(cursor uint64, n int, found []byte) {
	c.W.Array(2)
	c.W.BulkString(strconv.FormatUint(cursor, 10))
	c.W.Array(n)
	c.W.Raw(found)
}

// ScanObject is SCAN inside a value: scan shows some elements at a cursor, as a
// dictionary does.
func (c *Ctx) ScanObject(o *ScanOptions, cursor uint64, scan func(cursor uint64, f func(b []byte)) uint64) {
	var found []byte
	listed, seen := 0, int64(0)
	for patience := o.patience(); patience > 0; patience-- {
		cursor = scan(cursor, func(b []byte) {
			seen++
			if o.pattern == nil || glob.Match(o.pattern, b) {
				found = resp.AppendBulk(found, b)
				listed++
			}
		})
		if cursor == 0 || seen >= o.count {
			break
		}
	}
	c.ReplyScan(cursor, listed, found)
}

// ScanArgs reads SCAN's options, the first of which is argument number from. A
// walk inside a value has no TYPE.
func (c *Ctx) ScanArgs(from int) (o ScanOptions, ok bool) {
	o.count = scanCount
	for i := from; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			c.Err(resp.ErrSyntax)
			return o, false
		}
		word, value := c.Args[i], c.Args[i+1]
		switch {
		case spec.EqualFold(word, "count"):
			if o.count, ok = c.IntArg(value); !ok {
				return o, false
			}
			if o.count < 1 {
				c.Err(resp.ErrSyntax)
				return o, false
			}
		case spec.EqualFold(word, "match"):
			if o.pattern = value; string(value) == "*" {
				o.pattern = nil
			}
		case spec.EqualFold(word, "type") && len(c.Cmd.Keys) == 0:
			o.typ = value
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// CursorArg reads a cursor; false: the error was written.
func (c *Ctx) CursorArg(raw []byte) (uint64, bool) {
	at, ok := parseCursor(raw)
	if !ok {
		c.Err(resp.ErrCursor)
	}
	return at, ok
}

// parseCursor reads a cursor as C's strtoul does, which allows a sign and
// takes nothing for 0.
func parseCursor(b []byte) (uint64, bool) {
	if len(b) == 0 {
		return 0, true
	}
	neg := b[0] == '-'
	if neg || b[0] == '+' {
		b = b[1:]
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil {
		return 0, false
	}
	if neg {
		n = -n
	}
	return n, true
}

// Expired reports whether en's time is over, and leaves it where it is.
func (c *Ctx) Expired(en Entry) bool {
	at := en.ExpireAt()
	return at != 0 && at <= c.Now
}

// Limits of looking for keys.
const (
	scanCount    = 10 // keys a SCAN without COUNT looks for
	scanPatience = 10 // buckets per key asked for, before SCAN gives up for this call
)

// ScanKeys is SCAN of the session's database from a cursor on: it replies.
func (c *Ctx) ScanKeys(o *ScanOptions, cursor uint64) {
	at := scanCursor(cursor)
	var found []byte  // the keys, as replies
	var over [][]byte // expired ones, deleted afterwards
	listed, seen, patience := 0, int64(0), o.patience()
	for {
		next, looked := c.e.scan(c.s.DB, at, func(en Entry) {
			seen++
			if !o.wants(en) {
				return
			}
			if c.Expired(en) {
				over = append(over, append([]byte(nil), en.Key()...))
				return
			}
			found = resp.AppendBulk(found, en.Key())
			listed++
		})
		if at = next; at == 0 || seen >= o.count {
			break
		}
		if looked {
			if patience--; patience <= 0 {
				break
			}
		}
	}
	for _, key := range over {
		c.Peek(key)
	}
	c.ReplyScan(uint64(at), listed, found)
}
