package cluster

import (
	"os"

	"golang.org/x/sys/unix"

	"regent/aof/disk"
)

// openPage opens the mark's file, in memory where it is the system's.
func openPage(fsys disk.FS, path string) (pageOf, error) {
	if _, system := fsys.(disk.OS); system {
		return mapPage(path)
	}
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	return filePage{f}, nil
}

// markMemory is the mark's file in memory: what is stored there is in the file
// for everyone but the disk.
type markMemory struct {
	file *os.File
	page []byte
}

func mapPage(path string) (*markMemory, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	page, err := unix.Mmap(int(f.Fd()), 0, reachedSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &markMemory{file: f, page: page}, nil
}

func (m *markMemory) write(b []byte, at int64) error {
	copy(m.page[at:], b)
	return nil
}

// sync makes it durable.
func (m *markMemory) sync() error { return m.file.Sync() }

func (m *markMemory) close() {
	_ = unix.Munmap(m.page)
	_ = m.file.Close()
}
