package aof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// checkOptions are for a log in a disktest file system.
func checkOptions(fsys *disktest.FS) CheckOptions {
	return CheckOptions{
		Dir: testDir, Name: "appendonly.aof", Disk: fsys,
		LoadBase: func(*Base) (string, error) { return "a base", nil },
	}
}

// wantAgreement checks the log in fsys, and that a start does what the check
// says: loads what is whole, cuts what is torn, refuses what is damaged, at
// the same place. With damage it also lets Fix cut, and the start must then
// load a prefix of lines that has everything that was good before the damage.
func wantAgreement(t *testing.T, what string, fsys *disktest.FS, lines []string) {
	t.Helper()
	before := fsys.Kill()
	c, err := Check(checkOptions(fsys))
	if err == nil {
		err = c.Close()
	}
	for _, name := range fsys.Names() {
		if name == filepath.Join(testDir, lockName) {
			continue
		}
		if string(fsys.Get(name)) != string(before.Get(name)) {
			t.Fatalf("%s: the check has changed %s", what, name)
		}
	}
	fixed := fsys.Kill()
	r, loadErr := loaded(fsys.Kill(), config.FsyncNo)
	if loadErr == nil {
		defer r.Close()
	}
	if err != nil {
		if loadErr == nil {
			t.Fatalf("%s: the check says %v, and the start loads it", what, err)
		}
		return
	}
	var damage *DamageError
	switch d := c.Report.Damage; {
	case d == nil && loadErr != nil:
		t.Fatalf("%s: whole, says the check, and the start says %v", what, loadErr)
	case d == nil:
		if strings.Contains(r.host.said(), "Cutting") || c.Report.To != r.Stream().End() {
			t.Fatalf("%s: whole up to %d, says the check, and the start ends at %d: %s", what, c.Report.To, r.Stream().End(), r.host.said())
		}
		return
	case d.Torn && loadErr != nil:
		t.Fatalf("%s: torn, says the check, and the start says %v", what, loadErr)
	case d.Torn:
		if d.Loss.Bytes > 0 && !strings.Contains(r.host.said(), "Cutting") {
			t.Fatalf("%s: the check says %v, and the start cuts nothing", what, d)
		}
	case loadErr == nil:
		t.Fatalf("%s: the check says %v, and the start loads it", what, d)
	case errors.As(loadErr, &damage) && (damage.File != d.File || damage.Pos != d.Pos || damage.What != d.What):
		t.Fatalf("%s: the check says\n%v, the start\n%v", what, d, damage)
	}
	wantFixed(t, what, fixed, lines, r.got)
}

