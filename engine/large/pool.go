package large

import (
	"math/bits"
	"slices"
	"sync"
	"unsafe"
)

// A Pool has memory outside of Go's heap for large entries of the dictionary and for
// what is read from clients, so that a value can stay where it was read to and the
// memory of the one before takes the next. Each piece, a span, is of a size that
// SpanSize returns, or up to an eighth and a page larger.
//
//	             Get                         Put
//	warm  ─────────────────►  in use  ─────────────────►  warm; beyond maxWarm the oldest of any size goes
//	warm, larger: split ───►          ─────────────────►
//	bare  ─────────────────►          ─────────────────►  bare, or unmapped
//	leaving ───────────────►          ── above MaxSpan ─►  leaving, in steps: GiveBack
//
// A span that is warm keeps its pages: taking one costs no page fault, which for a
// megabyte are more work than reading it. What was not needed from one Tidy to the next
// goes back to the system. It may be called from any goroutine.
type Pool struct {
	// Leaves, if given, is called when a span that is too large to be kept was put: GiveBack is wanted
	// soon. It may be called under any lock of those that call Put. Without it such a span is
	// given back at once.
	Leaves func()

	mu     sync.Mutex
	lists  [spanClasses]spanList
	kept   int64  // bytes of warm spans
	puts   uint64 // how often a span has become warm
	pieces int    // spans up to MaxSpan that are in use, warm or bare
	empty  int    // those that are bare
	// leaving are spans above MaxSpan, each as far as its pages were not given back, which are
	// stay bytes in all.
	leaving []leavingSpan
	stay    int
}

// A leavingSpan is one whose first kept bytes may have pages.
type leavingSpan struct {
	mem  []byte
	kept int
}

// A spanList are the spans of one size that are not in use.
type spanList struct {
	warm []warmSpan // the last is taken first
	bare [][]byte
	idle int // how many of warm, the first, were not needed since the last Tidy
}

// A warmSpan is a span with pages; put tells when it became one, beside others.
type warmSpan struct {
	mem []byte
	put uint64
}

const (
	// LeastSpan is less than the smallest span, and MaxSpan is the largest that is kept
	// for later use, in bytes.
	LeastSpan = 32 << 10
	MaxSpan   = 2 << 20
	// Sizes go by eighths of a doubling up to fineSpan, whole pages, and by wideStep above: values
	// of 1 MB are frequent, and a span holds what stands before them, too.
	fineSpan = 1 << 20
	wideStep = 32 << 10
	// spanClasses is how many sizes there are.
	spanClasses = 8*5 + (MaxSpan-fineSpan)/wideStep
	pageBytes   = 4096
	leastPiece  = LeastSpan + pageBytes // the smallest span in bytes
	// maxWarm bounds the bytes of warm spans.
	maxWarm = 64 << 20
	// maxPieces is how many spans there may be before they are not unmapped one by one:
	// each hole would be a mapping for the kernel to keep, and it keeps 65,530. The
	// memory of those is emptied, and their addresses, which cost nothing, wait for the next of the size.
	maxPieces = 16 << 10
	// maxLeaving is how many bytes there may be before a span that is to leave in steps: where more
	// come than steps give back, each is given back at once.
	maxLeaving = 64 << 20
)

// SpanSize is how many bytes a span for n bytes has.
func SpanSize(n int) int {
	n = max(n, LeastSpan+1)
	granule := pageBytes
	switch {
	case n <= fineSpan:
		granule = 1 << (bits.Len(uint(n-1)) - 4)
	case n <= MaxSpan:
		granule = wideStep
	}
	return (n + granule - 1) &^ (granule - 1)
}

// spanClass is the class of a size that SpanSize has returned, -1: too large.
func spanClass(size int) int {
	if size > MaxSpan {
		return -1
	}
	if size > fineSpan {
		return 8*5 + (size-fineSpan)/wideStep - 1
	}
	doubling := bits.Len(uint(size - 1)) // 16 for 32 to 64 KiB
	return (doubling-16)*8 + (size-1)>>(doubling-4) - 8
}

