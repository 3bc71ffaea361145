package cluster

import (
	"os"
	"path/filepath"
)

// Joined reports whether the node whose data directory this is has been one of a
// cluster: its data is the cluster's then, and no file of its own may stand in
// for it.
func Joined(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, stateFileName))
	return err == nil || !os.IsNotExist(err)
}
