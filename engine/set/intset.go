package set

import (
	"encoding/binary"
	"errors"
	"math"
)

// An ints is a set of integers in ascending order, all as wide as the widest
// needs; Redis's layout (intset.h), which RDB files carry:
//
//	+-------+-------+-----+-----+-----
//	| width | count | int | int | ...   all with the low byte first
//	|   4   |   4   |   width each
//	+-------+-------+-----+-----+-----
//
// No bytes are the empty one. Methods that change it return where it is now.
type ints []byte

const intsHead = 8

// mostInts is how many members an intset has at most, whatever the limit: Redis
// bounds it likewise.
const mostInts = 1 << 30

// errInts is what is wrong with an intset from outside.
var errInts = errors.New("not an intset: its size, or the order of its members")

// checkInts reports whether b is a whole and sound intset.
func checkInts(b []byte) error {
	if len(b) < intsHead {
		return errInts
	}
	width, n := binary.LittleEndian.Uint32(b), uint64(binary.LittleEndian.Uint32(b[4:]))
	if width != 2 && width != 4 && width != 8 || uint64(len(b)) != intsHead+n*uint64(width) {
		return errInts
	}
	s := ints(b)
	for i := 1; i < s.len(); i++ {
		if s.at(i-1) >= s.at(i) {
			return errInts
		}
	}
	return nil
}

func (s ints) len() int {
	if len(s) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(s[4:]))
}

func (s ints) width() int {
	if len(s) == 0 {
		return 2
	}
	return int(s[0])
}

func (s ints) at(i int) int64 { return getInt(s[intsHead:], s.width(), i) }

func getInt(b []byte, width, i int) int64 {
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
	}
	return int64(binary.LittleEndian.Uint64(b[8*i:]))
}

// EachInt calls f with the integers of b, which is in the layout of an intset (Set.Ints).
func EachInt(b []byte, f func(n int64)) {
	s := ints(b)
	if s.len() == 0 {
		return
	}
	all, width := s[intsHead:], s.width()
	for i := range s.len() {
		f(getInt(all, width, i))
	}
}

func putInt(b []byte, width, i int, n int64) {
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(b[2*i:], uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(b[4*i:], uint32(n))
	default:
		binary.LittleEndian.PutUint64(b[8*i:], uint64(n))
	}
}

// widthOf is how many bytes n needs.
func widthOf(n int64) int {
	switch {
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return 2
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return 4
	}
	return 8
}

