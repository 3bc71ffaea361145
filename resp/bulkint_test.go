package resp_test

import (
	"math"
	"strconv"
	"testing"

	"regent/resp"
)

// TestBulkInt: an integer as a bulk string is its text as one.
func TestBulkInt(t *testing.T) {
	check := func(n int64) {
		if got, want := resp.AppendBulkInt(nil, n), resp.AppendBulk(nil, strconv.FormatInt(n, 10)); string(got) != string(want) {
			t.Errorf("%d is %q, not %q", n, got, want)
		}
	}
	for n := int64(-20); n < 10_020; n++ {
		check(n)
	}
	for _, n := range []int64{math.MinInt64, math.MaxInt64, 99_999, -12_345} {
		check(n)
	}
}
