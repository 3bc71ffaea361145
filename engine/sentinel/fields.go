package sentinel

import (
	"strconv"
	"strings"
)

// The fields of SENTINEL MASTERS, REPLICAS and SENTINELS, in the order in which
// Redis's addReplySentinelRedisInstance writes them: there are clients that read them by
// their places.

// A list collects fields.
type list []Field

func (l *list) text(name, value string) { *l = append(*l, Field{name, value}) }
func (l *list) int(name string, v int64) {
	l.text(name, strconv.FormatInt(v, 10))
}

// since is how long ago a moment was in ms, 0 for never.
func (v *View) since(at int64) int64 {
	if at == 0 {
		return 0
	}
	return max(v.Now-at, 0)
}

// downAfter is after how many ms of silence a node counts as lost.
func (v *View) downAfter() int64 {
	if v.Set.DownAfter > 0 {
		return v.Set.DownAfter
	}
	return v.DownAfter
}

// state is what the fields say of the connection to a node.
type state struct {
	flags        []string
	down, odown  bool
	disconnected bool
}

func (s *state) text() string {
	var words []string
	for _, w := range []struct {
		is   bool
		word string
	}{{s.down, "s_down"}, {s.odown, "o_down"}} {
		if w.is {
			words = append(words, w.word)
		}
	}
	words = append(words, s.flags[0])
	if s.disconnected {
		words = append(words, "disconnected")
	}
	return strings.Join(append(words, s.flags[1:]...), ",")
}

// begin is what all three kinds have, up to when a node counts as lost.
func (v *View) begin(l *list, name string, n *Node, port int, runid string, s state) {
	l.text("name", name)
	l.text("ip", n.Host)
	l.int("port", int64(port))
	l.text("runid", runid)
	l.text("flags", s.text())
	l.int("link-pending-commands", 0)
	l.int("link-refcount", 1)
	if v.Failover && s.flags[0] == "master" {
		l.text("failover-state", "wait_promotion")
	}
	ago, sent := v.Age(n), int64(0)
	if s.disconnected {
		sent = ago
	}
	l.int("last-ping-sent", sent)
	l.int("last-ok-ping-reply", ago)
	l.int("last-ping-reply", ago)
	if s.down {
		l.int("s-down-time", max(ago-v.downAfter(), 0))
	}
	if s.odown {
		l.int("o-down-time", max(ago-v.downAfter(), 0))
	}
	l.int("down-after-milliseconds", v.downAfter())
}

// role is what follows for a server.
func (v *View) role(l *list, n *Node, role string) {
	ago := v.Age(n)
	l.int("info-refresh", ago)
	l.text("role-reported", role)
	l.int("role-reported-time", ago)
}

// Master is the master as SENTINEL MASTER shows it by one of its names.
func (v *View) Master(name string) []Field {
	m := v.master()
	none := v.leader() == nil
	s := state{flags: []string{"master"}, down: none, odown: none, disconnected: v.lost(m)}
	if v.Failover {
		s.flags = append(s.flags, "failover_in_progress")
	}
	var l list
	v.begin(&l, name, m, m.Port, m.Name, s)
	v.role(&l, m, "master")
	l.int("config-epoch", v.Epoch)
	l.int("num-slaves", int64(len(v.replicas())))
	l.int("num-other-sentinels", int64(len(v.others())))
	l.int("quorum", v.Quorum())
	l.int("failover-timeout", v.Set.FailoverTimeout)
	l.int("parallel-syncs", v.Set.ParallelSyncs)
	return l
}

// Replicas are the replicas as SENTINEL REPLICAS shows them.
func (v *View) Replicas() (out [][]Field) {
	m := v.master()
	for _, n := range v.replicas() {
		lost := v.lost(n)
		s := state{flags: []string{"slave"}, down: lost, disconnected: lost}
		var l list
		v.begin(&l, n.Addr(), n, n.Port, n.Name, s)
		v.role(&l, n, "slave")
		link, host, port := "ok", m.Host, int64(m.Port)
		switch {
		case lost:
			link, host, port = "err", "?", 0
		case v.leader() == nil, n.Copying:
			link = "err"
		}
		l.int("master-link-down-time", 0)
		l.text("master-link-status", link)
		l.text("master-host", host)
		l.int("master-port", port)
		l.int("slave-priority", n.Priority)
		l.int("slave-repl-offset", n.Offset)
		l.int("replica-announced", 1)
		out = append(out, l)
	}
	return out
}

// Sentinels are the other Sentinels as SENTINEL SENTINELS shows them.
func (v *View) Sentinels() (out [][]Field) {
	for _, n := range v.others() {
		s := state{flags: []string{"sentinel"}, down: !n.Up, disconnected: !n.Up}
		var l list
		v.begin(&l, n.ID40(), n, n.SentinelPort, n.ID40(), s)
		l.int("last-hello-message", v.since(n.Heard))
		l.text("voted-leader", "?")
		l.int("voted-leader-epoch", 0)
		out = append(out, l)
	}
	return out
}
