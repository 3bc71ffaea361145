package engine

import (
	"slices"

	"regent/engine/large"
	"regent/resp"
)

// Large arguments are not copied into a command's effects: 200 MB would take 200 MB
// more there, and again in the log. The log writes them from where they are, which is
// the connection's input, and the connection asks for them back (TakeBack) before that
// changes. A connection that does not promise to (Session.Lends) has them copied.

// anyLarge reports whether one of args is.
func anyLarge(args [][]byte) bool {
	for _, a := range args {
		if len(a) >= large.Least {
			return true
		}
	}
	return false
}

// lend adds a record's bytes to the effects, without those large arguments that are
// the command's own. Others may be a value's, which changes with the next command.
func (c *Ctx) lend(args [][]byte) {
	eff := &c.eff
	eff.Buf = resp.AppendArray(eff.Buf, len(args))
	for _, a := range args {
		own := c.received(a)
		if own < 0 {
			eff.Buf = resp.AppendBulk(eff.Buf, a)
			continue
		}
		eff.Buf = resp.AppendBulkHead(eff.Buf, len(a))
		eff.Lent = append(eff.Lent, Lent{At: len(eff.Buf), Bytes: c.Args[own]})
		eff.Buf = append(eff.Buf, '\r', '\n')
	}
}

// received is which of the command's large arguments a is, -1: none. It is found by
// where it lies; that a itself is not kept saves every caller an allocation.
func (c *Ctx) received(a []byte) int {
	if len(a) < large.Least {
		return -1
	}
	return slices.IndexFunc(c.Args, func(own []byte) bool { return len(own) == len(a) && &own[0] == &a[0] })
}

// TakeBack returns when nobody needs the memory of the session's arguments any more.
// It may write them to the log's file.
func (e *Engine) TakeBack(s *Session) {
	if s.lent > 0 {
		if log := e.log(); log != nil { // one that has ended has given everything back
			log.Return(s.lent)
		}
		s.lent = 0
		if s.ctx != nil {
			s.ctx.Args = nil
		}
	}
}

// Lent reports whether somebody may still need it.
func (s *Session) Lent() bool { return s.lent > 0 }
