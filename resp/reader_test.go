package resp

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func text(k Kind, s string) Value { return Value{Kind: k, Text: []byte(s)} }

func TestReaderDecodes(t *testing.T) {
	for wire, want := range map[string]Value{
		"+OK\r\n":                         text(Status, "OK"),
		"-ERR no\r\n":                     text(Failure, "ERR no"),
		"!6\r\nERR no\r\n":                text(Failure, "ERR no"),
		":-12\r\n":                        text(Integer, "-12"),
		",1.5\r\n":                        text(Double, "1.5"),
		"(12345678901234567890\r\n":       text(BigInt, "12345678901234567890"),
		"$0\r\n\r\n":                      text(Bulk, ""),
		"$3\r\na\r\n\r\n":                 text(Bulk, "a\r\n"),
		"=5\r\ntxt:a\r\n":                 {Kind: Bulk, Text: []byte("a"), Verbatim: true},
		"$-1\r\n":                         {Kind: Null},
		"*-1\r\n":                         {Kind: Null},
		"_\r\n":                           {Kind: Null},
		"#t\r\n":                          text(Bool, "true"),
		"*0\r\n":                          {Kind: Array, Elems: []Value{}},
		"%1\r\n+a\r\n:1\r\n":              {Kind: Map, Elems: []Value{text(Status, "a"), text(Integer, "1")}},
		"~1\r\n+a\r\n":                    {Kind: Set, Elems: []Value{text(Status, "a")}},
		"|1\r\n+ttl\r\n:9\r\n$1\r\nv\r\n": text(Bulk, "v"),
		">2\r\n+m\r\n*1\r\n_\r\n":         {Kind: Push, Elems: []Value{text(Status, "m"), {Kind: Array, Elems: []Value{{Kind: Null}}}}},
	} {
		// One byte at a time, so that no value depends on how it arrives.
		r := NewReader(iotest.OneByteReader(strings.NewReader(wire)), DefaultLimits())
		got, err := r.Read()
		if err != nil {
			t.Errorf("%q: %v", wire, err)
			continue
		}
		if len(want.Text) == 0 && len(got.Text) == 0 {
			want.Text, got.Text = nil, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", wire, got, want)
		}
		if _, err := r.Read(); err != io.EOF {
			t.Errorf("%q: something follows: %v", wire, err)
		}
	}
}

func TestReaderRefuses(t *testing.T) {
	small := Limits{Bulk: 8, Elems: 4, Depth: 2, Total: 8}
	for _, wire := range []string{
		"\r\n", "x\r\n", "+a\n", "$9\r\n123456789\r\n", "$-2\r\n", "$x\r\n", "$9223372036854775808\r\n", "*5\r\n", "*-7\r\n",
		"$1\r\nab\r\n", "#x\r\n", "=2\r\nab\r\n", "*1\r\n*1\r\n*1\r\n:1\r\n", "+" + strings.Repeat("a", maxHeaderLen) + "\r\n",
		"*4\r\n*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n",
		strings.Repeat("|0\r\n", 10) + ":1\r\n",
	} {
		if v, err := NewReader(strings.NewReader(wire), small).Read(); !errors.Is(err, ErrProtocol) {
			t.Errorf("%.40q: %v, %v; want a protocol error", wire, v, err)
		}
	}
	for _, wire := range []string{"$5\r\nab", "*2\r\n:1\r\n", ":1", "+a\r"} {
		if _, err := NewReader(strings.NewReader(wire), small).Read(); err != io.ErrUnexpectedEOF {
			t.Errorf("%q: %v, want an unexpected end", wire, err)
		}
	}
}

// TestReaderTrustsNoHeader: a claim of half a gigabyte must not cost it.
func TestReaderTrustsNoHeader(t *testing.T) {
	wire := "$536870912\r\nabc"
	if n := testing.AllocsPerRun(5, func() {
		_, _ = NewReader(strings.NewReader(wire), DefaultLimits()).Read()
	}); n > 20 {
		t.Errorf("%v allocations", n)
	}
	r := *NewReader(strings.NewReader(wire), DefaultLimits())
	if _, err := r.in.Discard(len("$536870912\r\n")); err != nil {
		t.Fatal(err)
	}
	b, err := r.take(512 << 20)
	if err != io.ErrUnexpectedEOF || cap(b) > 1<<20 {
		t.Errorf("%d bytes held, %v", cap(b), err)
	}
}

// TestWriterReadBack: what a Writer writes, a Reader reads, in both versions.
func TestWriterReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 0, 20).Draw(t, "words")
		var w Writer
		w.SetProto(rapid.SampledFrom([]int{RESP2, RESP3}).Draw(t, "proto"))
		mark := w.Mark()
		for _, b := range words {
			w.Bulk(b)
		}
		w.ArrayAt(mark, len(words))
		w.Null()
		r := NewReader(bytes.NewReader(w.Bytes()), DefaultLimits())
		v, err := r.Read()
		if err != nil || v.Kind != Array || len(v.Elems) != len(words) {
			t.Fatalf("%+v, %v", v, err)
		}
		for i, e := range v.Elems {
			if e.Kind != Bulk || !bytes.Equal(e.Text, words[i]) {
				t.Fatalf("word %d: %q, want %q", i, e.Text, words[i])
			}
		}
		if v, err = r.Read(); err != nil || v.Kind != Null {
			t.Fatalf("%+v, %v", v, err)
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"))
	f.Add([]byte("%1\r\n+a\r\n|1\r\n+b\r\n:1\r\n,1.5\r\n"))
	f.Add([]byte("*1\r\n$9223372036854775807\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b), Limits{Bulk: 1 << 20, Elems: 1 << 10, Depth: 8, Total: 1 << 12})
		for {
			if _, err := r.Read(); err != nil {
				return
			}
		}
	})
}
