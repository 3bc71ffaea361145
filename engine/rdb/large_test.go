package rdb

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// pieces is a file that remembers how much it was given at once.
type pieces struct {
	bytes.Buffer
	longest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.longest = max(p.longest, len(b))
	return p.Buffer.Write(b)
}

func noiseOf(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

// joined is parts one behind the other.
func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var largeValues = map[string]struct {
	value  []byte
	packed bool
}{
	"noise":                      {noiseOf(largeString + 17), false},
	"one byte over and over":     {bytes.Repeat([]byte("x"), 3*largeString), true},
	"sentences":                  {bytes.Repeat([]byte("a sentence of some length, "), largeString/20), true},
	"noise behind sentences":     {joined(bytes.Repeat([]byte("so it begins; "), piece/10), noiseOf(3*piece+5)), true},
	"noise in between":           {joined(bytes.Repeat([]byte("so it begins; "), piece/10), noiseOf(3*piece+5), bytes.Repeat([]byte("z"), 99)), true},
	"sentences behind noise":     {joined(noiseOf(2*piece), bytes.Repeat([]byte("so it ends; "), largeString/10)), false},
	"not a byte less altogether": {joined([]byte("abcdefabcdefabcdef"), noiseOf(largeString)), false},
	"exactly the bound":          {bytes.Repeat([]byte("0123456789abcdef"), largeString/16), true},
}

// TestLargeStringsInPieces: what is written is what a string in one piece would be,
// in steps that are short.
func TestLargeStringsInPieces(t *testing.T) {
	for name, c := range largeValues {
		t.Run(name, func(t *testing.T) {
			var whole Encoder
			if c.packed {
				whole.pack = new(packer)
			}
			whole.String(c.value)
			if c.packed != (whole.buf[0] == encLZF) {
				t.Fatal("the case is not what it says")
			}
			var file pieces
			w := NewWriter(&file, WriterOptions{Compress: true, Checksum: true, Sections: true})
			w.SelectDB(0, 1, 0)
			w.String(&Meta{}, []byte("before"), bytes.Repeat([]byte("so it begins; "), 99)) // the packer is not new
			w.String(&Meta{}, []byte("key"), c.value)
			w.String(&Meta{}, []byte("behind"), []byte("it"))
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(file.Bytes(), joined([]byte("\x03key"), whole.buf)) {
				t.Error("other bytes than in one piece")
			}
			if most := 2 * piece; file.longest > most {
				t.Errorf("a step of %d bytes, more than %d", file.longest, most)
			}
			got := map[string]string{}
			_, err := Load(bytes.NewReader(file.Bytes()), Options{}, func(b *Batch) error {
				for i := range b.Entries {
					got[string(b.Entries[i].Key)] = string(b.Entries[i].Str)
				}
				return nil
			})
			if err != nil || got["key"] != string(c.value) || got["behind"] != "it" {
				t.Errorf("it does not come back: %v", err)
			}
		})
	}
}

// TestLargeStringsTakeNoMemory: a large value is not held once more.
func TestLargeStringsTakeNoMemory(t *testing.T) {
	for _, value := range [][]byte{noiseOf(8 << 20), bytes.Repeat([]byte("a sentence of some length, "), 8<<20/27)} {
		w := NewWriter(nothing{}, WriterOptions{Compress: true, Checksum: true})
		w.SelectDB(0, 1, 0)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w.String(&Meta{}, []byte("key"), value)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
			t.Errorf("%d bytes for a value of %d", took, len(value))
		}
	}
}

type nothing struct{}

func (nothing) Write(p []byte) (int, error) { return len(p), nil }

// TestMeasureIsWhatPackTakes: the length that stands at the head is the one that comes.
func TestMeasureIsWhatPackTakes(t *testing.T) {
	z := new(packer)
	rapid.Check(t, func(t *rapid.T) {
		p := texts(t)
		packed, ok := z.pack(nil, p, 2*len(p)+8)
		if n := z.measure(p); !ok || n != len(packed) {
			t.Fatalf("%d bytes take %d, measured as %d", len(p), len(packed), n)
		}
	})
}
