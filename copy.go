package regent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"regent/aof"
	"regent/cluster"
	"regent/cluster/repl"
	"regent/engine"
	"regent/engine/rdb"
)

// Full copies between nodes: what the cluster asks of the log and the engine.

// feedCopy streams the keyspace to followers, see cluster.Options.Snapshot. Who
// gets it cannot wait until it is committed: that may need just this follower.
func (s *Server) feedCopy(ctx context.Context, w io.Writer, cut func(at repl.Place, total int64)) error {
	f := s.newRDB(w, rdbUse{base: true, checksum: s.cfg.RdbChecksum.Get(), maxSpill: s.cfg.OutputHardReplica.Get()})
	err := f.fill(ctx, func(at int64) (*rdb.Place, error) {
		p := s.aof.PlaceAt(at)
		cut(repl.Place(p), f.info.Bytes)
		return rdbPlace(p.Offset, p.History), nil
	})
	if err != nil {
		return err
	}
	return f.w.Close()
}

// installCopy takes a full copy as the base of the log and as the keyspace.
func (s *Server) installCopy(ctx context.Context, at repl.Place, r io.Reader, enter func() error) error {
	err := s.aof.InstallBase(ctx, aof.Place(at), aof.FormatRDB, func(w io.Writer) error {
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
		return enter()
	})
	if err != nil {
		return errors.Join(cluster.ErrUntouched, err)
	}
	began := time.Now()
	apply := applyWith(s.engine.NewApplier())
	stopped := func(db int, args [][]byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return apply(db, args)
	}
	if err := s.loadAnew(at.Offset, stopped); err != nil {
		return fmt.Errorf("load the base at offset %d: %w", at.Offset, err)
	}
	s.host.Logf(engine.LevelNotice, "DB loaded from a full copy: %.3f seconds", time.Since(began).Seconds())
	return nil
}
