package aof

import (
	"io"
	"sync/atomic"
	"syscall"
	"testing"

	"regent/aof/disk/disktest"
	"regent/engine/config"
)

// waitsForDisk reports whether op takes as long as the disk does.
func waitsForDisk(op disktest.Op) bool {
	switch op.Kind {
	case "sync", "syncdir", "rename", "remove", "create":
		return true
	}
	return false
}

// TestReadersDoNotWaitForTheDisk tells the stories, and at each call that waits for the disk
// another reader comes: no lock that it takes is held, and it reads what the log says it holds.
func TestReadersDoNotWaitForTheDisk(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			p := &telling{t: t, fsys: disktest.New()}
			p.r = mustLoad(t, p.fsys, config.FsyncNo) // no goroutine syncs meanwhile
			n := 0
			p.fsys.Fault(func(op disktest.Op) (int, error) {
				if waitsForDisk(op) {
					n++
					p.wantReadable(op)
				}
				return 0, nil
			})
			if err := s.tell(p); err != nil {
				t.Fatal(err)
			}
			if n == 0 && s.name != "writes" {
				t.Error("nothing waited for the disk")
			}
			p.fsys.Fault(nil)
		})
	}
}

// wantReadable fails unless the log can be read while op is carried out.
func (p *telling) wantReadable(op disktest.Op) {
	l := p.r.Log
	if !l.shape.TryRLock() {
		p.t.Errorf("%s of %s: readers wait for it", op.Kind, op.Name)
		return
	}
	l.shape.RUnlock()
	for what, mu := range map[string]interface {
		TryLock() bool
		Unlock()
	}{"the end of the log": &l.tail, "what is pending": &l.mu} {
		if !mu.TryLock() {
			p.t.Errorf("%s of %s: those that ask for %s wait for it", op.Kind, op.Name, what)
			return
		}
		mu.Unlock()
	}
	from, end := l.Stream().Start(), l.Stream().End()
	rd, err := l.Stream().NewReader(from)
	if err != nil {
		p.t.Errorf("%s of %s: %v", op.Kind, op.Name, err)
		return
	}
	defer rd.Close()
	buf, at := make([]byte, 7), from
	for {
		n, err := rd.Read(buf)
		at += int64(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			p.t.Errorf("%s of %s, at offset %d: %v", op.Kind, op.Name, at, err)
			return
		}
	}
	if _, err := l.Stream().DBAt(end); err != nil || at != end {
		p.t.Errorf("%s of %s: read up to %d of %d: %v", op.Kind, op.Name, at, end, err)
	}
}

// TestAnErrorAnywhere tells the stories, and each time another change of the disk fails, once.
// Whatever the log makes of it, a start afterwards finds what the story allows.
func TestAnErrorAnywhere(t *testing.T) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			for step := 0; ; step++ {
				p := &telling{t: t, fsys: disktest.New()}
				p.r = mustLoad(t, p.fsys, config.FsyncAlways)
				var failed atomic.Pointer[disktest.Op]
				var seen atomic.Int64
				p.fsys.Fault(func(op disktest.Op) (int, error) {
					if !op.Changes() {
						return 0, nil
					}
					if seen.Add(1)-1 != int64(step) {
						return op.N, nil
					}
					failed.Store(&op)
					return op.N / 2, syscall.EIO
				})
				_ = s.tell(p)
				p.fsys.Fault(nil)
				what := "nothing has failed"
				if op := failed.Load(); op != nil {
					what = op.Kind + " of " + op.Name + " has failed"
				}
				p.wantAllowed(what, p.fsys.Kill())
				for _, loss := range losses(p.fsys.Pending()) {
					p.wantAllowed(what+", then the power", p.fsys.Crash(loss))
				}
				_ = p.r.Close()
				if failed.Load() == nil {
					return
				}
			}
		})
	}
}
