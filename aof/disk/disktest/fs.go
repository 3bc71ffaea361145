// Package disktest is a file system in memory for tests of the log. It can be
// made to fail, to stall, to write short, to fill up; and to lose power: what
// then comes back is what was synced, and of the rest as much as the test
// asks for.
package disktest

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"regent/aof/disk"
)

// An Op is one call, for Fault.
type Op struct {
	Kind string // open create rename remove list syncdir lock read write truncate sync allocate
	Name string // the file's base name
	Off  int64
	N    int // bytes
}

// Changes reports whether the call changes what a crash leaves.
func (o Op) Changes() bool {
	switch o.Kind {
	case "open", "list", "read", "lock", "allocate":
		return false
	}
	return true
}

// An FS is the file system; the zero value is not usable, see New.
type FS struct {
	mu    sync.Mutex
	fault func(Op) (done int, err error)
	names map[string]*inode
	// durable is names as of the last SyncDir, changed what has happened since.
	durable map[string]*inode
	changed []change
	locked  map[string]bool
}

// A change of the names: a file made, moved or removed.
type change struct {
	kind     string // create rename remove
	name, to string
	n        *inode
}

func (c change) apply(names map[string]*inode) {
	switch c.kind {
	case "create":
		names[c.name] = c.n
	case "rename":
		delete(names, c.name)
		names[c.to] = c.n
	case "remove":
		delete(names, c.name)
	}
}

// An inode is a file's content, now and as of its last Sync.
type inode struct {
	data, synced []byte
	clean        int // data and synced are equal so far
}

// New returns an empty file system.
func New() *FS {
	return &FS{names: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{}}
}

// Fault makes f be asked before each call, without locks: with an error the
// call fails, a write after its first done bytes.
func (s *FS) Fault(f func(Op) (done int, err error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *FS) ask(kind, name string, off int64, n int) (int, error) {
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	if f == nil {
		return n, nil
	}
	done, err := f(Op{kind, filepath.Base(name), off, n})
	if err == nil {
		done = n
	}
	return done, err
}

// A Loss says what of the unsynced is there after a power loss.
type Loss struct {
	Renames int // of the changes of names since the last SyncDir, how many
	// Content returns what a file holds, given what was synced and what it
	// held at last; nil keeps what was synced.
	Content func(name string, synced, last []byte) []byte
}

// Crash returns the file system as a machine finds it after a power loss. The
// old one should not be used any more.
func (s *FS) Crash(l Loss) *FS {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := copyMap(s.durable)
	for _, c := range s.changed[:min(l.Renames, len(s.changed))] {
		c.apply(names)
	}
	out := New()
	for name, n := range names {
		content := n.synced
		if l.Content != nil {
			content = l.Content(filepath.Base(name), n.synced, n.data)
		}
		out.put(name, slices.Clone(content))
	}
	return out
}

// Kill returns the file system after the end of the process alone: everything
// is there, and what was not synced still is not.
func (s *FS) Kill() *FS {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, copies := New(), map[*inode]*inode{nil: nil}
	copyOf := func(n *inode) *inode {
		if copies[n] == nil && n != nil {
			copies[n] = &inode{slices.Clone(n.data), slices.Clone(n.synced), n.clean}
		}
		return copies[n]
	}
	for name, n := range s.names {
		out.names[name] = copyOf(n)
	}
	for name, n := range s.durable {
		out.durable[name] = copyOf(n)
	}
	for _, c := range s.changed {
		c.n = copyOf(c.n)
		out.changed = append(out.changed, c)
	}
	return out
}

// Pending is how many changes of names no SyncDir has made durable.
func (s *FS) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.changed)
}

func (s *FS) put(name string, content []byte) {
	n := &inode{data: content, synced: slices.Clone(content), clean: len(content)}
	s.names[name], s.durable[name] = n, n
	s.changed = slices.DeleteFunc(s.changed, func(c change) bool { return c.name == name || c.to == name })
}

// Put makes a file, durably.
func (s *FS) Put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(name, slices.Clone(content))
}

