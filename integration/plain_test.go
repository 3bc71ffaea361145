package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// startPlain starts three nodes with a plain port each, and returns where those are.
func startPlain(t *testing.T, args ...string) (*harness.Cluster, map[*harness.Node]string) {
	t.Helper()
	return startWithPorts(t, "--plain-port", append(args, "--election-timeout", "3000", "--leader-lease", "2000")...)
}

// startWithPorts starts three nodes with one more port each, by its directive, and returns where
// those are.
func startWithPorts(t *testing.T, directive string, args ...string) (*harness.Cluster, map[*harness.Node]string) {
	t.Helper()
	c, err := harness.NewCluster(binary(), t.TempDir(), 3, append(args, "--takeover", "manual")...)
	must(t, err)
	ports, err := harness.FreePorts(3)
	must(t, err)
	at := map[*harness.Node]string{}
	for i, n := range c.Nodes {
		n.Args = append(n.Args, directive, strconv.Itoa(ports[i]))
		at[n] = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[i]))
	}
	runCluster(t, c)
	return c, at
}

// followers are the nodes other than the leader.
func followers(c *harness.Cluster, leader *harness.Node) []*harness.Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *harness.Node) bool { return n == leader })
}

// A rawClient says one command at a time and never says one again.
type rawClient struct {
	net.Conn
	r *bufio.Reader
}

func dialRaw(addr string) (*rawClient, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &rawClient{conn, bufio.NewReader(conn)}, nil
}

