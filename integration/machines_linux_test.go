package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// machines are network namespaces with README's addresses, where its lines run
// as they stand.
type machines struct {
	t     *testing.T
	hosts *harness.Hosts
	dir   string
}

// run starts a line on a machine, in a directory of its own that has bin/regent,
// and returns what ends it.
func (m *machines) run(machine int, place, line string) (stop func(), logFile string) {
	m.t.Helper()
	dir := filepath.Join(m.dir, place)
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(binary(), filepath.Join(dir, "bin", "regent")); err != nil && !os.IsExist(err) {
		m.t.Fatal(err)
	}
	logFile = filepath.Join(dir, "log")
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	argv := append(m.hosts.Prefix(machine), "sh", "-c", "exec "+line)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	m.t.Cleanup(func() {
		stop()
		if m.t.Failed() {
			text, _ := os.ReadFile(logFile)
			m.t.Logf("log of %s:\n%s", place, text)
		}
	})
	return stop, logFile
}

// client carries out a line from a machine that has no node.
func (m *machines) client(line string) string {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	argv := append(m.hosts.Hub(), "sh", "-c", line)
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s (%v)", out, err)
	}
	return strings.TrimSpace(string(out))
}

// expect has a line answered as wanted, at the first try.
func (m *machines) expect(line, want string) {
	m.t.Helper()
	if got := m.client(line); !strings.Contains(got, want) {
		m.t.Fatalf("%s\nanswers %q, want %q", line, got, want)
	}
}

