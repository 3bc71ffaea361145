package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrReadOnly is what a change through ReadOnly gets.
var ErrReadOnly = errors.New("the file system was opened for reading only")

// ReadOnly is a file system through which nothing can be changed: what looks
// at a log that may be somebody's only copy is handed this. Locks are taken,
// since without one what is read may move.
type ReadOnly struct{ FS }

// A viewer can open files that it may not write.
type viewer interface {
	OpenRead(name string) (File, error)
}

// OpenRead opens an existing file for reading.
func (OS) OpenRead(name string) (File, error) { return open(name, os.O_RDONLY) }

// Open opens an existing file for reading.
func (r ReadOnly) Open(name string) (File, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	return readOnlyFile{f}, nil
}

func (r ReadOnly) open(name string) (File, error) {
	if v, ok := r.FS.(viewer); ok {
		return v.OpenRead(name)
	}
	return r.FS.Open(name)
}

// MkdirAll is refused, as all changes are.
func (ReadOnly) MkdirAll(string) error { return ErrReadOnly }

// Create is refused.
func (ReadOnly) Create(string) (File, error) { return nil, ErrReadOnly }

// Rename is refused.
func (ReadOnly) Rename(string, string) error { return ErrReadOnly }

// Remove is refused.
func (ReadOnly) Remove(string) error { return ErrReadOnly }

// SyncDir is refused.
func (ReadOnly) SyncDir(string) error { return ErrReadOnly }

type readOnlyFile struct{ f File }

func (r readOnlyFile) ReadAt(p []byte, off int64) (int, error) { return r.f.ReadAt(p, off) }
func (r readOnlyFile) Size() (int64, error)                    { return r.f.Size() }
func (r readOnlyFile) Close() error                            { return r.f.Close() }
func (readOnlyFile) WriteAt([]byte, int64) (int, error)        { return 0, ErrReadOnly }
func (readOnlyFile) Truncate(int64) error                      { return ErrReadOnly }
func (readOnlyFile) Sync() error                               { return ErrReadOnly }
func (readOnlyFile) Allocate(int64, int64) error               { return ErrReadOnly }

var (
	_ FS          = ReadOnly{}
	_ io.ReaderAt = readOnlyFile{}
)

// Read reads a whole file, which may have limit bytes and is not opened for writing.
func Read(fsys FS, path string, limit int64) (content []byte, err error) {
	f, err := ReadOnly{fsys}.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", filepath.Base(path), size, limit)
	}
	content = make([]byte, size)
	if n, err := f.ReadAt(content, 0); int64(n) < size {
		return nil, fmt.Errorf("%s: %d of %d bytes could be read: %w", filepath.Base(path), n, size, err)
	}
	return content, nil
}
