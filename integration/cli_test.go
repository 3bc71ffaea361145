package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// A cliRun is one way to call redis-cli and `regent cli`.
type cliRun struct {
	name   string
	stdin  string
	args   []string
	env    []string
	sorted bool // the lines' order is not settled
}

// A cliResult is what a client did.
type cliResult struct {
	out, err string
	status   int
}

// runClient runs one of the two with these arguments to its end.
func runClient(t *testing.T, argv []string, c cliRun) cliResult {
	t.Helper()
	cmd := exec.CommandContext(within(t, 60*time.Second), argv[0], append(slices.Clone(argv[1:]), c.args...)...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdin = strings.NewReader(c.stdin)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	if failed := cmd.Run(); failed != nil && cmd.ProcessState == nil {
		t.Fatal(failed)
	}
	r := cliResult{out.String(), err.String(), cmd.ProcessState.ExitCode()}
	r.err = strings.ReplaceAll(r.err, "connect to Redis at", "connect to Regent at")
	if c.sorted {
		lines := strings.Split(r.out, "\n")
		sort.Strings(lines)
		r.out = strings.Join(lines, "\n")
	}
	return r
}

// seed fills a server with a value of each kind.
func seed(t *testing.T, n *harness.Node) {
	t.Helper()
	c := n.Client()
	defer c.Close()
	pipe := c.Pipeline()
	for _, words := range [][]any{
		{"FLUSHALL"},
		{"SET", "str", "a\n\xff\"b\\\t\x01\x7fé"}, {"SET", "lines", "one\n\ntwo\n"}, {"SET", "n", "5"},
		{"RPUSH", "l", "a", "b", "c\n", "", "e", "f", "g", "h", "i", "j", "k"}, {"HSET", "h", "f", "v", "g\xfe", "w"},
		{"SADD", "s", "x"}, {"ZADD", "z", "1.5", "a", "2", "b", "inf", "c"}, {"XADD", "st", "1-1", "a", "b"},
	} {
		pipe.Do(t.Context(), words...)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// cliReplies are commands whose replies have every form.
func cliReplies() [][]string {
	return [][]string{
		{"get", "str"}, {"get", "lines"}, {"get", "none"}, {"incr", "str"}, {"incr", "n"}, {"lrange", "l", "0", "-1"},
		{"lrange", "none", "0", "-1"}, {"hgetall", "h"}, {"hgetall", "none"}, {"smembers", "s"}, {"smembers", "none"},
		{"zrange", "z", "0", "-1", "withscores"}, {"zscore", "z", "a"}, {"xrange", "st", "-", "+"}, {"xread", "streams", "st", "none", "0", "0"},
		{"ping"}, {"ping", "a", "b", "c"}, {"nosuch", "command"}, {"config", "get", "maxmemory*"}, {"command", "info", "get", "nosuch"},
		{"command", "docs", "get"}, {"client", "info", "x"}, {"lolwut", "version", "1"}, {"memory", "doctor"}, {"latency", "doctor"}, {"cluster", "info"},
		{"debug", "protocol", "string"}, {"debug", "protocol", "integer"}, {"debug", "protocol", "double"}, {"debug", "protocol", "null"},
		{"debug", "protocol", "array"}, {"debug", "protocol", "set"}, {"debug", "protocol", "map"}, {"debug", "protocol", "verbatim"},
		{"debug", "protocol", "true"}, {"debug", "protocol", "false"}, {"debug", "protocol", "push"},
		{"mset", "a", "1", "b", ""}, {"mget", "a", "b", "none", "str"}, {"eval", "return {1,{2,{'x','y'},3},{},false}", "0"},
		{"eval", "return redis.error_reply('MINE is this')", "0"}, {"-r", "3", "incr", "n"}, {"-r", "0", "ping"}, {"-e", "incr", "str"},
		{"-e", "get", "n"}, {"-d", "<>", "lrange", "l", "0", "2"}, {"-D", "|", "-r", "2", "get", "n"}, {"-D", "", "get", "str"},
		{"-n", "3", "dbsize"}, {"-n", "99", "ping"}, {"-2", "hgetall", "h"}, {"-3", "hgetall", "h"}, {"-3", "config", "get", "maxmemory"},
		{"-3", "smembers", "s"}, {"-3", "zrange", "z", "0", "-1", "withscores"}, {"--quoted-input", "get", `"\x73tr"`}, {"--quoted-input", "get", `"str`},
		{"set"}, {"-r", "2", "-i", "0.01", "ping"}, {"-i", "x", "ping"}, {"--verbose", "ping"}, {"--show-pushes", "no", "ping"}, {"help", "nosuch"},
		{"-z"}, {"-p"}, {"-r"}, {"-u", "http://x", "ping"}, {"-x", "-X", "y", "set", "a", "b"},
	}
}

// TestCliIsRedisCli runs redis-cli and `regent cli` with the same words against
// the same server: output, errors and exit status are the same bytes.
func TestCliIsRedisCli(t *testing.T) {
	redis := startRedis(t, "--enable-debug-command", "yes")
	var runs []cliRun
	for _, style := range []string{"", "--raw", "--no-raw", "--csv", "--json", "--quoted-json"} {
		for _, words := range cliReplies() {
			args := words
			if style != "" {
				args = append([]string{style}, words...)
			}
			runs = append(runs, cliRun{name: strings.Join(args, " "), args: args})
		}
	}
	for _, words := range cliReplies()[:40] {
		runs = append(runs, cliRun{name: "tty/" + strings.Join(words, " "), args: words, env: []string{"FAKETTY=1"}})
		runs = append(runs, cliRun{name: "tty3/" + strings.Join(words, " "), args: append([]string{"-3"}, words...), env: []string{"FAKETTY=1"}})
	}
	compareClis(t, redis, append(append(runs, cliInputs(t)...), cliModes()...))
}

// cliInputs are runs that read standard input or a file.
func cliInputs(t *testing.T) []cliRun {
	script := filepath.Join(t.TempDir(), "script.lua")
	write(t, script, "return {KEYS, ARGV, redis.call('get', 'n')}\n")
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, "set key:%d \"value\\n%d\"\nget key:%d\nincr str\nping\n", i, i, i)
	}
	return []cliRun{
		{name: "batch", stdin: "set a \"x\\ny\"\nget a\n2 incr n\nfoo\n\nget \"un\nlrange l 0 -1\nget str"},
		{name: "batch typed", stdin: "set a \"x\\ny\"\nget a\n2 incr n\nfoo\n\nget \"un\nlrange l 0 -1\nget str", args: []string{"--no-raw"}},
		{name: "batch quit", stdin: "get n\nquit\nget a\n"},
		{name: "batch exit", stdin: "get n\nEXIT\nget a\n"},
		{name: "batch CRLF", stdin: "get n\r\nset a b\r\n"},
		{name: "batch errors", stdin: "foo\nget n\n", args: []string{"-e"}},
		{name: "batch multi", stdin: "multi\nset a 1\nget str\nfoo\nexec\nmulti\nincr n\nget n\nexec\nmulti\nget n\ndiscard\n", args: []string{"--no-raw"}},
		{name: "batch select", stdin: "select 3\nget n\nset n 9\nselect 0\nget n\n"},
		{name: "batch blocks", stdin: "blpop l 0\nget n\nblpop none 0.01\nget n\n"},
		{name: "batch in RESP3", stdin: "hgetall h\nsmembers s\n", args: []string{"--csv", "-3"}},
		{name: "batch commands", stdin: "clear\nrestart\n0 ping\n-1 ping\n:set hints\n:nosuch\nping\n"},
		{name: "batch connect", stdin: "connect 127.0.0.1 1\nget n\n"},
		{name: "batch many", stdin: many.String()},
		{name: "batch shutdown", stdin: "shutdown nosave extra words\nping\n"},
		{name: "nothing", stdin: ""},
		{name: "-x", stdin: "he\nllo\x00\xff\n", args: []string{"-x", "set", "k"}},
		{name: "-x read back", stdin: "he\nllo\n", args: []string{"-x", "echo"}},
		{name: "-X", stdin: "tagged", args: []string{"-X", "tag", "mset", "k", "tag", "j", "x"}},
		{name: "-X without", stdin: "x", args: []string{"-X", "tag", "set", "a", "b"}},
		{name: "--eval", args: []string{"--eval", script, "k1", "k2", ",", "a1", "a2"}},
		{name: "--eval typed", args: []string{"--no-raw", "--eval", script, "k1", ",", "a1", ",", "a2"}},
		{name: "--eval keys", args: []string{"--eval", script, "k1"}},
		{name: "--eval missing", args: []string{"--eval", script + ".none"}},
		{name: "--pipe", stdin: "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nget\r\n$1\r\nl\r\nset a b\r\n", args: []string{"--pipe"}},
		{name: "--pipe nothing", args: []string{"--pipe"}},
		{name: "--pipe half", stdin: "foo\r\nset a", args: []string{"--pipe"}},
	}
}

// cliModes are runs with a special task or another way to the server.
func cliModes() []cliRun {
	return []cliRun{
		{name: "--scan", args: []string{"--scan"}, sorted: true},
		{name: "--scan typed", args: []string{"--no-raw", "--scan"}, sorted: true},
		{name: "--scan --pattern", args: []string{"--scan", "--pattern", "s*"}, sorted: true},
		{name: "--scan --quoted-pattern", args: []string{"--scan", "--quoted-pattern", `"\x73*"`}, sorted: true},
		{name: "--bigkeys", args: []string{"--bigkeys"}, sorted: true},
		{name: "--bigkeys of nothing", args: []string{"-n", "5", "--bigkeys"}, sorted: true},
		{name: "--memkeys", args: []string{"--memkeys"}, sorted: true},
		{name: "--memkeys-samples", args: []string{"--memkeys-samples", "2"}, sorted: true},
		{name: "--hotkeys refused", args: []string{"--hotkeys"}},
		{name: "-u", args: []string{"-u", "redis://127.0.0.1:%PORT%/3", "dbsize"}},
		{name: "-u password", args: []string{"-u", "redis://me:wrong@127.0.0.1:%PORT%/0", "ping"}},
		{name: "-a", args: []string{"-a", "wrong", "ping"}},
		{name: "--pass", args: []string{"--user", "me", "--pass", "wrong", "--no-auth-warning", "ping"}},
		{name: "REDISCLI_AUTH", args: []string{"ping"}, env: []string{"REDISCLI_AUTH=wrong"}},
		{name: "refused", args: []string{"-p", "1", "ping"}},
		{name: "refused batch", stdin: "ping\nping\n", args: []string{"-p", "1"}},
		{name: "no host", args: []string{"-h", "nosuch.invalid", "ping"}},
		{name: "no socket", args: []string{"-s", "/nosuch/socket", "ping"}},
		{name: "closed", args: []string{"client", "kill", "type", "normal", "skipme", "no"}},
	}
}

// compareClis runs both with each of the words and compares what they did.
func compareClis(t *testing.T, n *harness.Node, runs []cliRun) {
	t.Helper()
	theirs := []string{need(t, "redis-cli"), "-p", strconv.Itoa(n.Port)}
	ours := []string{binary(), "cli", "-p", strconv.Itoa(n.Port)}
	for _, c := range runs {
		for i, a := range c.args {
			c.args[i] = strings.ReplaceAll(a, "%PORT%", strconv.Itoa(n.Port))
		}
		seed(t, n)
		want := runClient(t, theirs, c)
		seed(t, n)
		got := runClient(t, ours, c)
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
	}
}

func (r cliResult) String() string {
	short := func(s string) string { return fmt.Sprintf("%q", s[:min(len(s), 1500)]) }
	return fmt.Sprintf("status %d, out %s, err %s", r.status, short(r.out), short(r.err))
}

// TestCliShutdownEndsOneNode: the node that is named ends, and no other, be it
// a follower or the leader, by word or from a pipe.
func TestCliShutdownEndsOneNode(t *testing.T) {
	c, _ := startCluster(t, 3)
	for _, leads := range []bool{false, true} {
		leader, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target := leader
		for _, n := range c.Nodes {
			if n != leader && !leads {
				target = n
			}
		}
		at := []string{"cli", "-p", strconv.Itoa(target.Port)}
		stdin, args := "", append(slices.Clone(at), "shutdown")
		if leads {
			stdin, args = "get k\nshutdown\nget k\n", append(slices.Clone(at), "--patience", "1s")
		}
		out, status := run(t, stdin, args...)
		if status != 0 {
			t.Errorf("SHUTDOWN: %q, status %d", out, status)
		}
		if status, err := target.Exited(within(t, 30*time.Second)); err != nil || status != 0 {
			t.Errorf("the node that was told to end: status %d, %v", status, err)
		}
		for _, n := range c.Nodes {
			if n != target && client(t, n).Ping(t.Context()).Err() != nil {
				t.Errorf("node %d has ended too", n.Port)
			}
		}
		if err := target.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, target)
	}
}

