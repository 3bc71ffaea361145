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

// newLog begins a log in what there is: OpenAnew, with a rig's surroundings.
func newLog(fsys *disktest.FS, past int64) (*rig, error) {
	r := &rig{host: &testHost{}, events: make(chan string, 1000)}
	r.fsync.Store(config.FsyncAlways)
	log, err := OpenAnew(Options{
		Dir: testDir, Name: "appendonly.aof", Host: r.host, Disk: fsys, Fsync: r.fsync.Load,
		Failed: func(error) { r.events <- "failed" },
	}, past)
	r.Log = log
	return r, err
}

// establish makes the base of what was written before, while lines go on being written.
func (p *telling) establish(before, meanwhile []string) error {
	return p.r.Establish(p.t.Context(), FormatCommands, func(w io.Writer) error {
		text := asCommands(before)
		if _, err := w.Write(text[:len(text)/2]); err != nil {
			return err
		}
		if err := p.writeAll(meanwhile...); err != nil {
			return err
		}
		_, err := w.Write(text[len(text)/2:])
		return err
	})
}

// begin is the story of a log that is begun in fsys: it has lines of its own, and then none of old.
func (p *telling) begin(old, before []string) (err error) {
	p.allowed = [][]string{old}
	if p.r, err = newLog(p.fsys, 100); err != nil {
		p.r = nil
		return err
	}
	at := p.r.written.Load()
	p.lines, p.ends = slices.Clone(before), make([]int64, len(before))
	for i := range p.ends {
		p.ends[i] = at
	}
	if err := p.write("0: SET first 1"); err != nil {
		return err
	}
	if err := p.establish(before, []string{"2: SET c 3", "0: SET d 4"}); err != nil {
		return err
	}
	p.allowed = nil // it counts
	return p.write("0: SET last 5")
}

// TestPowerLossWhileALogBegins: what a start loads is what it loaded before, or all that was
// acknowledged, wherever the power goes.
func TestPowerLossWhileALogBegins(t *testing.T) {
	ours, lines := aLog(t)
	redis := disktest.New()
	redis.Put(filepath.Join(testDir, "appendonly.aof.manifest"), []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"))
	redis.Put(filepath.Join(testDir, "appendonly.aof.1.incr.aof"), asCommands([]string{"0: SET a 1", "2: SET b 2"}))
	for name, c := range map[string]struct {
		fsys *disktest.FS
		old  []string
	}{"nothing": {disktest.New(), nil}, "a log": {ours, lines}, "Redis's": {redis, []string{"0: SET a 1", "2: SET b 2"}}} {
		t.Run(name, func(t *testing.T) {
			for step := 0; ; step++ {
				p := &telling{t: t, fsys: c.fsys.Kill()}
				count := powerFails(p.fsys, step)
				err := p.begin(c.old, []string{"0: SET x 1", "5: SET y 2"})
				if p.r == nil { // it did not come to a log
					p.r = &rig{Log: &Log{}}
				}
				for _, loss := range losses(p.fsys.Pending()) {
					p.wantAllowed(fmt.Sprintf("at change %d (%v), %d names kept", step, err, loss.Renames), p.fsys.Crash(loss))
				}
				p.wantAllowed(fmt.Sprintf("process killed at change %d (%v)", step, err), p.fsys.Kill())
				if err == nil {
					_ = p.r.Close()
					if n := count(); n < 20 {
						t.Errorf("only %d changes of the disk", n)
					}
					return
				}
				if !errors.Is(err, errCrashed) {
					t.Fatal(err)
				}
				if p.r.fs != nil {
					_ = p.r.Discard()
				}
			}
		})
	}
}

// TestALogThatIsGivenUpLeavesTheOldOne: and the next one that is begun follows its numbers.
func TestALogThatIsGivenUpLeavesTheOldOne(t *testing.T) {
	fsys, lines := aLog(t)
	p := &telling{t: t, fsys: fsys.Kill()}
	r, err := newLog(p.fsys, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.r = r
	if err := p.write("0: SET lost 1"); err != nil {
		t.Fatal(err)
	}
	if err := p.r.LoadUpTo(p.r.written.Load(), nil); !errors.Is(err, errFresh) {
		t.Errorf("a log without a base is loaded: %v", err)
	}
	failed := errors.New("no base today")
	if err := p.r.Establish(t.Context(), FormatRDB, func(io.Writer) error { return failed }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if err := p.r.Discard(); err != nil {
		t.Fatal(err)
	}
	again := mustLoad(t, p.fsys.Kill(), config.FsyncAlways)
	wantLines(t, again.got, lines...)
	for _, name := range p.fsys.Names() {
		if strings.HasPrefix(filepath.Base(name), tempPrefix) {
			t.Errorf("%s is left", name)
		}
	}
	end := again.written.Load()
	p.lines, p.ends = nil, nil
	if err := p.begin(lines, []string{"0: SET x 1"}); err != nil {
		t.Fatal(err)
	}
	if at := p.r.Stream().Start(); at <= end {
		t.Errorf("the new stream begins at %d, and the old one ended at %d", at, end)
	}
	_ = p.r.Close()
	wantLines(t, mustLoad(t, p.fsys.Kill(), config.FsyncAlways).got, p.lines...)
}

// TestPowerLossWhileALogGetsItsFirstBase: wherever the power goes the log is an empty one, and what is
// written to it later comes back.
func TestPowerLossWhileALogGetsItsFirstBase(t *testing.T) {
	for step := 0; ; step++ {
		p := &telling{t: t, fsys: disktest.New()}
		p.r = mustLoad(t, p.fsys, config.FsyncAlways)
		powerFails(p.fsys, step)
		err := p.r.Blank(t.Context(), FormatCommands, func(w io.Writer) error { _, err := w.Write(nil); return err })
		if err == nil {
			err = p.writeAll("0: SET a 1", "3: SET b 2")
		}
		for _, loss := range losses(p.fsys.Pending()) {
			p.wantAllowed(fmt.Sprintf("at change %d (%v), %d names kept", step, err, loss.Renames), p.fsys.Crash(loss))
		}
		p.wantAllowed(fmt.Sprintf("process killed at change %d (%v)", step, err), p.fsys.Kill())
		if err != nil {
			_ = p.r.Close()
			continue
		}
		if step < 10 || p.r.manifest.base == nil || p.r.manifest.base.seq != 1 || p.r.manifest.incr[0].seq != 1 {
			t.Errorf("after %d changes of the disk: %+v", step, p.r.manifest)
		}
		return
	}
}
