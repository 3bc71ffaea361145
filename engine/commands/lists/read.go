package lists

import (
	"fmt"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/listpack"
	"regent/engine/spec"
	"regent/resp"
)

func listReads() []engine.Command {
	return []engine.Command{
		{Do: doLlen, Command: spec.Command{
			Name: "llen", Arity: 2, Flags: spec.ReadOnly | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Returns the number of elements of a list.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		{Do: doLindex, Command: spec.Command{
			Name: "lindex", Arity: 3, Flags: spec.ReadOnly, Since: "1.0.0",
			Complex: "O(1) at the ends, a small part of the elements up to the index otherwise",
			Summary: "Returns an element of a list by its index.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("index")},
		}},
		{Do: doLrange, Weighs: true, Command: spec.Command{
			Name: "lrange", Arity: 4, Flags: spec.ReadOnly, Since: "1.0.0",
			Complex: "O(N) in the number of elements returned, and a small part of those up to the nearer end",
			Summary: "Returns a range of a list.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("stop")},
		}},
		{Do: doLpos, Command: spec.Command{
			Name: "lpos", Arity: -3, Flags: spec.ReadOnly, Since: "6.0.6",
			Complex: "O(N) in the number of elements that are looked at",
			Summary: "Returns where in a list an element stands.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0), spec.String("element"), spec.Integer("rank").With("RANK").Opt(),
				spec.Integer("num-matches").With("COUNT").Opt(), spec.Integer("len").With("MAXLEN").Opt(),
			},
		}},
	}
}

func doLlen(c *engine.Ctx) {
	l, ok := engine.ReadObject[*listObject](c, c.Args[1])
	switch {
	case !ok:
	case l == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(l.Len()))
	}
}

func doLindex(c *engine.Ctx) {
	l, ok := engine.ReadObject[*listObject](c, c.Args[1])
	if !ok {
		return
	}
	if l == nil {
		c.W.Null()
		return
	}
	i, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if at := l.At(l.index(i)); at.OK() {
		replyElement(c.W, at.Value())
		return
	}
	c.W.Null()
}

// index turns an index that may count from the end into one from the beginning,
// -1 if there is no such element.
func (l *listObject) index(i int64) int {
	n := int64(l.Len())
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return -1
	}
	return int(i)
}

// rangeArgs reads two indices; false: an error was written.
func rangeArgs(c *engine.Ctx) (start, stop int64, ok bool) {
	if start, ok = c.IntArg(c.Args[2]); ok {
		stop, ok = c.IntArg(c.Args[3])
	}
	return start, stop, ok
}

// span turns inclusive indices, negative ones counted from the end, into a slice
// of n elements.
func span(start, stop, n int64) (from, to int) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	stop = min(stop, n-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop) + 1
}

func doLrange(c *engine.Ctx) {
	start, stop, ok := rangeArgs(c)
	if !ok {
		return
	}
	l, ok := engine.ReadObject[*listObject](c, c.Args[1])
	if !ok {
		return
	}
	from, to := 0, 0
	if l != nil {
		from, to = span(start, stop, int64(l.Len()))
	}
	c.W.Array(to - from)
	if from == to {
		return
	}
	c.Heavy((to - from + min(from, l.Len()-from)) * bytesPerElement)
	at, bytes := l.At(from), 0
	for range to - from {
		v := at.Value()
		bytes += len(v.Str)
		c.Heavy(bytes)
		replyElement(c.W, v)
		at.Next()
	}
}

// A search is what LPOS is asked for.
type search struct {
	rank   int64 // the first match that counts, 1 and on; negative: from the tail
	count  int64 // of matches, 0: all, -1: one and no array
	maxLen int64 // elements to look at, 0: all
}

func doLpos(c *engine.Ctx) {
	s, ok := searchArgs(c, c.Args[3:])
	if !ok {
		return
	}
	l, ok := engine.ReadObject[*listObject](c, c.Args[1])
	switch {
	case !ok:
	case l != nil:
		s.run(c, l, listpack.ElementOf(c.Args[2]))
	case s.count == -1:
		c.W.Null()
	default:
		c.W.Array(0)
	}
}

// searchArgs reads LPOS's options; false: an error was written.
func searchArgs(c *engine.Ctx, args [][]byte) (s search, ok bool) {
	s = search{rank: 1, count: -1}
	for ; len(args) > 1; args = args[2:] {
		switch word := args[0]; {
		case spec.EqualFold(word, "rank"):
			if s.rank, ok = c.IntArg(args[1]); ok && s.rank == 0 {
				c.Err(resp.ErrRankZero)
				ok = false
			}
		case spec.EqualFold(word, "count"):
			s.count, ok = naturalArg(c, args[1], "COUNT")
		case spec.EqualFold(word, "maxlen"):
			s.maxLen, ok = naturalArg(c, args[1], "MAXLEN")
		default:
			c.Err(resp.ErrSyntax)
			return s, false
		}
		if !ok {
			return s, false
		}
	}
	if len(args) > 0 {
		c.Err(resp.ErrSyntax)
		return s, false
	}
	return s, true
}

// naturalArg reads a number from 0 on; false: an error that names it was written.
func naturalArg(c *engine.Ctx, raw []byte, name string) (int64, bool) {
	n, ok := decimal.Parse(raw)
	if !ok || n < 0 {
		c.Err(fmt.Sprintf(resp.ErrNegative, name))
		return 0, false
	}
	return n, true
}

// run looks for e and replies.
func (s search) run(c *engine.Ctx, l *listObject, e listpack.Element) {
	from, first := left, s.rank
	if first < 0 {
		from, first = right, -first // of the least integer that is itself: every match counts
	}
	limit := int64(l.Len())
	if s.maxLen > 0 {
		limit = min(limit, s.maxLen)
	}
	mark := c.W.Mark()
	matches, found := int64(0), int64(0)
	at := l.end(from)
	for i := int64(0); i < limit && !s.full(found); i++ {
		if e.Is(at.Value()) {
			matches++
			if matches >= first {
				c.W.Int(l.fromLeft(from, i))
				found++
			}
		}
		from.step(&at)
	}
	switch {
	case s.count >= 0:
		c.W.ArrayAt(mark, int(found))
	case found == 0:
		c.W.Null()
	}
}

// full reports whether so many matches are enough.
func (s search) full(found int64) bool {
	return s.count < 0 && found == 1 || s.count > 0 && found == s.count
}

// fromLeft is the index of the element that is i from an end.
func (l *listObject) fromLeft(from side, i int64) int64 {
	if from == left {
		return i
	}
	return int64(l.Len()) - 1 - i
}
