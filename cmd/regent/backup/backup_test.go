package backup_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/regent/backup"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// A run is one call of a tool, and what it said.
type run struct {
	status   int
	out, err string
}

// moment is the clock of all runs.
var moment = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func tool(t *testing.T, in string, args ...string) run {
	t.Helper()
	var out, errs bytes.Buffer
	tool := backup.Tool{In: strings.NewReader(in), Out: &out, Err: &errs, Now: func() time.Time { return moment }}
	status, ok := tool.Run(t.Context(), args[0], args[1:])
	if !ok {
		t.Fatalf("%s is no subcommand", args[0])
	}
	return run{status, out.String(), errs.String()}
}

// good is a tool's run that must succeed.
func good(t *testing.T, in string, args ...string) run {
	t.Helper()
	r := tool(t, in, args...)
	if r.status != 0 {
		t.Fatalf("%q: status %d, %s%s", args, r.status, r.out, r.err)
	}
	return r
}

// bad is one that must fail and say why.
func bad(t *testing.T, why, in string, args ...string) run {
	t.Helper()
	r := tool(t, in, args...)
	if r.status == 0 || !strings.Contains(r.out+r.err, why) {
		t.Errorf("%q: status %d, does not say %q: %s%s", args, r.status, why, r.out, r.err)
	}
	return r
}

