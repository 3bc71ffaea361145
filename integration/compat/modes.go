package main

// A mode is a way to run the suite.
type mode string

const (
	// external: against a server that runs; tests that start servers of their own are left out.
	external mode = "external"
	// own: the suite starts the servers, with its configuration file.
	own mode = "own"
	// encrypted is own with all connections by TLS.
	encrypted mode = "tls"
)

// modes in the page's order, with the units of what Regent has. What no mode names stands in
// left, with a reason.
var modes = []struct {
	mode  mode
	title string
	about string
	units []string
}{
	{external, "The external mode", "The suite runs against one server that is there already. Tests that start servers of their own are left out by the suite.", []string{
		"unit/type/string", "unit/type/incr", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/set",
		"unit/type/hash", "unit/type/zset", "unit/keyspace", "unit/scan", "unit/expire", "unit/protocol", "unit/quit", "unit/info-command",
		"unit/introspection", "unit/introspection-2", "unit/slowlog", "unit/querybuf", "unit/multi", "unit/pubsub", "unit/pause",
		"unit/type/stream", "unit/type/stream-cgroups", "unit/hyperloglog", "unit/bitops", "unit/bitfield",
		"unit/lazyfree", "unit/other", "unit/geo", "unit/latency-monitor", "unit/replybufsize", "unit/scripting", "unit/functions",
		"unit/sort", "unit/dump", "unit/tracking", "unit/acl", "unit/acl-v2",
	}},
	{own, "The suite's own mode", "The suite starts the servers itself, with its own configuration file and start-up lines: Regent stands in the place of `src/redis-server`.", []string{
		"unit/acl", "unit/acl-v2", "unit/auth", "unit/dump", "unit/sort", "unit/limits", "unit/obuf-limits", "unit/networking",
		"unit/info", "unit/tracking", "unit/pubsubshard", "unit/querybuf", "unit/replybufsize", "unit/introspection", "unit/introspection-2",
		"unit/multi", "unit/pause", "unit/scripting", "unit/functions", "unit/maxmemory", "unit/client-eviction", "unit/wait",
		"unit/shutdown", "unit/cluster-scripting", "integration/corrupt-dump",
		"integration/aof", "integration/aof-multi-part", "integration/rdb", "integration/logging", "integration/shutdown",
		"integration/convert-zipmap-hash-on-load", "integration/convert-ziplist-hash-on-load", "integration/convert-ziplist-zset-on-load",
		"integration/block-repl", "integration/replication", "integration/replication-2", "integration/replication-3",
		"integration/replication-4", "integration/replication-psync", "integration/redis-cli", "integration/redis-benchmark",
	}},
	{encrypted, "The suite's own mode by TLS", "As above, with `--tls`.", []string{"unit/tls", "unit/auth", "unit/protocol", "unit/acl"}},
}
