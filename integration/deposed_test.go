//go:build linux

package integration

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// Long pipelines of slow reads straddle a change of leader: part of a pipeline is
// answered by right of a leadership that is over, part from a keyspace that is
// being thrown away. Whatever becomes of those replies, no event loop may be held
// up by them.

const (
	longList      = 60_000 // elements
	slowReads     = 15     // LPOS of nothing in one pipeline
	readersOfNode = 2
	loadFor       = 300 * time.Millisecond // before a leader is stopped, and after it goes on
	newClients    = 6                      // that must be answered after a round: more than there are event loops
)

// deposedRounds is how often the leader is stopped: REGENT_ROUNDS, or a few.
func deposedRounds(t *testing.T) int {
	text := os.Getenv("REGENT_ROUNDS")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("REGENT_ROUNDS: %v", err)
	}
	return n
}

// TestPipelinesStraddleADeposition stops leaders under pipelines of slow reads
// and asks every node on several new connections whether all of it goes on. In a
// soak: REGENT_ROUNDS=200.
func TestPipelinesStraddleADeposition(t *testing.T) {
	c, _ := startCluster(t, 3)
	fillLongList(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var quiet atomic.Bool
	for _, n := range c.Nodes {
		for range readersOfNode {
			wg.Go(func() { pipelineSlowReads(ctx, n.Addr(), &quiet) })
		}
	}
	for round := range deposedRounds(t) {
		stopped, err := c.Leader(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		quiet.Store(false)
		pauseFor(ctx, loadFor)
		if err := stopped.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		other := otherLeader(t, c, stopped)
		if err := stopped.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		pauseFor(ctx, loadFor)
		quiet.Store(true) // a busy machine has to answer what is asked now as well
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, n := range c.Nodes {
			for i := range newClients {
				if err := pings(n.Addr()); err != nil {
					t.Fatalf("round %d, %s stopped, %s led: node %s, new connection %d: %v",
						round, stopped.Addr(), other.Addr(), n.Addr(), i, err)
				}
			}
		}
	}
	for _, n := range c.Nodes {
		for line := range strings.Lines(n.Log()) {
			if strings.Contains(line, "has not turned for") {
				t.Logf("%s: %s", n.Addr(), line)
			}
		}
	}
}

func fillLongList(t *testing.T, c *harness.Cluster) {
	t.Helper()
	words := []any{"RPUSH", "long"}
	for i := range longList {
		words = append(words, "element:"+strconv.Itoa(i))
	}
	ctx := within(t, 2*time.Minute)
	err := harness.Until(ctx, func() error { // a busy machine changes leaders
		leader, err := c.Leader(ctx)
		if err != nil {
			return err
		}
		n := client(t, leader)
		if err := n.Do(ctx, "DEL", "long").Err(); err != nil {
			return err
		}
		return n.Do(ctx, words...).Err()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// otherLeader waits until a node that runs leads in place of stopped.
func otherLeader(t *testing.T, c *harness.Cluster, stopped *harness.Node) (other *harness.Node) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	err := harness.Until(ctx, func() error {
		for _, n := range c.Nodes {
			if n == stopped {
				continue
			}
			info, err := n.Info(ctx, "replication", "regent")
			if err == nil && info["role"] == "master" && info["leader_id"] == info["node_id"] {
				other = n
				return nil
			}
		}
		return fmt.Errorf("nobody leads in place of %s", stopped.Addr())
	})
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// pipelineSlowReads keeps one connection to addr busy, whatever it is answered,
// until ctx ends; while it is quiet nothing new is asked.
func pipelineSlowReads(ctx context.Context, addr string, quiet *atomic.Bool) {
	pipeline := []byte(strings.Repeat("*3\r\n$4\r\nLPOS\r\n$4\r\nlong\r\n$7\r\nnothing\r\n", slowReads))
	for ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			pauseFor(ctx, 20*time.Millisecond)
			continue
		}
		end := context.AfterFunc(ctx, func() { _ = conn.Close() })
		in := bufio.NewReader(conn)
		for err == nil {
			for quiet.Load() && ctx.Err() == nil {
				pauseFor(ctx, 5*time.Millisecond)
			}
			// A node that was stopped answers late, a deposed one closes.
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, err = conn.Write(pipeline)
			for i := 0; i < slowReads && err == nil; i++ {
				_, err = in.ReadString('\n')
			}
		}
		end()
		_ = conn.Close()
	}
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// pings says PING on a connection of its own.
func pings(addr string) error {
	const patience = 30 * time.Second // a loop that hangs does so for ever
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	got, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && got != "+PONG\r\n" {
		err = fmt.Errorf("PING was answered %q", got)
	}
	return err
}
