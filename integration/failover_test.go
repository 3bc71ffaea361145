package integration

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// faults is how often each kind of fault is made: more in a soak.
func faults(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv("REGENT_FAULTS")); err == nil {
		return n
	}
	if os.Getenv("REGENT_SOAK") != "" {
		return 20
	}
	return 3
}

// writesBetween is how many writes are acknowledged between two faults.
const writesBetween = 2000

// TestKillLeader kills the leader with SIGKILL under four writers, again and
// again, starts it again, and reads every acknowledged write back.
func TestKillLeader(t *testing.T) {
	t.Parallel()
	c, _ := startCluster(t, 3)
	load := harness.StartLoad(4, "kill", c.Addrs(), nil)
	defer load.Stop()
	var gaps []time.Duration
	for range faults(t) {
		wait(t, load)
		leader, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		if err := leader.Kill(); err != nil {
			t.Fatal(err)
		}
		wait(t, load)
		gap, _ := load.Gap(at)
		gaps = append(gaps, gap)
		if err := leader.Start(); err != nil {
			t.Fatal(err)
		}
		ready(t, leader)
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	load.Stop()
	report(t, "kill -9", gaps, load)
	nothingMissing(t, c, load)
}

// TestStopLeader stops the leader's process, lets the others elect, lets it
// go on, and reads every acknowledged write back. What the stopped leader
// had in its buffers it must not answer as leader when it wakes.
func TestStopLeader(t *testing.T) {
	t.Parallel()
	c, _ := startCluster(t, 3)
	load := harness.StartLoad(4, "stop", c.Addrs(), nil)
	defer load.Stop()
	var gaps []time.Duration
	for i := range faults(t) {
		wait(t, load)
		leader, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		late := connect(t, leader.Addr())
		at := time.Now()
		if err := leader.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		key := "late:" + strconv.Itoa(i)
		late.send("SET " + key + " stale\r\nGET " + key + "\r\n")
		wait(t, load)
		gap, _ := load.Gap(at)
		gaps = append(gaps, gap)
		if err := leader.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		late.answersNothingAsLeader(2)
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	load.Stop()
	report(t, "SIGSTOP", gaps, load)
	nothingMissing(t, c, load)
}

// wait lets writesBetween writes be acknowledged. A busy machine may take long for all of
// them: what must not be is that it takes a minute for a few.
func wait(t *testing.T, load *harness.Load) {
	t.Helper()
	const steps = 20
	for range steps {
		if err := load.Wait(within(t, time.Minute), writesBetween/steps); err != nil {
			t.Fatal(err)
		}
	}
}

// report writes what was measured; nothing is judged by it.
func report(t *testing.T, fault string, gaps []time.Duration, load *harness.Load) {
	t.Helper()
	slices.Sort(gaps)
	t.Logf("%s: %d faults, longest time without an acknowledged write: median %s, worst %s; %d writes acknowledged, %d unknown",
		fault, len(gaps), gaps[len(gaps)/2].Round(time.Millisecond), gaps[len(gaps)-1].Round(time.Millisecond), load.Acked(), load.Unknown())
}

// nothingMissing reads every acknowledged write back from the leader, and
// then from each node by itself.
func nothingMissing(t *testing.T, c *harness.Cluster, load *harness.Load) {
	t.Helper()
	leader, err := c.Agreed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if load.Acked() == 0 {
		t.Fatal("no write was acknowledged: nothing was tested")
	}
	for _, n := range append([]*harness.Node{leader}, c.Nodes...) {
		err := harness.Until(within(t, time.Minute), func() error { return caughtUp(t, n, leader) })
		if err != nil {
			t.Fatal(err)
		}
		// A follower applies what it has a moment later.
		err = harness.Until(within(t, time.Minute), func() error {
			missing, err := load.Missing(t.Context(), client(t, n))
			if err == nil && len(missing) > 0 {
				err = fmt.Errorf("%d of %d acknowledged writes are missing, the first is %q", len(missing), load.Acked(), missing[0])
			}
			return err
		})
		if err != nil {
			t.Fatalf("node %d: %v", n.Port, err)
		}
	}
}

func caughtUp(t *testing.T, n, leader *harness.Node) error {
	a, err := n.Info(t.Context(), "replication")
	if err != nil {
		return err
	}
	b, err := leader.Info(t.Context(), "replication")
	if err != nil {
		return err
	}
	if a["master_repl_offset"] != b["master_repl_offset"] {
		return &behind{n.Port, a["master_repl_offset"], b["master_repl_offset"]}
	}
	return nil
}

type behind struct {
	port        int
	has, leader string
}

func (b *behind) Error() string {
	return "node " + strconv.Itoa(b.port) + " is at " + b.has + ", the leader at " + b.leader
}

// A rawConn is a connection whose replies are looked at line by line.
type rawConn struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func connect(t *testing.T, addr string) *rawConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &rawConn{t, c, bufio.NewReader(c)}
}

func (r *rawConn) send(s string) {
	r.t.Helper()
	if _, err := r.c.Write([]byte(s)); err != nil {
		r.t.Fatal(err)
	}
}

// line reads one reply line, "" when the connection was closed.
func (r *rawConn) line() string {
	r.t.Helper()
	_ = r.c.SetReadDeadline(time.Now().Add(10 * time.Second))
	s, err := r.r.ReadString('\n')
	if err != nil && s == "" {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			r.t.Fatal("no answer within 10 s")
		}
		return ""
	}
	return strings.TrimRight(s, "\r\n")
}

// answersNothingAsLeader accepts a closed connection, an error that redirects
// or refuses, and a follower's own view of a key that was never committed;
// an acknowledgement or the value it would have written are a split brain.
func (r *rawConn) answersNothingAsLeader(replies int) {
	r.t.Helper()
	for range replies {
		s := r.line()
		switch {
		case s == "":
			return
		case strings.HasPrefix(s, "-MOVED"), strings.HasPrefix(s, "-CLUSTERDOWN"), strings.HasPrefix(s, "-UNCERTAIN"), s == "$-1":
		default:
			r.t.Fatalf("a leader that had been stopped answered %q", s)
		}
	}
}
