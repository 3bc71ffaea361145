package zsets

import (
	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/zset"
	"regent/resp"
)

func ranges() []engine.Command {
	return []engine.Command{
		{Do: doZrange, Weighs: true, Command: spec.Command{
			Name: "zrange", Arity: -4, Flags: spec.ReadOnly, Since: "1.2.0",
			Complex: rangeCost,
			Summary: "Returns a range of a sorted set, by rank, score or bytes.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.String("start"),
				spec.String("stop"),
				spec.OneOf("sortby", spec.Word("byscore", "BYSCORE"), spec.Word("bylex", "BYLEX")).Added("6.2.0").Opt(),
				spec.Word("rev", "REV").Added("6.2.0").Opt(),
				spec.Block("offset_count", spec.Integer("offset"), spec.Integer("count")).With("LIMIT").Added("6.2.0").Opt(),
				spec.Word("withscores", "WITHSCORES").Opt(),
			},
		}},
		{Do: doZrangestore, Command: spec.Command{
			Name: "zrangestore", Arity: -5, Flags: spec.Write | spec.DenyOOM, Since: "6.2.0",
			Complex: rangeCost,
			Summary: "Stores a range of a sorted set at another key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyOW|spec.KeyUpdate), spec.One(2, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("dst", 0),
				spec.Key("src", 1),
				spec.String("min"),
				spec.String("max"),
				spec.OneOf("sortby", spec.Word("byscore", "BYSCORE"), spec.Word("bylex", "BYLEX")).Opt(),
				spec.Word("rev", "REV").Opt(),
				limitArg(),
			},
		}},
	}
}

// rangeCost is the time that a range takes.
const rangeCost = "O(log(N)+M) in the size of the set and of the range"

// limitArg is LIMIT, for a part of a range.
func limitArg() spec.Arg {
	return spec.Block("offset_count", spec.Integer("offset"), spec.Integer("count")).With("LIMIT").Opt()
}

// oldRanges are those for which there are options of ZRANGE.
func oldRanges() []engine.Command {
	return []engine.Command{
		{Do: doZrevrange, Weighs: true, Command: spec.Command{
			Name: "zrevrange", Arity: -4, Flags: spec.ReadOnly, Since: "1.2.0",
			Complex:         rangeCost,
			Summary:         "Returns a range of a sorted set by rank, the highest scores first.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` argument",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{spec.Key("key", 0), spec.Integer("start"), spec.Integer("stop"), spec.Word("withscores", "WITHSCORES").Opt()},
		}},
		{Do: doZrangebyscore, Weighs: true, Command: spec.Command{
			Name: "zrangebyscore", Arity: -4, Flags: spec.ReadOnly, Since: "1.0.5",
			Complex:         rangeCost,
			Summary:         "Returns the members of a sorted set whose scores are in a range.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYSCORE` argument",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Double("min"),
				spec.Double("max"),
				spec.Word("withscores", "WITHSCORES").Added("2.0.0").Opt(),
				limitArg(),
			},
		}},
		{Do: doZrevrangebyscore, Weighs: true, Command: spec.Command{
			Name: "zrevrangebyscore", Arity: -4, Flags: spec.ReadOnly, Since: "2.2.0",
			Complex:         rangeCost,
			Summary:         "Returns the members of a sorted set whose scores are in a range, the highest first.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Double("max"),
				spec.Double("min"),
				spec.Word("withscores", "WITHSCORES").Opt(),
				limitArg(),
			},
		}},
		{Do: doZrangebylex, Weighs: true, Command: spec.Command{
			Name: "zrangebylex", Arity: -4, Flags: spec.ReadOnly, Since: "2.8.9",
			Complex:         rangeCost,
			Summary:         "Returns the members of a sorted set in a range of bytes, where all have one score.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYLEX` argument",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.String("min"),
				spec.String("max"),
				limitArg(),
			},
		}},
		{Do: doZrevrangebylex, Weighs: true, Command: spec.Command{
			Name: "zrevrangebylex", Arity: -4, Flags: spec.ReadOnly, Since: "2.8.9",
			Complex:         rangeCost,
			Summary:         "Returns the members of a sorted set in a range of bytes backwards, where all have one score.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
			Keys: spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.String("max"),
				spec.String("min"),
				limitArg(),
			},
		}},
	}
}

// An order is by what a range is given.
type order uint8

const (
	anyOrder order = iota // what the options say
	byRank
	byScore
	byLex
)

// A selection is a range of a sorted set.
type selection struct {
	by      order
	reverse bool
	free    bool // REV is an option
	scores  bool // WITHSCORES
	offset  int64
	limit   int64 // negative: none

	start, stop      int64 // by rank
	min, max         float64
	minOpen, maxOpen bool
	lo, hi           zset.LexBound
}

// options reads what follows the range; store: there is no WITHSCORES. false: an error
// was written.
func (s *selection) options(c *engine.Ctx, from int, store bool) bool {
	s.limit = -1
	for i := from; i < len(c.Args); i++ {
		w := c.Args[i]
		switch {
		case !store && spec.EqualFold(w, "withscores"):
			s.scores = true
		case spec.EqualFold(w, "limit") && len(c.Args)-i > 2:
			var ok bool
			if s.offset, ok = c.IntArg(c.Args[i+1]); !ok {
				return false
			}
			if s.limit, ok = c.IntArg(c.Args[i+2]); !ok {
				return false
			}
			i += 2
		case s.free && !s.reverse && spec.EqualFold(w, "rev"):
			s.reverse = true
		case s.by == anyOrder && spec.EqualFold(w, "bylex"):
			s.by = byLex
		case s.by == anyOrder && spec.EqualFold(w, "byscore"):
			s.by = byScore
		default:
			c.Err(resp.ErrSyntax)
			return false
		}
	}
	if s.by == anyOrder {
		s.by = byRank
	}
	switch {
	case s.limit != -1 && s.by == byRank:
		c.Err(resp.ErrRangeLimit)
	case s.scores && s.by == byLex:
		c.Err(resp.ErrRangeScores)
	default:
		return true
	}
	return false
}

