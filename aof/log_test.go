package aof

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine"
	"regent/engine/config"
	"regent/engine/units"
)

func TestWhatWasWrittenComesBack(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	r.write(t, "0: SET a 1")
	r.write(t, "3: SET b 2", "0: SET c 3", "3: DEL b")
	r.write(t, "3: SET d 4")
	if end, err := r.Stream().BeginEpoch(5, 7001); err != nil || end != r.Stream().End() {
		t.Fatalf("BeginEpoch: %d, %v; the log ends at %d", end, err, r.Stream().End())
	}
	r.write(t, "3: SET e 5")
	want := []string{"0: SET a 1", "3: SET b 2", "0: SET c 3", "3: DEL b", "3: SET d 4", "3: SET e 5"}
	end, history := r.Stream().End(), r.Stream().History()
	for range 2 { // the second time over what the first has appended nothing to
		r = mustLoad(t, fsys.Kill(), config.FsyncNo)
		wantLines(t, r.got, want...)
		if r.Stream().End() != end || r.Stream().LastEpoch() != 5 || len(history) != 1 || r.Stream().History()[0] != history[0] {
			t.Fatalf("the log ends at %d in epoch %d, history %v; want %d, 5, %v", r.Stream().End(), r.Stream().LastEpoch(), r.Stream().History(), end, history)
		}
	}
	r.got = nil
	if err := r.LoadUpTo(history[0].Offset, collect(&r.got)); err != nil {
		t.Fatal(err)
	}
	wantLines(t, r.got, want[:5]...)
}

func TestDirectoryIsTakenOnce(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncNo)
	if _, err := newRig(fsys, testDir, config.FsyncNo); err == nil || !strings.Contains(err.Error(), "another") {
		t.Fatalf("a second server: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, fsys, config.FsyncNo)
}

// TestAlwaysWaitsForTheFsync holds the fsync back and watches Durable.
func TestAlwaysWaitsForTheFsync(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	began, finish := make(chan bool), make(chan bool)
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "sync" {
			began <- true
			<-finish
		}
		return 0, nil
	})
	moved := r.Stream().Notify()
	first := r.write(t, "0: SET a 1")
	<-began
	<-moved // the write
	second := r.write(t, "0: SET b 2")
	if r.Durable() != 0 || r.Stream().End() != second {
		t.Fatalf("durable up to %d, written up to %d, during the fsync", r.Durable(), r.Stream().End())
	}
	moved = r.Stream().Notify()
	finish <- true
	<-moved
	if r.Durable() != first {
		t.Fatalf("durable up to %d after an fsync that began at %d", r.Durable(), first)
	}
	moved = r.Stream().Notify()
	<-began
	finish <- true
	<-moved
	if r.Durable() != second {
		t.Fatalf("durable up to %d, want %d", r.Durable(), second)
	}
	fsys.Fault(nil)
}

// TestEverysecSyncsByTheTimer and not before.
func TestEverysecSyncsByTheTimer(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncEverysec)
	end := r.write(t, "0: SET a 1")
	if r.Durable() != end {
		t.Fatalf("durable up to %d, want %d", r.Durable(), end)
	}
	lost := mustLoad(t, fsys.Crash(disktest.Loss{}), config.FsyncEverysec)
	wantLines(t, lost.got)
	moved := r.Stream().Notify()
	r.host.fire()
	<-moved
	kept := mustLoad(t, fsys.Crash(disktest.Loss{}), config.FsyncEverysec)
	wantLines(t, kept.got, "0: SET a 1")
}

// TestFailedFsyncEndsWriting: after it nothing more is called written or
// durable, and what was stays readable. A rewrite is the way back.
func TestFailedFsyncEndsWriting(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	good := r.write(t, "0: SET a 1")
	if err := r.waitSynced(good); err != nil {
		t.Fatal(err)
	}
	reader, err := r.Stream().NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "sync" {
			return 0, errors.New("the disk is broken")
		}
		return 0, nil
	})
	bad := r.Recorder().Append(effects("0: SET b 2"))
	_ = r.Seal(bad)
	if err := r.waitSynced(bad); err == nil {
		t.Fatal("no failure")
	}
	r.waitFor(t, "failed")
	if err := r.Seal(r.Recorder().Append(effects("0: SET c 3"))); err == nil {
		t.Error("sealed after the failure")
	}
	if r.Durable() != good {
		t.Errorf("durable up to %d, want %d", r.Durable(), good)
	}
	if p, err := io.ReadAll(reader); !strings.Contains(string(p), "$1\r\na\r\n") || err != nil {
		t.Errorf("read %q, %v", p, err)
	}
	again := mustLoad(t, fsys.Kill(), config.FsyncAlways)
	wantPrefix(t, "after the failure", again.got, []string{"0: SET a 1", "0: SET b 2"}, 1)
	if err := r.rewrite(t, FormatCommands, "SET a 1", "SET b 2", "SET c 3"); err == nil || r.Failing() == nil {
		t.Fatalf("a rewrite on a broken disk: %v", err)
	}
	fsys.Fault(nil)
	if err := r.rewrite(t, FormatCommands, "SET a 1", "SET b 2", "SET c 3"); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, "recovered")
	end := r.write(t, "0: SET d 4")
	if err := r.waitSynced(end); err != nil || r.Durable() != end {
		t.Fatalf("after the recovery durable up to %d of %d: %v", r.Durable(), end, err)
	}
	after := mustLoad(t, fsys.Crash(disktest.Loss{}), config.FsyncAlways)
	wantLines(t, after.got, "0: SET a 1", "0: SET b 2", "0: SET c 3", "0: SET d 4")
}

