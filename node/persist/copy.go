package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"regent/aof"
	"regent/aof/disk"
	"regent/engine"
	"regent/engine/rdb"
	"regent/node/delivery"
)

// Full copies between nodes: what the cluster asks of the log and the engine.

// Feed streams the keyspace to followers as an RDB file; cut is told where in the
// log it is, and about how many bytes it takes. Who gets it cannot wait until it is
// committed: that may need just this follower. The turn passes when the keyspace is
// walked, while the connections may have more to take.
func (d *Data) Feed(ctx context.Context, turn *engine.SnapshotTurn, w io.Writer, cut func(at aof.Place, total int64)) error {
	return d.overSpool(turn, w, func(w io.Writer) error {
		f := d.newRDB(w, rdbUse{base: true, checksum: d.cfg.RdbChecksum.Get(), maxCopied: d.cfg.OutputHardReplica.Get(), turn: turn})
		err := f.fill(ctx, func(at int64) (*rdb.Place, error) {
			p := d.Log().PlaceAt(at)
			cut(p, f.info.Bytes)
			return rdbPlace(p.Offset, p.History), nil
		})
		if err != nil {
			return err
		}
		return f.w.Close()
	})
}

// CopyOut writes the data at one moment as an RDB file for a program that keeps it. cut is
// told where in the log it is, at that moment and without I/O, and returns fields for the
// file's head. The file is whole only when what it shows is committed.
func (d *Data) CopyOut(ctx context.Context, w io.Writer, copied delivery.Use, cut func(at aof.Place) [][2]string) error {
	turn, err := d.engine.SnapshotTurn(ctx)
	if err != nil {
		return err
	}
	use := rdbUse{checksum: true, maxCopied: d.cfg.OutputHardReplica.Get(), noKeys: copied.Libraries, turn: turn, followed: copied.Followed}
	defer turn.Pass()
	if copied.Local {
		return d.copyOut(ctx, w, use, cut)
	}
	return d.overSpool(turn, w, func(w io.Writer) error { return d.copyOut(ctx, w, use, cut) })
}

func (d *Data) copyOut(ctx context.Context, w io.Writer, use rdbUse, cut func(at aof.Place) [][2]string) error {
	f := d.newRDB(w, use)
	return f.write(ctx, func(at int64) (*rdb.Place, error) {
		log := d.Log()
		switch {
		case log == nil && use.followed:
			memory, err := d.beginBacklog()
			if err == nil {
				f.use.fields = cut(aof.Place{Offset: memory.End()})
			}
			return nil, err
		case log == nil:
			f.use.fields = cut(aof.Place{})
			return nil, nil
		}
		p := log.PlaceAt(at)
		f.use.fields = cut(p)
		return rdbPlace(p.Offset, p.History), nil
	})
}

// overSpool sends what write makes over a spool, and returns when the connection has taken
// all of it. The turn passes at the latest when write returns.
func (d *Data) overSpool(turn *engine.SnapshotTurn, to io.Writer, write func(w io.Writer) error) error {
	name := filepath.Join(d.cfg.Dir.Get(), fmt.Sprintf("%s%s-spool-%d", disk.TempPrefix, d.cfg.DBFilename.Get(), d.spools.Add(1)))
	s := delivery.NewSpool(delivery.SpoolOptions{
		To: to, Hurry: turn.Hurry(),
		Make: func() (disk.File, error) {
			f, err := d.disk.Create(name)
			if err != nil {
				d.host.Logf(engine.LevelWarning, "A copy that goes out slowly holds up the next one, no file can be made for it: %v", err)
			}
			return f, err
		},
		Remove: func() error { return d.disk.Remove(name) },
	})
	err := write(s)
	turn.Pass()
	return s.Close(err)
}

// Install takes a full copy as the base of the log and as the keyspace. enter is
// called when all of it has come and before anything is changed; an error that is
// engine.ErrUntouched has changed nothing.
func (d *Data) Install(ctx context.Context, at aof.Place, r io.Reader, enter func() error) error {
	if d.o.Witness {
		return d.installBlank(ctx, at, r, enter)
	}
	err := d.Log().InstallBase(ctx, at, aof.FormatRDB, func(w io.Writer) error {
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
		return enter()
	})
	if err != nil {
		return errors.Join(engine.ErrUntouched, err)
	}
	began := time.Now()
	apply := applyWith(d.engine.NewApplier())
	stopped := func(db int, args [][]byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return apply(db, args)
	}
	if err := d.loadAnew(at.Offset, stopped); err != nil {
		return fmt.Errorf("load the base at offset %d: %w", at.Offset, err)
	}
	d.host.Logf(engine.LevelNotice, "DB loaded from a full copy: %.3f seconds", time.Since(began).Seconds())
	return nil
}
