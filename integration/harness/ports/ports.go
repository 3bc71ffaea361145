// Package ports gives tests ports that stay theirs: a server that is started
// again must find its port free, and so must one that is started a moment after
// its port was chosen.
//
// A port is taken from below those that the system gives to outgoing
// connections, so nobody gets it by chance; and among test processes, which look
// in the same range, by a lock that lasts as long as the process.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	first = 12000
	last  = 31999
	tries = 1000
)

// dirName is below the directory for temporary files of all that run on the machine.
const dirName = "regent-test-ports"

// locks is where the ports' files are: ports are the machine's, so what TMPDIR says to
// one run of tests does not count where there is a place for all.
func locks() string {
	const all = "/tmp"
	if info, err := os.Stat(all); err == nil && info.IsDir() {
		return filepath.Join(all, dirName)
	}
	return filepath.Join(os.TempDir(), dirName)
}

// Reserve returns a port on the loopback address on which nobody listens, and
// which no other test process is given while this one runs.
func Reserve() (int, error) {
	dir := locks()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, fmt.Errorf("reserve a port: %w", err)
	}
	var why error
	for range tries {
		port := first + rand.IntN(last-first+1)
		if why = reserve(dir, port); why == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port after %d attempts: %w", tries, why)
}

// reserve locks a port's file, and leaves it open: the lock ends with the process.
func reserve(dir string, port int) error {
	fd, err := syscall.Open(filepath.Join(dir, strconv.Itoa(port)), syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return err
	}
	err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		err = free(port)
	}
	if err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	return nil
}

// free reports whether nobody listens on a port.
func free(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}
