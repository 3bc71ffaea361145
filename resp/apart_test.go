package resp

import (
	"strings"
	"testing"
)

// TestValueApart: a value that is left where it is counts as written, and whatever is done with
// the writer then finds it written. Taken apart, what stands before it is what is missing.
func TestValueApart(t *testing.T) {
	value := []byte(strings.Repeat("v", 100))
	const before, head = "+OK\r\n", "$100\r\n"
	whole := before + head + string(value) + "\r\n"
	for name, step := range map[string]struct {
		do   func(w *Writer)
		want string
	}{
		"nothing":        {func(*Writer) {}, whole},
		"a reply":        {func(w *Writer) { w.Int(7) }, whole + ":7\r\n"},
		"another":        {func(w *Writer) { w.BulkApart(value) }, whole + head + string(value) + "\r\n"},
		"raw":            {func(w *Writer) { w.Raw(value[:3]) }, whole + "vvv"},
		"at a mark":      {func(w *Writer) { m := w.Mark(); w.Int(7); w.ArrayAt(m, 1) }, whole + "*1\r\n:7\r\n"},
		"an array of it": {func(w *Writer) { w.ArrayAt(len(before), 1) }, before + "*1\r\n" + whole[len(before):]},
		"moved":          {func(w *Writer) { w.Move(make([]byte, 0, 500)) }, whole},
		"dropped":        {func(w *Writer) { w.Truncate(len(before)) }, before},
		"cut":            {func(w *Writer) { w.Truncate(len(before + head + "vv")) }, before + head + "vv"},
		"kept":           {func(w *Writer) { w.Truncate(len(whole)) }, whole},
		"overflow":       {func(w *Writer) { w.SetBound(10); w.Bulk(value) }, whole},
		"its overflow":   {func(w *Writer) { w.Overflow() }, before},
	} {
		w := &Writer{}
		w.OK()
		w.SetBound(1000)
		w.BulkApart(value)
		if w.Len() != len(whole) || w.Fits(1001-len(value)-len(head)) || &w.Apart()[0] != &value[0] {
			t.Fatalf("%s: %d bytes of %d", name, w.Len(), len(whole))
		}
		step.do(w)
		if n, got := w.Len(), string(w.Bytes()); got != step.want || n != len(got) || w.Apart() != nil {
			t.Errorf("%s: %q of %d bytes, want %q", name, got, n, step.want)
		}
	}
	w := &Writer{}
	w.OK()
	w.BulkApart(value)
	if got := string(w.TakeApart()); got != before+head || w.Apart() != nil || w.Len() != 0 {
		t.Errorf("%q was taken, %d bytes are left", got, w.Len())
	}
	w.SetBound(50)
	if w.BulkApart(value); w.Apart() != nil || !w.Overflowed() {
		t.Error("it is beyond the bound")
	}
}
