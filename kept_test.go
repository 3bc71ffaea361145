package regent

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/engine/config"
	"regent/engine/enginetest"
)

// What is kept, and where: without a log, with files of earlier Redis, at an end
// that cannot save, and when the server is embedded.

// nobodyRuns is a server that was made on lines of configuration and not run.
func nobodyRuns(t *testing.T, lines ...string) (*Server, error) {
	t.Helper()
	cfg := config.New()
	if err := config.Parse(cfg, strings.Join(lines, "\n"), "test"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return New(Options{Config: cfg, Listeners: []net.Listener{l}})
}

func (ts *testServer) config(name string) string {
	ts.t.Helper()
	return ts.client().ConfigGet(ts.t.Context(), name).Val()[name]
}

// logText is the server's log so far.
func (ts *testServer) logText() string {
	ts.t.Helper()
	text, err := os.ReadFile(filepath.Join(ts.cfg.Dir.Get(), "log"))
	if err != nil {
		ts.t.Fatal(err)
	}
	return string(text)
}

func (ts *testServer) logs(want string) {
	ts.t.Helper()
	if got := ts.logText(); !strings.Contains(got, want) {
		ts.t.Errorf("the log does not say %q:\n%s", want, got)
	}
}

// TestWithoutALogTheDataIsSaved: appendonly no alone is what a stock redis.conf
// says, and means redis-server's save points.
func TestWithoutALogTheDataIsSaved(t *testing.T) {
	rc, end := startRedis(t, t.TempDir())
	defer end()
	if err := rc.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no")
	if got := s.config("save"); got != "3600 1 300 100 60 10000" { // redis-server 7.0.15's, without a save directive
		t.Errorf("save %q", got)
	}
	s.logs("Kept: a snapshot in " + filepath.Join(dir, "dump.rdb") + " at the end, and after 3600 s if there were 1 changes")
	s.do("OK", "SET", "a", "1")
	s.end()
	s = begin(t, dir, "appendonly no")
	s.do("1", "GET", "a")
	s.logs("Loaded 1 keys from " + filepath.Join(dir, "dump.rdb"))
	s.do("OK", "SET", "a", "2")
	_ = s.client().Do(t.Context(), "SHUTDOWN").Err()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	s.once.Do(func() {})
	s = begin(t, dir, "appendonly no")
	s.do("2", "GET", "a")
	for _, c := range []struct{ line, save, says string }{
		{"appendonly yes", "", "Kept: every write, in the append only log"},
		{"appendonly no\nsave \"\"", "", "Kept: nothing."},
		{"appendonly no\nsave 5 6", "5 6", "after 5 s if there were 6 changes"},
		{"save 5 6\nappendonly no", "5 6", "Kept: a snapshot in"},
	} {
		s := begin(t, t.TempDir(), c.line)
		if got := s.config("save"); got != c.save {
			t.Errorf("%q: save %q, want %q", c.line, got, c.save)
		}
		s.logs(c.says)
	}
}

// TestFlushallReplacesTheFile: what FLUSHALL has answered for does not come back
// after a kill, as with redis-server.
func TestFlushallReplacesTheFile(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no")
	s.do("OK", "SET", "a", "1")
	s.do("OK", "SAVE")
	s.do("OK", "FLUSHALL")
	killed := t.TempDir() // what a kill at this moment leaves
	text, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed, "dump.rdb"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	s = begin(t, killed, "appendonly no")
	s.do("0", "DBSIZE")
}

// TestAnEndThatCannotSaveIsRefused: SHUTDOWN and a signal leave the server as it
// was, with its data, and the next try may succeed.
func TestAnEndThatCannotSaveIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", "stop-writes-on-bgsave-error no")
	inTheWay := filepath.Join(dir, "dump.rdb", "x")
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	s.do("OK", "SET", "a", "1")
	s.do("ERR Errors trying to SHUTDOWN. Check logs.", "SHUTDOWN")
	s.do("OK", "SET", "a", "2") // writes were held, and go on
	if err := s.Shutdown("Received a signal", 0); err == nil {
		t.Error("a signal ended it")
	}
	s.do("OK", "SET", "a", "3")
	s.logs("Error trying to save the DB, can't exit.")
	if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown("Received a signal", 0); err != nil {
		t.Fatal(err)
	}
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	s.once.Do(func() {})
	s = begin(t, dir, "appendonly no")
	s.do("3", "GET", "a")
	if err := os.Remove(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown("Received a signal", config.ShutdownForce); err != nil {
		t.Errorf("a forced end is refused: %v", err)
	}
}

// TestAnEndAsToldSaves: what shutdown-on-sigterm says of a signal's end.
func TestAnEndAsToldSaves(t *testing.T) {
	for _, c := range []struct {
		how   int64
		point string // of saving
		want  string // what the next start finds
	}{
		{0, "save 3600 1", "1"}, {0, "save \"\"", ""},
		{config.ShutdownSave, "save \"\"", "1"}, {config.ShutdownNoSave, "save 3600 1", ""},
		{config.ShutdownNow | config.ShutdownForce, "save 3600 1", "1"},
	} {
		t.Run(fmt.Sprintf("%d %s", c.how, c.point), func(t *testing.T) {
			dir := t.TempDir()
			s := begin(t, dir, "appendonly no", c.point)
			s.do("OK", "SET", "a", "1")
			if err := s.Shutdown("Received a signal", c.how); err != nil {
				t.Fatal(err)
			}
			if err := <-s.done; err != nil {
				t.Fatal(err)
			}
			s.once.Do(func() {})
			s = begin(t, dir, "appendonly no", c.point)
			if got := s.client().Get(t.Context(), "a").Val(); got != c.want {
				t.Errorf("the next start finds %q, want %q", got, c.want)
			}
		})
	}
}

// TestNoWriteIsLostBehindTheLastSave: what is acknowledged while the last save is
// under way is in it, or not acknowledged.
func TestNoWriteIsLostBehindTheLastSave(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no")
	s.fill()
	var acked int
	ended := make(chan struct{})
	c := s.client()
	if err := c.Set(t.Context(), "n", 0, 0).Err(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		for i := 1; c.Set(context.Background(), "n", i, 0).Err() == nil; i++ {
			acked = i
		}
	}()
	if err := s.Shutdown("Received a signal", 0); err != nil {
		t.Fatal(err)
	}
	<-s.done
	s.once.Do(func() {})
	<-ended
	s = begin(t, dir, "appendonly no")
	got, err := s.client().Get(t.Context(), "n").Int()
	if err != nil || got < acked {
		t.Errorf("n is %d (%v), %d was acknowledged", got, err, acked)
	}
}

// TestTheDirectoryMustExist: one that is named; names in it are relative to it.
func TestTheDirectoryMustExist(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for dir, why := range map[string]string{filepath.Join(t.TempDir(), "typo"): "no such file or directory", file: "not a directory"} {
		_, err := nobodyRuns(t, "dir "+dir)
		if err == nil || !strings.Contains(err.Error(), "can't chdir") || !strings.Contains(err.Error(), why) {
			t.Errorf("dir %s: %v", dir, err)
		}
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			t.Errorf("%s was made", dir)
		}
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("named", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"named", config.DefaultDir} {
		s, err := nobodyRuns(t, "dir "+dir, "logfile x.log", "pidfile x.pid")
		if err != nil {
			t.Fatal(err)
		}
		abs, err := filepath.Abs(dir)
		if err != nil || s.cfg.Dir.Get() != abs {
			t.Errorf("dir %s: %q, %v", dir, s.cfg.Dir.Get(), err)
		}
		for _, name := range []string{"x.log", "x.pid"} {
			if _, err := os.Stat(filepath.Join(abs, name)); err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAFailedStartIsInTheLog: with a log file the reason is there, too.
func TestAFailedStartIsInTheLog(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir)
	other := filepath.Join(dir, "other.log")
	_, err := nobodyRuns(t, "dir "+dir, "logfile "+other)
	text, _ := os.ReadFile(other)
	if err == nil || !strings.Contains(string(text), err.Error()) {
		t.Errorf("error %v; the log file says %q", err, text)
	}
	s.end()
	if err := os.Truncate(filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof"), 5); err != nil {
		t.Fatal(err)
	}
	bad, err := nobodyRuns(t, "dir "+dir, "logfile "+other)
	if err == nil {
		err = bad.Run(t.Context())
	}
	text, _ = os.ReadFile(other)
	if err == nil || !strings.Contains(string(text), err.Error()) {
		t.Errorf("error %v; the log file says %q", err, text)
	}
}

// oldLog is what Redis before 7 leaves: one file, with an RDB preamble.
func oldLog(t *testing.T, dir string) {
	t.Helper()
	made := t.TempDir()
	rc, end := startRedis(t, made)
	if err := rc.Set(t.Context(), "old", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rc.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	end()
	text, err := os.ReadFile(filepath.Join(made, "dump.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	tail := "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$3\r\nnew\r\n$1\r\n2\r\n*3\r\n$3\r\nSET\r\n$4\r\nto" // torn
	if err := os.WriteFile(filepath.Join(dir, "appendonly.aof"), append(text, tail...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dump.rdb"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestLogsOfEarlierRedis: a single appendonly.aof is the data, whatever dump.rdb
// is beside it, and becomes the base in the directory, as redis-server 7 does it.
func TestLogsOfEarlierRedis(t *testing.T) {
	for _, lone := range []bool{false, true} {
		t.Run(fmt.Sprintf("lone %v", lone), func(t *testing.T) {
			dir, theirs := t.TempDir(), t.TempDir()
			for _, d := range []string{dir, theirs} {
				oldLog(t, d)
				if lone {
					if err := os.Remove(filepath.Join(d, "dump.rdb")); err != nil {
						t.Fatal(err)
					}
				}
			}
			rc, end := startRedis(t, theirs, "--appendonly", "yes")
			want := rc.Do(t.Context(), "DEBUG", "DIGEST").Val()
			end()
			for range 2 { // and again from what the first start has made of it
				s := begin(t, dir, debugging)
				if got := s.digest(); got != want {
					t.Errorf("digest %v, redis-server has %v", got, want)
				}
				s.do("2", "GET", "new")
				s.end()
			}
			for _, d := range []string{dir, theirs} {
				if _, err := os.Stat(filepath.Join(d, "appendonly.aof")); !os.IsNotExist(err) {
					t.Errorf("appendonly.aof is still in %s: %v", d, err)
				}
				if _, err := os.Stat(filepath.Join(d, "appendonlydir", "appendonly.aof")); err != nil {
					t.Error(err)
				}
			}
			rc, _ = startRedis(t, dir, "--appendonly", "yes")
			if got := rc.Do(t.Context(), "DEBUG", "DIGEST").Val(); got != want {
				t.Errorf("redis-server on what Regent made: %v, want %v", got, want)
			}
		})
	}
}

// TestRewriteWithoutALog: BGREWRITEAOF makes a log where none is kept, for a later
// start; redis-server loads it as well.
func TestRewriteWithoutALog(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", debugging)
	s.fill()
	for range 2 { // the second replaces the first
		s.do("OK", "SET", "more", "1")
		s.do("Background append only file rewriting started", "BGREWRITEAOF")
		s.until("the rewrite is over", func() bool { return s.info("aof_rewrite_in_progress") == "0" })
		s.do("1", "DEL", "more")
	}
	s.do("OK", "SET", "more", "1")
	want := s.digest()
	s.end()
	rc, end := startRedis(t, dir, "--appendonly", "yes")
	if got := rc.Do(t.Context(), "DEBUG", "DIGEST").Val(); got != want {
		t.Errorf("redis-server has %v, want %s", got, want)
	}
	end()
	s = begin(t, dir, debugging)
	if got := s.digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// TestChecksumsThatNobodyWants: with rdbchecksum no a file loads whatever its
// checksum says, as in redis-server.
func TestChecksumsThatNobodyWants(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", debugging)
	s.fill()
	want := s.digest()
	s.end()
	path := filepath.Join(dir, "dump.rdb")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := text[len(text)-8:]
	binary.LittleEndian.PutUint64(sum, binary.LittleEndian.Uint64(sum)^1)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	bad, err := nobodyRuns(t, "dir "+dir, "appendonly no")
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("rdbchecksum yes: %v", err)
	}
	s = begin(t, dir, "appendonly no", "rdbchecksum no", debugging)
	if got := s.digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

// TestARewrittenConfigurationKeepsItsMode: it may hold passwords.
func TestARewrittenConfigurationKeepsItsMode(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "regent.conf")
	cfg := config.New()
	if err := config.Parse(cfg, "appendonly no\ndir "+dir, "test"); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o600, 0o640, 0o644} {
		if err := os.WriteFile(file, []byte("appendonly no\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		s := &Server{cfg: cfg, opts: Options{ConfigFile: file}, engine: enginetest.NewEngine(t).Engine}
		if err := (control{s}).RewriteConfig(); err != nil {
			t.Fatal(err)
		}
		if fi, err := os.Stat(file); err != nil || fi.Mode().Perm() != mode {
			t.Errorf("mode %v, %v; want %v", fi.Mode(), err, mode)
		}
	}
}

// TestCloseIsAsASignal: what there is to save is saved, and all is given back
// when it returns; once more does nothing.
func TestCloseIsAsASignal(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no")
	s.do("OK", "SET", "a", "1")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	s.once.Do(func() {})
	if err := s.Run(t.Context()); err == nil {
		t.Error("it runs again")
	}
	s = begin(t, dir, "appendonly no")
	s.do("1", "GET", "a")
}

// TestAServerThatWasNotRunIsGivenBack: its directory can be taken at once.
func TestAServerThatWasNotRunIsGivenBack(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		s, err := nobodyRuns(t, "dir "+dir, "logfile log")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nobodyRuns(t, "dir "+dir, "logfile log"); err == nil || !bytes.Contains([]byte(err.Error()), []byte("in use")) {
			t.Errorf("two servers on one directory: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context()); err == nil {
			t.Error("a server that was closed runs")
		}
	}
}

// TestALogWithoutADefaultUser: a log is loaded as it stands, whatever the users may do that the
// server starts with.
func TestALogWithoutADefaultUser(t *testing.T) {
	dir := t.TempDir()
	ts := begin(t, dir)
	ts.do("OK", "SET", "k", "v")
	ts.do("2", "EVAL", "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[1])", 1, "n")
	ts.end()
	ts = begin(t, dir, "user default on nopass resetkeys -@all +ping", "user reads on >p ~* +get")
	if err := ts.client().Get(t.Context(), "k").Err(); !refused(err, "NOPERM") {
		t.Errorf("the default user: %v", err)
	}
	c := ts.client().Conn()
	defer c.Close()
	if err := c.AuthACL(t.Context(), "reads", "p").Err(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"k": "v", "n": "2"} {
		if got := c.Get(t.Context(), key).Val(); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}
