package stream

import (
	"slices"
	"strings"
	"unsafe"
)

// Groups and their consumers, each by name in the order of bytes.
//
//	Stream ─► groups ─► group ─┬─► pending   ID ─► time, deliveries, consumer
//	                           └─► consumers ─► consumer ─► pending   IDs
//
// Lists, groups and consumers belong to what they name as owner, as branches do. A
// Consumer is a name that all clones share: pending entries point at it.

// A Consumer is what reads for a group, its identity: it does not change.
type Consumer struct{ name string }

// Name is its name.
func (c *Consumer) Name() string { return c.name }

// A Pending is what was delivered and not acknowledged.
type Pending struct {
	Time     int64 // of the last delivery, wall ms
	Count    int64 // of deliveries
	Consumer *Consumer
}

// NotRead stands for a number of entries read that is not known.
const NotRead = -1

type group struct {
	own       *owner
	name      string
	last      ID
	read      int64
	pending   tree[Pending]
	consumers []*consumer
}

type consumer struct {
	own      *owner
	consumer *Consumer
	seen     int64
	pending  tree[struct{}]
}

// What a group and a consumer take beside their names and pending entries, in bytes.
const (
	groupHead    = int64(unsafe.Sizeof(group{})) + 16
	consumerHead = int64(unsafe.Sizeof(consumer{})+unsafe.Sizeof(Consumer{})) + 16
)

// A Group is a consumer group of a stream. One that Stream.Group gives is for looking,
// one of EditGroup for changing until the stream is cloned.
type Group struct {
	s *Stream
	g *group
}

// list is the groups, in the stream's own memory if that is one: most streams that have any have one.
func (s *Stream) list() []*group {
	if s.only[0] != nil {
		return s.only[:]
	}
	return s.groups
}

// groupAt is where the group of that name stands, or would; ok: it is there. Every read of a group
// comes by here.
func (s *Stream) groupAt(name []byte) (at int, ok bool) {
	list := s.list()
	end := len(list)
	for at < end {
		mid := int(uint(at+end) / 2)
		switch n := list[mid].name; {
		case n == string(name):
			return mid, true
		case n < string(name):
			at = mid + 1
		default:
			end = mid
		}
	}
	return at, false
}

// Group finds a group.
func (s *Stream) Group(name []byte) (Group, bool) {
	if i, ok := s.groupAt(name); ok {
		return Group{s, s.list()[i]}, true
	}
	return Group{}, false
}

// EditGroup finds a group that is to be changed.
func (s *Stream) EditGroup(name []byte) (Group, bool) {
	i, ok := s.groupAt(name)
	if !ok {
		return Group{}, false
	}
	if s.list()[i].own != s.own {
		s.ownGroups()
		g := *s.list()[i]
		g.own, g.consumers = s.own, slices.Clone(g.consumers)
		s.list()[i] = &g
	}
	return Group{s, s.list()[i]}, true
}

func (s *Stream) ownGroups() {
	if s.ofGroups != s.own {
		s.ofGroups, s.groups = s.own, slices.Clone(s.groups)
	}
}

// CreateGroup adds a group; false: there is one of the name.
func (s *Stream) CreateGroup(name []byte, last ID, read int64) bool {
	i, there := s.groupAt(name)
	if there {
		return false
	}
	s.ownGroups()
	g := &group{own: s.own, name: string(name), last: last, read: read}
	if s.GroupCount() == 0 {
		s.only[0] = g
	} else {
		s.groups = slices.Insert(s.list(), i, g)
		s.only[0] = nil
	}
	s.bytes += groupHead + int64(len(name))
	return true
}

// DestroyGroup removes a group; false: there is none.
func (s *Stream) DestroyGroup(name []byte) bool {
	i, ok := s.groupAt(name)
	if !ok {
		return false
	}
	s.ownGroups()
	g := s.list()[i]
	s.bytes -= groupHead + int64(len(name)) + g.pending.mem
	for _, c := range g.consumers {
		s.bytes -= c.weight()
	}
	if s.only[0] != nil {
		s.only[0] = nil
	} else if s.groups = slices.Delete(s.groups, i, i+1); len(s.groups) == 1 {
		s.only[0], s.groups = s.groups[0], nil
	}
	return true
}

func (c *consumer) weight() int64 { return consumerHead + int64(len(c.consumer.name)) + c.pending.mem }

// GroupCount is the number of groups.
func (s *Stream) GroupCount() int { return len(s.list()) }

// Groups calls f with the groups in their order, until it returns false.
func (s *Stream) Groups(f func(g Group) bool) {
	for _, g := range s.list() {
		if !f(Group{s, g}) {
			return
		}
	}
}

// Name is the group's name.
func (g Group) Name() string { return g.g.name }

// Last is the highest ID that was delivered.
func (g Group) Last() ID { return g.g.last }

// Read is how many of the stream's entries were read up to Last, NotRead if that is not
// known.
func (g Group) Read() int64 { return g.g.read }

// Seek sets what was delivered and read.
func (g Group) Seek(last ID, read int64) { g.g.last, g.g.read = last, read }

// PendingCount is the number of pending entries.
func (g Group) PendingCount() int { return g.g.pending.n }

// Pending is the pending entry id.
func (g Group) Pending(id ID) (Pending, bool) {
	if p := g.g.pending.get(id); p != nil {
		return *p, true
	}
	return Pending{}, false
}

