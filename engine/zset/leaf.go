package zset

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

const (
	// leafMax is how many elements a leaf holds. With what else stands in it, it just
	// fits one of the allocator's sizes, 768 bytes.
	leafMax = 62
	// leafFew is how many are so few that a leaf looks for a neighbour to join, and
	// leafJoin how many the two may have together.
	leafFew  = leafMax / 4
	leafJoin = leafMax * 3 / 4
	// maxInline is the longest member that stands in the leaf's data, in bytes.
	maxInline = 256
	// dataShare: data that grows gets that part of it as room.
	dataShare = 8
	// tagSlots is leafMax in whole words of tags.
	tagSlots = 64
)

// What leaves take beside their data, in bytes.
const (
	leafBytes    = 768
	perBigMember = 24
)

// A leaf holds elements in order, see doc.go. What has pointers stands first, so that
// the collector need not look at the rest.
type leaf struct {
	data   []byte   // the members one after the other, without large ones
	bigs   [][]byte // the large ones; none of them is changed
	gen    uint64   // the tree that may change it has this number
	isBig  uint64   // bit i: member i is large
	scores [leafMax]float64
	ends   [leafMax]uint16 // where member i ends in data, and the next begins
	tags   [tagSlots]uint8 // of the members' hashes
	n      uint8
}

// start is where member i begins in data; i may be n.
func (l *leaf) start(i int) int {
	if i == 0 {
		return 0
	}
	return int(l.ends[i-1])
}

// member is member i.
func (l *leaf) member(i int) []byte {
	if l.isBig>>i&1 != 0 {
		return l.bigs[l.bigBefore(i)]
	}
	end := l.ends[i]
	return l.data[l.start(i):end:end]
}

// bigBefore is how many of the members before i are large.
func (l *leaf) bigBefore(i int) int {
	return bits.OnesCount64(l.isBig & (1<<i - 1))
}

// find is where the member b is, -1: it is not here.
func (l *leaf) find(tag uint8, b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	want := uint64(tag) * ones
	n := int(l.n)
	for at := 0; at < n; at += 8 {
		x := binary.LittleEndian.Uint64(l.tags[at:at+8]) ^ want
		// A byte that is zero, and perhaps one above it: the tag says for certain.
		for hit := (x - ones) &^ x & tops; hit != 0; hit &= hit - 1 {
			i := at + bits.TrailingZeros64(hit)/8
			if i < n && l.tags[i] == tag && string(l.member(i)) == string(b) {
				return i
			}
		}
	}
	return -1
}

// before is how many elements come before b.
func (l *leaf) before(b *bound) int {
	lo, hi := 0, int(l.n)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if b.isAfter(l, mid) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// compare compares element i with another one.
func (l *leaf) compare(i int, score float64, b []byte) int {
	switch s := l.scores[i]; {
	case s < score:
		return -1
	case s > score:
		return 1
	}
	return bytes.Compare(l.member(i), b)
}

// insert puts an element in at place i; there is room for it. It returns by how many
// bytes the memory has grown.
func (l *leaf) insert(i int, tag uint8, score float64, b []byte) int64 {
	n := int(l.n)
	was := l.room()
	copy(l.scores[i+1:n+1], l.scores[i:n])
	copy(l.tags[i+1:n+1], l.tags[i:n])
	l.scores[i], l.tags[i] = score, tag
	below := l.isBig & (1<<i - 1)
	l.isBig = below | (l.isBig&^(1<<i-1))<<1
	from := l.start(i)
	size := 0
	if len(b) > maxInline {
		l.isBig |= 1 << i
		l.bigs = slices.Insert(l.bigs, bits.OnesCount64(below), slices.Clone(b))
	} else if size = len(b); size > 0 {
		l.open(from, b)
	}
	for j := n; j > i; j-- {
		l.ends[j] = l.ends[j-1] + uint16(size)
	}
	l.ends[i] = uint16(from + size)
	l.n++
	return l.room() - was
}

// open puts b into data at a place.
func (l *leaf) open(at int, b []byte) {
	had, size := len(l.data), len(b)
	if had+size > cap(l.data) {
		to := makeData(had + size)
		copy(to, l.data[:at])
		copy(to[at+size:], l.data[at:])
		l.data = to
	} else {
		l.data = l.data[:had+size]
		copy(l.data[at+size:], l.data[at:had])
	}
	copy(l.data[at:], b)
}

// makeData has room for some more than n bytes: whatever the allocator gives.
func makeData(n int) []byte {
	return append([]byte(nil), make([]byte, n+n/dataShare)...)[:n]
}

// remove takes the elements from i up to j out, and returns by how many bytes the memory
// has grown.
func (l *leaf) remove(i, j int) int64 {
	was := l.room()
	n, gone := int(l.n), j-i
	from, end := l.start(i), l.start(j)
	if l.isBig != 0 {
		l.bigs = slices.Delete(l.bigs, l.bigBefore(i), l.bigBefore(j))
		l.isBig = l.isBig&(1<<i-1) | l.isBig>>j<<i
	}
	l.data = append(l.data[:from], l.data[end:]...)
	copy(l.scores[i:n], l.scores[j:n])
	copy(l.tags[i:n], l.tags[j:n])
	for k := i; k < n-gone; k++ {
		l.ends[k] = l.ends[k+gone] - uint16(end-from)
	}
	l.n -= uint8(gone)
	if len(l.data) < cap(l.data)/2 {
		l.data = append(makeData(len(l.data))[:0], l.data...)
	}
	return l.room() - was
}

// take copies the elements of from, from place i on, behind those that are here, and
// returns by how many bytes the memory has grown. from is the caller's to drop or to
// cut.
func (l *leaf) take(from *leaf, i int) int64 {
	was := l.room()
	n, more := int(l.n), int(from.n)-i
	start, had := from.start(i), len(l.data)
	if need := had + len(from.data) - start; need > cap(l.data) {
		l.data = append(makeData(need)[:0], l.data...)
	}
	l.data = append(l.data, from.data[start:]...)
	copy(l.scores[n:], from.scores[i:from.n])
	copy(l.tags[n:], from.tags[i:from.n])
	for j := range more {
		l.ends[n+j] = from.ends[i+j] - uint16(start) + uint16(had)
	}
	l.isBig |= from.isBig >> i << n
	l.bigs = append(l.bigs, from.bigs[from.bigBefore(i):]...)
	l.n += uint8(more)
	return l.room() - was
}

// cut drops the elements from place i on, and returns by how many bytes the memory has
// grown.
func (l *leaf) cut(i int) int64 {
	was := l.room()
	at := l.bigBefore(i)
	clear(l.bigs[at:])
	l.bigs, l.isBig = l.bigs[:at], l.isBig&(1<<i-1)
	l.data = append(makeData(l.start(i))[:0], l.data[:l.start(i)]...)
	l.n = uint8(i)
	return l.room() - was
}

// room is the memory of the members, in bytes.
func (l *leaf) room() int64 {
	n := int64(cap(l.data))
	if l.isBig != 0 {
		n += int64(len(l.bigs)) * perBigMember
		for _, b := range l.bigs {
			n += int64(cap(b))
		}
	}
	return n
}

// copied is a leaf of its own for the tree with the number.
func (l *leaf) copied(gen uint64) *leaf {
	to := *l
	to.gen = gen
	to.data = append(makeData(len(l.data))[:0], l.data...)
	to.bigs = slices.Clone(l.bigs)
	return &to
}
