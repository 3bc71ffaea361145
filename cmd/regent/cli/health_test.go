package cli

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestHealth asks servers in each state.
func TestHealth(t *testing.T) {
	for _, c := range []struct{ info, want string }{
		{"role:master", "healthy: a lone server"},
		{"role:master nodes:1 node_id:1 leader_id:1", "healthy: a lone server"},
		{"role:master nodes:3 node_id:1 leader_id:1 epoch:4 membership:voter", "healthy: leads, epoch 4"},
		{"role:slave nodes:3 node_id:1 leader_id:2 leader_addr:h:1 master_link_status:up", "healthy: follows h:1"},
		{"role:slave nodes:3 node_id:1 leader_id:2 leader_addr:h:1 master_link_status:down", "unhealthy: it has no link to the leader h:1"},
		{"role:slave nodes:3 node_id:1 leader_id:0 master_link_status:down", "unhealthy: no leader is known"},
		{"role:master loading:1", "unhealthy: it is loading its data"},
		{"role:master aof_last_write_status:err", "unhealthy: its log can't be written"},
		{"role:slave nodes:3 membership:removed", "unhealthy: it was removed from the cluster"},
		{"role:slave nodes:3 membership:joining", "unhealthy: it waits to be taken in (REGENT NODE ADD)"},
	} {
		t.Run(c.want, func(t *testing.T) {
			text := strings.ReplaceAll(c.info, " ", "\r\n") + "\r\n"
			n := startFake(t, func([]string) string { return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n" })
			out, status := health(t, "-p", strconv.Itoa(n.port()))
			if out != c.want+"\n" || (status == exitOK) != strings.HasPrefix(c.want, "healthy") {
				t.Errorf("%q, status %d", out, status)
			}
			if got := n.got(); len(got) != 1 || got[0] != "INFO everything" {
				t.Errorf("it was sent %q", got)
			}
		})
	}
	refuses := startFake(t, func([]string) string { return "-NOAUTH Authentication required.\r\n" })
	if out, status := health(t, "-p", strconv.Itoa(refuses.port())); status != exitFailed || out != "unhealthy: NOAUTH Authentication required.\n" {
		t.Errorf("without a password: %q, status %d", out, status)
	}
	if out, status := health(t, "-p", "1", "word"); status != exitFailed || !strings.Contains(out, `not "word"`) {
		t.Errorf("a word: %q, status %d", out, status)
	}
}

func health(t *testing.T, args ...string) (out string, status int) {
	t.Helper()
	var buf bytes.Buffer
	tool := Tool{In: os.Stdin, Out: &buf, Err: &buf, Getenv: func(string) string { return "" }}
	status = tool.Health(args)
	return buf.String(), status
}
