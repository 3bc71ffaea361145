package cluster_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// info is a field of a node's INFO.
func (x *node) info(field string) string {
	reply, _ := x.try(10*time.Second, "INFO", "regent")
	for line := range strings.SplitSeq(reply, "\r\n") {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return value
		}
	}
	return ""
}

// clockOf is what a leader's INFO tells of another node's wall clock.
func (x *node) clockOf(id int64) (ahead, within int64) {
	for i := range x.net.nodes {
		var of int64
		if _, err := fmt.Sscanf(x.info("clock"+strconv.Itoa(i)), "node=%d,offset_ms=%d,error_ms=%d", &of, &ahead, &within); err == nil && of == id {
			return ahead, within
		}
	}
	return 0, 0
}

// TestClocksThatDiffer: leader and follower notice that the follower's wall clock
// is not the leader's, and say so in log and INFO.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	const ahead = time.Hour
	w := newNetwork(t, 3).patient()
	odd := w.nodes[1]
	odd.host.SetAhead(ahead)
	w.start()
	w.handOver(w.nodes[0])
	near := func(got, want time.Duration, within int64) bool {
		return within > 0 && (got-want).Abs() <= time.Duration(within)*time.Millisecond
	}
	w.until("the leader knows how far the follower is ahead", func() bool {
		got, within := w.nodes[0].clockOf(odd.id)
		return near(time.Duration(got)*time.Millisecond, ahead, within)
	})
	w.until("the leader knows that the other follower is not", func() bool {
		got, within := w.nodes[0].clockOf(w.nodes[2].id)
		return near(time.Duration(got)*time.Millisecond, 0, within)
	})
	w.until("the follower knows it", func() bool {
		got, err := strconv.Atoi(odd.info("clock_offset_ms"))
		within, _ := strconv.ParseInt(odd.info("clock_error_ms"), 10, 64)
		return err == nil && near(time.Duration(got)*time.Millisecond, ahead, within)
	})
	w.until("the leader says so", func() bool {
		return w.nodes[0].said("Node 2's wall clock is 3") && w.nodes[0].said("ahead of this node's, which leads: its readers see keys end that much too early, and everybody does once it leads.")
	})
	w.until("the follower says so", func() bool {
		return odd.said("This node's wall clock is 3") && odd.said("ahead of that of node 1, which leads: its readers see keys end that much too early, and everybody does once this node leads.")
	})
	if w.nodes[2].said("that of node 1, which leads") || w.nodes[0].said("Node 3's wall clock") {
		t.Error("a clock that is right is said to be wrong")
	}
	odd.host.SetAhead(0)
	w.until("both say that it is well again", func() bool {
		return odd.said("The wall clocks of node 1 and this node agree again") && w.nodes[0].said("The wall clocks of node 2 and this node agree again")
	})
	odd.stop()
	odd.host.SetAhead(-ahead)
	odd.start()
	w.until("the follower says that it is behind", func() bool {
		return odd.said("which leads: keys end that much too late once this node leads.")
	})
	for _, x := range w.nodes {
		for _, line := range x.host.Lines() {
			if strings.Contains(line, "%!") {
				t.Errorf("node %d: %s", x.id, line)
			}
		}
	}
}
