package resp

import "errors"

// ErrUnbalancedQuotes says that a line's quotes do not close, or that a
// closing quote is followed by something other than a space.
var ErrUnbalancedQuotes = errors.New("unbalanced quotes")

// SplitWords splits a line as people type it, in inline commands, in
// configuration files and in the client: words between spaces, "double
// quotes" with \n \r \t \b \a \xHH and \any escapes, and 'single quotes' with
// \' alone (Redis: sds.c, sdssplitargs).
func SplitWords(line []byte) ([][]byte, error) {
	var words [][]byte
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return words, nil
		}
		word, next, err := oneWord(line, i)
		if err != nil {
			return nil, err
		}
		words, i = append(words, word), next
	}
}

// oneWord reads the word at i. Quotes may begin inside a word but must end
// it.
func oneWord(line []byte, i int) (word []byte, next int, err error) {
	word = []byte{}
	for i < len(line) && !isSpace(line[i]) && line[i] != 0 {
		switch line[i] {
		case '"':
			return quoted(line, i+1, '"', word)
		case '\'':
			return quoted(line, i+1, '\'', word)
		}
		word = append(word, line[i])
		i++
	}
	if i < len(line) && line[i] == 0 {
		i = len(line)
	}
	return word, i, nil
}

func quoted(line []byte, i int, quote byte, word []byte) ([]byte, int, error) {
	for i < len(line) {
		c := line[i]
		switch {
		case c == quote:
			if i+1 < len(line) && !isSpace(line[i+1]) {
				return nil, 0, ErrUnbalancedQuotes
			}
			return word, i + 1, nil
		case c == '\\' && quote == '\'' && i+1 < len(line) && line[i+1] == '\'':
			word = append(word, '\'')
			i += 2
		case c == '\\' && quote == '"' && i+1 < len(line):
			b, n := unescape(line[i+1:])
			word = append(word, b)
			i += 1 + n
		default:
			word = append(word, c)
			i++
		}
	}
	return nil, 0, ErrUnbalancedQuotes
}

// unescape reads what stands after a backslash: the byte meant, and how many
// bytes were read.
func unescape(s []byte) (b byte, n int) {
	if s[0] == 'x' && len(s) >= 3 {
		hi, ok1 := hexDigit(s[1])
		lo, ok2 := hexDigit(s[2])
		if ok1 && ok2 {
			return hi<<4 | lo, 3
		}
	}
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// AppendQuoted appends b in double quotes with everything that is not
// printable escaped, so that SplitWords reads it back (sds.c, sdscatrepr).
func AppendQuoted(dst, b []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range b {
		switch c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\a':
			dst = append(dst, '\\', 'a')
		default:
			if c >= ' ' && c < 0x7f {
				dst = append(dst, c)
			} else {
				dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
			}
		}
	}
	return append(dst, '"')
}
