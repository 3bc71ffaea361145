package regent

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/engine/config"
)

// A testServer is a server inside the test, on a port that the system chose.
type testServer struct {
	*Server
	t    *testing.T
	addr string
	stop context.CancelFunc
	done chan error
	once sync.Once
}

// begin starts a server on dir with lines of configuration.
func begin(t *testing.T, dir string, lines ...string) *testServer {
	t.Helper()
	cfg := config.New()
	if err := config.Parse(cfg, strings.Join(append(lines, "dir "+dir, "logfile "+filepath.Join(dir, "log")), "\n"), "test"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: cfg, Listeners: []net.Listener{l}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ts := &testServer{Server: s, t: t, addr: l.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { ts.done <- s.Run(ctx) }()
	t.Cleanup(ts.end)
	c := ts.client()
	ts.until("it answers", func() bool { return c.Ping(t.Context()).Err() == nil })
	return ts
}

// end ends the server as a signal would.
func (ts *testServer) end() {
	ts.stop()
	ts.once.Do(func() {
		if err := <-ts.done; err != nil {
			ts.t.Errorf("Run: %v", err)
		}
	})
}

func (ts *testServer) client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: ts.addr, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, ReadTimeout: time.Minute})
	ts.t.Cleanup(func() { c.Close() })
	return c
}

// until waits for a condition.
func (ts *testServer) until(what string, ok func() bool) {
	ts.t.Helper()
	for range 6000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.t.Fatalf("%s: not within half a minute", what)
}

// do says a command and wants an answer.
func (ts *testServer) do(want string, args ...any) {
	ts.t.Helper()
	got, err := ts.client().Do(ts.t.Context(), args...).Result()
	if err != nil {
		got = err.Error()
	}
	if fmt.Sprint(got) != want {
		ts.t.Errorf("%v: %v, want %s", args, got, want)
	}
}

// info is a field of INFO persistence.
func (ts *testServer) info(field string) string {
	ts.t.Helper()
	text, err := ts.client().Info(ts.t.Context(), "persistence").Result()
	if err != nil {
		ts.t.Fatal(err)
	}
	_, rest, ok := strings.Cut(text, field+":")
	if !ok {
		ts.t.Fatalf("INFO persistence has no %s", field)
	}
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// fill writes keys of every kind into two databases.
func (ts *testServer) fill() {
	ts.do("OK", "MSET", "a", "1", "b", strings.Repeat("long ", 100), "c", "-9223372036854775808", "bin", "\x00\r\n\xff", "huge", strings.Repeat("x", 300_000))
	ts.do("OK", "SET", "mortal", "x", "EX", "1000")
	c := ts.client()
	for i := range 3000 {
		if err := c.Set(ts.t.Context(), fmt.Sprint("key", i), fmt.Sprint("value", i), 0).Err(); err != nil {
			ts.t.Fatal(err)
		}
	}
	ts.do("1", "COPY", "a", "a", "DB", "5")
}

// checkTool runs one of Redis's checkers, which must be content.
func checkTool(t *testing.T, tool string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("%s is needed: %v", tool, err)
	}
	if out, err := exec.Command(path, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", tool, args, err, out)
	}
}

// digest is what the keyspace holds, however it is stored.
func (ts *testServer) digest() string {
	ts.t.Helper()
	d, err := ts.client().Do(ts.t.Context(), "DEBUG", "DIGEST").Text()
	if err != nil {
		ts.t.Fatal(err)
	}
	return d
}

const debugging = "enable-debug-command yes"

