package aof

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// The power harness. A story does something to a log; it is told again and
// again, and each time the power goes at another change of the disk, with
// every kind of loss that follows of that: what is not synced gone, half
// there, all there, or zeros; names as of the last sync of the directory, or
// as of some of the changes since. What the next start loads must be what the
// story allows: as a rule a prefix of what was appended, with everything in it
// that had been synced.

// A telling is one run of a story.
type telling struct {
	t     *testing.T
	fsys  *disktest.FS
	r     *rig
	lines []string // appended, in order
	ends  []int64  // stream offset after each
	// allowed says what may come back instead of a prefix; nil: nothing else.
	allowed [][]string
}

// A story is told from a log that is loaded, with policy always.
type story struct {
	name string
	tell func(p *telling) error
	// changes is how many changes it makes at least: a story that ends sooner
	// is not the one that was meant.
	changes int
}

func (p *telling) write(line string) error {
	end := p.r.Recorder().Append(effects(line))
	p.lines, p.ends = append(p.lines, line), append(p.ends, end)
	if err := p.r.Seal(end); err != nil {
		return err
	}
	return p.r.waitSynced(end)
}

func (p *telling) writeAll(lines ...string) error {
	for _, line := range lines {
		if err := p.write(line); err != nil {
			return err
		}
	}
	return nil
}

// synced is how many lines were promised to be on the disk.
func (p *telling) synced() int {
	at := p.r.synced.Load()
	n := 0
	for n < len(p.ends) && p.ends[n] <= at {
		n++
	}
	return n
}

// asCommands are lines as a base holds them, with the SELECTs they need.
func asCommands(lines []string) []byte {
	g := pending{}
	g.reset(Place{})
	for _, line := range lines {
		g.add(effects(line))
	}
	return g.buf[headroom:]
}

// rewrite rewrites the log at its end while lines go on being written: some
// after the cut, some while the base is written.
func (p *telling) rewrite(after, meanwhile []string) error {
	return p.r.Rewrite(p.t.Context(), FormatCommands, func(w io.Writer, cut func(int64) (Place, error)) error {
		before := asCommands(p.lines)
		if _, err := cut(p.r.Recorder().End()); err != nil {
			return err
		}
		if err := p.writeAll(after...); err != nil {
			return err
		}
		if _, err := w.Write(before[:len(before)/2]); err != nil {
			return err
		}
		if err := p.writeAll(meanwhile...); err != nil {
			return err
		}
		_, err := w.Write(before[len(before)/2:])
		return err
	})
}