func (g Group) place(name string) (int, bool) {
	return slices.BinarySearchFunc(g.g.consumers, name, func(c *consumer, name string) int { return strings.Compare(c.consumer.name, name) })
}

// Consumer finds a consumer, nil if there is none.
func (g Group) Consumer(name []byte) *Consumer {
	if i, ok := g.place(string(name)); ok {
		return g.g.consumers[i].consumer
	}
	return nil
}

// edit is consumer i, which may be changed.
func (g Group) edit(i int) *consumer {
	if g.g.consumers[i].own != g.s.own {
		c := *g.g.consumers[i]
		c.own = g.s.own
		g.g.consumers[i] = &c
	}
	return g.g.consumers[i]
}

// See notes that a consumer was seen at now (wall ms), and finds it; nil: there is none.
func (g Group) See(name []byte, now int64) *Consumer {
	i, ok := g.place(string(name))
	if !ok {
		return nil
	}
	c := g.edit(i)
	c.seen = now
	return c.consumer
}

// AddConsumer adds a consumer that is seen at now; nil: there is one of the name.
func (g Group) AddConsumer(name []byte, now int64) *Consumer {
	i, there := g.place(string(name))
	if there {
		return nil
	}
	c := &consumer{own: g.s.own, consumer: &Consumer{string(name)}, seen: now}
	g.g.consumers = slices.Insert(g.g.consumers, i, c)
	g.s.bytes += c.weight()
	return c.consumer
}

// DropConsumer removes a consumer with what is pending for it, and returns how many
// entries that are; false: there is none.
func (g Group) DropConsumer(name []byte) (pending int, ok bool) {
	i, ok := g.place(string(name))
	if !ok {
		return 0, false
	}
	c := g.g.consumers[i]
	g.s.bytes -= c.weight()
	before := g.g.pending.mem
	var at cursor[struct{}]
	for c.pending.first(&at); at.ok(); at.next() {
		g.g.pending.remove(g.s.own, at.id())
	}
	g.s.bytes += g.g.pending.mem - before
	g.g.consumers = slices.Delete(g.g.consumers, i, i+1)
	return c.pending.n, true
}

// ConsumerCount is the number of consumers.
func (g Group) ConsumerCount() int { return len(g.g.consumers) }

// Consumers calls f with the consumers in their order, when each was seen last (wall ms)
// and how many entries are pending for it, until it returns false.
func (g Group) Consumers(f func(c *Consumer, seen int64, pending int) bool) {
	for _, c := range g.g.consumers {
		if !f(c.consumer, c.seen, c.pending.n) {
			return
		}
	}
}

// Give makes p the pending entry id: it may have been another consumer's.
func (g Group) Give(id ID, p Pending) {
	before := g.g.pending.mem
	if was := g.g.pending.get(id); was != nil {
		if was.Consumer != p.Consumer {
			g.list(was.Consumer, id, false)
			g.list(p.Consumer, id, true)
		}
		*g.g.pending.edit(g.s.own, id) = p
	} else {
		g.g.pending.put(g.s.own, id, p)
		g.list(p.Consumer, id, true)
	}
	g.s.bytes += g.g.pending.mem - before
}

// Take removes the pending entry id; false: there is none.
func (g Group) Take(id ID) bool {
	p := g.g.pending.get(id)
	if p == nil {
		return false
	}
	before := g.g.pending.mem
	g.list(p.Consumer, id, false)
	g.g.pending.remove(g.s.own, id)
	g.s.bytes += g.g.pending.mem - before
	return true
}

// list enters id with a consumer of the group's, or removes it there.
func (g Group) list(consumer *Consumer, id ID, there bool) {
	i, ok := g.place(consumer.name)
	if !ok {
		return
	}
	c := g.edit(i)
	before := c.pending.mem
	if there {
		c.pending.put(g.s.own, id, struct{}{})
	} else {
		c.pending.remove(g.s.own, id)
	}
	g.s.bytes += c.pending.mem - before
}

// A PendingWalk goes over pending entries in the order of IDs. It is over with the
// group's next change.
type PendingWalk struct {
	ID ID
	Pending

	g   *group
	all cursor[Pending]
	of  cursor[struct{}]
	one bool // of one consumer
	on  bool
}

// PendingFrom begins before the first pending entry whose ID is from or above, among all
// or, where consumer is not nil, those of one consumer.
func (g Group) PendingFrom(from ID, consumer *Consumer) PendingWalk {
	w := PendingWalk{g: g.g, one: consumer != nil}
	if consumer == nil {
		g.g.pending.seek(&w.all, from)
		return w
	}
	w.of.depth = -1
	if i, ok := g.place(consumer.name); ok {
		g.g.consumers[i].pending.seek(&w.of, from)
	}
	return w
}

// Next goes to the next pending entry; false: there is none.
func (w *PendingWalk) Next() bool {
	switch {
	case w.one && w.on:
		w.of.next()
	case w.on:
		w.all.next()
	}
	w.on = true
	if w.one {
		if !w.of.ok() {
			return false
		}
		w.ID, w.Pending = w.of.id(), *w.g.pending.get(w.of.id())
		return true
	}
	if !w.all.ok() {
		return false
	}
	w.ID, w.Pending = w.all.id(), *w.all.val()
	return true
}

// LastPending is the highest ID of a pending entry, of which there is one.
func (g Group) LastPending() ID {
	var c cursor[Pending]
	g.g.pending.last(&c)
	return c.id()
}
