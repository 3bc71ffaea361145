package integration

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// run runs the binary to its end and returns its output and exit status.
func run(t *testing.T, stdin string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(within(t, 30*time.Second), binary(), args...)
	cmd.Dir = t.TempDir()
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestRefusedStarts: one clear line, exit 1.
func TestRefusedStarts(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "bad.conf")
	write(t, conf, "port 7000\n\nappendfsync sometimes\n")
	none := filepath.Join(t.TempDir(), "none.conf")
	taken := startNode(t)
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"unknown directive":    {[]string{"--no-such-thing", "1"}, []string{"no-such-thing"}},
		"bad value":            {[]string{"--port", "x"}, []string{"port"}},
		"bad value in a file":  {[]string{conf}, []string{conf + ":3", "appendfsync"}},
		"missing file":         {[]string{none}, []string{none}},
		"port in use":          {[]string{"--port", strconv.Itoa(taken.Port)}, []string{strconv.Itoa(taken.Port)}},
		"directory in use":     {[]string{"--port", "0", "--unixsocket", filepath.Join(t.TempDir(), "s"), "--dir", taken.Dir}, []string{"another"}},
		"peers without a log":  {[]string{"--port", "1", "--peers", "h:1,h:2,h:3", "--appendonly", "no"}, []string{"appendonly"}},
		"bad peers":            {[]string{"--peers", "host"}, []string{"peers", "host"}},
		"password, no secret":  {[]string{"--port", "1", "--peers", "h:1,h:2,h:3", "--requirepass", "x"}, []string{"masterauth"}},
		"bad flag of cluster":  {[]string{"cluster", "--nodes", "0"}, []string{"nodes"}},
		"port of a cluster":    {[]string{"cluster", "--port", strconv.Itoa(taken.Port), "--nodes", "1"}, []string{strconv.Itoa(taken.Port)}},
		"cli without a server": {[]string{"cli", "-p", "1", "ping"}, []string{"Could not connect to Regent at 127.0.0.1:1: Connection refused"}},
	} {
		out, status := run(t, "", c.args...)
		if status != 1 {
			t.Errorf("%s: exit status %d\n%s", name, status, out)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		for _, s := range c.says {
			if !strings.Contains(lines[len(lines)-1], s) {
				t.Errorf("%s: the last line does not name %q:\n%s", name, s, out)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFlagsWinOverTheFile and signals end in order.
func TestFlagsWinOverTheFile(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "regent.conf")
	write(t, conf, "# a comment\nport 1\nTimeout 17\nrequirepass \"se cret\"\n")
	n := prepareNode(t, binary(), "--requirepass", "open")
	n.Before = []string{conf}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	cliArgs := []string{"cli", "-p", strconv.Itoa(n.Port), "-a", "open", "--no-auth-warning"}
	err := harness.Until(within(t, time.Minute), func() error {
		if out, _ := run(t, "", append(cliArgs, "config", "get", "timeout")...); out != "timeout\n17\n" {
			return fmt.Errorf("%q", out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, status := run(t, "", append(cliArgs, "config", "set", "timeout", "18")...); out != "OK\n" || status != 0 {
		t.Fatalf("CONFIG SET: %q, status %d", out, status)
	}
	if out, status := run(t, "", append(cliArgs, "config", "rewrite")...); out != "OK\n" || status != 0 {
		t.Fatalf("CONFIG REWRITE: %q, status %d", out, status)
	}
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# a comment\n") || !strings.Contains(strings.ToLower(string(text)), "timeout 18") {
		t.Errorf("the rewritten file:\n%s", text)
	}
	if err := n.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status, err := n.Exited(within(t, time.Minute)); status != 0 || err != nil {
		t.Errorf("SIGINT: exit status %d, %v", status, err)
	}
}

// TestCliReadsABatch pipes lines into the client.
func TestCliReadsABatch(t *testing.T) {
	n := startNode(t)
	out, status := run(t, "set k \"a b\"\nget k\n\nincr n\n", "cli", "-p", strconv.Itoa(n.Port), "--no-raw")
	if want := "OK\n\"a b\"\n(integer) 1\n"; out != want || status != 0 {
		t.Errorf("got %q, status %d; want %q", out, status, want)
	}
	out, status = run(t, "", "cli", "-p", strconv.Itoa(n.Port), "--json", "mget", "k", "none", "n")
	if want := `["a b",null,"1"]` + "\n"; out != want || status != 0 {
		t.Errorf("got %q, status %d; want %q", out, status, want)
	}
	if out, status = run(t, "", "cli", "-p", strconv.Itoa(n.Port), "incr", "k"); status != 0 || !strings.HasPrefix(out, "ERR value is not an integer") {
		t.Errorf("an error reply: %q, status %d", out, status)
	}
	if out, status = run(t, "", "cli", "-p", strconv.Itoa(n.Port), "-e", "incr", "k"); status != 1 || !strings.HasPrefix(out, "ERR value is not an integer") {
		t.Errorf("an error reply with -e: %q, status %d", out, status)
	}
}

// TestClusterCommand runs `regent cluster` as the README does: reads the
// table, kills the leader, reads through another node, waits for the return,
// ends it with Ctrl-C.
func TestClusterCommand(t *testing.T) {
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	base := ports[0]
	cmd := exec.Command(binary(), "cluster", "--port", strconv.Itoa(base), "--restart", "1s", "--dir", t.TempDir())
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for sc := bufio.NewScanner(stdout); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	expect := func(pattern string) []string {
		t.Helper()
		re := regexp.MustCompile(pattern)
		late := time.After(20 * time.Second)
		for {
			select {
			case line, open := <-lines:
				if !open {
					t.Fatalf("the command has ended before %q", pattern)
				}
				if m := re.FindStringSubmatch(line); m != nil {
					return m
				}
			case <-late:
				t.Fatalf("no line like %q", pattern)
			}
		}
	}
	leader := expect(`^(\d+) +127\.0\.0\.1:\d+ +(\d+) +LEADER`)
	expect(`redis-cli -c -p \d+ set`)
	other := base
	if leader[1] == strconv.Itoa(base) {
		other = base + 1
	}
	if out, status := run(t, "", "cli", "-p", strconv.Itoa(other), "set", "k", "v"); out != "OK\n" {
		t.Fatalf("set: %q, status %d", out, status)
	}
	pid, _ := strconv.Atoi(leader[2])
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	expect(`^Node ` + leader[1] + ` has ended`)
	expect(`  Node ` + leader[1] + ` no longer leads: its process has ended \(signal: killed\)`)
	expect(`  Node \d+ leads, epoch \d+: elected by a majority.* No node led for at most \d+\.\d\d s`)
	expect(`LEADER`)
	expect(`^1 change of leader; without a leader`)
	if out, status := run(t, "", "cli", "-p", strconv.Itoa(other), "get", "k"); out != "v\n" {
		t.Fatalf("get after the failover: %q, status %d", out, status)
	}
	expect(`^Node ` + leader[1] + ` is started again`)
	expect(`^` + leader[1] + ` .*follower of`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range lines { // until every child has let go of the pipe
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	if _, status := run(t, "", "cli", "-p", strconv.Itoa(other), "ping"); status != 1 {
		t.Errorf("node %d still answers", other)
	}
}
