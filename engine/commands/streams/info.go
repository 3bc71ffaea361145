package streams

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func infos() []engine.Command {
	return []engine.Command{{Help: resp.HelpXinfo, Command: spec.Command{
		Name: "xinfo", Arity: -2, Since: "5.0.0", Complex: "See the subcommands.",
		Summary: "Tells what is in streams and groups.",
	}, Subs: []engine.Command{
		{Do: doInfoStream, Command: spec.Command{
			Name: "stream", Arity: -3, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the nodes of the stream",
			Summary: "Tells what is in a stream.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.Block("full", spec.Integer("count").With("COUNT").Opt()).With("FULL").Opt()},
		}},
		{Do: doInfoGroups, Command: spec.Command{
			Name: "groups", Arity: 3, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the groups",
			Summary: "Lists the groups of a stream.",
			Keys:    spec.Keys{spec.One(2, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0)},
		}},
		engine.HelpCommand(spec.Loading|spec.Stale, "5.0.0"),
		{Do: doInfoConsumers, Command: spec.Command{
			Name: "consumers", Arity: 4, Flags: spec.ReadOnly, Since: "5.0.0",
			Complex: "O(N) in the consumers",
			Summary: "Lists the consumers of a group.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(2, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("groupname")},
		}},
	}}}
}

// look finds the stream of an XINFO command; false: the error was written.
func look(c *engine.Ctx) (*streamObject, bool) {
	s, ok := read(c, c.Args[2])
	if ok && s == nil {
		c.Err(resp.ErrNoSuchKey)
	}
	return s, ok && s != nil
}

// A field of a reply that is a map.
func number(c *engine.Ctx, name string, n int64) {
	c.W.BulkString(name)
	c.W.Int(n)
}

func named(c *engine.Ctx, name string, id stream.ID) {
	c.W.BulkString(name)
	replyID(c, id)
}

// known is number for what may not be known.
func known(c *engine.Ctx, name string, n int64, ok bool) {
	c.W.BulkString(name)
	if !ok {
		c.W.Null()
		return
	}
	c.W.Int(n)
}

func doInfoStream(c *engine.Ctx) {
	s, ok := look(c)
	if !ok {
		return
	}
	full, count := len(c.Args) > 3, int64(10)
	if full {
		opts := c.Args[3:]
		if len(opts) != 1 && len(opts) != 3 || !spec.EqualFold(opts[0], "full") || len(opts) == 3 && !spec.EqualFold(opts[1], "count") {
			subSyntax(c)
			return
		}
		if len(opts) == 3 {
			if count, ok = c.IntArg(opts[2]); !ok {
				return
			}
			if count < 0 {
				count = 10
			}
		}
	}
	c.W.Map(map[bool]int{false: 10, true: 9}[full])
	number(c, "length", int64(s.Stream.Len()))
	number(c, "radix-tree-keys", int64(s.Nodes()))
	number(c, "radix-tree-nodes", int64(s.TreeNodes()))
	named(c, "last-generated-id", s.Last)
	named(c, "max-deleted-entry-id", s.MaxDeleted)
	number(c, "entries-added", int64(s.Added))
	named(c, "recorded-first-entry-id", s.First)
	if full {
		c.W.BulkString("entries")
		replyRange(c, s.Walk(stream.ID{}, stream.MaxID(), false), count)
		replyGroups(c, s, count)
		return
	}
	number(c, "groups", int64(s.GroupCount()))
	for _, end := range []string{"first-entry", "last-entry"} {
		c.W.BulkString(end)
		w := s.Walk(stream.ID{}, stream.MaxID(), end == "last-entry")
		if w.Next() {
			replyEntry(c, &w)
		} else {
			c.W.Null()
		}
	}
}

// replyGroups is the part of XINFO STREAM FULL about groups.
func replyGroups(c *engine.Ctx, s *streamObject, count int64) {
	c.W.BulkString("groups")
	c.W.Array(s.GroupCount())
	s.Groups(func(g stream.Group) bool {
		c.W.Map(7)
		c.W.BulkString("name")
		c.W.BulkString(g.Name())
		named(c, "last-delivered-id", g.Last())
		known(c, "entries-read", g.Read(), g.Read() != stream.NotRead)
		lag, ok := g.Lag()
		known(c, "lag", lag, ok)
		number(c, "pel-count", int64(g.PendingCount()))
		c.W.BulkString("pending")
		replyPending(c, g, nil, count)
		c.W.BulkString("consumers")
		c.W.Array(g.ConsumerCount())
		g.Consumers(func(consumer *stream.Consumer, seen int64, pending int) bool {
			c.W.Map(4)
			c.W.BulkString("name")
			c.W.BulkString(consumer.Name())
			number(c, "seen-time", seen)
			number(c, "pel-count", int64(pending))
			c.W.BulkString("pending")
			replyPending(c, g, consumer, count)
			return true
		})
		return true
	})
}

// replyPending replies with up to count pending entries, 0: all, of one consumer if it is given.
func replyPending(c *engine.Ctx, g stream.Group, consumer *stream.Consumer, count int64) {
	mark, n := c.W.Mark(), int64(0)
	for w := g.PendingFrom(stream.ID{}, consumer); (count == 0 || n < count) && w.Next(); n++ {
		if consumer == nil {
			c.W.Array(4)
			replyID(c, w.ID)
			c.W.BulkString(w.Consumer.Name())
		} else {
			c.W.Array(3)
			replyID(c, w.ID)
		}
		c.W.Int(w.Time)
		c.W.Int(w.Count)
	}
	c.W.ArrayAt(mark, int(n))
}

func doInfoGroups(c *engine.Ctx) {
	s, ok := look(c)
	if !ok {
		return
	}
	c.W.Array(s.GroupCount())
	s.Groups(func(g stream.Group) bool {
		c.W.Map(6)
		c.W.BulkString("name")
		c.W.BulkString(g.Name())
		number(c, "consumers", int64(g.ConsumerCount()))
		number(c, "pending", int64(g.PendingCount()))
		named(c, "last-delivered-id", g.Last())
		known(c, "entries-read", g.Read(), g.Read() != stream.NotRead)
		lag, ok := g.Lag()
		known(c, "lag", lag, ok)
		return true
	})
}

func doInfoConsumers(c *engine.Ctx) {
	s, ok := look(c)
	if !ok {
		return
	}
	key, name := c.Args[2], c.Args[3]
	g, ok := s.Group(name)
	if !ok {
		c.Err(fmt.Sprintf(resp.ErrNoGroupFor, engine.Clip(name, len(name)), engine.Clip(key, len(key))))
		return
	}
	c.W.Array(g.ConsumerCount())
	g.Consumers(func(consumer *stream.Consumer, seen int64, pending int) bool {
		c.W.Map(3)
		c.W.BulkString("name")
		c.W.BulkString(consumer.Name())
		number(c, "pending", int64(pending))
		number(c, "idle", max(c.Now-seen, 0))
		return true
	})
}
