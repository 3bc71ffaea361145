package aof

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// The crash harness. A recorded run is cut at every byte, its tail replaced by
// what disks leave there, and every bit of it flipped. What a load brings back
// must be a prefix of what was written, with everything in it that was durable
// when the damage was done, or a refusal that names the place.

// recordedRun writes a short log with groups of one and of several records, a
// transaction, two databases and two epochs. lines[i] are the records, and
// groupEnds the file positions at which a write had been finished.
func recordedRun(t *testing.T) (fsys *disktest.FS, name string, lines []string, groupEnds []int64) {
	t.Helper()
	fsys = disktest.New()
	r := mustLoad(t, fsys, config.FsyncAlways)
	note := func() { groupEnds = append(groupEnds, r.active().size) }
	note()
	begin := func(epoch int64) {
		if _, err := r.Stream().BeginEpoch(epoch, 7001); err != nil {
			t.Fatal(err)
		}
		note()
	}
	begin(1)
	r.write(t, "0: SET a 1")
	note()
	r.write(t, "0: SET b 2", "3: SET c \r\n#G+", "0: DEL b")
	note()
	begin(4)
	r.Recorder().Append(effects("3: APPEND c *1\r\n$4\r\nEXEC\r\n"))
	r.Recorder().Append(effects("3: SET d " + string(make([]byte, 40))))
	r.write(t, "0: SET e 5")
	note()
	r.write(t, "0: SET last 6")
	note()
	name = r.active().name
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, fsys.Kill(), config.FsyncAlways)
	return fsys.Kill(), name, again.got, groupEnds
}

// wantPrefix fails unless got is a prefix of lines with at least least lines.
func wantPrefix(t *testing.T, what string, got, lines []string, least int) {
	t.Helper()
	if len(got) < least || len(got) > len(lines) || strings.Join(got, "\n") != strings.Join(lines[:len(got)], "\n") {
		t.Fatalf("%s: got %d records, want a prefix of at least %d:\n%s", what, len(got), least, strings.Join(got, "\n"))
	}
}

// loadedLines loads the log with the file at path replaced by text, writes to
// it, and loads again.
func loadedLines(t *testing.T, fsys *disktest.FS, path string, text []byte) (got []string, r *rig, err error) {
	t.Helper()
	c := fsys.Kill()
	c.Put(path, text)
	r, err = loaded(c, config.FsyncAlways)
	if err != nil {
		return r.got, r, err
	}
	r.kept = r.active().size
	// What was repaired must be good and writable from then on.
	r.write(t, "0: SET after 1")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := loaded(c.Crash(disktest.Loss{}), config.FsyncAlways)
	if err != nil {
		t.Fatalf("the second load: %v", err)
	}
	defer again.Close()
	if want := strings.Join(append(r.got, "0: SET after 1"), "\n"); strings.Join(again.got, "\n") != want {
		t.Fatalf("the second load gives\n%s\nwant\n%s", strings.Join(again.got, "\n"), want)
	}
	return r.got, r, nil
}

func TestCutAtEveryByte(t *testing.T) {
	fsys, name, lines, ends := recordedRun(t)
	path := filepath.Join(testDir, name)
	text := fsys.Get(path)
	tails := map[string][]byte{
		"nothing": nil,
		"zeros":   make([]byte, 100),
		"garbage": []byte("\x00\xff*3\r\nnot a record\r\n#G+12 nonsense\n"),
		"Redis's": []byte("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSE"),
	}
	// durable[i] is how many records the first i finished writes hold.
	var durable []int
	for _, end := range ends {
		got, _, err := loadedLines(t, fsys, path, text[:end])
		if err != nil {
			t.Fatal(err)
		}
		durable = append(durable, len(got))
	}
	head := ends[0]
	for cut := 0; cut <= len(text); cut++ {
		least := 0
		for i, end := range ends {
			if end <= int64(cut) {
				least = durable[i]
			}
		}
		for what, tail := range tails {
			at := fmt.Sprintf("cut at byte %d of %d, then %s", cut, len(text), what)
			got, r, err := loadedLines(t, fsys, path, append(text[:cut:cut], tail...))
			var damage *DamageError
			switch {
			case int64(cut) < head && (err == nil || errors.As(err, &damage)):
				// The head was synced before the manifest named the file.
			case what == "Redis's" && !slices.Contains(ends, int64(cut)) && errors.As(err, &damage):
				// Redis does not start on a torn write, so it does not append.
			case err != nil:
				t.Fatalf("%s: %v", at, err)
			default:
				wantPrefix(t, at, got, lines, least)
				if lost := cut + len(tail) - int(r.kept); lost > 0 && !strings.Contains(r.host.said(), "bytes off the end of "+name) {
					t.Fatalf("%s: %d bytes were cut without a word", at, lost)
				}
			}
		}
	}
}

// TestCutAnyFile cuts every file of a log of several at every byte. Only the end
// of the last one can be an interrupted write; what is missing anywhere else is
// refused.
func TestCutAnyFile(t *testing.T) {
	fsys, lines := aLog(t)
	const last, history = "appendonly.aof.3.incr.aof", "appendonly.aof.1.incr.aof"
	for _, path := range fsys.Names() {
		file, text := filepath.Base(path), fsys.Get(path)
		if file == lockName || file == history {
			continue
		}
		for at := range len(text) {
			got, r, err := loadedLines(t, fsys, path, text[:at])
			what := fmt.Sprintf("%s cut at byte %d of %d", file, at, len(text))
			switch {
			case err != nil && !strings.Contains(err.Error(), "appendonly.aof"):
				t.Fatalf("%s: the refusal does not name a file: %v", what, err)
			case err != nil && file == last && at > int(headSize(t, fsys, path)):
				t.Fatalf("%s: %v", what, err)
			case err != nil:
			case file == last:
				wantPrefix(t, what, got, lines, 4)
			default:
				wantPrefix(t, what, got, lines, len(lines))
				if file != "appendonly.aof.manifest" {
					t.Fatalf("%s: nobody has noticed: %s", what, r.host.said())
				}
			}
		}
	}
}

