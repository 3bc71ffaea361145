package large

import (
	"bytes"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// sizes are those at which something changes.
func sizes(t *rapid.T, name string) int {
	return rapid.OneOf(rapid.IntRange(0, 300), rapid.IntRange(Piece-2, Piece+2), rapid.IntRange(Least-2, Least+2), rapid.IntRange(0, 3*Piece)).Draw(t, name)
}

func filled(n int, seed byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i>>8) ^ byte(i)*7 + seed
	}
	return p
}

func TestPiecesAreTheWhole(t *testing.T) {
	table := crc32.MakeTable(crc32.Castagnoli)
	rapid.Check(t, func(t *rapid.T) {
		src := filled(sizes(t, "from"), 3)
		dst := make([]byte, sizes(t, "to"))
		if n := Copy(dst, src); n != min(len(dst), len(src)) || !bytes.Equal(dst[:n], src[:n]) {
			t.Fatalf("%d bytes to %d: %d", len(src), len(dst), n)
		}
		if Update(7, table, src) != crc32.Update(7, table, src) {
			t.Fatalf("the checksum of %d bytes is another one in pieces", len(src))
		}
		if !bytes.Equal(Clone(src), src) {
			t.Fatalf("the clone of %d bytes is another", len(src))
		}
	})
}

// TestBuffer: a Buffer holds what a slice would.
func TestBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Buffer
		defer b.Free()
		var want []byte
		for i := range rapid.IntRange(1, 12).Draw(t, "steps") {
			p := filled(sizes(t, "bytes"), byte(i))
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				b.Append(p, sizes(t, "more"))
				want = append(want, p...)
			case 1:
				copy(b.Extend(len(p), 0), p)
				want = append(want, p...)
			case 2:
				b.Grow(copy(b.Room(len(p), 0), p))
				want = append(want, p...)
			case 3:
				n := rapid.IntRange(0, len(want)).Draw(t, "dropped")
				b.Shift(n)
				want = append([]byte(nil), want[n:]...)
			case 4:
				b.Clear()
				want = nil
			}
			if !bytes.Equal(b.Bytes(), want) || b.Len() != len(want) {
				t.Fatalf("%d bytes, want %d", b.Len(), len(want))
			}
			if b.Len() >= Least && !b.Mapped() {
				t.Fatalf("%d bytes are on Go's heap", b.Len())
			}
		}
	})
}

// resident is how much memory this process has, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the system does not tell: ", err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// TestRoomCostsNothing: what is announced takes no memory before it has come, and is
// given back at once.
func TestRoomCostsNothing(t *testing.T) {
	const announced = 1 << 30
	before := resident(t)
	var b Buffer
	b.Append(filled(100, 1), announced)
	if now := resident(t); now-before > announced/8 {
		t.Errorf("%d bytes for 100", now-before)
	}
	room := b.Room(announced, 0)
	for at := 0; at < announced/4; at += 4096 {
		room[at] = 1
	}
	if now := resident(t); now-before < announced/8 {
		t.Errorf("%d bytes: the test sees nothing", now-before)
	}
	b.Clear()
	if now := resident(t); now-before > announced/8 {
		t.Errorf("%d bytes are kept", now-before)
	}
}
