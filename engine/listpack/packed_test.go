package listpack

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestPacked: a Packed gives its listpack back to the byte, and is smaller.
func TestPacked(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		letters := rapid.SampledFrom([]string{"0123456789abcdef", "x", evenLetters[:64], evenLetters, "\x00\xff"}).Draw(rt, "letters")
		most := rapid.SampledFrom([]int{0, 3, 8, 70, 5000}).Draw(rt, "most")
		lp := New(0)
		for range rapid.IntRange(0, 60).Draw(rt, "n") {
			text := strconv.FormatInt(rapid.Int64().Draw(rt, "n")>>rapid.IntRange(0, 63).Draw(rt, "shift"), 10)
			if rapid.Bool().Draw(rt, "text") {
				n := rapid.IntRange(0, most).Draw(rt, "length")
				at := rapid.IntRange(0, len(letters)-1).Draw(rt, "letter")
				text = strings.Repeat(letters[at:]+letters, n/len(letters)+1)[:n]
			}
			e := ElementOf([]byte(text))
			lp = Insert(lp, End(lp), &e)
		}
		pk, ok := PackedOf(lp)
		if !ok {
			return
		}
		if pk.Size() != len(lp) || len(pk) != cap(pk) || len(pk) >= len(lp) {
			rt.Fatalf("%d bytes in %d of %d, not %d", pk.Size(), len(pk), cap(pk), len(lp))
		}
		if got := pk.Append([]byte("before")); string(got) != "before"+string(lp) {
			rt.Fatalf("%q, not %q", got, lp)
		}
	})
}

// TestPackedShare: what is won, and that nothing is made where little is.
func TestPackedShare(t *testing.T) {
	for _, c := range []struct {
		letters string
		length  int
		most    float64 // part of the listpack; 0: it is none
	}{{"0123456789abcdef", 8, 0.52}, {evenLetters[:64], 20, 0.75}, {evenLetters, 8, 0.92}, {evenLetters, 200, 0}} {
		lp := New(0)
		for i := range 400 {
			text := make([]byte, c.length)
			for j := range text {
				text[j] = c.letters[(i*31+j*17+1)%len(c.letters)]
			}
			e := Element{text: text} // be it a number
			lp = Insert(lp, End(lp), &e)
		}
		pk, ok := PackedOf(lp)
		if ok != (c.most > 0) || ok && float64(len(pk)) > c.most*float64(len(lp)) {
			t.Errorf("%d bytes of %q: %v, %d of %d", c.length, c.letters, ok, len(pk), len(lp))
		}
		if ok && string(pk.Append(nil)) != string(lp) {
			t.Errorf("%q comes back differently", c.letters)
		}
	}
}
