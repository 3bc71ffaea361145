package integration

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"regent/integration/harness"
)

// look asks a node by HTTP, on a connection of its own; 0: it does not answer.
func look(t *testing.T, addr, path string) (status int, body string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	must(t, err)
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err.Error()
	}
	return r.StatusCode, string(text)
}

// TestBalancersFollow: what docs/operations.md has HAProxy ask for moves with the leader, when
// it stands still, is killed, and comes back.
func TestBalancersFollow(t *testing.T) {
	c, at := startWithPorts(t, "--http-port")
	settled := func(gone *harness.Node) *harness.Node {
		t.Helper()
		var leader *harness.Node
		await(t, "one node says that it leads and takes a write, the others that they follow it", func() bool {
			leader = nil
			for _, n := range c.Nodes {
				if n == gone {
					continue
				}
				if status, _ := look(t, at[n], "/leader"); status == http.StatusOK {
					if leader != nil {
						return false // it has moved since the other one was asked
					}
					leader = n
				}
			}
			if leader == nil {
				return false
			}
			for _, n := range c.Nodes {
				if n == gone || n == leader {
					continue
				}
				status, body := look(t, at[n], "/leader")
				follows, _ := look(t, at[n], "/replica")
				if status != http.StatusServiceUnavailable || follows != http.StatusOK || !strings.Contains(body, "leader: "+leader.Addr()+"\n") {
					return false
				}
			}
			return leader.Client().Set(t.Context(), "k", "v", 0).Err() == nil
		})
		for _, n := range c.Nodes {
			if n != gone {
				if status, body := look(t, at[n], "/health"); status != http.StatusOK {
					t.Errorf("%s: %d %s", n.Addr(), status, body)
				}
			}
		}
		return leader
	}
	first := settled(nil)
	must(t, first.Signal(syscall.SIGSTOP))
	second := settled(first)
	if second == first {
		t.Error("a node that stands still leads")
	}
	must(t, first.Signal(syscall.SIGCONT))
	if got := settled(nil); got != second {
		t.Logf("%s leads in place of %s", got.Addr(), second.Addr())
		second = got
	}
	must(t, second.Kill())
	if status, _ := look(t, at[second], "/leader"); status != 0 {
		t.Errorf("a dead node answers %d", status)
	}
	third := settled(second)
	must(t, second.Start())
	ready(t, second)
	await(t, "the node is back", func() bool { status, _ := look(t, at[second], "/replica"); return status == http.StatusOK })
	if got := settled(nil); got != third { // as on a machine that is too busy for a lease
		t.Logf("%s leads in place of %s", got.Addr(), third.Addr())
	}
}

// TestMetricsOfACluster: a leader and a follower show sound metrics that tell what INFO does, and no secret.
func TestMetricsOfACluster(t *testing.T) {
	const secret = "a-secret-that-nobody-may-see"
	c, at := startWithPorts(t, "--http-port", "--rename-command", "flushall", secret+"-name", "--cluster-secret", secret)
	leader, err := c.Agreed(t.Context())
	must(t, err)
	r := leader.Client()
	must(t, r.Set(t.Context(), "k", "v", 0).Err())
	must(t, r.Set(t.Context(), "short", "v", time.Hour).Err())
	_ = r.Do(t.Context(), secret).Err()
	_ = r.Do(t.Context(), "eval", "return redis.error_reply('"+secret+" is wrong')", 0).Err()
	for _, n := range c.Nodes {
		must(t, n.Client().ConfigSet(t.Context(), "requirepass", secret).Err())
	}
	await(t, "reply that has waited for a commit", func() bool {
		must(t, r.Set(t.Context(), "k", "v", 0).Err())
		text, err := r.Info(t.Context(), "regent").Result()
		must(t, err)
		return strings.Contains(text, "commit_waits:") && !strings.Contains(text, "commit_waits:0\r\n")
	})
	for _, n := range c.Nodes {
		status, text := look(t, at[n], "/metrics")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
		if strings.Contains(text, secret) {
			t.Error("a secret is shown")
		}
		lines := []string{"regent_leading 0", "regent_leader_link_up 1", fmt.Sprintf(`address="%s"`, leader.Addr()), "go_gc_duration_seconds_count ", "regent_log_offset_bytes ", "regent_commit_offset_bytes "}
		if n == leader {
			lines = []string{`regent_commit_wait_seconds_bucket{le="0.001"} `, "regent_commit_waits_failed_total ", "regent_leading 1", "regent_lease_valid 1", `regent_keys{db="0"} 2`, `regent_keys_with_expiry{db="0"} 1`,
				`regent_commands_total{command="set"} `, `regent_node_up{node=`, `regent_node_offset_bytes{node=`, "regent_leaderships_total ", "regent_nodes 3", "regent_aof_last_write_ok 1"}
		}
		for _, line := range lines {
			if !strings.Contains(text, line) {
				t.Errorf("node %s, leader %s: no %s\n%s", n.Addr(), leader.Addr(), line, text)
			}
		}
	}
}