// wantFixed cuts where the check says, and loads.
func wantFixed(t *testing.T, what string, fsys *disktest.FS, lines, got []string) {
	t.Helper()
	c, err := Check(checkOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	cut, err := c.Fix()
	if c.Report.Damage.Base {
		if err == nil {
			t.Fatalf("%s: a base was cut", what)
		}
		return
	}
	if err == nil {
		err = c.Cut(cut)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatalf("%s: fix %v: %v", what, c.Report.Damage, err)
	}
	r, err := loaded(fsys, config.FsyncNo)
	if err != nil {
		t.Fatalf("%s: fixed %v, and the start says %v", what, c.Report.Damage, err)
	}
	defer r.Close()
	if strings.Contains(r.host.said(), "Cutting") {
		t.Fatalf("%s: fixed, and the start cuts again: %s", what, r.host.said())
	}
	wantPrefix(t, what+", fixed", r.got, lines, len(got))
}

// aLog is a log of two files behind a base, with a history before it.
func aLog(t *testing.T) (fsys *disktest.FS, lines []string) {
	t.Helper()
	fsys = disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	r.write(t, "0: SET old 1")
	if _, err := r.Stream().BeginEpoch(1, 7001); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET old 2")
	if err := r.rewrite(t, FormatCommands, "SET old 2", "SET base 1"); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET a 1")
	r.write(t, "3: SET b 1", "0: SET c 1")
	if err := r.syncOnce(); err != nil {
		t.Fatal(err)
	}
	if err := r.addSegment(head{start: r.written.Load(), db: r.pending.db, history: r.history}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream().BeginEpoch(4, 7002); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET d 1")
	r.write(t, "2: SET e 1")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	back := mustLoad(t, fsys.Kill(), config.FsyncAlways)
	return fsys.Kill(), back.got
}

// soaking reports whether tests may take minutes.
func soaking() bool { return os.Getenv("REGENT_SOAK") != "" }

// TestCheckAgreesWithTheStart flips a bit of every byte of every file of a log
// (all of them in a soak), and cuts every file at every byte.
func TestCheckAgreesWithTheStart(t *testing.T) {
	fsys, lines := aLog(t)
	for _, path := range fsys.Names() {
		text := fsys.Get(path)
		name := filepath.Base(path)
		if name == lockName {
			continue
		}
		for bit := range 8 * len(text) {
			if bit/8%8 != bit%8 && !soaking() {
				continue
			}
			damaged := append([]byte(nil), text...)
			damaged[bit/8] ^= 1 << (bit % 8)
			c := fsys.Kill()
			c.Put(path, damaged)
			wantAgreement(t, fmt.Sprintf("%s: bit %d of byte %d", name, bit%8, bit/8), c, lines)
		}
		for at := range len(text) {
			c := fsys.Kill()
			c.Put(path, text[:at])
			wantAgreement(t, fmt.Sprintf("%s cut at byte %d", name, at), c, lines)
			c = fsys.Kill()
			c.Put(path, append(text[:at:at], make([]byte, 70)...))
			wantAgreement(t, fmt.Sprintf("%s cut at byte %d, then zeros", name, at), c, lines)
		}
		c := fsys.Kill()
		c.Remove(path)
		wantAgreement(t, "without "+name, c, lines)
	}
}

// TestCutAtOffsets cuts at every offset there is: between two units the log
// ends there afterwards, with everything before, and the loss was foretold;
// inside one nothing changes.
func TestCutAtOffsets(t *testing.T) {
	fsys, lines := aLog(t)
	whole, err := Check(checkOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	from, to, records := whole.Report.From, whole.Report.To, whole.Report.Records
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for off := from - 1; off <= to+1; off++ {
		c := fsys.Kill()
		k, err := Check(checkOptions(c))
		if err != nil {
			t.Fatal(err)
		}
		cut, err := k.CutAt(off)
		if err == nil {
			err = k.Cut(cut)
			cuts++
		} else if off == from || off == to {
			t.Errorf("offset %d, an end of the log: %v", off, err)
		}
		if e := k.Close(); e != nil {
			t.Fatal(e)
		}
		r := mustLoad(t, c, config.FsyncNo)
		if err != nil {
			wantLines(t, r.got, lines...)
			continue
		}
		wantPrefix(t, fmt.Sprintf("cut at %d", off), r.got, lines, 2)
		again, err := Check(checkOptions(c.Kill()))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Stream().End() != off, again.Report.Damage != nil, again.Report.To != off:
			t.Fatalf("cut at %d, the log ends at %d: %v", off, r.Stream().End(), again.Report.Damage)
		case again.Report.Records != records-cut.Loss.Records, cut.Loss.To != to, cut.Loss.From != off:
			t.Fatalf("cut at %d: %d of %d records are left, %+v were foretold to go", off, again.Report.Records, records, cut.Loss)
		}
		_ = again.Close()
		_ = r.Close()
	}
	if units := len(lines) + 1; cuts < units-2 {
		t.Errorf("%d places to cut at, of %d units", cuts, units)
	}
}

var errCrashed = errors.New("the power is gone")

// TestCheckSeesWhatIsPending stops Truncate at every change it makes: the check
// must show the log as the next start makes it, and leave that to the start.
func TestCheckSeesWhatIsPending(t *testing.T) {
	for step := 0; ; step++ {
		fsys, lines := aLog(t)
		r := mustLoad(t, fsys, config.FsyncAlways)
		cut := r.segments[1].head.start + int64(len(effects("0: SET a 1").Buf))
		left := step
		fsys.Fault(func(op disktest.Op) (int, error) {
			if left--; op.Changes() && left < 0 {
				return 0, errCrashed
			}
			return 0, nil
		})
		err := r.Stream().Truncate(cut)
		fsys.Fault(nil)
		wantAgreement(t, fmt.Sprintf("step %d", step), fsys.Kill(), lines)
		c, checkErr := Check(checkOptions(fsys.Kill()))
		if checkErr != nil {
			t.Fatal(checkErr)
		}
		if cut, err := c.CutAt(c.Report.From); err != nil {
			t.Fatal(err)
		} else if err := c.Cut(cut); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		back := mustLoad(t, c.o.Disk.(*disktest.FS), config.FsyncAlways)
		wantLines(t, back.got, lines[:2]...)
		if err == nil {
			return
		}
	}
}

// TestCheckIsShutOut: a directory in use is not looked at, and one that is
// looked at is not used.
func TestCheckIsShutOut(t *testing.T) {
	fsys, _ := aLog(t)
	r := mustLoad(t, fsys, config.FsyncNo)
	if _, err := Check(checkOptions(fsys)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a log in use: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := Check(checkOptions(fsys))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loaded(fsys, config.FsyncNo); err == nil {
		t.Error("a server starts while the log is looked at")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, fsys, config.FsyncNo)
}
