package slots

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// crc16 is the definition, bit by bit.
func crc16(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= poly
			}
		}
	}
	return crc
}

func TestSlotsAreThoseOfTheSpecification(t *testing.T) {
	if got := crc16([]byte("123456789")); got != 0x31c3 {
		t.Fatalf("the definition is wrong: %x", got)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		key := make([]byte, n)
		for i := range key {
			key[i] = byte(rnd.Uint32())
			if key[i] == '{' {
				key[i] = '('
			}
		}
		if got, want := Of(key), crc16(key)%Count; got != want {
			t.Errorf("%d bytes %q: slot %d, want %d", n, key, got, want)
		}
	}
}

func TestHashTags(t *testing.T) {
	for key, hashed := range map[string]string{
		"{user1000}.following": "user1000",
		"foo{bar}":             "bar",
		"foo{}{bar}":           "foo{}{bar}",
		"foo{{bar}}zap":        "{bar",
		"foo{bar}{zap}":        "bar",
		"foo{bar":              "foo{bar",
		"foo}bar{":             "foo}bar{",
		"{}":                   "{}",
		"":                     "",
	} {
		if got, want := Of([]byte(key)), crc16([]byte(hashed))%Count; got != want {
			t.Errorf("%q: slot %d, want that of %q, %d", key, got, hashed, want)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	for _, key := range [][]byte{[]byte("key:42"), []byte("key:000000000042"), bytes.Repeat([]byte("k"), 64)} {
		b.Run(string(key), func(b *testing.B) {
			for b.Loop() {
				Of(key)
			}
		})
	}
}
