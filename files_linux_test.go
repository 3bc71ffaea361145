package regent

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"regent/engine/config"
	"regent/node/machine"
)

// inFewFiles names the variable that makes the test binary a server with few files.
const inFewFiles = "REGENT_TEST_FEW_FILES"

// TestFewFiles: with few descriptors as many clients as fit are served, one that comes then is
// told so, and the node goes on: it saves, and rewrites its log.
func TestFewFiles(t *testing.T) {
	if dir := os.Getenv(inFewFiles); dir != "" {
		serveInFewFiles(t, dir)
		return
	}
	const files = 64
	one := config.New()
	one.IOThreads.Set(1)
	reserve := int(machine.ReservedFiles(one, 0, 0))
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", fmt.Sprintf("ulimit -n %d && exec \"$0\" -test.run='^TestFewFiles$'", files), os.Args[0])
	cmd.Env = append(os.Environ(), inFewFiles+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	startPlain(t, cmd)
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	addr := ""
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		addr, _ = strings.CutPrefix(lines.Text(), "at ")
		if addr == lines.Text() {
			addr = ""
		}
	}
	if addr == "" {
		t.Fatal("the server does not start")
	}
	ask := func(c net.Conn, line string) string {
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, line+"\r\n") // it may be closed
		got, _ := bufio.NewReader(c).ReadString('\n')
		return got
	}
	var first net.Conn
	served, refused := 0, 0
	for range 84 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got := ask(c, "PING")
		for strings.HasPrefix(got, "-LOADING ") {
			got = ask(c, "PING")
		}
		switch got {
		case "+PONG\r\n":
			served++
		case "-ERR max number of clients reached\r\n":
			refused++
		default:
			t.Fatalf("client %d: %q", served+refused, got)
		}
		if first == nil {
			first = c
		}
	}
	if want := files - reserve; served > want || served < want/2 {
		t.Errorf("%d served of %d files", served, files)
	}
	for _, line := range []string{"SET k v", "SAVE", "BGREWRITEAOF"} {
		if got := ask(first, line); !strings.HasPrefix(got, "+") {
			t.Errorf("%s: %q", line, got)
		}
	}
	want := fmt.Sprintf("-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the specified number of clients, try with %d\r\n", served)
	if got := ask(first, "CONFIG SET maxclients 5000"); got != want {
		t.Errorf("more clients: %q, not %q", got, want)
	}
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if line := fmt.Sprintf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.", files, served); !strings.Contains(string(text), line) {
		t.Errorf("the log does not say %q:\n%s", line, text)
	}
}

func serveInFewFiles(t *testing.T, dir string) {
	cfg := config.New()
	cfg.Port.Set(0)
	cfg.Dir.Set(dir)
	cfg.IOThreads.Set(1)
	cfg.LogFile.Set(filepath.Join(dir, "log"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := New(Options{Config: cfg, Listeners: []net.Listener{l}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("at", l.Addr())
	if err := srv.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// startPlain starts a process that may not raise its limits, whoever runs the test.
func startPlain(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and it ends with this goroutine: it has lost a capability
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, unix.PR_CAPBSET_DROP, unix.CAP_SYS_RESOURCE, 0)
		if errno != 0 && os.Geteuid() == 0 {
			t.Errorf("dropping a capability: %v", errno)
		}
		started <- cmd.Start()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
}
