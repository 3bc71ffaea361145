package resp

import (
	"strconv"

	"regent/engine/decimal"
)

// Protocol versions a client can ask for with HELLO.
const (
	RESP2 = 2
	RESP3 = 3
)

// A Writer appends replies to memory in the client's protocol version. The
// zero value writes RESP2. It is not safe for concurrent use.
//
// A Writer may have a bound (SetBound). A reply that would go beyond it is dropped: the
// Writer gives its memory back and takes no more, and its owner ends the
// client when it Overflowed. So no reply, whatever command writes it, takes
// more memory than it may while it is built.
//
// The value of the last reply may stay where it is (BulkApart), and be sent from there.
// It counts as written, and is copied as soon as anything else is done with the Writer.
type Writer struct {
	buf   []byte
	apart *[]byte // a bulk string whose header is in buf, nil: none
	bound int     // of len(buf), 0: none
	base  int     // len(buf) when the bound was set
	proto uint8
	over  bool
}

// SetBound bounds what is written from now on, in bytes.
func (w *Writer) SetBound(n int) {
	if w.apart != nil {
		w.Settle()
	}
	w.base, w.bound = len(w.buf), len(w.buf)+n
}

// Overflowed reports whether more was written than the bound allows: what was written
// since SetBound is gone, and nothing more is taken until Truncate or Take. A loop
// whose length a client chooses freely ends when it sees that.
func (w *Writer) Overflowed() bool { return w.over }

// Overflow does what writing beyond the bound does.
func (w *Writer) Overflow() {
	w.buf, w.over, w.apart = append([]byte(nil), w.buf[:min(w.base, len(w.buf))]...), true, nil
}

// fits reports whether n more bytes may be written. Headers and line ends are short,
// and not counted before they are there.
func (w *Writer) fits(n int) bool {
	if w.apart == nil && !w.over && (w.bound == 0 || len(w.buf)+n <= w.bound) {
		return true
	}
	if w.apart != nil {
		w.Settle()
		return w.fits(n)
	}
	if !w.over {
		w.Overflow()
	}
	return false
}

// Proto returns the protocol version in force, RESP2 or RESP3.
func (w *Writer) Proto() int {
	if w.proto == 0 {
		return RESP2
	}
	return int(w.proto)
}

// SetProto sets the protocol version for the replies that follow.
func (w *Writer) SetProto(version int) { w.proto = uint8(version) }

// Len returns the number of bytes held.
func (w *Writer) Len() int {
	if w.apart != nil {
		return len(w.buf) + len(*w.apart) + len(lineEnd)
	}
	return len(w.buf)
}

const lineEnd = "\r\n"

// BulkApart is Bulk of b, which stays as it is, and where it is, until it has been sent
// or copied: until Take or TakeApart.
func (w *Writer) BulkApart(b []byte) {
	if w.fits(len(b)) {
		w.buf = AppendBulkHead(w.buf, len(b))
		w.apart = &b
	}
}

// Apart is the value of the last reply that BulkApart has left where it is; nil: none.
func (w *Writer) Apart() []byte {
	if w.apart == nil {
		return nil
	}
	return *w.apart
}

// TakeApart is Take of what stands before the value that Apart returns, which is written
// after it by the caller, and a line end then.
func (w *Writer) TakeApart() (head []byte) {
	w.apart = nil
	return w.Take(nil)
}

// Settle copies the value that BulkApart has left where it is.
func (w *Writer) Settle() {
	if b := w.apart; b != nil {
		w.apart = nil
		w.buf = append(append(w.buf, *b...), lineEnd...)
	}
}

// Cap is how many bytes the memory holds in which replies are.
func (w *Writer) Cap() int { return cap(w.buf) }

// Bytes returns what was written so far. It is valid until the next call.
func (w *Writer) Bytes() []byte {
	w.Settle()
	return w.buf
}

// Truncate forgets everything after the first n bytes, and an overflow there.
func (w *Writer) Truncate(n int) {
	if n <= len(w.buf) {
		w.apart = nil // it goes, and maybe its header
	}
	w.Settle()
	w.buf, w.over = w.buf[:min(n, len(w.buf))], false
}

// Take hands the buffer over and goes on with next, which may be nil. It ends an
// overflow; the bound stays.
func (w *Writer) Take(next []byte) []byte {
	w.Settle()
	b := w.buf
	w.buf, w.over = next[:0], false
	return b
}

// Fits reports whether n more bytes are within the bound.
func (w *Writer) Fits(n int) bool { return !w.over && (w.bound == 0 || w.Len()+n <= w.bound) }

// Move goes on in other memory, which has room for what is held, and returns that of before.
// A value that is apart stays so.
func (w *Writer) Move(to []byte) (was []byte) {
	was = w.buf
	w.buf = append(to[:0], was...)
	return was
}

