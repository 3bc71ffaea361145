package persist

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"regent/engine"
	"regent/node/delivery"
	"regent/resp"
)

// REGENT BACKUP: the keyspace at one moment as an RDB file, over the connection
// that asked, as fast as it is taken. cmd/regent/backup/doc.go tells what is
// said. The snapshot goes on when the socket takes more, and what writers change
// meanwhile waits in memory, bounded as a replica's output is: by
// client-output-buffer-limit. When that is half used up, or another snapshot waits,
// the rest is put aside in a file (delivery.Spool).

const (
	// MaxBackups bounds the connections that are served or wait for their turn.
	MaxBackups = 4
	// maxPatience is how long one write may take at most.
	maxPatience = time.Minute
)

// backups are the connections that are sent a copy.
type backups struct{ slots chan struct{} }

func newBackups() backups { return backups{slots: make(chan struct{}, MaxBackups)} }

// Backup sends a copy and closes the connection.
func (d *Data) Backup(conn net.Conn) {
	defer conn.Close()
	if d.o.Witness {
		turnAway(conn, resp.ErrWitness)
		return
	}
	select {
	case d.backups.slots <- struct{}{}:
		defer func() { <-d.backups.slots }()
	default:
		turnAway(conn, resp.ErrBackups)
		return
	}
	ctx, done := d.keeper.job()
	if ctx == nil {
		return // the server ends
	}
	defer done()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	d.host.Logf(engine.LevelNotice, "Backup for %s started", conn.RemoteAddr())
	began := time.Now()
	n, err := d.sendBackup(ctx, conn)
	if err != nil {
		d.host.Logf(engine.LevelWarning, "Backup for %s failed: %v", conn.RemoteAddr(), err)
		return
	}
	d.host.Logf(engine.LevelNotice, "Backup for %s: %d bytes in %.3f seconds", conn.RemoteAddr(), n, time.Since(began).Seconds())
}

// turnAway says why a connection is not served, if there is room for that.
func turnAway(conn net.Conn, why string) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(conn, "-%s\r\n", why)
}

func (d *Data) sendBackup(ctx context.Context, conn net.Conn) (int64, error) {
	patience := d.backupPatience()
	f := delivery.New(delivery.Options{
		Put: func(b []byte) error {
			if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
				return err
			}
			_, err := conn.Write(b)
			return err
		},
		Drop: func() { _ = conn.Close() },
		Rand: d.host.Rand,
	})
	turn, err := d.engine.SnapshotTurn(ctx)
	if err == nil {
		use := rdbUse{checksum: true, maxCopied: d.cfg.OutputHardReplica.Get(), turn: turn}
		err = d.overSpool(turn, f, func(w io.Writer) error {
			_, err := d.writeRDB(ctx, w, use, d.logPlace)
			return err
		})
	}
	if err == nil {
		return f.Sent(), f.End()
	}
	if f.Hush() { // nothing was said yet
		turnAway(conn, fmt.Sprintf(resp.ErrBackup, err))
	}
	return f.Sent(), err
}

// backupPatience is how long one write to a connection may take.
func (d *Data) backupPatience() time.Duration {
	patience := maxPatience
	for _, limit := range []time.Duration{d.cfg.Timeout.Seconds(), d.cfg.OutputSoftSecondsReplica.Seconds()} {
		if limit > 0 {
			patience = min(patience, limit)
		}
	}
	return patience
}
