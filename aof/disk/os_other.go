//go:build !linux

package disk

import "os"

func datasync(f *os.File) error { return f.Sync() }

func allocate(*os.File, int64, int64) error { return ErrUnsupported }