// Raw appends bytes that are already encoded.
func (w *Writer) Raw(b []byte) {
	if w.fits(len(b)) {
		w.buf = append(w.buf, b...)
	}
}

// OK appends +OK.
func (w *Writer) OK() {
	if w.fits(0) {
		w.buf = append(w.buf, "+OK\r\n"...)
	}
}

// Status appends a simple string; s must not hold CR or LF.
func (w *Writer) Status(s string) {
	if w.fits(len(s)) {
		w.buf = appendLine(w.buf, '+', s)
	}
}

// Error appends an error reply. msg begins with its code word ("ERR ...");
// CR and LF are turned into spaces, as Redis does.
func (w *Writer) Error(msg string) {
	if !w.fits(len(msg)) {
		return
	}
	w.buf = append(w.buf, '-')
	for i := 0; i < len(msg); i++ {
		c := msg[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.buf = append(w.buf, c)
	}
	w.buf = append(w.buf, '\r', '\n')
}

// Int appends an integer.
func (w *Writer) Int(n int64) {
	if w.fits(0) {
		w.buf = appendHeader(w.buf, ':', n)
	}
}

// Bulk appends a bulk string.
func (w *Writer) Bulk(b []byte) {
	if w.fits(len(b)) {
		w.buf = AppendBulk(w.buf, b)
	}
}

// BulkString appends a bulk string.
func (w *Writer) BulkString(s string) {
	if w.fits(len(s)) {
		w.buf = AppendBulk(w.buf, s)
	}
}

// BulkInt appends an integer as a bulk string.
func (w *Writer) BulkInt(n int64) {
	if w.fits(maxIntText) {
		w.buf = AppendBulkInt(w.buf, n)
	}
}

// Null appends the null of the protocol version: $-1 or _.
func (w *Writer) Null() {
	if !w.fits(0) {
		return
	}
	if w.proto == RESP3 {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "$-1\r\n"...)
}

// NullArray appends *-1 in RESP2 and _ in RESP3.
func (w *Writer) NullArray() {
	if !w.fits(0) {
		return
	}
	if w.proto == RESP3 {
		w.buf = append(w.buf, "_\r\n"...)
		return
	}
	w.buf = append(w.buf, "*-1\r\n"...)
}

// Array appends the header of an array of n replies.
func (w *Writer) Array(n int) {
	if w.fits(0) {
		w.buf = appendHeader(w.buf, '*', int64(n))
	}
}

// Map appends the header of a map of n pairs: 2n replies follow.
func (w *Writer) Map(n int) {
	if !w.fits(0) {
		return
	}
	if w.proto == RESP3 {
		w.buf = appendHeader(w.buf, '%', int64(n))
		return
	}
	w.Array(2 * n)
}

// Set appends the header of a set of n replies.
func (w *Writer) Set(n int) {
	if !w.fits(0) {
		return
	}
	if w.proto == RESP3 {
		w.buf = appendHeader(w.buf, '~', int64(n))
		return
	}
	w.Array(n)
}

// Push appends the header of an out-of-band message of n replies.
func (w *Writer) Push(n int) {
	if !w.fits(0) {
		return
	}
	if w.proto == RESP3 {
		w.buf = appendHeader(w.buf, '>', int64(n))
		return
	}
	w.Array(n)
}

// Bool appends a boolean: #t and #f, or 1 and 0 in RESP2.
func (w *Writer) Bool(v bool) {
	if !w.fits(0) {
		return
	}
	switch {
	case w.proto == RESP3 && v:
		w.buf = append(w.buf, "#t\r\n"...)
	case w.proto == RESP3:
		w.buf = append(w.buf, "#f\r\n"...)
	case v:
		w.Int(1)
	default:
		w.Int(0)
	}
}

// Double appends a double as C's "%.17g" prints it, so that it reads back as the
// same number; RESP2 clients get it as a bulk string.
func (w *Writer) Double(f float64) {
	if !w.fits(0) {
		return
	}
	var tmp [decimal.DoubleLen]byte
	w.DoubleText(decimal.AppendDouble(tmp[:0], f))
}

// DoubleText is Double for a number that is spelled in another way.
func (w *Writer) DoubleText(text []byte) {
	if w.proto != RESP3 {
		w.Bulk(text)
		return
	}
	if !w.fits(len(text)) {
		return
	}
	w.buf = append(w.buf, ',')
	w.buf = append(w.buf, text...)
	w.buf = append(w.buf, '\r', '\n')
}

// BigNumber appends a whole number of any size, given by its digits.
func (w *Writer) BigNumber(digits string) {
	if !w.fits(len(digits)) {
		return
	}
	if w.proto != RESP3 {
		w.BulkString(digits)
		return
	}
	w.buf = appendLine(w.buf, '(', digits)
}

// Attribute appends the header of n pairs that tell more about the reply that
// follows them. There are none in RESP2.
func (w *Writer) Attribute(n int) {
	if w.fits(0) {
		w.buf = appendHeader(w.buf, '|', int64(n))
	}
}

// Verbatim appends a verbatim string of a three-letter format ("txt").
func (w *Writer) Verbatim(format, s string) {
	if !w.fits(len(s)) {
		return
	}
	w.buf = appendVerbatim(w.buf, w.Proto(), format, s)
}

// VerbatimBytes is Verbatim of a text that is no string.
func (w *Writer) VerbatimBytes(format string, b []byte) {
	if w.fits(len(b)) {
		w.buf = appendVerbatim(w.buf, w.Proto(), format, b)
	}
}

func appendVerbatim[T []byte | string](dst []byte, proto int, format string, s T) []byte {
	if proto != RESP3 {
		return AppendBulk(dst, s)
	}
	dst = appendHeader(dst, '=', int64(len(s)+4))
	dst = append(dst, format...)
	dst = append(dst, ':')
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

// Mark remembers where an array header belongs whose length is not known yet.
func (w *Writer) Mark() int { return w.Len() }

// ArrayAt inserts the header of an array of n replies at a Mark. The replies
// written since then move: use it where counting first would cost more.
func (w *Writer) ArrayAt(mark, n int) {
	w.headAt(mark, '*', n)
}

// SetAt is ArrayAt for a set.
func (w *Writer) SetAt(mark, n int) {
	if w.proto == RESP3 {
		w.headAt(mark, '~', n)
		return
	}
	w.headAt(mark, '*', n)
}

// MapAt is ArrayAt for a map of n pairs.
func (w *Writer) MapAt(mark, n int) {
	if w.proto == RESP3 {
		w.headAt(mark, '%', n)
		return
	}
	w.headAt(mark, '*', 2*n)
}

// headAt inserts a header of that kind at a Mark.
func (w *Writer) headAt(mark int, kind byte, n int) {
	if !w.fits(0) {
		return
	}
	var tmp [24]byte
	head := appendHeader(tmp[:0], kind, int64(n))
	w.buf = append(w.buf, head...)
	copy(w.buf[mark+len(head):], w.buf[mark:len(w.buf)-len(head)])
	copy(w.buf[mark:], head)
}

// AppendBulk appends b as a bulk string to dst.
func AppendBulk[B []byte | string](dst []byte, b B) []byte {
	dst = appendHeader(dst, '$', int64(len(b)))
	dst = append(dst, b...)
	return append(dst, '\r', '\n')
}

// maxIntText is how many bytes an integer has at most as text.
const maxIntText = 20

// AppendBulkInt appends an integer as a bulk string to dst. Short ones, as most are, are written at once.
func AppendBulkInt(dst []byte, n int64) []byte {
	switch {
	case n < 0 || n > 9999:
		var tmp [maxIntText]byte
		return AppendBulk(dst, strconv.AppendInt(tmp[:0], n, 10))
	case n < 10:
		return append(dst, '$', '1', '\r', '\n', byte('0'+n), '\r', '\n')
	case n < 100:
		return append(dst, '$', '2', '\r', '\n', byte('0'+n/10), byte('0'+n%10), '\r', '\n')
	case n < 1000:
		return append(dst, '$', '3', '\r', '\n', byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10), '\r', '\n')
	}
	return append(dst, '$', '4', '\r', '\n', byte('0'+n/1000), byte('0'+n/100%10), byte('0'+n/10%10), byte('0'+n%10), '\r', '\n')
}

// AppendBulkHead appends what stands before a bulk string of n bytes to dst.
func AppendBulkHead(dst []byte, n int) []byte { return appendHeader(dst, '$', int64(n)) }

// AppendArray appends an array header to dst.
func AppendArray(dst []byte, n int) []byte { return appendHeader(dst, '*', int64(n)) }

// AppendCommand appends a command as an array of bulk strings, the form in
// which clients send it and the log and the stream carry it.
func AppendCommand[B []byte | string](dst []byte, args ...B) []byte {
	dst = AppendArray(dst, len(args))
	for _, a := range args {
		dst = AppendBulk(dst, a)
	}
	return dst
}

func appendLine(dst []byte, kind byte, s string) []byte {
	dst = append(dst, kind)
	dst = append(dst, s...)
	return append(dst, '\r', '\n')
}

func appendHeader(dst []byte, kind byte, n int64) []byte {
	dst = append(dst, kind)
	switch { // most lengths and counters are short
	case n < 0 || n > 99:
	case n < 10:
		return append(dst, byte('0'+n), '\r', '\n')
	default:
		return append(dst, byte('0'+n/10), byte('0'+n%10), '\r', '\n')
	}
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, '\r', '\n')
}
