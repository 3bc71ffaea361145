package streams

import (
	"fmt"
	"math"
	"strconv"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func claims() []engine.Command {
	return []engine.Command{
		{Do: doXclaim, Command: spec.Command{
			Name: "xclaim", Arity: -6, Flags: spec.Write | spec.Fast, Since: "5.0.0",
			Complex: "O(log N) in the entries that are pending",
			Summary: "Makes pending entries another consumer's.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("key", 0), spec.String("group"), spec.String("consumer"), spec.String("min-idle-time"), spec.String("id").Many(),
				spec.Integer("ms").With("IDLE").Opt(),
				spec.UnixTime("unix-time-milliseconds").With("TIME").Opt(),
				spec.Integer("count").With("RETRYCOUNT").Opt(),
				spec.Word("force", "FORCE").Opt(),
				spec.Word("justid", "JUSTID").Opt(),
				spec.String("id").With("LASTID").Opt(),
			},
		}},
		{Do: doXautoclaim, Command: spec.Command{
			Name: "xautoclaim", Arity: -6, Flags: spec.Write | spec.Fast, Since: "6.2.0",
			Complex: "O(1) with a small COUNT",
			Summary: "Makes pending entries that were delivered long ago another consumer's.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyDelete)},
			Args: spec.Args{
				spec.Key("key", 0), spec.String("group"), spec.String("consumer"), spec.String("min-idle-time"), spec.String("start"),
				spec.Integer("count").With("COUNT").Opt(), spec.Word("justid", "JUSTID").Opt(),
			},
		}},
	}
}

// A delivery is a change of what is pending in a group.
type delivery struct {
	c          *engine.Ctx
	key, group []byte
	g          stream.Group
	consumer   *stream.Consumer // that takes the entries over

	claimed int   // records of it in the log
	owed    int64 // changes that the next record is to count
}

// propagate adds a record, which has the changes that are owed.
func (d *delivery) propagate(args ...[]byte) {
	d.c.PropagateN(d.owed, args...)
	d.owed = 0
}

// addConsumer makes the consumer whose the entries become.
func (d *delivery) addConsumer(name []byte) {
	d.consumer = d.g.AddConsumer(name, d.c.Now)
	d.c.Notify(engine.EventStream, "xgroup-createconsumer", d.key)
	d.owed++
}

// see finds that consumer, or makes it.
func (d *delivery) see(name []byte) {
	if d.consumer != nil {
		return
	}
	if d.consumer = d.g.See(name, d.c.Now); d.consumer == nil {
		d.addConsumer(name)
	}
}

// propagateClaim says that p is what is pending of an entry.
func (d *delivery) propagateClaim(id []byte, p stream.Pending) {
	var time, count [decimal.MaxLen]byte
	d.claimed++
	d.propagate([]byte("XCLAIM"), d.key, d.group, []byte(p.Consumer.Name()), []byte("0"), id,
		[]byte("TIME"), strconv.AppendInt(time[:0], p.Time, 10), []byte("RETRYCOUNT"), strconv.AppendInt(count[:0], p.Count, 10),
		[]byte("FORCE"), []byte("JUSTID"), []byte("LASTID"), idText(d.g.Last()))
}

// propagateGroup says up to where the group has read.
func (d *delivery) propagateGroup() {
	d.propagate([]byte("XGROUP"), []byte("SETID"), d.key, d.group, idText(d.g.Last()),
		[]byte("ENTRIESREAD"), strconv.AppendInt(nil, d.g.Read(), 10))
}

func (d *delivery) propagateConsumer() {
	d.propagate([]byte("XGROUP"), []byte("CREATECONSUMER"), d.key, d.group, []byte(d.consumer.Name()))
}

// drop forgets a pending entry that is not in the stream any more.
func (d *delivery) drop(id []byte, at stream.ID, p stream.Pending) {
	d.owed++
	d.propagateClaim(id, p)
	d.g.Take(at)
}

// A claim is what XCLAIM says.
type claim struct {
	minIdle int64
	ids     []stream.ID
	time    int64 // of the delivery
	count   int64 // of deliveries, -1: not said
	force   bool
	justID  bool
	last    stream.ID
}

