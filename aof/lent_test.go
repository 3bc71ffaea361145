package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"regent/aof/disk/disktest"
	"regent/engine"
	"regent/engine/config"
	"regent/engine/large"
	"regent/engine/units"
	"regent/resp"
)

// lend makes effects of which the last argument of each record is lent, and what ends
// what is lent as a connection does: the memory gets other bytes at once.
func (r *rig) lend(lines ...string) (e *engine.Effects, giveBack func(end int64)) {
	e = &engine.Effects{}
	var memory [][]byte
	for _, line := range lines {
		var db int
		head, rest, _ := strings.Cut(line, ": ")
		fmt.Sscan(head, &db)
		words := strings.Split(rest, " ")
		last := []byte(words[len(words)-1])
		memory = append(memory, last)
		e.Buf = resp.AppendArray(e.Buf, len(words))
		for _, w := range words[:len(words)-1] {
			e.Buf = resp.AppendBulk(e.Buf, w)
		}
		e.Buf = resp.AppendBulkHead(e.Buf, len(last))
		e.Lent = append(e.Lent, engine.Lent{At: len(e.Buf), Bytes: last})
		e.Buf = append(e.Buf, "\r\n"...)
		e.Recs = append(e.Recs, engine.Effect{DB: db, End: len(e.Buf)})
	}
	return e, func(end int64) {
		r.Recorder().Return(end)
		for _, m := range memory {
			for i := range m {
				m[i] = '!'
			}
		}
	}
}

// TestLentIsWrittenAsIfItWereCopied: whatever is appended in whatever order, the file
// is the same to the byte as that of a log that copies.
func TestLentIsWrittenAsIfItWereCopied(t *testing.T) {
	const file = testDir + "/appendonly.aof.1.incr.aof"
	rapid.Check(t, func(t *rapid.T) {
		fsys := [2]*disktest.FS{disktest.New(), disktest.New()}
		var logs [2]*rig
		for i := range logs {
			r, err := loaded(fsys[i], config.FsyncNo)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			logs[i] = r
		}
		end := int64(0)
		for n := range rapid.IntRange(1, 8).Draw(t, "groups") {
			var back []func(int64)
			for range rapid.IntRange(1, 4).Draw(t, "commands") {
				var lines []string
				for k := range rapid.IntRange(1, 3).Draw(t, "records") {
					lines = append(lines, fmt.Sprintf("%d: SET k%d%d %s", rapid.IntRange(0, 2).Draw(t, "db"), n, k,
						bytes.Repeat([]byte("v"), rapid.IntRange(0, 700).Draw(t, "size"))))
				}
				e, giveBack := logs[0].lend(lines...)
				if rapid.Bool().Draw(t, "copied") {
					e, giveBack = e.Joined(), func(int64) {}
				}
				logs[1].Recorder().Append(effects(lines...))
				end = logs[0].Recorder().Append(e)
				if len(e.Lent) > 0 {
					start, _, ok := logs[0].LargeUnit(end)
					if _, _, other := logs[0].LargeUnit(end - 1); !ok || other || start >= end {
						t.Fatalf("a large unit ends at %d: it begins at %d, %v", end, start, ok)
					}
				}
				back = append(back, giveBack)
			}
			if rapid.Bool().Draw(t, "sealed") {
				if err := logs[0].Seal(end); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range back {
				f(end)
			}
			for _, l := range logs {
				if err := l.Seal(end); err != nil {
					t.Fatal(err)
				}
			}
		}
		copied, lent := fsys[1].Get(file), fsys[0].Get(file)
		if logs[0].Stream().End() != logs[1].Stream().End() || !bytes.Equal(tailOf(lent), tailOf(copied)) {
			t.Fatalf("lent:\n%q\ncopied:\n%q", lent, copied)
		}
		if logs[0].backlog.start != logs[1].backlog.start || logs[0].backlog.end != logs[1].backlog.end || !bytes.Equal(logs[0].backlog.ring, logs[1].backlog.ring) {
			t.Fatal("the backlogs differ")
		}
	})
}

// tailOf is a file without its head.
func tailOf(file []byte) []byte { return file[bytes.Index(file, []byte("#G+")):] }

// TestLentOnAFullDisk: what cannot be written is the log's own by the time that the
// memory changes, and is written when there is space.
func TestLentOnAFullDisk(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	r.write(t, "0: SET a 1")
	failing := -1 // the write of the group that fails
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind != "write" {
			return 0, nil
		}
		if failing--; failing < 0 {
			return 0, syscall.ENOSPC
		}
		return 0, nil
	})
	for part := range 3 { // before, in, and behind what is lent
		failing = part
		e, giveBack := r.lend(fmt.Sprintf("0: SET b%d value", part))
		end := r.Recorder().Append(e)
		if err := r.Seal(end); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("part %d: %v", part, err)
		}
		if _, unwritten, ok := r.LargeUnit(end); unwritten || !ok {
			t.Errorf("part %d: what has no space is told to be on its way", part)
		}
		giveBack(end)
		e, giveBack = r.lend(fmt.Sprintf("0: SET c%d later", part)) // behind what is held
		giveBack(r.Recorder().Append(e))
	}
	fsys.Fault(nil)
	r.host.fire()
	if err := r.Seal(r.Recorder().End()); err != nil {
		t.Fatal(err)
	}
	got := mustLoad(t, fsys.Kill(), config.FsyncNo).got
	wantLines(t, got, "0: SET a 1", "0: SET b0 value", "0: SET c0 later", "0: SET b1 value", "0: SET c1 later", "0: SET b2 value", "0: SET c2 later")
}

