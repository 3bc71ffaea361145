package cluster_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"regent/cluster/clustertest"
	"regent/cluster/repl"
	"regent/engine"
	"regent/resp"
)

// snapshot streams the log's state in pieces.
func (x *node) snapshot(ctx context.Context, _ *engine.SnapshotTurn, w io.Writer, cut func(at repl.Place, total int64)) error {
	x.snapshots.Add(1)
	var base []byte
	x.engine.Freeze(func() {
		var at repl.Place
		base, at.Offset, at.DB, at.History = x.log.Snapshot()
		cut(at, int64(len(base)))
	})
	half := len(base) / 2
	if _, err := w.Write(base[:half]); err != nil {
		return err
	}
	if f, ok := w.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	if hold := x.net.hold.Load(); hold != nil {
		x.net.held.Add(1)
		defer x.net.held.Add(-1)
		select {
		case <-*hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	_, err := w.Write(base[half:])
	return err
}

// holdCopies makes snapshots wait in their middle until release is called.
func (w *network) holdCopies() (release func()) {
	hold := make(chan struct{})
	w.hold.Store(&hold)
	return func() {
		w.hold.CompareAndSwap(&hold, nil)
		close(hold)
	}
}

// install replaces log and keyspace by a snapshot.
func (x *node) install(_ context.Context, at repl.Place, r io.Reader, enter func() error) error {
	base, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := enter(); err != nil {
		return err
	}
	x.log.Install(base, at.Offset, at.History)
	x.installs.Add(1)
	return x.rebuild(at.Offset)
}

// emptied is a cluster whose leader has no history left, and one of its nodes,
// down, with a new disk.
func emptied(t *testing.T) (w *network, leader, empty *node) {
	t.Helper()
	w = newNetwork(t, 3)
	w.start()
	w.fill("k", 50)
	leader = w.leader()
	w.followed(leader)
	empty = w.others(leader)[0]
	empty.kill()
	empty.wipe()
	leader = w.leader(w.others(empty)...)
	leader.log.Forget(leader.log.End())
	return w, leader, empty
}

// others are the nodes but one.
func (w *network) others(x *node) (out []*node) {
	for _, o := range w.nodes {
		if o != x {
			out = append(out, o)
		}
	}
	return out
}

// wipe makes a node that is down forget everything but its ID.
func (x *node) wipe() {
	x.log = clustertest.NewLog()
	x.dir = x.net.tempDir()
}

// fill writes keys at the leader, in two databases.
func (w *network) fill(prefix string, n int) {
	w.t.Helper()
	for i := range n {
		w.write("SET", fmt.Sprint(prefix, i), fmt.Sprint("v", i))
	}
	w.write("COPY", prefix+"0", prefix+"0", "DB", "3", "REPLACE")
}

// has checks what fill wrote at a node.
func (x *node) has(prefix string, n int) {
	x.net.t.Helper()
	for _, i := range []int{0, n / 2, n - 1} {
		x.sees(fmt.Sprint(prefix, i), fmt.Sprint("v", i))
	}
}

// TestCopyToAnEmptyNode: a node comes back empty after the leader has dropped
// its history: it gets a full copy, and then the stream.
func TestCopyToAnEmptyNode(t *testing.T) {
	t.Parallel()
	w, _, empty := emptied(t)
	w.fill("more", 20)
	empty.start()
	w.followed(w.leader())
	empty.has("k", 50)
	empty.has("more", 20)
	if n := empty.installs.Load(); n != 1 {
		t.Errorf("%d full copies were installed, want 1", n)
	}
	w.write("SET", "last", "v")
	empty.sees("last", "v")
	w.until("it remembers enough to be counted", func() bool { return !empty.cluster.View().Recovering })
	leader := w.leader()
	leader.kill()
	w.leader(w.others(leader)...)
	w.write("SET", "after", "v")
	empty.sees("after", "v")
	empty.has("k", 50)
}

// TestNothingIsReadBeforeTheFirstCopy: a node that came back empty does not answer
// from its empty keyspace.
func TestNothingIsReadBeforeTheFirstCopy(t *testing.T) {
	t.Parallel()
	w, _, empty := emptied(t)
	release := w.holdCopies()
	empty.start()
	stop := empty.watch("k0", "")
	w.until("a copy is under way", func() bool { return empty.cluster.View().SyncProgress })
	if reply, sent := empty.try(time.Second, "GET", "k0"); !sent || reply != "-"+resp.ErrLoading+"\r\n" {
		t.Errorf("before the copy: %q, sent %v", reply, sent)
	}
	if reply, _ := empty.try(time.Second, "DBSIZE"); reply != "-"+resp.ErrLoading+"\r\n" {
		t.Errorf("before the copy DBSIZE says %q", reply)
	}
	release()
	w.followed(w.leader())
	empty.sees("k0", "v0")
	if n := stop(); n != 0 {
		t.Errorf("%d readers got nil", n)
	}
}

// TestALeaderKeepsNothingForItself: a node that has applied the log as a follower and
// leads now does not read it any more, and a rewrite drops it.
func TestALeaderKeepsNothingForItself(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	w.fill("k", 20)
	w.followed(w.leader())
	old := w.leader()
	old.kill()
	next := w.leader(w.others(old)...)
	w.fill("more", 20)
	w.until("nothing is kept", func() bool {
		next.log.Forget(next.log.End())
		return next.log.Stream().Start() == next.log.End()
	})
}

// TestCopyAfterHistoryIsGone: a follower was away while the leader rewrote its
// log: what the follower lacks is not on disk any more. A second one, whose
// end is still there, resumes.
func TestCopyAfterHistoryIsGone(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 5)
	w.start()
	w.fill("k", 20)
	leader := w.leader()
	w.followed(leader)
	early, late := w.others(leader)[0], w.others(leader)[1]
	early.kill()
	w.fill("then", 20)
	w.followed(w.leader())
	at := late.log.End()
	late.kill()
	w.fill("now", 20)
	for _, x := range w.nodes {
		if x.alive {
			w.followed(w.leader())
			x.log.Forget(at)
		}
	}
	early.start()
	late.start()
	w.followed(w.leader())
	for _, x := range []*node{early, late} {
		x.has("k", 20)
		x.has("then", 20)
		x.has("now", 20)
	}
	if n := early.installs.Load(); n != 1 {
		t.Errorf("the one whose end is gone took %d full copies, want 1", n)
	}
	if n := late.installs.Load(); n != 0 {
		t.Errorf("the one whose end is there took %d full copies, want 0", n)
	}
}

// TestCopyOutlastsARewrite: the leader rewrites its log while a long copy is
// under way, and history no longer reaches back to where it was cut. The
// follower goes on from there all the same: one copy is enough.
func TestCopyOutlastsARewrite(t *testing.T) {
	t.Parallel()
	w, leader, empty := emptied(t)
	release := w.holdCopies()
	empty.start()
	w.until("a copy is under way", func() bool { return empty.cluster.View().SyncProgress })
	w.fill("meanwhile", 20)
	leader.log.Forget(leader.log.End())
	release()
	w.followed(w.leader())
	empty.has("k", 50)
	empty.has("meanwhile", 20)
	if n := empty.installs.Load(); n != 1 {
		t.Errorf("%d full copies were installed, want 1", n)
	}
	w.until("with the copy over nothing is kept for it", func() bool {
		leader.log.Forget(leader.log.End())
		return leader.log.Stream().Start() == leader.log.End()
	})
}

// TestOneSnapshotForTwo: two empty nodes that ask while another one's snapshot
// runs share the next one, and the leader takes writes meanwhile. Four others
// keep the majority.
func TestOneSnapshotForTwo(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 7).patient()
	w.start()
	w.fill("k", 20)
	leader := w.leader()
	w.followed(leader)
	empty := w.others(leader)[:3]
	for _, x := range empty {
		x.kill()
		x.wipe()
	}
	leader.log.Forget(leader.log.End())
	release := w.holdCopies()
	asked := func(x *node) bool {
		for _, n := range leader.cluster.View().Nodes {
			if n.ID == x.id {
				return n.Copy != ""
			}
		}
		return false
	}
	empty[0].start()
	w.until("a copy is under way", func() bool { return empty[0].cluster.View().SyncProgress })
	for _, x := range empty[1:] {
		x.start()
		w.until("it has asked", func() bool { return asked(x) })
	}
	w.write("SET", "meanwhile", "v")
	release()
	w.followed(w.leader())
	for _, x := range empty {
		x.has("k", 20)
		x.sees("meanwhile", "v")
	}
	var begun int64
	for _, x := range w.nodes {
		begun += x.snapshots.Load()
	}
	if begun != 2 {
		t.Errorf("%d snapshots were taken for one node and two that asked meanwhile, want 2", begun)
	}
}

