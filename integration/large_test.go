package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/integration/harness"
)

// largeSizes are the values that TestLargeValues writes, in bytes: what a machine of two
// cores that has other work moves three times in a moment, and what is promised.
func largeSizes() []int {
	if os.Getenv("REGENT_SOAK") != "" {
		return []int{100 << 20, 200 << 20}
	}
	return []int{64 << 20}
}

// Limits of TestLargeValues.
const (
	// largePatience is how long a step may take.
	largePatience = 4 * time.Minute
	// largeTries is how often a value is tried, each time with a new cluster: on a
	// machine that has far too much to do clusters at rest lose their leader as well.
	largeTries = 3
	// largeShare is how many times a value's size a node's memory may grow, at most,
	// while the value comes.
	largeShare = 3
)

// TestLargeValues: a large value comes to all nodes; no leader is lost over it, and none
// needs the memory of more than three.
func TestLargeValues(t *testing.T) {
	for _, size := range largeSizes() {
		for name, value := range map[string][]byte{"noise": noise(size), "sentences": bytes.Repeat([]byte("a sentence of some length. "), size/27+1)[:size]} {
			t.Run(fmt.Sprintf("%d MB of %s", size>>20, name), func(t *testing.T) {
				for n := 1; ; n++ {
					err := largeValue(t, value)
					if err == nil {
						return
					}
					if n == largeTries {
						t.Fatal(err)
					}
					t.Log(err)
				}
			})
		}
	}
}

// largeValue tries one value on a new cluster. An error is what a machine that has too
// much to do may bring about as well.
func largeValue(t *testing.T, value []byte) error {
	// A voter of a higher ID that was late at the start would be handed the lead, by
	// design; "manual" leaves that out.
	c, leader := startCluster(t, 3, "--takeover", "manual")
	defer c.Kill()
	for _, n := range c.Nodes {
		forgetPeak(t, n)
	}
	before, err := epochOf(t, leader)
	if err != nil {
		return err
	}
	big := leader.Client()
	defer big.Close()
	if err := big.WithTimeout(largePatience).Set(within(t, largePatience), "big", value, 0).Err(); err != nil {
		return fmt.Errorf("SET: %w", err)
	}
	for _, n := range c.Nodes {
		shows(t, n, len(value))
	}
	now, err := epochOf(t, leader)
	if err != nil {
		return err
	}
	if now != before {
		return fmt.Errorf("the leader of epoch %s is of epoch %s now", before, now)
	}
	for _, n := range c.Nodes {
		peak := peakOf(t, n)
		t.Logf("node %d: %.2f times the value", n.Port, float64(peak)/float64(len(value)))
		if peak > largeShare*len(value) {
			t.Errorf("node %d needed %d MB for a value of %d MB", n.Port, peak>>20, len(value)>>20)
		}
	}
	return nil
}

func noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(p)
	return p
}

// epochOf is the epoch that a node leads.
func epochOf(t *testing.T, n *harness.Node) (string, error) {
	t.Helper()
	info, err := n.Info(within(t, largePatience), "replication", "regent")
	if err != nil {
		t.Fatal(err)
	}
	if info["role"] != "master" || info["leader_id"] != info["node_id"] {
		return "", fmt.Errorf("node %d does not lead any more", n.Port)
	}
	return info["epoch"], nil
}

// shows waits until a node's readers see the value, and its log was rewritten, which the
// value has given cause for.
func shows(t *testing.T, n *harness.Node, size int) {
	t.Helper()
	c := client(t, n)
	err := harness.Until(within(t, largePatience), func() error {
		conn := c.Conn()
		defer conn.Close()
		if err := conn.ReadOnly(t.Context()).Err(); err != nil {
			return err
		}
		if got, err := conn.StrLen(t.Context(), "big").Result(); err != nil || got != int64(size) {
			return fmt.Errorf("node %d shows %d bytes: %v", n.Port, got, err)
		}
		info, err := n.Info(t.Context(), "persistence")
		if err != nil {
			return err
		}
		if info["aof_rewrite_in_progress"] != "0" || info["aof_rewrites"] == "0" || info["aof_last_bgrewrite_status"] != "ok" {
			return fmt.Errorf("node %d: its log is not rewritten", n.Port)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forgetPeak has the kernel begin the peak of a node's memory anew.
func forgetPeak(t *testing.T, n *harness.Node) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", n.PID()), []byte("5"), 0); err != nil {
		t.Log(err) // the peak of the start is less
	}
}

// peakOf is the most memory that a node has had, in bytes.
func peakOf(t *testing.T, n *harness.Node) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err != nil {
		t.Skip("the system does not tell: ", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
