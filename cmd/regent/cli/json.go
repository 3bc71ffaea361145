package cli

import (
	"bytes"
	"fmt"
	"strings"

	"regent/resp"
)

// json appends a reply as redis-cli --json writes it: bytes that are not UTF-8
// stay what they are, and an error is the word error, a colon and a string.
func (f format) json(dst []byte, r resp.Value) []byte {
	switch r.Kind {
	case resp.Failure:
		return f.jsonString(append(dst, "error:"...), r.Text)
	case resp.Null:
		return append(dst, "null"...)
	case resp.Integer, resp.Double, resp.Bool, resp.BigInt:
		return append(dst, r.Text...)
	case resp.Array, resp.Set, resp.Push:
		dst = append(dst, '[')
		for i, e := range r.Elems {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = f.json(dst, e)
		}
		return append(dst, ']')
	case resp.Map:
		dst = append(dst, '{')
		for i := 0; i+1 < len(r.Elems); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = f.jsonKey(dst, r.Elems[i])
			dst = f.json(append(dst, ':'), r.Elems[i+1])
		}
		return append(dst, '}')
	}
	return f.jsonString(dst, r.Text)
}

// jsonKey appends an object's key, which is a string in JSON whatever it was.
func (f format) jsonKey(dst []byte, key resp.Value) []byte {
	switch key.Kind {
	case resp.Status, resp.Bulk, resp.Failure:
		return f.json(dst, key)
	}
	return append(f.json(append(dst, '"'), key), '"')
}

// jsonString appends a string: with --quoted-json as the prompt would quote it,
// its backslashes doubled.
func (f format) jsonString(dst, text []byte) []byte {
	if f.style == styleQuotedJSON {
		return append(dst, bytes.ReplaceAll(resp.AppendQuoted(nil, text), []byte{'\\'}, []byte(`\\`))...)
	}
	const special, letters = "\\\"\n\f\r\t\b", `\"nfrtb`
	dst = append(dst, '"')
	for _, c := range text {
		i := strings.IndexByte(special, c)
		switch {
		case i >= 0:
			dst = append(dst, '\\', letters[i])
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