// await has it answered so in the end.
func (m *machines) await(line, want string) {
	m.t.Helper()
	err := harness.Until(within(m.t, time.Minute), func() error {
		if got := m.client(line); !strings.Contains(got, want) {
			return fmt.Errorf("%s\nanswers %q, want %q", line, got, want)
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// lineWith is README's one line with all of the words.
func lineWith(t *testing.T, words ...string) string {
	t.Helper()
	found := ""
	for _, line := range readmeLines(t) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all && found != "" {
			t.Fatalf("README has several lines with %q", words)
		}
		if all {
			found = line
		}
	}
	if found == "" {
		t.Fatalf("README has no line with %q", words)
	}
	return found
}

func startMachines(t *testing.T, n int) *machines {
	t.Helper()
	need(t, "redis-cli")
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	hosts, err := harness.NewHostsIn("10.0.0.", n)
	t.Cleanup(func() {
		if err := hosts.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return &machines{t: t, hosts: hosts, dir: t.TempDir()}
}

// TestReadmeOnThreeMachines carries out README's lines for several machines on
// several machines, with protected mode as it is by default.
func TestReadmeOnThreeMachines(t *testing.T) {
	const auth = "REDISCLI_AUTH=SECRET redis-cli -c "
	m := startMachines(t, 4)

	t.Log("equal ports and an ID for each")
	line := lineWith(t, "./bin/regent", "--node-id 1")
	var stops []func()
	for i := range 3 {
		stop, _ := m.run(i, fmt.Sprint("equal", i+1), strings.ReplaceAll(line, "--node-id 1", fmt.Sprint("--node-id ", i+1)))
		stops = append(stops, stop)
	}
	m.await(auth+"-h 10.0.0.1 -p 6379 set k equal", "OK")
	for _, stop := range stops {
		stop()
	}

	t.Log("without a password for clients the nodes find one another as well")
	line = lineWith(t, "./bin/regent", "--port 7001", "10.0.0.3:7003")
	const password = " --requirepass SECRET"
	stops = nil
	for i := range 3 {
		stop, _ := m.run(i, fmt.Sprint("open", i+1), strings.ReplaceAll(strings.ReplaceAll(line, "--port 7001", fmt.Sprint("--port ", 7001+i)), password, ""))
		stops = append(stops, stop)
	}
	m.await("redis-cli -h 10.0.0.1 -p 7001 ping", "DENIED Redis is running in protected mode")
	on := func(machine int, cmd string) string {
		out, _ := exec.CommandContext(within(t, time.Minute), "sh", "-c", strings.Join(m.hosts.Prefix(machine), " ")+" "+cmd).CombinedOutput()
		return string(out)
	}
	if err := harness.Until(within(t, time.Minute), func() error {
		if got := on(0, "redis-cli -p 7001 info regent"); !strings.Contains(got, "leader_addr:10.0.0.3:7003") {
			return fmt.Errorf("no leader: %s", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, stop := range stops {
		stop()
	}

	t.Log("as it stands")
	stops = nil
	var logs []string
	for i := range 3 {
		stop, log := m.run(i, fmt.Sprint("m", i+1), strings.ReplaceAll(line, "--port 7001", fmt.Sprint("--port ", 7001+i)))
		stops, logs = append(stops, stop), append(logs, log)
	}
	m.await(lineWith(t, "redis-cli", "10.0.0.1", "set k v"), "OK")

	t.Log("a fourth one")
	fourth := lineWith(t, "./bin/regent", "--port 7004")
	if err := os.MkdirAll(filepath.Join(m.dir, "m4", strings.Fields(lineWith(t, "mkdir"))[1]), 0o755); err != nil {
		t.Fatal(err)
	}
	stopFourth, _ := m.run(3, "m4", fourth)
	m.expect(lineWith(t, "NODE ADD 7004"), "OK")
	list := lineWith(t, "NODE LIST")
	m.expect(list, "10.0.0.4:7004")
	m.await(auth+"-h 10.0.0.4 -p 7004 role", "master") // the highest ID takes over
	m.expect(auth+"-h 10.0.0.1 -p 7001 cluster nodes", "10.0.0.4:7004@7004 master")
	m.expect(auth+"-h 10.0.0.2 -p 7002 set k w", "OK")

	t.Log("it comes back without a word about where it is, and leads again")
	stopFourth()
	stopFourth, _ = m.run(3, "m4", fourth)
	m.await(auth+"-h 10.0.0.4 -p 7004 role", "master")
	m.await("REDISCLI_AUTH=SECRET redis-cli -h 10.0.0.1 -p 7001 set k x", "MOVED 7629 10.0.0.4:7004")
	m.expect(lineWith(t, "NODE REMOVE 7004"), "OK")
	if got := m.client(list); strings.Contains(got, "7004") {
		t.Errorf("it is still there: %s", got)
	}
	stopFourth()

	t.Log("typos")
	for typo, want := range map[string]string{
		"7002@nosuch.invalid:7002": "Node 7002 has not proved that it is at nosuch.invalid:7002, nothing is changed",
		"7002@10.0.0.1:7001":       "Node 7001 is at 10.0.0.1:7001",
		"7005@127.0.0.1:7005":      "is on one machine alone",
		"7005@10.0.0.2:7005":       "Node 7005 has not proved that it is at 10.0.0.2:7005",
	} {
		m.expect(auth+"-h 10.0.0.1 -p 7001 REGENT NODE ADD "+typo, want)
	}
	m.expect(auth+"-h 10.0.0.1 -p 7001 set k y", "OK")

	t.Log("a node that moved")
	stops[1]()
	if err := m.hosts.AddIP(1, 9); err != nil {
		t.Fatal(err)
	}
	moved := strings.ReplaceAll(line, "--port 7001", "--port 7002 --node-id 7002 --announce-host 10.0.0.9")
	_, _ = m.run(1, "m2", moved)
	m.await(auth+"-h 10.0.0.9 -p 7002 ping", "PONG")
	m.expect(lineWith(t, "NODE ADD 7002@10.0.0.9"), "OK")
	m.expect(list, "10.0.0.9:7002")
	m.await(auth+"-h 10.0.0.9 -p 7002 get k", "y")
	for _, log := range logs {
		if text, _ := os.ReadFile(log); strings.Contains(string(text), "DENIED") {
			t.Errorf("a peer was denied:\n%s", text)
		}
	}
}
