package zset

import (
	"bytes"
	"errors"

	"regent/engine/decimal"
	"regent/engine/listpack"
)

// The small form: a listpack of member, score, member, score, … in order, to the byte
// as redis-server has it. A score that is a whole number is packed as one, others as
// their text.

// ErrDamaged says that a listpack is not one of members and scores.
var ErrDamaged = errors.New("a sorted set's listpack is damaged")

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

// A small is such a listpack, of no bytes while it is empty.
type small []byte

// checkSmall looks at what came from outside.
func checkSmall(lp []byte) error {
	n, err := listpack.Validate(lp)
	if err != nil {
		return err
	}
	if n%2 != 0 {
		return ErrDamaged
	}
	for p := listpack.First(lp); p < listpack.End(lp); p = listpack.Next(lp, p) {
		p = listpack.Next(lp, p)
		if v := listpack.Get(lp, p); !v.IsInt {
			if _, ok := decimal.ParseScore(v.Str); !ok {
				return ErrDamaged
			}
		}
	}
	return nil
}

func (s small) len() int {
	if len(s) == 0 {
		return 0
	}
	return listpack.Len(s) / 2
}

// first and end are the positions of the first pair and behind the last.
func (s small) first() int { return listpack.First(s) }

func (s small) end() int {
	if len(s) == 0 {
		return s.first()
	}
	return listpack.End(s)
}

// pair is what stands at position p, and the position after it.
func (s small) pair(p int) (member listpack.Value, score float64, next int) {
	member = listpack.Get(s, p)
	q := listpack.Next(s, p)
	return member, scoreOf(listpack.Get(s, q)), listpack.Next(s, q)
}

// find is where a member is, -1: it is not here.
func (s small) find(b []byte) int {
	if len(s) == 0 {
		return -1
	}
	e := listpack.ElementOf(b)
	if p := listpack.Find(s, s.first(), 2, &e); p < listpack.End(s) {
		return p
	}
	return -1
}

// score is the score of the member at p.
func (s small) score(p int) float64 {
	return scoreOf(listpack.Get(s, listpack.Next(s, p)))
}

// insert puts a pair in where it belongs.
func (s small) insert(b []byte, score float64) small {
	var text [decimal.DoubleLen]byte
	m, e := listpack.ElementOf(b), scoreElement(text[:0], score)
	switch {
	case len(s) > 0:
	case cap(s) < listpack.Overhead:
		s = listpack.New(m.Size() + e.Size())
	default:
		s = listpack.Init(s)
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
	lp := listpack.Insert(s, p, &m)
	return listpack.Insert(lp, listpack.Next(lp, p), &e)
}

// setScore gives another score to the member b at p.
func (s small) setScore(p int, b []byte, score float64) small {
	if !s.stays(p, b, score) {
		s = s.remove(p, 1)
		return s.insert(b, score)
	}
	var text [decimal.DoubleLen]byte
	e := scoreElement(text[:0], score)
	return listpack.Replace(s, listpack.Next(s, p), &e)
}

// stays reports whether the member b at p stays between its neighbours with a score.
func (s small) stays(p int, b []byte, score float64) bool {
	var buf decimal.Text
	if p > s.first() {
		v, other, _ := s.pair(listpack.Prev(s, listpack.Prev(s, p)))
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
		q = listpack.Next(s, q)
	}
	if p == s.first() && q == s.end() {
		return s[:0]
	}
	return listpack.Delete(s, p, q, 2*n)
}

// pairSize is the bytes of a pair, and scoreSize of its second half.
func pairSize(b []byte, score float64) int {
	m := listpack.ElementOf(b)
	return m.Size() + scoreSize(score)
}

func scoreSize(score float64) int {
	var text [decimal.DoubleLen]byte
	e := scoreElement(text[:0], score)
	return e.Size()
}

// scoreElement is a score as it is packed; what is no whole number is written into text.
func scoreElement(text []byte, score float64) listpack.Element {
	if n, ok := decimal.WholeDouble(score); ok {
		return listpack.ElementOfInt(n)
	}
	return listpack.ElementOf(decimal.AppendDouble(text, score))
}

// at is the position of pair r.
func (s small) at(r int) int { return listpack.Nth(s, 2*r) }

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
	for p := s.at(r); n > 0; n-- {
		v, score, next := s.pair(p)
		if !f(memberText(v, buf), score) {
			return
		}
		switch {
		case n == 1:
		case reverse:
			p = listpack.Prev(s, listpack.Prev(s, p))
		default:
			p = next
		}
	}
}
