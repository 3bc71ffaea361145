package engine

import "strconv"

// An InfoWriter collects the lines of one INFO section.
type InfoWriter struct{ buf []byte }

// Bytes are the lines so far.
func (w *InfoWriter) Bytes() []byte { return w.buf }

// Str writes "name:value".
func (w *InfoWriter) Str(name, value string) {
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, ':')
	w.buf = append(w.buf, value...)
	w.buf = append(w.buf, '\r', '\n')
}

// Int writes a whole number.
func (w *InfoWriter) Int(name string, value int64) { w.Str(name, strconv.FormatInt(value, 10)) }

// Bool writes 1 or 0.
func (w *InfoWriter) Bool(name string, value bool) {
	n := int64(0)
	if value {
		n = 1
	}
	w.Int(name, n)
}

// float writes a number with prec digits after the point.
func (w *InfoWriter) float(name string, value float64, prec int) {
	w.Str(name, strconv.FormatFloat(value, 'f', prec, 64))
}
