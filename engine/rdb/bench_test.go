package rdb_test

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"testing"

	"regent/engine/rdb"
)

// benchKeys is how many keys a benchmark's file holds: 16 bytes, with values
// of 64.
const benchKeys = 200_000

func benchFile(b *testing.B, dst io.Writer, o rdb.WriterOptions, value func(i int) []byte) {
	b.Helper()
	w := rdb.NewWriter(dst, o)
	w.SelectDB(0, benchKeys, 0)
	var m rdb.Meta
	key := []byte("key:100000000000")
	for i := range benchKeys {
		strconv.AppendInt(key[:4], 100_000_000_000+int64(i), 10)
		w.String(&m, key, value(i))
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

var benchValues = map[string]func() func(int) []byte{
	"noise": func() func(int) []byte {
		all := []byte(noise(1 << 20))
		return func(i int) []byte { at := i * 64 % (1<<20 - 64); return all[at : at+64] }
	},
	"text": func() func(int) []byte {
		v := bytes.Repeat([]byte("x"), 64)
		return func(int) []byte { return v }
	},
}

func perEntry(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchKeys/b.Elapsed().Seconds()/1e6, "Mkeys/s")
}

func BenchmarkWrite(b *testing.B) {
	for name, values := range benchValues {
		for _, compress := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/compress=%v", name, compress), func(b *testing.B) {
				o := rdb.WriterOptions{Checksum: true, Sections: true, Compress: compress}
				var n bytes.Buffer
				value := values()
				benchFile(b, &n, o, value)
				b.SetBytes(int64(n.Len()))
				b.ReportAllocs()
				for b.Loop() {
					benchFile(b, io.Discard, o, value)
				}
				perEntry(b)
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for name, values := range benchValues {
		for _, way := range ways {
			if way.name == "crumbs" {
				continue
			}
			b.Run(name+"/"+way.name, func(b *testing.B) {
				var file bytes.Buffer
				benchFile(b, &file, rdb.WriterOptions{Checksum: true, Sections: true, Compress: true}, values())
				b.SetBytes(int64(file.Len()))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := way.load(file.Bytes(), rdb.Options{}, func(*rdb.Batch) error { return nil }); err != nil {
						b.Fatal(err)
					}
				}
				perEntry(b)
			})
		}
	}
}

func BenchmarkChecksum(b *testing.B) {
	p := []byte(noise(1 << 20))
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		rdb.Checksum(0, p)
	}
}

func TestAKeyCostsNoAllocation(t *testing.T) {
	w := rdb.NewWriter(io.Discard, rdb.WriterOptions{Checksum: true, Compress: true})
	w.SelectDB(0, 1, 0)
	m := rdb.Meta{Expire: 5}
	key, value := []byte("some key"), bytes.Repeat([]byte("value "), 20)
	if n := testing.AllocsPerRun(10_000, func() { w.String(&m, key, value); w.Int(&m, key, 1<<40) }); n != 0 {
		t.Errorf("written: %v allocations a key", n)
	}
	file := write(t, rdb.WriterOptions{Checksum: true, Compress: true}, several())
	n := testing.AllocsPerRun(3, func() {
		if _, err := rdb.Load(bytes.NewReader(file), rdb.Options{}, func(*rdb.Batch) error { return nil }); err != nil {
			t.Fatal(err)
		}
	})
	if n > 500 { // of 20 000 keys
		t.Errorf("read: %v allocations a file", n)
	}
}

// BenchmarkUndumpString reads the payload of a string that is compressed.
func BenchmarkUndumpString(b *testing.B) {
	p := rdb.DumpString(nil, make([]byte, 64), true)
	b.ReportAllocs()
	for b.Loop() {
		var en rdb.Entry
		if err := rdb.Undump(p, nil, &en); err != nil {
			b.Fatal(err)
		}
	}
}
