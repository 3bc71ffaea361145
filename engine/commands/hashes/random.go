package hashes

import (
	"fmt"
	"math"

	"regent/engine"
	"regent/engine/listpack"
	"regent/engine/spec"
	"regent/resp"
)

func hashDraws() []engine.Command {
	return []engine.Command{
		{Do: doHrandfield, Command: spec.Command{
			Name: "hrandfield", Arity: -2, Flags: spec.ReadOnly,
			Since: "6.2.0", Complex: "O(N) in the number of fields returned",
			Summary: "Returns random fields of a hash.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Block("options", spec.Integer("count"), spec.Word("withvalues", "WITHVALUES").Opt()).Opt(),
			},
		}},
	}
}

const (
	// maxDraws bounds the fields that HRANDFIELD draws with repetition: a count
	// alone could ask for more than there is memory. Redis tries.
	maxDraws = 1 << 24
	// sparse is how many times a hash is larger than what is wanted of it at least
	// where fields are drawn one by one, and drawn again if they were drawn before.
	sparse = 3
)

func doHrandfield(c *engine.Ctx) {
	if len(c.Args) > 2 {
		if n, ok := drawCount(c); ok {
			drawMany(c, n, len(c.Args) == 4)
		}
		return
	}
	h, ok := readHash(c)
	switch {
	case !ok:
	case h == nil:
		c.W.Null()
	default:
		field, _ := h.Random(c.Rand)
		replyText(c.W, field)
	}
}

// drawCount reads the count and what may follow it; false: the error was written.
func drawCount(c *engine.Ctx) (n int64, ok bool) {
	if n, ok = c.IntArg(c.Args[2]); !ok {
		return 0, false
	}
	if n == math.MinInt64 {
		c.Err(fmt.Sprintf(resp.ErrBetween, int64(-math.MaxInt64), int64(math.MaxInt64)))
		return 0, false
	}
	if len(c.Args) == 3 {
		return n, true
	}
	if len(c.Args) > 4 || !spec.EqualFold(c.Args[3], "withvalues") {
		c.Err(resp.ErrSyntax)
		return 0, false
	}
	if n < -math.MaxInt64/2 || n > math.MaxInt64/2 {
		c.Err(resp.ErrOutOfRange)
		return 0, false
	}
	return n, true
}

// A drawing writes what was drawn.
type drawing struct {
	w      *resp.Writer
	values bool
}

// begin writes the head for n fields: pairs are arrays of their own in RESP3 alone.
func (d drawing) begin(n int) {
	if d.values && d.w.Proto() < 3 {
		n *= 2
	}
	d.w.Array(n)
}

func (d drawing) field(field, value listpack.Value) {
	if d.values && d.w.Proto() >= 3 {
		d.w.Array(2)
	}
	replyText(d.w, field)
	if d.values {
		replyText(d.w, value)
	}
}

// drawMany replies with n fields, or if n is negative with -n that may repeat
// themselves.
func drawMany(c *engine.Ctx, n int64, values bool) {
	h, ok := readHash(c)
	d := drawing{c.W, values}
	switch {
	case !ok:
	case h == nil || n == 0:
		c.W.Array(0)
	case n < -maxDraws:
		c.Err(resp.ErrOutOfRange)
	case n < 0:
		d.begin(int(-n))
		for ; n < 0 && !c.W.Overflowed(); n++ {
			d.field(h.Random(c.Rand))
		}
	case n >= int64(h.Len()):
		d.begin(h.Len())
		h.Each(func(field, value listpack.Value) bool { d.field(field, value); return !c.W.Overflowed() })
	case n > int64(h.Len())/sparse || !h.Hashed():
		d.part(c, h, int(n))
	default:
		d.few(c, h, int(n))
	}
}

// part chooses in one walk, each field with the chance that what is wanted has among
// what is left (Knuth, volume 2, algorithm 3.4.2 S).
func (d drawing) part(c *engine.Ctx, h *hashObject, n int) {
	d.begin(n)
	wanted, left := uint64(n), uint64(h.Len())
	h.Each(func(field, value listpack.Value) bool {
		if c.Rand()%left < wanted {
			d.field(field, value)
			wanted--
		}
		left--
		return wanted > 0
	})
}

// few draws until it has n different ones.
func (d drawing) few(c *engine.Ctx, h *hashObject, n int) {
	d.begin(n)
	drawn := make(map[string]struct{}, n)
	for len(drawn) < n {
		field, value := h.Random(c.Rand)
		if _, again := drawn[string(field.Str)]; !again {
			drawn[string(field.Str)] = struct{}{}
			d.field(field, value)
		}
	}
}
