package regent

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"regent/engine/rdb"
	"regent/node/persist"
)

// say opens a connection and says a line.
func (ts *testServer) say(line string) net.Conn {
	ts.t.Helper()
	conn, err := net.Dial("tcp", ts.addr)
	if err != nil {
		ts.t.Fatal(err)
	}
	ts.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
		ts.t.Fatal(err)
	}
	return conn
}

// TestBackupOnTheWire: a delimiter, an RDB file with a checksum and its place in
// the log, the delimiter, and the end.
func TestBackupOnTheWire(t *testing.T) {
	s := begin(t, t.TempDir(), "rdbchecksum no")
	s.fill()
	all, err := io.ReadAll(s.say("REGENT BACKUP"))
	if err != nil {
		t.Fatal(err)
	}
	line, file, ok := bytes.Cut(all, []byte("\r\n"))
	mark, is := bytes.CutPrefix(line, []byte("$EOF:"))
	if !ok || !is || len(mark) != 40 || !bytes.HasSuffix(file, mark) {
		t.Fatalf("%.80q ... %.80q", all, all[max(0, len(all)-80):])
	}
	sum, err := rdb.Load(bytes.NewReader(bytes.TrimSuffix(file, mark)), rdb.Options{Whole: true, Codecs: s.engine.Codecs()}, func(*rdb.Batch) error { return nil })
	if err != nil || sum.Keys != 3011 || !sum.Checked {
		t.Fatalf("%+v, %v", sum, err)
	}
	if p, err := sum.Aux.Place(); err != nil || p == nil || p.Offset != s.data.Log().Recorder().End() {
		t.Errorf("place %+v, %v; the log ends at %d", p, err, s.data.Log().Recorder().End())
	}
}

// TestBackupIsRefused: before the password, and when too many are under way. A
// client that goes in the middle leaves nothing behind.
func TestBackupIsRefused(t *testing.T) {
	s := begin(t, t.TempDir(), "rdbcompression no")
	s.do("OK", "SET", "k", strings.Repeat("x", 24<<20))
	var held []net.Conn
	for range persist.MaxBackups {
		c := s.say("REGENT BACKUP")
		if b, err := bufio.NewReader(c).Peek(1); err != nil || b[0] != '$' && b[0] != '\n' {
			t.Fatalf("%q, %v", b, err)
		}
		held = append(held, c)
	}
	text, err := bufio.NewReader(s.say("REGENT BACKUP")).ReadString('\n')
	if err != nil || text != "-ERR Too many backups at a time\r\n" {
		t.Errorf("%q, %v", text, err)
	}
	for _, c := range held {
		c.Close()
	}
	s.until("the snapshots end", func() bool {
		c := s.say("REGENT BACKUP")
		defer c.Close() // one that is not read would hold a place
		for r := bufio.NewReader(c); ; {
			text, err := r.ReadString('\n')
			if err != nil || text != "\n" {
				return err == nil && strings.HasPrefix(text, "$EOF:")
			}
		}
	})
	s.do("OK", "CONFIG", "SET", "requirepass", "secret")
	text, err = bufio.NewReader(s.say("REGENT BACKUP")).ReadString('\n')
	if err != nil || text != "-NOAUTH Authentication required.\r\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestBackupHoldsNobodyUp: while a client takes nothing of its backup, the log is rewritten
// and another backup comes; the first one's client gets its own moment whole in the end.
func TestBackupHoldsNobodyUp(t *testing.T) {
	s := begin(t, t.TempDir(), "appendonly yes", "rdbcompression no")
	for i := range 64 {
		s.do("OK", "SET", fmt.Sprint("k", i), strings.Repeat("x", 512<<10))
	}
	slow := s.say("REGENT BACKUP")
	r := bufio.NewReader(slow)
	if _, err := r.Peek(1 << 10); err != nil { // it is under way
		t.Fatal(err)
	}
	s.do("OK", "SET", "later", "x")
	s.do("Background append only file rewriting started", "BGREWRITEAOF")
	s.until("the log is rewritten", func() bool { return s.info("aof_rewrite_in_progress") == "0" && s.info("aof_rewrites") == "1" })
	if keys := backupKeys(t, s, s.say("REGENT BACKUP")); keys != 65 {
		t.Errorf("the second backup has %d keys", keys)
	}
	if keys := backupKeys(t, s, r); keys != 64 {
		t.Errorf("the first backup has %d keys", keys)
	}
}

// backupKeys reads a backup whole.
func backupKeys(t *testing.T, s *testServer, r io.Reader) int64 {
	t.Helper()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := bytes.Cut(bytes.TrimLeft(all, "\n"), []byte("\r\n"))
	sum, err := rdb.Load(bytes.NewReader(file[:len(file)-40]), rdb.Options{Whole: true, Codecs: s.engine.Codecs()}, func(*rdb.Batch) error { return nil })
	if err != nil || !sum.Checked {
		t.Fatalf("%+v, %v", sum, err)
	}
	return int64(sum.Keys)
}
