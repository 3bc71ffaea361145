//go:build unix

package backup

import (
	"os"
	"syscall"
)

// lock takes the lock that a running server holds.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
