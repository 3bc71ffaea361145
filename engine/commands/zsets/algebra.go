package zsets

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/zset"
	"regent/resp"
)

// Several sorted sets at a time, and sets among them, whose members all have the score
// 1: t_zset.c's algorithms, since sums of doubles depend on their order.

func algebra() []engine.Command {
	return []engine.Command{
		{Do: doZunion, Command: spec.Command{
			Name: "zunion", Arity: -3, Flags: spec.ReadOnly, Since: "6.2.0",
			Complex: "O(N+M*log(M)) in the sizes of all sets and of the result",
			Summary: "Returns the members that any of several sorted sets has.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Integer("numkeys"),
				spec.Key("key", 0).Many(),
				spec.Integer("weight").With("WEIGHTS").Many().Opt(),
				spec.OneOf("aggregate", spec.Word("sum", "SUM"), spec.Word("min", "MIN"), spec.Word("max", "MAX")).With("AGGREGATE").Opt(),
				spec.Word("withscores", "WITHSCORES").Opt(),
			},
		}},
		{Do: doZinter, Command: spec.Command{
			Name: "zinter", Arity: -3, Flags: spec.ReadOnly, Since: "6.2.0",
			Complex: "O(N*K+M*log(M)) in the size of the smallest set, the number of sets and the size of the result",
			Summary: "Returns the members that all of several sorted sets have.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Integer("numkeys"),
				spec.Key("key", 0).Many(),
				spec.Integer("weight").With("WEIGHTS").Many().Opt(),
				spec.OneOf("aggregate", spec.Word("sum", "SUM"), spec.Word("min", "MIN"), spec.Word("max", "MAX")).With("AGGREGATE").Opt(),
				spec.Word("withscores", "WITHSCORES").Opt(),
			},
		}},
		{Do: doZintercard, Command: spec.Command{
			Name: "zintercard", Arity: -3, Flags: spec.ReadOnly, Since: "7.0.0",
			Complex: "O(N*K) in the size of the smallest set and the number of sets",
			Summary: "Counts the members that all of several sorted sets have.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Integer("numkeys"), spec.Key("key", 0).Many(), spec.Integer("limit").With("LIMIT").Opt()},
		}},
		{Do: doZdiff, Command: spec.Command{
			Name: "zdiff", Arity: -3, Flags: spec.ReadOnly, Since: "6.2.0",
			Complex: "O(N*K+M*log(M)) in the size of the first set, the number of sets and the size of the result",
			Summary: "Returns the members of the first of several sorted sets that no other one has.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Integer("numkeys"), spec.Key("key", 0).Many(), spec.Word("withscores", "WITHSCORES").Opt()},
		}},
	}
}

func algebraStores() []engine.Command {
	return []engine.Command{
		{Do: doZunionstore, Command: spec.Command{
			Name: "zunionstore", Arity: -4, Flags: spec.Write | spec.DenyOOM, Since: "2.0.0",
			Complex: "O(N+M*log(M)) in the sizes of all sets and of the result",
			Summary: "Stores the members that any of several sorted sets has.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate), spec.NumKeys(2, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("destination", 0),
				spec.Integer("numkeys"),
				spec.Key("key", 1).Many(),
				spec.Integer("weight").With("WEIGHTS").Many().Opt(),
				spec.OneOf("aggregate", spec.Word("sum", "SUM"), spec.Word("min", "MIN"), spec.Word("max", "MAX")).With("AGGREGATE").Opt(),
			},
		}},
		{Do: doZinterstore, Command: spec.Command{
			Name: "zinterstore", Arity: -4, Flags: spec.Write | spec.DenyOOM, Since: "2.0.0",
			Complex: "O(N*K+M*log(M)) in the size of the smallest set, the number of sets and the size of the result",
			Summary: "Stores the members that all of several sorted sets have.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate), spec.NumKeys(2, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("destination", 0),
				spec.Integer("numkeys"),
				spec.Key("key", 1).Many(),
				spec.Integer("weight").With("WEIGHTS").Many().Opt(),
				spec.OneOf("aggregate", spec.Word("sum", "SUM"), spec.Word("min", "MIN"), spec.Word("max", "MAX")).With("AGGREGATE").Opt(),
			},
		}},
		{Do: doZdiffstore, Command: spec.Command{
			Name: "zdiffstore", Arity: -4, Flags: spec.Write | spec.DenyOOM, Since: "6.2.0",
			Complex: "O(N*K+M*log(M)) in the size of the first set, the number of sets and the size of the result",
			Summary: "Stores the members of the first of several sorted sets that no other one has.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate), spec.NumKeys(2, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("destination", 0), spec.Integer("numkeys"), spec.Key("key", 1).Many()},
		}},
	}
}

