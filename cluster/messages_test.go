package cluster

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"regent/cluster/peer"
)

// TestCourierIsBounded: what nobody takes is dropped beyond the bound, the rest comes in
// order, and the loss is told once in a while.
func TestCourierIsBounded(t *testing.T) {
	o := newCourier()
	payload := make([]byte, 1<<20)
	for i := range 100 {
		o.push(told{channel: []byte{byte(i)}, payload: payload})
	}
	got := o.take(nil)
	if len(got) == 0 || len(got) > maxTelling/len(payload) {
		t.Fatalf("%d messages of 1 MB are kept", len(got))
	}
	for i := range got {
		if got[i].channel[0] != byte(i) {
			t.Fatalf("message %d is in place %d", got[i].channel[0], i)
		}
	}
	if lost := o.news(1); lost != int64(100-len(got)) {
		t.Errorf("%d are told as lost, want %d", lost, 100-len(got))
	}
	o.push(told{payload: make([]byte, 2*maxTelling)}) // one may be larger
	o.push(told{})
	if lost := o.news(2); lost != 0 {
		t.Error("another line at once")
	}
	if lost := o.news(2 + int64(lostEvery)); lost != 1 {
		t.Errorf("%d are told as lost, want 1", lost)
	}
	if got := o.take(nil); len(got) != 1 {
		t.Errorf("%d messages wait, want 1", len(got))
	}
}

// TestToldInPieces: a message arrives as it was, however many pieces it takes.
func TestToldInPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := told{
			shard:   rapid.Bool().Draw(t, "shard"),
			channel: rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "channel"),
			payload: make([]byte, rapid.SampledFrom([]int{0, 1, 1000, peer.MaxBody - 1, peer.MaxBody, peer.MaxBody + 1, 3*peer.MaxBody + 7}).Draw(t, "size")),
		}
		for i := range m.payload {
			m.payload[i] = byte(i * 31 >> 3)
		}
		sent := appendTold(nil, &peer.Frame{Type: peer.Tell, Cluster: "-", From: 1, To: 2}, &m)
		d := peer.NewDecoder(bytes.NewReader(sent), peer.MaxFrame)
		var f peer.Frame
		var whole []byte
		for {
			if err := d.Next(&f); err != nil {
				t.Fatal(err)
			}
			got, ok, err := assemble(&f, &whole)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				continue
			}
			if got.shard != m.shard || !bytes.Equal(got.channel, m.channel) || !bytes.Equal(got.payload, m.payload) {
				t.Fatalf("%v %q and %d bytes became %v %q and %d bytes", m.shard, m.channel, len(m.payload), got.shard, got.channel, len(got.payload))
			}
			return
		}
	})
}
