package sets

import (
	"fmt"
	"math"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/set"
	"regent/engine/spec"
	"regent/resp"
)

func setDraws() []engine.Command {
	return []engine.Command{
		{Do: doSpop, Command: spec.Command{
			Name: "spop", Arity: -2, Flags: spec.Write | spec.Fast,
			Since: "1.0.0", Complex: "O(1) without a count, O(N) in the count with one",
			Summary: "Removes random members from a set and returns them.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count").Added("3.2.0").Opt()},
		}},
		{Do: doSrandmember, Command: spec.Command{
			Name: "srandmember", Arity: -2, Flags: spec.ReadOnly,
			Since: "1.0.0", Complex: "O(1) without a count, O(N) in the count with one",
			Summary: "Returns random members of a set.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("count").Added("2.6.0").Opt()},
		}},
	}
}

const (
	// shortMember is the length in bytes up to which a member is drawn without
	// garbage.
	shortMember = 64
	// maxDraws bounds the members that SRANDMEMBER draws with repetition: a
	// count alone could ask for more than there is memory. Redis tries.
	maxDraws = 1 << 24
	// popMembers and popBytes bound one SREM in the log, as later versions of
	// Redis do it (7.0 writes one for each member): a transaction is bounded, too.
	popMembers = 1024
	popBytes   = 64 << 10
	// sparse is how many times a set is larger than what is wanted of it at
	// least where members are drawn one by one, and drawn again if they were
	// drawn before.
	sparse = 3
)

func doSpop(c *engine.Ctx) {
	switch len(c.Args) {
	case 2:
		popOne(c, c.Args[1])
	case 3:
		n, ok := decimal.Parse(c.Args[2])
		if !ok || n < 0 {
			c.Err(resp.ErrMustBePositive)
			return
		}
		popMany(c, c.Args[1], n)
	default:
		c.Err(resp.ErrSyntax)
	}
}

func popOne(c *engine.Ctx, key []byte) {
	en, s, ok := engine.WriteObject[*setObject](c, key)
	if !ok {
		return
	}
	if s == nil {
		c.W.Null()
		return
	}
	var buf [shortMember]byte
	c.Changing(en)
	m := s.PopRandom(buf[:0], c.Rand)
	gone := c.Changed(key, en, s)
	c.Notify(engine.EventSet, "spop", key)
	c.NotifyGone(key, gone)
	c.Propagate([]byte("SREM"), key, m)
	c.W.Bulk(m)
}

func popMany(c *engine.Ctx, key []byte, n int64) {
	en, s, ok := engine.WriteObject[*setObject](c, key)
	if !ok {
		return
	}
	if s == nil || n == 0 {
		c.W.Set(0)
		return
	}
	c.Measure()
	if size := int64(s.Len()); n >= size {
		replyMembers(c.W, s)
		c.Remove(key)
		c.Notify(engine.EventSet, "spop", key)
		c.Notify(engine.EventGeneric, "del", key)
		c.PropagateN(size, []byte("DEL"), key)
		return
	}
	c.W.Set(int(n))
	c.Changing(en)
	args, bytes := [][]byte{[]byte("SREM"), key}, 0
	for ; n > 0; n-- {
		m := s.PopRandom(nil, c.Rand)
		c.W.Bulk(m)
		args, bytes = append(args, m), bytes+len(m)
		if n == 1 || len(args) == 2+popMembers || bytes > popBytes {
			c.PropagateN(int64(len(args)-2), args...)
			args, bytes = args[:2], 0
		}
	}
	c.Changed(key, en, s)
	c.Notify(engine.EventSet, "spop", key)
}

func doSrandmember(c *engine.Ctx) {
	if len(c.Args) > 3 {
		c.Err(resp.ErrSyntax)
		return
	}
	if len(c.Args) == 3 {
		if n, ok := countArg(c, c.Args[2]); ok {
			drawMany(c, c.Args[1], n)
		}
		return
	}
	s, ok := readSet(c, c.Args[1])
	switch {
	case !ok:
	case s == nil:
		c.W.Null()
	default:
		var buf [shortMember]byte
		c.W.Bulk(s.AppendRandom(buf[:0], c.Rand))
	}
}

// countArg reads a count that may be negative; false: the error was written.
func countArg(c *engine.Ctx, raw []byte) (int64, bool) {
	n, ok := c.IntArg(raw)
	if ok && n == math.MinInt64 {
		c.Err(fmt.Sprintf(resp.ErrBetween, int64(-math.MaxInt64), int64(math.MaxInt64)))
		return 0, false
	}
	return n, ok
}

// drawMany replies with n members, or if n is negative with -n that may repeat
// themselves.
func drawMany(c *engine.Ctx, key []byte, n int64) {
	s, ok := readSet(c, key)
	switch {
	case !ok:
	case s == nil || n == 0:
		c.W.Array(0)
	case n < -maxDraws:
		c.Err(resp.ErrOutOfRange)
	case n < 0:
		drawAnew(c, s, int(-n))
	case n >= int64(s.Len()):
		c.W.Array(s.Len())
		s.Each(func(b []byte) bool { c.W.Bulk(b); return true })
	case n > int64(s.Len())/sparse:
		drawPart(c, s, int(n))
	default:
		drawFew(c, s, int(n))
	}
}

// drawAnew draws each member from all.
func drawAnew(c *engine.Ctx, s *setObject, n int) {
	var buf []byte
	c.W.Array(n)
	for i := 0; i < n && !c.W.Overflowed(); i++ {
		buf = s.AppendRandom(buf[:0], c.Rand)
		c.W.Bulk(buf)
	}
}

// drawPart chooses in one walk, each member with the chance that what is wanted
// has among what is left (Knuth, volume 2, algorithm 3.4.2 S).
func drawPart(c *engine.Ctx, s *setObject, n int) {
	c.W.Array(n)
	wanted, left := uint64(n), uint64(s.Len())
	s.Each(func(b []byte) bool {
		if c.Rand()%left < wanted {
			c.W.Bulk(b)
			wanted--
		}
		left--
		return wanted > 0
	})
}

// drawFew draws until it has n different ones.
func drawFew(c *engine.Ctx, s *setObject, n int) {
	var buf []byte
	c.W.Array(n)
	for drawn := set.New(c.Seed()); drawn.Len() < n; {
		if buf = s.AppendRandom(buf[:0], c.Rand); drawn.Add(buf, maxInts(c)) {
			c.W.Bulk(buf)
		}
	}
}
