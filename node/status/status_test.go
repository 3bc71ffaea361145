package status

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"regent/engine"
)

// A fake node is what a test says.
type fake struct {
	engine.Cluster
	engine.Host
	view               engine.View
	hold, over, silent bool
	loading, away      bool
	asked              int
	mono               int64
	info               string
	logged             []string
}

func (f *fake) View() *engine.View { return &f.view }
func (f *fake) MustHold() bool     { return f.hold }
func (f *fake) LeaseOver() bool    { return f.over }
func (f *fake) LeaderSilent() bool { return f.silent }
func (f *fake) Loading() bool      { return f.loading }
func (f *fake) Mono() int64        { return f.mono }
func (f *fake) Info(...string) []byte {
	f.asked++
	return []byte(f.info)
}
func (f *fake) Logf(_ engine.Level, format string, args ...any) {
	f.logged = append(f.logged, fmt.Sprintf(format, args...))
}

func (f *fake) server() *Server {
	return New(Options{Host: f, Cluster: f, Engine: f, Version: "v", Serving: func() bool { return !f.away },
		Committed: func() (int64, bool) { return 7, true }, Leaderships: func() int64 { return 3 }})
}

// A follower that has everything.
func follower() *fake {
	return &fake{mono: 1, view: engine.View{Clustered: true, NodeID: 1, LeaderID: 3, Leader: "10.0.0.3:7003", Epoch: 9, LinkUp: true, Membership: engine.MemberVoter}}
}

// pipes is a listener whose connections are made by dial.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours
}

