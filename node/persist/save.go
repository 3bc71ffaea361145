package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"regent/aof/disk"
	"regent/engine"
)

// dump.rdb: what SAVE, BGSAVE and save points write.

// syncEvery is how many bytes are written between two fsyncs.
const syncEvery = 4 << 20

// saveFile writes the data into dbfilename. A crash leaves the old file or the
// new one.
func (d *Data) saveFile(ctx context.Context) (m *moment, err error) {
	r := disk.Replacement{Path: d.DumpPath(), Mode: savePerm, SyncEvery: syncEvery}
	// A name of its own: without a log nothing keeps a second server out.
	r.Temp = fmt.Sprintf("%s-%016x", disk.TempOf(r.Path), d.host.Rand())
	err = disk.Replace(d.disk, r, func(w io.Writer) error {
		m, err = d.writeRDB(ctx, w, rdbUse{checksum: d.cfg.RdbChecksum.Get()}, d.logPlace)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", r.Path, err)
	}
	return m, nil
}

// savePerm is what others may do with dump.rdb: nothing.
const savePerm = 0o600

// DumpPath is where dump.rdb is, or will be.
func (d *Data) DumpPath() string { return filepath.Join(d.cfg.Dir.Get(), d.cfg.DBFilename.Get()) }

// sweepSaves removes what saves that were killed have left.
func (d *Data) sweepSaves() {
	dir := d.cfg.Dir.Get()
	names, err := d.disk.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.host.Logf(engine.LevelWarning, "Looking for what a save has left: %v", err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, disk.TempPrefix+d.cfg.DBFilename.Get()+"-") {
			continue
		}
		if err := d.disk.Remove(filepath.Join(dir, name)); err != nil {
			d.host.Logf(engine.LevelWarning, "Removing what a save has left: %v", err)
		}
	}
}