var stories = []story{
	{"writes", func(p *telling) error {
		if err := p.writeAll("0: SET a 1", "3: SET b 2"); err != nil {
			return err
		}
		if _, err := p.r.Stream().BeginEpoch(1, 7001); err != nil {
			return err
		}
		return p.writeAll("0: SET c 3", "0: SET d 4")
	}, 9},
	{"rewrite", func(p *telling) error {
		if err := p.writeAll("0: SET a 1", "3: SET b 2"); err != nil {
			return err
		}
		if err := p.rewrite([]string{"0: SET c 3", "2: SET d 4"}, []string{"2: SET e 5"}); err != nil {
			return err
		}
		return p.write("0: SET f 6")
	}, 30},
	{"rewrite twice", func(p *telling) error {
		if err := p.write("0: SET a 1"); err != nil {
			return err
		}
		if err := p.rewrite(nil, nil); err != nil {
			return err
		}
		if err := p.write("0: SET b 2"); err != nil {
			return err
		}
		if err := p.rewrite([]string{"1: SET c 3"}, nil); err != nil {
			return err
		}
		return p.write("0: SET d 4")
	}, 50},
	{"rewrite behind the end", func(p *telling) error {
		if err := p.writeAll("0: SET a 1", "3: SET b 2"); err != nil {
			return err
		}
		at := p.r.Recorder().End()
		before := asCommands(p.lines)
		if err := p.writeAll("3: SET c 3", "0: SET d 4"); err != nil {
			return err
		}
		err := p.r.Rewrite(p.t.Context(), FormatCommands, func(w io.Writer, cut func(int64) (Place, error)) error {
			if _, err := cut(at); err != nil {
				return err
			}
			_, err := w.Write(before)
			return err
		})
		if err != nil {
			return err
		}
		return p.write("0: SET e 5")
	}, 30},
	{"cut inside a group", func(p *telling) error {
		if err := p.writeAll("0: SET a 1"); err != nil {
			return err
		}
		if err := p.r.addSegment(head{start: p.r.written.Load(), db: 0}); err != nil {
			return err
		}
		// Two lines in one group, and a file behind it.
		end := p.r.Recorder().Append(effects("1: SET b 2"))
		p.lines, p.ends = append(p.lines, "1: SET b 2"), append(p.ends, end)
		if err := p.write("1: SET c 3"); err != nil {
			return err
		}
		if err := p.r.addSegment(head{start: p.r.written.Load(), db: 1}); err != nil {
			return err
		}
		if err := p.write("1: SET d 4"); err != nil {
			return err
		}
		p.allowed = [][]string{p.lines[:2:2]}
		if err := p.r.Stream().Truncate(end); err != nil {
			return err
		}
		p.lines, p.ends, p.allowed = p.lines[:2:2], p.ends[:2:2], nil
		return p.write("1: SET e 5")
	}, 30},
	{"install a base", func(p *telling) error {
		if err := p.writeAll("0: SET a 1", "3: SET b 2"); err != nil {
			return err
		}
		other := []string{"0: SET x 1", "5: SET y 2"}
		p.allowed = [][]string{other}
		err := p.r.InstallBase(p.t.Context(), Place{Offset: 9000}, FormatCommands, func(w io.Writer) error {
			_, err := w.Write(asCommands(other))
			return err
		})
		if err != nil {
			return err
		}
		p.lines, p.ends, p.allowed = other, []int64{9000, 9000}, nil
		return p.write("0: SET z 3")
	}, 20},
}

// losses are what a power loss may leave.
func losses(pending int) []disktest.Loss {
	contents := []func(string, []byte, []byte) []byte{
		nil,
		func(_ string, synced, last []byte) []byte { return last },
		func(_ string, synced, last []byte) []byte {
			return last[:min(len(last), len(synced)+max(0, len(last)-len(synced))/2)]
		},
		func(_ string, synced, last []byte) []byte {
			if len(last) <= len(synced) {
				return synced
			}
			return append(slices.Clone(last[:len(synced)]), make([]byte, len(last)-len(synced))...)
		},
	}
	var all []disktest.Loss
	for renames := range pending + 1 {
		for _, c := range contents {
			all = append(all, disktest.Loss{Renames: renames, Content: c})
		}
	}
	return all
}

// powerFails makes every change from number n on fail. It counts them.
func powerFails(fsys *disktest.FS, n int) (count func() int) {
	seen := make(chan int, 1)
	seen <- 0
	fsys.Fault(func(op disktest.Op) (int, error) {
		if !op.Changes() {
			return 0, nil
		}
		k := <-seen
		seen <- k + 1
		if k >= n {
			return op.N / 2, errCrashed
		}
		return 0, nil
	})
	return func() int {
		k := <-seen
		seen <- k
		return k
	}
}

func TestPowerLossAnywhere(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			for step := 0; ; step++ {
				p := &telling{t: t, fsys: disktest.New()}
				p.r = mustLoad(t, p.fsys, config.FsyncAlways)
				count := powerFails(p.fsys, step)
				err := s.tell(p)
				for _, loss := range losses(p.fsys.Pending()) {
					p.wantAllowed(fmt.Sprintf("at change %d (%v), %d names kept", step, err, loss.Renames), p.fsys.Crash(loss))
				}
				p.wantAllowed(fmt.Sprintf("process killed at change %d (%v)", step, err), p.fsys.Kill())
				_ = p.r.Close()
				if err == nil {
					if n := count(); n < s.changes {
						t.Errorf("only %d changes of the disk", n)
					}
					return
				}
			}
		})
	}
}