// TestFollowerCopiesByteByByte feeds a leader's stream to a follower in every
// size of pieces and compares the streams and what is loaded.
func TestFollowerCopiesByteByByte(t *testing.T) {
	leader := mustLoad(t, disktest.New(), config.FsyncNo)
	if _, err := leader.Stream().BeginEpoch(1, 7); err != nil {
		t.Fatal(err)
	}
	leader.write(t, "0: SET a 1")
	leader.write(t, "2: SET b \r\n*", "0: SET c #")
	leader.write(t, "0: SET d 4")
	all := readAll(t, leader.Log, 0)
	for size := 1; size <= len(all); size++ {
		fsys := disktest.New()
		f := mustLoad(t, fsys, config.FsyncAlways)
		for off := 0; off < len(all); off += size {
			if err := f.Stream().AppendRaw(int64(off), all[off:min(len(all), off+size)]); err != nil {
				t.Fatalf("pieces of %d at %d: %v", size, off, err)
			}
			if f.Durable() != f.Stream().End() || f.Durable() > int64(off+size) {
				t.Fatalf("pieces of %d at %d: durable up to %d, written up to %d", size, off, f.Durable(), f.Stream().End())
			}
		}
		if got := readAll(t, f.Log, 0); string(got) != string(all) {
			t.Fatalf("pieces of %d: the copy is\n%q, want\n%q", size, got, all)
		}
		back := mustLoad(t, fsys.Crash(disktest.Loss{}), config.FsyncNo)
		wantLines(t, back.got, "0: SET a 1", "2: SET b \r\n*", "0: SET c #", "0: SET d 4")
		if l, f := leader.Stream().History(), back.Stream().History(); len(f) != 1 || l[0] != f[0] {
			t.Fatalf("history %v, want %v", f, l)
		}
	}
	f := mustLoad(t, disktest.New(), config.FsyncNo)
	half := int64(len(all) / 2)
	if err := f.Stream().AppendRaw(0, all[:half]); err != nil {
		t.Fatal(err)
	}
	end := f.Stream().End()
	if end == half {
		t.Fatal("the middle is between two units, choose another")
	}
	if err := f.Stream().AppendRaw(end+1, all[end+1:]); err == nil {
		t.Error("bytes that do not continue the log were taken")
	}
	if err := f.Stream().AppendRaw(end, all[end:]); err != nil {
		t.Errorf("going on from End after a lost connection: %v", err)
	}
	if got := readAll(t, f.Log, 0); string(got) != string(all) {
		t.Errorf("the copy is\n%q, want\n%q", got, all)
	}
	if err := f.Stream().AppendRaw(f.Stream().End(), []byte("+OK\r\n")); err == nil {
		t.Error("bytes that are no record were taken")
	}
}

