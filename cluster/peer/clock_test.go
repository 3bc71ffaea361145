package peer

import (
	"bytes"
	"math"
	"testing"
)

// A PING carries a clock behind where the log ends; one without, of a node that
// tells none, is heard all the same.
func TestPingTellsAClock(t *testing.T) {
	link := func(clock func() Clock) *Link {
		return NewLink(LinkConfig{
			Hello:   func() Hello { return Hello{From: 1, To: 2} },
			Offset:  func() int64 { return 77 },
			Cluster: func() string { return Unknown }, Clock: clock,
		})
	}
	read := func(b []byte) (Clock, bool, error) {
		t.Helper()
		var f Frame
		if err := NewDecoder(bytes.NewReader(b), MaxFrame).Next(&f); err != nil {
			t.Fatal(err)
		}
		if end, err := f.Int(0); f.Type != Ping || end != 77 || err != nil {
			t.Fatalf("%s with offset %d, %v", f.Type, end, err)
		}
		return f.Clock()
	}
	want := Clock{Sent: 1_800_000_000_123, Echo: 1_800_000_000_001, Heard: 7}
	if got, ok, err := read(link(func() Clock { return want }).appendPing(nil)); got != want || !ok || err != nil {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if got, ok, err := read(link(nil).appendPing(nil)); ok || err != nil {
		t.Errorf("%+v, %v, %v without a clock", got, ok, err)
	}
	odd := Clock{Sent: math.MaxInt64, Echo: -5, Heard: math.MinInt64}
	if got, ok, err := read(link(func() Clock { return odd }).appendPing(nil)); got != (Clock{Sent: maxWall}) || !ok || err != nil {
		t.Errorf("%+v, %v, %v of a mad clock", got, ok, err)
	}
	for _, bad := range [][clockArgs]string{{"x", "0", "0"}, {"1", "-1", "0"}, {"1", "1", "9223372036854775807"}} {
		f := Frame{Type: Ping, Cluster: Unknown, From: 1, To: 2, Args: [][]byte{[]byte("77")}}
		for _, word := range bad {
			f.Args = append(f.Args, []byte(word))
		}
		if got, ok, err := read(AppendFrame(nil, &f)); err == nil {
			t.Errorf("%q is taken for %+v, %v", bad, got, ok)
		}
	}
}
