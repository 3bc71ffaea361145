package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestChecksumOfKnownText(t *testing.T) {
	// The check value that the catalogues of CRCs list for CRC-64/REDIS.
	if got := Checksum(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("%x", got)
	}
}

func TestChecksumIsTheSameInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
		cut := rapid.IntRange(0, len(p)).Draw(t, "cut")
		slow := uint64(0)
		for _, b := range p { // one bit at a time, as the polynomial is defined
			slow ^= uint64(b)
			for range 8 {
				if slow&1 != 0 {
					slow = slow>>1 ^ jonesReflected
				} else {
					slow >>= 1
				}
			}
		}
		if got := Checksum(Checksum(0, p[:cut]), p[cut:]); got != slow {
			t.Fatalf("%x, want %x", got, slow)
		}
	})
}

func TestLengthsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 1<<15), rapid.Uint64Range(1<<32-3, 1<<32+3)).Draw(t, "n")
		p := appendLength(nil, n)
		c := cursor{buf: p}
		got, err := c.count()
		if err != nil || got != n || c.i != len(p) || len(p) > maxLengthBytes {
			t.Fatalf("%d: got %d, %v, from % x", n, got, err, p)
		}
	})
}

func TestIntegersInTheirCoat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-200, 200), rapid.Int64Range(-70000, 70000),
			rapid.Int64Range(-1<<31-2, -1<<31+2), rapid.Int64Range(1<<31-2, 1<<31+2)).Draw(t, "n")
		digits := strconv.FormatInt(n, 10)
		var e Encoder
		e.Int(n)
		asInt := string(e.buf)
		e.buf = nil
		e.String([]byte(digits))
		if asInt != string(e.buf) {
			t.Fatalf("%d is % x as an integer, % x as text", n, asInt, e.buf)
		}
		c := cursor{buf: e.buf}
		got, err := c.str(&arena{})
		if err != nil || string(got) != digits {
			t.Fatalf("%d comes back as %q, %v", n, got, err)
		}
	})
}

// texts draws strings that have something to compress, in all distances.
func texts(t *rapid.T) []byte {
	words := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 40), 1, 12).Draw(t, "words")
	var p []byte
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, 3*len(words)), 0, 60).Draw(t, "order") {
		switch {
		case i < len(words):
			p = append(p, words[i]...)
		case i < 2*len(words): // a run
			p = append(p, bytes.Repeat(words[i-len(words)][:1], 40*i)...)
		default: // far apart
			for j := range 700 * (i - 2*len(words)) {
				p = append(p, byte(j*j>>3))
			}
		}
	}
	return p
}

func TestPackedStringsComeBack(t *testing.T) {
	z := new(packer) // one for all, as a Writer has it
	rapid.Check(t, func(t *rapid.T) {
		p := texts(t)
		room := rapid.IntRange(0, len(p)+len(p)/8+8).Draw(t, "room")
		packed, ok := z.pack([]byte("head"), p, room)
		if string(packed[:4]) != "head" || !ok && len(packed) != 4 || len(packed)-4 > room {
			t.Fatalf("%d bytes into %d: %d, %v", len(p), room, len(packed)-4, ok)
		}
		if !ok {
			return
		}
		if got, err := unpacked(packed[4:], len(p)); err != nil || !bytes.Equal(got, p) {
			t.Fatalf("%d bytes do not come back: %v", len(p), err)
		}
		if _, err := unpacked(packed[4:], len(p)+1); err == nil {
			t.Fatal("a packed string that is too short passes")
		}
		if len(p) == 0 {
			return
		}
		if _, err := unpacked(packed[4:], len(p)-1); err == nil {
			t.Fatal("a packed string that is too long passes")
		}
	})
}

// unpacked is unpack in room of its own, no byte of which is more than it asks for.
func unpacked(packed []byte, n int) ([]byte, error) {
	return unpack(make([]byte, unpackRoom(n)), packed, n)
}

func TestPackerForgetsEarlierStrings(t *testing.T) {
	z := new(packer)
	for _, clock := range []uint32{1, 1<<32 - 1 - lzfMaxSource, 1<<32 - 1} {
		z.clock = clock
		for _, p := range []string{"abcabcabcabcabcabcabcabc", "abcdefabcdefabcdefabcdef", "abcabcabcabcabcabcabcabc"} {
			packed, ok := z.pack(nil, []byte(p), len(p)-4)
			if got, err := unpacked(packed, len(p)); !ok || err != nil || string(got) != p {
				t.Errorf("clock %d: %q comes back as %q", clock, p, got)
			}
		}
	}
}

func TestRepetitionsPackWell(t *testing.T) {
	for text, most := range map[string]int{
		"x":                                     64,
		"abcdefgh":                              80,
		"0123456789 a sentence of some length ": 150,
		string(bytes.Repeat([]byte("0123456789"), 300)) + "and more ": 300,
	} {
		p := bytes.Repeat([]byte(text), 4000/len(text)+1)
		packed, ok := new(packer).pack(nil, p, len(p))
		if !ok || len(packed) > most {
			t.Errorf("%d bytes of %.20q take %d packed, more than %d", len(p), text, len(packed), most)
		}
	}
}

// distinctBytes are n bytes, n up to 256, no two of them equal.
func distinctBytes(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 167)
	}
	return p
}

