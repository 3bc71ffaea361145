package lists

import (
	"bytes"

	"regent/engine"
	"regent/engine/listpack"
	"regent/engine/spec"
)

func listMoves() []engine.Command {
	return []engine.Command{
		{Do: doLmove, Sized: true, Command: spec.Command{
			Name: "lmove", Arity: 5, Flags: spec.Write | spec.DenyOOM, Since: "6.2.0", Complex: "O(1)",
			Summary: "Moves an element from an end of one list to an end of another, and returns it.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args:    moveArgs(),
		}},
		{Sized: true, Command: spec.Command{
			Name: "rpoplpush", Arity: 3, Flags: spec.Write | spec.DenyOOM, Since: "1.2.0", Complex: "O(1)",
			Summary:         "Moves an element from the tail of one list to the head of another, and returns it.",
			DeprecatedSince: "6.2.0", ReplacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
			Keys: spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyDelete), spec.One(2, spec.KeyRW|spec.KeyInsert)},
			Args: spec.Args{spec.Key("source", 0), spec.Key("destination", 1)},
		}, Do: func(c *engine.Ctx) {
			if m := (listMove{src: c.Args[1], dst: c.Args[2], from: right, to: left, old: true}); !m.try(c) {
				c.W.Null()
			}
		}},
	}
}

func moveArgs() spec.Args {
	return spec.Args{spec.Key("source", 0), spec.Key("destination", 1), sideChoice("wherefrom"), sideChoice("whereto")}
}

func doLmove(c *engine.Ctx) {
	if m, ok := moveArg(c); ok && !m.try(c) {
		c.W.Null()
	}
}

// A listMove is one element's way from list to list.
type listMove struct {
	src, dst []byte
	from, to side
	old      bool // in the log it is RPOPLPUSH
	// words are the sides as they were given: so they stand in the log. nil: a
	// blocked client's, for which Redis writes words of its own.
	words [][]byte
}

// moveArg reads LMOVE's and BLMOVE's; false: an error was written.
func moveArg(c *engine.Ctx) (m listMove, ok bool) {
	m = listMove{src: c.Args[1], dst: c.Args[2]}
	if m.from, ok = sideArg(c, c.Args[3]); !ok {
		return m, false
	}
	m.to, ok = sideArg(c, c.Args[4])
	m.words = c.Args[3:5]
	return m, ok
}

// try moves an element and replies with it, or with an error; false: there is no
// source, and nothing was written.
func (m listMove) try(c *engine.Ctx) bool {
	en, l, ok := engine.WriteObject[*listObject](c, m.src)
	if !ok {
		return true
	}
	if l == nil {
		return false
	}
	if bytes.Equal(m.src, m.dst) {
		m.rotate(c, en, l)
		return true
	}
	to, into, ok := engine.WriteObject[*listObject](c, m.dst)
	if !ok {
		return true
	}
	at := l.end(m.from)
	text := at.Value().AppendText(nil)
	pushTo(c, m.dst, to, into, m.to, text)
	c.Notify(engine.EventList, m.to.pushEvent(), m.dst)
	// The destination's change may have moved entries: what was shown of the source is stale.
	en = c.Peek(m.src)
	l, _ = engine.ObjectOf[*listObject](c, en)
	c.Changing(en)
	l.drop(m.from, 1)
	gone := c.Changed(m.src, en, l)
	c.Notify(engine.EventList, m.from.popEvent(), m.src)
	c.NotifyGone(m.src, gone)
	m.done(c, text)
	return true
}

// rotate is try within one list.
func (m listMove) rotate(c *engine.Ctx, en engine.Entry, l *listObject) {
	at := l.end(m.from)
	text := at.Value().AppendText(nil)
	e := listpack.ElementOf(text)
	c.Changing(en)
	l.drop(m.from, 1)
	l.push(m.to, &e, fill(c))
	c.Changed(m.src, en, l)
	c.Notify(engine.EventList, m.to.pushEvent(), m.dst)
	c.Notify(engine.EventList, m.from.popEvent(), m.src)
	m.done(c, text)
}

func (m listMove) done(c *engine.Ctx, text []byte) {
	c.W.Bulk(text)
	switch {
	case m.old:
		c.Propagate([]byte("RPOPLPUSH"), m.src, m.dst)
	case m.words == nil:
		c.Propagate([]byte("LMOVE"), m.src, m.dst, []byte(m.from.word()), []byte(m.to.word()))
	default:
		c.Propagate([]byte("LMOVE"), m.src, m.dst, m.words[0], m.words[1])
	}
}
