package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/aof/disk"
	"regent/cluster/clustertest"
)

// robbed has two of three nodes acknowledge what the third does not have, ends
// those two, takes something from one of them, and starts it with the third.
// They must not lead before the other one is back; then nothing is missing.
func robbed(t *testing.T, rob func(x *node)) (victim *node) {
	w := newNetwork(t, 3)
	w.start()
	leader := w.leader()
	leader.must("SET", "a", "1")
	w.followed(leader)
	others := w.others(leader)
	away, victim := others[0], others[1]
	away.kill()
	leader.must("SET", "b", "2")
	leader.kill()
	victim.kill()
	rob(victim)
	victim.start()
	away.start()
	if !victim.cluster.View().Recovering {
		t.Error("a node that has lost something does not show recovering")
	}
	for end := time.Now().Add(3 * testTimeout * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, x := range []*node{victim, away} {
			if x.cluster.View().Leading {
				t.Fatalf("node %d leads without what the third node holds", x.id)
			}
		}
	}
	leader.start()
	w.followed(w.leader())
	for _, x := range w.nodes {
		x.sees("a", "1")
		x.sees("b", "2")
		w.until("its vote counts", func() bool { return !x.cluster.View().Recovering })
	}
	return victim
}

func (x *node) lose(name string) {
	if err := os.Remove(filepath.Join(x.dir, name)); err != nil {
		x.net.t.Fatal(err)
	}
}

func (x *node) said(text string) bool {
	for _, line := range x.host.Lines() {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// shorten takes the last record of the log.
func (x *node) shorten() {
	s := x.log.Stream()
	at := int64(strings.LastIndex(string(x.log.Bytes()), "*3\r\n$3\r\nSET"))
	if err := s.Truncate(s.Start() + at); err != nil {
		x.net.t.Fatal(err)
	}
}

// TestLogShortened: the log is shorter than it was.
func TestLogShortened(t *testing.T) {
	t.Parallel()
	victim := robbed(t, (*node).shorten)
	if !victim.said("The log ends at offset") {
		t.Error("the log does not say so")
	}
}

// TestLogGone: it is not there any more.
func TestLogGone(t *testing.T) {
	t.Parallel()
	robbed(t, func(x *node) { x.log = clustertest.NewLog() })
}

// TestLogShortenedWithoutMark: nor is what says how far it had come; the state
// file knows that there was something.
func TestLogShortenedWithoutMark(t *testing.T) {
	t.Parallel()
	victim := robbed(t, func(x *node) { x.shorten(); x.lose("cluster.reached") })
	if !victim.said("cluster.reached is missing") {
		t.Error("the log does not say so")
	}
}

// TestStateFileLost: the log is whole, what was promised is not known.
func TestStateFileLost(t *testing.T) {
	t.Parallel()
	victim := robbed(t, func(x *node) { x.lose("cluster.state") })
	if !victim.said("The cluster state file is missing or older than the log") {
		t.Error("the log does not say so")
	}
}

// TestMarkCannotBeWritten: a node that cannot keep how far its log has come
// takes no part, and does again when it can.
func TestMarkCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	leader := w.leader()
	x := w.others(leader)[0]
	w.followed(leader)
	path := filepath.Join(x.dir, "cluster.reached")
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(disk.TempOf(path), 0o755); err != nil {
		t.Fatal(err)
	}
	leader.must("SET", "k", "v")
	w.until("it takes no part", func() bool { return x.said("this node takes no part until it can") })
	if err := os.Remove(disk.TempOf(path)); err != nil {
		t.Fatal(err)
	}
	w.until("it does again", func() bool { return x.said("can be written again") })
	leader = w.leader()
	leader.must("SET", "k", "w")
	w.followed(leader)
	x.checkMark()
}