// Get returns a file's content, nil if there is none.
func (s *FS) Get(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.names[name]; n != nil {
		return slices.Clone(n.data)
	}
	return nil
}

// change does something to the names, and remembers it as not durable.
func (s *FS) change(c change) {
	c.apply(s.names)
	s.changed = append(s.changed, c)
}

func copyMap(m map[string]*inode) map[string]*inode {
	out := make(map[string]*inode, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// MkdirAll does nothing: names are all there is.
func (s *FS) MkdirAll(string) error { return nil }

// Open opens an existing file.
func (s *FS) Open(name string) (disk.File, error) {
	if _, err := s.ask("open", name, 0, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.names[name]
	if n == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{s, name, n}, nil
}

// Create makes an empty file.
func (s *FS) Create(name string) (disk.File, error) {
	if _, err := s.ask("create", name, 0, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &inode{}
	s.change(change{kind: "create", name: name, n: n})
	return &file{s, name, n}, nil
}

// Rename moves a file.
func (s *FS) Rename(from, to string) error {
	if _, err := s.ask("rename", to, 0, 0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.names[from]
	if n == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	s.change(change{"rename", from, to, n})
	return nil
}

// Remove deletes a file.
func (s *FS) Remove(name string) error {
	if _, err := s.ask("remove", name, 0, 0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	s.change(change{kind: "remove", name: name})
	return nil
}

// List returns the names in dir.
func (s *FS) List(dir string) ([]string, error) {
	if _, err := s.ask("list", dir, 0, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for name := range s.names {
		if filepath.Dir(name) == filepath.Clean(dir) {
			out = append(out, filepath.Base(name))
		}
	}
	slices.Sort(out)
	return out, nil
}

// SyncDir makes all changes of names durable.
func (s *FS) SyncDir(dir string) error {
	if _, err := s.ask("syncdir", dir, 0, 0); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable, s.changed = copyMap(s.names), nil
	return nil
}

// Lock takes a name, and makes the file if need be, until the closer is closed.
func (s *FS) Lock(name string) (io.Closer, error) {
	if _, err := s.ask("lock", name, 0, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locked[name] {
		return nil, disk.ErrLocked
	}
	if s.names[name] == nil {
		s.change(change{kind: "create", name: name, n: &inode{}})
	}
	s.locked[name] = true
	return unlock(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.locked, name)
	}), nil
}

type unlock func()

func (u unlock) Close() error {
	u()
	return nil
}

type file struct {
	s    *FS
	name string
	n    *inode
}

func (f *file) Close() error { return nil }

func (f *file) Size() (int64, error) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if _, err := f.s.ask("read", f.name, off, len(p)); err != nil {
		return 0, err
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	done, err := f.s.ask("write", f.name, off, len(p))
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	p = p[:done]
	if end := off + int64(len(p)); end > int64(len(f.n.data)) {
		f.n.data = append(f.n.data, make([]byte, end-int64(len(f.n.data)))...)
	}
	copy(f.n.data[off:], p)
	f.n.clean = min(f.n.clean, int(off))
	return len(p), err
}

func (f *file) Truncate(size int64) error {
	if _, err := f.s.ask("truncate", f.name, size, 0); err != nil {
		return err
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if size > int64(len(f.n.data)) {
		return fmt.Errorf("disktest: truncate %s from %d up to %d", f.name, len(f.n.data), size)
	}
	f.n.data = f.n.data[:size:size]
	f.n.clean = min(f.n.clean, int(size))
	return nil
}

func (f *file) Sync() error {
	if _, err := f.s.ask("sync", f.name, 0, 0); err != nil {
		return err
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.n.synced = append(f.n.synced[:f.n.clean], f.n.data[f.n.clean:]...)
	f.n.clean = len(f.n.data)
	return nil
}

func (f *file) Allocate(off, n int64) error {
	_, err := f.s.ask("allocate", f.name, off, int(n))
	return err
}

// Names returns the paths of all files, sorted.
func (s *FS) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.names))
}
