package aof

import "regent/engine/large"

// A backlog is the newest part of the stream in memory, a ring: followers that
// keep up never touch the disk. It has no memory before the first reader, so
// that a lone server has none at all. It is under Log.tail.
type backlog struct {
	ring       []byte
	start, end int64 // stream offsets of what it holds
}

// backlogBytes is the size of the ring.
const backlogBytes = 8 << 20

// open gives the backlog its memory; end is the end of the stream.
func (b *backlog) open(end int64) {
	if b.ring == nil {
		b.ring = make([]byte, backlogBytes)
		b.start, b.end = end, end
	}
}

// add appends what was written at off.
func (b *backlog) add(off int64, p []byte) {
	if b.ring == nil {
		return
	}
	size := int64(len(b.ring))
	if skip := int64(len(p)) - size; skip > 0 {
		off, p = off+skip, p[skip:]
		b.start = off
	} else if off != b.end {
		b.start = off
	}
	n := large.Copy(b.ring[off%size:], p)
	large.Copy(b.ring, p[n:])
	b.end = off + int64(len(p))
	b.start = max(b.start, b.end-size)
}

// read copies bytes from off on into p and reports whether it has them.
func (b *backlog) read(off int64, p []byte) (n int, ok bool) {
	if b.ring == nil || off < b.start || off >= b.end {
		return 0, false
	}
	size := int64(len(b.ring))
	p = p[:min(int64(len(p)), b.end-off)]
	n = copy(p, b.ring[off%size:])
	return n + copy(p[n:], b.ring[:]), true
}

// restart forgets everything; the stream goes on at off.
func (b *backlog) restart(off int64) { b.start, b.end = off, off }

// cut forgets what is after off.
func (b *backlog) cut(off int64) {
	b.end = min(b.end, off)
	b.start = min(b.start, off)
}