// parse reads the arguments from the fourth on; false: the error was written.
func (cl *claim) parse(c *engine.Ctx) (ok bool) {
	if cl.minIdle, ok = decimal.Parse(c.Args[4]); !ok {
		c.Err(fmt.Sprintf(resp.ErrClaimIdle, "XCLAIM"))
		return false
	}
	cl.minIdle = max(cl.minIdle, 0)
	i := 5
	for ; i < len(c.Args); i++ {
		id, auto, ok := parseID(c.Args[i], 0)
		if !ok || auto {
			break
		}
		cl.ids = append(cl.ids, id)
	}
	cl.time, cl.count = -1, -1
	for ; i < len(c.Args); i++ {
		opt, more := c.Args[i], i+1 < len(c.Args)
		switch {
		case spec.EqualFold(opt, "force"):
			cl.force = true
			continue
		case spec.EqualFold(opt, "justid"):
			cl.justID = true
			continue
		case !more:
			c.Err(fmt.Sprintf(resp.ErrClaimOption, engine.Clip(opt, len(opt))))
			return false
		}
		i++
		if !cl.option(c, opt, c.Args[i]) {
			return false
		}
	}
	if cl.time < 0 || cl.time > c.Now {
		cl.time = c.Now
	}
	return true
}

// option reads an option that has a value; false: the error was written.
func (cl *claim) option(c *engine.Ctx, opt, value []byte) (ok bool) {
	number := func(name string, n *int64) bool {
		v, ok := decimal.Parse(value)
		if !ok {
			c.Err(fmt.Sprintf(resp.ErrClaimOptionValue, name))
			return false
		}
		*n = v
		return true
	}
	switch {
	case spec.EqualFold(opt, "idle"):
		if !number("IDLE", &cl.time) {
			return false
		}
		cl.time = c.Now - cl.time
		return true
	case spec.EqualFold(opt, "time"):
		return number("TIME", &cl.time)
	case spec.EqualFold(opt, "retrycount"):
		return number("RETRYCOUNT", &cl.count)
	case spec.EqualFold(opt, "lastid"):
		cl.last, ok = strictID(c, value)
		return ok
	}
	c.Err(fmt.Sprintf(resp.ErrClaimOption, engine.Clip(opt, len(opt))))
	return false
}

// findGroup finds a group that is to be changed; false: there is none, and the error was
// written.
func findGroup(c *engine.Ctx, key, group []byte) (engine.Entry, *streamObject, bool) {
	en, s, ok := find(c, key)
	if !ok {
		return en, nil, false
	}
	return en, s, hasGroup(c, s, key, group)
}

// hasGroup looks whether s, which may be nil, has a group; false: the error was written.
func hasGroup(c *engine.Ctx, s *streamObject, key, group []byte) bool {
	if s != nil {
		if _, ok := s.Group(group); ok {
			return true
		}
	}
	c.Err(fmt.Sprintf(resp.ErrNoGroup, engine.Clip(key, len(key)), engine.Clip(group, len(group))))
	return false
}

func doXclaim(c *engine.Ctx) {
	key, group := c.Args[1], c.Args[2]
	en, s, ok := findGroup(c, key, group)
	if !ok {
		return
	}
	var cl claim
	if !cl.parse(c) {
		return
	}
	c.Changing(en)
	g, _ := s.EditGroup(group)
	d := delivery{c: c, key: key, group: group, g: g}
	moved := g.Last().Less(cl.last)
	if moved {
		g.Seek(cl.last, g.Read())
	}
	mark, n := c.W.Mark(), 0
	for i, id := range cl.ids {
		if cl.claim(&d, s, id, c.Args[5+i]) {
			n++
		}
	}
	c.W.ArrayAt(mark, n)
	if moved && d.claimed == 0 {
		d.owed++
		d.propagateGroup()
	}
	c.Settled(key, en, s)
}