// aFile is a copy as Regent makes it.
func aFile(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	w := rdb.NewWriter(&b, rdb.WriterOptions{Checksum: true, Compress: true, Sections: true})
	w.Header(rdb.Info{Server: "7.0.15", Base: true, Place: &rdb.Place{Epoch: 3, Offset: 4711}})
	w.SelectDB(0, 20_000, 0)
	for i := range 20_000 {
		w.Int(&rdb.Meta{}, fmt.Appendf(nil, "key:%d", i), int64(i))
	}
	w.SelectDB(5, 2, 2)
	w.String(&rdb.Meta{Expire: 1}, []byte("gone"), []byte("x"))
	w.String(&rdb.Meta{Expire: 4102444800000}, []byte("later"), []byte(strings.Repeat("y", 100)))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// names are the files of a directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range list {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// redisAt starts a redis-server and returns a client and its address.
func redisAt(t *testing.T, extra ...string) (*enginetest.RedisClient, string) {
	t.Helper()
	c := enginetest.StartRedis(t, extra...).Client(t)
	for end := time.Now().Add(20 * time.Second); strings.HasPrefix(c.Do("ping"), "-LOADING"); {
		if time.Now().After(end) {
			t.Fatal("redis-server does not come to an end of loading")
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.Do("auth", "secret") // an error where there is no password
	port := enginetest.Elements(c.Do("config", "get", "port"))
	if len(port) != 2 {
		t.Fatal("redis-server does not tell its port")
	}
	return c, "127.0.0.1:" + port[1]
}

func must(t *testing.T, c *enginetest.RedisClient, want string, args ...string) {
	t.Helper()
	n, _, err := enginetest.Parse([]byte(c.Do(args...)))
	if err != nil || n.Type == '-' || want != "" && n.Text != want {
		t.Errorf("%q: %v, %v, want %q", args, n, err, want)
	}
}

func TestCheckTellsWhatAFileHolds(t *testing.T) {
	file := aFile(t)
	path := writeFile(t, t.TempDir(), "dump.rdb", file)
	for _, r := range []run{good(t, "", "check-rdb", path), good(t, file, "check-rdb", "-")} {
		for _, line := range []string{
			"RDB version 10", "redis-ver = 7.0.15", "regent-offset = 4711", "database 0: 20000 keys, 0 with an expiry",
			"database 5: 2 keys, 2 with an expiry", "20002 keys, 2 with an expiry, 1 of them past it",
			"20002      string", "checksum matches", "RDB is whole",
		} {
			if !strings.Contains(r.out, line) {
				t.Errorf("does not say %q:\n%s", line, r.out)
			}
		}
	}
	flipped := []byte(file)
	flipped[len(file)/2] ^= 4
	r := bad(t, "RDB damaged at offset", "", "check-rdb", writeFile(t, t.TempDir(), "flipped", string(flipped)))
	if r.status != 1 || strings.Contains(r.out, "whole") || strings.Contains(r.out, "matches") {
		t.Errorf("status %d: %s", r.status, r.out)
	}
	bad(t, "unexpected EOF", "", "check-rdb", writeFile(t, t.TempDir(), "short", file[:len(file)-3]))
	bad(t, "bytes follow", file+"x", "check-rdb", "-")
	bad(t, "not an RDB file", "hello world", "check-rdb", "-")
	bad(t, "no such file", "", "check-rdb", filepath.Join(t.TempDir(), "none"))
	bad(t, "one FILE", "", "check-rdb")
}

func TestACopyOfRedisComesBackAsRedis(t *testing.T) {
	for _, extra := range [][]string{
		{"--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"},
		{"--repl-diskless-sync", "no", "--requirepass", "secret"},
		{"--repl-diskless-sync", "no", "--rdbchecksum", "no", "--rdbcompression", "no"},
	} {
		t.Run(fmt.Sprint(extra), func(t *testing.T) {
			c, addr := redisAt(t, append([]string{"--enable-debug-command", "yes"}, extra...)...)
			must(t, c, "", "debug", "populate", "3000", "key", "100")
			must(t, c, "OK", "set", "k", "value", "pxat", "4102444800123")
			must(t, c, "", "xadd", "stream", "1-1", "a", "b")
			must(t, c, "", "function", "load", "#!lua name=lib\nredis.register_function('f', function() return 7 end)")
			copies := t.TempDir()
			r := good(t, "", "backup", "--from", addr, "-a", "secret-not", "--user", "nobody", "--to", copies, "--help")
			if names(t, copies) != "" {
				t.Errorf("--help made %s", names(t, copies))
			}
			args := []string{"backup", "--from", addr, "--to", copies}
			if strings.Contains(fmt.Sprint(extra), "secret") {
				bad(t, "WRONGPASS", "", append(args, "-a", "wrong")...)
				args = append(args, "-a", "secret")
			}
			r = good(t, "", args...)
			if want := filepath.Join(copies, "regent-20261124T120000Z.rdb\n"); r.out != want {
				t.Errorf("made %q, want %q", r.out, want)
			}
			for _, line := range []string{"3002 keys", "1 function libraries"} {
				if !strings.Contains(r.err, line) {
					t.Errorf("does not say %q:\n%s", line, r.err)
				}
			}
			if strings.Contains(r.err, "no checksum") != strings.Contains(fmt.Sprint(extra), "rdbchecksum") {
				t.Errorf("about the checksum:\n%s", r.err)
			}
			// Back into a directory, and from there into a redis-server.
			data := filepath.Join(t.TempDir(), "data")
			good(t, "", "restore", "--from", copies, "--to", data)
			c, _ = redisAt(t, "--dir", data, "--appendonly", "yes")
			must(t, c, "3002", "dbsize")
			must(t, c, "value", "get", "k")
			must(t, c, "4102444800123", "pexpiretime", "k")
			must(t, c, "1", "xlen", "stream")
			must(t, c, "7", "fcall", "f", "0")
		})
	}
}

// regentWith is a server that knows REGENT BACKUP, and answers it with pieces,
// each sent by itself; then it closes the connection.
func regentWith(t *testing.T, pieces ...string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			want := "*2\r\n$6\r\nREGENT\r\n$6\r\nBACKUP\r\n"
			got := make([]byte, len(want))
			if _, err := bufio.NewReader(conn).Read(got); err != nil || string(got) != want {
				t.Errorf("asked %q, %v", got, err)
			}
			for _, p := range pieces {
				if _, err := conn.Write([]byte(p)); err != nil {
					break // the client has seen enough
				}
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// crumbs cuts a text so that the cuts fall everywhere around its end.
func crumbs(s string) (pieces []string) {
	cut := len(s) - 60
	pieces = append(pieces, s[:cut])
	for i := cut; i < len(s); i++ {
		pieces = append(pieces, s[i:i+1])
	}
	return pieces
}

func TestACopyOfRegent(t *testing.T) {
	file, mark := aFile(t), strings.Repeat("0123456789", 4)
	head := "$EOF:" + mark + "\r\n"
	for name, pieces := range map[string][]string{
		"in one piece": {head + file + mark},
		"with a wait":  {"\n", "\n\n", head, file, mark},
		"in crumbs":    append([]string{"\n", head}, crumbs(file+mark)...),
		"by length":    {fmt.Sprintf("$%d\r\n", len(file)), file},
	} {
		dir := t.TempDir()
		r := good(t, "", "backup", "--from", regentWith(t, pieces...), "--to", dir)
		if got := read(t, strings.TrimSpace(r.out)); got != file {
			t.Errorf("%s: %d bytes instead of %d", name, len(got), len(file))
		}
		if !strings.Contains(r.err, "20002 keys") || !strings.Contains(r.err, "epoch 3, offset 4711") {
			t.Errorf("%s: %s", name, r.err)
		}
		if r := good(t, "", "backup", "--from", regentWith(t, pieces...), "--to", "-"); r.out != file {
			t.Errorf("%s to standard output: %d bytes", name, len(r.out))
		}
	}
}

func TestWhatIsNoWholeCopyIsNotKept(t *testing.T) {
	file, mark := aFile(t), strings.Repeat("0123456789", 4)
	head := "$EOF:" + mark + "\r\n"
	flipped := []byte(file)
	flipped[len(file)/2] ^= 1
	for name, c := range map[string]struct {
		why    string
		pieces []string
	}{
		"an error":           {"LOADING wait", []string{"\n-LOADING wait\r\n"}},
		"closed at once":     {"EOF", nil},
		"broken off":         {"unexpected EOF", []string{head, file[:len(file)/2]}},
		"without delimiter":  {"unexpected EOF", []string{head, file}},
		"half a delimiter":   {"unexpected EOF", []string{head, file, mark[:20]}},
		"delimiter too soon": {"unexpected EOF", []string{head, file[:len(file)-1], mark}},
		"more than a file":   {"bytes follow", []string{head, file, "x", mark}},
		"a flipped bit":      {"damaged", []string{head, string(flipped), mark}},
		"too short":          {"unexpected EOF", []string{fmt.Sprintf("$%d\r\n", len(file)), file[:1000]}},
		"a lie":              {"unexpected EOF", []string{fmt.Sprintf("$%d\r\n", len(file)-1), file}},
		"no file":            {"no file", []string{"+OK\r\n"}},
		"negative":           {"no file", []string{"$-1\r\n"}},
		"a short delimiter":  {"no file", []string{"$EOF:abc\r\n"}},
		"knows nothing":      {"neither REGENT BACKUP nor SYNC", []string{strings.Repeat("-ERR unknown command 'x'\r\n", 4)}},
	} {
		dir := t.TempDir()
		bad(t, c.why, "", "backup", "--from", regentWithLoose(t, c.pieces...), "--to", dir)
		if left := names(t, dir); left != "" {
			t.Errorf("%s: leaves %s", name, left)
		}
	}
	dir := t.TempDir()
	writeFile(t, dir, "regent-20261124T120000Z.rdb", "another copy")
	bad(t, "exists", "", "backup", "--from", "127.0.0.1:1", "--to", dir)
	bad(t, "refused", "", "backup", "--from", "127.0.0.1:1", "--to", "-")
	bad(t, "--from", "", "backup", "--to", "-")
}

// regentWithLoose is regentWith without a look at what is asked.
func regentWithLoose(t *testing.T, pieces ...string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		var asked [512]byte
		_, _ = conn.Read(asked[:])
		for _, p := range pieces {
			_, _ = conn.Write([]byte(p))
		}
		// Half closed: what the client still says is not answered by a reset,
		// which would overtake what was sent.
		_ = conn.(*net.TCPConn).CloseWrite()
		for err == nil {
			_, err = conn.Read(asked[:])
		}
		_ = conn.Close()
	}()
	return l.Addr().String()
}

func TestASilentNodeIsGivenUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bad(t, "timeout", "", "backup", "--from", l.Addr().String(), "--to", "-", "--timeout", "50ms")
	// And an interrupt ends the wait.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var out, errs bytes.Buffer
	tool := backup.Tool{Out: &out, Err: &errs, Now: time.Now}
	if status, _ := tool.Run(ctx, "backup", []string{"--from", l.Addr().String(), "--to", "-"}); status == 0 {
		t.Error("an interrupted copy is called one")
	}
}

func TestRestoreRefusesWhatIsInTheWay(t *testing.T) {
	file := aFile(t)
	from := writeFile(t, t.TempDir(), "copy", file)
	data := t.TempDir()
	good(t, "", "restore", "--from", from, "--to", data)
	if got := names(t, filepath.Join(data, "appendonlydir")); got != "appendonly.aof.1.base.rdb appendonly.aof.manifest" {
		t.Errorf("made %s", got)
	}
	if got := read(t, filepath.Join(data, "appendonlydir", "appendonly.aof.manifest")); got != "file appendonly.aof.1.base.rdb seq 1 type b\n" {
		t.Errorf("manifest %q", got)
	}
	if read(t, filepath.Join(data, "appendonlydir", "appendonly.aof.1.base.rdb")) != file {
		t.Error("the base is not the copy")
	}
	bad(t, "not empty", "", "restore", "--from", from, "--to", data)
	writeFile(t, data, "dump.rdb", "old")
	good(t, file, "restore", "--from", "-", "--to", data, "--force")
	want := "appendonlydir appendonlydir.before-20261124T120000Z dump.rdb.before-20261124T120000Z"
	if got := names(t, data); got != want {
		t.Errorf("holds %s", got)
	}
	// A damaged copy changes nothing.
	bad(t, "damaged", file[:len(file)-20], "restore", "--from", "-", "--to", data, "--force")
	bad(t, "holds no copy", "", "restore", "--from", data, "--to", t.TempDir())
	if got := names(t, data); got != want {
		t.Errorf("after a damaged copy it holds %s", got)
	}
	// Nor is a running server's directory touched.
	f, err := os.Create(filepath.Join(data, "appendonlydir", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	bad(t, "in use", "", "restore", "--from", from, "--to", data, "--force")
	bad(t, "--from", "", "restore", "--to", data)
}

func TestTheNewestCopyIsRestored(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	writeFile(t, dir, "dump.rdb", "not looked at")
	writeFile(t, dir, "regent-20250101T000000Z.rdb", "not looked at")
	writeFile(t, dir, "regent-20260101T000000Z.rdb", aFile(t))
	writeFile(t, dir, "temp-regent-20270101T000000Z.rdb-1", "half a copy")
	good(t, "", "restore", "--from", dir, "--to", data)
	only := t.TempDir()
	writeFile(t, only, "dump.rdb", aFile(t))
	good(t, "", "restore", "--from", only, "--to", t.TempDir())
}