// A plainSet is what this room needs of a set.
type plainSet interface {
	engine.Object
	Has(b []byte) bool
	Each(f func(b []byte) bool)
}

// A source is one of the sets that a command reads, with its weight.
type source struct {
	z      *zsetObject // or
	set    plainSet    // or neither: there is nothing at the key
	weight float64
}

func (s *source) len() int {
	switch {
	case s.z != nil:
		return s.z.Len()
	case s.set != nil:
		return s.set.Len()
	}
	return 0
}

// each calls f with every member and its score until it returns false.
func (s *source) each(f func(b []byte, score float64) bool) {
	switch {
	case s.z != nil:
		s.z.Each(f)
	case s.set != nil:
		s.set.Each(func(b []byte) bool { return f(b, 1) })
	}
}

// score is a member's score, if it is there.
func (s *source) score(b []byte) (float64, bool) {
	switch {
	case s.z != nil:
		at := s.z.Find(b)
		return at.Score, at.OK
	case s.set != nil:
		return 1, s.set.Has(b)
	}
	return 0, false
}

// An aggregate makes one score of two.
type aggregate func(a, b float64) float64

// sum makes 0 of inf and -inf.
func sum(a, b float64) float64 { return notNaN(a + b) }

// lower and higher keep a where b is not a number.
func lower(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func higher(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

func notNaN(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// A what is which of the three operations a command does.
type what uint8

const (
	unite what = iota
	intersect
	subtract
)

// An operation is a command of this file with its arguments.
type operation struct {
	what
	stores bool // its first key is where the result goes
	counts bool // ZINTERCARD

	sources   []source
	aggregate aggregate
	scores    bool
	limit     int64
}

func doZunion(c *engine.Ctx)      { operation{what: unite}.run(c) }
func doZinter(c *engine.Ctx)      { operation{what: intersect}.run(c) }
func doZdiff(c *engine.Ctx)       { operation{what: subtract}.run(c) }
func doZintercard(c *engine.Ctx)  { operation{what: intersect, counts: true}.run(c) }
func doZunionstore(c *engine.Ctx) { operation{what: unite, stores: true}.run(c) }
func doZinterstore(c *engine.Ctx) { operation{what: intersect, stores: true}.run(c) }
func doZdiffstore(c *engine.Ctx)  { operation{what: subtract, stores: true}.run(c) }

func (o operation) run(c *engine.Ctx) {
	at := 1
	if o.stores {
		at = 2
	}
	rest, ok := o.read(c, at)
	if !ok || !o.options(c, rest) {
		return
	}
	if o.what != subtract {
		slices.SortStableFunc(o.sources, func(a, b source) int { return cmp.Compare(a.len(), b.len()) })
	}
	if o.counts {
		c.W.Int(o.count())
		return
	}
	out := empty(c)
	out.Grow()
	switch o.what {
	case unite:
		o.unite(out)
	case intersect:
		o.intersect(func(b []byte, score float64) bool {
			out.Put(out.Find(b), b, score, zset.Limits{})
			return true
		})
	case subtract:
		o.subtract(out)
	}
	if o.stores {
		out.Shrink(limits(c))
		store(c, out)
		return
	}
	(&selection{by: byRank, stop: -1, scores: o.scores}).reply(c, out)
}

// read looks the sources up, and returns what follows them; false: an error was written.
func (o *operation) read(c *engine.Ctx, at int) (rest [][]byte, ok bool) {
	n, ok := c.IntArg(c.Args[at])
	if !ok {
		return nil, false
	}
	rest = c.Args[at+1:]
	switch {
	case n < 1:
		c.Err(fmt.Sprintf(resp.ErrInputKeys, c.Cmd.FullName()))
		return nil, false
	case n > int64(len(rest)):
		c.Err(resp.ErrSyntax)
		return nil, false
	}
	o.sources = make([]source, n)
	for i, key := range rest[:n] {
		s := &o.sources[i]
		s.weight = 1
		any, ok := engine.ReadObject[engine.Object](c, key)
		if !ok {
			return nil, false
		}
		switch v := any.(type) {
		case nil:
		case *zsetObject:
			s.z = v
		case plainSet:
			s.set = v
		default:
			c.Err(resp.ErrWrongType)
			return nil, false
		}
	}
	return rest[n:], true
}

// options reads what follows the keys; false: an error was written.
func (o *operation) options(c *engine.Ctx, rest [][]byte) (ok bool) {
	o.aggregate = sum
	weighs := o.what != subtract && !o.counts
	for len(rest) > 0 {
		w := rest[0]
		rest = rest[1:]
		switch {
		case weighs && len(rest) >= len(o.sources) && spec.EqualFold(w, "weights"):
			for i := range o.sources {
				if o.sources[i].weight, ok = decimal.ParseScore(rest[i]); !ok {
					c.Err(resp.ErrWeight)
					return false
				}
			}
			rest = rest[len(o.sources):]
		case weighs && len(rest) >= 1 && spec.EqualFold(w, "aggregate"):
			if o.aggregate = aggregateNamed(rest[0]); o.aggregate == nil {
				c.Err(resp.ErrSyntax)
				return false
			}
			rest = rest[1:]
		case !o.stores && !o.counts && spec.EqualFold(w, "withscores"):
			o.scores = true
		case o.counts && len(rest) >= 1 && spec.EqualFold(w, "limit"):
			if o.limit, ok = decimal.Parse(rest[0]); !ok || o.limit < 0 {
				c.Err(resp.ErrLimitNeg)
				return false
			}
			rest = rest[1:]
		default:
			c.Err(resp.ErrSyntax)
			return false
		}
	}
	return true
}

func aggregateNamed(w []byte) aggregate {
	switch {
	case spec.EqualFold(w, "sum"):
		return sum
	case spec.EqualFold(w, "min"):
		return lower
	case spec.EqualFold(w, "max"):
		return higher
	}
	return nil
}

func (o *operation) unite(out *zsetObject) {
	for i := range o.sources {
		s := &o.sources[i]
		s.each(func(b []byte, score float64) bool {
			score = notNaN(score * s.weight)
			at := out.Find(b)
			if at.OK {
				score = o.aggregate(at.Score, score)
			}
			if !at.OK || math.Float64bits(score) != math.Float64bits(at.Score) { // -0 is another
				out.Put(at, b, score, zset.Limits{})
			}
			return true
		})
	}
}

// intersect calls f with the members that all sources have, and the score that they
// have together, until it returns false.
func (o *operation) intersect(f func(b []byte, score float64) bool) {
	first := &o.sources[0] // the smallest
	first.each(func(b []byte, score float64) bool {
		total := notNaN(score * first.weight)
		for i := range o.sources[1:] {
			s := &o.sources[1+i]
			other, ok := s.score(b)
			if !ok {
				return true
			}
			total = o.aggregate(total, other*s.weight)
		}
		return f(b, total)
	})
}

// count is how many members all sources have, no more than the limit.
func (o *operation) count() (n int64) {
	o.intersect(func([]byte, float64) bool { n++; return n != o.limit })
	return n
}

func (o *operation) subtract(out *zsetObject) {
	o.sources[0].each(func(b []byte, score float64) bool {
		for i := range o.sources[1:] {
			if _, ok := o.sources[1+i].score(b); ok {
				return true
			}
		}
		out.Put(out.Find(b), b, score, zset.Limits{})
		return true
	})
}
