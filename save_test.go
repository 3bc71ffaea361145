package regent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/aof/disk"
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
	return beginOn(t, nil, dir, lines...)
}

// beginOn is begin with a file system for the log.
func beginOn(t *testing.T, fs disk.FS, dir string, lines ...string) *testServer {
	t.Helper()
	ts := unansweredOn(t, fs, dir, lines...)
	c := ts.client()
	ts.until("it answers", func() bool { return c.Ping(t.Context()).Err() == nil })
	return ts
}

// unanswered is begin without waiting for an answer.
func unanswered(t *testing.T, dir string, lines ...string) *testServer {
	t.Helper()
	return unansweredOn(t, nil, dir, lines...)
}

func unansweredOn(t *testing.T, fs disk.FS, dir string, lines ...string) *testServer {
	t.Helper()
	return beginWith(t, Options{Disk: fs}, dir, lines...)
}

// beginWith is unanswered with other surroundings.
func beginWith(t *testing.T, o Options, dir string, lines ...string) *testServer {
	t.Helper()
	cfg := config.New()
	cfg.WriteTimeout.Set(time.Minute.Milliseconds()) // a disk may be slow on a busy machine
	if err := config.Parse(cfg, strings.Join(append(lines, "dir "+dir, "logfile "+filepath.Join(dir, "log")), "\n"), "test"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Config, o.Listeners = cfg, []net.Listener{l}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ts := &testServer{Server: s, t: t, addr: l.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { ts.done <- s.Run(ctx) }()
	t.Cleanup(ts.end)
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

// endsAtTheStart runs a server whose data in dir cannot be loaded, with its log beside them, and is why
// it ends.
func endsAtTheStart(t *testing.T, dir string, lines ...string) error {
	t.Helper()
	cfg := config.New()
	lines = append([]string{"port 0", "dir " + dir, "logfile " + filepath.Join(dir, "log")}, lines...)
	if err := config.Parse(cfg, strings.Join(lines, "\n"), "test"); err != nil {
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
	defer s.Close()
	return s.Run(t.Context())
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
	ts.do("4", "RPUSH", "list", "a", "-70000", "", "\x00\r\n")
	ts.do("1", "EXPIRE", "list", "1000")
	long := []any{"RPUSH", "long"}
	for i := range 5000 {
		long = append(long, fmt.Sprint("element ", i), i)
	}
	ts.do("10000", long...)
	ts.do("2", "LPUSH", "heavy", strings.Repeat("y", 200_000), "light")
	ts.do("1", "COPY", "long", "long", "DB", "5")
}

// fillSets writes sets of every kind.
func (ts *testServer) fillSets() {
	for _, cmd := range setsOfAllKinds() {
		if err := ts.client().Do(ts.t.Context(), cmd...).Err(); err != nil {
			ts.t.Fatal(err)
		}
	}
}

// setsOfAllKinds are the commands that make sets in every form.
func setsOfAllKinds() [][]any {
	many, hashed := []any{"SADD", "set:many"}, []any{"SADD", "set:hashed"}
	for i := range 5000 {
		many, hashed = append(many, i), append(hashed, fmt.Sprint("member:", i))
	}
	return [][]any{
		{"SADD", "set:16", 1, -3, 32767}, {"SADD", "set:32", 1, 70000, -5}, {"SADD", "set:64", "9223372036854775807", "-9223372036854775808", 0},
		{"SADD", "set:few", "a", "", "1", "01", "\x00\xff", strings.Repeat("long ", 300)}, {"SADD", "set:large", strings.Repeat("x", 100_000), "y"},
		many, hashed, {"COPY", "set:hashed", "set:hashed", "DB", 9}, {"SADD", "set:mortal", "a", "b"}, {"EXPIRE", "set:mortal", 1000},
		append([]any{"SADD", "set:512"}, many[2:514]...),
	}
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
	if n := s.info("rdb_changes_since_last_save"); n != "13015" {
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
		for i := range 100 { // in every shard something that must not come twice
			s.do("2", "RPUSH", fmt.Sprint("list:", i), "a", "b")
		}
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
		s := begin(t, dir, "appendonly no", `save ""`)
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

// TestNobodyListensAfterShutdown: when the connection of the client that said SHUTDOWN ends, the next one is refused.
func TestNobodyListensAfterShutdown(t *testing.T) {
	for _, model := range []string{"eventloop", "goroutine"} {
		s := begin(t, t.TempDir(), "io-model "+model)
		conn := s.say("SHUTDOWN NOSAVE")
		if got, err := io.ReadAll(conn); err != nil || len(got) > 0 {
			t.Errorf("%s: %q, %v", model, got, err)
		}
		if conn, err := net.Dial("tcp", s.addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s: %v, %v", model, conn, err)
		}
		s.once.Do(func() {
			if err := <-s.done; err != nil {
				t.Error(err)
			}
		})
	}
}

// startRedis runs redis-server on a directory until end is called.
func startRedis(t *testing.T, dir string, args ...string) (c *redis.Client, end func()) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command("redis-server", append([]string{"--port", fmt.Sprint(addr.Port), "--dir", dir, "--bind", "127.0.0.1", "--save", "", "--enable-debug-command", "yes"}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server is needed: %v", err)
	}
	c = redis.NewClient(&redis.Options{Addr: addr.String(), DisableIdentity: true, MaxRetries: -1, DialerRetries: 1})
	var once sync.Once
	end = func() {
		once.Do(func() {
			_ = c.ShutdownNoSave(context.Background()).Err()
			_ = cmd.Wait()
			c.Close()
		})
	}
	t.Cleanup(end)
	for range 2000 {
		if c.Ping(t.Context()).Err() == nil {
			return c, end
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("redis-server does not answer")
	return nil, nil
}

// TestRedisLoadsWhatIsSaved: redis-server 7 has the same data from dump.rdb, and
// from the log after a rewrite in either format.
func TestRedisLoadsWhatIsSaved(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, debugging)
	s.fill()
	s.fillSets()
	want := s.digest()
	s.do("OK", "SAVE")
	rc, end := startRedis(t, dir)
	if got := rc.Do(t.Context(), "DEBUG", "DIGEST").Val(); got != want {
		t.Errorf("dump.rdb: redis-server has %v, want %s", got, want)
	}
	end()
	for _, preamble := range []string{"yes", "no"} {
		s.do("OK", "CONFIG", "SET", "aof-use-rdb-preamble", preamble)
		s.do("Background append only file rewriting started", "BGREWRITEAOF")
		s.until("the rewrite ends", func() bool { return s.info("aof_rewrite_in_progress") == "0" })
		s.do("OK", "SET", "after", preamble)
		want, copied := s.digest(), t.TempDir()
		if err := os.CopyFS(filepath.Join(copied, "appendonlydir"), os.DirFS(filepath.Join(dir, "appendonlydir"))); err != nil {
			t.Fatal(err)
		}
		rc, end := startRedis(t, copied, "--appendonly", "yes")
		if got := rc.Do(t.Context(), "DEBUG", "DIGEST").Val(); got != want {
			t.Errorf("preamble %s: redis-server has %v, want %s", preamble, got, want)
		}
		end()
	}
}

// redisFills writes values of every kind with redis-server.
func redisFills(t *testing.T, c *redis.Client) (digest string) {
	t.Helper()
	for _, cmd := range append(setsOfAllKinds(), [][]any{
		{"MSET", "a", "1", "b", strings.Repeat("long ", 1000), "c", "-9223372036854775808", "bin", "\x00\r\n\xff"},
		{"DEBUG", "POPULATE", "5000"}, {"SET", "mortal", "x", "EX", "1000"}, {"COPY", "a", "a", "DB", "9"}, {"APPEND", "b", "er"},
		{"RPUSH", "list", "a", "1", "-70000", strings.Repeat("y", 100_000), ""}, {"LPUSH", "list", "head"}, {"RPOPLPUSH", "list", "other"},
		{"EVAL", "for i = 1, 5000 do redis.call('RPUSH', 'long', 'element ' .. i, i) end return 1", "0"}, {"LTRIM", "long", "10", "-20"},
	}...) {
		if err := c.Do(t.Context(), cmd...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return c.Do(t.Context(), "DEBUG", "DIGEST").Val().(string)
}

// TestLoadsWhatRedisWrote: a directory with an RDB base and timestamps, and a
// bare dump.rdb, which becomes the log's base.
func TestLoadsWhatRedisWrote(t *testing.T) {
	dir := t.TempDir()
	rc, end := startRedis(t, dir, "--appendonly", "yes", "--aof-use-rdb-preamble", "yes", "--aof-timestamp-enabled", "yes", "--appendfsync", "always")
	redisFills(t, rc)
	if err := rc.BgRewriteAOF(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	for strings.Contains(rc.Info(t.Context(), "persistence").Val(), "aof_rewrite_in_progress:1") {
		time.Sleep(10 * time.Millisecond)
	}
	rc.Set(t.Context(), "after", "the rewrite", 0)
	want := rc.Do(t.Context(), "DEBUG", "DIGEST").Val()
	end()
	for range 2 { // the second start is on a log that was taken over
		s := begin(t, dir, debugging)
		if got := s.digest(); got != want {
			t.Errorf("appendonlydir: %s, want %s", got, want)
		}
		s.end()
	}

	dir = t.TempDir()
	rc, end = startRedis(t, dir)
	want = redisFills(t, rc)
	if err := rc.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	end()
	s := begin(t, dir, debugging)
	if got := s.digest(); got != want {
		t.Errorf("dump.rdb: %s, want %s", got, want)
	}
	s.do("OK", "SET", "after", "the dump")
	want = s.digest()
	s.end()
	checkTool(t, "redis-check-aof", filepath.Join(dir, "appendonlydir", "appendonly.aof.manifest"))
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte("not looked at any more"), 0o644); err != nil {
		t.Fatal(err)
	}
	s = begin(t, dir, debugging)
	if got := s.digest(); got != want {
		t.Errorf("dump.rdb, second start: %s, want %s", got, want)
	}
	if at := s.data.Log().Stream().Start(); at == 0 {
		t.Error("the log begins at 0, as one without foreign data would")
	}
}

// TestUnknownTypes: a value that Regent cannot hold is an error that names key and
// type, or left out and counted.
func TestUnknownTypes(t *testing.T) {
	dir := t.TempDir()
	// A string, and a value of a module, as redis-server writes it (rdb.c,
	// RDB_TYPE_MODULE_2): the module's number, and what it has written, which ends here.
	file := "REDIS0010" + "\xfe\x00" +
		"\x00\x04text\x01v" +
		"\x07\x06events\x81\x00\x00\x00\x00\x00\x00\x04\x01\x00" +
		"\xff" + strings.Repeat("\x00", 8) // no checksum
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := endsAtTheStart(t, dir); err == nil || !strings.Contains(err.Error(), "events") || !strings.Contains(err.Error(), "module") {
		t.Errorf("a module's value in dump.rdb: %v", err)
	}
	ts := begin(t, dir, "skip-unknown-types yes")
	ts.do("v", "GET", "text")
	ts.do("1", "DBSIZE")
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || !strings.Contains(string(text), "1 of type module") {
		t.Errorf("%v: the log does not count what was left out:\n%s", err, text)
	}
}

// TestDumpAmongPeers: with peers nobody guesses whose data counts.
func TestDumpAmongPeers(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), []byte("REDIS0010"), 0o644); err != nil {
		t.Fatal(err)
	}
	const peers = "peers 127.0.0.1:21111,127.0.0.1:21112,127.0.0.1:21113"
	if err := endsAtTheStart(t, dir, "port 21111", peers); err == nil || !strings.Contains(err.Error(), "dump.rdb") {
		t.Errorf("%v", err)
	}
}

// TestWhatComesDuringASaveIsNotSaved: it counts as changed until the next one.
func TestWhatComesDuringASaveIsNotSaved(t *testing.T) {
	d := newBadDisk()
	s := beginOn(t, d, t.TempDir(), "appendonly no", "save \"\"")
	s.do("OK", "SET", "before", "1")
	before, release := d.syncs.Load(), d.hold()
	s.do("Background saving started", "BGSAVE")
	s.until("the file is about to be synced", func() bool { return d.syncs.Load() > before })
	s.do("OK", "SET", "meanwhile", "1")
	s.do("OK", "SET", "meanwhile", "2")
	release()
	s.until("the save ends", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	if n := s.info("rdb_changes_since_last_save"); n != "2" {
		t.Errorf("%s changes since the last save, want 2", n)
	}
}
