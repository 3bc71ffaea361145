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
	name   word
	write  func(name []byte) bool
	last   word // what write was asked last
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
			r.nth = 0
			if m := r.quick(p[n:]); m > 0 {
				return n + m, true, r.end()
			}
			r.name.n, r.in = 0, inInline
			if p[n] == '*' {
				r.in = inCount
			}
		case inBulk:
			m := min(r.skip, int64(len(p)-n))
			if text := min(m, r.skip-2); r.nth == 1 && text > 0 {
				r.name.add(p[n : n+int(text)])
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
		words := bytes.Fields(line)
		if r.nth = len(words); r.nth > 0 {
			r.name.add(words[0])
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
	if !bytes.Equal(r.name.text(), r.last.text()) {
		r.last = r.name
		r.lastIs = r.write(r.name.text())
	}
	return r.lastIs
}

// quick is the length of the command at the beginning of p, if all of it is there in the
// shortest form, which almost all are; else 0.
func (r *Requests) quick(p []byte) (n int) {
	count, n := header(p, 0, '*')
	if count <= 0 {
		return 0
	}
	for i := range count {
		size, at := header(p, n, '$')
		if at == 0 || size > int64(len(p)-at-2) {
			return 0
		}
		n = at + int(size) + 2
		if i == 0 {
			r.name.n = 0
			r.name.add(p[at : n-2])
		}
	}
	return n
}

// header reads a header at p[at:], which is whole; end is 0 for any other.
func header(p []byte, at int, kind byte) (size int64, end int) {
	const most = 9 // digits
	if at >= len(p) || p[at] != kind {
		return 0, 0
	}
	i := at + 1
	for ; i < len(p) && i <= at+most; i++ {
		d := p[i] - '0'
		if d > 9 {
			break
		}
		size = size*10 + int64(d)
	}
	if digits := i - at - 1; digits == 0 || digits > 1 && p[at+1] == '0' || i+1 >= len(p) || p[i] != '\r' || p[i+1] != '\n' {
		return 0, 0
	}
	return size, i + 2
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
