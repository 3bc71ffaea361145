package glob_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/glob"
)

// globModel tries everything: exponential, and plainly what * means. It knows
// stars, question marks and escapes.
func globModel(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return globModel(p[1:], s) || (s != "" && globModel(p, s[1:]))
	case s == "":
		return false
	case p[0] == '?':
		return globModel(p[1:], s[1:])
	case p[0] == '\\' && len(p) > 1:
		return p[1] == s[0] && globModel(p[2:], s[1:])
	}
	return p[0] == s[0] && globModel(p[1:], s[1:])
}

func TestGlobModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?\\")), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.SampledFrom([]rune("ab\\*")), 1, 8, -1).Draw(t, "string")
		if got, want := glob.Match([]byte(p), []byte(s)), globModel(p, s); got != want {
			t.Fatalf("%q and %q: %v", p, s, got)
		}
	})
}

// TestGlobIsBounded would not end if every star were tried anew.
func TestGlobIsBounded(t *testing.T) {
	p := strings.Repeat("a*", 5000) + "b"
	s := strings.Repeat("a", 20000)
	if glob.Match([]byte(p), []byte(s)) {
		t.Error("a pattern that ends in b matches a string without one")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("h[^a-c]llo", "hello")
	f.Add("[\\", "[")
	f.Add("[^", "x")
	f.Add("*[a-", "ba")
	f.Fuzz(func(t *testing.T, p, s string) {
		match := glob.Match([]byte(p), []byte(s))
		if s == "" {
			return
		}
		if again := glob.Match([]byte("*"+p), []byte(s)); match && !again {
			t.Errorf("%q matches %q, but not with a star before it", p, s)
		}
	})
}
