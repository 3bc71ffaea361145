package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// The secrets of the test below; each says where it was said.
const (
	secretOfFile     = "zq-in-a-file-zq"
	secretSet        = "zq-config-set-zq"
	secretWrong      = "zq-wrong-zq"
	secretOfUser     = "zq-acl-setuser-zq"
	secretOfMigrate  = "zq-migrate-zq"
	secretOfSentinel = "zq-sentinel-zq"
	secretOfPeers    = "zq-peers-zq"
	secretMark       = "zq"
)

// TestSecretsAreNowhere has secrets said in every way there is, and looks for them in all
// that Regent shows and writes: replies with errors, MONITOR of another client, SLOWLOG,
// ACL LOG, CLIENT LIST, INFO, LATENCY, the log, the process's arguments, the files.
func TestSecretsAreNowhere(t *testing.T) {
	n := prepareNode(t, binary())
	file := filepath.Join(t.TempDir(), "pass")
	for name, text := range map[string]string{file: secretOfFile, file + "-peers": secretOfPeers} {
		must(t, os.WriteFile(name, []byte(text+"\n"), 0o600))
	}
	must(t, os.WriteFile(file+".conf", []byte("user bob on >"+secretOfUser+"1 +@all ~*\n"), 0o600))
	n.Before = []string{file + ".conf"}
	n.Args = []string{"--loglevel", "debug", "--requirepass-file", file, "--cluster-secret-file", file + "-peers",
		"--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000", "--latency-monitor-threshold", "1", "--enable-debug-command", "yes"}
	must(t, n.Start())
	ctx := within(t, patience)
	admin := redis.NewClient(&redis.Options{Addr: n.Addr(), Password: secretOfFile, MaxRetries: -1, Protocol: 2})
	t.Cleanup(func() { _ = admin.Close() })
	must(t, harness.Until(ctx, func() error { return admin.Ping(ctx).Err() }))
	seen := listenIn(t, n, secretOfFile)

	must(t, admin.Set(ctx, "k", "v", 0).Err())
	var errs strings.Builder
	for _, words := range [][]any{
		{"AUTH", secretOfFile}, {"AUTH", secretWrong}, {"AUTH", "default", secretWrong + "2"}, {"AUTH", "nobody", secretWrong + "3"},
		{"AUTH", "a", "b", secretWrong + "4"}, {"aUtH", "default", secretOfFile},
		{"HELLO", 2, "AUTH", "default", secretOfFile, "SETNAME", "x"}, {"HELLO", 3, "AUTH", "default", secretWrong + "5"},
		{"HELLO", 2, "SETNAME", "x", "auth", "default", secretWrong + "6"},
		{"ACL", "SETUSER", "alice", "on", ">" + secretOfUser, "~*", "+@all"}, {"acl", "setuser", "alice", "<" + secretOfUser},
		{"ACL", "SETUSER", "alice", ">" + secretOfUser + "7", "nosuchrule"}, {"ACL", "SETUSER", "alice", "on"},
		{"AUTH", "alice", secretOfUser + "8"}, {"AUTH", "bob", secretOfUser + "1"}, {"AUTH", "default", secretOfFile},
		{"MIGRATE", "127.0.0.1", 1, "k", 0, 50, "AUTH", secretOfMigrate}, {"MIGRATE", "127.0.0.1", 1, "", 0, 50, "COPY", "AUTH2", "bob", secretOfMigrate + "9", "KEYS", "k"},
		{"EVAL", "return redis.call('MIGRATE', '127.0.0.1', 1, 'k', 0, 50, 'AUTH', string.reverse('" + reversed(secretOfMigrate) + "'))", 1, "k"},
		{"CONFIG", "SET", "masterauth", secretSet + "a"}, {"CONFIG", "SET", "timeout", "0", "sentinel-requirepass", secretOfSentinel},
		{"CONFIG", "SET", "requirepass", secretSet, "timeout", "x"}, {"CONFIG", "SET", "cluster-secret", secretSet + "b"},
		{"CONFIG", "SET", "tls-key-file-pass", secretSet + "c"}, {"CONFIG", "SET", "REQUIREPASS", secretSet},
		{"MULTI"}, {"CONFIG", "SET", "requirepass", secretSet + "d"}, {"EXEC"},
		{"CLIENT", "SETNAME", "y"}, {"CLIENT", "KILL", "ID", "0"},
	} {
		if err := admin.Do(ctx, words...).Err(); err != nil && err != redis.Nil {
			fmt.Fprintln(&errs, err)
		}
	}
	// The connection is in; a new one needs the last password.
	must(t, n.Signal(syscall.SIGHUP)) // and that of the file counts no more
	var shown strings.Builder
	for _, words := range [][]any{
		{"SLOWLOG", "GET", "-1"}, {"ACL", "LOG"}, {"CLIENT", "LIST"}, {"INFO", "everything"}, {"LATENCY", "LATEST"}, {"LATENCY", "HISTOGRAM"},
		{"ACL", "LIST"}, {"ACL", "GETUSER", "alice"}, {"CLIENT", "INFO"}, {"MEMORY", "STATS"}, {"COMMAND", "LIST"},
	} {
		reply, err := admin.Do(ctx, words...).Result()
		must(t, err)
		fmt.Fprintf(&shown, "%v: %v\n", words, reply)
	}
	must(t, admin.Echo(ctx, "the end").Err())
	monitored := seen("the end")
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}

	places := map[string]string{"an error": errs.String(), "what is shown": shown.String(), "MONITOR": monitored, "the log": n.Log(), "the arguments": strings.Join(n.Args, " ")}
	must(t, filepath.Walk(n.Dir, func(path string, fi os.FileInfo, err error) error {
		if err != nil || fi.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		places["the file "+filepath.Base(path)] = string(text)
		return err
	}))
	for place, text := range places {
		if at := strings.Index(text, secretMark); at >= 0 {
			t.Errorf("%s has a secret: ...%s...", place, text[max(at-100, 0):min(at+60, len(text))])
		}
	}
	for place, words := range map[string][]string{"MONITOR": {`"AUTH" "(redacted)"`, `[0 lua] "MIGRATE"`}, "what is shown": {"(redacted)", "config", "auth"}} {
		for _, word := range words { // or nothing was looked at
			if !strings.Contains(places[place], word) {
				t.Errorf("%s lacks %s:\n%s", place, word, places[place])
			}
		}
	}
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// listenIn is a client with MONITOR; until gives what it has heard up to a word.
func listenIn(t *testing.T, n *harness.Node, password string) (until func(word string) string) {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addr())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(conn, "AUTH %s\r\nMONITOR\r\n", password)
	must(t, err)
	var mu sync.Mutex
	var heard strings.Builder
	in := bufio.NewReader(conn)
	for range 2 {
		line, err := in.ReadString('\n')
		must(t, err)
		if line != "+OK\r\n" {
			t.Fatalf("MONITOR: %q", line)
		}
	}
	go func() {
		for {
			line, err := in.ReadString('\n')
			mu.Lock()
			heard.WriteString(line)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return func(word string) (text string) {
		must(t, harness.Until(within(t, patience), func() error {
			mu.Lock()
			defer mu.Unlock()
			if text = heard.String(); !strings.Contains(text, word) {
				return fmt.Errorf("MONITOR has not shown %q", word)
			}
			return nil
		}))
		return text
	}
}

// TestSecretOfAFileChanges by SIGHUP, and one that others may read starts no server.
func TestSecretOfAFileChanges(t *testing.T) {
	n := prepareNode(t, binary())
	file := filepath.Join(t.TempDir(), "pass")
	must(t, os.WriteFile(file, []byte("before\n"), 0o600))
	n.Args = []string{"--requirepass-file", file}
	must(t, n.Start())
	ctx := within(t, patience)
	enters := func(password string) error {
		c := redis.NewClient(&redis.Options{Addr: n.Addr(), Password: password, MaxRetries: -1, Protocol: 2})
		defer c.Close()
		return c.Ping(ctx).Err()
	}
	must(t, harness.Until(ctx, func() error { return enters("before") }))
	if err := enters("after"); err == nil {
		t.Fatal("any password is right")
	}
	must(t, os.WriteFile(file, []byte("after\n"), 0o600))
	must(t, n.Signal(syscall.SIGHUP))
	must(t, harness.Until(ctx, func() error { return enters("after") }))
	if err := enters("before"); err == nil {
		t.Error("the password from before is still right")
	}
	must(t, n.Stop())
	must(t, os.Chmod(file, 0o644))
	must(t, n.Start())
	if status, err := n.Exited(ctx); err != nil || status == 0 {
		t.Fatalf("it starts with a secret that everybody may read: %d, %v", status, err)
	}
	if log := n.Log(); !strings.Contains(log, "requirepass-file") || !strings.Contains(log, "0644") {
		t.Errorf("the reason is not said: %s", log[max(0, len(log)-500):])
	}
}

// TestFilesAreTheServers: what holds data is for the server's user alone, and what holds passwords, too: a
// configuration file or a list of users that is written anew, or is not there yet.
func TestFilesAreTheServers(t *testing.T) {
	n := prepareNode(t, binary())
	conf, users := filepath.Join(n.Dir, "regent.conf"), filepath.Join(n.Dir, "users")
	must(t, os.MkdirAll(n.Dir, 0o700))
	must(t, os.WriteFile(conf, nil, 0o600))
	n.Before, n.Args = []string{conf}, []string{"--aclfile", users, "--write-timeout", "60000"}
	must(t, os.WriteFile(users, nil, 0o600))
	must(t, n.Start())
	ready(t, n)
	ctx := within(t, patience)
	c := client(t, n)
	must(t, c.Set(ctx, "k", "v", 0).Err())
	must(t, os.Remove(users))
	must(t, c.Do(ctx, "ACL", "SETUSER", "u", ">password").Err())
	must(t, c.Do(ctx, "ACL", "SAVE").Err())
	must(t, c.Do(ctx, "CONFIG", "SET", "masterauth", "password").Err())
	must(t, c.ConfigRewrite(ctx).Err())
	must(t, os.Remove(conf))
	must(t, c.ConfigRewrite(ctx).Err())
	for _, path := range []string{conf, users} {
		text, err := os.ReadFile(path)
		must(t, err)
		if len(text) == 0 {
			t.Errorf("%s is empty", path)
		}
	}
	must(t, c.Save(ctx).Err())
	must(t, c.Do(ctx, "BGREWRITEAOF").Err())
	looked := 0
	must(t, filepath.Walk(n.Dir, func(path string, fi os.FileInfo, err error) error {
		if os.IsNotExist(err) { // a rewrite is under way
			return nil
		}
		if err != nil || path == n.Dir || path == n.LogFile() { // the test's own
			return err
		}
		looked++
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, fi.Mode())
		}
		return nil
	}))
	if looked < 3 {
		t.Errorf("only %d files were looked at", looked)
	}
}
