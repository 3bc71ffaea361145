package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chzyer/readline"

	"regent/engine/config"
	"regent/resp"
)

// quietAnswer answers what a client asks by itself; ok is false for the rest.
func quietAnswer(words []string) (reply string, ok bool) {
	switch strings.ToLower(words[0]) {
	case "cluster":
		return "-ERR This instance has cluster support disabled\r\n", true
	case "hello":
		return "%1\r\n+proto\r\n:3\r\n", true
	case "auth", "select", "client", "multi":
		return "+OK\r\n", true
	}
	return "", false
}

// TestARedirectionKeepsTheSession: what was settled on one connection is said
// on the next before the command is sent again.
func TestARedirectionKeepsTheSession(t *testing.T) {
	leader := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		return "+DONE\r\n"
	})
	follower := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		return fmt.Sprintf("-MOVED 1 127.0.0.1:%d\r\n", leader.port())
	})
	s := testSession(follower.port())
	defer s.close()
	for _, line := range []string{"HELLO 3 AUTH me secret SETNAME old", "CLIENT SETNAME mine", "SELECT 4"} {
		if r, err := s.exec(strings.Fields(line)); err != nil || r.IsError() {
			t.Fatalf("%s: %s, %v", line, r.Text, err)
		}
	}
	if r, err := s.exec([]string{"SET", "k", "v"}); err != nil || string(r.Text) != "DONE" {
		t.Fatalf("SET: %q, %v", r.Text, err)
	}
	want := "AUTH me secret,HELLO 3,CLIENT SETNAME mine,SELECT 4,SET k v"
	if got := strings.Join(leader.got(), ","); got != want {
		t.Errorf("the leader got %s, want %s", got, want)
	}
}

// TestARedirectionKeepsATransaction: commands that were queued at a follower
// are queued again at the leader.
func TestARedirectionKeepsATransaction(t *testing.T) {
	leader := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		if words[0] == "EXEC" {
			return "*0\r\n"
		}
		return "+QUEUED\r\n"
	})
	follower := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		if words[0] == "PING" {
			return "+QUEUED\r\n"
		}
		return fmt.Sprintf("-MOVED 1 127.0.0.1:%d\r\n", leader.port())
	})
	s := testSession(follower.port())
	defer s.close()
	for _, line := range []string{"MULTI", "PING", "SET k v", "EXEC"} {
		if r, err := s.exec(strings.Fields(line)); err != nil || r.IsError() {
			t.Fatalf("%s: %q, %v", line, r.Text, err)
		}
	}
	if got := strings.Join(leader.got(), ","); got != "MULTI,PING,SET k v,EXEC" {
		t.Errorf("the leader got %s", got)
	}
}

// TestWhatWasNeverSentIsSent: a connection that the server has closed while
// nothing was sent leaves no doubt: a write goes out on a new one.
func TestWhatWasNeverSentIsSent(t *testing.T) {
	n := startFake(t, func(words []string) string {
		if words[0] == "QUIT" {
			return ""
		}
		return "+OK\r\n"
	})
	s := testSession(n.port())
	defer s.close()
	if _, err := s.exec([]string{"SET", "k", "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.send(resp.AppendCommand(nil, "QUIT")); err != nil {
		t.Fatal(err)
	}
	for s.conn.alive() { // until the end has come
		time.Sleep(time.Millisecond)
	}
	if r, err := s.exec([]string{"INCR", "k"}); err != nil || string(r.Text) != "OK" {
		t.Errorf("INCR on a connection that was closed: %q, %v", r.Text, err)
	}
	if got := n.got(); got[len(got)-1] != "INCR k" || len(got) != 3 {
		t.Errorf("the server got %q", got)
	}
}

// TestUnknownOutcomeIsSaid: a write whose reply does not come.
func TestUnknownOutcomeIsSaid(t *testing.T) {
	n := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		return ""
	})
	s := testSession(n.port())
	defer s.close()
	_, err := s.exec([]string{"INCR", "k"})
	if err == nil || !strings.Contains(err.Error(), "not known whether the command was carried out") {
		t.Errorf("INCR: %v", err)
	}
	if _, err = s.exec([]string{"GET", "k"}); err == nil || err.Error() != errEnded.Error() {
		t.Errorf("GET: %v", err)
	}
	if _, err = s.exec([]string{"SHUTDOWN"}); err != errServerEnded {
		t.Errorf("SHUTDOWN: %v", err)
	}
}

// TestAReplyIsAwaitedForHours, as BLPOP with a long timeout needs.
func TestAReplyIsAwaitedForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		go func() {
			defer far.Close()
			if _, err := resp.NewReader(far, resp.DefaultLimits()).Read(); err == nil {
				time.Sleep(3 * time.Hour)
				_, _ = io.WriteString(far, "*-1\r\n")
			}
		}()
		c := &Conn{conn: near, in: resp.NewReader(near, resp.DefaultLimits())}
		if r, err := c.Do(0, "BLPOP", "q", "10800"); err != nil || r.Kind != resp.Null {
			t.Errorf("%q, %v", r.Text, err)
		}
	})
}

// runLines feeds lines to the client as a pipe does and returns what it prints.
func runLines(t *testing.T, port int, text string) (out, errs string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		defer w.Close()
		_, _ = io.WriteString(w, text)
	}()
	var stdout, stderr bytes.Buffer
	o := options{host: "127.0.0.1", port: port, follow: true, patience: time.Minute,
		format: format{style: styleRaw, between: "\n", after: "\n"}}
	c := &client{t: Tool{In: r, Out: &stdout, Err: &stderr, Getenv: os.Getenv}, o: o, out: bufio.NewWriter(&stdout)}
	c.s = newSession(o, c.out, &stderr)
	defer c.s.close()
	if status := c.lines(); status != exitOK {
		t.Errorf("exit status %d", status)
	}
	return stdout.String(), stderr.String()
}

