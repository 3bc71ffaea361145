package integration

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cluster/peer"
	"regent/integration/harness"
)

// TestSecretIsReplaced: the cluster's secret becomes another one while the cluster runs, in
// three steps, each node at its own time. Between the steps nodes are started anew, and the
// others let them in: nobody is ever refused. Then who knows the old one alone is.
func TestSecretIsReplaced(t *testing.T) {
	c, err := harness.NewCluster(binary(), t.TempDir(), 3)
	must(t, err)
	t.Cleanup(func() { _ = c.Stop() })
	var files []string
	say := func(node int, lines ...string) {
		t.Helper()
		must(t, os.WriteFile(files[node], []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	}
	for i, n := range c.Nodes {
		files = append(files, filepath.Join(t.TempDir(), "secret"))
		say(i, "old")
		n.Args = append(n.Args, "--cluster-secret-file", files[i])
	}
	must(t, c.Start(t.Context()))
	const again = "cluster-secret-file is read again"
	for step, lines := range [][]string{{"old", "new"}, {"new", "old"}, {"new"}} {
		for i, n := range c.Nodes {
			say(i, lines...)
			must(t, n.Signal(syscall.SIGHUP))
			await(t, "the file is read", func() bool { return strings.Count(n.Log(), again) > 0 })
			leader, err := c.Agreed(t.Context())
			must(t, err)
			must(t, leader.Client().Set(t.Context(), fmt.Sprint(step, i), "v", 0).Err())
			if i == step { // its channels are all made anew, to nodes before and after this step
				must(t, n.Kill())
				must(t, n.Start())
				must(t, n.Ready(t.Context()))
				_, err := c.Agreed(t.Context())
				must(t, err)
			}
			must(t, os.Truncate(n.LogFile(), 0))
		}
	}
	for i, n := range c.Nodes {
		if log := n.Log(); strings.Contains(log, "secret") && strings.Contains(log, "does not know") {
			t.Errorf("node %d: somebody was refused: %s", i+1, log)
		}
	}

	// A file that cannot be meant changes nothing.
	first := c.Nodes[0]
	say(0, "new", "old", "older")
	must(t, first.Signal(syscall.SIGHUP))
	await(t, "the log says why", func() bool { return strings.Contains(first.Log(), "holds 3 lines") })
	say(0, "new")

	// Whoever has the old one is out.
	last := c.Nodes[2]
	say(2, "old")
	must(t, last.Kill())
	must(t, last.Start())
	await(t, "it hears why", func() bool { return strings.Contains(last.Log(), "does not know the cluster's secret") })
	say(2, "new")
	must(t, last.Signal(syscall.SIGHUP))
	if _, err := c.Agreed(t.Context()); err != nil {
		t.Errorf("with the new one it is not let in again: %v", err)
	}
}

// TestStolenCertificate: certificates and their authority are replaced while the cluster
// runs, first what is believed, then what is shown, then what is believed no more. A thief
// with the old certificate, its key and the secret opened a channel before, and none after,
// by a session that it resumes neither.
func TestStolenCertificate(t *testing.T) {
	a, b := newPair(t), newPair(t)
	stolen := a.config("server")
	stolen.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	resumed := false
	stolen.VerifyConnection = func(cs tls.ConnectionState) error { resumed = cs.DidResume; return nil }
	nodes := startTLSCluster(t, a, nil)
	alive := func(as *authority) {
		t.Helper()
		await(t, "write", func() bool {
			for _, n := range nodes {
				if redisCLI(t, append(as.client("client", n.Port), "SET", "k", "v")...) == "OK" {
					return true
				}
			}
			return false
		})
	}
	alive(a)
	enters := func(n *harness.Node) error {
		as := stolen.Clone()
		as.InsecureSkipVerify = true // whom it talks to is nothing to the thief
		d := peer.Dialer{Secrets: peer.NewSecrets("s"), Limit: 10 * time.Second, TLS: func() *tls.Config { return as }}
		conn, err := d.Dial(t.Context(), n.Addr(), peer.Hello{Cluster: peer.Unknown, From: 9, To: int64(slices.Index(nodes, n) + 1), Kind: peer.Probe, Process: peer.NewProcess()})
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	for _, n := range nodes {
		must(t, enters(n))
		must(t, enters(n))
		if !resumed {
			t.Error("its session is not resumed, so nothing shows whether a later one is")
		}
	}

	text := func(path string) string {
		b, err := os.ReadFile(path)
		must(t, err)
		return string(b)
	}
	put := func(name, text string) { must(t, os.WriteFile(a.path(name), []byte(text), 0o600)) }
	reload := func() {
		t.Helper()
		for _, n := range nodes {
			must(t, os.Truncate(n.LogFile(), 0))
			must(t, n.Signal(syscall.SIGHUP))
			await(t, "certificates are read again", func() bool { return strings.Contains(n.Log(), "SIGHUP") })
		}
	}
	old := text(a.path("ca.crt"))
	put("ca.crt", old+text(b.path("ca.crt")))
	reload()
	put("server.crt", text(b.path("server.crt")))
	put("server.key", text(b.path("server.key")))
	reload()
	put("ca.crt", text(b.path("ca.crt")))
	reload()
	for _, n := range nodes {
		if err := enters(n); err == nil {
			t.Errorf("node %d lets the stolen certificate in, its session resumed: %v", n.Port, resumed)
		}
		// Its channels are made anew: with the new certificates the nodes meet.
		must(t, n.Kill())
		must(t, n.Start())
		alive(b)
	}
}
