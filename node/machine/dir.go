package machine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"regent/engine/config"
)

// The data directory.

// dirMode is that of a directory that is made.
const dirMode = 0o700

// SettleDir makes the directory absolute. One that somebody has named must exist,
// as in Redis: a name with a typing error would be a server without its data.
func SettleDir(cfg *config.Config) error {
	dir := cfg.Dir.Get()
	if dir == config.DefaultDir {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return fmt.Errorf("can't make the data directory: %w", err)
		}
	}
	if err := mayEnter(dir); err != nil {
		return fmt.Errorf("dir %s: can't chdir to it: %w (a directory that is named must exist: make it first)", dir, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("dir %s: %w", dir, err)
	}
	cfg.Dir.Set(abs)
	return nil
}

func mayEnter(dir string) error {
	fi, err := os.Stat(dir)
	var where *os.PathError
	switch {
	case errors.As(err, &where):
		return where.Err
	case err == nil && !fi.IsDir():
		return syscall.ENOTDIR
	}
	return err
}

// InDir is where a file is that a directive names: a relative name is in the data
// directory, as with redis-server, which works in there.
func InDir(cfg *config.Config, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(cfg.Dir.Get(), name)
}

// WritePID writes the process ID into a file.
func WritePID(path string) error {
	return os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
}
