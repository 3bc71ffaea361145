package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"regent/engine"
)

// A log of Redis before 7 is one file beside the directory, not in it. As Redis 7
// does, it becomes the base in the directory: the manifest that names it is
// written first, and then it is moved. A crash between the two leaves a manifest
// whose only file is not there yet, which the next start finishes.

// upgrade moves such a file into the directory.
func (l *Log) upgrade() error {
	old := filepath.Join(filepath.Dir(filepath.Clean(l.o.Dir)), l.o.Name)
	size, err := l.sizeOf(old)
	if errors.Is(err, fs.ErrNotExist) || err == nil && size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	begun, err := l.mayUpgrade()
	if err != nil || !begun {
		return err
	}
	base := entry{name: l.o.Name, seq: 1, kind: typeBase}
	if err := writeAside(l.fs, l.manifestPath(), (&manifest{base: &base}).encode()); err != nil {
		return err
	}
	if err := l.fs.Rename(old, l.path(l.o.Name)); err != nil {
		return err
	}
	l.o.Host.Logf(engine.LevelNotice, "Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).", old, l.o.Dir)
	return errors.Join(l.fs.SyncDir(l.o.Dir), l.fs.SyncDir(filepath.Dir(old)))
}

// mayUpgrade reports whether the directory holds no log yet, or the beginning of
// this very move. Files of a log without their manifest are a log that somebody
// has to restore, and no place for another.
func (l *Log) mayUpgrade() (bool, error) {
	m, found, err := readManifest(l.fs, l.manifestPath())
	if err != nil {
		return false, fmt.Errorf("read the manifest: %w", err)
	}
	if found {
		_, err := l.sizeOf(l.path(l.o.Name))
		moved := !errors.Is(err, fs.ErrNotExist)
		all := m.entries()
		return len(all) == 1 && m.base != nil && m.base.name == l.o.Name && !moved, nil
	}
	names, err := l.fs.List(l.o.Dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if l.isOurs(name) {
			return false, nil
		}
	}
	return true, nil
}

func (l *Log) sizeOf(path string) (int64, error) {
	f, err := l.fs.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Size()
}
