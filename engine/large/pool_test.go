package large

import (
	"bytes"
	"testing"
)

// TestSpanSizes: every size has a class of its own, in order, and wastes an eighth and a page at most.
func TestSpanSizes(t *testing.T) {
	last, lastClass := 0, -1
	for n := LeastSpan + 1; n <= MaxSpan; n++ {
		size := SpanSize(n)
		class := spanClass(size)
		if size < n || size%pageBytes != 0 || size > n+n/8+pageBytes || class < 0 || class >= spanClasses {
			t.Fatalf("%d bytes: %d bytes of class %d", n, size, class)
		}
		if size != last && class != lastClass+1 || size == last && class != lastClass {
			t.Fatalf("%d bytes: class %d after %d", n, class, lastClass)
		}
		last, lastClass = size, class
	}
	if lastClass != spanClasses-1 {
		t.Errorf("the last class is %d", lastClass)
	}
	if size := SpanSize(MaxSpan + 1); spanClass(size) != -1 || size != MaxSpan+pageBytes {
		t.Errorf("%d bytes beyond", size)
	}
}

// TestPoolIsBounded: spans that come back are kept warm up to a limit, are taken first, and
// those not needed for a while are given back.
func TestPoolIsBounded(t *testing.T) {
	var p Pool
	const size = 1 << 20
	var out [][]byte
	for range 3 * maxWarm / size {
		b := p.Get(size)
		if len(b) != size {
			t.Fatalf("%d bytes", len(b))
		}
		b[0], b[size-1] = 1, 1
		out = append(out, b)
	}
	for _, b := range out {
		p.Put(b)
	}
	if p.Warm() != maxWarm || p.pieces != maxWarm/size {
		t.Errorf("%d bytes are warm of %d spans", p.Warm(), p.pieces)
	}
	p.Tidy() // all were needed once
	for range 3 {
		b := p.Get(size)
		if b[0] != 1 {
			t.Error("it is not warm")
		}
		p.Put(b)
		c := p.Get(size)
		p.Put(c)
	}
	if p.Warm() != maxWarm {
		t.Errorf("%d bytes are warm after the first Tidy", p.Warm())
	}
	p.Tidy()
	if p.Warm() != size {
		t.Errorf("%d bytes are warm, one span was needed", p.Warm())
	}
	p.Tidy()
	if p.Warm() != 0 || p.pieces != 0 {
		t.Errorf("%d bytes are warm at last, %d spans are left", p.Warm(), p.pieces)
	}
	b := p.Get(3 * MaxSpan)
	p.Put(b)
	if p.Warm() != 0 || p.pieces != 0 {
		t.Error("what is too large is kept")
	}
}

// TestLargeSpansLeaveInSteps: Put of a span that is too large to be kept gives back no pages, and each
// step gives back so many of them.
func TestLargeSpansLeaveInSteps(t *testing.T) {
	const step, size = 1 << 20, 5<<20 + pageBytes
	left := func(p *Pool) (n int) {
		for _, s := range p.leaving {
			n += s.kept
		}
		if n != p.stay {
			t.Fatalf("%d bytes stay, %d are counted", n, p.stay)
		}
		return n
	}
	asked := 0
	p := Pool{Leaves: func() { asked++ }}
	a, b := p.Get(size), p.Get(size)
	for i := 0; i < size; i += pageBytes {
		a[i], b[i] = 1, 1
	}
	p.Put(a)
	p.Put(b)
	if asked != 2 || left(&p) != 2*size || a[0] != 1 {
		t.Fatalf("asked %d times, %d bytes are left of %d", asked, left(&p), 2*size)
	}
	for want := 2*size - step; p.GiveBack(step); want -= step {
		if left(&p) != want {
			t.Fatalf("%d bytes are left, not %d", left(&p), want)
		}
	}
	if left(&p) != 0 || p.GiveBack(step) {
		t.Errorf("%d bytes are left", left(&p))
	}
	p.Put(p.Get(size))
	if p.Purge(); left(&p) != 0 {
		t.Error("Purge leaves something")
	}
	var many [][]byte
	for range maxLeaving/size + 3 {
		many = append(many, p.Get(size))
	}
	for _, b := range many {
		p.Put(b)
	}
	if n := left(&p); n > maxLeaving+size || n < maxLeaving {
		t.Errorf("%d bytes leave in steps", n)
	}
	p.Purge()
}

// TestWhatLeavesIsTakenAgain: a span that is leaving is the next of about its size.
func TestWhatLeavesIsTakenAgain(t *testing.T) {
	const size = 8 << 20
	p := Pool{Leaves: func() {}}
	a := p.Get(size)
	a[0], a[size-1] = 1, 1
	p.Put(a)
	p.GiveBack(1 << 20)
	if b := p.Get(size / 2); &b[0] == &a[0] {
		t.Error("half of it is in use")
	}
	if b := p.Get(size + pageBytes); &b[0] == &a[0] {
		t.Error("it is too small")
	}
	b := p.Get(size - size/16)
	if &b[0] != &a[0] || b[0] != 1 || b[size-1] != 0 || p.stay != 0 || len(b) != len(a) {
		t.Errorf("%d bytes, another or without its pages; %d are leaving", len(b), p.stay)
	}
	p.Put(b)
	p.Purge()
}

