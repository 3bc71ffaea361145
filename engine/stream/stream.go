package stream

import (
	"slices"

	"regent/engine/listpack"
)

// A Stream is entries in the order of their IDs, and groups that read them. The zero
// value is empty, and is not to be copied but by Clone and Part. See doc.go. What says whether there is
// anything for a reader stands in the first cache line.
type Stream struct {
	// Last is the highest ID that an entry ever had.
	Last   ID
	length int
	groups []*group  // if there are several
	only   [1]*group // if there is one
	nodes  tree[node]

	// First is the ID of the first entry there is, 0-0 while there is none.
	First ID
	// MaxDeleted is the highest ID of an entry that was deleted by itself.
	MaxDeleted ID
	// Added counts the entries that were ever added.
	Added uint64

	own      *owner
	ofGroups *owner // the name that groups belong to
	bytes    int64  // of listpacks, groups and consumers
	opened   opened
}

// A node is some entries that follow one another, as Redis packs them. In the tree it
// stands under the ID that its entries' are relative to.
type node struct {
	own    *owner
	lp     []byte
	packed bool  // lp is a listpack.Packed, which nobody changes
	begins bool  // it is packed, and its ID is that of an entry, which is not deleted
	live   int32 // entries, if it is packed
}

// Limits say when a node is full.
type Limits struct {
	Bytes   int64 // of its listpack; 0: as much as a listpack may have
	Entries int64 // deleted ones too; 0: any number
}

const (
	// MaxEntryBytes is how long the fields and values of an entry may be in all, and a
	// listpack (t_stream.c, STREAM_LISTPACK_MAX_SIZE).
	MaxEntryBytes = 1 << 30
	// streamHead is what a stream takes beside its parts, in bytes.
	streamHead = 256
)

// Flags of an entry.
const (
	flagDeleted    = 1
	flagSameFields = 2 // its fields are the master entry's, and left out
)

// New is an empty stream.
func New() *Stream {
	s := Make()
	return &s
}

// Make is New for a caller that has a place for it.
func Make() Stream { return Stream{own: new(owner)} }

// Len is the number of entries.
func (s *Stream) Len() int { return s.length }

// Nodes is the number of nodes.
func (s *Stream) Nodes() int { return s.nodes.n }

// Bytes is the memory that it takes.
func (s *Stream) Bytes() int64 { return streamHead + s.bytes + s.nodes.mem }

// Clone is a stream of its own, which shares what neither of the two has changed yet. It
// may be used without the lock that s needs.
func (s *Stream) Clone() *Stream {
	c := s.Part()
	return &c
}

// Part is Clone for a caller that has a place for it.
func (s *Stream) Part() Stream {
	c := *s
	s.own, c.own = new(owner), new(owner)
	return c
}

// editable is n with a listpack that s may change.
func (s *Stream) editable(n *node) *node {
	if n.packed {
		lp := listpack.Packed(n.lp).Append(nil)
		n.own, n.packed = s.own, false
		s.set(n, lp)
	}
	if n.own != s.own {
		s.bytes -= int64(cap(n.lp))
		n.own, n.lp = s.own, append(make([]byte, 0, len(n.lp)+len(n.lp)/8), n.lp...)
		s.bytes += int64(cap(n.lp))
	}
	return n
}

// set replaces the listpack of n, which is editable.
func (s *Stream) set(n *node, lp []byte) {
	s.bytes += int64(cap(lp)) - int64(cap(n.lp))
	n.lp = lp
}

// Append adds an entry of fields and values, which alternate. Its id is above Last, and
// together they have at most MaxEntryBytes.
func (s *Stream) Append(id ID, pairs [][]byte, lim Limits) {
	size := 0
	for _, p := range pairs {
		size += len(p)
	}
	at, n := s.nodes.editLast(s.own)
	if n != nil && n.packed {
		n = s.editable(n) // those behind it have gone
	}
	if n != nil && full(n.lp, size, lim) {
		s.rest(n)
		n = nil
	}
	if n == nil {
		s.nodes.put(s.own, id, node{own: s.own})
		at, n = s.nodes.editLast(s.own)
		s.set(n, newNode(pairs, size))
	} else {
		s.set(s.editable(n), appendEntry(n.lp, id.MS-at.MS, id.Seq-at.Seq, pairs, size))
	}
	s.length++
	s.Added++
	s.Last = id
	if s.length == 1 {
		s.First = id
	}
}

// rest is for a node that nothing comes to any more.
func (s *Stream) rest(n *node) {
	s.opened = opened{}
	if pk, ok := listpack.PackedOf(n.lp); ok {
		live, _, _ := counts(n.lp)
		n.packed, n.begins, n.live = true, begins(n.lp), int32(live)
		s.set(n, pk)
	} else {
		s.set(n, slices.Clone(n.lp))
	}
	n.own = s.own
}

// An opened is the listpack of the packed node that was looked at last: a reader that
// goes from one entry to the next comes back to it.
type opened struct{ packed, lp []byte }

// listpack is that of a node, to be looked at.
func (s *Stream) listpack(n *node) []byte {
	if !n.packed {
		return n.lp
	}
	if o := &s.opened; o.packed == nil || &o.packed[0] != &n.lp[0] {
		*o = opened{n.lp, listpack.Packed(n.lp).Append(nil)}
	}
	return s.opened.lp
}

// liveOf is how many entries of a node are not deleted.
func liveOf(n *node) int64 {
	if n.packed {
		return int64(n.live)
	}
	live, _, _ := counts(n.lp)
	return live
}

