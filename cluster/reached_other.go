//go:build !linux

package cluster

import "regent/aof/disk"

// openPage opens the mark's file.
func openPage(fsys disk.FS, path string) (pageOf, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	return filePage{f}, nil
}
