package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// manyTunnels is how many clients there are, and through how many changes of leader they
// go: more in a soak.
func manyTunnels() (clients, changes int) {
	if os.Getenv("REGENT_SOAK") != "" {
		return 1000, 20
	}
	return 120, 4
}

// A tunneler counts with INCR and never says anything twice.
type tunneler struct {
	*rawClient
	node *harness.Node // that it has come to
	key  string
	n    int
}

// heard takes the answer to an INCR.
func (c *tunneler) heard(t *testing.T) {
	t.Helper()
	c.n++
	if got, err := c.hear(); err != nil || got != fmt.Sprint(":", c.n) {
		t.Fatalf("%s at node %d: %q, %v; want %d", c.key, c.node.Port, got, err, c.n)
	}
}

func (c *tunneler) say(t *testing.T) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(90 * time.Second))
	if _, err := fmt.Fprintf(c, "INCR %s\r\n", c.key); err != nil {
		t.Fatal(err)
	}
}

// TestManyTunnels: clients at all nodes through one change of leader after the other. A
// planned one, with a command of each in flight, is a pause and nothing else, and each
// command is carried out once. When the leader is killed, those that wait for nothing and
// are elsewhere do not notice it.
func TestManyTunnels(t *testing.T) {
	c, at := startPlain(t)
	clients, changes := manyTunnels()
	connect := func(node *harness.Node) *rawClient {
		conn, err := dialRaw(at[node])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	var all []*tunneler
	for i := range clients {
		node := c.Nodes[i%len(c.Nodes)]
		all = append(all, &tunneler{rawClient: connect(node), node: node, key: fmt.Sprint("many", i)})
	}
	round := func() {
		for _, a := range all {
			a.say(t)
		}
		for _, a := range all {
			a.heard(t)
		}
	}
	round()
	for i := range changes {
		leader, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		planned := i%2 == 0
		if planned {
			err = client(t, leader).Do(t.Context(), "FAILOVER").Err()
			for _, a := range all {
				a.say(t)
			}
		} else {
			err = leader.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
		if planned {
			for _, a := range all {
				a.heard(t)
			}
		} else {
			arrived(t, c, at, leader, all)
			for _, a := range all {
				if a.node != leader {
					a.say(t)
				}
			}
			for _, a := range all {
				if a.node != leader {
					a.heard(t)
				}
			}
			if err := leader.Start(); err != nil {
				t.Fatal(err)
			}
			ready(t, leader)
			for _, a := range all {
				if a.node == leader {
					a.Close()
					a.rawClient = connect(leader)
				}
			}
		}
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
		round()
	}
}

// arrived waits until all clients of other nodes than the one that has ended are at the new
// leader: what they say before goes to nobody.
func arrived(t *testing.T, c *harness.Cluster, at map[*harness.Node]string, dead *harness.Node, all []*tunneler) {
	t.Helper()
	want := 0
	for _, a := range all {
		if a.node != dead {
			want++
		}
	}
	if err := harness.Until(within(t, 90*time.Second), func() error {
		leader, err := c.Leader(t.Context())
		if err != nil {
			return err
		}
		text, err := client(t, leader).Do(t.Context(), "CLIENT", "LIST").Text()
		n := 0
		for _, addr := range at {
			n += strings.Count(text, " laddr="+addr+" ")
		}
		if err == nil && n != want {
			err = fmt.Errorf("%d of %d have arrived", n, want)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestTunnelFaults: pipelines that are cut at every byte, values of 100 MB in a soak, and
// clients that read nothing or end in the midst of a reply, through a follower.
func TestTunnelFaults(t *testing.T) {
	c, at := startPlain(t, "--write-timeout", "60000") // 100 MB take a busy machine longer than usual
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := at[followers(c, leader)[0]]
	const said = "SET a 1\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*3\r\n$6\r\nAPPEND\r\n$1\r\na\r\n$4\r\n\r\n\r\n\r\nSTRLEN a\r\n"
	const want = "+OK\r\n:2\r\n:5\r\n:5\r\n"
	a := plainClient(t, other)
	for cut := 1; cut < len(said); cut++ {
		_ = a.SetDeadline(time.Now().Add(60 * time.Second))
		for _, part := range []string{said[:cut], said[cut:]} {
			if _, err := io.WriteString(a, part); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(a.r, got); err != nil || string(got) != want {
			t.Fatalf("cut at %d: %q, %v", cut, got, err)
		}
	}
	size := 8 << 20
	if os.Getenv("REGENT_SOAK") != "" {
		size = 100 << 20
	}
	big := strings.Repeat("x", size)
	for range 2 {
		_ = a.SetDeadline(time.Now().Add(120 * time.Second))
		if _, err := fmt.Fprintf(a, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%s\r\n", size, big); err != nil {
			t.Fatal(err)
		}
		if got, err := a.hear(); got != "+OK" {
			t.Fatalf("SET: %.40q, %v", got, err)
		}
		if got, err := a.line("GET big"); err != nil || got != big {
			t.Fatalf("GET: %d bytes, %v", len(got), err)
		}
	}
	for range 20 { // who asks for it and goes
		gone := plainClient(t, other)
		if _, err := io.WriteString(gone, "GET big\r\nGET big\r\n"); err != nil {
			t.Fatal(err)
		}
		_, _ = gone.r.ReadByte()
		gone.Close()
	}
	// Their sessions end at the leader, too.
	if err := harness.Until(within(t, 60*time.Second), func() error {
		got, err := a.line("CLIENT LIST")
		if n := strings.Count(got, " laddr="+other+" "); err == nil && n != 1 {
			return fmt.Errorf("%d clients have come by way of %s", n, other)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	// A client that says no more still gets its answers.
	half := plainClient(t, other)
	if _, err := io.WriteString(half, "GET a\r\nGET a"); err != nil {
		t.Fatal(err)
	}
	if err := half.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = half.SetDeadline(time.Now().Add(60 * time.Second))
	if rest, err := io.ReadAll(half.r); err != nil || string(rest) != "$5\r\n2\r\n\r\n\r\n" {
		t.Errorf("before its end: %q, %v", rest, err)
	}
	// BLPOP at the leader is served by way of the tunnel, and one that waits is told that
	// it waits no more.
	waits := plainClient(t, other)
	if _, err := io.WriteString(waits, "BLPOP q 0\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := harness.Until(within(t, 60*time.Second), func() error {
		if got, err := a.line("CLIENT LIST"); err != nil || !strings.Contains(got, "cmd=blpop") {
			return errors.Join(errors.New("nobody waits"), err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a.must(t, ":1", "RPUSH q v")
	for _, want := range []string{"*2", "q", "v"} {
		_ = waits.SetDeadline(time.Now().Add(60 * time.Second))
		if got, err := waits.hear(); got != want {
			t.Fatalf("BLPOP: %q, %v; want %q", got, err, want)
		}
	}
}