// full reports whether an entry of size bytes begins another node.
func full(lp []byte, size int, lim Limits) bool {
	most := lim.Bytes
	if most <= 0 || most > MaxEntryBytes {
		most = MaxEntryBytes
	}
	if int64(len(lp)+size) >= most {
		return true
	}
	live, dead, _ := counts(lp)
	return lim.Entries != 0 && live+dead >= lim.Entries
}

// counts reads the beginning of a node: how many entries it has, how many of them are
// deleted, and where the number of the master entry's fields stands.
func counts(lp []byte) (live, dead int64, at int) {
	p := listpack.First(lp)
	q := listpack.Next(lp, p)
	return listpack.Get(lp, p).Int, listpack.Get(lp, q).Int, listpack.Next(lp, q)
}

// setCounts writes them.
func setCounts(lp []byte, live, dead int64) []byte {
	p := listpack.First(lp)
	e := listpack.IntOf(live)
	lp = listpack.Replace(lp, p, &e)
	e = listpack.IntOf(dead)
	return listpack.Replace(lp, listpack.Next(lp, p), &e)
}

const (
	// elementRoom is what an element takes beside its text, and entryRoom an entry
	// beside its elements, in bytes; at most, for usual ones.
	elementRoom = 4
	entryRoom   = 32
)

// newNode is a node of one entry, which gives the master entry its fields and is relative
// to itself.
func newNode(pairs [][]byte, size int) []byte {
	room := size + len(pairs)*elementRoom + entryRoom
	a := listpack.Extend(listpack.New(room), room)
	a.Int(1)
	a.Int(0)
	a.Int(int64(len(pairs) / 2))
	for i := 0; i < len(pairs); i += 2 {
		e := listpack.ElementOf(pairs[i])
		a.Add(&e)
	}
	a.Int(0)
	addEntry(&a, flagSameFields, 0, 0, pairs)
	return a.Done()
}

// appendEntry is lp with one more entry, of that distance to the master entry.
func appendEntry(lp []byte, ms, seq uint64, pairs [][]byte, size int) []byte {
	live, _, p := counts(lp)
	flags := int64(0)
	if sameFields(lp, p, pairs) {
		flags = flagSameFields
	}
	e := listpack.IntOf(live + 1)
	lp = listpack.Replace(lp, listpack.First(lp), &e)
	a := listpack.Extend(lp, size+len(pairs)*elementRoom+entryRoom)
	addEntry(&a, flags, ms, seq, pairs)
	return a.Done()
}

// sameFields reports whether the fields are those of the master entry at p.
func sameFields(lp []byte, p int, pairs [][]byte) bool {
	if listpack.Get(lp, p).Int != int64(len(pairs)/2) {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		p = listpack.Next(lp, p)
		e := listpack.ElementOf(pairs[i])
		if !e.Is(listpack.Get(lp, p)) {
			return false
		}
	}
	return true
}

func addEntry(a *listpack.Appender, flags int64, ms, seq uint64, pairs [][]byte) {
	n := int64(len(pairs) / 2)
	a.Int(flags)
	a.Int(int64(ms))
	a.Int(int64(seq))
	count := n + 3
	same := flags&flagSameFields != 0
	if !same {
		a.Int(n)
		count += n + 1
	}
	for i, p := range pairs {
		if same && i%2 == 0 {
			continue
		}
		e := listpack.ElementOf(p)
		a.Add(&e)
	}
	a.Int(count)
}

// Delete removes the entry id, and reports whether it was there.
func (s *Stream) Delete(id ID) bool {
	w := s.Walk(id, id, false)
	if !w.Next() {
		return false
	}
	live, dead, _ := counts(w.lp)
	if live == 1 {
		s.dropNode(w.master)
	} else {
		n := s.editable(s.nodes.edit(s.own, w.master))
		lp := markDeleted(n.lp, w.flagsAt, w.flags)
		s.set(n, setCounts(lp, live-1, dead+1))
	}
	s.length--
	first := id == s.First
	if s.MaxDeleted.Less(id) {
		s.MaxDeleted = id
	}
	if first || s.length == 0 {
		s.findFirst()
	}
	return true
}

// dropNode takes a node out.
func (s *Stream) dropNode(at ID) {
	s.bytes -= int64(cap(s.nodes.get(at).lp))
	s.nodes.remove(s.own, at)
}

// markDeleted sets the flag of the entry whose flags stand at p.
func markDeleted(lp []byte, p int, flags int64) []byte {
	e := listpack.IntOf(flags | flagDeleted)
	return listpack.Replace(lp, p, &e)
}

// findFirst brings First up to date after entries have gone.
func (s *Stream) findFirst() {
	s.First = ID{}
	if s.length == 0 {
		return
	}
	var c cursor[node]
	if s.nodes.first(&c); c.ok() && c.val().packed && c.val().begins {
		s.First = c.id()
		return
	}
	if w := s.Walk(ID{}, MaxID(), false); w.Next() {
		s.First = w.ID
	}
}

// begins reports whether the node's first entry has the node's own ID, and is not deleted.
func begins(lp []byte) bool {
	w := Walk{lp: lp}
	w.enterPack()
	return w.step() && w.flags&flagDeleted == 0 && w.ID == ID{}
}

// Beyond reports whether there is an entry above id.
func (s *Stream) Beyond(id ID) bool {
	b := s.nodes.root
	if b == nil {
		return false
	}
	for b.kids != nil {
		b = b.kids[len(b.kids)-1]
	}
	if last := len(b.ids) - 1; id.Less(b.ids[last]) && liveOf(&b.vals[last]) > 0 {
		return true // all of the last node is
	}
	top, any := s.Top()
	return any && id.Less(top)
}

// Top is the highest ID of an entry; false: there is none.
func (s *Stream) Top() (ID, bool) {
	w := s.Walk(ID{}, MaxID(), true)
	ok := w.Next()
	return w.ID, ok
}
