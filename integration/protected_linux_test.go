package integration

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// TestProtectedModeIsRedis: who comes from another machine is let in or refused as
// redis-server does, with the same words to the byte, whatever is changed meanwhile.
func TestProtectedModeIsRedis(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("network namespaces need root")
	}
	cli := need(t, "redis-cli")
	hosts, err := harness.NewHosts(2)
	t.Cleanup(func() {
		if err := hosts.Remove(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var servers []*harness.Node
	for i, bin := range []string{binary(), need(t, "redis-server")} {
		n := &harness.Node{
			Binary: bin, Host: hosts.IP(i), Port: harness.HostPort, Prefix: hosts.Prefix(i), Dialer: hosts.Dial, Dir: t.TempDir(),
			Args: []string{"--bind", "0.0.0.0", "--save", ""},
		}
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = n.Kill() })
		servers = append(servers, n)
	}
	// locally says a line from the server's own machine.
	locally := func(i int, line string) string {
		argv := append(hosts.Prefix(i), cli, "-p", fmt.Sprint(harness.HostPort))
		for _, word := range strings.Fields(line) {
			argv = append(argv, strings.Trim(word, "'"))
		}
		out, _ := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	for i, n := range servers {
		if err := harness.Until(within(t, harness.StartTimeout), func() error {
			if got := locally(i, "PING"); got != "PONG" {
				return fmt.Errorf("it says %q:\n%s", got, n.Log())
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	// remotely is all that somebody from elsewhere gets. Who expects to be refused says
	// nothing: it could be lost on the way that something was said.
	remotely := func(n *harness.Node, refused bool) string {
		conn, err := hosts.Dial(within(t, time.Minute), "tcp", n.Addr())
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if !refused {
			if _, err := io.WriteString(conn, "PING\r\nQUIT\r\n"); err != nil {
				return err.Error()
			}
		}
		text, err := io.ReadAll(conn)
		return fmt.Sprintf("%q, %v", text, err)
	}
	const other = "--user other --pass secret --no-auth-warning "
	for _, step := range []struct {
		does    string // on the server's own machine
		refused bool
	}{
		{"PING", true},
		{"CONFIG SET protected-mode no", false},
		{"CONFIG SET protected-mode yes", true},
		{"ACL SETUSER other on >secret +@all ~*", true}, // the default user's counts
		{other + "ACL SETUSER default off", true},       // it has no password still
		{other + "ACL SETUSER default on resetpass", false},
		{other + "ACL SETUSER default nopass", true},
		{other + "CONFIG SET requirepass secret", false},
		{other + "CONFIG SET requirepass ''", true},
	} {
		for i := range servers {
			if said := locally(i, step.does); said != "OK" && said != "PONG" {
				t.Fatalf("%s: %s", step.does, said)
			}
		}
		got, want := remotely(servers[0], step.refused), remotely(servers[1], step.refused)
		if got != want {
			t.Errorf("after %s:\n  got  %s\n  want %s", step.does, got, want)
		}
		if strings.HasPrefix(want, `"-DENIED Redis is running in protected mode`) != step.refused {
			t.Errorf("after %s redis-server says %s", step.does, want)
		}
	}
}