// TestLinesAreSentAhead: a server that answers only when ten commands are there
// gets ten.
func TestLinesAreSentAhead(t *testing.T) {
	const together = 10
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := resp.NewReader(conn, resp.DefaultLimits())
		if _, err := in.Read(); err != nil { // CLUSTER SLOTS
			return
		}
		_, _ = io.WriteString(conn, "-ERR no\r\n")
		for range together {
			if _, err := in.Read(); err != nil {
				return
			}
		}
		for i := range together {
			fmt.Fprintf(conn, ":%d\r\n", i)
		}
		_, _ = in.Read() // until the client has gone
	}()
	out, errs := runLines(t, l.Addr().(*net.TCPAddr).Port, strings.Repeat("incr n\n", together))
	if want := "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n"; out != want || errs != "" {
		t.Errorf("got %q, %q", out, errs)
	}
}

// TestAWindowIsRedirectedInOrder: half of a window is answered, the rest moves.
func TestAWindowIsRedirectedInOrder(t *testing.T) {
	leader := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		return "+at the leader " + words[1] + "\r\n"
	})
	follower := startFake(t, func(words []string) string {
		if reply, ok := quietAnswer(words); ok {
			return reply
		}
		switch {
		case len(words) == 2:
			return "-ERR wrong number of arguments\r\n"
		case words[1] < "c":
			return "+here " + words[1] + "\r\n"
		}
		return fmt.Sprintf("-MOVED 1 127.0.0.1:%d\r\n", leader.port())
	})
	out, errs := runLines(t, follower.port(), "set a 1\nset b 1\nset c 1\nset d\nset e 1\n")
	want := "here a\nhere b\nat the leader c\nERR wrong number of arguments\n\nat the leader e\n"
	if out != want || errs != "" {
		t.Errorf("got %q, %q; want %q", out, errs, want)
	}
}

// TestSecretsStayOutOfTheHistory looks at lines with and without a password, and at which users may read
// the file: a new one, and one that was there and others could read.
func TestSecretsStayOutOfTheHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	for _, before := range []os.FileMode{0, 0o644, 0o666} {
		if before != 0 {
			if err := os.Chmod(path, before); err != nil {
				t.Fatal(err)
			}
		}
		c := &client{t: Tool{Getenv: func(string) string { return path }}}
		if got := c.historyFile(); got != path {
			t.Errorf("the history is at %q", got)
		}
		if fi, err := os.Stat(path); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("mode %v before: %v, %v", before, fi, err)
		}
	}
	// One that has grown long is written anew, by whom it was written before and for nobody else.
	var long strings.Builder
	for i := range 3*historyLines + 1 {
		fmt.Fprintln(&long, "get", i)
	}
	if err := os.WriteFile(path, []byte(long.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &client{s: testSession(1), t: Tool{Getenv: func(string) string { return path }}}
	how := c.reading(c.historyFile())
	how.Stdin, how.Stdout, how.Stderr = io.NopCloser(strings.NewReader("")), io.Discard, io.Discard
	rl, err := readline.NewEx(how)
	if err != nil {
		t.Fatal(err)
	}
	_ = rl.SaveHistory("get more")
	_ = rl.Close()
	kept, err := os.ReadFile(path)
	if fi, bad := os.Stat(path); err != nil || bad != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("a long one: %v, %v, %v", fi, bad, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(kept), "\n"), "\n")
	if n := len(lines); n != historyLines+1 || lines[n-1] != "get more" || lines[n-2] != fmt.Sprint("get ", 3*historyLines) {
		t.Errorf("%d lines are kept, to %q", n, lines[max(0, n-2):])
	}
	s := testSession(1)
	for line, secret := range map[string]bool{
		"auth x": true, "AUTH me x": true, "2 auth x": true, "hello 3 auth me x": true, "hello 3": false,
		"config set requirepass x": true, "config set maxmemory 1 masterauth x": true, "CONFIG SET cluster-secret x": true,
		"config set tls-key-file-pass x": true, "config set maxmemory 1": false, "config get requirepass": true,
		"acl setuser me on >x": true, "acl whoami": false, "migrate h 1 k 0 1 AUTH x": true, "migrate h 1 k 0 1": false,
		"sentinel set m auth-pass x": true, "set k v": false, "get auth": false,
	} {
		if got := s.secret(strings.Fields(line)); got != secret {
			t.Errorf("%s: %t", line, got)
		}
	}
	cfg := config.New()
	cfg.Each(func(name, _ string) {
		if cfg.IsSecret(name) && !s.secret([]string{"config", "set", "maxmemory", "1", name, "x"}) {
			t.Errorf("CONFIG SET %s would be kept", name)
		}
	})
}

// TestHints are what is still to be typed.
func TestHints(t *testing.T) {
	c := &client{s: testSession(1)}
	for line, want := range map[string]string{
		"get": " key", "get ": "key", "get k": "", "GETRANGE k ": "start end", "getrange k 1": " end",
		"lpush k": " element [element ...]", "lpush k v": " [element ...]", "lpush k v ": "[element ...]",
		"config get ": "parameter [parameter ...]", "nosuch ": "", "": "", "get \"k": "",
		"set k v ": "[NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
	} {
		if got := c.hint(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// TestCompletions of commands, subcommands and help topics.
func TestCompletions(t *testing.T) {
	c := &client{s: testSession(1)}
	for line, want := range map[string]string{
		"getr": "GETRANGE", "config re": "CONFIG RESETSTAT,CONFIG REWRITE", "help @li": "help @list", "nosuch": "",
	} {
		if got := strings.Join(c.completions(line), ","); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}
