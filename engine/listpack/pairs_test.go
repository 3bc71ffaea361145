package listpack

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// packedOf is a listpack of texts.
func packedOf(texts ...string) []byte {
	lp := New(0)
	for _, text := range texts {
		e := ElementOf([]byte(text))
		lp = Insert(lp, End(lp), &e)
	}
	return lp
}

// TestStripPairs: what Strip makes of pairs, and nothing of others, among few and many.
func TestStripPairs(t *testing.T) {
	seed := maphash.MakeSeed()
	number := func(text []byte) bool { return string(text) != "none" }
	for _, n := range []int{0, 1, 8, 9, 300, 40_000} {
		var texts []string
		for i := range n {
			texts = append(texts, fmt.Sprint("name", i), fmt.Sprint(i%200))
		}
		lp := packedOf(texts...)
		want, _ := Strip(nil, lp)
		if got, err := StripPairs(nil, lp, seed, number); err != nil || string(got) != string(want) {
			t.Errorf("%d pairs: %v, or something else than Strip", n, err)
		}
		if n == 0 {
			continue
		}
		texts[2*n-1] = "none"
		for what, c := range map[string]struct {
			lp   []byte
			want error
		}{
			"a second half that none is": {packedOf(texts...), ErrPairs},
			"a name alone":               {packedOf(append(texts[:2*n-1:2*n-1], "1", "more")...), ErrPairs},
			"a name twice":               {packedOf(append(texts[:2*n-1:2*n-1], "1", "name0", "1")...), ErrPairs},
			"no end":                     {append(lp[:len(lp)-1:len(lp)-1], 0), ErrDamaged},
			"more than it says":          {append(append(lp[:4:4], byte(2*n-2), byte((2*n-2)>>8)), lp[6:]...), ErrDamaged},
		} {
			if what == "more than it says" && 2*n-2 >= maxCount {
				continue // it says nothing
			}
			if _, err := StripPairs(nil, c.lp, seed, number); !errors.Is(err, c.want) {
				t.Errorf("%d pairs, %s: %v", n, what, err)
			}
		}
	}
	// An integer that is written as text is the same name.
	twice := append(append([]byte{0, 0, 0, 0, 4, 0}, 1, 1, 2, 1), 0x81, '1', 2, 2, 1, endByte)
	twice[0] = byte(len(twice))
	if _, err := StripPairs(nil, twice, seed, nil); !errors.Is(err, ErrPairs) {
		t.Errorf("a number and its text: %v", err)
	}
	lp := packedOf("a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7", "h", "8", "i", "9")
	room := make([]byte, StripRoom(len(lp)))
	if n := testing.AllocsPerRun(10, func() {
		if _, err := StripPairs(room, lp, seed, nil); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestStripPairsOfAllLengths: names and values of any lengths, texts and numbers mixed, one damaged or
// one twice at any place, are taken or refused as a pass for each question does it.
func TestStripPairsOfAllLengths(t *testing.T) {
	seed := maphash.MakeSeed()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.StringMatching(`[a-c]{0,20}`), rapid.StringMatching(`[a-z:]{4,18}`), rapid.StringMatching(`[1-9][0-9]{0,4}`),
			rapid.Map(rapid.IntRange(50, 80), func(n int) string { return strings.Repeat("l", n) }))
		n := rapid.IntRange(2*fewNames, 80).Draw(t, "n")
		lp := packedOf(rapid.SliceOfN(word, n, n).Draw(t, "words")...)
		if rapid.Bool().Draw(t, "damaged") {
			at := rapid.IntRange(0, len(lp)-1).Draw(t, "at")
			lp[at] = rapid.Byte().Draw(t, "byte")
		}
		want, wantErr := Strip(nil, lp)
		if wantErr == nil {
			names, at := map[string]bool{}, 0
			for p := want.First(); p < len(want); p = want.Next(p) {
				if at%2 == 0 {
					name := string(want.Get(p).AppendText(nil))
					if names[name] {
						wantErr = ErrPairs
					}
					names[name] = true
				}
				at++
			}
			if at%2 != 0 {
				wantErr = ErrPairs
			}
		}
		got, err := StripPairs(nil, lp, seed, nil)
		if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
			t.Fatalf("%x: %x, %v, not %x, %v", lp, got, err, want, wantErr)
		}
	})
}

// BenchmarkStripPairs is of a hundred fields.
func BenchmarkStripPairs(b *testing.B) {
	var texts []string
	for i := range 100 {
		texts = append(texts, fmt.Sprint("field:", i), fmt.Sprint("value:", i))
	}
	lp := packedOf(texts...)
	room, seed := make([]byte, StripRoom(len(lp))), maphash.MakeSeed()
	for name, f := range map[string]func() (Bare, error){
		"one pass":   func() (Bare, error) { return StripPairs(room, lp, seed, nil) },
		"two passes": func() (Bare, error) { return stripFew(room, lp, seed, nil) },
		"Strip":      func() (Bare, error) { return Strip(room, lp) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
