package bitmaps_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
)

func drawKey(t *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key") }

// drawNumber draws what is in bounds, at their edges, and beyond.
func drawNumber(t *rapid.T) string {
	return rapid.OneOf(
		rapid.Map(rapid.Int64Range(-40, 700), func(n int64) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
		rapid.SampledFrom([]string{"9223372036854775807", "-9223372036854775808", "0", "-1", "x"}),
	).Draw(t, "number")
}

// drawField draws an operation of BITFIELD.
func drawField(t *rapid.T) []string {
	if rapid.IntRange(0, 5).Draw(t, "over") == 0 {
		return []string{"OVERFLOW", rapid.SampledFrom([]string{"WRAP", "SAT", "FAIL"}).Draw(t, "overflow")}
	}
	op := []string{
		rapid.SampledFrom([]string{"GET", "SET", "INCRBY"}).Draw(t, "op"),
		rapid.SampledFrom([]string{"i", "u"}).Draw(t, "sign") + fmt.Sprint(rapid.IntRange(1, 64).Draw(t, "bits")),
		rapid.SampledFrom([]string{"", "#"}).Draw(t, "hash") + fmt.Sprint(rapid.IntRange(0, 90).Draw(t, "offset")),
	}
	if op[0] != "GET" {
		op = append(op, drawNumber(t))
	}
	return op
}

func drawCommand(t *rapid.T) []string {
	k := drawKey(t)
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return []string{"SETBIT", k, fmt.Sprint(rapid.IntRange(0, 2000).Draw(t, "at")), rapid.SampledFrom([]string{"0", "1"}).Draw(t, "bit")}
	case 1:
		return []string{"SET", k, strings.Repeat(rapid.SampledFrom([]string{"\x00", "\xff", "x"}).Draw(t, "byte"), rapid.IntRange(0, 90).Draw(t, "length"))}
	case 2, 3:
		c := []string{"BITFIELD", k}
		for range rapid.IntRange(1, 4).Draw(t, "operations") {
			c = append(c, drawField(t)...)
		}
		return c
	case 4:
		op := rapid.SampledFrom([]string{"AND", "OR", "XOR", "NOT"}).Draw(t, "op")
		c := []string{"BITOP", op, k, drawKey(t)}
		for range rapid.IntRange(0, 2).Draw(t, "more") {
			c = append(c, drawKey(t))
		}
		return c
	case 5:
		return []string{"GETBIT", k, drawNumber(t)}
	}
	c := []string{"BITCOUNT", k}
	if rapid.Bool().Draw(t, "pos") {
		c = []string{"BITPOS", k, rapid.SampledFrom([]string{"0", "1"}).Draw(t, "bit")}
	}
	c = append(c, []string{drawNumber(t), drawNumber(t)}[:rapid.SampledFrom([]int{0, 2, 2, 1}).Draw(t, "bounds")]...)
	return append(c, rapid.SampledFrom([][]string{nil, nil, {"BIT"}, {"BIT"}, {"BYTE"}}).Draw(t, "unit")...)
}

// TestRandomAgainstRedis compares replies, the strings, and how many changes were made.
func TestRandomAgainstRedis(outer *testing.T) {
	const steps = 40
	theirs := enginetest.StartRedis(outer).Client(outer)
	rapid.Check(outer, func(t *rapid.T) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(outer)
		ours, y := s.Client(), enginetest.NewTally(outer, s, theirs)
		for range rapid.IntRange(1, steps).Draw(t, "steps") {
			c := drawCommand(t)
			if got, want := ours.Do(c...), theirs.Do(c...); got != want {
				t.Fatalf("%q\n  got  %q\n  want %q", c, got, want)
			}
			y.Since(t.Fatalf, c)
			if got, want := ours.Do("GET", c[1]), theirs.Do("GET", c[1]); got != want {
				t.Fatalf("%q leaves\n       %q\n  want %q", c, got, want)
			}
		}
	})
}
