package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Redis's directives that change nothing here. A configuration that was
// written for redis-server has to start Regent, and tools ask CONFIG GET for
// names that they know: so each of these is read, bounded, shown and changed as
// redis-server 7.0 does it, and Config.Notes tells at the start which ones
// were asked for and why they have no effect. What would promise something
// that is not kept, replicaof for instance, is refused
// instead, with the way to do it here (refusals).

// idle marks the directives as having no effect, for the same reason.
func idle(why string, list ...*directive) []*directive {
	for _, d := range list {
		d.idle = why
	}
	return list
}

// Values of directives that nothing reads. Each Config has its own.
func idleNumber(name string, def, least, most int64) *directive {
	return number(name, new(Int), def, least, most)
}

func idleMemory(name string, def, least, most int64) *directive {
	return memory(name, new(Int), def, least, most)
}

func idleYesNo(name string, def bool) *directive { return yesNo(name, new(Bool), def) }

// idleText ends at a zero byte, as Redis's strings do here.
func idleText(name, def string) *directive { return text(name, new(Str), def).reshaped(cString) }

func cString(s string) (string, error) {
	s, _, _ = strings.Cut(s, "\x00")
	return s, nil
}

func idleWord(name, def string, names ...string) *directive {
	return words(name, new(Str), def, names...)
}

// idles are all of them, by what makes them so.
func (c *Config) idles() []*directive {
	var all []*directive
	for _, group := range [][]*directive{
		idleProcess(), idleMemoryWork(), idleFiles(), idleReplication(), idleCluster(), idleFeatures(), unlisted(idleTests()...),
	} {
		all = append(all, group...)
	}
	return all
}

func idleProcess() []*directive {
	return append(idle("it is for the service manager to set",
		words("oom-score-adj", new(Str), "no", "no", "yes", "relative", "absolute"),
		idleText("oom-score-adj-values", "0 200 800").joined(" ").checked(threeScores),
		idleText("server_cpulist", "").fixed(), idleText("bio_cpulist", "").fixed(),
		idleText("aof_rewrite_cpulist", "").fixed(), idleText("bgsave_cpulist", "").fixed(),
		idleYesNo("disable-thp", true).fixed(),
		idleNumber("socket-mark-id", 0, 0, math.MaxUint32).fixed(),
	), idle("Regent has nothing of the kind",
		idleYesNo("set-proc-title", true).fixed(),
		idleText("proc-title-template", "{title} {listen-addr} {server-mode}").checked(titleTemplate),
		idleYesNo("always-show-logo", false).fixed(),
		idleText("ignore-warnings", "").joined(" "),
		idleYesNo("crash-log-enabled", true), idleYesNo("crash-memcheck-enabled", true),
		idleYesNo("jemalloc-bg-thread", true),
		idleYesNo("io-threads-do-reads", false).fixed(),
		idleText("bind-source-addr", ""),
		idleWord("enable-module-command", "no", "no", "yes", "local").fixed(),
	)...)
}