// fits is the largest class whose size a span of n bytes has, -1: n is none of a span that is kept.
func fits(n int) int {
	if n < leastPiece {
		return -1
	}
	size := SpanSize(n)
	class := spanClass(size)
	if class >= 0 && size > n {
		class--
	}
	return class
}

// Get is a span for n bytes, of which nothing is known; nil: the system refuses.
func (p *Pool) Get(n int) []byte {
	size := SpanSize(n)
	class := spanClass(size)
	if class < 0 {
		if b := p.stop(size); b != nil {
			return b
		}
		return Map(size)
	}
	if b := p.take(class, size); b != nil {
		return b
	}
	b := mapSpan(size)
	if b == nil {
		p.mu.Lock()
		p.pieces--
		p.mu.Unlock()
	}
	return b
}

// take is a span that is not in use, nil: there is none, and the caller maps one.
func (p *Pool) take(class, size int) (b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.lists[class]
	if len(l.warm) > 0 {
		return p.last(l)
	}
	if b := p.split(class, size); b != nil {
		return b
	}
	if last := len(l.bare) - 1; last >= 0 {
		b, l.bare = l.bare[last], l.bare[:last]
		p.empty--
		return b
	}
	p.pieces++
	return nil
}

// last takes the last warm span of a list, which has one.
func (p *Pool) last(l *spanList) []byte {
	last := len(l.warm) - 1
	b := l.warm[last].mem
	l.warm[last].mem = nil
	l.warm = l.warm[:last]
	l.idle = min(l.idle, last)
	p.kept -= int64(len(b))
	return b
}

// split takes size bytes of a warm span that is larger than those of the class, the smallest whose rest is
// a span again; nil: there is none. Pages that are there cost less than those that the system would have to
// find and to clear.
func (p *Pool) split(class, size int) []byte {
	if !canSplit {
		return nil
	}
	for larger := class + 1; larger < spanClasses; larger++ {
		l := &p.lists[larger]
		n := len(l.warm)
		if n == 0 || len(l.warm[n-1].mem)-size < leastPiece {
			continue
		}
		put := l.warm[n-1].put
		b := p.last(l)
		p.pieces++
		p.warm(b[size:], put)
		return b[:size:size]
	}
	return nil
}

// warm keeps a span with its pages.
func (p *Pool) warm(b []byte, put uint64) {
	l := &p.lists[fits(len(b))]
	l.warm = append(l.warm, warmSpan{b, put})
	p.kept += int64(len(b))
}

// Put takes a span back, whole, to which nothing points. It stays warm, for it is the most likely to be
// in the caches and to be of the size that is in use now: those that came before leave.
func (p *Pool) Put(b []byte) {
	if fits(len(b)) < 0 {
		p.leave(b)
		return
	}
	for range MaxSpan/leastPiece + 1 { // so many of the smallest make room for the largest
		old := p.keep(b)
		if old == nil {
			return
		}
		p.Drop(old)
	}
	p.Drop(b) // others were quicker
}

// keep has b be warm, if there is room. If not, it takes the warm span that has come first.
func (p *Pool) keep(b []byte) (old []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept+int64(len(b)) <= maxWarm {
		p.puts++
		p.warm(b, p.puts)
		return nil
	}
	var first *spanList
	for i := range p.lists {
		if l := &p.lists[i]; len(l.warm) > 0 && (first == nil || l.warm[0].put < first.warm[0].put) {
			first = l
		}
	}
	old, first.warm[0].mem = first.warm[0].mem, nil
	first.warm = first.warm[1:]
	first.idle = max(first.idle-1, 0)
	p.kept -= int64(len(old))
	return old
}

// leave gives back a span that is too large to be kept: by GiveBack, or at once. A page takes up to
// half a microsecond, 512 MB the tenth of a second, and the caller may have a shard's lock.
func (p *Pool) leave(b []byte) {
	if p.Leaves == nil || !p.later(b) {
		Unmap(b)
		return
	}
	p.Leaves()
}

