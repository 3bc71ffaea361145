package config

import (
	"errors"
	"math"
	"slices"
	"strings"
)

// The table: one literal per directive, in the groups of values.go. Names,
// defaults and bounds are redis-server 7.0's where Redis has the thing; what
// differs says why.

// limits that several directives share.
const (
	anyInt   = math.MaxInt32
	anyBytes = math.MaxInt64
	maxPort  = 65535
	maxMs    = 24 * 3600 * 1000 // ms: a day is longer than any sensible wait
	maxSec   = anyInt
	// maxDatabases bounds what every shard keeps for each database, and what
	// it looks at after each write.
	maxDatabases = 1024
)

// directives are c's, in the order in which CONFIG GET * and --help show them.
func (c *Config) directives() []*directive {
	var all []*directive
	for _, group := range [][]*directive{c.network(), c.general(), c.memory(), c.log(), c.latency(), c.cluster(), c.faces(), c.tls(), c.access(), c.scripts(), c.refusals(), c.idles(), c.forTests()} {
		all = append(all, group...)
	}
	return all
}

func (c *Config) network() []*directive {
	return slices.Concat([]*directive{
		number("port", &c.Port, 6379, 0, maxPort).lone(),
		text("bind", &c.Bind, "* -::*").joined(" ").orNone().checked(fewBinds).lone(),
		text("unixsocket", &c.UnixSocket, "").fixed(),
		octal("unixsocketperm", &c.UnixSocketPerm, 0, 0o777).fixed(),
		number("tcp-backlog", &c.TCPBacklog, 511, 0, anyInt).fixed(),
		number("tcp-keepalive", &c.TCPKeepalive, 300, 0, maxSec),
		number("timeout", &c.Timeout, 0, 0, maxSec),
		number("maxclients", &c.MaxClients, 10000, 1, math.MaxUint32).checked(c.clientsFit),
		yesNo("protected-mode", &c.ProtectedMode, true),
	}, c.secretAnd("requirepass", &c.RequirePass, &c.RequirePassFile), c.secretAnd("masterauth", &c.MasterAuth, &c.MasterAuthFile), []*directive{
		memory("proto-max-bulk-len", &c.ProtoMaxBulkLen, 512<<20, 1<<20, anyBytes),
		memory("client-query-buffer-limit", &c.ClientQueryBufferLimit, 1<<30, 1<<20, anyBytes),
		c.outputLimits(),
		memoryOrPercent("maxmemory-clients", &c.MaxMemoryClients),
		choice("io-model", &c.IOModel, IOAuto, "auto", "eventloop", "goroutine").settled(),
		number("io-threads", &c.IOThreads, 0, 0, 128).fixed(), // 0: as many as cores
	})
}

// maxBinds bounds the addresses of bind, as in Redis.
const maxBinds = 16

func fewBinds(s string) error {
	if len(strings.Fields(s)) > maxBinds {
		return errBinds
	}
	return nil
}

// DefaultDir is a place of its own, so that a first try leaves one thing behind.
// It is made where it is missing; a directory that somebody has named must exist.
const DefaultDir = "./data"

func (c *Config) general() []*directive {
	return []*directive{
		text("dir", &c.Dir, DefaultDir).fixed().guarded(),
		text("logfile", &c.LogFile, "").fixed(),
		words("log-format", &c.LogFormat, "redis", "redis", "text", "json").settled(),
		choice("loglevel", &c.LogLevel, 2, "debug", "verbose", "notice", "warning"),
		text("pidfile", &c.PidFile, "").fixed(),
		number("databases", &c.Databases, 16, 1, maxDatabases).fixed(),
		clamped(number("hz", &c.HZ, 10, 0, anyInt), 1, 500),
		words("enable-debug-command", &c.EnableDebugCommand, "no", "no", "yes", "local").fixed(),
		words("enable-protected-configs", &c.EnableProtectedConfigs, "no", "no", "yes", "local").fixed(),
		number("slowlog-log-slower-than", &c.SlowlogSlowerThan, 10000, -1, anyBytes),
		number("tracking-table-max-keys", &c.TrackingTableMaxKeys, 1000000, 0, math.MaxInt64),
		keyspaceEvents("notify-keyspace-events", &c.KeyspaceEvents),
		number("slowlog-max-len", &c.SlowlogMaxLen, 128, 0, 1<<20),
		shutdownOn("shutdown-on-sigint", &c.ShutdownOnSigint),
		shutdownOn("shutdown-on-sigterm", &c.ShutdownOnSigterm),
		yesNo("daemonize", &c.Daemonize, false).fixed(),
		words("supervised", &c.Supervised, "no", "no", "upstart", "systemd", "auto").fixed(),
	}
}