// TestCliWritesThroughAFollower: a file of lines, raw protocol and a blocking
// command, all begun at a follower.
func TestCliWritesThroughAFollower(t *testing.T) {
	c, leader := startCluster(t, 3)
	follower := c.Nodes[0]
	if follower == leader {
		follower = c.Nodes[1]
	}
	at := strconv.Itoa(follower.Port)
	var lines, wire, want strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&lines, "rpush l %d\n", i)
		fmt.Fprintf(&wire, "*3\r\n$5\r\nRPUSH\r\n$1\r\np\r\n$4\r\n%04d\r\n", i)
		fmt.Fprintf(&want, "%d\n", i+1)
	}
	if out, status := run(t, lines.String(), "cli", "-p", at); out != want.String() || status != 0 {
		t.Errorf("lines: status %d, %.200q", status, out)
	}
	out, status := run(t, wire.String(), "cli", "-p", at, "--pipe")
	if !strings.Contains(out, "errors: 0, replies: 2000") || status != 0 {
		t.Errorf("--pipe: status %d, %.200q", status, out)
	}
	r := client(t, leader)
	for _, key := range []string{"l", "p"} {
		list, err := r.LRange(t.Context(), key, 0, -1).Result()
		if err != nil || len(list) != 2000 {
			t.Fatalf("%s has %d elements, %v", key, len(list), err)
		}
		for i, v := range list {
			if n, _ := strconv.Atoi(v); n != i {
				t.Fatalf("element %d of %s is %s: the order was lost", i, key, v)
			}
		}
	}
	if out, status := run(t, "", "cli", "-p", at, "blpop", "l", "0"); out != "l\n0\n" || status != 0 {
		t.Errorf("BLPOP: %q, status %d", out, status)
	}
}
