package zset

import "regent/engine/prefetch"

// Foresight: several members that will be looked at soon are found side by side, so that each
// does not wait for memory by itself. A large set is in no cache; to give a member another
// score is to wait for a page of the index, the leaf that has it, and the leaf that gets it.

// MaxWants is how many members are foreseen at a time.
const MaxWants = 16

// A Want is a member that a command is about to look at, or with Moves to give that score.
type Want struct {
	Member []byte
	Score  float64
	Moves  bool
}

// A foreseen Want is on its way.
type foreseen struct {
	hash     uint64
	from, to *leaf // which has the member, and which gets it; nil: unknown
}

// Foresee asks for the memory that commands with these members will look at: of the first
// MaxWants. Nothing changes, and nothing depends on it.
func (z *ZSet) Foresee(wants []Want) {
	t := z.tree
	if t == nil {
		return
	}
	wants = wants[:min(len(wants), MaxWants)]
	var on [MaxWants]foreseen
	for i := range wants {
		h := t.hash(wants[i].Member)
		on[i].hash = h
		at := t.idx.home(place(h))
		prefetch.Line(&t.idx.root[at/chunkPages].pages[at%chunkPages])
	}
	for i := range wants {
		prefetch.All(t.idx.peek(place(on[i].hash)))
		if w := &wants[i]; w.Moves && t.n > 0 {
			on[i].to = t.leafOf(&bound{member: w.Member, score: w.Score})
			on[i].to.fetch()
			prefetch.All(on[i].to.scores[:])
		}
	}
	for i := range wants {
		p := place(on[i].hash)
		for _, e := range t.idx.peek(p) {
			if place(e) == p {
				on[i].from = t.peek(uint32(e))
				on[i].from.fetch()
				break
			}
		}
	}
	for i := range wants {
		on[i].arrive(&wants[i])
	}
}

// arrive asks for the members that stand where the leaves say, which have come by now.
func (f *foreseen) arrive(w *Want) {
	if l := f.from; l != nil {
		tag := tagOf(f.hash)
		for i := range int(l.n) {
			if l.tags[i] == tag {
				prefetch.Line(&l.scores[i])
				l.fetchFrom(i)
				break
			}
		}
	}
	if l := f.to; l != nil {
		at := 0
		for at < int(l.n) && l.scores[at] < w.Score {
			at++
		}
		l.fetchFrom(at)
	}
}

// fetch asks for what find looks at.
func (l *leaf) fetch() {
	prefetch.Line(&l.data)
	prefetch.All(l.ends[:])
	prefetch.All(l.tags[:])
	prefetch.Line(&l.n)
}

// fetchFrom asks for the data where member i begins.
func (l *leaf) fetchFrom(i int) {
	if at := l.start(i); at < len(l.data) {
		prefetch.Line(&l.data[at])
	}
}

// leafOf is the leaf in which the bound is, of a tree that is not empty.
func (t *tree) leafOf(b *bound) *leaf {
	for nd := t.root; ; {
		i := nd.child(b)
		if nd.kids == nil {
			return t.peek(nd.leaves[i])
		}
		nd = nd.kids[i]
	}
}

// renamed says that the members of l have gone from one leaf to another. Of a large set each of
// their pages of the index is in no cache: they are asked for together.
func (t *tree) renamed(l *leaf, from, to uint32) {
	var hashes [leafMax]uint64
	all := hashes[:l.n]
	for i := range all {
		all[i] = t.hash(l.member(i))
		at := t.idx.home(place(all[i]))
		prefetch.Line(&t.idx.root[at/chunkPages].pages[at%chunkPages])
	}
	for _, h := range all {
		prefetch.All(t.idx.peek(place(h)))
	}
	for _, h := range all {
		t.idx.moved(t.gen, h, from, to)
	}
}
