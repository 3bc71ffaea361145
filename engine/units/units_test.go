package units

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func record(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// TestQuickHeader: the quick way reads nothing else than the thorough one, and
// what is usual it does read.
func TestQuickHeader(t *testing.T) {
	for text, want := range map[string]int{"$0\r\n________": 0, "$64\r\nxxxxxxxxxx": 64, "$1234567\r\n": 1234567} {
		if n, next, ok := quickHeader([]byte(text), 0, '$'); !ok || n != want || text[next-1] != '\n' {
			t.Errorf("%q: %d, %d, %v", text, n, next, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		buf := []byte(rapid.StringOf(rapid.RuneFrom([]rune("$$$*019\r\r\n\n-x"))).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "like a header") {
			buf = []byte("$" + rapid.StringMatching(`[0-9]{0,9}`).Draw(t, "digits") + rapid.StringMatching(`\r?\n?`).Draw(t, "end") + string(buf) + "________")
		}
		pos := rapid.IntRange(0, len(buf)).Draw(t, "position")
		n, next, ok := quickHeader(buf, pos, '$')
		if !ok {
			return
		}
		line, wantNext, err := Line(buf, pos)
		if line == nil || err != nil {
			t.Fatalf("%q at %d: read %d, where no line is: %v", buf, pos, n, err)
		}
		if want, err := header(line, '$', MaxBulk); err != nil || n != want || next != wantNext {
			t.Fatalf("%q at %d: %d up to %d, want %d up to %d, %v", buf, pos, n, next, want, wantNext, err)
		}
	})
}

// TestLimits: what is allowed passes, one more is refused, and by both readers.
func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"a value of 512 MiB and one byte": {"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n", true},
		"the largest value":               {fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", int64(MaxBulk)), true},
		"a larger one":                    {fmt.Sprintf("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", int64(MaxBulk)+1), false},
		"all arguments":                   {fmt.Sprintf("*%d\r\n", MaxArgs), true},
		"one more":                        {fmt.Sprintf("*%d\r\n", MaxArgs+1), false},
		"none":                            {"*0\r\n", false},
		"a long line":                     {"#" + strings.Repeat("x", MaxLine), false},
		"a negative length":               {"*1\r\n$-1\r\n", false},
		"a leading zero":                  {"*1\r\n$01\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, len(c.text)} {
				s := NewScanner(0, 0)
				s.Comments = true
				var err error
				for at := 0; at < len(c.text) && err == nil; at += step {
					_, err = s.Scan([]byte(c.text[at:min(at+step, len(c.text))]))
				}
				if (err == nil) != c.ok {
					t.Errorf("in pieces of %d: %v", step, err)
				}
			}
			if c.text[0] == '#' {
				return
			}
			if _, _, err := Parse([]byte(c.text), nil); (err == ErrShort) != c.ok {
				t.Errorf("as a whole: %v", err)
			}
		})
	}
}

// TestUnits: where units end, which database is selected there, and what is no
// stream.
func TestUnits(t *testing.T) {
	set := record("SET", "k", "v")
	for name, c := range map[string]struct {
		text  string
		whole int // -1: an error
		db    int
	}{
		"a record":            {set, len(set), 0},
		"and a part":          {set + "*3\r\n$3\r", len(set), 0},
		"SELECT":              {record("select", "7"), len(record("select", "7")), 7},
		"an open transaction": {set + record("multi") + set, len(set), 0},
		"a transaction":       {record("MULTI") + set + record("EXEC"), len(record("MULTI") + set + record("EXEC")), 0},
		"SELECT inside an open transaction": {
			record("MULTI") + record("SELECT", "3") + set, 0, 0,
		},
		"EXEC alone":                 {record("EXEC"), -1, 0},
		"MULTI twice":                {record("MULTI") + record("MULTI"), -1, 0},
		"an epoch":                   {"#EPOCH 3 4\r\n", 12, 0},
		"an epoch in a transaction":  {record("MULTI") + "#EPOCH 3 4\r\n", -1, 0},
		"a comment":                  {"#TS:12\r\n", -1, 0},
		"SELECT of a word":           {record("SELECT", "x"), -1, 0},
		"SELECT of a long word":      {record("SELECT", strings.Repeat("1", 30)), -1, 0},
		"an argument that goes on":   {"*1\r\n$1\r\nab\r\n", -1, 0},
		"a command named like MULTI": {record("MULTI", "x"), len(record("MULTI", "x")), 0},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1, 2, 5, len(c.text)} {
				s := NewScanner(0, 100)
				var err error
				for at := 0; at < len(c.text) && err == nil; at += step {
					_, err = s.Scan([]byte(c.text[at:min(at+step, len(c.text))]))
				}
				if c.whole < 0 {
					if err == nil {
						t.Errorf("in pieces of %d: no error", step)
					}
					continue
				}
				if got := s.Whole() - 100; err != nil || got != int64(c.whole) || s.DB != c.db {
					t.Errorf("in pieces of %d: whole up to %d in database %d, %v", step, got, s.DB, err)
				}
				if c.text[0] == '#' && (len(s.Epochs) != 1 || s.Epochs[0] != Epoch{3, 4, 100}) {
					t.Errorf("in pieces of %d: epochs %v", step, s.Epochs)
				}
			}
		})
	}
}

// FuzzPieces feeds bytes in two ways, whole and byte by byte: the same units
// must be found, and the same mistakes. What is whole can be taken apart.
func FuzzPieces(f *testing.F) {
	f.Add([]byte(record("MULTI") + record("SET", "a", "1") + record("EXEC") + "#EPOCH 3 4\r\n" + record("SELECT", "7")))
	f.Add([]byte("*1\r\n$1\r\nx\r\n*"))
	f.Add([]byte("*1\n$1\nx\r\n*"))
	f.Fuzz(func(t *testing.T, text []byte) {
		one := NewScanner(0, 0)
		whole, err := one.Scan(text)
		two := NewScanner(0, 0)
		from := 0
		var err2 error
		for n := 0; n < len(text) && err2 == nil; n++ {
			var w int
			if w, err2 = two.Scan(text[n : n+1]); w > 0 {
				from = n + w
			}
		}
		if whole != from || (err == nil) != (err2 == nil) || one.DB != two.DB || fmt.Sprint(one.Epochs) != fmt.Sprint(two.Epochs) {
			t.Fatalf("at once %d, %v, database %d; in pieces %d, %v, %d", whole, err, one.DB, from, err2, two.DB)
		}
		for at := 0; at < whole; {
			if text[at] == '#' {
				_, next, err := Line(text, at)
				if err != nil || next == 0 {
					t.Fatalf("a line at %d: %v", at, err)
				}
				at = next
				continue
			}
			_, size, err := Parse(text[at:whole], nil)
			if err != nil {
				t.Fatalf("a whole record at %d: %v", at, err)
			}
			at += size
		}
	})
}

// BenchmarkScan finds the ends of records as they come from a leader.
func BenchmarkScan(b *testing.B) {
	buf := []byte(strings.Repeat(record("SET", "key:000000000042", strings.Repeat("x", 64)), 100))
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		s := NewScanner(0, 0)
		if whole, err := s.Scan(buf); whole != len(buf) || err != nil {
			b.Fatal(whole, err)
		}
	}
}
