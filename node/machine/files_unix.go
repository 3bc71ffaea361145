//go:build unix

package machine

import (
	"errors"
	"fmt"
	"syscall"
)

// errNoFileLimit says that the system does not tell how many files may be open.
var errNoFileLimit = errors.New("the limit on open files is not known")

// raiseFiles raises the limit on open files to want, or as near to it as the system
// lets this process, and returns what it was and is. err is why it is less.
func raiseFiles(want int64) (was, files int64, err error) {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errNoFileLimit, err)
	}
	was = clampFiles(lim.Cur)
	if was >= want {
		return was, was, nil
	}
	up := lim
	up.Cur, up.Max = uint64(want), max(uint64(want), lim.Max)
	if err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &up); err == nil {
		return was, want, nil
	}
	up.Cur, up.Max = lim.Max, lim.Max // what needs no privilege
	if lim.Max > lim.Cur && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &up) == nil {
		return was, clampFiles(up.Cur), err
	}
	return was, was, err
}

// clampFiles makes a number of a limit that may be infinite.
func clampFiles(n uint64) int64 { return int64(min(n, 1<<40)) }
