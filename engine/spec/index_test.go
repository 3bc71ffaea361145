package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/spec"
)

// TestIndexFindsEveryName: in any case, and nothing else, however many names there
// are and in whatever order they come.
func TestIndexFindsEveryName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z][a-z0-9._-]{0,20}`)
		names := rapid.SliceOfNDistinct(name, 0, 400, func(s string) string { return s }).Draw(t, "names")
		ix := spec.NewIndex(names, func(s string) string { return s })
		for _, n := range names {
			for _, said := range []string{n, strings.ToUpper(n)} {
				if got, ok := ix.Find([]byte(said)); !ok || got != n {
					t.Fatalf("%q finds %q, %v", said, got, ok)
				}
			}
		}
		if other := name.Draw(t, "other"); !slices.Contains(names, other) {
			if got, ok := ix.Find([]byte(other)); ok {
				t.Fatalf("%q finds %q", other, got)
			}
		}
	})
}

// TestShortNamesShareNoPlace: every short name is found without the map, whichever
// registers first.
func TestShortNamesShareNoPlace(t *testing.T) {
	var names []string
	for i := range 600 {
		names = append(names, fmt.Sprintf("c%d", i*7919))
	}
	for range 2 {
		ix := spec.NewIndex(names, func(s string) string { return s })
		for _, n := range names {
			if !ix.Direct(n) {
				t.Errorf("%s is found in the map only", n)
			}
		}
		slices.Reverse(names)
	}
}

func TestIndexRefusesTwice(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("two commands have one name")
		}
	}()
	spec.NewIndex([]string{"get", "get"}, func(s string) string { return s })
}