// find is where n stands, or would.
func (s ints) find(n int64) (at int, found bool) {
	low, high := 0, s.len()
	for low < high {
		mid := int(uint(low+high) / 2)
		switch v := s.at(mid); {
		case v == n:
			return mid, true
		case v < n:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// Common calls f with the integers that all of sets have, which are in the layout of an
// intset (Set.Ints), in their order, until it returns false. It goes through the smallest
// one and through the others beside it: where they are much larger, in leaps.
func Common(sets [][]byte, f func(n int64) bool) {
	least := 0
	for i := range sets {
		if ints(sets[i]).len() < ints(sets[least]).len() {
			least = i
		}
	}
	if small := ints(sets[least]); len(sets) == 2 && small.len() > 0 {
		if large := ints(sets[1-least]); large.len() < small.len()*alike {
			commonOfTwo(small, large, f)
			return
		}
	}
	var few [fewWalks]walk
	others := few[:0]
	for j := range sets {
		if j != least {
			others = append(others, walk{ints: sets[j], at: -1, now: math.MinInt64})
		}
	}
	small := ints(sets[least])
	for i := range small.len() {
		n, all := small.at(i), true
		for j := range others {
			w := &others[j]
			if (w.now < n || w.at < 0) && !w.seek(n) {
				return // nothing that follows is there
			}
			if all = w.now == n; !all {
				break
			}
		}
		if all && !f(n) {
			return
		}
	}
}

// alike: a set that has less than so many times the members of another one is gone through step by step.
const alike = 8

// commonOfTwo is Common of two sets, which are not empty, without leaps.
func commonOfTwo(a, b ints, f func(n int64) bool) {
	inA, widthA, endA := a[intsHead:], a.width(), a.len()
	inB, widthB, endB := b[intsHead:], b.width(), b.len()
	for i, j := 0, 0; i < endA && j < endB; {
		switch x, y := getInt(inA, widthA, i), getInt(inB, widthB, j); {
		case x < y:
			i++
		case x > y:
			j++
		default:
			if !f(x) {
				return
			}
			i, j = i+1, j+1
		}
	}
}

// A walk goes through a set in its order, by members that are asked for.
type walk struct {
	ints
	at  int   // the place of now, -1: it has not begun
	now int64 // the least member that was not below what was asked for last
}

// fewWalks is how many walks need no memory of their own.
const fewWalks = 4

// seek goes on to the first member that is not below n, and does not stay where it is; false: there is none.
func (w *walk) seek(n int64) bool {
	if w.at++; w.at < w.len() {
		if w.now = w.ints.at(w.at); w.now >= n { // as everywhere in sets that are alike
			return true
		}
		w.at = w.from(w.at, n)
	}
	if w.at >= w.len() {
		w.at = w.len()
		return false
	}
	w.now = w.ints.at(w.at)
	return true
}

// Union calls f with the integers that any of sets has, which are as for Common, in their
// order.
func Union(sets [][]byte, f func(n int64)) {
	from := make([]int, len(sets))
	for {
		least, some := int64(0), false
		for j, at := range from {
			if s := ints(sets[j]); at < s.len() && (!some || s.at(at) < least) {
				least, some = s.at(at), true
			}
		}
		if !some {
			return
		}
		for j, at := range from {
			if s := ints(sets[j]); at < s.len() && s.at(at) == least {
				from[j]++
			}
		}
		f(least)
	}
}

// Difference calls f with the integers of the first of sets, which are as for Common, that
// no other one has, in their order.
func Difference(sets [][]byte, f func(n int64)) {
	var few [fewWalks]walk
	others := few[:0]
	for _, b := range sets[1:] {
		others = append(others, walk{ints: b, at: -1, now: math.MinInt64})
	}
	first := ints(sets[0])
	for i := range first.len() {
		n, there := first.at(i), false
		for j := 0; j < len(others) && !there; j++ {
			w := &others[j]
			there = (w.now >= n && w.at >= 0 || w.seek(n)) && w.now == n
		}
		if !there {
			f(n)
		}
	}
}

// from is the first place from at on whose integer is not below n.
func (s ints) from(at int, n int64) int {
	end := s.len()
	leap := 1
	for at+leap <= end && s.at(at+leap-1) < n {
		at += leap
		leap *= 2
	}
	high := min(at+leap-1, end)
	for at < high {
		if mid := int(uint(at+high) / 2); s.at(mid) < n {
			at = mid + 1
		} else {
			high = mid
		}
	}
	return at
}

func (s ints) setLen(n int) { binary.LittleEndian.PutUint32(s[4:], uint32(n)) }

// insert puts n at place at, which find has told.
func (s ints) insert(at int, n int64) ints {
	count, width := s.len(), s.width()
	wide := max(width, widthOf(n))
	size := intsHead + (count+1)*wide
	to := s
	if size > cap(s) || wide != width && count > 0 {
		to = room(size)
	}
	to = to[:size]
	binary.LittleEndian.PutUint32(to, uint32(wide))
	if wide == width {
		if count > 0 {
			copy(to[intsHead+(at+1)*wide:], s[intsHead+at*wide:intsHead+count*wide])
			copy(to[intsHead:], s[intsHead:intsHead+at*wide])
		}
	} else {
		for i := range count {
			j := i
			if i >= at {
				j++
			}
			putInt(to[intsHead:], wide, j, s.at(i))
		}
	}
	putInt(to[intsHead:], wide, at, n)
	to.setLen(count + 1)
	return to
}

// remove takes out what stands at place at; to stay keeps it where it is.
func (s ints) remove(at int, stay bool) ints {
	width := s.width()
	copy(s[intsHead+at*width:], s[intsHead+(at+1)*width:])
	s = s[:len(s)-width]
	s.setLen(s.len() - 1)
	if !stay && wasteful(len(s), cap(s)) {
		to := room(len(s))
		copy(to, s)
		return to
	}
	return s
}

// room is memory of n bytes with a quarter more to grow into, and whatever the
// allocator adds.
func room(n int) []byte { return append([]byte(nil), make([]byte, n+n/4)...)[:n] }

// wasteful reports whether n bytes should move out of memory of that size.
func wasteful(n, size int) bool { return size > 64 && n < size/2 }
