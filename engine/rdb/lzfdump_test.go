package rdb

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestDumpPackReadsBack: what is packed for DUMP unpacks to the source, and keeps to the
// room; commands/keys compares the bytes with redis-server's.
func TestDumpPackReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var src []byte
		for range rapid.IntRange(1, 40).Draw(t, "pieces") {
			piece := rapid.SliceOfN(rapid.ByteRange('a', 'd'), 1, 60).Draw(t, "piece")
			src = append(src, bytes.Repeat(piece, rapid.IntRange(1, 20).Draw(t, "times"))...)
		}
		packed, ok := packForDump(nil, src, len(src)-packGain)
		if !ok {
			return
		}
		if out, err := unpacked(packed, len(src)); err != nil || !bytes.Equal(out, src) || len(packed) > len(src)-packGain {
			t.Fatalf("%d bytes, packed %d: %v", len(src), len(packed), err)
		}
	})
}