// TestUnpackShort: what is copied in wide steps ends where it should, at every distance and
// length, up to the last byte of both.
func TestUnpackShort(t *testing.T) {
	for back := 1; back <= 40; back++ {
		for n := 3; n <= 40; n++ {
			for rest := range 20 {
				want := distinctBytes(back)
				packed := appendLiterals(nil, want)
				for range n {
					want = append(want, want[len(want)-back])
				}
				packed = appendRepeat(packed, n, back)
				tail := distinctBytes(rest)
				want, packed = append(want, tail...), appendLiterals(packed, tail)
				got, err := unpacked(packed, len(want))
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes from %d back, %d after: %v, %q, not %q", n, back, rest, err, got, want)
				}
				for _, off := range []int{-1, 1} {
					if _, err := unpacked(packed, len(want)+off); err == nil {
						t.Fatalf("%d bytes from %d back, %d after: a length that is wrong by %d", n, back, rest, off)
					}
				}
			}
		}
	}
}

func FuzzUnpack(f *testing.F) {
	packed, _ := new(packer).pack(nil, bytes.Repeat([]byte("abcd"), 100), 400)
	f.Add(packed, 400)
	f.Fuzz(func(t *testing.T, p []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		_, _ = unpacked(p, n) // must neither panic nor hang
	})
}

// An index that lies is not written by accident, but its checksum can be made
// to match: it must not move keys to another database, or hide them.
func TestAnIndexThatLies(t *testing.T) {
	var file bytes.Buffer
	w := NewWriter(&file, WriterOptions{Checksum: true, Sections: true})
	w.SelectDB(3, 2, 0)
	w.String(&Meta{}, []byte("a"), []byte("1"))
	w.mark() // a section without SELECTDB
	w.String(&Meta{}, []byte("b"), []byte("2"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := LoadAt(bytes.NewReader(file.Bytes()), int64(file.Len()), Options{}, func(*Batch) error { return nil })
	if !errors.Is(err, errSection) {
		t.Error(err)
	}
	x := readIndex(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if len(x) != 3 {
		t.Fatalf("index %v", x)
	}
	end := file.Bytes()[x.last():]
	if parseIndex(end, x.last()) == nil || parseIndex(end, x.last()+1) != nil || parseIndex(end, x.last()-1) != nil {
		t.Error("an index that does not know where it stands is trusted, or a good one is not")
	}
}

// TestChecksumInLanes: at every length the sum is what single bytes make, with the machine's
// products and without.
func TestChecksumInLanes(t *testing.T) {
	p := bytes.Repeat(distinctBytes(251), 16)
	if got := Checksum(0, []byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Errorf("the sum of the nine digits is %x", got)
	}
	for _, began := range []uint64{0, 1, 1<<64 - 1} {
		want := began
		for n := range p {
			if got, tables := Checksum(began, p[:n]), checksum(began, p[:n]); got != want || tables != want {
				t.Fatalf("%d bytes after %x: %x, by tables %x, not %x", n, began, got, tables, want)
			}
			want = Checksum(want, p[n:n+1])
		}
	}
	p = bytes.Repeat(p, 2*foldMost/len(p)+1)
	for n := foldMost - 20; n < foldMost+100; n++ {
		if got, want := Checksum(7, p[:n]), checksum(7, p[:n]); got != want {
			t.Fatalf("%d bytes: %x, by tables %x", n, got, want)
		}
	}
}

// TestUnpackLikeBytes: what is unpacked in words is what single bytes give, whatever the
// distances and lengths.
func TestUnpackLikeBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var packed, want []byte
		for range rapid.IntRange(1, 60).Draw(t, "pieces") {
			if len(want) == 0 || rapid.IntRange(0, 2).Draw(t, "kind") == 0 {
				p := rapid.SliceOfN(rapid.Byte(), 1, lzfMaxLiteral).Draw(t, "literals")
				packed, want = appendLiterals(packed, p), append(want, p...)
				continue
			}
			n := rapid.OneOf(rapid.IntRange(3, 40), rapid.IntRange(3, lzfMaxRepeat)).Draw(t, "n")
			back := rapid.IntRange(1, min(len(want), rapid.SampledFrom([]int{24, lzfMaxBack}).Draw(t, "far"))).Draw(t, "back")
			packed = appendRepeat(packed, n, back)
			for range n {
				want = append(want, want[len(want)-back])
			}
		}
		room := bytes.Repeat([]byte{0xEE}, unpackRoom(len(want)))
		if got, err := unpack(room, packed, len(want)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%x, not %x: %v", got, want, err)
		}
	})
}

// BenchmarkUnpack is of the listpack of a hash of a hundred, as DUMP packs it.
func BenchmarkUnpack(b *testing.B) {
	var src []byte
	for i := range 100 {
		for _, text := range []string{fmt.Sprint("field:", i), fmt.Sprint("value:", i)} {
			src = append(append(append(src, byte(0x80+len(text))), text...), byte(len(text)+1))
		}
	}
	packed, ok := packForDump(nil, src, len(src))
	if !ok {
		b.Fatal("it does not get shorter")
	}
	room := make([]byte, unpackRoom(len(src)))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		if _, err := unpack(room, packed, len(src)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChecksumShort(b *testing.B) {
	p := distinctBytes(250)
	p = append(append(append(p, p...), p...), p...)
	for name, f := range map[string]func(uint64, []byte) uint64{"products": Checksum, "tables": checksum} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				f(0, p)
			}
		})
	}
}
