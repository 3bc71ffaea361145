package zset

import (
	"bytes"

	"regent/engine/decimal"
	"regent/engine/listpack"
)

// The small form: member, score, member, score, … in order. redis-server has the same in a
// listpack. A score that is a whole number is packed as one, others as their text.

// AppendPacked appends a score's text as listpacks have it, which for large whole
// numbers is not decimal.AppendDouble's.
func AppendPacked(dst []byte, score float64) []byte {
	if n, ok := decimal.WholeDouble(score); ok {
		var t decimal.Text
		return append(dst, t.Of(n)...)
	}
	return decimal.AppendDouble(dst, score)
}

// scoreOf is the score in a listpack.
func scoreOf(v listpack.Value) float64 {
	if v.IsInt {
		return float64(v.Int)
	}
	f, _ := decimal.ParseScore(v.Str) // it has been looked at, or is our own
	return f
}

// isScore reports whether a text may be a score.
func isScore(text []byte) bool {
	_, ok := decimal.ParseScore(text)
	return ok
}

// A small is such a listpack.Bare, of no bytes while it is empty.
type small listpack.Bare

func (s small) bare() listpack.Bare { return listpack.Bare(s) }

func (s small) len() int {
	if len(s) == 0 {
		return 0
	}
	return s.bare().Len() / 2
}

// first and end are the positions of the first pair and behind the last.
func (s small) first() int { return s.bare().First() }

func (s small) end() int { return max(len(s), s.first()) }

// pair is what stands at position p, and the position after it.
func (s small) pair(p int) (member listpack.Value, score float64, next int) {
	lp := s.bare()
	member = lp.Get(p)
	q := lp.Next(p)
	return member, scoreOf(lp.Get(q)), lp.Next(q)
}

// find is where a member is, -1: it is not here. before is where the pair before it is, -1:
// there is none.
func (s small) find(b []byte) (p, before int) {
	if len(s) == 0 {
		return -1, -1
	}
	e := listpack.ElementOf(b)
	if p, before = s.bare().Find(&e); p < len(s) {
		return p, before
	}
	return -1, -1
}

// score is the score of the member at p.
func (s small) score(p int) float64 {
	return scoreOf(s.bare().Get(s.bare().Next(p)))
}

// insert puts a pair in where it belongs.
func (s small) insert(b []byte, score float64) small {
	var text [decimal.DoubleLen]byte
	m, e := listpack.ElementOf(b), scoreElement(text[:0], score)
	switch {
	case len(s) > 0:
	case cap(s) < listpack.BareOverhead:
		s = small(listpack.NewBare(m.BareSize() + e.BareSize()))
	default:
		s = small(listpack.InitBare(s))
	}
	p, end := s.first(), s.end()
	var buf decimal.Text
	for p < end {
		v, sc, next := s.pair(p)
		if sc > score || sc == score && bytes.Compare(memberText(v, &buf), b) > 0 {
			break
		}
		p = next
	}
	return small(s.bare().Insert2(p, &m, &e))
}

// setScore gives another score to the member b at p; the pair before it is at before.
func (s small) setScore(p, before int, b []byte, score float64) small {
	if !s.stays(p, before, b, score) {
		s = s.remove(p, 1)
		return s.insert(b, score)
	}
	var text [decimal.DoubleLen]byte
	e := scoreElement(text[:0], score)
	return small(s.bare().Replace(s.bare().Next(p), &e))
}

// stays reports whether the member b at p stays between its neighbours with a score.
func (s small) stays(p, before int, b []byte, score float64) bool {
	var buf decimal.Text
	if before >= 0 {
		v, other, _ := s.pair(before)
		if other > score || other == score && bytes.Compare(memberText(v, &buf), b) > 0 {
			return false
		}
	}
	_, _, next := s.pair(p)
	if next == s.end() {
		return true
	}
	v, other, _ := s.pair(next)
	return other > score || other == score && bytes.Compare(memberText(v, &buf), b) > 0
}

