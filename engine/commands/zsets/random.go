package zsets

import (
	"fmt"
	"math"
	"math/bits"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

func draws() []engine.Command {
	return []engine.Command{
		{Do: doZrandmember, Command: spec.Command{
			Name: "zrandmember", Arity: -2, Flags: spec.ReadOnly, Since: "6.2.0",
			Complex: "O(log(N)) for each member, at most O(N)",
			Summary: "Returns random members of a sorted set.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Block("options", spec.Integer("count"), spec.Word("withscores", "WITHSCORES").Opt()).Opt(),
			},
		}},
	}
}

const (
	// maxDraws bounds the members that are drawn with repetition: a count alone could
	// ask for more than there is memory. Redis tries.
	maxDraws = 1 << 24
	// sparse is how many times a set is larger than what is wanted of it at least where
	// members are drawn one by one, and drawn again if they were drawn before.
	sparse = 3
)

func doZrandmember(c *engine.Ctx) {
	if len(c.Args) == 2 {
		z, ok := read(c, c.Args[1])
		switch {
		case !ok:
		case z == nil:
			c.W.Null()
		default:
			replyAt(c, z, below(c.Rand(), z.Len()), false)
		}
		return
	}
	n, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	scores := len(c.Args) == 4
	switch {
	case n == math.MinInt64:
		c.Err(fmt.Sprintf(resp.ErrBetween, int64(-math.MaxInt64), int64(math.MaxInt64)))
		return
	case len(c.Args) > 4, scores && !spec.EqualFold(c.Args[3], "withscores"):
		c.Err(resp.ErrSyntax)
		return
	case scores && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		c.Err(resp.ErrOutOfRange)
		return
	}
	if z, ok := read(c, c.Args[1]); ok {
		drawMany(c, z, n, scores)
	}
}

// below makes 64 random bits a number below n.
func below(random uint64, n int) int {
	high, _ := bits.Mul64(random, uint64(n))
	return int(high)
}

// replyAt replies with the member of a rank, and with its score if asked for.
func replyAt(c *engine.Ctx, z *zsetObject, r int, scores bool) {
	z.Walk(r, 1, false, func(b []byte, score float64) bool {
		if scores {
			replyPairHead(c.W)
		}
		c.W.Bulk(b)
		if scores {
			c.W.Double(score)
		}
		return true
	})
}

// drawMany replies with n members, or if n is negative with -n that may repeat
// themselves.
func drawMany(c *engine.Ctx, z *zsetObject, n int64, scores bool) {
	switch {
	case z == nil || n == 0:
		c.W.Array(0)
	case n < -maxDraws:
		c.Err(resp.ErrOutOfRange)
	case n < 0:
		replyCount(c.W, int(-n), scores)
		for i := n; i < 0 && !c.W.Overflowed(); i++ {
			replyAt(c, z, below(c.Rand(), z.Len()), scores)
		}
	case n >= int64(z.Len()):
		(&selection{by: byRank, stop: -1, scores: scores}).reply(c, z)
	case n > int64(z.Len())/sparse:
		drawPart(c, z, int(n), scores)
	default:
		replyCount(c.W, int(n), scores)
		for drawn := map[int]bool{}; len(drawn) < int(n); {
			if r := below(c.Rand(), z.Len()); !drawn[r] {
				drawn[r] = true
				replyAt(c, z, r, scores)
			}
		}
	}
}

// drawPart chooses in one walk, each member with the chance that what is wanted has
// among what is left (Knuth, volume 2, algorithm 3.4.2 S).
func drawPart(c *engine.Ctx, z *zsetObject, n int, scores bool) {
	replyCount(c.W, n, scores)
	wanted, left := n, z.Len()
	z.Each(func(b []byte, score float64) bool {
		if below(c.Rand(), left) < wanted {
			if scores {
				replyPairHead(c.W)
			}
			c.W.Bulk(b)
			if scores {
				c.W.Double(score)
			}
			wanted--
		}
		left--
		return wanted > 0
	})
}
