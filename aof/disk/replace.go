package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A file that must be whole or as it was: it is written aside, synced, renamed
// over the old one, and the directory is synced. A crash or a power loss at any
// moment leaves the old file or the new one; without the last step it may leave
// the old one after the caller was told of the new.

// TempPrefix begins the names of files that are being made.
const TempPrefix = "temp-"

// TempOf is where a file is made that is to be at path.
func TempOf(path string) string {
	dir, name := filepath.Split(path)
	return filepath.Join(dir, TempPrefix+name)
}

// A Replacement says how a file is replaced.
type Replacement struct {
	Path string
	// Temp is where it is made, in the same directory; "": TempOf(Path).
	Temp string
	// Mode is what others may do with it; 0: as with any new file.
	Mode fs.FileMode
	// SyncEvery is how many bytes are written between two fsyncs, 0: one at the end,
	// which may hold other files' up for as long as all of it takes.
	SyncEvery int64
}

// Replace makes the file hold what write writes, durably. After an error the old
// file is there, or nothing is known if it is SyncDir's.
func Replace(fsys FS, r Replacement, write func(w io.Writer) error) error {
	if r.Temp == "" {
		r.Temp = TempOf(r.Path)
	}
	if err := r.make(fsys, write); err != nil {
		return err
	}
	if err := Put(fsys, r.Temp, r.Path); err != nil {
		return errors.Join(err, removeIfThere(fsys, r.Temp))
	}
	return nil
}

// WriteSynced is the first half of replacing a file by content: temp holds it and is
// synced, but for its name.
func WriteSynced(fsys FS, temp string, content []byte) error {
	r := Replacement{Temp: temp}
	return r.make(fsys, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// Put is the second half: the file gets its name, durably.
func Put(fsys FS, temp, path string) error {
	if err := fsys.Rename(temp, path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Clean(filepath.Dir(path)))
}

// ReplaceBytes is Replace of a file by content.
func ReplaceBytes(fsys FS, path string, content []byte) error {
	if err := WriteSynced(fsys, TempOf(path), content); err != nil {
		return err
	}
	return Put(fsys, TempOf(path), path)
}

// make writes and syncs the file that is to get the name.
func (r *Replacement) make(fsys FS, write func(w io.Writer) error) error {
	f, err := r.create(fsys)
	if err != nil {
		return err
	}
	err = write(&fileWriter{file: f, every: r.SyncEvery})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, removeIfThere(fsys, r.Temp))
	}
	return nil
}

// removeIfThere tidies up; what is not there need not be removed.
func removeIfThere(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (r *Replacement) create(fsys FS) (File, error) {
	if m, ok := fsys.(moder); ok && r.Mode != 0 {
		return m.CreateMode(r.Temp, r.Mode)
	}
	return fsys.Create(r.Temp)
}

// A moder can say what others may do with a file, before there is anything to read.
type moder interface {
	CreateMode(name string, mode fs.FileMode) (File, error)
}

// CreateMode is Create of a file with which others may do what mode says.
func (OS) CreateMode(name string, mode fs.FileMode) (File, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // what a crash has left may have another mode
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil { // whatever the umask
		return nil, errors.Join(err, f.Close())
	}
	return osFile{f}, nil
}

// A fileWriter writes a file from its beginning on.
type fileWriter struct {
	file  File
	off   int64
	every int64
	fresh int64 // bytes since the last fsync
}

// Write appends p.
func (w *fileWriter) Write(p []byte) (int, error) {
	n, err := w.file.WriteAt(p, w.off)
	w.off += int64(n)
	if w.fresh += int64(n); err == nil && w.every > 0 && w.fresh >= w.every {
		w.fresh = 0
		err = w.file.Sync()
	}
	return n, err
}