func (c *Config) memory() []*directive {
	return []*directive{
		memory("maxmemory", &c.MaxMemory, 0, 0, anyBytes),
		choice("maxmemory-policy", &c.MaxMemoryPolicy, NoEviction, "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
			"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction"),
		number("maxmemory-samples", &c.MaxMemorySamples, 5, 1, anyInt),
		number("lfu-log-factor", &c.LFULogFactor, 10, 0, anyInt),
		number("lfu-decay-time", &c.LFUDecayTime, 1, 0, anyInt),
		number("list-max-listpack-size", &c.ListMaxListpackSize, -2, math.MinInt32, anyInt).aka("list-max-ziplist-size"),
		number("list-compress-depth", &c.ListCompressDepth, 0, 0, anyInt), // nodes are not compressed
		number("hash-max-listpack-entries", &c.HashMaxListpackEntries, 512, 0, math.MaxInt64).aka("hash-max-ziplist-entries"),
		memory("hash-max-listpack-value", &c.HashMaxListpackValue, 64, 0, anyBytes).aka("hash-max-ziplist-value"),
		memory("hll-sparse-max-bytes", &c.HLLSparseMaxBytes, 3000, 0, anyBytes),
		number("set-max-intset-entries", &c.SetMaxIntsetEntries, 512, 0, math.MaxInt64),
		number("zset-max-listpack-entries", &c.ZsetMaxListpackEntries, 128, 0, math.MaxInt64).aka("zset-max-ziplist-entries"),
		memory("zset-max-listpack-value", &c.ZsetMaxListpackValue, 64, 0, anyBytes).aka("zset-max-ziplist-value"),
		memory("stream-node-max-bytes", &c.StreamNodeMaxBytes, 4096, 0, anyBytes),
		number("stream-node-max-entries", &c.StreamNodeMaxEntries, 100, 0, math.MaxInt64),
	}
}

func (c *Config) log() []*directive {
	return []*directive{
		// Redis's default is no; an acknowledged write has to survive here.
		yesNo("appendonly", &c.AppendOnly, true).agreed(),
		choice("appendfsync", &c.AppendFsync, FsyncEverysec, "everysec", "always", "no"),
		fileName("appendfilename", &c.AppendFilename, "appendonly.aof").fixed(),
		fileName("appenddirname", &c.AppendDirname, "appendonlydir").fixed(),
		yesNo("aof-load-truncated", &c.AofLoadTruncated, true),
		yesNo("aof-use-rdb-preamble", &c.AofUseRdbPreamble, true),
		number("auto-aof-rewrite-percentage", &c.AutoAofRewritePercentage, 100, 0, anyInt),
		memory("auto-aof-rewrite-min-size", &c.AutoAofRewriteMinSize, 64<<20, 0, anyBytes),
		fileName("dbfilename", &c.DBFilename, "dump.rdb").guarded(),
		savePoints("save", &c.Save),
		yesNo("stop-writes-on-bgsave-error", &c.StopWritesOnBgsaveError, true),
		yesNo("skip-unknown-types", &c.SkipUnknownTypes, false).settled(),
		yesNo("rdbcompression", &c.RdbCompression, true),
		yesNo("rdbchecksum", &c.RdbChecksum, true).fixed(),
		leastBacklog(memory("repl-backlog-size", &c.ReplBacklogSize, 1<<20, 1, anyBytes)),
		number("repl-backlog-ttl", &c.ReplBacklogTTL, 3600, 0, math.MaxInt64),
	}
}

