package cluster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/aof/disk"
	"regent/cluster/bully"
	"regent/engine"
)

func makeMark(t *testing.T, at bully.Position) (*mark, string) {
	t.Helper()
	dir := t.TempDir()
	m, err := newMark(disk.OS{}, dir, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.page.close)
	return m, dir
}

// TestMark: the next process reads what was set last, also when this one ends
// between two stores.
func TestMark(t *testing.T) {
	if at, found, err := readMark(disk.OS{}, t.TempDir()); found || err != nil {
		t.Fatalf("no file: %v %v %v", at, found, err)
	}
	m, dir := makeMark(t, bully.Position{Epoch: 3, Offset: 7})
	path := filepath.Join(dir, reachedFileName)
	want := func(want bully.Position) {
		t.Helper()
		if at, found, err := readMark(disk.OS{}, dir); at != want || !found || err != nil {
			t.Fatalf("%v %v %v, want %v", at, found, err, want)
		}
	}
	want(bully.Position{Epoch: 3, Offset: 7})
	last := bully.Position{}
	for i := range 9 {
		last = bully.Position{Epoch: int64(3 + i/4), Offset: 1 << (6 * i)}
		if err := m.set(last); err != nil {
			t.Fatal(err)
		}
		want(last)
	}
	next := bully.Position{Epoch: 9, Offset: 1 << 60}
	slot := appendSlot(nil, m.n+1, next)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := int64(reachedSlots) + int64((m.n+1)%2)*reachedSlot
	for k := range slot {
		if _, err := f.WriteAt(slot[:k], at); err != nil {
			t.Fatal(err)
		}
		want(last)
	}
	if _, err := f.WriteAt(slot, at); err != nil {
		t.Fatal(err)
	}
	want(next)
}

// TestMarkDamaged: what is no mark is not taken for one.
func TestMarkDamaged(t *testing.T) {
	m, dir := makeMark(t, bully.Position{Epoch: 3, Offset: 7})
	if err := m.set(bully.Position{Epoch: 3, Offset: 90}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, reachedFileName)
	good, err := os.ReadFile(path)
	if err != nil || len(good) != reachedSize {
		t.Fatal(len(good), err)
	}
	both := func(b []byte) {
		b[reachedSlots+9] ^= 1
		b[reachedSlots+reachedSlot+9] ^= 1
	}
	for name, spoil := range map[string]func(b []byte) []byte{
		"empty":      func(b []byte) []byte { return nil },
		"short":      func(b []byte) []byte { return b[:reachedSlots+reachedSlot] },
		"zeros":      func(b []byte) []byte { return make([]byte, len(b)) },
		"magic":      func(b []byte) []byte { b[3] ^= 1; return b },
		"both slots": func(b []byte) []byte { both(b); return b },
	} {
		if err := os.WriteFile(path, spoil(append([]byte(nil), good...)), 0o644); err != nil {
			t.Fatal(err)
		}
		if at, found, err := readMark(disk.OS{}, dir); found || !errors.Is(err, errNoMark) {
			t.Errorf("%s: %v %v %v", name, at, found, err)
		}
	}
}

// TestMarkWithoutAPage: a page that the system cannot give is an error, not the
// end of the process, and a new mark mends it.
func TestMarkWithoutAPage(t *testing.T) {
	m, dir := makeMark(t, bully.Position{Epoch: 3, Offset: 7})
	if err := os.Truncate(filepath.Join(dir, reachedFileName), 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.set(bully.Position{Epoch: 3, Offset: 8}); err == nil || !strings.Contains(err.Error(), reachedFileName) {
			t.Fatalf("a mark without a page was set: %v", err)
		}
	}
	again, err := newMark(disk.OS{}, dir, bully.Position{Epoch: 3, Offset: 8})
	if err != nil {
		t.Fatal(err)
	}
	again.page.close()
	if at, found, err := readMark(disk.OS{}, dir); at.Offset != 8 || !found || err != nil {
		t.Fatal(at, found, err)
	}
}

func TestEpochAt(t *testing.T) {
	history := []engine.EpochStart{{Epoch: 2, Offset: 10}, {Epoch: 5, Offset: 40}}
	for off, want := range map[int64]int64{0: 0, 10: 0, 20: 2, 40: 2, 41: 5, 900: 5} {
		if got := epochAt(history, off); got != want {
			t.Errorf("before %d: epoch %d, want %d", off, got, want)
		}
	}
}

func BenchmarkMark(b *testing.B) {
	m, err := newMark(disk.OS{}, b.TempDir(), bully.Position{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.page.close()
	for i := range b.N {
		if err := m.set(bully.Position{Epoch: 1, Offset: int64(i + 1)}); err != nil {
			b.Fatal(err)
		}
	}
}