// claim makes one entry the consumer's, and replies with it if it does.
func (cl *claim) claim(d *delivery, s *streamObject, id stream.ID, text []byte) bool {
	c := d.c
	p, pending := d.g.Pending(id)
	switch {
	case !s.Has(id):
		if pending {
			d.drop(text, id, p)
		}
		return false
	case !pending && !cl.force:
		return false
	case pending && cl.minIdle > 0 && c.Now-p.Time < cl.minIdle:
		return false
	case !pending:
		p.Count = 1
	}
	d.see(c.Args[3])
	p.Time, p.Consumer = cl.time, d.consumer
	switch {
	case cl.count >= 0:
		p.Count = cl.count
	case !cl.justID:
		p.Count++
	}
	d.g.Give(id, p)
	if cl.justID {
		replyID(c, id)
	} else {
		replyOne(c, s, id)
	}
	d.owed++
	d.propagateClaim(text, p)
	return true
}

// What XAUTOCLAIM looks at: so many pending entries for each that it claims.
const attemptsFactor = 10

// An autoclaim is what XAUTOCLAIM says, and what comes of it.
type autoclaim struct {
	minIdle int64
	from    stream.ID
	count   int64
	justID  bool

	claimed, gone []stream.ID
}

// parse reads the arguments from the fourth on; false: the error was written.
func (a *autoclaim) parse(c *engine.Ctx) (ok bool) {
	if a.minIdle, ok = decimal.Parse(c.Args[4]); !ok {
		c.Err(fmt.Sprintf(resp.ErrClaimIdle, "XAUTOCLAIM"))
		return false
	}
	a.minIdle, a.count = max(a.minIdle, 0), 100
	if a.from, ok = startArg(c, c.Args[5]); !ok {
		return false
	}
	for i := 6; i < len(c.Args); i++ {
		switch {
		case spec.EqualFold(c.Args[i], "count") && i+1 < len(c.Args):
			i++
			if a.count, ok = decimal.Parse(c.Args[i]); !ok || a.count < 1 || a.count > math.MaxInt64/idBytes {
				c.Err(resp.ErrCountNeg)
				return false
			}
		case spec.EqualFold(c.Args[i], "justid"):
			a.justID = true
		default:
			c.Err(resp.ErrSyntax)
			return false
		}
	}
	return true
}

func doXautoclaim(c *engine.Ctx) {
	var a autoclaim
	key, group := c.Args[1], c.Args[2]
	en := c.Read(key)
	if !a.parse(c) {
		return
	}
	s, ok := engine.ObjectOf[*streamObject](c, en)
	if !ok || !hasGroup(c, s, key, group) {
		return
	}
	c.Changing(en)
	g, _ := s.EditGroup(group)
	d := delivery{c: c, key: key, group: group, g: g}
	end := a.run(&d, s)
	c.Settled(key, en, s)
	c.W.Array(3)
	replyID(c, end)
	c.W.Array(len(a.claimed))
	for _, id := range a.claimed {
		if a.justID {
			replyID(c, id)
		} else {
			replyOne(c, s, id)
		}
	}
	c.W.Array(len(a.gone))
	for _, id := range a.gone {
		replyID(c, id)
	}
}

// run claims what was delivered long ago, and returns where the next call goes on.
func (a *autoclaim) run(d *delivery, s *streamObject) (end stream.ID) {
	c := d.c
	for attempts := a.count * attemptsFactor; ; attempts-- {
		w := d.g.PendingFrom(a.from, nil)
		if !w.Next() {
			return stream.ID{}
		}
		if attempts == 0 || a.count == 0 {
			return w.ID
		}
		id, p, more := w.ID, w.Pending, false
		a.from, more = id.Next()
		switch {
		case !s.Has(id):
			d.drop(idText(id), id, p)
			a.gone = append(a.gone, id)
			a.count--
		case a.minIdle == 0 || c.Now-p.Time >= a.minIdle:
			d.see(c.Args[3])
			p.Time, p.Consumer = c.Now, d.consumer
			if !a.justID {
				p.Count++
			}
			d.g.Give(id, p)
			a.claimed = append(a.claimed, id)
			a.count--
			d.owed++
			d.propagateClaim(idText(id), p)
		}
		if !more {
			return stream.ID{}
		}
	}
}