// forTests draw out what is over too soon to be looked at.
func (c *Config) forTests() []*directive {
	return unlisted(
		number("key-load-delay", &c.KeyLoadDelay, 0, math.MinInt32, anyInt),
		number("rdb-key-save-delay", &c.RdbKeySaveDelay, 0, math.MinInt32, anyInt),
	)
}

func (c *Config) cluster() []*directive {
	return slices.Concat(c.secretAnd("cluster-secret", &c.ClusterSecret, &c.ClusterSecretFile, (*directive).settled), []*directive{
		number("node-id", &c.NodeID, 0, 0, math.MaxInt64).settled(), // 0: the port
		text("peers", &c.Peers, "").joined(",").checked(func(s string) error { _, err := ParsePeers(s); return err }).settled(),
		yesNo("join", &c.Join, false).settled(),
		choice("role", &c.Role, RoleData, "data", "witness").settled(),
		yesNo("cluster-enabled", &c.ClusterEnabled, false).fixed(), // with peers it always is
		text("announce-host", &c.AnnounceHost, "").checked(hostName).aka("cluster-announce-ip").aka("cluster-announce-hostname").aka("replica-announce-ip").aka("slave-announce-ip").settled(),
		number("announce-port", &c.AnnouncePort, 0, 0, maxPort).aka("cluster-announce-port").aka("replica-announce-port").aka("slave-announce-port").settled(),
		text("client-addresses", &c.ClientAddresses, "").joined(",").checked(func(s string) error { _, err := ParsePeers(s); return err }).settled(),
		yesNo("peers-without-secret", &c.PeersWithoutSecret, false).settled(),
		number("heartbeat-interval", &c.HeartbeatInterval, 30, 1, maxMs).settled(),
		number("leader-lease", &c.LeaderLease, 120, 4, maxMs).settled(),
		number("election-timeout", &c.ElectionTimeout, 500, 10, maxMs).settled(),
		number("write-timeout", &c.WriteTimeout, 5000, 10, maxMs),
		choice("write-acks", &c.WriteAcks, AcksQuorum, "leader", "quorum", "all"),
		choice("takeover", &c.Takeover, TakeoverAuto, "auto", "manual", "off"),
		number("handover-pause", &c.HandoverPause, 300, 1, maxMs),
		yesNo("read-lease", &c.ReadLease, true),
		choice("follower-reads", &c.FollowerReads, FollowerReadsReadonly, "yes", "readonly", "no"),
		flagged("crash-evidence", &c.CrashEvidence, true, "none", "refused"),
		number("replica-priority", &c.ReplicaPriority, 100, 0, anyInt).aka("slave-priority"),
		only("replica-read-only", "yes", "followers send writes to the leader").aka("slave-read-only"),
		number("min-replicas-to-write", &c.MinReplicasToWrite, 0, 0, anyInt).aka("min-slaves-to-write"),
		number("min-replicas-max-lag", &c.MinReplicasMaxLag, 10, 0, anyInt).aka("min-slaves-max-lag"),
	})
}

// shutdownOn is what a signal's shutdown does.
func shutdownOn(name string, v *Int) *directive {
	d := anyOf(name, v, "default", "save", "nosave", "now", "force")
	return d.checked(func(s string) error {
		words := strings.Fields(strings.ToLower(s))
		if slices.Contains(words, "save") && slices.Contains(words, "nosave") {
			return asRedis("shutdown options SAVE and NOSAVE can't be used simultaneously")
		}
		return nil
	})
}

// hostName refuses what could not stand in a reply or an address.
func hostName(s string) error {
	if !printable(s) || strings.ContainsAny(s, " ,@") {
		return errors.New("argument must be a host's name or address")
	}
	return nil
}
