package tunnel

import (
	"bytes"
	"testing"

	"regent/resp"
)

// BenchmarkBatch is what sixteen commands and their replies cost a tunnel.
func BenchmarkBatch(b *testing.B) {
	said := bytes.Repeat(resp.AppendCommand(nil, "SET", "key:000000000123", string(make([]byte, 64))), 16)
	heard := bytes.Repeat([]byte("+OK\r\n"), 16)
	tun := New(nil, writes)
	for b.Loop() {
		tun.Send(said)
		if _, err := tun.Hear(heard); err != nil {
			b.Fatal(err)
		}
	}
}
