package disk_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/aof/disk"
	"regent/aof/disk/disktest"
)

const replaced = "/data/file"

// replace replaces a file by text in two writes, with an fsync after each, or at the end
// alone.
func replace(fsys disk.FS, text string, syncEvery int64) error {
	return disk.Replace(fsys, disk.Replacement{Path: replaced, SyncEvery: syncEvery}, func(w io.Writer) error {
		_, err := io.WriteString(w, text[:len(text)/2])
		if err == nil {
			_, err = io.WriteString(w, text[len(text)/2:])
		}
		return err
	})
}

// TestReplaceAtEveryMoment ends the power, or fails, before each operation of a
// replacement: the old content or the new is there, whole, and the new one for
// certain once Replace has said so.
func TestReplaceAtEveryMoment(t *testing.T) {
	for _, fails := range []bool{false, true} {
		for _, syncEvery := range []int64{0, 3} {
			t.Run(fmt.Sprintf("fails %v, fsync every %d bytes", fails, syncEvery), func(t *testing.T) {
				for stop := 0; !replaceUntil(t, stop, fails, syncEvery); stop++ {
				}
			})
		}
	}
}

// replaceUntil ends the power before an operation, or has it fail, and reports whether the
// replacement had no more of them.
func replaceUntil(t *testing.T, stop int, fails bool, syncEvery int64) (whole bool) {
	const before, after = "the old content", "and the new one"
	d := disktest.New()
	if err := replace(d, before, syncEvery); err != nil {
		t.Fatal(err)
	}
	n := 0
	d.Fault(func(op disktest.Op) (int, error) {
		n++
		if n-1 != stop {
			return 0, nil
		}
		if fails {
			return op.N / 2, errors.New("input/output error")
		}
		return 0, errPower
	})
	err := replace(d, after, syncEvery)
	whole = err == nil && n <= stop
	if err == nil && !whole {
		t.Errorf("a failure of operation %d was not told", stop)
	}
	for _, renames := range []int{0, 100} { // that the disk did by itself
		got := string(d.Crash(disktest.Loss{Renames: renames}).Get(replaced))
		switch {
		case whole && got != after:
			t.Errorf("it was replaced, and a power loss leaves %q", got)
		case got != before && got != after:
			t.Errorf("stopped before operation %d (%v): %q is left", stop, err, got)
		}
	}
	return whole
}

var errPower = errors.New("power is lost")

// TestReplaceTidiesUp: what could not be finished is not left lying about.
func TestReplaceTidiesUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	broken := errors.New("the data cannot be had")
	err := disk.Replace(disk.OS{}, disk.Replacement{Path: path}, func(io.Writer) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "file", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := disk.ReplaceBytes(disk.OS{}, filepath.Join(dir, "nosuch", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := disk.Replace(disk.OS{}, disk.Replacement{Path: path}, func(io.Writer) error { return nil }); err == nil {
		t.Error("a directory was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "temp-*")); left != nil {
		t.Errorf("left over: %v", left)
	}
}

// TestReplaceKeepsAMode, if it is asked for.
func TestReplaceKeepsAMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, mode := range []fs.FileMode{0o600, 0o640} {
		text := strings.Repeat("x", int(mode))
		err := disk.Replace(disk.OS{}, disk.Replacement{Path: path, Mode: mode}, func(w io.Writer) error {
			_, err := fmt.Fprint(w, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fi, err := os.Stat(path)
		if err != nil || fi.Mode().Perm() != mode || fi.Size() != int64(len(text)) {
			t.Errorf("mode %v, %d bytes, %v", fi.Mode(), fi.Size(), err)
		}
	}
}
