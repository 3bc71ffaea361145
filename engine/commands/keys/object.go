package keys

import (
	"math"

	"regent/engine"
	"regent/engine/dict"
	"regent/engine/spec"
	"regent/resp"
)

func objectCommands() []engine.Command {
	return []engine.Command{
		{Help: resp.HelpObject, Command: spec.Command{
			Name: "object", Arity: -2, Since: "2.2.3", Complex: "See the subcommands.",
			Summary: "Looks at how a value is held.",
		}, Subs: []engine.Command{
			{Do: doObjectIdletime, Command: spec.Command{
				Name: "idletime", Arity: 3, Flags: spec.ReadOnly, Since: "2.2.3", Complex: "O(1)",
				Summary: "Returns the seconds since the last access to a key.",
				Tips:    []string{"nondeterministic_output"},
				Keys:    spec.Keys{spec.One(2, spec.KeyRO)},
				Args:    spec.Args{spec.Key("key", 0)},
			}},
			engine.HelpCommand(spec.Loading|spec.Stale, "6.2.0"),
			{Do: doObjectFreq, Command: spec.Command{
				Name: "freq", Arity: 3, Flags: spec.ReadOnly, Since: "4.0.0", Complex: "O(1)",
				Summary: "Returns how often a key is accessed, on a logarithmic scale.",
				Tips:    []string{"nondeterministic_output"},
				Keys:    spec.Keys{spec.One(2, spec.KeyRO)},
				Args:    spec.Args{spec.Key("key", 0)},
			}},
			{Do: doObjectEncoding, Command: spec.Command{
				Name: "encoding", Arity: 3, Flags: spec.ReadOnly, Since: "2.2.3", Complex: "O(1)",
				Summary: "Returns the encoding of the value at a key.",
				Tips:    []string{"nondeterministic_output"},
				Keys:    spec.Keys{spec.One(2, spec.KeyRO)},
				Args:    spec.Args{spec.Key("key", 0)},
			}},
			{Do: doObjectRefcount, Command: spec.Command{
				Name: "refcount", Arity: 3, Flags: spec.ReadOnly, Since: "2.2.3", Complex: "O(1)",
				Summary: "Returns the number of references to the value at a key.",
				Tips:    []string{"nondeterministic_output"},
				Keys:    spec.Keys{spec.One(2, spec.KeyRO)},
				Args:    spec.Args{spec.Key("key", 0)},
			}},
		}},
	}
}

// sharedIntegers is below which non-negative integers Redis shares one object
// among all keys, which OBJECT REFCOUNT shows as the largest int.
const sharedIntegers = 10000

// lookObject finds the key of an OBJECT subcommand; not OK: null was replied.
func lookObject(c *engine.Ctx) engine.Entry {
	en := c.Inspect(c.Args[2])
	if !en.OK() {
		c.W.Null()
	}
	return en
}

func doObjectEncoding(c *engine.Ctx) {
	if en := lookObject(c); en.OK() {
		c.W.BulkString(engine.EncodingName(en.Value()))
	}
}

// doObjectRefcount shows Redis's shared integers. Where keys are evicted by their use it
// shares none: each has its own.
func doObjectRefcount(c *engine.Ctx) {
	en := lookObject(c)
	if !en.OK() {
		return
	}
	if v := en.Value(); v.Kind == dict.Int && v.Int >= 0 && v.Int < sharedIntegers && !c.EvictsByUse() {
		c.W.Int(math.MaxInt32)
		return
	}
	c.W.Int(1)
}

func doObjectIdletime(c *engine.Ctx) {
	en := lookObject(c)
	switch {
	case !en.OK():
	case c.CountsUse():
		c.Err(resp.ErrLFU)
	default:
		c.W.Int(c.IdleSeconds(en))
	}
}

func doObjectFreq(c *engine.Ctx) {
	en := lookObject(c)
	switch {
	case !en.OK():
	case !c.CountsUse():
		c.Err(resp.ErrNoLFU)
	default:
		c.W.Int(c.UseCount(en))
	}
}
