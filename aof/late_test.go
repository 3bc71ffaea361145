package aof

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine"
	"regent/engine/config"
)

// lateRecords carries records out when it is drained, and fails at one.
type lateRecords struct {
	n, bad int64
	err    error
}

func (r *lateRecords) Apply(int, [][]byte) error {
	r.n++
	return nil
}

func (r *lateRecords) Drain() error {
	if r.n > r.bad {
		return &engine.RecordError{Index: r.bad, Err: r.err}
	}
	return nil
}

// TestALateRecordIsLocated lets each record of a log fail, at once and late: the
// refusal names the same place, and a torn end is not cut before it.
func TestALateRecordIsLocated(t *testing.T) {
	fsys, _ := aLog(t)
	last := filepath.Join(testDir, "appendonly.aof.3.incr.aof")
	fsys.Put(last, append(fsys.Get(last), "#G+torn"...))
	broken := errors.New("no such command")
	for bad := int64(0); ; bad++ {
		load := func(to Records) (*disktest.FS, error) {
			c := fsys.Kill()
			r, err := newRig(c, testDir, config.FsyncNo)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			return c, r.LoadInto(to, nil)
		}
		n := int64(0)
		_, want := load(atOnce(func(int, [][]byte) error {
			if n++; n > bad {
				return broken
			}
			return nil
		}))
		c, got := load(&lateRecords{bad: bad, err: broken})
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("record %d: late\n%v\nat once\n%v", bad, got, want)
		}
		if want == nil {
			if bad < 9 {
				t.Errorf("only %d records", bad)
			}
			return
		}
		var damage *DamageError
		if !errors.As(got, &damage) || !errors.Is(got, broken) {
			t.Errorf("record %d: %v", bad, got)
		}
		if string(c.Get(last)) != string(fsys.Get(last)) {
			t.Errorf("record %d is bad, and the end was cut", bad)
		}
	}
}
