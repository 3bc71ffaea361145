package lists

import (
	"fmt"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

func listPops() []engine.Command {
	args := spec.Args{spec.Key("key", 0), spec.Integer("count").Added("6.2.0").Opt()}
	return []engine.Command{
		{Do: func(c *engine.Ctx) { popEnd(c, left) }, Command: spec.Command{
			Name: "lpop", Arity: -2, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(N) in the number of elements returned",
			Summary: "Takes elements from the head of a list.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    args,
		}},
		{Do: func(c *engine.Ctx) { popEnd(c, right) }, Command: spec.Command{
			Name: "rpop", Arity: -2, Flags: spec.Write | spec.Fast, Since: "1.0.0", Complex: "O(N) in the number of elements returned",
			Summary: "Takes elements from the tail of a list.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    args,
		}},
		{Do: doLmpop, Sized: true, Command: spec.Command{
			Name: "lmpop", Arity: -4, Flags: spec.Write, Since: "7.0.0",
			Complex: "O(N+M) in the number of keys and of the elements returned",
			Summary: "Takes elements from an end of the first of several lists that is there.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete)},
			Args:    multiPopArgs(),
		}},
	}
}

func multiPopArgs() spec.Args {
	return spec.Args{
		spec.Integer("numkeys"), spec.Key("key", 0).Many(), sideChoice("where"),
		spec.Integer("count").With("COUNT").Opt(),
	}
}

// popEnd is LPOP and RPOP.
func popEnd(c *engine.Ctx, s side) {
	key, count, counted := c.Args[1], int64(1), len(c.Args) > 2
	switch {
	case len(c.Args) > 3:
		c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.FullName()))
		return
	case counted:
		var ok bool
		if count, ok = decimal.Parse(c.Args[2]); !ok || count < 0 {
			c.Err(resp.ErrMustBePositive)
			return
		}
	}
	en, l, ok := engine.WriteObject[*listObject](c, key)
	switch {
	case !ok:
		return
	case l == nil && counted:
		c.W.NullArray()
		return
	case l == nil:
		c.W.Null()
		return
	}
	n := int(min(count, int64(l.Len())))
	if counted {
		c.W.Array(n)
	}
	if n == 0 {
		return
	}
	take(c, key, en, l, s, n)
	c.PropagateSelfN(int64(n))
}

// take replies with the n elements at an end of l, one at least, and removes them.
func take(c *engine.Ctx, key []byte, en engine.Entry, l *listObject, s side, n int) {
	if n == 1 {
		replyElement(c.W, l.outer(s))
	} else {
		l.replyEnd(c.W, s, n)
	}
	c.Heavy(n * bytesPerElement)
	c.Changing(en)
	l.drop(s, n)
	gone := c.Changed(key, en, l)
	c.Notify(engine.EventList, s.popEvent(), key)
	c.NotifyGone(key, gone)
}

// replyEnd replies with the n elements at an end.
func (l *listObject) replyEnd(w *resp.Writer, s side, n int) {
	at := l.end(s)
	for range n {
		replyElement(w, at.Value())
		s.step(&at)
	}
}

// A pop is what LMPOP and the blocking pops take from one of several keys.
type pop struct {
	side  side
	count int64 // at most so many; 0: one, and the reply shows no array of it
}

// from takes from the list l at key, replies with key and elements, and
// propagates the plain pop.
func (p pop) from(c *engine.Ctx, key []byte, en engine.Entry, l *listObject) {
	c.W.Array(2)
	c.W.Bulk(key)
	if p.count == 0 {
		take(c, key, en, l, p.side, 1)
		c.Propagate([]byte(p.side.popName()), key)
		return
	}
	n := int(min(p.count, int64(l.Len())))
	c.W.Array(n)
	take(c, key, en, l, p.side, n)
	c.PropagateN(int64(n), []byte(p.side.popName()), key, strconv.AppendInt(nil, int64(n), 10))
}

// first takes from the first of the keys that is there; false: there is none, and
// nothing was written.
func (p pop) first(c *engine.Ctx, keys [][]byte) bool {
	return engine.FirstOf(c, keys, func(key []byte, en engine.Entry, l *listObject) { p.from(c, key, en, l) })
}

func doLmpop(c *engine.Ctx) {
	keys, p, ok := multiPop(c, 1)
	if ok && !p.first(c, keys) {
		c.W.NullArray()
	}
}

// multiPop reads the arguments of LMPOP and BLMPOP from numkeys on; false: an
// error was written.
func multiPop(c *engine.Ctx, at int) (keys [][]byte, p pop, ok bool) {
	keys, p.count, ok = c.PopArgs(at, func(word []byte) (ok bool) {
		p.side, ok = sideArg(c, word)
		return ok
	})
	return keys, p, ok
}
