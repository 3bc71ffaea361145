package persist

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"regent/engine"
)

// dump.rdb: what SAVE, BGSAVE and save points write.

const (
	// savePrefix begins the name of a file that is being written.
	savePrefix = "temp-"
	// syncEvery is how many bytes are written between two fsyncs: a single one at
	// the end would hold the log's up for as long as all of it takes.
	syncEvery = 4 << 20
)

// saveFile writes the data into dbfilename: aside, synced, renamed, and the
// directory synced. A crash leaves the old file or the new one.
func (d *Data) saveFile(ctx context.Context) (*moment, error) {
	dir := d.cfg.Dir.Get()
	f, err := os.CreateTemp(dir, savePrefix+d.cfg.DBFilename.Get()+"-*")
	if err != nil {
		return nil, fmt.Errorf("make a file: %w", err)
	}
	defer os.Remove(f.Name()) // nothing is there any more if all went well
	m, err := d.writeRDB(ctx, &syncingFile{File: f}, rdbUse{checksum: d.cfg.RdbChecksum.Get()}, d.logPlace)
	err = errors.Join(err, f.Chmod(savePerm))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("write %s: %w", f.Name(), err)
	}
	if err := os.Rename(f.Name(), d.DumpPath()); err != nil {
		return nil, err
	}
	return m, syncDir(dir)
}

// savePerm is what others may do with dump.rdb, as with Redis's.
const savePerm = 0o644

// DumpPath is where dump.rdb is, or will be.
func (d *Data) DumpPath() string { return filepath.Join(d.cfg.Dir.Get(), d.cfg.DBFilename.Get()) }

// sweepSaves removes what saves that were killed have left.
func (d *Data) sweepSaves() {
	left, err := filepath.Glob(filepath.Join(d.cfg.Dir.Get(), savePrefix+d.cfg.DBFilename.Get()+"-*"))
	if err != nil {
		return // a name that is no pattern: nothing is known to be ours
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			d.host.Logf(engine.LevelWarning, "Removing what a save has left: %v", err)
		}
	}
}

// A syncingFile syncs as it grows.
type syncingFile struct {
	*os.File
	fresh int
}

func (f *syncingFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if f.fresh += n; err == nil && f.fresh >= syncEvery {
		f.fresh = 0
		err = f.File.Sync()
	}
	return n, err
}

// syncDir makes what was renamed in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
