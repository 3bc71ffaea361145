package enginetest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"regent/resp"
)

// A Node is one reply, taken apart. Type is its first byte; aggregates have
// Elems (a map's keys and values alternate), others Text. Null marks $-1, *-1
// and _.
type Node struct {
	Type  byte
	Text  string
	Elems []Node
	Null  bool
}

// errShort says that a reply is not complete yet.
var errShort = errors.New("incomplete reply")

// Parse takes the first reply off b.
func Parse(b []byte) (n Node, rest []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || len(line) == 0 {
		return n, b, errShort
	}
	n.Type, n.Text = line[0], string(line[1:])
	switch n.Type {
	case '+', '-', ':', ',', '#', '(':
		return n, rest, nil
	case '_':
		n.Null = true
		return n, rest, nil
	}
	size, err := strconv.Atoi(n.Text)
	if err != nil {
		return n, b, fmt.Errorf("reply %q: %w", line, err)
	}
	n.Text = ""
	switch n.Type {
	case '$', '=':
		if n.Null = size < 0; n.Null {
			return n, rest, nil
		}
		if len(rest) < size+2 {
			return n, b, errShort
		}
		n.Text = string(rest[:size])
		return n, rest[size+2:], nil
	case '%':
		size *= 2
	case '*', '~', '>':
		n.Null = size < 0
	default:
		return n, b, fmt.Errorf("reply %q is of no known type", line)
	}
	for range max(size, 0) {
		var el Node
		if el, rest, err = Parse(rest); err != nil {
			return n, b, err
		}
		n.Elems = append(n.Elems, el)
	}
	return n, rest, nil
}

// Parsed is the reply taken apart; the test fails unless it is one reply.
func Parsed(t testing.TB, reply string) Node {
	t.Helper()
	n, rest, err := Parse([]byte(reply))
	if err != nil || len(rest) != 0 {
		t.Fatalf("%q is not one reply: %v", reply, err)
	}
	return n
}

// Words takes a line apart as redis-cli does.
func Words(t testing.TB, line string) (out []string) {
	t.Helper()
	parts, err := resp.SplitWords([]byte(line))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	for _, p := range parts {
		out = append(out, string(p))
	}
	return out
}

// Elements are the texts of an array's elements.
func Elements(reply string) []string {
	n, _, err := Parse([]byte(reply))
	if err != nil {
		return nil
	}
	out := make([]string, len(n.Elems))
	for i, el := range n.Elems {
		out[i] = el.Text
	}
	return out
}

// String shows the reply in one line.
func (n Node) String() string {
	switch {
	case n.Null:
		return string(n.Type) + "null"
	case n.Type == '*' || n.Type == '~' || n.Type == '%' || n.Type == '>':
		parts := make([]string, len(n.Elems))
		for i, el := range n.Elems {
			parts[i] = el.String()
		}
		return string(n.Type) + "[" + strings.Join(parts, " ") + "]"
	case n.Type == '$':
		return strconv.Quote(n.Text)
	}
	return string(n.Type) + n.Text
}
