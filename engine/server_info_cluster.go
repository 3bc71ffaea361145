package engine

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// INFO's sections about this node among the others: Replication, as Redis's
// clients and monitoring read it, Cluster, and Regent, which says what an
// election's reader wants to know.

// toldView is the View as clients are told of it. A leader whose lease has run
// out does not say that it leads: another may by now.
func (e *Engine) toldView() *View {
	v := e.cluster.View()
	if !v.Leading || !e.cluster.LeaseOver() {
		return v
	}
	told := *v
	told.Leading, told.LeaderID, told.Leader, told.LinkUp, told.Electing = false, 0, "", false, true
	return &told
}

// replication is Redis's: which node leads, which follow and how far.
func (r *infoRun) replication(w *InfoWriter) {
	v, e := r.view, r.e
	if v.Leading {
		w.Str("role", "master")
	} else {
		w.Str("role", "slave")
		r.following(w)
	}
	r.followers(w)
	w.Str("master_failover_state", cmp.Or(v.Handover, HandoverNone))
	w.Str("master_replid", e.replID(v))
	// The history has one name for ever: there is no second one to continue.
	w.Str("master_replid2", strings.Repeat("0", replIDLen))
	w.Int("master_repl_offset", e.logEnd())
	w.Int("second_repl_offset", -1)
}

// replIDLen is the hex digits of a replication ID.
const replIDLen = 40

// followers are a leader's; a follower has none.
func (r *infoRun) followers(w *InfoWriter) {
	var up []*NodeView
	if r.view.Leading {
		up = r.view.Followers()
	}
	outside := r.e.outsideReplicas()
	w.Int("connected_slaves", int64(len(up)+len(outside)))
	if want, lag := r.e.Config.MinReplicasToWrite.Get(), r.e.Config.MinReplicasMaxLag.Get(); r.view.Leading && want > 0 && lag > 0 {
		w.Int("min_slaves_good_slaves", r.view.goodFollowers(lag))
	}
	for i, n := range up {
		host, port, _ := n.At(r.face)
		w.Str("slave"+strconv.Itoa(i), fmt.Sprintf("ip=%s,port=%d,state=%s,offset=%d,lag=%d", host, port, n.state(), n.Offset, max(n.Lag, 0)))
	}
	for i, o := range outside {
		w.Str("slave"+strconv.Itoa(len(up)+i), fmt.Sprintf("ip=%s,port=%d,state=%s,offset=%d,lag=%d", o.Host, o.Port, o.State, o.Offset, o.Lag))
	}
}

// state is a follower's in Redis's words.
func (n *NodeView) state() string {
	if n.Copy != "" {
		return n.Copy
	}
	return "online"
}

// master is where a follower's master is: the leader, while none is known the
// last one, or else another node: monitors want an address whatever happens, and
// never this node's own.
func (v *View) master(f Face) (host string, port int) {
	best, rank := (*NodeView)(nil), 0
	for i := range v.Nodes {
		nd := &v.Nodes[i]
		r := 0
		switch {
		case nd.Myself:
		case nd.Leader:
			r = 4
		case nd.ID == v.LastLeaderID:
			r = 3
		case nd.Up && !nd.Learner && !nd.Witness:
			r = 2
		default:
			r = 1
		}
		if r > rank {
			best, rank = nd, r
		}
	}
	if best == nil || rank < 4 && v.Leader != "" {
		host, port, _ = SplitAddr(v.Leader)
		return host, port
	}
	host, port, _ = best.At(f)
	return host, port
}

func (r *infoRun) following(w *InfoWriter) {
	v := r.view
	host, port := v.master(r.face)
	link, ago := "down", int64(-1)
	if v.LinkUp {
		link = "up"
		if v.LastIO > 0 {
			ago = max(r.now-v.LastIO, 0) / 1000
		}
	}
	w.Str("master_host", host)
	w.Int("master_port", int64(port))
	w.Str("master_link_status", link)
	w.Int("master_last_io_seconds_ago", ago)
	w.Bool("master_sync_in_progress", v.SyncProgress)
	w.Int("slave_read_repl_offset", r.e.logEnd())
	w.Int("slave_repl_offset", r.e.logEnd())
	r.copying(w)
	if !v.LinkUp {
		down := int64(-1) // it has never been up
		if v.LinkDownAt > 0 {
			down = max(r.now-v.LinkDownAt, 0) / 1000
		}
		w.Int("master_link_down_since_seconds", down)
	}
	w.Int("slave_priority", r.e.Config.ReplicaPriority.Get())
	w.Int("slave_read_only", 1)
	w.Int("replica_announced", 1)
}

// copying is how far the full copy is that this node gets.
func (r *infoRun) copying(w *InfoWriter) {
	v := r.view
	if !v.SyncProgress {
		return
	}
	done := 0.0
	if v.SyncTotal > 0 {
		done = float64(v.SyncRead) / float64(v.SyncTotal) * 100
	}
	w.Int("master_sync_total_bytes", v.SyncTotal)
	w.Int("master_sync_read_bytes", v.SyncRead)
	w.Int("master_sync_left_bytes", v.SyncTotal-v.SyncRead)
	w.Str("master_sync_perc", strconv.FormatFloat(done, 'f', 2, 64))
	w.Int("master_sync_last_io_seconds_ago", max(r.now-v.SyncIO, 0)/1000)
}

// replID names the history of the log: all nodes of a cluster share one. A
// lone server's is its run's.
func (e *Engine) replID(v *View) string {
	if v.ClusterID != "" {
		return v.ClusterID
	}
	return e.runID
}

func (r *infoRun) cluster(w *InfoWriter) { w.Bool("cluster_enabled", r.e.showsCluster(r.face, r.view)) }

func (r *infoRun) regent(w *InfoWriter) {
	v := r.view
	w.Int("node_id", v.NodeID)
	if w.Bool("witness", v.Witness); v.Witness {
		w.Int("witness_log_from", v.LogFrom)
		w.Int("witness_held_by_data", v.HeldByData)
	}
	w.Int("leader_id", v.LeaderID)
	w.Str("leader_addr", v.Leader)
	w.Int("epoch", v.Epoch)
	w.Bool("election_in_progress", v.Electing)
	members := len(v.Nodes)
	if v.Membership == MemberJoining || v.Membership == MemberRemoved {
		members-- // this one is none
	}
	w.Int("nodes", int64(members))
	if v.Membership != "" {
		w.Str("membership", v.Membership)
		w.Bool("recovering", v.Recovering)
		w.Str("nodes_version", fmt.Sprintf("%d/%d", v.MembersEpoch, v.MembersVersion))
	}
	r.clocks(w)
}

// clocks tells how far wall clocks are apart, on which the ends of keys rest: at
// a follower how far this node's is ahead of the leader's, at a leader how far
// each other's is ahead of its own.
func (r *infoRun) clocks(w *InfoWriter) {
	i := 0
	for _, n := range r.view.Nodes {
		switch {
		case n.ClockError == 0:
		case r.view.Leading:
			w.Str("clock"+strconv.Itoa(i), fmt.Sprintf("node=%d,offset_ms=%d,error_ms=%d", n.ID, n.ClockAhead, n.ClockError))
			i++
		case n.Leader:
			w.Int("clock_offset_ms", -n.ClockAhead)
			w.Int("clock_error_ms", n.ClockError)
		}
	}
}
