package resp

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestSplitWords(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string // nil: unbalanced
	}{
		{"", []string{}},
		{"  \t ", []string{}},
		{"set k v\r", []string{"set", "k", "v"}},
		{`set "a b" 'c d'`, []string{"set", "a b", "c d"}},
		{`"\x41\n\"\\\q"`, []string{"A\n\"\\q"}},
		{`"\xZZ"`, []string{"xZZ"}},
		{`'it\'s' '\n'`, []string{"it's", `\n`}},
		{`pre"fix"`, []string{"prefix"}},
		{`""`, []string{""}},
		{`"open`, nil},
		{`'open`, nil},
		{`"a"b`, nil},
		{`'a'b`, nil},
		{`"ends in \`, nil},
	} {
		got, err := SplitWords([]byte(c.line))
		if c.want == nil {
			if !errors.Is(err, ErrUnbalancedQuotes) {
				t.Errorf("%q: %q, %v; want unbalanced quotes", c.line, got, err)
			}
			continue
		}
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%q: %q, %v; want %q", c.line, got, err, c.want)
			continue
		}
		for i := range got {
			if string(got[i]) != c.want[i] {
				t.Errorf("%q: word %d is %q, want %q", c.line, i, got[i], c.want[i])
			}
		}
	}
}

func TestQuotedWordsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 0, 5).Draw(t, "words")
		var line []byte
		for _, w := range words {
			line = append(AppendQuoted(line, w), ' ')
		}
		got, err := SplitWords(line)
		if err != nil || len(got) != len(words) {
			t.Fatalf("%q: %q, %v", line, got, err)
		}
		for i := range words {
			if !bytes.Equal(got[i], words[i]) {
				t.Fatalf("%q came back as %q", words[i], got[i])
			}
		}
	})
}
