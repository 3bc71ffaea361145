package sim

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"regent/aof/disk/disktest"
)

// A fallible is what a process's disk does beside its work.
type fallible struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	slow time.Duration // of an fsync of the log, or of its directory
	full bool
	bad  bool // fsyncs and writes of the log fail
}

func (f *fallible) set(change func(f *fallible)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// ofLog reports whether what makes something durable does that for the log.
func ofLog(op disktest.Op) bool {
	return strings.HasSuffix(op.Name, ".aof") || strings.Contains(op.Name, ".aof.") || strings.HasSuffix(op.Name, "truncation") ||
		op.Kind == "syncdir" && op.Name == "appendonlydir"
}

// logFile reports whether a file is of the log, and written to as it grows.
func logFile(name string) bool { return strings.HasSuffix(name, ".incr.aof") }

func (f *fallible) ask(op disktest.Op) (done int, err error) {
	f.mu.Lock()
	slow, full, bad := f.slow, f.full, f.bad
	if full || bad {
		done = f.rnd.IntN(op.N + 1)
	}
	f.mu.Unlock()
	if op.Name == "cluster.reached" {
		return 0, nil // a page of memory that is there already
	}
	switch op.Kind {
	case "sync":
		if bad && logFile(op.Name) {
			return 0, syscall.EIO
		}
		if slow > 0 && ofLog(op) {
			time.Sleep(slow)
		}
	case "syncdir":
		if slow > 0 && ofLog(op) {
			time.Sleep(slow)
		}
	case "write":
		if full {
			return done, syscall.ENOSPC
		}
		if bad && logFile(op.Name) {
			return done, syscall.EIO
		}
	case "allocate", "create":
		if full {
			return 0, syscall.ENOSPC
		}
	}
	return 0, nil
}

// loss is what the power takes: of what was not synced, any part, and behind it what was
// on the disk before, or zeros.
func (w *world) loss(fs *disktest.FS) disktest.Loss {
	l := disktest.Loss{Renames: w.rnd.IntN(fs.Pending() + 1)}
	l.Content = func(name string, synced, last []byte) []byte {
		switch w.rnd.IntN(4) {
		case 0:
			return synced
		case 1:
			return last
		}
		if len(last) <= len(synced) {
			return synced
		}
		fresh := last[len(synced):]
		out := append([]byte(nil), synced...)
		out = append(out, fresh[:w.rnd.IntN(len(fresh)+1)]...)
		if w.rnd.IntN(2) == 0 && logFile(name) {
			out = append(out, make([]byte, w.rnd.IntN(4096))...)
		}
		return out
	}
	return l
}

// rot turns a bit of a file of the log, and tells which.
func (w *world) rot(fs *disktest.FS) (name string, at int) {
	var files []string
	for _, name := range fs.Names() {
		if strings.Contains(filepath.Base(name), ".aof") && len(fs.Get(name)) > 0 && !strings.HasSuffix(name, "manifest") {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return "", 0
	}
	name = files[w.rnd.IntN(len(files))]
	b := fs.Get(name)
	at = w.rnd.IntN(len(b))
	b[at] ^= 1 << w.rnd.IntN(8)
	fs.Put(name, b)
	return filepath.Base(name), at
}