// serve runs a test at a server in virtual time.
func serve(t *testing.T, f *fake, test func(t *testing.T, p *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		s, done := f.server(), make(chan error)
		go func() { done <- s.Serve(p) }()
		test(t, p)
		s.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
}

// get says a request on a connection of its own.
func get(t *testing.T, p *pipes, method, path string) (status int, body string) {
	t.Helper()
	c := p.dial()
	defer c.Close()
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// TestWhatANodeIs: each state of a node, and what balancers are told.
func TestWhatANodeIs(t *testing.T) {
	leader := func() *fake {
		f := follower()
		f.view.Leading, f.view.NodeID = true, 3
		return f
	}
	change := func(f *fake, how func(f *fake)) *fake { how(f); return f }
	for what, try := range map[string]struct {
		f                       *fake
		leader, replica, health int
		says                    string
	}{
		"a leader":                {leader(), 200, 503, 200, "role: leader\nleader: 10.0.0.3:7003\nnode: 3\nepoch: 9\n"},
		"its lease is over":       {change(leader(), func(f *fake) { f.over = true }), 503, 503, 200, "role: leader without a lease\nleader: unknown\n"},
		"it holds commands":       {change(leader(), func(f *fake) { f.hold = true }), 503, 503, 200, "role: leader without a lease\n"},
		"a leader that ends":      {change(leader(), func(f *fake) { f.away = true }), 503, 503, 503, "role: not serving\n"},
		"a follower":              {follower(), 503, 200, 200, "role: follower\nleader: 10.0.0.3:7003\nnode: 1\n"},
		"no link":                 {change(follower(), func(f *fake) { f.view.LinkUp = false }), 503, 503, 200, "role: follower\n"},
		"a copy is under way":     {change(follower(), func(f *fake) { f.view.SyncProgress = true }), 503, 503, 200, "role: follower\n"},
		"it has less than it had": {change(follower(), func(f *fake) { f.view.Unfilled = true }), 503, 503, 200, "role: follower\n"},
		"the leader is silent":    {change(follower(), func(f *fake) { f.silent = true }), 503, 503, 200, "role: follower\n"},
		"no leader":               {change(follower(), func(f *fake) { f.view.Leader, f.view.LinkUp = "", false }), 503, 503, 200, "role: follower\nleader: unknown\n"},
		"it learns":               {change(follower(), func(f *fake) { f.view.Membership = engine.MemberLearner }), 503, 200, 200, "role: follower\n"},
		"it was removed":          {change(follower(), func(f *fake) { f.view.Membership = engine.MemberRemoved }), 503, 503, 200, "role: follower\n"},
		"a witness":               {change(follower(), func(f *fake) { f.view.Witness = true }), 503, 503, 200, "role: witness\n"},
		"a witness that leads":    {change(leader(), func(f *fake) { f.view.Witness = true }), 503, 503, 200, "role: witness\n"},
		"it loads":                {change(leader(), func(f *fake) { f.loading = true }), 503, 503, 503, "role: not serving\n"},
	} {
		t.Run(what, func(t *testing.T) {
			serve(t, try.f, func(t *testing.T, p *pipes) {
				for path, want := range map[string]int{"/leader": try.leader, "/replica": try.replica, "/health": try.health, "/": 404, "/leader/": 404} {
					got, body := get(t, p, "GET", path)
					if got != want || want != 404 && !strings.HasPrefix(body, try.says) {
						t.Errorf("%s: %d %q, want %d %q", path, got, body, want, try.says)
					}
					if got, body = get(t, p, "HEAD", path); got != want || body != "" {
						t.Errorf("HEAD %s: %d %q", path, got, body)
					}
				}
			})
		})
	}
}

// TestHostileRequests: each ends by itself, and others are served meanwhile.
func TestHostileRequests(t *testing.T) {
	f := follower()
	serve(t, f, func(t *testing.T, p *pipes) {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "SET"} {
			if got, _ := get(t, p, method, "/leader"); got != http.StatusMethodNotAllowed {
				t.Errorf("%s: %d", method, got)
			}
		}
		for what, said := range map[string]string{
			"a body":             "GET /leader HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
			"a body in pieces":   "GET /leader HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
			"commands":           "*1\r\n$4\r\nPING\r\n",
			"another version":    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
			"no host":            "GET /leader HTTP/1.1\r\n\r\n",
			"two lengths":        "GET /leader HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
			"a long line":        "GET /" + strings.Repeat("a", 1<<20),
			"a long field":       "GET /leader HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 1<<20),
			"many fields":        "GET /leader HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X: y\r\n", 1<<18),
			"nothing":            "",
			"a part of a head":   "GET /leader HTTP/1.1\r\nHost:",
			"a head without end": "GET /leader HTTP/1.1\r\nHost: x\r\n",
		} {
			began, c := time.Now(), p.dial()
			go func() { _, _ = io.WriteString(c, said) }()
			answer, err := io.ReadAll(c) // until the server ends it
			if took := time.Since(began); err != nil || took > headTimeout+readTimeout || strings.Contains(string(answer), " 200 ") {
				t.Errorf("%s: %v, after %v: %.100q", what, err, took, answer)
			}
			_ = c.Close()
		}
		// A field at a time, for ever.
		began, c := time.Now(), p.dial()
		_, err := io.WriteString(c, "GET /leader HTTP/1.1\r\n")
		for i := 0; err == nil; i++ {
			time.Sleep(time.Second)
			_, err = fmt.Fprintf(c, "X-%d: y\r\n", i)
		}
		if took := time.Since(began); took > headTimeout+2*time.Second {
			t.Errorf("a slow head was read for %v", took)
		}
		if got, _ := get(t, p, "GET", "/health"); got != 200 {
			t.Errorf("others: %d", got)
		}
	})
}

// TestUnreadRepliesEnd: a reply that nobody takes holds nothing for long.
func TestWhoDoesNotReadIsEnded(t *testing.T) {
	f := follower()
	f.info = strings.Repeat("db0:keys=1,expires=0\r\n", 1)
	serve(t, f, func(t *testing.T, p *pipes) {
		c := p.dial()
		if _, err := io.WriteString(c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout + readTimeout + time.Second)
		if text, _ := io.ReadAll(c); strings.Contains(string(text), "regent_") {
			t.Errorf("it was kept: %.100q", text)
		}
	})
}

// TestConnectionsAreBounded: one too many ends the one that has been quiet for longest, and
// gets its answer.
func TestConnectionsAreBounded(t *testing.T) {
	serve(t, follower(), func(t *testing.T, p *pipes) {
		var quiet []net.Conn
		for range maxConns {
			quiet = append(quiet, p.dial())
			synctest.Wait()
		}
		// The first says something, so the second is the one.
		if _, err := io.WriteString(quiet[0], "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if r, err := http.ReadResponse(bufio.NewReader(quiet[0]), nil); err != nil || r.StatusCode != 200 {
			t.Fatal(r, err)
		}
		if got, _ := get(t, p, "GET", "/replica"); got != 200 {
			t.Errorf("one too many: %d", got)
		}
		synctest.Wait()
		open := func(c net.Conn) bool {
			_ = c.SetReadDeadline(time.Now())
			_, err := c.Read(make([]byte, 1))
			return !errors.Is(err, io.EOF)
		}
		for i, c := range quiet {
			if want := i != 1; open(c) != want {
				t.Errorf("connection %d: open %v, want %v", i, !want, want)
			}
			_ = c.Close()
		}
	})
}