// TestManySpansAreEmptied: beyond maxPieces spans keep their addresses and lose their pages, and
// are unmapped when few are in use.
func TestManySpansAreEmptied(t *testing.T) {
	p := Pool{pieces: 3 * maxPieces} // others have them
	b := p.Get(50_000)
	copy(b, "abc")
	at := &b[0]
	p.Drop(b)
	if p.empty != 1 {
		t.Fatalf("%d are empty", p.empty)
	}
	p.Tidy()
	if b = p.Get(50_000); &b[0] != at || p.empty != 0 || !bytes.Equal(b[:3], []byte{0, 0, 0}) {
		t.Errorf("another one, or with pages: %q, %d", b[:3], p.empty)
	}
	p.Drop(b)
	p.pieces = 1
	if p.Tidy(); p.empty != 0 || p.pieces != 0 {
		t.Errorf("%d of %d are left", p.empty, p.pieces)
	}
}

// TestOffset finds what is inside, and nothing else.
func TestOffset(t *testing.T) {
	whole := make([]byte, 100)
	for _, one := range []struct {
		part []byte
		want int
	}{{whole[:1], 0}, {whole[30:40], 30}, {whole[99:], 99}, {make([]byte, 5), -1}} {
		if at := Offset(whole[:100:100], one.part); at != one.want {
			t.Errorf("%d, want %d", at, one.want)
		}
	}
	if Offset(whole[:50], whole[45:55]) != -1 || Offset(whole[10:], whole[5:15]) != -1 {
		t.Error("a part that goes beyond is inside")
	}
	if b := Before(whole[30:40], 30); &b[0] != &whole[0] || len(b) != 40 {
		t.Errorf("%d bytes", len(b))
	}
}

// fill has all of p's room be warm spans of a size.
func fill(t *testing.T, p *Pool, size int) {
	t.Helper()
	var out [][]byte
	for range maxWarm / size {
		b := p.Get(size)
		for i := 0; i < len(b); i += pageBytes {
			b[i] = 1
		}
		out = append(out, b)
	}
	for _, b := range out {
		p.Put(b)
	}
	if p.Warm() > maxWarm || p.Warm() < maxWarm-int64(size) {
		t.Fatalf("%d bytes are warm", p.Warm())
	}
}

// TestTheOldestLeave: a pool that is full of spans of one size keeps those of another when these come back.
func TestTheOldestLeave(t *testing.T) {
	var p Pool
	const small, large = 256 << 10, 1 << 20
	fill(t, &p, small)
	b := p.Get(large)
	b[0] = 2
	p.Put(b)
	if p.Warm() != maxWarm {
		t.Errorf("%d bytes are warm", p.Warm())
	}
	if b = p.Get(large); b[0] != 2 {
		t.Error("the last that has come back has left")
	}
	p.Put(b)
	for range maxWarm / small {
		p.Put(p.Get(small))
	}
	if n := len(p.lists[fits(small)].warm); n != (maxWarm-large)/small {
		t.Errorf("%d spans left for one of %d bytes", maxWarm/small-n, large)
	}
	fill(t, &p, 2*large)
	if p.Purge(); p.Warm() != 0 || p.pieces != 0 {
		t.Errorf("%d bytes and %d spans are left", p.Warm(), p.pieces)
	}
}

// TestLargerSpansAreSplit: a span takes the pages of a larger one that is warm, and what is left of that is a
// span, too. Each is whole, and all that was mapped is given back.
func TestLargerSpansAreSplit(t *testing.T) {
	if !canSplit {
		t.Log("not on this system")
		return
	}
	var p Pool
	fill(t, &p, 1<<20)
	var out [][]byte
	for _, n := range []int{300_000, 40_000, 500_000, 90_000} {
		for range 40 {
			b := p.Get(n)
			if len(b) < n || cap(b) != len(b) || len(b) > SpanSize(n)+SpanSize(n)/8+pageBytes {
				t.Fatalf("%d of %d bytes for %d", len(b), cap(b), n)
			}
			for i := 0; i < len(b); i += pageBytes {
				if b[i] != 1 {
					t.Fatalf("%d bytes: the page at %d is not warm, or in use", n, i)
				}
				b[i] = 3
			}
			out = append(out, b)
		}
	}
	for _, b := range out {
		for i := 0; i < len(b); i += pageBytes {
			b[i] = 1
		}
		p.Put(b)
	}
	if p.Warm() != maxWarm {
		t.Errorf("%d of %d bytes came back", p.Warm(), maxWarm)
	}
	if p.Purge(); p.Warm() != 0 || p.pieces != 0 {
		t.Errorf("%d bytes and %d spans are left", p.Warm(), p.pieces)
	}
}

// TestAnyLengthHasAClass: what is left of a span that was split goes where every span has at least the class's size.
func TestAnyLengthHasAClass(t *testing.T) {
	for n := pageBytes; n <= MaxSpan+pageBytes; n += pageBytes {
		class := fits(n)
		switch {
		case n < leastPiece || n > MaxSpan:
			if class != -1 {
				t.Errorf("%d bytes: class %d", n, class)
			}
		case class < 0 || class > spanClass(SpanSize(n)) || class < spanClass(SpanSize(n))-1 || SpanSize(n) == n && spanClass(n) != class || SpanSize(n) > n && class == spanClass(SpanSize(n)):
			t.Errorf("%d bytes: class %d, the size is %d", n, class, SpanSize(n))
		}
	}
}
