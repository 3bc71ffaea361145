package disktest

import (
	"path/filepath"

	"regent/aof/disk"
)

// Slow is a file system on which what makes something durable waits.
type Slow struct {
	disk.FS
	// Sync is called before each fsync with the base name of the file, or of the
	// directory.
	Sync func(name string)
	// Write, if given, is called before each WriteAt with the base name of the file.
	Write func(name string)
}

// SyncDir waits first.
func (s Slow) SyncDir(dir string) error {
	s.Sync(filepath.Base(dir))
	return s.FS.SyncDir(dir)
}

// Open opens an existing file.
func (s Slow) Open(name string) (disk.File, error) {
	f, err := s.FS.Open(name)
	return slowFile{f, s, name}, err
}

// Create makes an empty file.
func (s Slow) Create(name string) (disk.File, error) {
	f, err := s.FS.Create(name)
	return slowFile{f, s, name}, err
}

type slowFile struct {
	disk.File
	s    Slow
	name string
}

// WriteAt waits first.
func (f slowFile) WriteAt(b []byte, off int64) (int, error) {
	if f.s.Write != nil {
		f.s.Write(filepath.Base(f.name))
	}
	return f.File.WriteAt(b, off)
}

// Sync waits first.
func (f slowFile) Sync() error {
	f.s.Sync(filepath.Base(f.name))
	return f.File.Sync()
}
