package engine_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// ownFields are INFO's fields that redis-server 7.0 does not have, with why
// Regent has them.
var ownFields = map[string]string{
	"regent_version":                            "redis_version is the Redis that Regent behaves as",
	"used_memory_heap":                          "the data is outside Go's heap",
	"client_query_buffer_limit_disconnections":  "7.2",
	"client_output_buffer_limit_disconnections": "7.2",
	"gc_cycles":                                 "the collector", "gc_longest_pause_usec": "the collector",
	"node_id": "which node leads", "leader_id": "which node leads", "leader_addr": "which node leads", "epoch": "which node leads", "election_in_progress": "which node leads", "nodes": "which node leads", "witness": "a node without data",
}

// fieldNames are the names of INFO's lines, with the sections' titles; what
// counts clients or commands by name is left out.
func fieldNames(t *testing.T, reply string) (names []string) {
	t.Helper()
	for line := range strings.SplitSeq(enginetest.Parsed(t, reply).Text, "\r\n") {
		name, _, isField := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "# "):
			names = append(names, line)
		case isField && !regexp.MustCompile(`^(cmdstat_|errorstat_|latency_|db\d|slave\d)`).MatchString(name):
			names = append(names, name)
		}
	}
	return names
}

// TestInfoFieldsAreRedis: every field has a name that redis-server knows in
// that place, in a primary and in a replica.
func TestInfoFieldsAreRedis(t *testing.T) {
	redis := enginetest.StartRedis(t).Client(t)
	s := enginetest.NewEngine(t)
	ours := s.Client()
	for _, role := range []string{"primary", "replica"} {
		if role == "replica" {
			redis.Do("REPLICAOF", "127.0.0.1", "1")
			s.Cluster.SetView(engine.View{Clustered: true, NodeID: 1, LeaderID: 2, Leader: "127.0.0.1:1", LinkDownAt: enginetest.Start})
		}
		redis.Do("CONFIG", "SET", "min-replicas-to-write", "1", "maxmemory", "100mb")
		ours.Do("CONFIG", "SET", "min-replicas-to-write", "1", "maxmemory", "100mb")
		want := fieldNames(t, redis.Do("INFO", "everything"))
		at, shown := 0, 0
		for _, name := range fieldNames(t, ours.Do("INFO", "everything")) {
			if ownFields[name] != "" || name == "# Regent" {
				continue
			}
			i := slices.Index(want, name)
			switch {
			case i < 0:
				t.Errorf("%s: redis-server has no %s", role, name)
			case i < at:
				t.Errorf("%s: %s stands after %s", role, name, want[at])
			default:
				at, shown = i, shown+1
			}
		}
		if shown < 60 {
			t.Errorf("%s: only %d fields", role, shown)
		}
	}
}

// infoLine is the value of one field.
func infoLine(t *testing.T, c *enginetest.Client, section, name string) string {
	t.Helper()
	for line := range strings.SplitSeq(enginetest.Parsed(t, c.Do("INFO", section)).Text, "\r\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && n == name {
			return v
		}
	}
	return "none"
}

// TestInfoValues: fields that are sums or estimates.
func TestInfoValues(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	c := s.Client()
	c.Do("MSET", "a", "1", "b", "2", "c", "3")
	c.Do("PEXPIRE", "a", "5000")
	c.Do("PEXPIRE", "b", "5000")
	c.Do("SELECT", "7")
	c.Do("SET", "x", "1", "PX", "100")
	s.Host.Advance(time.Second)
	s.CountInput(1, 10)
	s.CountInput(1, 20)
	s.CountOutput(2, 5)
	c.Do("DEBUG", "ERROR", "a:b#c d")
	c.Do("DEBUG", "ERROR", "alone")
	c.Do("DEBUG", "ERROR", strings.Repeat("x", 32)+" y")
	sleeper := s.Client()
	sleeper.Do("WAIT", "1", "10000")
	for _, f := range [][3]string{
		{"keyspace", "db0", "keys=3,expires=2,avg_ttl=4000"},
		{"keyspace", "db7", "keys=1,expires=1,avg_ttl=0"},
		{"keyspace", "db1", "none"},
		{"stats", "total_net_input_bytes", "30"}, {"stats", "total_reads_processed", "2"},
		{"stats", "total_net_output_bytes", "5"}, {"stats", "total_writes_processed", "1"},
		{"errorstats", "errorstat_a_b_c", "count=1"}, {"errorstats", "errorstat_ERR", "count=2"},
		{"clients", "connected_clients", "2"}, {"clients", "blocked_clients", "1"}, {"clients", "clients_in_timeout_table", "1"},
		{"memory", "used_memory_rss", "1048576"}, {"memory", "total_system_memory_human", "1.00G"}, {"memory", "maxmemory_policy", "noeviction"},
		{"persistence", "aof_enabled", "none"}, // the log's own part says so
		{"server", "uptime_in_seconds", "1"},
	} {
		if got := infoLine(t, c, f[0], f[1]); got != f[2] {
			t.Errorf("%s: %s is %s, want %s", f[0], f[1], got, f[2])
		}
	}
	c.Do("CONFIG", "RESETSTAT")
	if got := infoLine(t, c, "stats", "total_reads_processed"); got != "0" {
		t.Errorf("after RESETSTAT total_reads_processed is %s", got)
	}
}

