package cluster

import (
	"os"

	"golang.org/x/sys/unix"
)

// markMemory is the mark's file in memory: what is stored there is in the file
// for everyone but the disk.
type markMemory struct {
	file *os.File
	page []byte
}

func (m *markMemory) open(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	page, err := unix.Mmap(int(f.Fd()), 0, reachedSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		_ = f.Close()
		return err
	}
	m.file, m.page = f, page
	return nil
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
