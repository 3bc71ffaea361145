package engine

import (
	"strconv"

	"regent/engine/decimal"
	"regent/engine/dict"
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

// times is how many places are looked into that may be empty, with so many
// for each that is asked for.
func (o *ScanOptions) times(perOne int64) int64 {
	if o.count > 1<<40 {
		return o.count
	}
	return o.count * perOne
}

// ReplyScan replies with the cursor to go on from and n elements, which are
// replies already.
func (c *Ctx) ReplyScan(cursor uint64, n int, found []byte) {
	c.W.Array(2)
	if cursor == 0 {
		c.W.BulkInt(0)
	} else {
		c.W.BulkString(strconv.FormatUint(cursor, 10))
	}
	c.W.Array(n)
	c.W.Raw(found)
}

// ScanObject is SCAN inside a value: scan shows some elements at a cursor, as a
// dictionary does.
func (c *Ctx) ScanObject(o *ScanOptions, cursor uint64, scan func(cursor uint64, f func(b []byte)) uint64) {
	found := c.found[:0]
	listed, seen := 0, int64(0)
	for patience := o.times(scanPatience); patience > 0; patience-- {
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
	c.keepFound(found)
}

// ScanInts is ScanObject of integers that each shows, all of them.
func (c *Ctx) ScanInts(o *ScanOptions, each func(f func(n int64))) {
	found, listed := c.found[:0], 0
	var text decimal.Text
	each(func(n int64) {
		if o.pattern == nil || glob.Match(o.pattern, text.Of(n)) {
			found = resp.AppendBulkInt(found, n)
			listed++
		}
	})
	c.ReplyScan(0, listed, found)
	c.keepFound(found)
}

// maxFound is how many bytes of elements a session keeps room for.
const maxFound = 4 << 10

// keepFound keeps the memory of a reply's elements for the next walk.
func (c *Ctx) keepFound(b []byte) {
	if cap(b) <= maxFound {
		c.found = b[:0]
	}
}

// ScanPairs is ScanObject where an element has two parts, which count as two as in
// Redis; the first is what MATCH looks at.
func (c *Ctx) ScanPairs(o *ScanOptions, cursor uint64, scan func(cursor uint64, f func(a, b []byte)) uint64) {
	found := c.found[:0]
	listed, seen := 0, int64(0)
	for patience := o.times(scanPatience); patience > 0; patience-- {
		cursor = scan(cursor, func(a, b []byte) {
			seen += 2
			if o.pattern == nil || glob.Match(o.pattern, a) {
				found = resp.AppendBulk(resp.AppendBulk(found, a), b)
				listed += 2
			}
		})
		if cursor == 0 || seen >= o.count {
			break
		}
	}
	c.ReplyScan(cursor, listed, found)
	c.keepFound(found)
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
			o.typ = Clip(value, len(value))
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

// parseCursor reads a cursor as C's strtoul does, which allows a sign, takes
// nothing for 0, and ends at a NUL.
func parseCursor(b []byte) (uint64, bool) {
	b = Clip(b, len(b))
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

// Limits of looking for keys and elements.
const (
	scanCount    = 10 // keys a SCAN without COUNT looks for
	scanPatience = 10 // buckets per element asked for, before a scan inside a value gives up for this call

	// keysPatience is how many buckets per key asked for SCAN looks into, before it
	// gives up for this call. The smallest dictionary has 64: so one key in each
	// shard is found as if they were in one.
	keysPatience = 256
	// SCAN looks into keysLeast buckets in any case, unless they hold keysSurplus
	// keys more than it was asked for: a small keyspace is spread over more buckets
	// here than in Redis, and is to take no more calls.
	keysLeast   = 128
	keysSurplus = 2
	// keysStretch is how many buckets are looked into under one lock.
	keysStretch = 1024
)

// A keyScan is one call of SCAN.
type keyScan struct {
	*ScanOptions
	patience int64    // buckets that may still be looked into
	looked   int64    // buckets
	seen     int64    // keys, whether they are wanted or not
	found    []byte   // the keys, as replies
	listed   int      // how many
	over     [][]byte // expired ones
}

// enough reports whether the call ends here.
func (k *keyScan) enough() bool {
	return k.looked >= k.patience || k.seen >= k.count && (k.looked >= keysLeast || k.seen >= k.count+keysSurplus)
}

// ScanKeys is SCAN of the session's database from a cursor on: it replies. Shards
// without keys cost nothing, and the end is found where only such follow.
func (c *Ctx) ScanKeys(o *ScanOptions, cursor uint64) {
	k := keyScan{ScanOptions: o, patience: o.times(keysPatience)}
	at := scanCursor(cursor)
	i, pos := at.shard(), at.dict()
	for full := false; i < len(c.e.shards); {
		if !c.visit(i, func(s *shard) {
			d := s.dbs[c.s.db]
			if d == nil || d.Len() == 0 {
				pos = 0
			} else if full = k.enough(); !full {
				pos = k.stretch(c, d, pos)
			}
		}) {
			return
		}
		if full {
			break
		}
		if pos == 0 {
			i++
		}
	}
	if i >= len(c.e.shards) {
		i, pos = 0, 0
	}
	c.ReplyScan(uint64(makeCursor(i, pos)), k.listed, k.found)
}

// stretch looks into some buckets of a locked shard's dictionary, deletes what has
// expired there, and returns the next cursor, 0 at the end.
func (k *keyScan) stretch(c *Ctx, d *dict.Dict, cursor uint64) uint64 {
	for range keysStretch {
		cursor = d.Scan(cursor, func(r dict.Ref) { k.see(c, Entry{d, r}) })
		if k.looked++; cursor == 0 || k.enough() {
			break
		}
	}
	for _, key := range k.over {
		c.Peek(key)
	}
	k.over = k.over[:0]
	return cursor
}

func (k *keyScan) see(c *Ctx, en Entry) {
	k.seen++
	switch {
	case !k.wants(en):
	case c.Expired(en):
		k.over = append(k.over, append([]byte(nil), en.Key()...))
	default:
		k.found = resp.AppendBulk(k.found, en.Key())
		k.listed++
	}
}
