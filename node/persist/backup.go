package persist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"regent/engine"
	"regent/resp"
)

// REGENT BACKUP: the keyspace at one moment as an RDB file, over the connection
// that asked, as fast as it is taken. cmd/regent/backup/doc.go tells what is
// said. The file is not collected anywhere: the snapshot goes on when the socket
// takes more. What writers change meanwhile waits in memory, and is bounded as a
// replica's output is: by client-output-buffer-limit.

const (
	// MaxBackups bounds the connections that are served or wait for their turn.
	MaxBackups = 4
	// blankEvery is how often one that waits is told so.
	blankEvery = 2 * time.Second
	// markWords are the random numbers of a delimiter, markBytes its length.
	markWords, markBytes = 3, 40
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
	w := d.newCopyWriter(conn)
	go w.blanks()
	_, err := d.writeRDB(ctx, w, rdbUse{checksum: true, maxCopied: d.cfg.OutputHardReplica.Get()}, d.logPlace)
	if err == nil {
		return w.end()
	}
	if w.hush() { // nothing was said yet
		turnAway(conn, fmt.Sprintf(resp.ErrBackup, err))
	}
	return w.n, err
}

// A copyWriter is the socket that takes a copy.
type copyWriter struct {
	conn     net.Conn
	mark     string
	patience time.Duration // of one write
	n        int64
	said     bool // "$EOF:" has gone out

	quiet   chan struct{}
	silence sync.Once
	silent  chan struct{} // closed when blanks has ended
}

func (d *Data) newCopyWriter(conn net.Conn) *copyWriter {
	w := &copyWriter{conn: conn, quiet: make(chan struct{}), silent: make(chan struct{}), patience: time.Minute}
	for range markWords {
		w.mark += fmt.Sprintf("%016x", d.host.Rand())
	}
	w.mark = w.mark[:markBytes]
	for _, limit := range []time.Duration{d.cfg.Timeout.Seconds(), d.cfg.OutputSoftSecondsReplica.Seconds()} {
		if limit > 0 {
			w.patience = min(w.patience, limit)
		}
	}
	return w
}

// blanks tells the client that its turn has not come.
func (w *copyWriter) blanks() {
	defer close(w.silent)
	tick := time.NewTicker(blankEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.quiet:
			return
		case <-tick.C:
			if w.put([]byte("\n")) != nil {
				_ = w.conn.Close() // a session that waits for the turn finds out by its next write
				return
			}
		}
	}
}

// hush ends blanks, and reports whether the file has not begun.
func (w *copyWriter) hush() bool {
	w.silence.Do(func() { close(w.quiet) })
	<-w.silent
	return !w.said
}

func (w *copyWriter) put(p []byte) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.patience)); err != nil {
		return err
	}
	_, err := w.conn.Write(p)
	return err
}

// Write sends bytes of the file.
func (w *copyWriter) Write(p []byte) (int, error) {
	if w.hush() {
		w.said = true
		if err := w.put([]byte("$EOF:" + w.mark + "\r\n")); err != nil {
			return 0, err
		}
	}
	if err := w.put(p); err != nil {
		return 0, err
	}
	w.n += int64(len(p))
	return len(p), nil
}

// end says that the file is whole.
func (w *copyWriter) end() (int64, error) {
	if w.hush() {
		return 0, errors.New("an empty file")
	}
	return w.n, w.put([]byte(w.mark))
}
