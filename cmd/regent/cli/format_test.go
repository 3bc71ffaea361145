package cli

import (
	"strings"
	"testing"

	"regent/resp"
)

// TestPrint shows each style of each kind of reply; the comparison with
// redis-cli is package integration's.
func TestPrint(t *testing.T) {
	for _, c := range []struct{ wire, typed, raw, json string }{
		{"+OK\r\n", "OK\n", "OK\n", "\"OK\"\n"},
		{"-ERR no\r\n", "(error) ERR no\n", "ERR no\n\n", "error:\"ERR no\"\n"},
		{":5\r\n", "(integer) 5\n", "5\n", "5\n"},
		{"$-1\r\n", "(nil)\n", "\n", "null\n"},
		{"$4\r\na\"\x01b\r\n", `"a\"\x01b"` + "\n", "a\"\x01b\n", `"a\"\u0001b"` + "\n"},
		{"$5\r\na\n\nb\n\r\n", `"a\n\nb\n"` + "\n", "a\n\nb\n\n", `"a\n\nb\n"` + "\n"},
		{"$2\r\n\xff\xfe\r\n", `"\xff\xfe"` + "\n", "\xff\xfe\n", "\"\xff\xfe\"\n"},
		{"*0\r\n", "(empty array)\n", "\n", "[]\n"},
		{"*2\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", "1) (integer) 1\n2) 1) \"a\"\n   2) \"b\"\n", "1\na\nb\n", `[1,["a","b"]]` + "\n"},
		{"%1\r\n$1\r\na\r\n,1.5\r\n", "1# \"a\" => (double) 1.5\n", "a 1.5\n", `{"a":1.5}` + "\n"},
		{"%1\r\n:1\r\n~1\r\n+x\r\n", "1# (integer) 1 => 1~ x\n", "1 x\n", `{"1":["x"]}` + "\n"},
		{"%1\r\n+k\r\n*2\r\n:1\r\n:2\r\n", "1# k => \n   1) (integer) 1\n   2) (integer) 2\n", "k 1\n2\n", `{"k":[1,2]}` + "\n"},
		{"=8\r\ntxt:a\nb\n\r\n", "a\nb\n\n", "a\nb\n\n", `"a\nb\n"` + "\n"},
		{"#t\r\n", "(true)\n", "(true)\n", "true\n"},
	} {
		t.Run(c.wire, func(t *testing.T) {
			r := decode(t, c.wire)
			for s, want := range map[style]string{styleTyped: c.typed, styleRaw: c.raw, styleJSON: c.json} {
				f := format{style: s, between: "\n", after: "\n"}
				if got := string(f.print(nil, r, false)); got != want {
					t.Errorf("style %d: %q, want %q", s, got, want)
				}
			}
		})
	}
}

func decode(t *testing.T, wire string) resp.Value {
	t.Helper()
	v, err := resp.NewReader(strings.NewReader(wire), resp.DefaultLimits()).Read()
	if err != nil {
		t.Fatal(err)
	}
	return v
}
