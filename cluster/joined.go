package cluster

import (
	"errors"
	"io/fs"
	"path/filepath"

	"regent/aof/disk"
)

// Joined reports whether the node whose data directory this is has been one of a
// cluster: its data is the cluster's then, and no file of its own may stand in
// for it.
func Joined(fsys disk.FS, dir string) bool {
	f, err := disk.ReadOnly{FS: fsys}.Open(filepath.Join(dir, stateFileName))
	if err == nil {
		_ = f.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}
