// Package large handles values of many megabytes so that nothing else has to wait
// for them, and none is held more often than it has to be.
//
// # Steps
//
// Go's collector stops every goroutine for a moment, and waits until each is where it
// can be stopped: not inside copy, nor inside a checksum in assembly. One such step
// over 200 MB takes 40 to 400 ms on a busy machine, and for that long no heartbeat
// leaves this process. So what goes over a whole value goes in pieces, and between
// two of them the goroutine can be stopped.
//
// # Memory
//
// Go's heap grows by a half, as the server sets it up, over what is live before it is
// collected, and gives nothing back at once. A buffer of the size of a value is
// therefore taken from the system and given back as soon as it is not needed: Map and
// Unmap. Pages become resident as they are touched, so a length that somebody
// announces costs addresses and nothing else.
//
// Giving pages back takes time as well: of 512 MB up to a tenth of a second. A Pool leaves that
// to steps for which nobody waits.
//
// It knows no protocol and no record, and locks nothing.
package large

import (
	"bytes"
	"hash/crc32"
)

const (
	// Least is from which length on a value is large, in bytes.
	Least = 1 << 20
	// Piece is the longest step, in bytes: some 50 µs.
	Piece = 256 << 10
)

// Copy is the built-in copy, in pieces.
func Copy(dst, src []byte) (n int) {
	if len(src) <= Piece {
		return copy(dst, src)
	}
	for n < len(src) && n < len(dst) {
		n += step(dst[n:], src[n:min(len(src), n+Piece)])
	}
	return n
}

// step is one piece of Copy. It is a call, because a goroutine can be stopped where a
// function begins, and never inside copy.
//
//go:noinline
func step(dst, src []byte) int { return copy(dst, src) }

// Update is crc32.Update, in pieces.
func Update(sum uint32, table *crc32.Table, p []byte) uint32 {
	for len(p) > Piece {
		sum = crc32.Update(sum, table, p[:Piece])
		p = p[Piece:]
	}
	return crc32.Update(sum, table, p)
}

// Clone is a copy of p on Go's heap.
func Clone(p []byte) []byte {
	out := make([]byte, len(p))
	Copy(out, p)
	return out
}

// A Buffer gathers bytes. It is on Go's heap while it is small, and outside of it from
// Least bytes on. The zero value is empty.
type Buffer struct {
	mem    []byte // all of it
	n      int
	mapped bool
}

// Bytes is what was gathered, valid until the next change.
func (b *Buffer) Bytes() []byte { return b.mem[:b.n:b.n] }

// Len is how many bytes were gathered.
func (b *Buffer) Len() int { return b.n }

// Mapped reports whether the bytes are outside of Go's heap: nothing may point to
// them after Free.
func (b *Buffer) Mapped() bool { return b.mapped }

// Append adds p. more is how many bytes are known to follow: room for them is taken at
// once, which costs nothing before they come.
func (b *Buffer) Append(p []byte, more int) {
	copy(b.Extend(len(p), more), p)
}

// Extend adds n bytes, which are the caller's to fill, and makes room for more.
func (b *Buffer) Extend(n, more int) []byte {
	b.Room(n, more)
	at := b.n
	b.n += n
	return b.mem[at:b.n:b.n]
}

// Room makes room for n bytes, and for more if that costs nothing, and returns it.
// They count after Grow.
func (b *Buffer) Room(n, more int) []byte {
	if need := b.n + n; need > len(b.mem) {
		b.resize(max(need, 2*len(b.mem)), more)
	}
	return b.mem[b.n:]
}

// Grow adds n bytes of the room, which were filled.
func (b *Buffer) Grow(n int) { b.n += n }

func (b *Buffer) resize(size, more int) {
	grown := Buffer{n: b.n}
	if size+more >= Least {
		grown.mem = Map(size + more)
		grown.mapped = grown.mem != nil
	}
	if !grown.mapped {
		grown.mem = make([]byte, size)
	}
	Copy(grown.mem, b.Bytes())
	b.Free()
	*b = grown
}

// Shift drops the first n bytes. Large memory does not stay for a small rest.
func (b *Buffer) Shift(n int) {
	rest := b.mem[n:b.n]
	if b.mapped && len(rest) < Least {
		small := bytes.Clone(rest)
		b.Free()
		b.mem, b.n = small, len(small)
		return
	}
	b.n = Copy(b.mem, rest) // forward, so an overlap is no harm
}

// Clear drops all bytes, and the memory if it was large.
func (b *Buffer) Clear() {
	if b.mapped {
		b.Free()
	}
	b.n = 0
}

// Free gives the memory back.
func (b *Buffer) Free() {
	if b.mapped {
		Unmap(b.mem)
	}
	*b = Buffer{}
}