// TestCopyWithoutMajority: the leader can serve only once the empty node has
// the copy, for the third is down. Since an empty node's vote is worth nothing
// by itself, an operator must say that the third is not waited for.
func TestCopyWithoutMajority(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	w.fill("k", 20)
	w.followed(w.leader())
	keep, empty, down := w.nodes[2], w.nodes[0], w.nodes[1]
	for _, x := range w.nodes {
		x.kill()
	}
	empty.wipe()
	keep.log.Forget(keep.log.End())
	keep.start()
	empty.start()
	w.until("a leader by command", func() bool {
		_ = keep.cluster.ForceLeader() // again and again: a starved leader gives up
		return keep.cluster.View().Leading && keep.cluster.Leads()
	})
	empty.has("k", 20)
	w.write("SET", "x", "1")
	down.start()
	w.followed(w.leader())
	down.sees("x", "1")
}

// TestCopyBreaks: the connection is lost in the middle of a copy, again and
// again. Nothing of it shows, the node keeps what it had, and in the end it
// gets a whole one.
func TestCopyBreaks(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	w.fill("k", 20)
	leader := w.leader()
	w.followed(leader)
	x := w.others(leader)[0]
	x.kill()
	w.fill("more", 20)
	for _, o := range w.others(x) {
		w.followed(w.leader(w.others(x)...))
		o.log.Forget(o.log.End())
	}
	end := x.log.End()
	release := w.holdCopies()
	x.start()
	for range 3 {
		// It has to be in its middle: one that comes there later waits for what holds the next one.
		w.until("a copy is under way", func() bool { return x.cluster.View().SyncProgress && w.held.Load() > 0 })
		w.flap(x)
		w.until("it is not", func() bool { return !x.cluster.View().SyncProgress })
		again := w.holdCopies()
		release() // it finds that nobody takes it any more
		release = again
		if x.installs.Load() == 0 && x.log.End() != end {
			t.Fatalf("the log ended at %d and ends at %d after a copy that broke off", end, x.log.End())
		}
	}
	release()
	w.followed(w.leader())
	x.has("k", 20)
	x.has("more", 20)
	if n := x.installs.Load(); n < 1 {
		t.Errorf("%d copies were installed", n)
	}
}