// TestSaveWritesADump: SAVE and BGSAVE write a file that Redis's checker accepts,
// LASTSAVE and INFO tell of it.
func TestSaveWritesADump(t *testing.T) {
	dir := t.TempDir()
	leftover := filepath.Join(dir, "temp-dump.rdb-123")
	if err := os.WriteFile(leftover, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := begin(t, dir, "appendonly no")
	s.fill()
	if n := s.info("rdb_changes_since_last_save"); n != "3003" {
		t.Errorf("%s changes since the last save", n)
	}
	s.do("OK", "SAVE")
	checkTool(t, "redis-check-rdb", filepath.Join(dir, "dump.rdb"))
	for field, want := range map[string]string{
		"rdb_changes_since_last_save": "0", "rdb_bgsave_in_progress": "0", "rdb_last_bgsave_status": "ok", "rdb_saves": "1",
		"rdb_last_bgsave_time_sec": "0", "rdb_current_bgsave_time_sec": "-1", "aof_enabled": "0", "current_cow_size": "0",
	} {
		if got := s.info(field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	if err := os.Remove(filepath.Join(dir, "dump.rdb")); err != nil {
		t.Fatal(err)
	}
	s.do("Background saving started", "BGSAVE")
	s.until("the save ends", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	checkTool(t, "redis-check-rdb", filepath.Join(dir, "dump.rdb"))
	s.do("ERR syntax error", "BGSAVE", "NOW")
	s.do("ERR Can't execute an AOF background rewriting. Please check the server logs for more information.", "BGREWRITEAOF")
	if left, _ := filepath.Glob(filepath.Join(dir, "temp-*")); left != nil {
		t.Errorf("left over: %v", left)
	}
}

// TestRewrite: BGREWRITEAOF in both formats leaves a log that holds the same, for
// Regent, and that Redis's checker accepts.
func TestRewrite(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		dir := t.TempDir()
		lines := []string{"aof-use-rdb-preamble " + preamble, debugging, "appendfsync always"}
		s := begin(t, dir, lines...)
		s.fill()
		s.do("Background append only file rewriting started", "BGREWRITEAOF")
		s.do("OK", "SET", "after", "the cut")
		s.until("the rewrite ends", func() bool { return s.info("aof_rewrite_in_progress") == "0" })
		s.do("4", "APPEND", "a", "234")
		if got := s.info("aof_last_bgrewrite_status"); got != "ok" {
			t.Fatalf("preamble %s: %s", preamble, got)
		}
		want := s.digest()
		s.end()
		checkTool(t, "redis-check-aof", filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest"))
		s = begin(t, dir, lines...)
		if got := s.digest(); got != want {
			t.Errorf("preamble %s: another keyspace after the restart", preamble)
		}
		s.do("1234", "GET", "a")
	}
}

// TestRewriteBySize: the log is rewritten by itself when it has grown.
func TestRewriteBySize(t *testing.T) {
	s := begin(t, t.TempDir(), "auto-aof-rewrite-min-size 1mb", "hz 100")
	c := s.client()
	big := strings.Repeat("x", 10_000)
	for range 300 {
		c.Set(t.Context(), "k", big, 0)
	}
	s.until("a rewrite", func() bool { return s.info("aof_rewrites") != "0" && s.info("aof_rewrite_in_progress") == "0" })
	s.until("it to be small", func() bool {
		c.Set(t.Context(), "k", big, 0)
		var n int
		fmt.Sscan(s.info("aof_current_size"), &n)
		return n < 1<<20
	})
}

// TestSavePoints: a point saves, and so does the end of the server.
func TestSavePoints(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", "save 1 2", "hz 100")
	s.do("OK", "SET", "a", "1")
	s.do("OK", "SET", "b", "1")
	s.until("a save", func() bool { return s.info("rdb_saves") == "1" && s.info("rdb_bgsave_in_progress") == "0" })
	s.do("OK", "SET", "c", "1")
	s.end()
	if text, err := os.ReadFile(filepath.Join(dir, "dump.rdb")); err != nil || !strings.Contains(string(text), "\x00\x01c") {
		t.Errorf("%v: %q", err, text)
	}
}

// TestShutdownSaves: with SAVE it does, with NOSAVE and without points it does not.
func TestShutdownSaves(t *testing.T) {
	for words, saves := range map[string]bool{"SAVE": true, "NOSAVE": false, "": false} {
		dir := t.TempDir()
		s := begin(t, dir, "appendonly no")
		s.do("OK", "SET", "a", "1")
		args := []any{"SHUTDOWN"}
		if words != "" {
			args = append(args, words)
		}
		_ = s.client().Do(t.Context(), args...).Err() // the connection ends
		s.once.Do(func() {
			if err := <-s.done; err != nil {
				t.Error(err)
			}
		})
		if _, err := os.Stat(filepath.Join(dir, "dump.rdb")); (err == nil) != saves {
			t.Errorf("SHUTDOWN %s: %v", words, err)
		}
	}
}
