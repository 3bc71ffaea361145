package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"regent/aof"
	"regent/aof/disk"
	"regent/engine"
)

// A witness has the log and no keyspace: what it reads is checked and not carried out. Its
// log is made shorter as any other's is, by a base, in which there is nothing: that says
// where the log begins and no more. What the stream held before stays as history, as long
// as the cluster has reserved it.

const (
	// witnessFile marks the data directory of a witness: its log is without the data
	// that came before it.
	witnessFile = "witness"
	// witnessSteps is in how many files a witness keeps as much of the log as is kept in any case:
	// what is dropped is dropped in files.
	witnessSteps = 4
)

var (
	errWitness   = errors.New("a witness has no data")
	errNoCopy    = errors.New("a witness was sent data")
	errNotSettle = errors.New("this node's role is changing")
)

// checkRole refuses a data directory that is the other role's, and marks one of a witness.
func (d *Data) checkRole() error {
	dir := d.cfg.Dir.Get()
	marked, err := d.exists(filepath.Join(dir, witnessFile))
	if err != nil {
		return err
	}
	if !d.o.Witness {
		if marked {
			return fmt.Errorf("%s is the data directory of a witness, which has no data, and role is data: a node with data begins in an empty directory, or role is witness", dir)
		}
		return nil
	}
	if marked {
		return nil
	}
	for _, path := range []string{filepath.Join(d.LogDir(), d.cfg.AppendFilename.Get()+".manifest"), d.DumpPath()} {
		there, err := d.exists(path)
		if err != nil {
			return err
		}
		if there || d.o.Joined {
			return fmt.Errorf("%s is the data directory of a node with data, and role is witness: a witness begins in an empty directory", dir)
		}
	}
	return disk.ReplaceBytes(d.disk, filepath.Join(dir, witnessFile), []byte("This is the data directory of a witness: its log is without the data that came before it.\n"))
}

func (d *Data) exists(path string) (bool, error) {
	f, err := disk.ReadOnly{FS: d.disk}.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// loadBlank walks through the log.
func (d *Data) loadBlank(ctx context.Context) error {
	err := d.Log().Load(func(int, [][]byte) error { return ctx.Err() }, d.engine.LoadProgress)
	if err != nil {
		return fmt.Errorf("can't load the append only log: %w", err)
	}
	if !d.Log().Empty() {
		d.from = d.LogDir()
	}
	return nil
}

// installBlank begins the log at a place of the leader's.
func (d *Data) installBlank(ctx context.Context, at aof.Place, r io.Reader, enter func() error) error {
	err := d.Log().InstallBase(ctx, at, aof.FormatCommands, func(io.Writer) error {
		switch n, err := io.Copy(io.Discard, r); {
		case err != nil:
			return err
		case n > 0:
			return errNoCopy
		}
		return enter()
	})
	if err != nil {
		return errors.Join(engine.ErrUntouched, err)
	}
	return nil
}

// dropOld begins another file at what is committed. The files before are history, and go as
// far as nobody needs them.
func (d *Data) dropOld(ctx context.Context) error {
	return d.Log().Rewrite(ctx, aof.FormatCommands, func(_ io.Writer, cut func(at int64) (aof.Place, error)) (err error) {
		d.others.AtRest(func(reached func() (int64, bool)) {
			off, ok := reached()
			if !ok {
				err = errNotSettle
				return
			}
			_, err = cut(min(off, d.others.Committed()))
		})
		return err
	})
}
