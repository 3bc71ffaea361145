package main

import (
	"strings"
	"testing"

	"regent/resp"
)

func TestRender(t *testing.T) {
	for _, c := range []struct{ wire, typed, raw, json string }{
		{"+OK\r\n", "OK\n", "OK\n", "\"OK\"\n"},
		{"-ERR no\r\n", "(error) ERR no\n", "ERR no\n", `{"error":"ERR no"}` + "\n"},
		{":5\r\n", "(integer) 5\n", "5\n", "5\n"},
		{"$-1\r\n", "(nil)\n", "\n", "null\n"},
		{"$4\r\na\"\x01b\r\n", `"a\"\x01b"` + "\n", "a\"\x01b\n", `"a\"\u0001b"` + "\n"},
		{"$5\r\na:1\r\n\r\n", "a:1\r\n", "a:1\r\n", `"a:1\r\n"` + "\n"},
		{"*0\r\n", "(empty array)\n", "\n", "[]\n"},
		{"*2\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", "1) (integer) 1\n2) 1) \"a\"\n   2) \"b\"\n", "1\na\nb\n", `[1,["a","b"]]` + "\n"},
		{"%1\r\n$1\r\na\r\n,1.5\r\n", "1# \"a\" => (double) 1.5\n", "a\n1.5\n", `{"a":1.5}` + "\n"},
		{"#t\r\n", "(true)\n", "true\n", "true\n"},
	} {
		r := decode(t, c.wire)
		for f, want := range map[format]string{formatTyped: c.typed, formatRaw: c.raw, formatJSON: c.json} {
			if got := render(r, f); got != want {
				t.Errorf("%q in format %d: %q, want %q", c.wire, f, got, want)
			}
		}
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
