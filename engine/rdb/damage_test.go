package rdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"regent/engine/rdb"
)

// small is a file with everything in it and few bytes.
func small(t testing.TB, o rdb.WriterOptions) []byte {
	return write(t, o, []record{
		{db: 0, key: "k", value: "v"},
		{db: 0, key: "12", value: "-70000", expire: 4102444800123},
		{db: 0, key: "run", value: strings.Repeat("abc", 30)},
		{db: 2, key: "other", value: noise(70)},
	})
}

func TestEveryBitFlippedIsFound(t *testing.T) {
	for _, o := range []rdb.WriterOptions{{Checksum: true, Compress: true}, {Checksum: true, Sections: true}} {
		file := small(t, o)
		for i := range file {
			for bit := range 8 {
				file[i] ^= 1 << bit
				for _, way := range ways {
					_, err := way.load(file, rdb.Options{SkipUnknown: true, Whole: true}, func(*rdb.Batch) error { return nil })
					if err == nil {
						t.Errorf("%+v, %s: bit %d of byte %d flipped, and nothing noticed", o, way.name, bit, i)
					}
					var d *rdb.DamageError
					if errors.As(err, &d) && (d.Offset < 0 || d.Offset > int64(len(file)) || d.From > d.Offset) {
						t.Errorf("%+v, %s: byte %d of %d: %v", o, way.name, i, len(file), err)
					}
				}
				file[i] ^= 1 << bit
			}
		}
	}
}

func TestEveryTruncationIsFound(t *testing.T) {
	for _, o := range writerOptions {
		file := small(t, o)
		for n := range file {
			for _, way := range ways {
				_, err := way.load(file[:n], rdb.Options{}, func(*rdb.Batch) error { return nil })
				var d *rdb.DamageError
				if !errors.As(err, &d) || !errors.Is(err, io.ErrUnexpectedEOF) || d.Offset > int64(n) {
					t.Errorf("%+v, %s: %d of %d bytes: %v", o, way.name, n, len(file), err)
				}
			}
		}
	}
}

func TestADamagedSectionIsNamedAndNotDelivered(t *testing.T) {
	list := several()
	file := write(t, rdb.WriterOptions{Checksum: true, Sections: true}, list)
	at := bytes.Index(file, []byte("key:0010000")) // in the middle of many
	file[at+4] ^= 0x10
	var g gather
	_, err := rdb.LoadAt(bytes.NewReader(file), int64(len(file)), rdb.Options{Workers: 2}, g.batch)
	var d *rdb.DamageError
	if !errors.As(err, &d) || d.Offset > int64(at) || d.Offset < int64(at)-300_000 {
		t.Errorf("byte %d is damaged: %v", at, err)
	}
	for _, r := range g.list {
		if !slices.Contains(list, r) {
			t.Errorf("delivered %v, which was never written", r)
		}
	}
	// In order the damage shows at the end, and is found too.
	if _, err := rdb.Load(bytes.NewReader(file), rdb.Options{}, g.batch); !errors.As(err, &d) {
		t.Errorf("read in order: %v", err)
	}
}

func TestWhatFollowsTheEnd(t *testing.T) {
	file := small(t, rdb.WriterOptions{Checksum: true})
	long := append(slices.Clone(file), "*1\r\n$4\r\nPING\r\n"...)
	sum, err := rdb.Load(bytes.NewReader(long), rdb.Options{}, func(*rdb.Batch) error { return nil })
	if err != nil || sum.Bytes != int64(len(file)) {
		t.Errorf("the file has %d bytes: %+v, %v", len(file), sum, err)
	}
	for _, way := range ways {
		for _, tail := range []string{"\x00", "*"} {
			_, err := way.load(append(slices.Clone(file), tail...), rdb.Options{Whole: true}, func(*rdb.Batch) error { return nil })
			var d *rdb.DamageError
			if !errors.As(err, &d) || d.Offset != int64(len(file)) {
				t.Errorf("%s: %q after the end: %v", way.name, tail, err)
			}
		}
	}
}

func TestVersions(t *testing.T) {
	file := small(t, rdb.WriterOptions{})
	for version := range 20 {
		copy(file[5:], fmt.Sprintf("%04d", version))
		body := file
		if version < 5 {
			body = file[:len(file)-8] // no checksum then
		}
		sum, err := rdb.Load(bytes.NewReader(body), rdb.Options{Whole: true}, func(*rdb.Batch) error { return nil })
		var v *rdb.VersionError
		switch {
		case version >= 1 && version <= rdb.MaxVersion:
			if err != nil || sum.Version != version {
				t.Errorf("version %d: %+v, %v", version, sum, err)
			}
		case !errors.As(err, &v) || v.Version != version:
			t.Errorf("version %d: %v", version, err)
		}
	}
	for _, text := range []string{"RADIS0010", "REDIS00x0", "*3\r\n$3\r\nSET", "PK\x03\x04......."} {
		if _, err := rdb.Load(strings.NewReader(text), rdb.Options{}, nil); !errors.Is(err, rdb.ErrNotRDB) {
			t.Errorf("%q: %v", text, err)
		}
		if _, _, err := rdb.ReadHeader(strings.NewReader(text)); !errors.Is(err, rdb.ErrNotRDB) {
			t.Errorf("%q as a header: %v", text, err)
		}
	}
}

