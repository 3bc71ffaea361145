package tunnel

import "bytes"

// Requests finds where a client's commands end, however they are cut into pieces. It
// takes the forms that clients send; anything else breaks it: the server that answers
// may take it or not.
type Requests struct {
	broken bool
	in     where
	left   int64  // bulks still to come
	skip   int64  // bytes of a bulk, its line end included, still to come
	line   []byte // of a header or an inline command, as far as it has come
	nth    int    // arguments that have begun
	name   [2]word
	write  func(name, sub []byte) bool
	last   [2]word // what write was asked last
	lastIs bool
}

// where a scanner is.
type where uint8

const (
	atStart where = iota
	inInline
	inCount
	inHeader
	inBulk
)

// maxLine bounds a header or an inline command in bytes, as the server does.
const maxLine = 64 << 10

// A word is the beginning of an argument.
type word struct {
	n int
	b [maxWord]byte
}

// maxWord is how many bytes of a name are looked at: none is longer.
const maxWord = 32

func (w *word) add(p []byte) { w.n += copy(w.b[w.n:], p) }

func (w *word) text() []byte { return w.b[:w.n] }

// Partial reports whether a command has begun and not ended.
func (r *Requests) Partial() bool { return r.in != atStart }

// Next looks for the end of the command that p continues. n is how many bytes of p
// belong to it; ended is whether it ends there, and does anything; write is whether it
// may change data.
func (r *Requests) Next(p []byte) (n int, ended, write bool) {
	for n < len(p) && !r.broken {
		switch r.in {
		case atStart:
			r.nth, r.name = 0, [2]word{}
			r.in = inInline
			if p[n] == '*' {
				r.in = inCount
			}
		case inBulk:
			m := min(r.skip, int64(len(p)-n))
			if r.nth <= len(r.name) {
				if text := min(m, r.skip-2); text > 0 {
					r.name[r.nth-1].add(p[n : n+int(text)])
				}
			}
			n, r.skip = n+int(m), r.skip-m
			if r.skip > 0 {
				break
			}
			r.in = inHeader
			if r.left == 0 {
				return n, true, r.end()
			}
		default:
			line, m, whole := r.take(p[n:])
			if n += m; whole && r.ended(line) {
				return n, r.nth > 0, r.nth > 0 && r.end()
			}
		}
	}
	if r.broken {
		n = len(p)
	}
	return n, false, false
}

// take collects a line; whole: it is there, without its end. An inline command ends at
// \n, a header must end at \r\n.
func (r *Requests) take(p []byte) (line []byte, n int, whole bool) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		if len(r.line)+len(p) > maxLine {
			r.broken = true
			return nil, len(p), false
		}
		r.line = append(r.line, p...)
		return nil, len(p), false
	}
	line = p[:i]
	if len(r.line) > 0 {
		line = append(r.line, line...)
		r.line = r.line[:0]
		if cap(line) > maxWord*2 {
			r.line = nil
		}
	}
	if r.in == inInline {
		return bytes.TrimSuffix(line, []byte{'\r'}), i + 1, true
	}
	bare, ok := bytes.CutSuffix(line, []byte{'\r'})
	if !ok {
		r.broken = true
		return nil, i + 1, false
	}
	return bare, i + 1, true
}

// ended takes a whole line and reports whether the command ends with it.
func (r *Requests) ended(line []byte) bool {
	if r.in == inInline {
		if bytes.IndexByte(line, 0) >= 0 {
			r.broken = true
			return false
		}
		for i, w := range bytes.Fields(line) {
			if r.nth++; i < len(r.name) {
				r.name[i].add(w)
			}
		}
		r.in = atStart
		return true
	}
	n, ok := number(line[min(1, len(line)):])
	if r.in == inCount {
		if r.broken = !ok || len(line) < 2; r.broken {
			return false
		}
		if r.left, r.in = n, inHeader; n <= 0 {
			r.in = atStart
			return true
		}
		return false
	}
	if r.broken = !ok || line[0] != '$' || n < 0; r.broken {
		return false
	}
	r.nth++
	r.left--
	r.skip, r.in = n+2, inBulk
	return false
}

// end is the end of a command: whether it writes.
func (r *Requests) end() bool {
	r.in = atStart
	if r.name != r.last {
		r.last = r.name
		r.lastIs = r.write(r.name[0].text(), r.name[1].text())
	}
	return r.lastIs
}

// number reads a length as servers do; -1 is one.
func number(b []byte) (n int64, ok bool) {
	if string(b) == "-1" {
		return -1, true
	}
	const longest = 12 // digits: no length is longer
	if len(b) == 0 || len(b) > longest || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
