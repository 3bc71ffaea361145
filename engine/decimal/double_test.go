package decimal_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"regent/engine/decimal"
	"regent/engine/enginetest"
)

// doubles is how many random values are compared with redis-server.
func doubles() int {
	if os.Getenv("REGENT_SOAK") != "" {
		return 300_000
	}
	return 4000
}

// aDouble draws from all bit patterns, and from numbers as people have them.
func aDouble(r *rand.Rand) float64 {
	switch r.IntN(5) {
	case 0:
		return float64(r.IntN(2_000_000)-1_000_000) / float64(int(1)<<r.IntN(20))
	case 1:
		return float64(r.IntN(2_000_000)-1_000_000) / 1000
	case 2:
		return float64(int64(r.Uint64()) >> r.IntN(64))
	case 3:
		return math.Float64frombits(r.Uint64() >> r.IntN(64) &^ (1 << 63))
	}
	return math.Float64frombits(r.Uint64())
}

// aNumeral draws the text of a number, or what looks like one.
func aNumeral(r *rand.Rand) string {
	digits := func(set string, most int) string {
		var b strings.Builder
		for range r.IntN(most) {
			b.WriteByte(set[r.IntN(len(set))])
		}
		return b.String()
	}
	one := func(words ...string) string { return words[r.IntN(len(words))] }
	f := aDouble(r)
	body := ""
	switch r.IntN(6) {
	case 0:
		body = fmt.Sprintf(one("%g", "%.17g", "%.20g", "%e", "%.3f", "%.40e"), f)
	case 1:
		body = fmt.Sprintf(one("%x", "%X"), f)
	case 2:
		body = one("inf", "Infinity", "nan", "INF", "infinit", "nan(1)", "", ".", "0x", "e5", "0x.p", "1_000", "0b1", "0x_1p3")
	case 3:
		body = digits("0123456789", 25) + one("", ".", "..") + digits("0123456789", 25) + one("", "e", "E") + one("", "+", "-") + digits("0123456789", 4)
	case 4:
		body = one("0x", "0X") + digits("0123456789abcdefABCDEF", 20) + one("", ".") + digits("0123456789abcdef", 20) +
			one("", "p", "P") + one("", "-", "+") + digits("0123456789", 5)
	case 5:
		body = "0" + digits("0", 400) + digits("0123456789", 3) + one("", "e") + digits("123", 4)
	}
	return one("", "", "", " ", "\t", "\n", "\v\f\r ", "\x00") + one("", "", "", "-", "+", "--") + body + one("", "", "", "", " ", "x", "\x00", "\x001", "f")
}

// TestDoublesAgainstRedis: what is printed, and what is read.
func TestDoublesAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t).Client(t)
	r := rand.New(rand.NewPCG(1, 2))
	const batch = 500
	for done := 0; done < doubles(); done += batch {
		var floats []float64
		var texts []string
		for range batch {
			f := aDouble(r)
			for math.IsNaN(f) {
				f = aDouble(r)
			}
			floats, texts = append(floats, f), append(texts, aNumeral(r))
			redis.Send("ZADD", "z", fmt.Sprintf("%.17g", f), strings.Repeat("m", 65)) // no listpack: there -0 is 0
			redis.Send("ZSCORE", "z", strings.Repeat("m", 65))
			redis.Send("DEL", "z")
			redis.Send("ZADD", "z", texts[len(texts)-1], "m")
			redis.Send("ZCOUNT", "none", texts[len(texts)-1], "0")
			redis.Send("ZSCORE", "z", "m")
			redis.Send("DEL", "z")
		}
		for i, f := range floats {
			redis.Next()
			if got, want := string(decimal.AppendDouble(nil, f)), bulk(t, redis.Next()); got != want {
				t.Errorf("%x is printed as %s, not %s", f, got, want)
			}
			redis.Next()
			compareReads(t, texts[i], redis.Next(), redis.Next(), bulk(t, redis.Next()))
			redis.Next()
		}
	}
}

// compareReads compares what a text is with what ZADD and ZCOUNT have said of it, and
// the score that it made.
func compareReads(t *testing.T, text, added, counted, score string) {
	t.Helper()
	f, ok := decimal.ParseScore([]byte(text))
	if want := added[0] == ':'; ok != want {
		t.Errorf("%q is a score: %v, not %v", text, ok, want)
	} else if ok && f != 0 { // a listpack has no -0
		if got := string(decimal.AppendDouble(nil, f)); got != score {
			t.Errorf("%q is the score %s, not %s", text, got, score)
		}
	}
	g, ok := decimal.ParseBound([]byte(text))
	if want := counted[0] == ':'; ok != want {
		t.Errorf("%q is a bound: %v, not %v", text, ok, want)
	} else if _, is := decimal.ParseScore([]byte(text)); is && g != f {
		t.Errorf("%q is the bound %g and the score %g", text, g, f)
	}
}

func bulk(t *testing.T, reply string) string {
	t.Helper()
	n, _, err := enginetest.Parse([]byte(reply))
	if err != nil {
		t.Fatal(err)
	}
	return n.Text
}

// TestDoubleReadsBack: a double's text is at most so long, and that number.
func TestDoubleReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 * doubles() {
		f := aDouble(r)
		text := decimal.AppendDouble(nil, f)
		if len(text) > decimal.DoubleLen {
			t.Fatalf("%s is longer than %d bytes", text, decimal.DoubleLen)
		}
		if g, ok := decimal.ParseScore(text); ok == math.IsNaN(f) || ok && math.Float64bits(g) != math.Float64bits(f) {
			t.Fatalf("%x is printed as %s, which reads as %x", f, text, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1", "-0", "0x1.8p3", "1e400", " inf", "nan(1)", ".", "1e", "\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := decimal.ParseScore(b)
		g, bound := decimal.ParseBound(b)
		if ok && (!bound && !strings.Contains(string(b), "\x00") || bound && s != g) {
			t.Fatalf("%q is the score %g and the bound %g, %v", b, s, g, bound)
		}
	})
}
