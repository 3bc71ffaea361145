package engine

import (
	"strconv"

	"regent/resp"
)

func walkCommands() []Command {
	return []Command{
		{
			Name: "keys", Arity: 2, Flags: ReadOnly, Cats: CatKeyspace | CatDangerous, Group: GroupGeneric,
			Since: "1.0.0", Complex: "O(N) in the number of keys in the database",
			Summary: "Lists the keys that match a pattern.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output_order"},
			Args:    []Arg{arg("pattern", "pattern")},
			Locks:   LockAll, Do: doKeys,
		},
		{
			Name: "scan", Arity: -2, Flags: ReadOnly, Cats: CatKeyspace, Group: GroupGeneric,
			Since: "2.8.0", Complex: "O(1) a call, O(N) for the whole iteration",
			Summary: "Walks through the keys of a database step by step.",
			Tips:    []string{"nondeterministic_output", "request_policy:special"},
			Args: []Arg{
				arg("cursor", "integer"),
				arg("pattern", "pattern").token("MATCH").optional(),
				arg("count", "integer").token("COUNT").optional(),
				arg("type", "string").token("TYPE").since("6.0.0").optional(),
			},
			Locks: LockAll, Do: doScan,
		},
		{
			Name: "randomkey", Arity: 1, Flags: ReadOnly, Cats: CatKeyspace, Group: GroupGeneric, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the name of a random key.",
			Tips:    []string{"request_policy:all_shards", "nondeterministic_output"},
			Locks:   LockAll, Do: doRandomkey,
		},
	}
}

// Limits of looking for keys.
const (
	scanCount     = 10  // keys a SCAN without COUNT looks for
	scanPatience  = 10  // buckets per key asked for, before SCAN gives up for this call
	randomRetries = 100 // expired keys RANDOMKEY passes over
)

func doKeys(c *Ctx) {
	pattern := c.Args[1]
	all := string(pattern) == "*"
	mark, n := c.W.Mark(), 0
	c.E.eachKey(c.S.DB, func(en Entry) bool {
		if (all || globMatch(pattern, en.Key())) && !c.expired(en) {
			c.W.Bulk(en.Key())
			n++
		}
		return true
	})
	c.W.ArrayAt(mark, n)
}

// expired reports whether en's time is over, and leaves it where it is.
func (c *Ctx) expired(en Entry) bool {
	at := en.ExpireAt()
	return at != 0 && at <= c.Now
}

func doRandomkey(c *Ctx) {
	for range randomRetries {
		en := c.E.randomEntry(c.S.DB)
		if !en.OK() {
			break
		}
		if !c.expired(en) {
			c.W.Bulk(en.Key())
			return
		}
		c.Peek(append([]byte(nil), en.Key()...)) // deletes it where it may be deleted
	}
	c.W.Null()
}

// scanOptions are SCAN's.
type scanOptions struct {
	pattern []byte // nil: all
	typ     []byte // nil: all
	count   int64
}

func (o *scanOptions) wants(en Entry) bool {
	if o.pattern != nil && !globMatch(o.pattern, en.Key()) {
		return false
	}
	return o.typ == nil || equalFold(o.typ, typeName(en.Value()))
}

func doScan(c *Ctx) {
	cursor, ok := c.cursorArg(c.Args[1])
	if !ok {
		return
	}
	at := scanCursor(cursor)
	o, ok := c.scanOptions(2)
	if !ok {
		return
	}
	var found []byte  // the keys, as replies
	var over [][]byte // expired ones, deleted afterwards
	listed, seen, patience := 0, int64(0), o.patience()
	for {
		next, looked := c.E.scan(c.S.DB, at, func(en Entry) {
			seen++
			if !o.wants(en) {
				return
			}
			if c.expired(en) {
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
	c.replyScan(uint64(at), listed, found)
}

// patience is how many places are looked into that may be empty.
func (o *scanOptions) patience() int64 {
	if o.count > 1<<40 {
		return o.count
	}
	return o.count * scanPatience
}

// replyScan replies with the cursor to go on from and n elements, which are
// replies already.
func (c *Ctx) replyScan(cursor uint64, n int, found []byte) {
	c.W.Array(2)
	c.W.BulkString(strconv.FormatUint(cursor, 10))
	c.W.Array(n)
	c.W.Raw(found)
}

// scanObject is SCAN inside a value: scan shows some elements at a cursor, as a
// dictionary does.
func (c *Ctx) scanObject(o *scanOptions, cursor uint64, scan func(cursor uint64, f func(b []byte)) uint64) {
	var found []byte
	listed, seen := 0, int64(0)
	for patience := o.patience(); patience > 0; patience-- {
		cursor = scan(cursor, func(b []byte) {
			seen++
			if o.pattern == nil || globMatch(o.pattern, b) {
				found = resp.AppendBulk(found, b)
				listed++
			}
		})
		if cursor == 0 || seen >= o.count {
			break
		}
	}
	c.replyScan(cursor, listed, found)
}

// scanOptions reads SCAN's options, the first of which is argument number from. A
// walk inside a value has no TYPE.
func (c *Ctx) scanOptions(from int) (o scanOptions, ok bool) {
	o.count = scanCount
	for i := from; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			c.Err(resp.ErrSyntax)
			return o, false
		}
		word, value := c.Args[i], c.Args[i+1]
		switch {
		case equalFold(word, "count"):
			if o.count, ok = c.intArg(value); !ok {
				return o, false
			}
			if o.count < 1 {
				c.Err(resp.ErrSyntax)
				return o, false
			}
		case equalFold(word, "match"):
			if o.pattern = value; string(value) == "*" {
				o.pattern = nil
			}
		case equalFold(word, "type") && len(c.Cmd.Keys) == 0:
			o.typ = value
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// cursorArg reads a cursor; false: the error was written.
func (c *Ctx) cursorArg(raw []byte) (uint64, bool) {
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