// later leaves a span to GiveBack, unless there is too much already.
func (p *Pool) later(b []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stay > maxLeaving {
		return false
	}
	p.leaving = append(p.leaving, leavingSpan{b, len(b)})
	p.stay += len(b)
	return true
}

// GiveBack gives back up to about n bytes of the spans that leave, a multiple of the system's pages, and
// reports whether there are more.
func (p *Pool) GiveBack(n int) (more bool) {
	for {
		p.mu.Lock()
		if len(p.leaving) == 0 || n <= 0 {
			more = len(p.leaving) > 0
			p.mu.Unlock()
			return more
		}
		s := p.stayed(0) // the last are the first to be taken again
		p.mu.Unlock()
		piece := min(s.kept, n)
		empty(s.mem[s.kept-piece : s.kept])
		n -= piece
		if s.kept -= piece; s.kept == 0 {
			Unmap(s.mem)
			continue
		}
		p.mu.Lock()
		p.leaving = slices.Insert(p.leaving, 0, s)
		p.stay += s.kept
		p.mu.Unlock()
	}
}

// stayed takes a span out of those that leave.
func (p *Pool) stayed(i int) leavingSpan {
	s := p.leaving[i]
	p.leaving = slices.Delete(p.leaving, i, i+1)
	p.stay -= s.kept
	return s
}

// stop is a span for size bytes of those that leave, as warm as it is; nil: there is none of about that size.
func (p *Pool) stop(size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.leaving) - 1; i >= 0; i-- {
		if n := len(p.leaving[i].mem); n >= size && n <= size+size/8 {
			return p.stayed(i).mem
		}
	}
	return nil
}

// Drop is Put of a span that is not soon to be used again.
func (p *Pool) Drop(b []byte) {
	class := fits(len(b))
	if class < 0 {
		Unmap(b)
		return
	}
	p.mu.Lock()
	if p.pieces <= maxPieces {
		p.pieces--
		p.mu.Unlock()
		unmapSpan(b)
		return
	}
	p.mu.Unlock()
	empty(b)
	p.mu.Lock()
	p.lists[class].bare = append(p.lists[class].bare, b)
	p.empty++
	p.mu.Unlock()
}

// Warm is how many bytes of memory are not in use.
func (p *Pool) Warm() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

// Tidy gives back what was not needed since it was called last.
func (p *Pool) Tidy() {
	for class := range p.lists {
		warm, bare := p.unneeded(class)
		for _, w := range warm {
			p.Drop(w.mem)
		}
		for _, b := range bare {
			unmapSpan(b)
		}
	}
}

// Purge gives back all that is not in use.
func (p *Pool) Purge() {
	for p.GiveBack(Piece) {
		continue
	}
	p.Tidy() // from here on what is not in use was not needed
	p.Tidy()
}

// unneeded takes the warm spans that were not needed, and begins to count anew. Of bare ones
// it takes all when few spans are in use again, unless there are so many that the holes on
// the way would be too many.
func (p *Pool) unneeded(class int) (warm []warmSpan, bare [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.lists[class]
	if l.idle > 0 {
		warm, l.warm = l.warm[:l.idle:l.idle], append([]warmSpan(nil), l.warm[l.idle:]...)
		for _, w := range warm {
			p.kept -= int64(len(w.mem))
		}
	}
	l.idle = len(l.warm)
	if p.pieces-p.empty <= maxPieces/2 && p.pieces <= 4*maxPieces {
		bare, l.bare = l.bare, nil
		p.pieces -= len(bare)
		p.empty -= len(bare)
	}
	return warm, bare
}

// Offset is where part, which is not empty, begins in whole, -1: it is no part of it.
func Offset(whole, part []byte) int {
	begin, at := uintptr(unsafe.Pointer(unsafe.SliceData(whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	if at < begin || at+uintptr(len(part)) > begin+uintptr(len(whole)) {
		return -1
	}
	return int(at - begin)
}

// Before is b with the n bytes before it, which are of the same span.
func Before(b []byte, n int) []byte {
	if n == 0 {
		return b
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), -n)), len(b)+n)
}