// remove takes n pairs out, from the one at p on.
func (s small) remove(p, n int) small {
	q := p
	for range 2 * n {
		q = s.bare().Next(q)
	}
	if p == s.first() && q == s.end() {
		return s[:0]
	}
	return small(s.bare().Delete(p, q, 2*n))
}

// pairSize is the bytes of a pair, and scoreSize of its second half.
func pairSize(b []byte, score float64) int {
	m := listpack.ElementOf(b)
	return m.BareSize() + scoreSize(score)
}

func scoreSize(score float64) int {
	var text [decimal.DoubleLen]byte
	e := scoreElement(text[:0], score)
	return e.BareSize()
}

// scoreElement is a score as it is packed; what is no whole number is written into text.
func scoreElement(text []byte, score float64) listpack.Element {
	if n, ok := decimal.WholeDouble(score); ok {
		return listpack.ElementOfInt(n)
	}
	return listpack.ElementOf(decimal.AppendDouble(text, score))
}

// at is the position of pair r.
func (s small) at(r int) int { return s.bare().Nth(2 * r) }

// memberText is a member's text, for which an integer needs buf.
func memberText(v listpack.Value, buf *decimal.Text) []byte {
	if v.IsInt {
		return buf.Of(v.Int)
	}
	return v.Str
}

// before is how many pairs come before the bound.
func (s small) before(b *bound) (n int) {
	var buf decimal.Text
	for p, end := s.first(), s.end(); p < end; n++ {
		v, score, next := s.pair(p)
		if score > b.score || score == b.score && !b.top && bytes.Compare(memberText(v, &buf), b.member) >= 0 {
			break
		}
		p = next
	}
	return n
}

// lexRange goes as redis-server does where scores differ: nowhere if the last member is
// before the range or the first behind it, else to the first that is not before it, and
// from there to the first that is not in it.
func (s small) lexRange(lo, hi *LexBound) (r, n int) {
	size := s.len()
	if size == 0 || !s.edge(size-1, lo.from) || !s.edge(0, hi.upTo) {
		return 0, 0
	}
	var buf decimal.Text
	s.walk(&buf, 0, size, false, func(b []byte, _ float64) bool {
		switch {
		case n == 0 && !lo.from(b):
			r++
		case hi.upTo(b):
			n++
		default:
			return false
		}
		return true
	})
	return r, n
}

// edge is what f says of member r.
func (s small) edge(r int, f func(b []byte) bool) (is bool) {
	var buf decimal.Text
	s.walk(&buf, r, 1, false, func(b []byte, _ float64) bool { is = f(b); return false })
	return is
}

// walk calls f with n pairs from the one of rank r on, or with reverse back from it,
// until it returns false. Integers are written into buf.
func (s small) walk(buf *decimal.Text, r, n int, reverse bool, f func(member []byte, score float64) bool) {
	if reverse {
		s.walkBack(buf, r, n, f)
		return
	}
	for p := s.at(r); n > 0; n-- {
		v, score, next := s.pair(p)
		if !f(memberText(v, buf), score) {
			return
		}
		p = next
	}
}

// someOffsets is as many as sorted sets are small with, unless they are configured to have
// more.
const someOffsets = 128

// walkBack is walk in reverse. Nothing leads back: where the pairs stand is noted on the way
// to rank r.
func (s small) walkBack(buf *decimal.Text, r, n int, f func(member []byte, score float64) bool) {
	var some [someOffsets]uint32
	at, first, lp := some[:0], r-n+1, s.bare()
	if n > someOffsets {
		at = make([]uint32, 0, n)
	}
	for i, p := 0, s.first(); i <= r; i++ {
		if i >= first {
			at = append(at, uint32(p))
		}
		p = lp.Next(lp.Next(p))
	}
	for i := len(at) - 1; i >= 0; i-- {
		if v, score, _ := s.pair(int(at[i])); !f(memberText(v, buf), score) {
			return
		}
	}
}
