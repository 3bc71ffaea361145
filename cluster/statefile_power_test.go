package cluster

import (
	"errors"
	"path/filepath"
	"testing"

	"regent/aof/disk/disktest"
)

// TestAPromiseSurvivesAPowerLoss: at whatever moment the power goes while the
// state file is written, the promise before or the new one is there, and the new
// one once it was said to be durable.
func TestAPromiseSurvivesAPowerLoss(t *testing.T) {
	promise := func(epoch int64) *durable {
		d := &durable{node: 1, voters: []int64{1, 2, 3}}
		d.hard.Epoch, d.hard.VoteFor = epoch, 2
		return d
	}
	for stop := 0; ; stop++ {
		fsys := disktest.New()
		if err := promise(4).saveOn(fsys, "/data"); err != nil {
			t.Fatal(err)
		}
		n := 0
		fsys.Fault(func(disktest.Op) (int, error) {
			if n++; n > stop {
				return 0, errors.New("power is lost")
			}
			return 0, nil
		})
		saved := promise(5).saveOn(fsys, "/data") == nil
		for _, renames := range []int{0, 100} { // that the disk did by itself
			text := fsys.Crash(disktest.Loss{Renames: renames}).Get(filepath.Join("/data", stateFileName))
			d, err := decodeState(text)
			if err != nil {
				t.Fatalf("stopped before operation %d: %v\n%s", stop, err, text)
			}
			if got := d.hard.Epoch; got != 5 && (saved || got != 4) {
				t.Errorf("stopped before operation %d, durable %v: epoch %d", stop, saved, got)
			}
			if d.hard.VoteFor != 2 || d.hard.MayHaveLost {
				t.Errorf("the promise reads %+v", d.hard)
			}
		}
		if saved {
			return
		}
	}
}
