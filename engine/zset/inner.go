package zset

import (
	"bytes"
	"slices"
)

const (
	// kidsMax is how many children an inner node has at most; with kidsFew it looks
	// for a neighbour to join, if the two have no more than kidsJoin.
	kidsMax  = 63 // one more, for a moment, is what its slices have room for
	kidsFew  = kidsMax / 4
	kidsJoin = kidsMax * 3 / 4
	// maxDepth bounds the levels of inner nodes: a node that is split leaves halves,
	// so no tree that fits an address space has more.
	maxDepth = 16

	innerBytes = 136
	perKid     = 8 + 8 + 16 + 8
)

// An inner node of the tree. Child i has what is not before separator i and before
// separator i+1; the first separator is never looked at.
type inner struct {
	gen    uint64
	counts []int     // of elements, by child
	scores []float64 // separators
	texts  []string
	kids   []*inner // nil in the lowest level:
	leaves []uint32 // the numbers of leaves
}

func (nd *inner) len() int { return len(nd.counts) }

// A bound is a place between elements: before the one with this score and member,
// or, with top, after all of this score. With lex scores are not looked at.
type bound struct {
	member []byte
	score  float64
	top    bool
	lex    bool
}

// isAfter reports whether the bound comes after element i of l.
func (b *bound) isAfter(l *leaf, i int) bool {
	if !b.lex {
		if s := l.scores[i]; s != b.score {
			return s < b.score
		}
		return b.top || bytes.Compare(l.member(i), b.member) < 0
	}
	c := bytes.Compare(l.member(i), b.member)
	return c < 0 || c == 0 && b.top
}

// notBefore reports whether the bound is at separator i of nd or after it.
func (b *bound) notBefore(nd *inner, i int) bool {
	if !b.lex {
		if s := nd.scores[i]; s != b.score {
			return s < b.score
		}
		if b.top {
			return true
		}
	}
	return nd.texts[i] <= string(b.member)
}

// child is the one in which the bound is.
func (nd *inner) child(b *bound) int {
	lo, hi := 1, nd.len()
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if b.notBefore(nd, mid) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// rank is the child that has the element of that rank in nd, and its rank there.
func (nd *inner) rank(r int) (i, rest int) {
	for i = range nd.counts {
		if r < nd.counts[i] {
			break
		}
		r -= nd.counts[i]
	}
	return i, r
}

// sum is how many elements the children before i have.
func (nd *inner) sum(i int) (n int) {
	for _, c := range nd.counts[:i] {
		n += c
	}
	return n
}

// insert puts a child in; either kid or leaf counts.
func (nd *inner) insert(i int, s split) {
	nd.counts = slices.Insert(nd.counts, i, s.count)
	nd.scores = slices.Insert(nd.scores, i, s.score)
	nd.texts = slices.Insert(nd.texts, i, s.text)
	if s.kid != nil {
		nd.kids = slices.Insert(nd.kids, i, s.kid)
	} else {
		nd.leaves = slices.Insert(nd.leaves, i, s.leaf)
	}
}

// remove takes child i out.
func (nd *inner) remove(i int) {
	nd.counts = slices.Delete(nd.counts, i, i+1)
	nd.scores = slices.Delete(nd.scores, i, i+1)
	nd.texts = slices.Delete(nd.texts, i, i+1)
	if nd.kids != nil {
		nd.kids = slices.Delete(nd.kids, i, i+1)
	} else {
		nd.leaves = slices.Delete(nd.leaves, i, i+1)
	}
}

// take appends the children of from, from child i on.
func (nd *inner) take(from *inner, i int) {
	nd.counts = append(nd.counts, from.counts[i:]...)
	nd.scores = append(nd.scores, from.scores[i:]...)
	nd.texts = append(nd.texts, from.texts[i:]...)
	if from.kids != nil {
		nd.kids = append(nd.kids, from.kids[i:]...)
	} else {
		nd.leaves = append(nd.leaves, from.leaves[i:]...)
	}
}

// cut drops the children from i on.
func (nd *inner) cut(i int) {
	clear(nd.texts[i:])
	nd.counts, nd.scores, nd.texts = nd.counts[:i], nd.scores[:i], nd.texts[:i]
	if nd.kids != nil {
		clear(nd.kids[i:])
		nd.kids = nd.kids[:i]
	} else {
		nd.leaves = nd.leaves[:i]
	}
}

// copied is a node of its own for the tree with the number.
func (nd *inner) copied(gen uint64) *inner {
	return &inner{gen, slices.Clone(nd.counts), slices.Clone(nd.scores), slices.Clone(nd.texts), slices.Clone(nd.kids), slices.Clone(nd.leaves)}
}

// A split is what a node has given to a new one on its right.
type split struct {
	kid   *inner
	leaf  uint32
	count int
	score float64 // the separator between them
	text  string
}

// separator is the shortest that is after element i of l and not after the first of r.
func separator(l *leaf, i int, score float64, member []byte) (float64, string) {
	if l.scores[i] != score {
		return score, ""
	}
	a, n := l.member(i), 0
	for n < len(a) && a[n] == member[n] {
		n++
	}
	return score, string(member[:n+1])
}