func readAll(t testing.TB, l *Log, off int64) []byte {
	t.Helper()
	r, err := l.Stream().NewReader(off)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTruncateAtEveryUnit cuts a log at every byte: between two units it must
// come back as the prefix, elsewhere be refused and change nothing.
func TestTruncateAtEveryUnit(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	ends := map[int64]int{0: 0} // offset to records
	for i, line := range []string{"0: SET a 1", "1: SET b 2", "1: SET c 3", "0: SET d 4"} {
		// two commands in each group
		end := r.Recorder().Append(effects(line))
		ends[end] = i + 1
		if i%2 == 1 {
			if err := r.Seal(end); err != nil {
				t.Fatal(err)
			}
		}
	}
	begun := r.Stream().End()
	if _, err := r.Stream().BeginEpoch(3, 1); err != nil {
		t.Fatal(err)
	}
	end := r.Stream().End()
	all := readAll(t, r.Log, 0)
	if err := r.waitSynced(end); err != nil {
		t.Fatal(err)
	}
	for off := int64(0); off <= end; off++ {
		c := mustLoad(t, fsys.Kill(), config.FsyncAlways)
		whole := c.got
		err := c.Stream().Truncate(off)
		records, between := ends[off]
		switch s := strings.LastIndex(string(all[:off]), "*2\r\n$6\r\nSELECT"); {
		case off == end:
			between, records = true, len(whole)
		case s >= 0 && int(off) == s+len("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"):
			between = true
			for o, n := range ends {
				if o < off {
					records = max(records, n)
				}
			}
		}
		if between != (err == nil) {
			t.Fatalf("offset %d of %d: %v", off, end, err)
		}
		if err != nil {
			continue
		}
		wantEpoch := int64(0)
		if off > begun {
			wantEpoch = 3
		}
		if s := c.Stream(); s.End() != off || s.LastEpoch() != wantEpoch || c.Durable() != off {
			t.Fatalf("after a cut at %d: end %d, epoch %d", off, s.End(), s.LastEpoch())
		}
		disk := c.fs.(*disktest.FS).Crash(disktest.Loss{})
		back := mustLoad(t, disk, config.FsyncNo)
		wantLines(t, back.got, whole[:records]...)
		if got := readAll(t, back.Log, 0); string(got) != string(all[:off]) {
			t.Fatalf("offset %d: the stream is %q", off, got)
		}
		back.write(t, "1: SET z 26")
		more := mustLoad(t, disk.Kill(), config.FsyncNo)
		wantLines(t, more.got, append(whole[:records:records], "1: SET z 26")...)
	}
}

func TestReadersBehindACutFail(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	mid := r.write(t, "0: SET a 1")
	r.write(t, "0: SET b 2")
	near, _ := r.Stream().NewReader(mid)
	far, _ := r.Stream().NewReader(0)
	if _, err := io.ReadAll(far); err != nil {
		t.Fatal(err)
	}
	if err := r.Stream().Truncate(mid); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET c 3")
	if p, err := io.ReadAll(near); err != nil || !strings.Contains(string(p), "c") {
		t.Errorf("a reader at the cut: %q, %v", p, err)
	}
	if _, err := far.Read(make([]byte, 10)); !errors.Is(err, ErrCut) {
		t.Errorf("a reader behind the cut: %v", err)
	}
}

// TestDatabaseAtEveryUnit asks what is selected there.
func TestDatabaseAtEveryUnit(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	var want []int
	var offs []int64
	for i := range 3000 {
		db := i / 700
		offs = append(offs, r.write(t, []string{"0: SET k v", "1: SET k v", "2: SET k v", "3: SET k v", "4: SET k v"}[db]))
		want = append(want, db)
	}
	for i := 0; i < len(offs); i += 7 {
		off := offs[i]
		if db, err := r.Stream().DBAt(off); db != want[i] || err != nil {
			t.Fatalf("offset %d: database %d, %v; want %d", off, db, err, want[i])
		}
	}
	if _, err := r.Stream().DBAt(offs[5] + 1); err == nil {
		t.Error("inside a record there is an answer")
	}
	if len(r.active().index) < 2 {
		t.Error("the test did not reach a second index entry")
	}
}

func TestEpochsRise(t *testing.T) {
	r := mustLoad(t, disktest.New(), config.FsyncNo)
	if _, err := r.Stream().BeginEpoch(2, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream().BeginEpoch(2, 1); err == nil {
		t.Error("an epoch began twice")
	}
	old := units.AppendEpoch(nil, 1, 1)
	if err := r.Stream().AppendRaw(r.Stream().End(), old); err == nil {
		t.Error("an older epoch was taken from a leader")
	}
}

// TestCutOnAFullDisk: a cut that finds no space has not begun, and the log goes on
// as before; when there is space it can be made.
func TestCutOnAFullDisk(t *testing.T) {
	fsys := disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	mid := r.write(t, "0: SET a 1")
	end := r.write(t, "0: SET b 2")
	fsys.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "write" && op.Name == tempPrefix+noteName {
			return 0, syscall.ENOSPC
		}
		return 0, nil
	})
	if err := r.Stream().Truncate(mid); !errors.Is(err, engine.ErrUntouched) {
		t.Fatalf("a cut without space: %v", err)
	}
	if got := r.Stream().End(); got != end || r.err() != nil {
		t.Fatalf("the log ends at %d, not %d: %v", got, end, r.err())
	}
	r.write(t, "0: SET c 3")
	fsys.Fault(nil)
	if err := r.Stream().Truncate(mid); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET d 4")
	wantLines(t, mustLoad(t, fsys.Kill(), config.FsyncAlways).got, "0: SET a 1", "0: SET d 4")
}
