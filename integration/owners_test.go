package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// pollOwners is the pause between two looks at who owns the slots.
const pollOwners = 2 * time.Millisecond

// ownerChanges is how often the leader changes: more in a soak.
func ownerChanges() int {
	if os.Getenv("REGENT_SOAK") != "" {
		return 20
	}
	return 3
}

// owned is an error if an answer of a node leaves slots without an owner.
func owned(ctx context.Context, c *redis.Client) error {
	//lint:ignore SA1019 clients say it
	slots, err := c.ClusterSlots(ctx).Result()
	if err != nil {
		return fmt.Errorf("CLUSTER SLOTS: %w", err)
	}
	if len(slots) != 1 || slots[0].Start != 0 || slots[0].End != 16383 || len(slots[0].Nodes) == 0 || slots[0].Nodes[0].Addr == "" {
		return fmt.Errorf("CLUSTER SLOTS: %+v", slots)
	}
	shards, err := c.ClusterShards(ctx).Result()
	if err != nil {
		return fmt.Errorf("CLUSTER SHARDS: %w", err)
	}
	masters := 0
	for _, s := range shards {
		for _, n := range s.Nodes {
			if n.Role == "master" && len(s.Slots) == 1 && s.Slots[0].Start == 0 && s.Slots[0].End == 16383 {
				masters++
			}
		}
	}
	if masters != 1 {
		return fmt.Errorf("CLUSTER SHARDS: %+v", shards)
	}
	text, err := c.ClusterNodes(ctx).Result()
	if err != nil {
		return fmt.Errorf("CLUSTER NODES: %w", err)
	}
	masters = 0
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) == 9 && strings.Contains(words[2], "master") && words[8] == "0-16383" {
			masters++
		}
	}
	if masters != 1 {
		return fmt.Errorf("CLUSTER NODES: %s", text)
	}
	return nil
}

// TestSlotsAlwaysHaveAnOwner: whatever becomes of the leader, no node's answer to CLUSTER
// SLOTS, SHARDS or NODES leaves the slots to nobody, not while none leads either, nor just
// after a start.
func TestSlotsAlwaysHaveAnOwner(t *testing.T) {
	c, _ := startCluster(t, 3, "--takeover", "manual")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var looks [3]atomic.Int64
	bad := make(chan error, 1)
	for i, n := range c.Nodes {
		wg.Go(func() {
			conn := n.Client()
			defer conn.Close()
			for {
				select {
				case <-stop:
					return
				case <-time.After(pollOwners):
				}
				err := owned(t.Context(), conn)
				var said redis.Error
				switch {
				case err == nil:
					looks[i].Add(1)
				case errors.As(err, &said) && strings.HasPrefix(said.Error(), "LOADING"):
					// As redis-server 7.0 says, and no answer.
				case !errors.As(err, &said) && errors.Unwrap(err) != nil:
					// It has ended, or has just begun.
				default:
					select {
					case bad <- fmt.Errorf("node %d: %w", n.Port, err):
					default:
					}
				}
			}
		})
	}
	faults := []func(n *harness.Node) error{(*harness.Node).Kill, signal(syscall.SIGSTOP), nil}
	cures := []func(n *harness.Node) error{(*harness.Node).Start, signal(syscall.SIGCONT), nil}
	for i := range ownerChanges() {
		leader, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kind := i % len(faults)
		if fault := faults[kind]; fault != nil {
			if err := fault(leader); err != nil {
				t.Fatal(err)
			}
		}
		if err := harness.Until(within(t, 90*time.Second), func() error {
			for _, n := range followers(c, leader) {
				if info, err := n.Info(t.Context(), "replication", "regent"); err == nil && info["role"] == "master" && info["leader_id"] == info["node_id"] {
					return nil
				}
			}
			if faults[kind] == nil { // a planned change, which a busy machine's followers may be too far behind for
				_ = client(t, leader).Do(t.Context(), "FAILOVER").Err()
			}
			return errors.New("no other node leads")
		}); err != nil {
			t.Fatal(err)
		}
		if cure := cures[kind]; cure != nil {
			if err := cure(leader); err != nil {
				t.Fatal(err)
			}
		}
		ready(t, leader)
	}
	from := [3]int64{}
	for i := range looks {
		from[i] = looks[i].Load()
	}
	if err := harness.Until(within(t, 90*time.Second), func() error {
		for i := range looks {
			if looks[i].Load() < from[i]+20 {
				return errors.New("a node is not looked at")
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
	select {
	case err := <-bad:
		t.Error(err)
	default:
	}
	t.Logf("%d, %d and %d looks", looks[0].Load(), looks[1].Load(), looks[2].Load())
}
