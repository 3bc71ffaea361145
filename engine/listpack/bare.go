package listpack

import (
	"encoding/binary"
	"slices"
)

// A Bare is a listpack without what can be reckoned: its length, what leads back from an
// entry to the one before, and the end. Small hashes and sorted sets are kept so; what
// leaves the server is a listpack (Append).
//
//	count 2 | encoding and data | encoding and data | ...
//	'- as in a listpack
//
// Positions are offsets of entries, from First on; the end is the length. It is walked
// forwards. What comes from outside goes through Strip first.
type Bare []byte

// BareOverhead is what a Bare takes beside its entries, in bytes.
const BareOverhead = 2

// NewBare returns an empty one with room for so many bytes of entries.
func NewBare(room int) Bare { return InitBare(slices.Grow([]byte(nil), BareOverhead+room)) }

// InitBare is an empty one in the memory of buf, which has room for it.
func InitBare(buf []byte) Bare {
	b := Bare(buf[:BareOverhead])
	b.setLen(0)
	return b
}

func (b Bare) setLen(n int) { binary.LittleEndian.PutUint16(b, uint16(min(n, maxCount))) }

// Len is the number of elements. It walks when there are very many.
func (b Bare) Len() (n int) {
	if n = int(binary.LittleEndian.Uint16(b)); n < maxCount {
		return n
	}
	n = 0
	for p := b.First(); p < len(b); p = b.Next(p) {
		n++
	}
	return n
}

// First is the position of the first element.
func (Bare) First() int { return BareOverhead }

// Next is the position after p, which is that of an element.
func (b Bare) Next(p int) int {
	if n := int(b[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
		return p + 1 + n
	}
	return p + encodedLen(b[p:])
}

// Get is the element at p.
func (b Bare) Get(p int) Value { return Get(b, p) }

// Nth is the position of element n, of which there are more.
func (b Bare) Nth(n int) int {
	p := b.First()
	for range n {
		p = b.Next(p)
	}
	return p
}

// Find is the position of the first of the elements 0, 2, 4 … that is e, the length if none
// is; before is that of the one before it, -1: there is none.
func (b Bare) Find(e *Element) (at, before int) {
	p, before := b.First(), -1
	for p < len(b) {
		next := 0
		if n := int(b[p]) - 0x80; uint(n) < 1<<6 { // a short string, as most are
			next = p + 1 + n
			if string(b[p+1:next]) == string(e.text) {
				return p, before
			}
		} else {
			if e.Is(Get(b, p)) {
				return p, before
			}
			next = p + encodedLen(b[p:])
		}
		before, p = p, b.Next(next)
	}
	return p, before
}

// BareSize is the bytes of the entry in a Bare.
func (e *Element) BareSize() int { return e.encodedLen() }

// Insert2 puts two elements in at p, before what stands there.
func (b Bare) Insert2(p int, first, second *Element) Bare {
	count, had := b.Len(), len(b)
	n := first.encodedLen()
	size := n + second.encodedLen()
	b = grown(b, had+size)[:had+size]
	copy(b[p+size:], b[p:had])
	first.putEntry(b[p : p+n])
	second.putEntry(b[p+n : p+size])
	b.setLen(count + 2)
	return b
}

// Replace puts e in the place of what stands at p.
func (b Bare) Replace(p int, e *Element) Bare {
	size, had, q := e.encodedLen(), len(b), b.Next(p)
	to := had + size - (q - p)
	if to != had {
		b = Bare(grown(b, to))[:max(to, had)]
		copy(b[p+size:], b[q:had])
		b = b[:to]
	}
	e.putEntry(b[p : p+size])
	return b
}

// Delete removes the n elements from p up to q.
func (b Bare) Delete(p, q, n int) Bare {
	count := b.Len()
	b = append(b[:p], b[q:]...)
	b.setLen(count - n)
	return b
}

// Append appends the listpack that it stands for.
func (b Bare) Append(dst []byte) []byte {
	began := len(dst)
	dst = slices.Grow(dst, len(b)+2*b.Len()+Overhead) // enough but for long elements
	dst = append(dst, make([]byte, headerLen)...)
	n, p := 0, b.First()
	for ; p < len(b); n++ {
		size := b.Next(p) - p
		dst = append(dst, b[p:p+size]...)
		p += size
		if size < 1<<7 {
			dst = append(dst, byte(size))
			continue
		}
		back := backLenBytes(size)
		dst = append(dst, make([]byte, back)...)
		putBackLen(dst[len(dst)-back:], size)
	}
	dst = append(dst, endByte)
	setHeader(dst[began:], n)
	return dst
}

// Strip makes a Bare of a listpack from outside, which it validates on the way, in the
// memory of dst if that has room for StripRoom of it. The two may not overlap.
func Strip(dst, lp []byte) (Bare, error) {
	if !framed(lp) {
		return nil, ErrDamaged
	}
	if cap(dst) < StripRoom(len(lp)) {
		dst = make([]byte, StripRoom(len(lp)))
	}
	b, to := Bare(dst[:cap(dst)]), BareOverhead
	n, end := 0, End(lp)
	for p := headerLen; p < end; n++ {
		size := int(lp[p]) - 0x80 + 1
		if uint(size-1) >= 1<<6 { // no short string, as most are
			back := 1
			if size = 1; lp[p] >= 0x80 || lp[p+1] != 1 {
				var ok bool
				if size, back, ok = checkEntry(lp[p:end]); !ok {
					return nil, ErrDamaged
				}
			}
			to += copy(b[to:], lp[p:p+size])
			p += size + back
			continue
		}
		q := p + size
		if q >= end || int(lp[q]) != size {
			return nil, ErrDamaged
		}
		if size <= stripWide && p+stripWide <= len(lp) { // what is too much is written over
			from, into := lp[p:p+stripWide], b[to:to+stripWide]
			binary.LittleEndian.PutUint64(into, binary.LittleEndian.Uint64(from))
			binary.LittleEndian.PutUint64(into[8:], binary.LittleEndian.Uint64(from[8:]))
		} else {
			copy(b[to:], lp[p:q])
		}
		to += size
		p = q + 1
	}
	if !counted(lp, n) {
		return nil, ErrDamaged
	}
	b = b[:to]
	b.setLen(n)
	return b, nil
}

// stripWide is how many bytes Strip copies at once.
const stripWide = 16

// StripRoom is how much room Strip wants for a listpack of so many bytes.
func StripRoom(size int) int { return size + stripWide }
