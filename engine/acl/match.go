package acl

import (
	"encoding/binary"
	"slices"
	"strings"

	"regent/engine/glob"
)

// A matcher says whether a key matches one of several patterns. Most patterns are a
// prefix with a star, or no pattern at all; of those, however many there are, a key
// meets a few: they are sorted, and what is a prefix of the key is found by halving, by
// their first bytes as numbers: texts are compared where those are the same.
//
//	texts     a:*   a:b:*   c     d*e
//	prefixes  a:  ◄── a:b:                  each knows the longest one that is its prefix
//	exact     c
//	globs     d*e                           one after the other
type matcher struct {
	heads    []uint64 // of prefixes
	prefixes []prefix // sorted
	exact    map[string]struct{}
	globs    []string
}

// A prefix is the beginning of keys; shorter is where the longest one stands that is
// its own prefix, -1: there is none.
type prefix struct {
	text    string
	shorter int
}

func newMatcher(texts []string) (m matcher) {
	var starts []string
	for _, text := range texts {
		at := strings.IndexAny(text, `*?[\`)
		switch {
		case at < 0:
			if m.exact == nil {
				m.exact = map[string]struct{}{}
			}
			m.exact[text] = struct{}{}
		case strings.Trim(text[at:], "*") == "":
			starts = append(starts, text[:at])
		default:
			m.globs = append(m.globs, text)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	for i, text := range starts {
		shorter := i - 1
		for shorter >= 0 && !strings.HasPrefix(text, starts[shorter]) {
			shorter = m.prefixes[shorter].shorter
		}
		m.heads = append(m.heads, headOf([]byte(text)))
		m.prefixes = append(m.prefixes, prefix{text, shorter})
	}
	return m
}

// headOf is the beginning of a text as a number: of two whose heads differ, the text with
// the lesser one is the lesser.
func headOf(text []byte) (head uint64) {
	if len(text) >= 8 {
		return binary.BigEndian.Uint64(text)
	}
	for i, b := range text {
		head |= uint64(b) << (56 - 8*i)
	}
	return head
}

// matches reports whether key matches a pattern.
func (m *matcher) matches(key []byte) bool {
	if len(m.exact) > 0 {
		if _, is := m.exact[string(key)]; is {
			return true
		}
	}
	if len(key) == 0 {
		return false // a star does not match nothing, in Redis
	}
	// What is a prefix of the key is the last that is not greater, or a prefix of that.
	head, lo, hi := headOf(key), 0, len(m.heads)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if at := m.heads[mid]; at < head || at == head && m.prefixes[mid].text <= string(key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo - 1; i >= 0; i = m.prefixes[i].shorter {
		if p := m.prefixes[i].text; len(p) <= len(key) && p == string(key[:len(p)]) {
			return true
		}
	}
	for _, g := range m.globs {
		if glob.Match([]byte(g), key) {
			return true
		}
	}
	return false
}
