//go:build !linux

package cluster

import "os"

// markMemory is the mark's file: a write for each move, where the system's
// memory cannot be a file's.
type markMemory struct{ file *os.File }

func (m *markMemory) open(path string) (err error) {
	m.file, err = os.OpenFile(path, os.O_RDWR, 0)
	return err
}

func (m *markMemory) write(b []byte, at int64) error {
	_, err := m.file.WriteAt(b, at)
	return err
}

// sync makes it durable.
func (m *markMemory) sync() error { return m.file.Sync() }

func (m *markMemory) close() { _ = m.file.Close() }
