package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"regent/resp"
)

// render turns a reply into what the terminal shows, with the line's end.
func render(r resp.Value, f format) string {
	switch f {
	case formatRaw:
		return withNewline(raw(r))
	case formatJSON:
		b, err := json.Marshal(jsonValue(r))
		if err != nil { // strings, numbers, lists and maps always marshal
			panic("regent: a reply cannot be written as JSON: " + err.Error())
		}
		return string(b) + "\n"
	}
	return withNewline(typed(r, ""))
}

func withNewline(s string) string {
	if strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

// typed is redis-cli's form for terminals.
func typed(r resp.Value, indent string) string {
	switch r.Kind {
	case resp.Failure:
		return "(error) " + string(r.Text)
	case resp.Status:
		return string(r.Text)
	case resp.Integer:
		return "(integer) " + string(r.Text)
	case resp.Double:
		return "(double) " + string(r.Text)
	case resp.Bool:
		return "(" + string(r.Text) + ")"
	case resp.Null:
		return "(nil)"
	case resp.Array, resp.Set, resp.Map:
		return typedList(r, indent)
	}
	if readable(string(r.Text)) {
		return string(r.Text)
	}
	return string(resp.AppendQuoted(nil, []byte(string(r.Text))))
}

// readable reports whether a text is meant to be read as it is: lines, such
// as INFO's and CLIENT LIST's.
func readable(s string) bool {
	if !strings.HasSuffix(s, "\n") || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) && !unicode.IsSpace(c) }) < 0
}

// typedList numbers the elements; nested lists are indented by the width of
// the number before them.
func typedList(r resp.Value, indent string) string {
	elems, mark, empty := r.Elems, ") ", "(empty array)"
	switch r.Kind {
	case resp.Set:
		mark, empty = "~ ", "(empty set)"
	case resp.Map:
		mark, empty = "# ", "(empty hash)"
	}
	if len(elems) == 0 {
		return empty
	}
	step := 1
	if r.Kind == resp.Map {
		step = 2
	}
	width := len(strconv.Itoa(len(elems) / step))
	var b strings.Builder
	for i := 0; i+step <= len(elems); i += step {
		if i > 0 {
			b.WriteString(indent)
		}
		head := fmt.Sprintf("%*d%s", width, i/step+1, mark)
		inner := indent + strings.Repeat(" ", len(head))
		b.WriteString(head)
		b.WriteString(typed(elems[i], inner))
		if step == 2 {
			b.WriteString(" => ")
			b.WriteString(typed(elems[i+1], inner))
		}
		if i+step < len(elems) {
			b.WriteByte('\n')
		}
	}
	return strings.ReplaceAll(b.String(), "\n\n", "\n")
}

// raw is the bare value; lists are a line each.
func raw(r resp.Value) string {
	switch r.Kind {
	case resp.Array, resp.Set, resp.Map:
		var lines []string
		for _, e := range r.Elems {
			lines = append(lines, strings.TrimSuffix(raw(e), "\n"))
		}
		return strings.Join(lines, "\n")
	case resp.Null:
		return ""
	}
	return string(r.Text)
}

// jsonValue maps a reply to JSON: maps to objects, errors to {"error": text}.
func jsonValue(r resp.Value) any {
	switch r.Kind {
	case resp.Failure:
		return map[string]any{"error": string(r.Text)}
	case resp.Integer, resp.Double:
		return json.Number(jsonNumber(string(r.Text)))
	case resp.Bool:
		return string(r.Text) == "true"
	case resp.Null:
		return nil
	case resp.Array, resp.Set:
		list := []any{}
		for _, e := range r.Elems {
			list = append(list, jsonValue(e))
		}
		return list
	case resp.Map:
		object := map[string]any{}
		for i := 0; i+1 < len(r.Elems); i += 2 {
			object[string(r.Elems[i].Text)] = jsonValue(r.Elems[i+1])
		}
		return object
	}
	return string(r.Text)
}

// jsonNumber writes infinities, for which JSON has no number, as the largest
// doubles.
func jsonNumber(s string) string {
	switch s {
	case "inf":
		return "1.7976931348623157e308"
	case "-inf":
		return "-1.7976931348623157e308"
	case "nan":
		return "0"
	}
	return s
}
