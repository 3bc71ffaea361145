package cli

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/resp"
)

// A style is how replies are printed.
type style uint8

const (
	styleTyped style = iota // as redis-cli on a terminal
	styleRaw                // bare values, for scripts
	styleCSV
	styleJSON
	styleQuotedJSON // ASCII alone
)

// A format is a style and what separates values in it.
type format struct {
	style   style
	between string // -d: between an array's elements, raw
	after   string // -D: after a reply, raw
}

// print appends a reply as it is shown, with its end. A text for people stands
// as it is on terminals too.
func (f format) print(dst []byte, r resp.Value, text bool) []byte {
	if text {
		return f.raw(dst, r)
	}
	switch f.style {
	case styleRaw:
		return append(f.raw(dst, r), f.after...)
	case styleCSV:
		return append(csv(dst, r), '\n')
	case styleJSON, styleQuotedJSON:
		return append(f.json(dst, r), '\n')
	}
	return typed(dst, r, "")
}

// readsAsText reports whether a command's reply is lines for people, which are
// shown without quotes.
func readsAsText(words []string) bool {
	arg := func(i int) string {
		if i < len(words) {
			return strings.ToLower(words[i])
		}
		return ""
	}
	n := len(words)
	switch arg(0) {
	case "info", "lolwut":
		return true
	case "debug":
		return n >= 2 && (arg(1) == "htstats" || arg(1) == "htstats-key" || arg(1) == "client-eviction")
	case "memory":
		return n >= 2 && (arg(1) == "malloc-stats" || arg(1) == "doctor")
	case "cluster":
		return n == 2 && (arg(1) == "nodes" || arg(1) == "info")
	case "client":
		return n >= 2 && (arg(1) == "list" || arg(1) == "info")
	case "latency":
		return n == 3 && arg(1) == "graph" || n == 2 && arg(1) == "doctor"
	case "proxy":
		return n >= 2 && arg(1) == "info"
	}
	return false
}

// typed appends a reply with its types, each value ending its line. Lines
// after the first begin with prefix.
func typed(dst []byte, r resp.Value, prefix string) []byte {
	switch r.Kind {
	case resp.Failure:
		dst = append(append(dst, "(error) "...), r.Text...)
	case resp.Integer:
		dst = append(append(dst, "(integer) "...), r.Text...)
	case resp.Double:
		dst = append(append(dst, "(double) "...), r.Text...)
	case resp.BigInt:
		dst = append(append(dst, "(big number) "...), r.Text...)
	case resp.Bool:
		dst = append(append(append(dst, '('), r.Text...), ')')
	case resp.Null:
		dst = append(dst, "(nil)"...)
	case resp.Array, resp.Set, resp.Map, resp.Push:
		return typedList(dst, r, prefix)
	case resp.Bulk:
		if !r.Verbatim {
			dst = resp.AppendQuoted(dst, r.Text)
			break
		}
		dst = append(dst, r.Text...)
	default:
		dst = append(dst, r.Text...)
	}
	return append(dst, '\n')
}

// typedList numbers the elements; what is nested is indented by the width of
// the number before it.
func typedList(dst []byte, r resp.Value, prefix string) []byte {
	mark, empty, step := byte(')'), "(empty array)\n", 1
	switch r.Kind {
	case resp.Set:
		mark, empty = '~', "(empty set)\n"
	case resp.Map:
		mark, empty, step = '#', "(empty hash)\n", 2
	case resp.Push:
		empty = "(empty push)\n"
	}
	if len(r.Elems) == 0 {
		return append(dst, empty...)
	}
	width := len(strconv.Itoa(len(r.Elems) / step))
	inner := prefix + strings.Repeat(" ", width+2)
	for i := 0; i+step <= len(r.Elems); i += step {
		if i > 0 {
			dst = append(dst, prefix...)
		}
		dst = fmt.Appendf(dst, "%*d%c ", width, i/step+1, mark)
		dst = typed(dst, r.Elems[i], inner)
		if step == 2 {
			dst = append(dst[:len(dst)-1], " => "...)
			dst = typedValue(dst, r.Elems[i+1], inner)
		}
	}
	return dst
}

// typedValue appends a map's value: a list of several lines begins on its own.
func typedValue(dst []byte, r resp.Value, prefix string) []byte {
	at := len(dst)
	dst = typed(dst, r, prefix)
	if len(r.Elems) > 0 && bytes.IndexByte(dst[at:len(dst)-1], '\n') >= 0 {
		dst = slices.Insert(dst, at, []byte("\n"+prefix)...)
	}
	return dst
}

// raw appends the bare value. Errors end their line themselves.
func (f format) raw(dst []byte, r resp.Value) []byte {
	switch r.Kind {
	case resp.Null:
		return dst
	case resp.Failure:
		return append(append(dst, r.Text...), '\n')
	case resp.Bool:
		return append(append(append(dst, '('), r.Text...), ')')
	case resp.Array, resp.Set, resp.Push:
		for i, e := range r.Elems {
			if i > 0 {
				dst = append(dst, f.between...)
			}
			dst = f.raw(dst, e)
		}
		return dst
	case resp.Map:
		for i := 0; i+1 < len(r.Elems); i += 2 {
			if i > 0 {
				dst = append(dst, f.between...)
			}
			dst = append(f.raw(dst, r.Elems[i]), ' ')
			dst = f.raw(dst, r.Elems[i+1])
		}
		return dst
	}
	return append(dst, r.Text...)
}

// csv appends a reply as one line; what is nested is flattened.
func csv(dst []byte, r resp.Value) []byte {
	switch r.Kind {
	case resp.Failure:
		return resp.AppendQuoted(append(dst, "ERROR,"...), r.Text)
	case resp.Null:
		return append(dst, "NULL"...)
	case resp.Integer, resp.Double, resp.Bool, resp.BigInt:
		return append(dst, r.Text...)
	case resp.Array, resp.Set, resp.Push, resp.Map:
		for i, e := range r.Elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = csv(dst, e)
		}
		return dst
	}
	return resp.AppendQuoted(dst, r.Text)
}
