package resp

import (
	"strings"
	"testing"
)

// TestMessagesAsAWriterWritesThem: in both versions, by name and by pattern; and what was given
// out stays as it was.
func TestMessagesAsAWriterWritesThem(t *testing.T) {
	payloads := []string{"", "a", "*3\r\n$7\r\nmessage\r\n", strings.Repeat("x", 5000)}
	var m Messages
	for round := range 3 {
		var given [][]byte
		var want []string
		for n, payload := range payloads {
			m.Add("smessage", []byte("news"), []byte(payload))
			for _, proto := range []int{RESP2, RESP3} {
				for _, pattern := range []string{"", "n*"} {
					var w Writer
					w.SetProto(proto)
					for _, p := range payloads[:n+1] {
						if pattern == "" {
							w.Push(3)
							w.BulkString("smessage")
						} else {
							w.Push(4)
							w.BulkString("pmessage")
							w.BulkString(pattern)
						}
						w.BulkString("news")
						w.BulkString(p)
					}
					given, want = append(given, m.Text(proto, pattern)), append(want, string(w.Bytes()))
				}
			}
		}
		m.Clear()
		if m.Len() != 0 || len(m.Text(RESP3, "n*")) != 0 {
			t.Fatal("messages are left")
		}
		m.Add("message", []byte("other"), []byte("thing"))
		for i := range given {
			if string(given[i]) != want[i] {
				t.Fatalf("round %d: %q is not %q", round, given[i], want[i])
			}
		}
		m.Clear()
	}
}