func headSize(t *testing.T, fsys *disktest.FS, path string) int64 {
	t.Helper()
	f, err := fsys.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, size, err := readHead(f)
	if err != nil {
		t.Fatal(err)
	}
	return size
}

// TestFlipEveryBit flips every bit of every file of two logs, one of one file
// and one of several. Each flip is found: the start refuses and names the file,
// or, where it looks like the end of an interrupted write, says what it cuts;
// and nothing but the truth comes back.
func TestFlipEveryBit(t *testing.T) {
	one, _, lines, _ := recordedRun(t)
	flipAll(t, one, lines)
	several, lines := aLog(t)
	flipAll(t, several, lines)
}

func flipAll(t *testing.T, fsys *disktest.FS, lines []string) {
	t.Helper()
	const manifest, history = "appendonly.aof.manifest", "appendonly.aof.1.incr.aof"
	names := fsys.Names()
	for _, path := range names {
		file, text := filepath.Base(path), fsys.Get(path)
		if file == lockName {
			continue
		}
		unseen := 0
		for bit := range 8 * len(text) {
			damaged := append([]byte(nil), text...)
			damaged[bit/8] ^= 1 << (bit % 8)
			got, r, err := loadedLines(t, fsys, path, damaged)
			what := fmt.Sprintf("%s: bit %d of byte %d (%q)", file, bit%8, bit/8, text[max(0, bit/8-20):min(len(text), bit/8+20)])
			if err == nil {
				// All of it was durable: all of it must be there.
				wantPrefix(t, what, got, lines, len(lines))
				switch said := r.host.said(); {
				case strings.Contains(said, "bytes off the end of "+file): // the last annotation
				case file == history && len(names) > 4 && strings.Contains(said, "Followers get nothing"):
				default:
					unseen++
				}
				continue
			}
			if !strings.Contains(err.Error(), file) {
				t.Fatalf("%s: the refusal does not name the file: %v", what, err)
			}
			var damage *DamageError
			if errors.As(err, &damage) && damage.Record < int64(len(got)) {
				t.Fatalf("%s: %v, and %d commands were loaded", what, err, len(got))
			}
			wantPrefix(t, "before the refusal", got, lines, 0)
			if strings.Contains(r.host.said(), "Cutting") {
				t.Fatalf("%s: refused, but cut before: %s", what, r.host.said())
			}
		}
		// White space at the end of a manifest means nothing.
		if unseen > 0 && (file != manifest || unseen > 4) {
			t.Errorf("%s: %d flipped bits were not seen", file, unseen)
		}
	}
}

// TestPowerLoss writes with every policy, loses power with as much of the
// unsynced bytes as the case says, and loads.
func TestPowerLoss(t *testing.T) {
	for _, policy := range []int64{config.FsyncAlways, config.FsyncEverysec, config.FsyncNo} {
		for part := range 40 {
			for _, zeros := range []bool{false, true} {
				fsys := disktest.New()
				r := mustLoad(t, fsys, policy)
				var lines []string
				for i := range 6 {
					line := fmt.Sprintf("%d: SET k%d %s", i%2, i, strings.Repeat("v", 30*i))
					r.write(t, line)
					lines = append(lines, line)
				}
				durable := 0
				if policy == config.FsyncAlways {
					if err := r.waitSynced(r.Stream().End()); err != nil {
						t.Fatal(err)
					}
					durable = len(lines)
				}
				after := fsys.Crash(disktest.Loss{Content: func(_ string, synced, last []byte) []byte {
					kept := len(synced) + (len(last)-len(synced))*part/39
					out := append([]byte(nil), last[:kept]...)
					if zeros {
						out = append(out, make([]byte, len(last)-kept)...)
					}
					return out
				}})
				back := mustLoad(t, after, policy)
				wantPrefix(t, fmt.Sprint("policy ", policy, " part ", part, " zeros ", zeros), back.got, lines, durable)
			}
		}
	}
}

// TestCrashInTruncate loses power at every change that Truncate makes: what
// comes back ends either where it did or at the cut.
func TestCrashInTruncate(t *testing.T) {
	crashed := errors.New("the power is gone")
	for step := 0; ; step++ {
		for renames := range 4 {
			fsys := disktest.New()
			r := mustLoad(t, fsys, config.FsyncAlways)
			r.write(t, "0: SET a 1")
			r.Recorder().Append(effects("1: SET b 2"))
			cut := r.Recorder().End()
			r.write(t, "1: SET c 3")
			end := r.write(t, "1: SET d 4")
			if err := r.waitSynced(end); err != nil {
				t.Fatal(err)
			}
			left := step
			fsys.Fault(func(op disktest.Op) (int, error) {
				if !op.Changes() {
					return 0, nil
				}
				if left--; left < 0 {
					return 0, crashed
				}
				return 0, nil
			})
			err := r.Stream().Truncate(cut)
			back := mustLoad(t, fsys.Crash(disktest.Loss{Renames: renames}), config.FsyncAlways)
			whole := []string{"0: SET a 1", "1: SET b 2", "1: SET c 3", "1: SET d 4"}
			if len(back.got) != 4 || err == nil {
				whole = whole[:2]
			}
			wantLines(t, back.got, whole...)
			if err == nil {
				if step < 6 {
					t.Fatalf("only %d steps", step)
				}
				return
			}
			r.waitFor(t, "failed")
		}
	}
}
