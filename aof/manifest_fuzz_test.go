package aof

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzManifest reads anything as a manifest: it is refused, or written again and read as the
// same; no name in it leads out of its folder.
func FuzzManifest(f *testing.F) {
	m := manifest{incr: []entry{{"appendonly.aof.1.incr.aof", 1, typeIncr}, {"with space", 2, typeIncr}}}
	f.Add(m.encode())
	f.Add([]byte("file \"a\\x00\" seq 1 type b\nfile b seq 9223372036854775808 type i\n"))
	f.Add([]byte("file ../x seq 1 type i\nfile /etc/passwd seq 2 type i startoffset 7\n#CHECKSUM 00000000"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		for _, e := range m.entries() {
			if e.name == "" || e.name == ".." || strings.ContainsAny(e.name, "/\x00") {
				t.Fatalf("%q names %q", text, e.name)
			}
		}
		again, err := parseManifest(m.encode())
		if err != nil || !bytes.Equal(again.encode(), m.encode()) {
			t.Fatalf("%q is written as %q: %v", text, m.encode(), err)
		}
	})
}