// threeScores is the value of oom-score-adj-values.
func threeScores(s string) error {
	scores := strings.Split(s, " ")
	if len(scores) != 3 {
		return errArguments
	}
	for _, w := range scores {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < -2000 || n > 2000 {
			return asRedis("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
	}
	return nil
}

// titleTemplate is the value of proc-title-template: text with these variables
// in it, and not blank.
func titleTemplate(s string) error {
	s, _ = cString(s)
	for _, v := range []string{"title", "listen-addr", "server-mode", "port", "tls-port", "unixsocket", "config-file"} {
		s = strings.ReplaceAll(s, "{"+v+"}", v)
	}
	if strings.TrimSpace(s) == "" || strings.ContainsAny(s, "{}") {
		return asRedis("template format is invalid or contains unknown variables")
	}
	return nil
}

func idleMemoryWork() []*directive {
	return append(idle("memory is laid out so that there is nothing to move",
		only("activedefrag", "no", noDefrag),
		idleNumber("active-defrag-cycle-min", 1, 1, 99), idleNumber("active-defrag-cycle-max", 25, 1, 99),
		idleMemory("active-defrag-ignore-bytes", 100<<20, 1, anyBytes),
		idleNumber("active-defrag-max-scan-fields", 1000, 1, math.MaxInt64),
		idleNumber("active-defrag-threshold-lower", 10, 0, 1000), idleNumber("active-defrag-threshold-upper", 100, 0, 1000),
	), idle("it paces itself by what there is to do",
		idleYesNo("activerehashing", true), idleYesNo("dynamic-hz", true),
		idleNumber("active-expire-effort", 1, 1, 10), idleNumber("maxmemory-eviction-tenacity", 10, 0, 100),
		idleYesNo("lazyfree-lazy-eviction", false), idleYesNo("lazyfree-lazy-expire", false), idleYesNo("lazyfree-lazy-server-del", false),
		idleYesNo("lazyfree-lazy-user-del", false), idleYesNo("lazyfree-lazy-user-flush", false),
		idleYesNo("replica-lazy-flush", false).aka("slave-lazy-flush"),
	)...)
}

const noDefrag = "there is nothing to defragment: the data lies in slabs that are filled again"

func idleFiles() []*directive {
	return idle("the log and the files are written in Regent's own way, which needs no setting",
		idleYesNo("aof-disable-auto-gc", false), idleYesNo("aof-timestamp-enabled", false),
		idleYesNo("aof-rewrite-incremental-fsync", true), idleYesNo("rdb-save-incremental-fsync", true),
		idleYesNo("no-appendfsync-on-rewrite", false), idleYesNo("rdb-del-sync-files", false),
		idleWord("sanitize-dump-payload", "no", "no", "yes", "clients"),
	)
}

func idleReplication() []*directive {
	return idle("followers read the leader's log, which is the backlog",
		idleYesNo("repl-disable-tcp-nodelay", false),
		idleWord("repl-diskless-load", "disabled", "disabled", "on-empty-db", "swapdb"),
		idleYesNo("repl-diskless-sync", true), idleNumber("repl-diskless-sync-delay", 5, 0, anyInt),
		idleNumber("repl-diskless-sync-max-replicas", 0, 0, anyInt),
		idleNumber("repl-ping-replica-period", 10, 1, anyInt).aka("repl-ping-slave-period"),
		idleNumber("repl-timeout", 60, 1, anyInt),
		idleYesNo("replica-announced", true), idleYesNo("replica-ignore-disk-write-errors", false),
		idleYesNo("replica-ignore-maxmemory", true).aka("slave-ignore-maxmemory"),
		idleYesNo("replica-serve-stale-data", true).aka("slave-serve-stale-data"),
		idleWord("propagation-error-behavior", "ignore", "ignore", "panic", "panic-on-replicas"),
		idleText("masteruser", ""),
	)
}

// leastBacklog is Redis's least size of a backlog, whatever was asked for.
func leastBacklog(d *directive) *directive {
	const least = 16 << 10 // bytes
	return d.reshaped(func(s string) (string, error) {
		if n, ok := ParseBytes(s); ok && n > 0 && n < least {
			return strconv.Itoa(least), nil
		}
		return s, nil
	})
}

func idleCluster() []*directive {
	return idle("the nodes hold all slots together and elect by Regent's own rules: see peers, election-timeout, takeover",
		idleNumber("cluster-node-timeout", 15000, 0, math.MaxInt64),
		idleText("cluster-config-file", "nodes.conf").fixed(), idleNumber("cluster-port", 0, 0, maxPort).fixed(),
		idleNumber("cluster-announce-bus-port", 0, 0, maxPort),
		idleWord("cluster-preferred-endpoint-type", "ip", "ip", "hostname", "unknown-endpoint"),
		idleYesNo("cluster-require-full-coverage", true), idleYesNo("cluster-allow-reads-when-down", false),
		idleYesNo("cluster-allow-pubsubshard-when-down", true), idleYesNo("cluster-allow-replica-migration", true),
		idleNumber("cluster-migration-barrier", 1, 0, anyInt), idleMemory("cluster-link-sendbuf-limit", 0, 0, anyBytes),
		idleNumber("cluster-replica-validity-factor", 10, 0, anyInt).aka("cluster-slave-validity-factor"),
		idleYesNo("cluster-replica-no-failover", false).aka("cluster-slave-no-failover"),
	)
}

// idleTests are for redis-server's own tests.
func idleTests() []*directive {
	return append(idle("clients are served while data is loaded, whatever its size",
		idleNumber("loading-process-events-interval-bytes", 2<<20, 1024, anyInt),
	), idle("a panic ends the process",
		idleYesNo("use-exit-on-panic", false),
	)...)
}

func idleFeatures() []*directive {
	return idle("Regent does not have the feature yet",
		idleNumber("shutdown-timeout", 10, 0, anyInt),
	)
}

// memoryOrPercent is an amount of memory, or a share of maxmemory: "5%".
func memoryOrPercent(name string, v *Str) *directive {
	return text(name, v, "0").reshaped(func(s string) (string, error) {
		if share, ok := strings.CutSuffix(s, "%"); ok {
			n, err := strconv.ParseInt(share, 10, 64)
			if err != nil || n < 0 {
				return "", errNotMemoryOrPercent
			}
			if n > 100 {
				return "", errors.New("percentage argument must be less or equal to 100")
			}
			return strconv.FormatInt(n, 10) + "%", nil
		}
		n, ok := ParseBytes(s)
		if !ok && s != "" {
			return "", errNotMemoryOrPercent
		}
		return strconv.FormatInt(n, 10), nil
	})
}

// ClientsLimit is how many bytes the buffers of all clients together may take, as
// maxmemory-clients says; 0: any number.
func (c *Config) ClientsLimit() int64 {
	said := c.MaxMemoryClients.Get()
	if share, ok := strings.CutSuffix(said, "%"); ok {
		n, _ := strconv.ParseInt(share, 10, 64) // it was checked when it was set
		return c.MaxMemory.Get() / 100 * n
	}
	n, _ := ParseBytes(said)
	return n
}

var errNotMemoryOrPercent = errors.New("argument must be a memory or percent value")

// refusals are directives of Redis's whose other values would promise what is
// not kept.
func (c *Config) refusals() []*directive {
	return []*directive{
		only("replicaof", "", "nodes find their leader by themselves: name them all in peers, or copy the data with regent backup").
			joined(" ").meaning("no one", "").aka("slaveof").fixed(),
		only("syslog-enabled", "no", "the log goes to standard output or to logfile, from where the service manager takes it").fixed(),
		idleText("syslog-ident", "redis").fixed(),
		idleWord("syslog-facility", "local0", "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7").fixed(),
	}
}

// Notes are what a start says of the configuration that was given to it: one
// line for each directive that has no effect and whose value differs from the
// default, and one for all the others.
func (c *Config) Notes() []string {
	var notes, rest []string
	for _, d := range c.table.order {
		switch {
		case d.idle == "" || !c.table.said[d]:
		case d.show() != d.def:
			value := d.show()
			if d.isKey {
				value = "(a secret)"
			}
			notes = append(notes, fmt.Sprintf("%s %s has no effect: %s", d.name, value, d.idle))
		default:
			rest = append(rest, d.name)
		}
	}
	if len(rest) > 0 {
		notes = append(notes, "These directives are known and have no effect: "+strings.Join(rest, ", "))
	}
	return notes
}