// TestLargeIsWrittenByAnother: a caller that asks the log to write soon does not wait for
// what is large, with any policy.
func TestLargeIsWrittenByAnother(t *testing.T) {
	for _, policy := range []int64{config.FsyncAlways, config.FsyncEverysec, config.FsyncNo} {
		fsys := disktest.New()
		r := mustLoad(t, fsys, policy)
		e, giveBack := r.lend("0: SET a large")
		end := r.Recorder().Append(e)
		held := make(chan struct{})
		fsys.Fault(func(op disktest.Op) (int, error) {
			if op.Kind == "write" {
				<-held
			}
			return 0, nil
		})
		if err := r.SealSoon(end); err != nil { // it would hang
			t.Fatal(err)
		}
		if work, soon := r.Settle(false); work != nil || soon {
			t.Fatal("work for a caller that does not want it")
		}
		if start, unwritten, ok := r.LargeUnit(end); start != 0 || !unwritten || !ok {
			t.Errorf("what is being written begins at %d, %v, %v", start, unwritten, ok)
		}
		r.host.ticks.Add(int64(maxUnwritten))
		if _, unwritten, ok := r.LargeUnit(end); unwritten || !ok {
			t.Error("a disk that hangs is taken for one that writes")
		}
		r.host.ticks.Add(-int64(maxUnwritten))
		close(held)
		for moved := r.notified(); r.Durable() < end; moved = r.notified() {
			if r.Durable() < end {
				<-moved
			}
		}
		if _, unwritten, ok := r.LargeUnit(end); unwritten || !ok {
			t.Error("what is written is told not to be")
		}
		giveBack(end)
		fsys.Fault(nil)
		if end = r.Recorder().Append(effects("0: SET b small")); policy != config.FsyncAlways {
			if err := r.SealSoon(end); err != nil || r.Stream().End() != end {
				t.Fatalf("what is small is not written at once: %v", err)
			}
		} else if err := r.Seal(end); err != nil {
			t.Fatal(err)
		}
		wantLines(t, mustLoad(t, fsys.Kill(), policy).got, "0: SET a large", "0: SET b small")
	}
}

