package streams

import (
	"fmt"

	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

// blockedCount is how many entries of a stream a client gets that has waited for some and
// named no number.
const blockedCount = 1000

func readings() []engine.Command {
	streams := spec.Block("streams", spec.Key("key", 0).Many(), spec.String("id").Many()).With("STREAMS")
	count, block := spec.Integer("count").With("COUNT").Opt(), spec.Integer("milliseconds").With("BLOCK").Opt()
	keys := func(from int) spec.Keys {
		return spec.Keys{{Flags: spec.KeyRO | spec.KeyAccess, Keyword: "STREAMS", StartFrom: from, LastKey: -1, KeyStep: 1, Limit: 2}}
	}
	return []engine.Command{
		{Do: func(c *engine.Ctx) { doRead(c, false) }, Weighs: true, Sole: soleStream, Command: spec.Command{
			Name: "xread", Arity: -4, Flags: spec.ReadOnly | spec.Blocking, Since: "5.0.0",
			Complex: "O(N) in the entries returned",
			Summary: "Returns the entries of several streams after given IDs, and may wait until there are some.",
			Keys:    keys(1), GetKeys: streamKeys,
			Args: spec.Args{count, block, streams},
		}},
		{Do: func(c *engine.Ctx) { doRead(c, true) }, Weighs: true, Sole: soleStream, Command: spec.Command{
			Name: "xreadgroup", Arity: -7, Flags: spec.Write | spec.Blocking, Since: "5.0.0",
			Complex: "O(N) in the entries returned",
			Summary: "Returns entries of several streams that no other consumer of a group has got, or those that are pending, and may wait until there are some.",
			Keys:    keys(4), GetKeys: streamKeys,
			Args: spec.Args{
				spec.Block("group_consumer", spec.String("group"), spec.String("consumer")).With("GROUP"),
				count, block, spec.Word("noack", "NOACK").Opt(), streams,
			},
		}},
	}
}

// streamKeys finds the keys.
func streamKeys(args [][]byte) (keys []int, ok bool) {
	first, n := streamSpan(args)
	for at := first; at < first+n; at++ {
		keys = append(keys, at)
	}
	return keys, n > 0
}

// soleStream is the only key of a call that has one.
func soleStream(args [][]byte) int {
	if first, n := streamSpan(args); n == 1 {
		return first
	}
	return 0
}

// streamSpan is where the keys begin, and how many there are, 0: there are none. A group or a
// consumer may be called streams.
func streamSpan(args [][]byte) (first, n int) {
	for i := 1; i < len(args); i++ {
		switch {
		case spec.EqualFold(args[i], "streams"):
			if n = len(args) - i - 1; n%2 != 0 {
				return 0, 0
			}
			return i + 1, n / 2
		case spec.EqualFold(args[i], "block"), spec.EqualFold(args[i], "count"):
			i++
		case spec.EqualFold(args[i], "group"):
			i += 2
		case spec.EqualFold(args[i], "noack"):
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// claimWeight is what the delivery of an entry to a consumer is taken to weigh in Ctx.Heavy, in bytes.
const claimWeight = 512

// A reading is what XREAD or XREADGROUP says.
type reading struct {
	group, consumer []byte // nil: XREAD
	noAck           bool
	count           int64 // 0: all
	blocks          bool
	deadline        int64

	keys  [][]byte
	after []stream.ID // of one that waits, by key
	// found is where the only key was found, and sole what is there; nil: there are several
	// keys, or it is absent.
	found engine.Entry
	sole  *streamObject
}

// parse reads the options and keys; false: the error was written.
func (r *reading) parse(c *engine.Ctx, grouped bool) (ids [][]byte, ok bool) {
	for i := 1; i < len(c.Args); i++ {
		opt, more := c.Args[i], len(c.Args)-i-1
		switch {
		case more > 0 && spec.EqualFold(opt, "block"):
			i++
			if c.InScript() {
				c.Err(fmt.Sprintf(resp.ErrReadScript, engine.Clip(c.Args[0], 128)))
				return nil, false
			}
			if r.deadline, ok = c.MillisArg(c.Args[i]); !ok {
				return nil, false
			}
			r.blocks = true
		case more > 0 && spec.EqualFold(opt, "count"):
			i++
			if r.count, ok = c.IntArg(c.Args[i]); !ok {
				return nil, false
			}
			r.count = max(r.count, 0)
		case more > 0 && spec.EqualFold(opt, "streams"):
			rest := c.Args[i+1:]
			if len(rest)%2 != 0 {
				c.Err(resp.ErrReadUnbalanced)
				return nil, false
			}
			if grouped && r.group == nil {
				c.Err(resp.ErrReadNoGroup)
				return nil, false
			}
			r.keys = rest[:len(rest)/2]
			return rest[len(rest)/2:], true
		case more > 1 && spec.EqualFold(opt, "group"):
			if !grouped {
				c.Err(resp.ErrReadGroup)
				return nil, false
			}
			r.group, r.consumer = c.Args[i+1], c.Args[i+2]
			i += 2
		case spec.EqualFold(opt, "noack"):
			if !grouped {
				c.Err(resp.ErrReadNoAck)
				return nil, false
			}
			r.noAck = true
		default:
			c.Err(resp.ErrSyntax)
			return nil, false
		}
	}
	c.Err(resp.ErrSyntax)
	return nil, false
}

// resolve finds out after which IDs is to be read, and appends them to after; the highest stands for
// > of a group. false: the error was written.
func (r *reading) resolve(c *engine.Ctx, ids [][]byte, after []stream.ID) ([]stream.ID, bool) {
	for i, raw := range ids {
		key := r.keys[i]
		en, s, ok := find(c, key)
		if !ok {
			return nil, false
		}
		if len(ids) == 1 {
			r.found, r.sole = en, s
		}
		if r.group != nil {
			if s != nil {
				_, ok = s.Group(r.group)
			}
			if s == nil || !ok {
				c.Err(fmt.Sprintf(resp.ErrNoGroupRead, engine.Clip(key, len(key)), engine.Clip(r.group, len(r.group))))
				return nil, false
			}
		}
		var id stream.ID
		switch string(engine.Clip(raw, len(raw))) {
		case "$":
			if r.group != nil {
				c.Err(resp.ErrReadDollar)
				return nil, false
			}
			if s != nil {
				id = s.Last
			}
		case ">":
			if r.group == nil {
				c.Err(resp.ErrReadNew)
				return nil, false
			}
			id = stream.MaxID()
		default:
			if id, ok = strictID(c, raw); !ok {
				return nil, false
			}
		}
		after = append(after, id)
	}
	return after, true
}

// A portion is what there is to be read of one key.
type portion struct {
	key     []byte
	en      engine.Entry
	s       *streamObject
	after   stream.ID
	history bool // what is pending for the consumer
}

// portion looks what there is after an ID at key i; false: nothing.
func (r *reading) portion(c *engine.Ctx, i int, after stream.ID) (p portion, ok bool) {
	p.key, p.after = r.keys[i], after
	if p.en, p.s = r.found, r.sole; p.s != nil {
		c.Again(p.en)
	} else if p.en, p.s, ok = find(c, p.key); !ok || p.s == nil {
		return p, false
	}
	if r.group == nil {
		return p, p.s.Beyond(p.after)
	}
	if p.after != stream.MaxID() {
		p.history = true
		return p, true
	}
	if p.s.Stream.Len() == 0 {
		return p, false
	}
	g, _ := p.s.Group(r.group)
	p.after = g.Last()
	return p, p.s.Beyond(p.after)
}

func doRead(c *engine.Ctx, grouped bool) {
	var r reading
	ids, ok := r.parse(c, grouped)
	if !ok {
		return
	}
	var one [1]stream.ID
	after, ok := r.resolve(c, ids, one[:0])
	if !ok {
		return
	}
	mark, n := c.W.Mark(), 0
	for i := range r.keys {
		if p, ok := r.portion(c, i, after[i]); ok {
			r.reply(c, &p)
			n++
		}
	}
	switch {
	case n > 0 && c.W.Proto() == resp.RESP3:
		c.W.MapAt(mark, n)
	case n > 0:
		c.W.ArrayAt(mark, n)
	case r.blocks:
		r.block(c, after)
	default:
		c.W.NullArray()
	}
}

// block waits for entries.
func (r *reading) block(c *engine.Ctx, after []stream.ID) {
	kept := engine.CloneArgs(append([][]byte{r.group, r.consumer}, r.keys...))
	w := reading{count: r.count, noAck: r.noAck, keys: kept[2:], after: append([]stream.ID(nil), after...)}
	if w.count == 0 {
		w.count = blockedCount
	}
	want := engine.Waiter{Keys: w.keys, Wants: w.wants, Take: w.take}
	if r.group != nil {
		w.group, w.consumer = kept[0], kept[1]
		want.Lost = w.lost
	}
	c.Block(want, r.deadline)
}

// start is after which ID is to be read of the stream at a key.
func (r *reading) start(key []byte, s *streamObject) stream.ID {
	if r.group != nil {
		g, _ := s.Group(r.group)
		return g.Last()
	}
	for i := range r.keys {
		if string(r.keys[i]) == string(key) {
			return r.after[i]
		}
	}
	return stream.MaxID()
}

func (r *reading) wants(key []byte, o engine.Object) bool {
	s, ok := o.(*streamObject)
	return ok && r.start(key, s).Less(s.Last)
}

// lost is Waiter.Lost: a group's consumers need the stream and the group.
func (r *reading) lost(o engine.Object) string {
	s, ok := o.(*streamObject)
	if !ok {
		return resp.ErrStreamGone
	}
	if _, ok = s.Group(r.group); !ok {
		return resp.ErrNoGroupAnyMore
	}
	return ""
}

// take is Waiter.Take.
func (r *reading) take(c *engine.Ctx, key []byte) {
	en := c.Peek(key)
	s, ok := engine.ObjectOf[*streamObject](c, en)
	if !ok {
		return
	}
	if c.W.Proto() == resp.RESP3 {
		c.W.Map(1)
	} else {
		c.W.Array(1)
	}
	r.reply(c, &portion{key: key, en: en, s: s, after: r.start(key, s)})
}

// reply replies with a key and what there is to be read of it.
func (r *reading) reply(c *engine.Ctx, p *portion) {
	if c.W.Proto() != resp.RESP3 {
		c.W.Array(2)
	}
	c.W.Bulk(p.key)
	from, _ := p.after.Next()
	if r.group == nil {
		replyRange(c, p.s.Walk(from, stream.MaxID(), false), r.count)
		return
	}
	c.Changing(p.en)
	g, _ := p.s.EditGroup(r.group)
	d := delivery{c: c, key: p.key, group: r.group, g: g, owed: 1} // as in Redis each stream that is read is a change
	created := false
	if d.consumer = g.See(r.consumer, c.Now); d.consumer == nil {
		created = true
		d.addConsumer(r.consumer)
		if r.noAck {
			d.propagateConsumer()
		}
	}
	if p.history {
		r.history(&d, p.s, from)
	} else {
		r.deliver(&d, p.s, from)
	}
	if created && d.claimed == 0 && !r.noAck {
		d.propagateConsumer()
	}
	c.Settled(p.key, p.en, p.s)
}

// deliver replies with new entries.
func (r *reading) deliver(d *delivery, s *streamObject, from stream.ID) {
	c, moved := d.c, false
	mark, n := c.W.Mark(), int64(0)
	for w := s.Walk(from, stream.MaxID(), false); (r.count == 0 || n < r.count) && w.Next(); n++ {
		moved = d.g.Advance(w.ID) || moved
		replyEntry(c, &w)
		if !r.noAck {
			p := stream.Pending{Time: c.Now, Count: 1, Consumer: d.consumer}
			d.g.Give(w.ID, p)
			d.propagateClaim(idText(w.ID), p)
		}
		c.Heavy(int(n) * claimWeight)
	}
	if moved {
		d.propagateGroup()
	}
	c.W.ArrayAt(mark, int(n))
}

// history replies with what is pending for the consumer. It was delivered once more then.
func (r *reading) history(d *delivery, s *streamObject, from stream.ID) {
	c := d.c
	mark, n := c.W.Mark(), int64(0)
	for r.count == 0 || n < r.count {
		w := d.g.PendingFrom(from, d.consumer)
		if !w.Next() {
			break
		}
		if replyOne(c, s, w.ID) {
			p := stream.Pending{Time: c.Now, Count: w.Count + 1, Consumer: d.consumer}
			d.g.Give(w.ID, p)
			d.propagateClaim(idText(w.ID), p)
		} else { // it was deleted
			c.W.Array(2)
			replyID(c, w.ID)
			c.W.NullArray()
		}
		c.Heavy(int(n) * claimWeight)
		n++
		var more bool
		if from, more = w.ID.Next(); !more {
			break
		}
	}
	c.W.ArrayAt(mark, int(n))
}
