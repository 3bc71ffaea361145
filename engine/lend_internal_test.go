package engine

import (
	"bytes"
	"testing"

	"regent/engine/large"
	"regent/resp"
)

// TestNothingElseIsLent: what only looks like an argument is copied.
func TestNothingElseIsLent(t *testing.T) {
	own := bytes.Repeat([]byte("o"), large.Least)
	other := bytes.Clone(own)
	c := Ctx{Args: [][]byte{[]byte("SET"), own}}
	c.lend([][]byte{[]byte("SET"), other, own})
	if len(c.eff.Lent) != 1 || &c.eff.Lent[0].Bytes[0] != &own[0] {
		t.Fatalf("%d are lent", len(c.eff.Lent))
	}
	if want := resp.AppendCommand(nil, []byte("SET"), other, own); !bytes.Equal(c.eff.Joined().Buf, want) {
		t.Fatal("the record is another one")
	}
}