// wantAllowed loads what is left, and once more after a write: what the start
// has repaired must last.
func (p *telling) wantAllowed(what string, left *disktest.FS) {
	p.t.Helper()
	agreed := left.Kill()
	r, err := loaded(left, config.FsyncAlways)
	if err != nil {
		p.t.Fatalf("%s: the start says %v", what, err)
	}
	defer r.Close()
	allowed := slices.ContainsFunc(p.allowed, func(a []string) bool { return slices.Equal(a, r.got) })
	if !allowed {
		wantPrefix(p.t, what, r.got, p.lines, p.synced())
	}
	for _, name := range left.Names() {
		base := filepath.Base(name)
		if strings.HasPrefix(base, tempPrefix) || base == noteName || r.isOurs(base) && !r.manifest.lists(base) {
			p.t.Fatalf("%s: %s is left", what, base)
		}
	}
	mid := left.Crash(disktest.Loss{})
	if back, err := loaded(mid, config.FsyncAlways); err != nil || !slices.Equal(back.got, r.got) {
		p.t.Fatalf("%s: loaded, and after one more power loss it is %v, %q; want %q", what, err, back.got, r.got)
	}
	end := r.write(p.t, "0: SET after 1")
	if err := r.waitSynced(end); err != nil {
		p.t.Fatal(err)
	}
	again, err := loaded(left.Crash(disktest.Loss{}), config.FsyncAlways)
	if err != nil {
		p.t.Fatalf("%s: the second start says %v", what, err)
	}
	defer again.Close()
	wantLines(p.t, again.got, append(slices.Clone(r.got), "0: SET after 1")...)
	if agreed.Get(filepath.Join(testDir, "appendonly.aof.manifest")) != nil { // there is something to check
		wantAgreement(p.t, what, agreed, r.got)
	}
}

// TestPowerLossWhileLoading loses power at every change that a start makes: on
// a torn log, on one that a crash has left half cut, and on one of Redis's,
// which it takes over.
func TestPowerLossWhileLoading(t *testing.T) {
	torn, lines := aLog(t)
	last := filepath.Join(testDir, "appendonly.aof.3.incr.aof")
	torn.Put(last, append(torn.Get(last), "#G+12 half a"...))
	closing := torn.Kill()
	text := aLogFile(t, closing, last)
	closing.Put(last, text[:len(text)-14])
	redis := disktest.New()
	redis.Put(filepath.Join(testDir, "appendonly.aof.manifest"), []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"))
	redis.Put(filepath.Join(testDir, "appendonly.aof.1.incr.aof"), append(asCommands([]string{"0: SET a 1", "2: SET b 2"}), "*3\r\n$3\r\nSE"...))
	for name, c := range map[string]struct {
		fsys  *disktest.FS
		lines []string
	}{
		"torn": {torn, lines}, "without its last annotation": {closing, lines}, "Redis's": {redis, []string{"0: SET a 1", "2: SET b 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			for step := 0; ; step++ {
				fsys := c.fsys.Kill()
				powerFails(fsys, step)
				r, err := loaded(fsys, config.FsyncAlways)
				for _, loss := range losses(fsys.Pending()) {
					p := telling{t: t, lines: c.lines, ends: []int64{0, 0, 0, 0, 0, 0, 0}[:len(c.lines)], r: &rig{Log: &Log{}}}
					p.wantAllowed(fmt.Sprintf("at change %d (%v), %d names kept", step, err, loss.Renames), fsys.Crash(loss))
				}
				if err == nil {
					_ = r.Close()
					return
				}
				if !errors.Is(err, errCrashed) {
					t.Fatal(err)
				}
			}
		})
	}
}

// aLogFile is the named file without what was put behind its last group.
func aLogFile(t *testing.T, fsys *disktest.FS, path string) []byte {
	t.Helper()
	text := string(fsys.Get(path))
	at := strings.LastIndex(text, "#G+12 half a")
	if at < 0 {
		t.Fatal("the file does not end as it should")
	}
	return []byte(text[:at])
}