// TestInfoWithoutALog says that there is none.
func TestInfoWithoutALog(t *testing.T) {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Log = nil; o.Config.AppendOnly.Set(false) })
	if got := infoLine(t, s.Client(), "persistence", "aof_enabled"); got != "0" {
		t.Errorf("aof_enabled is %s", got)
	}
}

// TestInfoReplication: a leader's followers, and which of them are good.
func TestInfoReplication(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.MinReplicasToWrite.Set(1)
	v := engine.View{Clustered: true, Leading: true, NodeID: 3, LeaderID: 3, Leader: "h3:3", Nodes: []engine.NodeView{
		{ID: 1, Host: "h1", Port: 1, Up: true, Offset: 50, Lag: 1},
		{ID: 2, Host: "h2", Port: 2, Up: true, Offset: 40, Lag: 11},
		{ID: 3, Host: "h3", Port: 3, Up: true, Myself: true, Leader: true},
		{ID: 4, Host: "h4", Port: 4, Offset: 9, Lag: -1},
	}}
	s.Cluster.SetView(v)
	c := s.Client()
	for name, want := range map[string]string{
		"role": "master", "connected_slaves": "2", "min_slaves_good_slaves": "1", "second_repl_offset": "-1",
		"slave0": "ip=h1,port=1,state=online,offset=50,lag=1", "slave1": "ip=h2,port=2,state=online,offset=40,lag=11", "slave2": "none",
	} {
		if got := infoLine(t, c, "replication", name); got != want {
			t.Errorf("leading: %s is %s, want %s", name, got, want)
		}
	}
	if got := c.Do("ROLE"); got != "*3\r\n$6\r\nmaster\r\n:0\r\n*2\r\n*3\r\n$2\r\nh1\r\n$1\r\n1\r\n$2\r\n50\r\n*3\r\n$2\r\nh2\r\n$1\r\n2\r\n$2\r\n40\r\n" {
		t.Errorf("ROLE: %q", got)
	}
	v.Leading, v.LeaderID, v.Leader = false, 0, ""
	s.Cluster.SetView(v)
	for name, want := range map[string]string{
		"role": "slave", "master_host": "h1", "master_link_status": "down", "master_last_io_seconds_ago": "-1", "master_link_down_since_seconds": "-1",
		"connected_slaves": "0", "min_slaves_good_slaves": "none",
	} {
		if got := infoLine(t, c, "replication", name); got != want {
			t.Errorf("following nobody: %s is %s, want %s", name, got, want)
		}
	}
	v.LinkDownAt = enginetest.Start - 7000
	s.Cluster.SetView(v)
	if got := infoLine(t, c, "replication", "master_link_down_since_seconds"); got != "7" {
		t.Errorf("master_link_down_since_seconds is %s", got)
	}
	v.LinkUp, v.LastIO = true, enginetest.Start-3000
	s.Cluster.SetView(v)
	if got := infoLine(t, c, "replication", "master_last_io_seconds_ago"); got != "3" {
		t.Errorf("master_last_io_seconds_ago is %s", got)
	}
	if got := infoLine(t, c, "replication", "master_link_down_since_seconds"); got != "none" {
		t.Errorf("with the link up: down since %s", got)
	}
}

// TestInfoWhileLoading tells how far it is.
func TestInfoWhileLoading(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.SetLoading(true)
	if got := infoLine(t, c, "persistence", "loading_eta_seconds"); got != "1" {
		t.Errorf("at the beginning: %s", got)
	}
	s.LoadProgress(100, 400)
	s.Host.Advance(2 * time.Second)
	for name, want := range map[string]string{"loading": "1", "loading_total_bytes": "400", "loading_loaded_bytes": "100", "loading_loaded_perc": "25.00", "loading_eta_seconds": "6"} {
		if got := infoLine(t, c, "persistence", name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	s.SetLoading(false)
	if got := infoLine(t, c, "persistence", "loading_total_bytes"); got != "none" {
		t.Errorf("after the load: %s", got)
	}
}
