package acl

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/glob"
)

// TestMatcherIsGlob: a matcher says what trying every pattern says.
func TestMatcherIsGlob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.StringMatching(`(aaaaaaa|)[ab\x00]{0,4}(\*|\?|\[ab\]|)[ab*]{0,2}`), 0, 12).Draw(t, "patterns")
		m := newMatcher(patterns)
		for range 20 {
			key := []byte(rapid.StringMatching(`(aaaaaaa|)[abc\x00]{0,6}`).Draw(t, "key"))
			want := slices.ContainsFunc(patterns, func(p string) bool { return glob.Match([]byte(p), key) })
			if got := m.matches(key); got != want {
				t.Fatalf("%q in %q: %v, want %v", key, patterns, got, want)
			}
		}
	})
}

// TestKnows: every password of several is found, and no other.
func TestKnows(t *testing.T) {
	digests := []string{Digest([]byte("a")), Digest([]byte("b"))}
	for password, want := range map[string]bool{"a": true, "b": true, "c": false, "": false} {
		if knows(digests, []byte(password)) != want {
			t.Errorf("%q: not %v", password, want)
		}
	}
}
