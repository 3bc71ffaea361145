package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"regent/aof/disk"
)

const (
	dirPerm    = 0o700
	copyPerm   = 0o600 // a copy holds everything, and nobody else needs it
	serverPerm = 0o600 // as the server makes its files
)

// create makes a file that does not exist, durably: there is all that write writes
// or no file of that name (disk.Replace).
func create(name string, perm os.FileMode, write func(w io.Writer) error) error {
	if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s exists", name)
	}
	temp := disk.TempOf(name) + "-" + strconv.Itoa(os.Getpid()) // two may run at a time
	return disk.Replace(disk.OS{}, disk.Replacement{Path: name, Temp: temp, Mode: perm}, write)
}
