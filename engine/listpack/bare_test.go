package listpack

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func drawPair(rt *rapid.T) (a, b Element) {
	draw := func() Element {
		return ElementOf([]byte(rapid.OneOf(
			rapid.Map(rapid.Custom(func(t *rapid.T) int64 { return rapid.Int64().Draw(t, "n") >> rapid.IntRange(0, 63).Draw(t, "shift") }), func(n int64) string { return strconv.FormatInt(n, 10) }),
			rapid.Map(rapid.SampledFrom([]int{0, 1, 62, 63, 64, 125, 126, 127, 128, 4095, 4096, 16380, 16384}), func(n int) string { return strings.Repeat("l", n) }),
			rapid.StringN(0, 8, 30),
		).Draw(rt, "text")))
	}
	return draw(), draw()
}

// TestBare: a Bare holds what a listpack holds after the same changes, gives it back to the
// byte, and is read from it again.
func TestBare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b, lp := NewBare(rapid.IntRange(0, 100).Draw(rt, "room")), New(0)
		// places are pair i's in both.
		places := func(i int) (int, int) { return b.Nth(2 * i), Nth(lp, 2*i) }
		rt.Repeat(map[string]func(*rapid.T){
			"insert": func(rt *rapid.T) {
				first, second := drawPair(rt)
				p, q := places(rapid.IntRange(0, b.Len()/2).Draw(rt, "at"))
				b = b.Insert2(p, &first, &second)
				lp = Insert(lp, q, &second)
				lp = Insert(lp, q, &first)
			},
			"replace": func(rt *rapid.T) {
				if b.Len() == 0 {
					rt.Skip()
				}
				e, _ := drawPair(rt)
				p, q := places(rapid.IntRange(0, b.Len()/2-1).Draw(rt, "at"))
				b, lp = b.Replace(p, &e), Replace(lp, q, &e)
			},
			"delete": func(rt *rapid.T) {
				n := b.Len() / 2
				from := rapid.IntRange(0, n).Draw(rt, "from")
				to := rapid.IntRange(from, n).Draw(rt, "to")
				p, q := places(from)
				p2, q2 := places(to)
				b, lp = b.Delete(p, p2, 2*(to-from)), Delete(lp, q, q2, 2*(to-from))
			},
			"find": func(rt *rapid.T) {
				e, _ := drawPair(rt)
				if n := b.Len() / 2; n > 0 && rapid.Bool().Draw(rt, "there") {
					p, _ := places(rapid.IntRange(0, n-1).Draw(rt, "at"))
					e = ElementOf(b.Get(p).AppendText(nil))
				}
				at, before := b.Find(&e)
				want := Find(lp, First(lp), 2, &e)
				for i, last := 0, -1; ; i++ {
					p, q := places(i)
					if q == want || p == len(b) {
						if at != p || before != last {
							rt.Fatalf("%q is at %d behind %d, not %d behind %d", e.Text(), at, before, p, last)
						}
						break
					}
					last = p
				}
			},
			"": func(rt *rapid.T) {
				if got := b.Append([]byte("head")); string(got) != "head"+string(lp) {
					rt.Fatalf("%q, not %q", got, lp)
				}
				for _, dst := range [][]byte{nil, make([]byte, 0, len(lp)), make([]byte, StripRoom(len(lp)))} {
					if again, err := Strip(dst, lp); err != nil || string(again) != string(b) {
						rt.Fatalf("%q, %v, not %q", again, err, b)
					}
				}
			},
		})
	})
}

// TestBareOfMany: more elements than the count can say.
func TestBareOfMany(t *testing.T) {
	lp := New(0)
	a := Extend(lp, 200_000)
	for i := range 70_000 {
		a.Int(int64(i % 100))
	}
	lp = a.Done()
	b, err := Strip(nil, lp)
	if err != nil || b.Len() != 70_000 || string(b.Append(nil)) != string(lp) {
		t.Fatalf("%d elements, %v", b.Len(), err)
	}
	q := b.Nth(10_000)
	if b = b.Delete(b.First(), q, 10_000); b.Len() != 60_000 {
		t.Errorf("%d elements", b.Len())
	}
}
