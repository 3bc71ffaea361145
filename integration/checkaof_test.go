package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// A toolRun is what a run of one of the binary's tools has said.
type toolRun struct {
	status int
	out    string // both streams
}

// runTool runs the binary with in as its standard input.
func runTool(t *testing.T, in string, args ...string) toolRun {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(), args...)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return toolRun{cmd.ProcessState.ExitCode(), out.String()}
}

// wants fails unless the run ended with status and said all of words.
func (r toolRun) wants(t *testing.T, status int, words ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("exit status %d, want %d:\n%s", r.status, status, r.out)
	}
	for _, w := range words {
		if !strings.Contains(r.out, w) {
			t.Errorf("it does not say %q:\n%s", w, r.out)
		}
	}
}

func flipByte(t *testing.T, path string, find string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte(find))
	if at < 0 {
		t.Fatalf("%s does not hold %q", path, find)
	}
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// aNodeWith is a node that has written n keys, one after another, and ended.
func aNodeWith(t *testing.T, n int) *harness.Node {
	t.Helper()
	node := startNode(t, "--appendfsync", "no")
	c := client(t, node)
	for i := range n {
		if err := c.Set(t.Context(), fmt.Sprint("key", i), fmt.Sprint("value", i, "."), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	return node
}

// startsWith starts the node and counts its keys.
func startsWith(t *testing.T, n *harness.Node, keys int64) {
	t.Helper()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	c := client(t, n)
	if got := c.DBSize(t.Context()).Val(); got != keys {
		t.Errorf("%d keys, want %d", got, keys)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
}

// TestCheckAOFFindsAndCuts damages a record in the middle: the check names the
// place and what a cut there loses, changes nothing, cuts when told to, and the
// server then starts with what stands before.
func TestCheckAOFFindsAndCuts(t *testing.T) {
	n := aNodeWith(t, 100)
	file := incrFile(t, n.Dir)
	runTool(t, "", "check-aof", n.Dir).wants(t, 0, "The log is whole: 100 records", "100 groups match")
	flipByte(t, file, "value60.")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"DAMAGED at byte", filepath.Base(file), "after 60 good records", "does not match its checksum", "39 records of it can be read, in 39 groups"}
	for _, path := range []string{n.Dir, filepath.Dir(file), filepath.Join(filepath.Dir(file), "appendonly.aof.manifest"), file} {
		runTool(t, "", "check-aof", path).wants(t, 1, want...)
	}
	for _, in := range []string{"", "n\n", "\n", "yes, please\n"} {
		runTool(t, in, "check-aof", "--fix", n.Dir).wants(t, 1, append(want, "[y/N]", "Nothing was changed")...)
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.Equal(text, whole) {
		t.Fatalf("the file was changed without consent: %v", err)
	}
	runTool(t, "y\n", "check-aof", "--fix", n.Dir).wants(t, 0, append(want, "The log is whole now: 60 records")...)
	runTool(t, "", "check-aof", n.Dir).wants(t, 0, "The log is whole: 60 records")
	startsWith(t, n, 60)
}

// TestCheckAOFCutsAtAnOffset cuts a whole log at an offset between two records,
// and refuses one inside a record.
func TestCheckAOFCutsAtAnOffset(t *testing.T) {
	n := aNodeWith(t, 20)
	r := runTool(t, "", "check-aof", n.Dir)
	end, err := strconv.ParseInt(regexp.MustCompile(`up to offset (\d+)`).FindStringSubmatch(r.out)[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	last := int64(len("*3\r\n$3\r\nSET\r\n$5\r\nkey19\r\n$8\r\nvalue19.\r\n"))
	runTool(t, "", "check-aof", "--truncate-to-offset", fmt.Sprint(end-1), n.Dir).
		wants(t, 1, "is not between two units", fmt.Sprintf("one begins at %d", end-last))
	runTool(t, "", "check-aof", "--truncate-to-offset", fmt.Sprint(end+1), n.Dir).wants(t, 1, "is behind the last good one")
	runTool(t, "", "check-aof", "--truncate-to-offset", fmt.Sprint(end), n.Dir).wants(t, 0, "ends there already")
	runTool(t, "y\n", "check-aof", "--truncate-to-offset", fmt.Sprint(end-2*last), n.Dir).
		wants(t, 0, "2 records of it can be read", fmt.Sprintf("from offset %d to %d", end-2*last, end), "whole now: 18 records")
	startsWith(t, n, 18)
}

// TestCheckAOFKeepsOut: while a server uses the directory nothing is looked at.
func TestCheckAOFKeepsOut(t *testing.T) {
	n := startNode(t)
	runTool(t, "y\n", "check-aof", "--fix", "--yes", n.Dir).wants(t, 1, "in use by a server")
	runTool(t, "", "check-aof", filepath.Join(n.Dir, "nothing")).wants(t, 1, "no such file")
	runTool(t, "", "check-aof", t.TempDir()).wants(t, 1, "holds no log")
	runTool(t, "", "check-aof").wants(t, 1, "is needed")
}

// TestCheckAOFOfRedis checks and repairs what redis-server wrote, and
// redis-check-aof agrees, before and after.
func TestCheckAOFOfRedis(t *testing.T) {
	redisCheck := need(t, "redis-check-aof")
	for _, preamble := range []string{"yes", "no"} {
		n := startRedis(t, "--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", preamble)
		c := client(t, n)
		c.MSet(t.Context(), "a", "1", "b", strings.Repeat("long ", 100))
		rewriteLog(t, c)
		for i := range 10 {
			c.Set(t.Context(), fmt.Sprint("key", i), fmt.Sprint("value", i, "."), 0)
		}
		if err := n.Kill(); err != nil {
			t.Fatal(err)
		}
		file, manifest := incrFile(t, n.Dir), filepath.Join(n.Dir, "appendonlydir", "appendonly.aof.manifest")
		runTool(t, "", "check-aof", n.Dir).wants(t, 0, "The log is whole", "no checksums (written by Redis)")
		flipByte(t, file, "*3\r\n$3\r\nset\r\n$4\r\nkey7")
		runTool(t, "", "check-aof", n.Dir).wants(t, 1, "DAMAGED", "not a record, and records follow it", "2 records of it can be read")
		if out, err := exec.Command(redisCheck, manifest).CombinedOutput(); err == nil {
			t.Fatalf("redis-check-aof finds nothing: %s", out)
		}
		runTool(t, "", "check-aof", "--fix", "--yes", n.Dir).wants(t, 0, "The log is whole now")
		if out, err := exec.Command(redisCheck, manifest).CombinedOutput(); err != nil {
			t.Fatalf("redis-check-aof of the repaired log: %v\n%s", err, out)
		}
		startsWith(t, n, 9)
		if preamble == "yes" {
			base, err := filepath.Glob(filepath.Join(n.Dir, "appendonlydir", "*.base.rdb"))
			if err != nil || len(base) != 1 {
				t.Fatalf("no base: %v", err)
			}
			flipByte(t, base[0], "a\xc0\x01")
			runTool(t, "", "check-aof", n.Dir).wants(t, 1, "DAMAGED", filepath.Base(base[0]), "A base cannot be cut")
			runTool(t, "y\n", "check-aof", "--fix", n.Dir).wants(t, 1, "the damage is in the base file")
		}
	}
}

// TestRedisCheckAOFAcceptsOurs lets redis-check-aof look at a log with several
// databases, commands of several keys and expiries: as it was written, and after
// rewrites in both formats; and redis-server load it.
func TestRedisCheckAOFAcceptsOurs(t *testing.T) {
	check, server := need(t, "redis-check-aof"), need(t, "redis-server")
	n := aNodeWith(t, 10)
	for _, preamble := range []string{"", "yes", "no"} {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, n)
		c := client(t, n)
		c.Do(t.Context(), "MSET", "x", "1", "y", "#G+1 \r\n*1\r\n")
		c.Do(t.Context(), "SET", "mortal", "1", "EX", "1000")
		c.Do(t.Context(), "COPY", "x", "z", "DB", "3")
		if preamble != "" {
			c.ConfigSet(t.Context(), "aof-use-rdb-preamble", preamble)
			rewriteLog(t, c)
			c.Append(t.Context(), "y", preamble)
		}
		want := c.Get(t.Context(), "y").Val()
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(check, filepath.Join(n.Dir, "appendonlydir", "appendonly.aof.manifest")).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "All AOF files and manifest are valid") {
			t.Errorf("preamble %q: redis-check-aof: %v\n%s", preamble, err, out)
		}
		runTool(t, "", "check-aof", n.Dir).wants(t, 0, "The log is whole")
		r := prepareNode(t, server, "--save", "", "--appendonly", "yes")
		if err := os.CopyFS(filepath.Join(r.Dir, "appendonlydir"), os.DirFS(filepath.Join(n.Dir, "appendonlydir"))); err != nil {
			t.Fatal(err)
		}
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, r)
		rc := client(t, r)
		equal(t, rc.Get(t.Context(), "y"), want)
		if size := rc.DBSize(t.Context()).Val(); size != 13 {
			t.Errorf("preamble %q: redis-server has %d keys, want 13", preamble, size)
		}
		// And back, with what redis-server has added.
		rc.Set(t.Context(), "redis", preamble, 0)
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
		back := prepareNode(t, binary())
		if err := os.CopyFS(filepath.Join(back.Dir, "appendonlydir"), os.DirFS(filepath.Join(r.Dir, "appendonlydir"))); err != nil {
			t.Fatal(err)
		}
		startsWith(t, back, 14)
	}
}

// rewriteLog rewrites a server's log and waits for the end of it.
func rewriteLog(t *testing.T, c *redis.Client) {
	t.Helper()
	if err := c.BgRewriteAOF(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	ctx := within(t, harness.StartTimeout)
	if err := harness.Until(ctx, func() error {
		if strings.Contains(c.Info(ctx, "persistence").Val(), "aof_rewrite_in_progress:1") {
			return errors.New("a rewrite is in progress")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
