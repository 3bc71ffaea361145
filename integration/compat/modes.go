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

// modes in the page's order, with their units.
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
		"unit/sort", "unit/dump", "unit/tracking",
	}},
	{own, "The suite's own mode", "The suite starts the servers itself, with its own configuration file and start-up lines: Regent stands in the place of `src/redis-server`.", []string{
		"unit/auth", "unit/dump", "unit/limits", "unit/obuf-limits", "unit/networking", "unit/info", "unit/tracking", "unit/pubsubshard",
		"unit/querybuf", "unit/replybufsize", "unit/introspection", "unit/introspection-2", "unit/acl", "unit/acl-v2", "unit/slowlog",
		"unit/maxmemory", "unit/client-eviction", "unit/aofrw", "unit/scripting", "unit/functions", "unit/shutdown",
		"unit/keyspace", "unit/scan", "unit/expire", "unit/protocol", "unit/quit", "unit/info-command", "unit/multi", "unit/pubsub", "unit/pause",
		"unit/other", "unit/lazyfree", "unit/latency-monitor", "unit/sort", "unit/bitops", "unit/bitfield", "unit/hyperloglog", "unit/geo",
		"unit/type/string", "unit/type/incr", "unit/type/list", "unit/type/list-2", "unit/type/list-3", "unit/type/set", "unit/type/hash",
		"unit/type/zset", "unit/type/stream", "unit/type/stream-cgroups",
		"integration/aof", "integration/aof-multi-part", "integration/rdb", "integration/logging",
		"integration/convert-zipmap-hash-on-load", "integration/convert-ziplist-hash-on-load", "integration/convert-ziplist-zset-on-load",
		"integration/corrupt-dump", "integration/corrupt-dump-fuzzer",
	}},
	{encrypted, "The suite's own mode by TLS", "As above, with `--tls`.", []string{
		"unit/tls", "unit/auth", "unit/protocol", "unit/acl", "unit/acl-v2", "unit/dump",
	}},
}

// left are units that are not run, and why.
var left = []struct{ units, why string }{
	{"unit/wait, unit/pendingquerybuf, integration/block-repl, integration/failover, integration/psync2*, integration/replication*, integration/shutdown", "every test makes one server the replica of another by REPLICAOF: the election says which node follows which"},
	{"unit/cluster*, unit/cluster-scripting", "the nodes are given their slots by CLUSTER ADDSLOTS and meet by CLUSTER MEET: Regent's nodes all have all slots"},
	{"unit/moduleapi/*", "modules are libraries of redis-server's own"},
	{"unit/memefficiency, unit/oom-score-adj, integration/dismiss-mem", "they look at jemalloc, and at children that are forked: there are neither"},
	{"unit/violations", "its tests need --large-memory: values of gigabytes"},
	{"integration/redis-cli, integration/redis-benchmark", "they are tests of these programs, not of a server"},
}
