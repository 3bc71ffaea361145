package aof

import (
	"testing"

	"pgregory.net/rapid"
)

// TestQuickHeader: the quick way reads nothing else than the thorough one, and
// what is usual it does read.
func TestQuickHeader(t *testing.T) {
	for text, want := range map[string]int{"$0\r\n________": 0, "$64\r\nxxxxxxxxxx": 64, "$1234567\r\n": 1234567} {
		if n, next, ok := quickHeader([]byte(text), 0, '$'); !ok || n != want || text[next-1] != '\n' {
			t.Errorf("%q: %d, %d, %v", text, n, next, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		buf := []byte(rapid.StringOf(rapid.RuneFrom([]rune("$$$*019\r\r\n\n-x"))).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "like a header") {
			buf = []byte("$" + rapid.StringMatching(`[0-9]{0,9}`).Draw(t, "digits") + rapid.StringMatching(`\r?\n?`).Draw(t, "end") + string(buf) + "________")
		}
		pos := rapid.IntRange(0, len(buf)).Draw(t, "position")
		n, next, ok := quickHeader(buf, pos, '$')
		if !ok {
			return
		}
		line, wantNext, err := headerLine(buf, pos)
		if line == nil || err != nil {
			t.Fatalf("%q at %d: read %d, where no line is: %v", buf, pos, n, err)
		}
		if want, err := headerCount(line, '$', maxBulk); err != nil || n != want || next != wantNext {
			t.Fatalf("%q at %d: %d up to %d, want %d up to %d, %v", buf, pos, n, next, want, wantNext, err)
		}
	})
}

// BenchmarkUnits finds the ends of records as they come from a leader.
func BenchmarkUnits(b *testing.B) {
	var buf []byte
	for range 100 {
		buf = append(buf, effects("0: SET key:000000000042 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").Buf...)
	}
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		s := newUnitScanner(0)
		if whole, err := s.scan(buf, 0); whole != len(buf) || err != nil {
			b.Fatal(whole, err)
		}
	}
}
