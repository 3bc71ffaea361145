package commands_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// parts are a HELP's lines by the subcommand that they describe; a line that begins with no space
// begins with one.
func parts(lines []string) (of map[string]string, order []string) {
	of = map[string]string{}
	name := ""
	for _, line := range lines[1:] {
		if !strings.HasPrefix(line, " ") {
			name, _, _ = strings.Cut(line, " ")
			if of[name] == "" {
				order = append(order, name)
			}
		}
		of[name] += line + "\n"
	}
	return of, order
}

// TestHelpIsRedis: every container's HELP is redis-server's line by line; what it has beside that
// is Regent's own subcommands, and what it lacks those of DEBUG that Regent has not.
func TestHelpIsRedis(t *testing.T) {
	more := map[string][]string{"CLIENT": {"CAPA", "NO-TOUCH", "SETINFO"}}
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	clustered := enginetest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t)).Client(t)
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	ours := s.Client()
	for _, name := range []string{
		"ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "FUNCTION", "LATENCY", "MEMORY", "MODULE", "OBJECT",
		"PUBSUB", "SCRIPT", "SLOWLOG", "XGROUP", "XINFO",
	} {
		from := theirs
		if name == "CLUSTER" {
			from = clustered
		}
		want, got := enginetest.Elements(from.Do(name, "HELP")), enginetest.Elements(ours.Do(name, "HELP"))
		if len(want) < 4 || len(got) < 4 || got[0] != want[0] {
			t.Errorf("%s HELP: %q, redis-server's is %q", name, got, want)
			continue
		}
		theirParts, theirOrder := parts(want)
		ourParts, ourOrder := parts(got)
		ourOrder = slices.DeleteFunc(ourOrder, func(sub string) bool { return slices.Contains(more[name], sub) })
		if name == "DEBUG" {
			theirOrder = slices.DeleteFunc(theirOrder, func(sub string) bool { return ourParts[sub] == "" })
		}
		if !slices.Equal(ourOrder, theirOrder) {
			t.Errorf("%s HELP describes %q, redis-server's %q", name, ourOrder, theirOrder)
		}
		for _, sub := range ourOrder {
			if ourParts[sub] != theirParts[sub] {
				t.Errorf("%s HELP says %q, redis-server's %q", name, ourParts[sub], theirParts[sub])
			}
		}
	}
}

// freePort is a port that was free a moment ago: that of a cluster's bus, as the usual one may be beyond
// the last port.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}
