package backlog

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/resp"
)

func effects(db int, words ...[]string) *engine.Effects {
	e := &engine.Effects{}
	for _, w := range words {
		e.Buf = resp.AppendCommand(e.Buf, w...)
		e.Recs = append(e.Recs, engine.Effect{DB: db, End: len(e.Buf)})
	}
	return e
}

// TestRecords: databases are selected where they change, and after Reselect, and what belongs together
// stands between MULTI and EXEC.
func TestRecords(t *testing.T) {
	zero := func() int64 { return 0 }
	l := New(Options{Start: 5, Keep: func() int64 { return 1 << 20 }, Behind: zero})
	r, err := l.NewReader(5)
	if err != nil {
		t.Fatal(err)
	}
	moved := l.Notify()
	l.Append(effects(0, []string{"INCR", "a"}))
	select {
	case <-moved:
	default:
		t.Error("an append wakes nothing")
	}
	l.Append(effects(0, []string{"INCR", "b"}))
	l.Append(effects(3, []string{"INCR", "c"}, []string{"INCR", "d"}))
	l.Reselect()
	lent := effects(3, []string{"SET", "e", ""})
	lent.Buf = append(lent.Buf[:len(lent.Buf)-len("$0\r\n\r\n")], "$5\r\n\r\n"...)
	lent.Recs[0].End = len(lent.Buf)
	lent.Lent = []engine.Lent{{At: len(lent.Buf) - 2, Bytes: []byte("large")}}
	end := l.Append(lent)
	var want []byte
	for _, w := range [][]string{
		{"SELECT", "0"}, {"INCR", "a"}, {"INCR", "b"}, {"SELECT", "3"}, {"MULTI"}, {"INCR", "c"}, {"INCR", "d"}, {"EXEC"},
		{"SELECT", "3"}, {"SET", "e", "large"},
	} {
		want = resp.AppendCommand(want, w...)
	}
	got := make([]byte, 1000)
	n, err := r.Read(got)
	if !bytes.Equal(got[:n], want) || err != nil {
		t.Errorf("%q, %v, want %q", got[:n], err, want)
	}
	if _, err := r.Read(got); err != io.EOF || r.Offset() != end || l.End() != end || end != int64(5+len(want)) {
		t.Errorf("at %d, %v: the end is %d, %d", r.Offset(), err, end, l.End())
	}
	if l.Synced() != -1 {
		t.Error("it says that it is on a disk")
	}
}

// TestWhatIsKept: what is read, reserved or recent is there as it was written, within the bounds, and
// a reader that is farther behind is told so.
func TestWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.Int64Range(0, 3*blockBytes).Draw(t, "keep")
		behind := rapid.SampledFrom([]int64{0, 1, 4 * blockBytes}).Draw(t, "behind")
		l := New(Options{Keep: func() int64 { return keep }, Behind: func() int64 { return behind }})
		var all []byte
		type held struct {
			engine.StreamReader
			release func()
		}
		var readers []held
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				n := rapid.SampledFrom([]int{1, 1000, blockBytes - 1, blockBytes, 3 * blockBytes}).Draw(t, "bytes")
				e := &engine.Effects{Buf: bytes.Repeat([]byte{byte(len(all)), byte(len(all) >> 8), byte(n)}, n/3+1)}
				e.Recs = []engine.Effect{{End: len(e.Buf)}}
				if len(all) == 0 {
					all = resp.AppendCommand(all, "SELECT", "0")
				}
				all = append(all, e.Buf...)
				if end := l.Append(e); end != int64(len(all)) {
					t.Fatalf("the end is %d, not %d", end, len(all))
				}
			},
			"open": func(t *rapid.T) {
				off := rapid.Int64Range(0, int64(len(all))).Draw(t, "off")
				release, err := l.Reserve(off)
				if (err == nil) != (off >= l.Start()) {
					t.Fatalf("at %d of %d to %d: %v", off, l.Start(), l.End(), err)
				}
				if err != nil {
					return
				}
				r, err := l.NewReader(off)
				if err != nil {
					t.Fatal(err)
				}
				readers = append(readers, held{r, release})
			},
			"read": func(t *rapid.T) {
				if len(readers) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(readers)-1).Draw(t, "reader")
				r := readers[i]
				r.release() // it reads by itself from here on
				off, p := r.Offset(), make([]byte, rapid.IntRange(1, 2*blockBytes).Draw(t, "room"))
				n, err := r.Read(p)
				switch {
				case off < l.Start():
					if !errors.Is(err, errBehind) || behind == 0 {
						t.Fatalf("at %d, before %d: %v", off, l.Start(), err)
					}
				case off == int64(len(all)):
					if err != io.EOF {
						t.Fatalf("at the end: %v", err)
					}
				case err != nil || n == 0 || !bytes.Equal(p[:n], all[off:off+int64(n)]):
					t.Fatalf("%d bytes at %d: %v", n, off, err)
				}
			},
			"close": func(t *rapid.T) {
				if len(readers) == 0 {
					t.Skip()
				}
				readers[0].release()
				_ = readers[0].Close()
				readers = readers[1:]
			},
			"": func(t *rapid.T) {
				start, end := l.Start(), l.End()
				if have := end - start; have < min(keep, end) {
					t.Fatalf("%d bytes are kept, of %d: %d are to be", have, end, keep)
				}
				if behind > 0 && end-start > max(behind, keep)+4*blockBytes {
					t.Fatalf("%d bytes are kept, and %d may be", end-start, behind)
				}
			},
		})
	})
}
