package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// How services start and signal a server: redis-server's configuration files,
// daemonize, supervised, SIGHUP, SIGPIPE, log rotation. The servers listen on
// sockets in their own directories, so that nothing guesses a port.

// patience bounds waits that end as soon as what is waited for is there.
const patience = 60 * time.Second

// atSocket is a client of a server that listens on a unix socket.
func atSocket(t *testing.T, path string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: path, MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// serves waits until a server answers at a socket.
func serves(t *testing.T, c *redis.Client) {
	t.Helper()
	if err := harness.Until(within(t, patience), func() error { return c.Ping(t.Context()).Err() }); err != nil {
		t.Fatal(err)
	}
}

// processOf is the server's process.
func processOf(t *testing.T, c *redis.Client) int {
	t.Helper()
	info, err := c.Info(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`process_id:(\d+)`).FindStringSubmatch(info)
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// stockConfig is the configuration file of Debian's redis-server with its
// places changed to a directory of the test's, listening on a socket there.
func stockConfig(t *testing.T, dir string) string {
	t.Helper()
	stock, err := os.ReadFile("/etc/redis/redis.conf")
	if err != nil {
		t.Fatalf("Debian's redis.conf is needed: `make tools` installs it (%v)", err)
	}
	text := string(stock)
	for name, value := range map[string]string{
		"dir": dir, "pidfile": filepath.Join(dir, "pid"), "logfile": filepath.Join(dir, "log"), "port": "0\nunixsocket " + filepath.Join(dir, "s"),
	} {
		changed := regexp.MustCompile(`(?m)^`+name+` .*$`).ReplaceAllLiteralString(text, name+" "+value)
		if changed == text {
			t.Fatalf("the stock file has no line %s", name)
		}
		text = changed
	}
	path := filepath.Join(dir, "redis.conf")
	write(t, path, text)
	return path
}

// TestStockConfigDaemonizes: the file that Debian installs starts Regent in the
// background; the command returns once it serves.
func TestStockConfigDaemonizes(t *testing.T) {
	dir := t.TempDir()
	conf := stockConfig(t, dir)
	if out, status := run(t, "", conf); status != 0 || out != "" {
		t.Fatalf("exit status %d, %q", status, out)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(dir, "pid"))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	c := atSocket(t, filepath.Join(dir, "s"))
	serves(t, c)
	if got := processOf(t, c); got != pid {
		t.Errorf("process %d serves, the file says %d", got, pid)
	}
	if log := read(t, filepath.Join(dir, "log")); !regexp.MustCompile(`These directives are known and have no effect: .*\bdisable-thp\b`).MatchString(log) {
		t.Errorf("the log does not say what has no effect:\n%s", log)
	}
	// What cannot listen says so here, and not only in the log.
	nowhere := filepath.Join(dir, "no", "such", "s")
	if out, status := run(t, "", conf, "--unixsocket", nowhere); status != 1 || !strings.Contains(out, nowhere) {
		t.Errorf("a start that cannot listen: exit status %d, %q", status, out)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone := func() error {
		if syscall.Kill(pid, 0) == nil && !zombie(pid) {
			return fmt.Errorf("process %d runs", pid)
		}
		return nil
	}
	if err := harness.Until(within(t, patience), gone); err != nil {
		t.Error(err)
	}
}

// zombie reports whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// startAt starts a server on a socket in a directory.
func startAt(t *testing.T, dir string, cmd *exec.Cmd) *redis.Client {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c := atSocket(t, filepath.Join(dir, "s"))
	serves(t, c)
	return c
}

func socketArgs(dir string, more ...string) []string {
	return append([]string{"--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir}, more...)
}

// TestOutlivesItsReaders: a server whose output nobody reads any more, and whose
// terminal is gone, goes on.
func TestOutlivesItsReaders(t *testing.T) {
	dir := t.TempDir()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary(), socketArgs(dir)...)
	cmd.Stdout, cmd.Stderr = to, to
	c := startAt(t, dir, cmd)
	_, _ = from.Close(), to.Close()
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGPIPE} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		// Each writes a line to the pipe that nobody reads.
		if err := c.BgSave(t.Context()).Err(); err != nil && !strings.Contains(err.Error(), "in progress") {
			t.Fatalf("after %v: %v", sig, err)
		}
		if err := c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatalf("after %v: %v", sig, err)
		}
	}
}

// TestLogFileIsRotated by a rename alone, and at once by a rename and SIGHUP.
func TestLogFileIsRotated(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "x.log")
	cmd := exec.Command(binary(), socketArgs(dir, "--logfile", log)...)
	c := startAt(t, dir, cmd)
	rotated := func(name string, hup bool) {
		t.Helper()
		if err := os.Rename(log, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if hup {
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		there := func() error {
			if !hup { // a line is what makes the server look
				_ = c.BgSave(t.Context()).Err()
			}
			_, err := os.Stat(log)
			return err
		}
		if err := harness.Until(within(t, patience), there); err != nil {
			t.Fatal(err)
		}
	}
	rotated("x.log.1", false)
	rotated("x.log.2", true)
}

// TestSupervised: the service manager is told when the server loads, serves and
// ends.
func TestSupervised(t *testing.T) {
	dir := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	says := func(want string) {
		t.Helper()
		buf := make([]byte, 1024)
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		n, err := manager.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("%q, %v; want %q", buf[:n], err, want)
		}
	}
	cmd := exec.Command(binary(), socketArgs(dir, "--supervised", "auto", "--daemonize", "yes")...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
	c := startAt(t, dir, cmd)
	if got := processOf(t, c); got != cmd.Process.Pid {
		t.Errorf("a supervised server has gone to the background: process %d", got)
	}
	says("STATUS=Regent is loading...\n")
	says("STATUS=Ready to accept connections\nREADY=1\n")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	says("STOPPING=1\n")
}

// TestConfigurationFromStandardInput, whole files included in it, flags over it.
func TestConfigurationFromStandardInput(t *testing.T) {
	for _, place := range []string{"first", "last"} {
		t.Run(place, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "1.inc"), "timeout 5\nhz 20\n")
			write(t, filepath.Join(dir, "2.inc"), "timeout 6\n")
			args := append(socketArgs(dir), "--maxclients 77")
			if place == "first" {
				args = append([]string{"-"}, args...)
			} else {
				args = append(args, "-")
			}
			cmd := exec.Command(binary(), args...)
			cmd.Stdin = strings.NewReader("maxclients 50\ninclude " + filepath.Join(dir, "*.inc") + "\n")
			c := startAt(t, dir, cmd)
			for name, want := range map[string]string{"timeout": "6", "hz": "20", "maxclients": "77"} {
				if got := c.ConfigGet(t.Context(), name).Val()[name]; got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}
