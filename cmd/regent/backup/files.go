package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	dirPerm    = 0o755
	copyPerm   = 0o600 // a copy holds everything, and nobody else needs it
	serverPerm = 0o644 // as the server makes its files
	tempPrefix = "temp-"
)

// An aside is a file that is being written under another name than it will
// have.
type aside struct {
	*os.File
	name string // the final one
}

// writeAside begins a file; name must not exist.
func writeAside(name string, perm os.FileMode) (*aside, error) {
	if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s exists", name)
	}
	dir, base := filepath.Split(name)
	f, err := os.CreateTemp(dir, tempPrefix+base+"-*")
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(perm); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &aside{f, name}, nil
}

// commit makes the file durable under its name.
func (a *aside) commit() error {
	err := errors.Join(a.Sync(), a.Close())
	if err == nil {
		err = os.Rename(a.Name(), a.name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(a.Name()))
	}
	return syncDir(filepath.Dir(a.name))
}

// drop removes it.
func (a *aside) drop() error {
	return errors.Join(a.Close(), os.Remove(a.Name()))
}

// writeWhole makes a small file, durable but for its directory.
func writeWhole(name string, text []byte, perm os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes what was created and renamed in dir durable.
func syncDir(dir string) error {
	if dir == "" {
		dir = "."
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
