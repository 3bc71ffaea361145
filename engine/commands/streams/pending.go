package streams

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func pendings() []engine.Command {
	return []engine.Command{
		{Do: doXack, Command: spec.Command{
			Name: "xack", Arity: -4, Flags: spec.Write | spec.Fast, Since: "5.0.0",
			Complex: "O(1) for each entry",
			Summary: "Acknowledges entries that are pending in a group.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("group"), spec.String("id").Many()},
		}},
		{Do: doXpending, Command: spec.Command{
			Name: "xpending", Arity: -3, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the entries returned, or in the consumers",
			Summary: "Returns what is pending in a group.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key", 0), spec.String("group"),
				spec.Block("filters",
					spec.Integer("min-idle-time").With("IDLE").Added("6.2.0").Opt(),
					spec.String("start"), spec.String("end"), spec.Integer("count"), spec.String("consumer").Opt(),
				).Opt(),
			},
		}},
	}
}

func doXack(c *engine.Ctx) {
	key, group := c.Args[1], c.Args[2]
	en, s, ok := find(c, key)
	if !ok {
		return
	}
	if s != nil {
		_, ok = s.Group(group)
	}
	if s == nil || !ok {
		c.W.Int(0)
		return
	}
	ids, ok := strictIDs(c, c.Args[3:])
	if !ok {
		return
	}
	c.Changing(en)
	g, _ := s.EditGroup(group)
	n := int64(0)
	for _, id := range ids {
		if g.Take(id) {
			n++
		}
	}
	c.W.Int(n)
	c.Settled(key, en, s)
	if n > 0 {
		c.PropagateSelfN(n)
	}
}

// A pendingRange is what the longer form of XPENDING asks for.
type pendingRange struct {
	minIdle  int64
	from, to stream.ID
	count    int64
	consumer []byte // nil: any
}

// parse reads the arguments from the third on; false: the error was written.
func (p *pendingRange) parse(c *engine.Ctx) (ok bool) {
	at := 3
	if spec.EqualFold(c.Args[3], "idle") {
		if p.minIdle, ok = c.IntArg(c.Args[4]); !ok {
			return false
		}
		if len(c.Args) < 8 {
			c.Err(resp.ErrSyntax)
			return false
		}
		at += 2
	}
	if p.count, ok = c.IntArg(c.Args[at+2]); !ok {
		return false
	}
	if p.from, ok = startArg(c, c.Args[at]); !ok {
		return false
	}
	if p.to, ok = endArg(c, c.Args[at+1]); !ok {
		return false
	}
	if at+3 < len(c.Args) {
		p.consumer = c.Args[at+3]
	}
	return true
}

func doXpending(c *engine.Ctx) {
	n := len(c.Args)
	if n != 3 && (n < 6 || n > 9) {
		c.Err(resp.ErrSyntax)
		return
	}
	var p pendingRange
	if n > 3 && !p.parse(c) {
		return
	}
	s, ok := read(c, c.Args[1])
	if !ok || !hasGroup(c, s, c.Args[1], c.Args[2]) {
		return
	}
	g, _ := s.Group(c.Args[2])
	if n == 3 {
		replyPendingSum(c, g)
		return
	}
	p.reply(c, g)
}

// replyPendingSum replies with how much is pending, and at which consumers.
func replyPendingSum(c *engine.Ctx, g stream.Group) {
	c.W.Array(4)
	c.W.Int(int64(g.PendingCount()))
	if g.PendingCount() == 0 {
		c.W.Null()
		c.W.Null()
		c.W.NullArray()
		return
	}
	w := g.PendingFrom(stream.ID{}, nil)
	w.Next()
	replyID(c, w.ID)
	replyID(c, g.LastPending())
	mark, n := c.W.Mark(), 0
	g.Consumers(func(consumer *stream.Consumer, _ int64, pending int) bool {
		if pending > 0 {
			c.W.Array(2)
			c.W.BulkString(consumer.Name())
			c.W.BulkInt(int64(pending))
			n++
		}
		return true
	})
	c.W.ArrayAt(mark, n)
}

// reply replies with the pending entries of the range.
func (p *pendingRange) reply(c *engine.Ctx, g stream.Group) {
	var consumer *stream.Consumer
	if p.consumer != nil {
		if consumer = g.Consumer(p.consumer); consumer == nil {
			c.W.Array(0)
			return
		}
	}
	mark, n := c.W.Mark(), int64(0)
	for w := g.PendingFrom(p.from, consumer); n < p.count && w.Next() && !p.to.Less(w.ID); {
		if p.minIdle != 0 && c.Now-w.Time < p.minIdle {
			continue
		}
		c.W.Array(4)
		replyID(c, w.ID)
		c.W.BulkString(w.Consumer.Name())
		c.W.Int(max(c.Now-w.Time, 0))
		c.W.Int(w.Count)
		n++
	}
	c.W.ArrayAt(mark, int(n))
}
