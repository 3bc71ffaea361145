package engine

import (
	"math"

	"regent/engine/dict"
	"regent/resp"
)

func objectCommands() []Command {
	return []Command{
		{
			Name: "object", Arity: -2, Group: GroupGeneric, Since: "2.2.3", Complex: "See the subcommands.",
			Summary: "Looks at how a value is held.",
			Subs: []Command{
				{
					Name: "idletime", Arity: 3, Flags: ReadOnly, Cats: CatKeyspace, Since: "2.2.3", Complex: "O(1)",
					Summary: "Returns the seconds since the last access to a key.",
					Tips:    []string{"nondeterministic_output"},
					Keys:    []KeySpec{One(2, KeyRO)},
					Args:    []Arg{argKey("key", 0)},
					Do:      doObjectIdletime,
				},
				helpCommand(Loading|Stale, CatKeyspace, "6.2.0"),
				{
					Name: "freq", Arity: 3, Flags: ReadOnly, Cats: CatKeyspace, Since: "4.0.0", Complex: "O(1)",
					Summary: "Returns how often a key is accessed, on a logarithmic scale.",
					Tips:    []string{"nondeterministic_output"},
					Keys:    []KeySpec{One(2, KeyRO)},
					Args:    []Arg{argKey("key", 0)},
					Do:      doObjectFreq,
				},
				{
					Name: "encoding", Arity: 3, Flags: ReadOnly, Cats: CatKeyspace, Since: "2.2.3", Complex: "O(1)",
					Summary: "Returns the encoding of the value at a key.",
					Tips:    []string{"nondeterministic_output"},
					Keys:    []KeySpec{One(2, KeyRO)},
					Args:    []Arg{argKey("key", 0)},
					Do:      doObjectEncoding,
				},
				{
					Name: "refcount", Arity: 3, Flags: ReadOnly, Cats: CatKeyspace, Since: "2.2.3", Complex: "O(1)",
					Summary: "Returns the number of references to the value at a key.",
					Tips:    []string{"nondeterministic_output"},
					Keys:    []KeySpec{One(2, KeyRO)},
					Args:    []Arg{argKey("key", 0)},
					Do:      doObjectRefcount,
				},
			},
		},
	}
}

// sharedIntegers is below which non-negative integers Redis shares one object
// among all keys, which OBJECT REFCOUNT shows as the largest int.
const sharedIntegers = 10000

// lookObject finds the key of an OBJECT subcommand; not OK: null was replied.
func (c *Ctx) lookObject() Entry {
	en := c.Look(c.Args[2])
	if !en.OK() {
		c.W.Null()
	}
	return en
}

func doObjectEncoding(c *Ctx) {
	if en := c.lookObject(); en.OK() {
		c.W.BulkString(encodingName(en.Value()))
	}
}

// encodingName is what OBJECT ENCODING answers for v.
func encodingName(v dict.Value) string {
	switch v.Kind {
	case dict.Int:
		return "int"
	case dict.Embstr:
		return "embstr"
	case dict.Raw:
		return "raw"
	}
	return v.Obj.(Object).Encoding()
}

func doObjectRefcount(c *Ctx) {
	en := c.lookObject()
	if !en.OK() {
		return
	}
	if v := en.Value(); v.Kind == dict.Int && v.Int >= 0 && v.Int < sharedIntegers {
		c.W.Int(math.MaxInt32)
		return
	}
	c.W.Int(1)
}

func doObjectIdletime(c *Ctx) {
	en := c.lookObject()
	switch {
	case !en.OK():
	case c.E.usesLFU():
		c.Err(resp.ErrLFU)
	default:
		c.W.Int(idleSeconds(en.D.Access(en.Ref), c.Now))
	}
}

func doObjectFreq(c *Ctx) {
	en := c.lookObject()
	switch {
	case !en.OK():
	case !c.E.usesLFU():
		c.Err(resp.ErrNoLFU)
	default:
		c.W.Int(int64(c.E.lfuDecayed(en.D.Access(en.Ref), c.Now)))
	}
}