// TestLentAroundACut: a rewrite begins the next file between two lent pieces.
func TestLentAroundACut(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	var back []func(int64)
	put := func(line string) {
		e, giveBack := r.lend(line)
		back = append(back, giveBack)
		r.Recorder().Append(e)
	}
	err := r.Rewrite(t.Context(), FormatCommands, func(w io.Writer, cut func(int64) (Place, error)) error {
		put("0: SET a before")
		put("2: SET b too")
		if _, err := cut(r.Recorder().End()); err != nil {
			return err
		}
		put("2: SET c behind")
		put("1: SET d too")
		for _, f := range back {
			f(r.Recorder().End())
		}
		base := effects("0: SET a before", "2: SET b too")
		_, err := w.Write(append(resp.AppendCommand(base.Buf[:base.Recs[0].End:base.Recs[0].End], "SELECT", "2"), base.Buf[base.Recs[0].End:]...))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, mustLoad(t, fsys.Kill(), config.FsyncNo).got, "0: SET a before", "2: SET b too", "2: SET c behind", "1: SET d too")
}

// TestLentBehindACutOnAFullDisk: what is behind the cut waits with what is before it.
func TestLentBehindACutOnAFullDisk(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	full := errors.New("the disk is full in this test")
	err := r.Rewrite(t.Context(), FormatCommands, func(w io.Writer, cut func(int64) (Place, error)) error {
		before, giveBack := r.lend("0: SET a before")
		r.Recorder().Append(before)
		if _, err := cut(r.Recorder().End()); err != nil {
			return err
		}
		behind, giveBackToo := r.lend("0: SET b behind")
		r.Recorder().Append(behind)
		fsys.Fault(func(op disktest.Op) (int, error) {
			if op.Kind == "write" {
				return 0, syscall.ENOSPC
			}
			return 0, nil
		})
		giveBack(r.Recorder().End())
		giveBackToo(r.Recorder().End())
		fsys.Fault(nil)
		return full
	})
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	r.host.fire()
	if err := r.Seal(r.Recorder().End()); err != nil {
		t.Fatal(err)
	}
	wantLines(t, mustLoad(t, fsys.Kill(), config.FsyncNo).got, "0: SET a before", "0: SET b behind")
}

// A bigLog holds a small record, a group of one large one, and a small one.
type bigLog struct {
	*rig
	fsys               *disktest.FS
	value              []byte
	start, end         int64 // of the large unit
	file               string
	stream, largeBytes []byte
}

func newBigLog(t *testing.T) *bigLog {
	t.Helper()
	b := &bigLog{fsys: disktest.New(), file: filepath.Join(testDir, "appendonly.aof.1.incr.aof")}
	b.value = make([]byte, 2*largeGroup+12345)
	for i := range b.value {
		b.value[i] = byte(i>>16) + byte(i)*3
	}
	b.rig = mustLoad(t, b.fsys, config.FsyncNo)
	b.start = b.write(t, "0: SET a 1")
	b.largeBytes = resp.AppendCommand(nil, []byte("SELECT"), []byte("3"))
	b.largeBytes = resp.AppendCommand(b.largeBytes, []byte("SET"), []byte("big"), b.value)
	if err := b.Stream().AppendRaw(b.start, b.largeBytes); err != nil { // lent, as it is large
		t.Fatal(err)
	}
	clear(b.largeBytes[len(b.largeBytes)-10:]) // it is ours again
	copy(b.largeBytes[len(b.largeBytes)-10:], append(bytes.Clone(b.value[len(b.value)-8:]), "\r\n"...))
	b.end = b.Stream().End()
	b.write(t, "3: SET z 2")
	rd, err := b.Stream().NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	if b.stream, err = io.ReadAll(rd); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLargeGroupsAreRead: from everywhere, and what was cut is not.
func TestLargeGroupsAreRead(t *testing.T) {
	b := newBigLog(t)
	if want := b.largeBytes; !bytes.Equal(b.stream[b.start:b.end], want) {
		t.Fatal("other bytes than were appended")
	}
	for _, off := range []int64{0, b.start - 1, b.start, b.start + 1, b.start + proveStep, b.end - 1, b.end, int64(len(b.stream)) - 1} {
		rd, err := b.Stream().NewReader(off)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(rd)
		if err != nil || !bytes.Equal(got, b.stream[off:]) {
			t.Errorf("from %d on: %d bytes, %v", off, len(got), err)
		}
		_ = rd.Close()
	}
	for off, want := range map[int64]int{b.start: 0, b.end: 3, b.Recorder().End(): 3} {
		if db, err := b.Stream().DBAt(off); err != nil || db != want {
			t.Errorf("database %d at %d, want %d: %v", db, off, want, err)
		}
	}
}

// TestLargeGroupsAreProvedFirst: a flipped bit, wherever it is, and not a byte is
// handed on.
func TestLargeGroupsAreProvedFirst(t *testing.T) {
	b := newBigLog(t)
	good, file := bytes.Clone(b.fsys.Get(b.file)), b.active().file
	from := bytes.Index(good, []byte("$3\r\nbig"))
	for _, at := range []int{from + 30, from + len(b.value)/2, from + len(b.value)} {
		if _, err := file.WriteAt([]byte{good[at] ^ 4}, int64(at)); err != nil {
			t.Fatal(err)
		}
		rd, err := b.Stream().NewReader(b.start)
		if err != nil {
			t.Fatal(err)
		}
		var damage *DamageError
		if got, err := io.ReadAll(rd); len(got) > 0 || !errors.As(err, &damage) {
			t.Errorf("byte %d: %d bytes are handed on: %v", at, len(got), err)
		}
		_ = rd.Close()
		if _, err := file.WriteAt(good[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLargeGroupsAreCut: at their ends, and behind a reader in the middle.
func TestLargeGroupsAreCut(t *testing.T) {
	b := newBigLog(t)
	rd, err := b.Stream().NewReader(b.start)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	if _, err := io.ReadFull(rd, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := b.Stream().Truncate(b.end); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(rd); err != nil || !bytes.Equal(got, b.stream[b.start+1000:b.end]) {
		t.Fatalf("after a cut behind it: %d bytes, %v", len(got), err)
	}
	if err := b.Stream().Truncate(b.start); err != nil {
		t.Fatal(err)
	}
	if _, err := rd.Read(make([]byte, 10)); err != ErrCut {
		t.Fatalf("a reader of what was cut: %v", err)
	}
	b.write(t, "3: SET y 3")
	if err := b.Stream().AppendRaw(b.Stream().End(), b.largeBytes); err != nil {
		t.Fatal(err)
	}
	s, end := b.active(), b.Stream().End()
	f, _, from, err := b.unitAt(s, end)
	if cut := b.cutAt(s, &f, from, end); err != nil || cut.pos != s.size || len(cut.tail) > 0 {
		t.Fatalf("a cut behind a large group at %d of %d, and %d bytes: %v", cut.pos, s.size, len(cut.tail), err)
	}
	if err := b.Stream().Truncate(end - int64(len(b.largeBytes))); err != nil {
		t.Fatal(err)
	}
	wantLines(t, mustLoad(t, b.fsys.Kill(), config.FsyncNo).got, "0: SET a 1", "3: SET y 3")
}

// TestLargeGroupsTakeNoMemory: neither writing nor reading holds the value once more.
func TestLargeGroupsTakeNoMemory(t *testing.T) {
	dir := t.TempDir()
	r, err := newRig(nil, dir, config.FsyncNo)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Load(collect(&r.got), nil); err != nil {
		t.Fatal(err)
	}
	const size = 32 << 20
	e := &engine.Effects{Buf: []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$33554432\r\n")}
	e.Lent = []engine.Lent{{At: len(e.Buf), Bytes: bytes.Repeat([]byte("v"), size)}}
	e.Buf = append(e.Buf, "\r\n"...)
	e.Recs = []engine.Effect{{End: len(e.Buf)}}
	p := make([]byte, large.Piece)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	end := r.Recorder().Append(e)
	if err := r.Seal(end); err != nil {
		t.Fatal(err)
	}
	rd, err := r.Stream().NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	sc := units.NewScanner(0, 0)
	for rd.Offset() < end {
		n, err := rd.Read(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sc.Scan(p[:n]); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc - backlogBytes; sc.Whole() != end || took > 4<<20 {
		t.Errorf("%d bytes were taken for a value of %d; whole up to %d of %d", took, size, sc.Whole(), end)
	}
}
