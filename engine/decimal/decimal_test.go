package decimal

import (
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`-?[0-9]{0,21}`), rapid.StringMatching(`-?922337203685477580[0-9]`)).Draw(rt, "s")
		want, err := strconv.ParseInt(s, 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == s
		if n, ok := Parse([]byte(s)); ok != canonical || ok && n != want {
			rt.Fatalf("%q: %d, %v", s, n, ok)
		}
	})
	if n, ok := Parse([]byte("-9223372036854775808")); !ok || n != math.MinInt64 {
		t.Errorf("the least integer: %d, %v", n, ok)
	}
}
