// Package disk is what the log asks of a file system, and nothing more, so
// that tests can hand it one that fails, stalls, fills up or loses what was
// not synced (disktest) in place of the operating system's (OS).
//
// It does not retry, buffer or interpret: an error is handed up as it is.
package disk

import (
	"errors"
	"io"
)

// ErrLocked says that another process, or another log in this one, holds the
// lock.
var ErrLocked = errors.New("locked by another process")

// ErrUnsupported says that the file system cannot allocate ahead.
var ErrUnsupported = errors.New("not supported by the file system")

// An FS is a file system. Names are paths; errors satisfy errors.Is with
// fs.ErrNotExist where a file is missing.
type FS interface {
	MkdirAll(dir string) error
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Create makes an empty file, over what was there.
	Create(name string) (File, error)
	// Rename is atomic, and durable after SyncDir.
	Rename(from, to string) error
	Remove(name string) error
	// List returns the names in dir, sorted.
	List(dir string) ([]string, error)
	// SyncDir makes the creations, renames and removals in dir durable.
	SyncDir(dir string) error
	// Lock takes the named file for this log alone until the closer is
	// closed, or returns ErrLocked at once.
	Lock(name string) (io.Closer, error)
}

// A File is an open file. WriteAt either writes everything or returns an
// error with the number of bytes that were written.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes the content and the size durable.
	Sync() error
	// Allocate reserves blocks for the n bytes from off on and leaves the
	// file's size alone. ErrUnsupported: this file system cannot.
	Allocate(off, n int64) error
}