// endless is zeros without end, after a beginning.
type endless struct {
	begin []byte
	left  int64
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.begin) > 0 {
		n := copy(p, e.begin)
		e.begin = e.begin[n:]
		return n, nil
	}
	n := int(min(int64(len(p)), e.left))
	if n == 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	e.left -= int64(n)
	return n, nil
}

// allocated is how many bytes f allocates in all.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

func TestMemoryFollowsWhatArrives(t *testing.T) {
	const most = 16 << 20 // bytes
	huge := binary.BigEndian.AppendUint32([]byte{0x80}, 1<<31-2)
	far := []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	lies := map[string][]byte{
		"key":             append([]byte{0}, huge...),
		"value":           append([]byte{0, 1, 'k'}, huge...),
		"far value":       append([]byte{0, 1, 'k'}, far...),
		"packed":          append(append([]byte{0, 1, 'k', 0xC3}, huge...), huge...),
		"packed too well": append(append([]byte{0, 1, 'k', 0xC3, 4}, huge...), "\x03abc\xFF\x00\x00\x00\x00\x00\x00\x00\x00"...),
		"list":            append([]byte{1, 1, 'k'}, far...),
		"hash":            append([]byte{4, 1, 'k'}, far...),
		"stream":          append([]byte{21, 1, 'k'}, far...),
		"aux":             append([]byte{0xFA, 1, 'k'}, huge...),
		"function":        append([]byte{0xF5}, huge...),
		"resizedb":        append(append([]byte{0xFB}, far...), far...),
		"selectdb":        append([]byte{0xFE}, far...),
	}
	for name, lie := range lies {
		for _, way := range ways {
			file := append([]byte("REDIS0011"), lie...)
			var err error
			got := allocated(func() {
				_, err = way.load(file, rdb.Options{SkipUnknown: true}, func(*rdb.Batch) error { return nil })
			})
			if err == nil || got > most {
				t.Errorf("%s, %s: %d bytes allocated, %v", name, way.name, got, err)
			}
		}
	}
	// What is passed over is not gathered: a list's element of a GiB.
	r := &endless{append([]byte("REDIS0011\x01\x01k\x01"), huge...), 1 << 30}
	var err error
	got := allocated(func() { _, err = rdb.Load(r, rdb.Options{SkipUnknown: true, Workers: 2}, nil) })
	if !errors.Is(err, io.ErrUnexpectedEOF) || got > most {
		t.Errorf("passing over a GiB allocates %d bytes, %v", got, err)
	}
}

func TestErrorsOfOthersComeBack(t *testing.T) {
	file := write(t, rdb.WriterOptions{Checksum: true, Sections: true}, several())
	mine := errors.New("mine")
	for _, way := range ways {
		if _, err := way.load(file, rdb.Options{}, func(*rdb.Batch) error { return mine }); err != mine {
			t.Errorf("%s: %v", way.name, err)
		}
	}
	_, err := rdb.Load(io.MultiReader(bytes.NewReader(file[:len(file)/2]), &failing{mine}), rdb.Options{Workers: 2},
		func(*rdb.Batch) error { return nil })
	var d *rdb.DamageError
	if !errors.Is(err, mine) || errors.As(err, &d) {
		t.Errorf("a reader's error: %v", err)
	}
	w := rdb.NewWriter(&full{room: 1000}, rdb.WriterOptions{})
	w.SelectDB(0, 1, 0)
	for range 10_000 {
		w.String(&rdb.Meta{}, []byte("key"), []byte("value"))
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

func TestTheEarliestErrorIsTold(t *testing.T) {
	file := write(t, rdb.WriterOptions{Checksum: true, Sections: true}, several())
	later := make(chan struct{})
	_, err := rdb.LoadAt(bytes.NewReader(file), int64(len(file)), rdb.Options{Workers: 2}, func(b *rdb.Batch) error {
		if b.Entries[0].DB == 0 {
			<-later // until the other worker has failed
			return errors.New("the first section's")
		}
		select {
		case <-later:
		default:
			close(later)
		}
		return errors.New("a later one's")
	})
	if err == nil || err.Error() != "the first section's" {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

var errFull = errors.New("full")

type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.room {
		return f.room, errFull
	}
	f.room -= len(p)
	return len(p), nil
}

func FuzzLoad(f *testing.F) {
	for _, o := range writerOptions {
		f.Add(small(f, o))
	}
	for _, v := range values {
		f.Add(fileOf(v.bytes))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, o := range []rdb.Options{{}, {SkipUnknown: true, Whole: true}} {
			var first []record
			var firstErr error
			for i, way := range ways[:3] { // an index may tell another story, and be proven
				var g gather
				_, err := way.load(file, o, g.batch)
				if i == 0 {
					first, firstErr = g.sorted(), err
					continue
				}
				if (err == nil) != (firstErr == nil) || err == nil && !slices.Equal(first, g.sorted()) {
					t.Fatalf("%s: %d keys, %v; alone: %d keys, %v", way.name, len(g.list), err, len(first), firstErr)
				}
			}
			var g gather
			_, _ = ways[3].load(file, o, g.batch)
		}
		_, _, _ = rdb.ReadHeader(bytes.NewReader(file))
		var e rdb.Entry
		_ = rdb.Undump(file, nil, &e)
	})
}