// TestCopyInfo: what INFO says while a copy is under way.
func TestCopyInfo(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	w.start()
	w.fill("k", 20)
	leader := w.leader()
	w.followed(leader)
	x := w.others(leader)[0]
	x.kill()
	x.wipe()
	for _, o := range w.others(x) {
		o.log.Forget(o.log.End())
	}
	release := w.holdCopies()
	x.start()
	info := func(n *node, want ...string) func() bool {
		return func() bool {
			text, _ := n.try(time.Second, "INFO", "replication")
			for _, line := range want {
				if !strings.Contains(text, line) {
					return false
				}
			}
			return true
		}
	}
	w.until("the follower tells", info(x, "master_sync_in_progress:1", "master_sync_total_bytes:", "master_sync_perc:", "master_link_status:down"))
	w.until("the leader tells", func() bool { return info(w.leader(), "state=send_bulk")() })
	release()
	w.followed(w.leader())
	w.until("it is over", info(x, "master_sync_in_progress:0", "master_link_status:up"))
}

// TestOwnDataIsNotThrownAway: a node that was alone and has data joins two
// that are empty and know each other already. It keeps what it has, says so,
// and does not follow.
func TestOwnDataIsNotThrownAway(t *testing.T) {
	t.Parallel()
	w := newNetwork(t, 3)
	own := w.nodes[0]
	own.log.Append(&engine.Effects{Buf: []byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nown\r\n"), Recs: []engine.Effect{{End: 29}}})
	if err := own.log.Seal(); err != nil {
		t.Fatal(err)
	}
	end := own.log.End()
	for _, x := range w.others(own) {
		x.start()
	}
	leader := w.leader(w.others(own)...)
	w.write("SET", "k", "theirs")
	own.start()
	w.until("it says why it does not follow", func() bool {
		for _, line := range own.host.Lines() {
			if strings.Contains(line, "data from before the node had peers") {
				return true
			}
		}
		return false
	})
	if own.log.End() != end || own.installs.Load() != 0 {
		t.Errorf("its log ended at %d and ends at %d", end, own.log.End())
	}
	leader.log.Forget(leader.log.End())
	time.Sleep(200 * time.Millisecond)
	if own.log.End() != end || own.installs.Load() != 0 {
		t.Error("it was thrown away for a full copy")
	}
}