// TestHTTPByTLS: with tls-http a client shows a certificate, where clients do, and none is served without TLS.
func TestHTTPByTLS(t *testing.T) {
	a, other := newPair(t), newPair(t)
	ports, err := harness.FreePorts(1)
	must(t, err)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	n := startTLS(t, a, "--http-port", strconv.Itoa(ports[0]), "--tls-http", "yes")
	ask := func(with *authority, name, path string) (int, string) {
		conf := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "server"}
		conf.RootCAs.AddCert(a.cert)
		if name != "" {
			own, err := tls.LoadX509KeyPair(with.path(name+".crt"), with.path(name+".key"))
			must(t, err)
			conf.Certificates = []tls.Certificate{own}
		}
		c := http.Client{Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true, ForceAttemptHTTP2: true}, Timeout: 20 * time.Second}
		r, err := c.Get("https://" + addr + path)
		if err != nil {
			return 0, err.Error()
		}
		defer r.Body.Close()
		text, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(text)
	}
	if status, body := ask(a, "client", "/leader"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if _, text := ask(a, "client", "/metrics"); !strings.Contains(text, `regent_tls_certificate_remaining_seconds{certificate="server"}`) || !strings.Contains(text, `{certificate="ca"}`) {
		t.Errorf("no certificates: %s", text)
	}
	a.sign("old", "old", time.Now().Add(-time.Hour))
	for what, try := range map[string]func() (int, string){
		"no certificate": func() (int, string) { return ask(nil, "", "/leader") },
		"of another":     func() (int, string) { return ask(other, "client", "/leader") },
		"expired":        func() (int, string) { return ask(a, "old", "/leader") },
		"no TLS":         func() (int, string) { return look(t, addr, "/leader") },
	} {
		if status, body := try(); status == http.StatusOK || strings.Contains(body, "role:") {
			t.Errorf("%s: %d %s", what, status, body)
		}
	}
	// The certificate is replaced: the next connection sees the new one.
	a.sign("new", "new", time.Now().Add(48*time.Hour))
	for _, end := range []string{".crt", ".key"} {
		text, err := os.ReadFile(a.path("new" + end))
		must(t, err)
		must(t, os.WriteFile(a.path("server"+end), text, 0o600))
	}
	must(t, n.Signal(syscall.SIGHUP))
	await(t, "the new certificate", func() bool {
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Subject.CommonName == "new"
	})
}

// TestStatusOfALoad: while a node loads it answers, and says that it does not serve.
func TestStatusOfALoad(t *testing.T) {
	ports, err := harness.FreePorts(1)
	must(t, err)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	n := startNode(t, "--http-port", strconv.Itoa(ports[0]), "--aof-use-rdb-preamble", "no")
	pipe := n.Client().Pipeline()
	for i := range 100 {
		pipe.Set(t.Context(), strconv.Itoa(i), "v", 0)
	}
	_, err = pipe.Exec(t.Context())
	must(t, err)
	for _, path := range []string{"/leader", "/health"} {
		if status, body := look(t, addr, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := look(t, addr, "/replica"); status != http.StatusServiceUnavailable {
		t.Errorf("a lone server follows: %d %s", status, body)
	}
	must(t, n.Stop())
	n.Args = append(n.Args, "--key-load-delay", "100000") // µs
	must(t, n.Start())
	await(t, "it loads", func() bool {
		status, body := look(t, addr, "/health")
		if status == http.StatusOK {
			t.Fatalf("it serves before it has loaded: %s", body)
		}
		return status == http.StatusServiceUnavailable
	})
	if status, body := look(t, addr, "/leader"); status != http.StatusServiceUnavailable || !strings.HasPrefix(body, "role: not serving\n") {
		t.Errorf("%d %s", status, body)
	}
	if status, text := look(t, addr, "/metrics"); status != http.StatusOK || !strings.Contains(text, "\nregent_loading 1\n") {
		t.Errorf("%d %s", status, text)
	}
	must(t, n.Kill())
}

// TestStatusListensAtHome: unless http-bind says otherwise, and bind does not.
func TestStatusListensAtHome(t *testing.T) {
	ports, err := harness.FreePorts(1)
	must(t, err)
	port := strconv.Itoa(ports[0])
	n := startNode(t, "--http-port", port, "--bind", "0.0.0.0", "--protected-mode", "no")
	at := func(host string) int {
		status, _ := look(t, net.JoinHostPort(host, port), "/health")
		return status
	}
	if home := at("127.0.0.1"); home != http.StatusOK {
		t.Errorf("at home: %d", home)
	}
	if elsewhere := at("127.0.0.2"); elsewhere != 0 {
		t.Errorf("at another address: %d", elsewhere)
	}
	must(t, n.Stop())
	n.Args = append(n.Args, "--http-bind", "0.0.0.0")
	must(t, n.Start())
	await(t, "it answers at another address", func() bool { return at("127.0.0.2") == http.StatusOK })
	value, err := n.Client().ConfigGet(t.Context(), "http-*").Result()
	if err != nil || value["http-port"] != port || value["http-bind"] != "0.0.0.0" {
		t.Errorf("%v, %v", value, err)
	}
}
