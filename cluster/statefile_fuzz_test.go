package cluster

import (
	"bytes"
	"fmt"
	"testing"

	"regent/cluster/bully"
)

// FuzzState reads anything as a state file, with a checksum that is right: it is refused, or
// written again and read as the same.
func FuzzState(f *testing.F) {
	d := durable{node: 1, voters: []int64{1, 2, 3}, marked: true, reached: bully.Position{Epoch: 3, Offset: 99}, clean: true}
	d.hard.Epoch, d.hard.VoteFor = 3, 2
	sum := bytes.LastIndex(d.encode(), []byte("checksum "))
	f.Add(d.encode()[:sum])
	f.Add([]byte(stateMagic + "\nnode x\nvoters 1 1 1\nlearners 9223372036854775808\nreached 1\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeState(b)
		d, err := decodeState(fmt.Appendf(bytes.Clone(b), "checksum %08x\n", checksum(b)))
		if err != nil {
			return
		}
		again, err := decodeState(d.encode())
		if err != nil {
			t.Fatalf("%q is read, and not what it is written as, %q: %v", b, d.encode(), err)
		}
		if !bytes.Equal(again.encode(), d.encode()) {
			t.Fatalf("%q and %q", d.encode(), again.encode())
		}
	})
}

// TestStateIsChecked: a state file with one bit that is another is refused, wherever it is.
func TestStateIsChecked(t *testing.T) {
	d := durable{node: 1, voters: []int64{1, 2, 3}, marked: true, reached: bully.Position{Epoch: 3, Offset: 99}, clean: true}
	d.hard.Epoch, d.hard.VoteFor = 3, 2
	b := d.encode()
	if _, err := decodeState(b); err != nil {
		t.Fatal(err)
	}
	for i := range 8 * len(b) {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		if got, err := decodeState(bad); err == nil {
			t.Errorf("bit %d is another, and %+v is read", i, got)
		}
	}
}
