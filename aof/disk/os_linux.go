package disk

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// keepSize is FALLOC_FL_KEEP_SIZE: a log whose size is its content can be
// read by Redis, which takes zeros for damage.
const keepSize = 1

// datasync leaves out only times of access and change: the size is synced.
func datasync(f *os.File) error {
	return uninterrupted(func() error { return syscall.Fdatasync(int(f.Fd())) })
}

func allocate(f *os.File, off, n int64) error {
	err := uninterrupted(func() error { return syscall.Fallocate(int(f.Fd()), keepSize, off, n) })
	switch {
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS):
		return ErrUnsupported
	case err != nil:
		return fmt.Errorf("fallocate %s: %w", f.Name(), err)
	}
	return nil
}

// uninterrupted repeats a call that a signal ended: nothing has happened then.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
