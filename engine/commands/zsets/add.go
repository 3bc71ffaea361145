package zsets

import (
	"math"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

func additions() []engine.Command {
	return []engine.Command{
		{Do: doZadd, Member: 3, Score: 2, Command: spec.Command{
			Name: "zadd", Arity: -4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.2.0",
			Complex: "O(log(N)) for each member",
			Summary: "Adds members to a sorted set, or gives them other scores.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.OneOf("condition", spec.Word("nx", "NX"), spec.Word("xx", "XX")).Added("3.0.2").Opt(),
				spec.OneOf("comparison", spec.Word("gt", "GT"), spec.Word("lt", "LT")).Added("6.2.0").Opt(),
				spec.Word("change", "CH").Added("3.0.2").Opt(),
				spec.Word("increment", "INCR").Added("3.0.2").Opt(),
				spec.Block("score_member", spec.Double("score"), spec.String("member")).Many(),
			},
		}},
		{Do: doZincrby, Member: 3, Command: spec.Command{
			Name: "zincrby", Arity: 4, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "1.2.0",
			Complex: "O(log(N))",
			Summary: "Adds to the score of a member of a sorted set.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.Integer("increment"), spec.String("member")},
		}},
	}
}

// An addition is what ZADD and ZINCRBY are asked to do.
type addition struct {
	nx, xx, gt, lt bool
	ch, incr       bool
	words          [][]byte // score, member, score, member …; of GEOADD longitude, latitude, member
	each           int      // how many words belong to a member
	scores         []float64
	few            [fewScores]float64
}

// fewScores is for how many scores nothing is allocated.
const fewScores = 8

func doZadd(c *engine.Ctx) { add(c, false) }

// doZincrby reads its arguments as ZADD INCR does.
func doZincrby(c *engine.Ctx) { add(c, true) }

func add(c *engine.Ctx, incr bool) {
	a := addition{incr: incr, each: 2}
	if !a.options(c) {
		return
	}
	a.scores = a.few[:0]
	for i := 0; i < len(a.words); i += 2 {
		score, ok := decimal.ParseScore(a.words[i])
		if !ok {
			c.Err(resp.ErrNotFloat)
			return
		}
		a.scores = append(a.scores, score)
	}
	a.run(c)
}

// member is the one that the score i is for.
func (a *addition) member(i int) []byte { return a.words[a.each*(i+1)-1] }

// run carries out an addition whose scores are known.
func (a *addition) run(c *engine.Ctx) {
	key := c.Args[1]
	en, z, ok := engine.WriteObject[*zsetObject](c, key)
	if !ok {
		return
	}
	var t tally
	switch {
	case z != nil:
		t = a.change(c, en, z)
	case !a.xx:
		t = a.create(c, key)
	}
	if t.nan {
		c.Err(resp.ErrScoreNaN)
		return
	}
	if n := t.added + t.updated; n > 0 {
		if a.each == 2 {
			c.PropagateSelfN(n)
		} else {
			a.propagateScores(c, n)
		}
		c.Notify(engine.EventZset, a.event(), key)
	}
	switch {
	case a.incr && !t.met:
		c.W.Null()
	case a.incr:
		c.W.Double(t.score)
	case a.ch:
		c.W.Int(t.added + t.updated)
	default:
		c.W.Int(t.added)
	}
}

func (a *addition) event() string {
	if a.incr {
		return "zincr"
	}
	return "zadd"
}

// options reads what stands before the scores; false: an error was written.
func (a *addition) options(c *engine.Ctx) bool {
	rest := c.Args[2:]
	for ; len(rest) > 0; rest = rest[1:] {
		w := rest[0]
		if len(w) == 0 || w[0] <= '9' { // most begin with a digit
			break
		}
		if flag := a.flag(w); flag != nil {
			*flag = true
			continue
		}
		break
	}
	a.words = rest
	msg := ""
	switch {
	case len(rest)%2 != 0 || len(rest) == 0:
		msg = resp.ErrSyntax
	case a.nx && a.xx:
		msg = resp.ErrAddNXXX
	case a.gt && a.nx, a.lt && a.nx, a.gt && a.lt:
		msg = resp.ErrAddGTLT
	case a.incr && len(rest) > 2:
		msg = resp.ErrAddIncr
	default:
		return true
	}
	c.Err(msg)
	return false
}

// flag is the option that w names, nil if it is none.
func (a *addition) flag(w []byte) *bool {
	switch {
	case spec.EqualFold(w, "nx"):
		return &a.nx
	case spec.EqualFold(w, "xx"):
		return &a.xx
	case spec.EqualFold(w, "gt"):
		return &a.gt
	case spec.EqualFold(w, "lt"):
		return &a.lt
	case spec.EqualFold(w, "ch"):
		return &a.ch
	case spec.EqualFold(w, "incr"):
		return &a.incr
	}
	return nil
}

// A tally is what has come of an addition.
type tally struct {
	added, updated int64
	nan            bool
	met            bool    // the last pair's condition was met
	score          float64 // and its score is this one
}

// decide is the score that a member gets which has the score old, or with fresh is not
// there; false: it is left alone.
func (a *addition) decide(t *tally, score, old float64, fresh bool) (float64, bool) {
	t.met = false
	if fresh {
		if a.xx {
			return 0, false
		}
		t.met, t.score = true, score
		t.added++
		return score, true
	}
	if a.nx {
		return 0, false
	}
	if a.incr {
		if score += old; math.IsNaN(score) {
			t.nan = true
			return 0, false
		}
	}
	if a.lt && score >= old || a.gt && score <= old {
		return 0, false
	}
	t.met, t.score = true, score
	if score == old {
		return 0, false
	}
	t.updated++
	return score, true
}

// change carries out an addition to z, which is at en.
func (a *addition) change(c *engine.Ctx, en engine.Entry, z *zsetObject) (t tally) {
	lim := limits(c)
	if len(a.scores) == 1 {
		b := a.member(0)
		at := z.Find(b)
		if score, ok := a.decide(&t, a.scores[0], at.Score, !at.OK); ok {
			en = c.Grow(en, z, z.Growth(at, b, score))
			z.Put(at, b, score, lim)
			c.Changed(c.Args[1], en, z)
		}
		return t
	}
	if t = a.wouldBe(z); t.added+t.updated == 0 {
		return t // the key counts as unchanged
	}
	n := 0
	t = tally{}
	if z.IsSmall() {
		for i, score := range a.scores {
			b := a.member(i)
			n += z.Growth(z.Find(b), b, score)
		}
	}
	en = c.Grow(en, z, n)
	a.putAll(c, z, &t)
	c.Changed(c.Args[1], en, z)
	return t
}

// wouldBe is what an addition comes to, as far as its first change.
func (a *addition) wouldBe(z *zsetObject) (t tally) {
	for i, score := range a.scores {
		at := z.Find(a.member(i))
		if _, ok := a.decide(&t, score, at.Score, !at.OK); ok {
			break
		}
	}
	return t
}

// create carries out an addition where there is nothing.
func (a *addition) create(c *engine.Ctx, key []byte) (t tally) {
	z := engine.Fresh[*zsetObject](c, engine.FormZset)
	a.putAll(c, z, &t)
	c.PutObject(key, z)
	return t
}

func (a *addition) putAll(c *engine.Ctx, z *zsetObject, t *tally) {
	lim := limits(c)
	for i := range a.scores {
		b := a.member(i)
		at := z.Find(b)
		if score, ok := a.decide(t, a.scores[i], at.Score, !at.OK); ok {
			z.Put(at, b, score, lim)
		}
	}
}