// TestMetricsAreSound: names, units and helps are as Prometheus asks, and a second look within freshFor costs nothing.
func TestMetricsAreSound(t *testing.T) {
	f := follower()
	f.view.Nodes = []engine.NodeView{{ID: 1, Myself: true}, {ID: 2, Up: true, Lag: -1}, {ID: 3, Up: true, Leader: true, Offset: 9, Lag: 2}}
	f.view.Leading = true
	f.info = "# Server\r\nredis_version:7.0.15\r\nused_cpu_sys:1.5\r\nused_cpu_user:2.5\r\nused_cpu_sys_children:9\r\n" +
		"cmdstat_config|get:calls=2,usec=1500000,usec_per_call=1.00,rejected_calls=3,failed_calls=1\r\n" +
		"db0:keys=5,expires=2,avg_ttl=0\r\ntls_server_cert_expire_time:1700000000\r\ntls_server_cert_expires_in_seconds:-5\r\n"
	for _, f2 := range figures() {
		value := "3"
		if f2.is != "" {
			value = f2.is
		}
		f.info += f2.from + ":" + value + "\r\n" + f2.from + ":9\r\n" // the first counts
	}
	f.info += "commit_waits:5\r\ncommit_waits_usec:2500000\r\ncommit_waits_by_usec:50=0,100=3,5000000=4\r\n"
	serve(t, f, func(t *testing.T, p *pipes) {
		status, text := get(t, p, "GET", "/metrics")
		if status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		problems, err := promlint.New(strings.NewReader(text)).Lint()
		if err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
		for _, line := range []string{
			`regent_info{node="1",redis_version="7.0.15",version="v"} 1`, `regent_commands_total{command="config|get"} 2`,
			`regent_commands_seconds_total{command="config|get"} 1.5`, `regent_commands_rejected_total{command="config|get"} 3`,
			`regent_keys{db="0"} 5`, `regent_keys_with_expiry{db="0"} 2`, `regent_cpu_seconds_total{mode="system"} 1.5`,
			`regent_tls_certificate_expiry_timestamp_seconds{certificate="server"} 1.7e+09`, `regent_tls_certificate_remaining_seconds{certificate="server"} -5`,
			`regent_node_up{node="2"} 1`, `regent_node_offset_bytes{node="3"} 9`, `regent_node_lag_seconds{node="3"} 2`,
			`regent_leading 1`, `regent_lease_valid 1`, `regent_leaderships_total 3`, `regent_commit_offset_bytes 7`,
			`regent_known_leader_info{address="10.0.0.3:7003",node="3"} 1`, `regent_clock_offset_seconds 0.003`, `regent_aof_last_write_ok 1`,
			`regent_commit_wait_seconds_count 5`, `regent_commit_wait_seconds_sum 2.5`, `regent_commit_wait_seconds_bucket{le="5e-05"} 0`,
			`regent_commit_wait_seconds_bucket{le="0.0001"} 3`, `regent_commit_wait_seconds_bucket{le="5"} 4`, `regent_commit_wait_seconds_bucket{le="+Inf"} 5`,
		} {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("there is no line %s", line)
			}
		}
		for _, figure := range figures() {
			if !strings.Contains(text, "\nregent_"+figure.name+" ") {
				t.Errorf("there is no regent_%s", figure.name)
			}
		}
		if strings.Contains(text, "children") || strings.Contains(text, `node_lag_seconds{node="2"}`) {
			t.Errorf("what is not known is told")
		}
		for range 3 {
			if _, again := get(t, p, "GET", "/metrics"); again != text {
				t.Error("it is not the same within freshFor")
			}
		}
		if f.asked != 1 {
			t.Errorf("INFO was asked for %d times", f.asked)
		}
		f.mono += int64(freshFor)
		if _, _ = get(t, p, "GET", "/metrics"); f.asked != 2 {
			t.Errorf("after freshFor INFO was asked for %d times", f.asked)
		}
	})
}