// parse reads the ends of the range; false: an error was written.
func (s *selection) parse(c *engine.Ctx, first, last []byte) (ok bool) {
	if s.reverse && s.by != byRank {
		first, last = last, first
	}
	switch s.by {
	case byScore:
		if s.min, s.minOpen, ok = scoreBound(first); ok {
			s.max, s.maxOpen, ok = scoreBound(last)
		}
		if !ok {
			c.Err(resp.ErrMinMaxFloat)
		}
	case byLex:
		if s.lo, ok = lexBound(first); ok {
			s.hi, ok = lexBound(last)
		}
		if !ok {
			c.Err(resp.ErrMinMaxLex)
		}
	default:
		if s.start, ok = c.IntArg(first); ok {
			s.stop, ok = c.IntArg(last)
		}
	}
	return ok
}

// scoreBound reads a score, or "(" and a score that is left out itself.
func scoreBound(b []byte) (f float64, open, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		open, b = true, b[1:]
	}
	f, ok = decimal.ParseBound(b)
	return f, open, ok
}

// lexBound reads "-", "+", or "[" or "(" and a member.
func lexBound(b []byte) (l zset.LexBound, ok bool) {
	if len(b) == 0 {
		return l, false
	}
	alone := len(b) == 1 || b[1] == 0
	switch b[0] {
	case '-':
		l.Inf = -1
		return l, alone
	case '+':
		l.Inf = 1
		return l, alone
	case '(', '[':
		l.Member, l.Open = b[1:], b[0] == '('
		return l, true
	}
	return l, false
}

// in is the first rank of the selection in z, and how many there are from it on; LIMIT
// is taken from the other end if the range is reversed.
func (s *selection) in(z *zsetObject) (from, n int) {
	switch s.by {
	case byScore:
		from = z.Below(s.min, s.minOpen)
		n = z.Below(s.max, !s.maxOpen) - from
	case byLex:
		from, n = z.LexRange(&s.lo, &s.hi)
	default:
		return s.ranks(z.Len())
	}
	if n <= 0 || s.offset < 0 || s.offset >= int64(n) {
		return 0, 0
	}
	left := int64(n) - s.offset
	take := left
	if s.limit >= 0 {
		take = min(take, s.limit)
	}
	if s.reverse {
		return from + int(left-take), int(take)
	}
	return from + int(s.offset), int(take)
}

// ranks is in by rank.
func (s *selection) ranks(size int) (from, n int) {
	start, stop, length := s.start, s.stop, int64(size)
	if start < 0 {
		start = max(start+length, 0)
	}
	if stop < 0 {
		stop += length
	}
	if start > stop || start >= length {
		return 0, 0
	}
	stop = min(stop, length-1)
	if s.reverse {
		start, stop = length-1-stop, length-1-start
	}
	return int(start), int(stop - start + 1)
}

// reply replies with the selection of z, which may be nil.
func (s *selection) reply(c *engine.Ctx, z *zsetObject) {
	from, n := 0, 0
	if z != nil {
		from, n = s.in(z)
	}
	if s.reverse {
		from += n - 1
	}
	replyCount(c.W, n, s.scores)
	if n == 0 {
		return
	}
	c.Heavy(n * bytesPerMember)
	bytes := 0
	z.Walk(from, n, s.reverse, func(b []byte, score float64) bool {
		bytes += len(b)
		c.Heavy(bytes)
		if s.scores {
			replyPairHead(c.W)
			c.W.Bulk(b)
			c.W.Double(score)
		} else {
			c.W.Bulk(b)
		}
		return true
	})
}

func doZrange(c *engine.Ctx)           { selection{free: true}.show(c) }
func doZrevrange(c *engine.Ctx)        { selection{by: byRank, reverse: true}.show(c) }
func doZrangebyscore(c *engine.Ctx)    { selection{by: byScore}.show(c) }
func doZrevrangebyscore(c *engine.Ctx) { selection{by: byScore, reverse: true}.show(c) }
func doZrangebylex(c *engine.Ctx)      { selection{by: byLex}.show(c) }
func doZrevrangebylex(c *engine.Ctx)   { selection{by: byLex, reverse: true}.show(c) }

// show is ZRANGE and its kin.
func (s selection) show(c *engine.Ctx) {
	if !s.options(c, 4, false) || !s.parse(c, c.Args[2], c.Args[3]) {
		return
	}
	if z, ok := read(c, c.Args[1]); ok {
		s.reply(c, z)
	}
}

func doZrangestore(c *engine.Ctx) {
	s := selection{free: true}
	if !s.options(c, 5, true) || !s.parse(c, c.Args[3], c.Args[4]) {
		return
	}
	z, ok := read(c, c.Args[2])
	if !ok {
		return
	}
	out, lim := empty(c), limits(c)
	if z != nil {
		// In redis-server's order: a listpack has no -0, and what comes to one has lost it.
		from, n := s.in(z)
		if s.by == byRank && int64(n) > lim.Entries {
			out.Grow()
		}
		if s.reverse {
			from += n - 1
		}
		c.Heavy(n * bytesPerMember)
		z.Walk(from, n, s.reverse, func(b []byte, score float64) bool {
			out.Put(out.Find(b), b, score, lim)
			return true
		})
		if s.by == byLex && !oneScore(z) {
			storeSpelled(c, out)
			return
		}
	}
	store(c, out)
}