func plainClient(t *testing.T, addr string) *rawClient {
	t.Helper()
	c, err := dialRaw(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// line says a line and returns the reply's first line, or the text of a string.
func (c *rawClient) line(format string, args ...any) (string, error) {
	_ = c.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(c, format+"\r\n", args...); err != nil {
		return "", err
	}
	return c.hear()
}

func (c *rawClient) hear() (string, error) {
	line, err := c.r.ReadString('\n')
	if err == nil && line[0] == '$' && line != "$-1\r\n" {
		n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
		text := make([]byte, n+2)
		_, err = io.ReadFull(c.r, text)
		return string(text[:n]), err
	}
	return strings.TrimSpace(line), err
}

// must is line, which has to be answered as wanted.
func (c *rawClient) must(t *testing.T, want, format string, args ...any) {
	t.Helper()
	if got, err := c.line(format, args...); err != nil || !strings.HasPrefix(got, want) {
		t.Fatalf("%s: %q, %v; want %q", fmt.Sprintf(format, args...), got, err, want)
	}
}

// A counter is a client that writes a number and reads it back, again and again.
type counter struct {
	addr, key   string
	acked       int // the last number that was acknowledged
	stale, dead int // values older than that; connections that ended
	errs        map[string]int
	longest     time.Duration
	rounds      atomic.Int64
}

func (c *counter) run(stop <-chan struct{}) {
	for n := 1; ; {
		conn, err := dialRaw(c.addr)
		for err == nil {
			select {
			case <-stop:
				conn.Close()
				return
			default:
			}
			began := time.Now()
			var got string
			if got, err = conn.line("SET %s %d", c.key, n); err == nil && got == "+OK" {
				c.acked = n
			} else if err == nil {
				c.errs[strings.Fields(got)[0]]++
			}
			n++
			if err == nil {
				got, err = conn.line("GET %s", c.key)
			}
			if v, bad := strconv.Atoi(got); err == nil && bad == nil && v < c.acked {
				c.stale++
			} else if err == nil && bad != nil && got != "$-1" {
				c.errs[strings.Fields(got)[0]]++
			}
			c.longest = max(c.longest, time.Since(began))
			c.rounds.Add(1)
		}
		if c.dead++; conn != nil {
			conn.Close()
		}
		select {
		case <-stop:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// countThrough runs counters while f does, one for each address.
func countThrough(t *testing.T, addrs []string, f func(wait func())) []*counter {
	t.Helper()
	var all []*counter
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i, addr := range addrs {
		c := &counter{addr: addr, key: fmt.Sprint("counter", i), errs: map[string]int{}}
		all = append(all, c)
		wg.Go(func() { c.run(stop) })
	}
	f(func() {
		ctx := within(t, 90*time.Second)
		for _, c := range all {
			from := c.rounds.Load()
			if err := harness.Until(ctx, func() error {
				if c.rounds.Load() < from+50 {
					return errors.New("no 50 rounds")
				}
				return nil
			}); err != nil {
				t.Fatalf("%s: %v", c.addr, err)
			}
		}
	})
	close(stop)
	wg.Wait()
	for _, c := range all {
		t.Logf("%s: %d rounds, longest %v, %d connections ended, %v", c.addr, c.rounds.Load(), c.longest.Round(time.Millisecond), c.dead, c.errs)
		got, err := plainClient(t, addrs[0]).line("GET %s", c.key)
		if n, bad := strconv.Atoi(got); err != nil || bad != nil || n < c.acked || c.stale != 0 {
			t.Errorf("%s: %d was acknowledged, and read is %q (%v); %d values were old", c.addr, c.acked, got, err, c.stale)
		}
	}
	return all
}

// TestPlainPlannedChange: clients at the plain ports of all nodes, of the old leader and of
// the new one, too, see a pause and nothing else.
func TestPlainPlannedChange(t *testing.T) {
	t.Parallel()
	c, at := startPlain(t)
	addrs := slices.Collect(maps.Values(at))
	all := countThrough(t, append(addrs, addrs...), func(wait func()) {
		for range 3 {
			wait()
			leader, err := c.Agreed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := client(t, leader).Do(t.Context(), "FAILOVER").Err(); err != nil {
				t.Fatal(err)
			}
			if err := harness.Until(within(t, 90*time.Second), func() error {
				if now, err := c.Agreed(t.Context()); err != nil || now == leader {
					return errors.New("no change of leader")
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		wait()
	})
	for _, c := range all {
		if len(c.errs) > 0 || c.dead > 0 {
			t.Errorf("%s saw %v, and %d connections ended", c.addr, c.errs, c.dead)
		}
	}
}

// TestPlainUnplannedChange: the leader is killed, or stopped. Clients at the nodes that
// live are told of the command that was in flight, and of nothing else.
func TestPlainUnplannedChange(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name        string
		begin, ends func(n *harness.Node) error
	}{
		{"kill", (*harness.Node).Kill, (*harness.Node).Start},
		{"stop", signal(syscall.SIGSTOP), signal(syscall.SIGCONT)},
	} {
		t.Run(fault.name, func(t *testing.T) {
			c, at := startPlain(t)
			leader, err := c.Agreed(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var addrs []string
			for _, n := range followers(c, leader) {
				addrs = append(addrs, at[n], at[n])
			}
			all := countThrough(t, addrs, func(wait func()) {
				wait()
				if err := fault.begin(leader); err != nil {
					t.Fatal(err)
				}
				wait()
				if err := fault.ends(leader); err != nil {
					t.Fatal(err)
				}
				wait()
			})
			for _, c := range all {
				told := 0
				for word, n := range c.errs {
					if word != "-UNCERTAIN" && word != "-MASTERDOWN" {
						t.Errorf("%s was told %s", c.addr, word)
					}
					told += n
				}
				if told > 1 || c.dead > 1 {
					t.Errorf("%s was told %v, and %d connections ended", c.addr, c.errs, c.dead)
				}
			}
		})
	}
}

// TestPlainSessions: what a client is, and what it has begun, is at the leader.
func TestPlainSessions(t *testing.T) {
	c, at := startPlain(t)
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := at[followers(c, leader)[0]]
	a := plainClient(t, other)
	a.must(t, "+OK", "CLIENT SETNAME tom")
	a.must(t, "+OK", "SELECT 3")
	a.must(t, "+OK", "SET k v")
	if got, _ := plainClient(t, at[leader]).line("CLIENT LIST"); !strings.Contains(got, "addr="+a.LocalAddr().String()+" laddr="+other) || !strings.Contains(got, "name=tom") || !strings.Contains(got, " db=3 ") {
		t.Errorf("the leader lists %s", got)
	}
	// A pipeline that is cut at every byte.
	text := "MULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nm\r\n$2\r\n\r\n\r\nEXEC\r\n"
	for i := range text {
		if _, err := io.WriteString(a, text[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"+OK", "+QUEUED", "*1", "+OK"} {
		if got, err := a.hear(); got != want {
			t.Fatalf("%q, %v; want %q", got, err, want)
		}
	}
	// 30 MB, there and back.
	big := strings.Repeat("x", 30<<20)
	_ = a.SetDeadline(time.Now().Add(60 * time.Second))
	if _, err := fmt.Fprintf(a, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n", len(big), big); err != nil {
		t.Fatal(err)
	}
	if got, err := a.hear(); got != "+OK" {
		t.Fatalf("SET of 30 MB: %.40q, %v", got, err)
	}
	if got, err := a.line("GET big"); err != nil || got != big {
		t.Fatalf("GET of 30 MB: %d bytes, %v", len(got), err)
	}
	listener, blocked, watcher := plainClient(t, other), plainClient(t, other), plainClient(t, other)
	listener.must(t, "*3", "SUBSCRIBE news")
	for range 3 {
		_, _ = listener.hear()
	}
	watcher.must(t, "+OK", "WATCH k")
	fmt.Fprintf(blocked, "BLPOP queue 0\r\n")
	if err := harness.Until(within(t, 60*time.Second), func() error {
		if got, _ := a.line("CLIENT LIST"); !strings.Contains(got, "cmd=blpop") {
			return errors.New("nobody waits")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := client(t, leader).Do(t.Context(), "FAILOVER").Err(); err != nil {
		t.Fatal(err)
	}
	// What was begun at the old leader ends with it; what was not goes on.
	for name, conn := range map[string]*rawClient{"a listener": listener, "one that waits": blocked, "one that watches": watcher} {
		_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
		rest, err := io.ReadAll(conn.r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := string(rest); s != "" && !strings.HasPrefix(s, "-UNBLOCKED") && !strings.HasPrefix(s, "-UNCERTAIN") {
			t.Errorf("%s heard %q", name, s)
		}
	}
	a.must(t, "v", "GET k")
	a.must(t, "tom", "CLIENT GETNAME")
	a.must(t, "+OK", "QUIT")
	if rest, err := io.ReadAll(a.r); err != nil || len(rest) > 0 {
		t.Errorf("after QUIT: %q, %v", rest, err)
	}
	// CLIENT KILL ends a client's connection, not its tunnel's alone.
	now, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	follower := followers(c, now)[0]
	b := plainClient(t, at[follower])
	b.must(t, "+OK", "SET k w")
	b.must(t, "*1", "MGET k")
	_, _ = b.hear()
	if got, err := plainClient(t, at[follower]).line("CLIENT KILL ADDR %s", b.LocalAddr()); got != ":0" {
		t.Errorf("a follower has no such client: %q, %v", got, err)
	}
	plainClient(t, at[now]).must(t, ":1", "CLIENT KILL ADDR %s", b.LocalAddr())
	_ = b.SetDeadline(time.Now().Add(60 * time.Second))
	if rest, err := io.ReadAll(b.r); err != nil || len(rest) > 0 {
		t.Errorf("after CLIENT KILL: %q, %v", rest, err)
	}
}

func signal(s syscall.Signal) func(n *harness.Node) error {
	return func(n *harness.Node) error { return n.Signal(s) }
}

// TestPlainWithoutForward: without tunnels a node answers as a Redis replica does, and one
// that leads no more ends its plain connections, which is what has clients look again.
func TestPlainWithoutForward(t *testing.T) {
	c, at := startPlain(t, "--plain-forward", "no")
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said, listens := plainClient(t, at[leader]), plainClient(t, at[leader])
	said.must(t, "+OK", "SET k v")
	listens.must(t, "*3", "SUBSCRIBE news")
	for range 3 {
		_, _ = listens.hear()
	}
	for _, n := range followers(c, leader) {
		r := plainClient(t, at[n])
		r.must(t, "-READONLY You can't write against a read only replica.", "SET k w")
		if err := harness.Until(within(t, 60*time.Second), func() error {
			if got, err := r.line("GET k"); got != "v" {
				return fmt.Errorf("%q, %w", got, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	if err := client(t, leader).Do(t.Context(), "FAILOVER").Err(); err != nil {
		t.Fatal(err)
	}
	for _, conn := range []*rawClient{said, listens} {
		_ = conn.SetDeadline(time.Now().Add(60 * time.Second))
		if rest, err := io.ReadAll(conn.r); err != nil || len(rest) > 0 {
			t.Errorf("after the change of leader: %q, %v", rest, err)
		}
	}
	plainClient(t, at[leader]).must(t, "", "PING")
}

// TestAnnouncedPorts: where ports are forwarded, clients are told of those that they reach.
func TestAnnouncedPorts(t *testing.T) {
	c, at := startPlain(t, "--announce-plain-port", "16379", "--announce-sentinel-port", "36379", "--plain-forward", "no", "--follower-reads", "no")
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range followers(c, leader) {
		a := plainClient(t, at[n])
		if err := harness.Until(within(t, 60*time.Second), func() error {
			if got, err := a.line("INFO replication"); err != nil || !strings.Contains(got, "master_host:127.0.0.1\r\nmaster_port:16379\r\n") {
				return fmt.Errorf("%q, %w", got, err)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		a.must(t, "+OK", "CLIENT CAPA redirect")
		a.must(t, "-REDIRECT 127.0.0.1:16379", "SET k v")
	}
}
