package engine_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// narrower are directives whose bounds are not Redis's, with why.
var narrower = map[string]string{
	"slowlog-max-len": "every entry is kept in memory: there is a limit",

	"latency-tracking-info-percentiles": "Redis reads hexadecimal numbers as well",
}

// otherwise are directives of Redis's name that CONFIG SET may change there and
// not here, or the other way round, with why.
var otherwise = map[string]string{
	"port":                      "redis-server would be elsewhere: compared by TestListensElsewhere",
	"bind":                      "the same",
	"maxclients":                "Redis asks the system for that many descriptors, for minutes",
	"tcp-backlog":               "the same",
	"appendonly":                "without the log nothing is promised to anybody",
	"replica-read-only":         "followers hold what is committed, nothing else",
	"slave-read-only":           "the same",
	"enable-debug-command":      "its values in Redis are in another order",
	"dir":                       "redis-server lies in another (the error is the same)",
	"tls-port":                  "the same",
	"tls-cluster":               "the peers' channel is what it was when the node started",
	"tls-replication":           "the same",
	"activedefrag":              "another reason than Redis's for no",
	"cluster-announce-ip":       announces,
	"cluster-announce-port":     announces,
	"cluster-announce-tls-port": announces,
	"replica-announce-ip":       announces,
	"cluster-announce-hostname": announces,
	"replica-announce-port":     announces,
	"slave-announce-ip":         announces,
	"slave-announce-port":       announces,
}

// announces is why a node's address is not changed while it runs.
const announces = "the other nodes and clients know it: it is moved with REGENT NODE ADD"

// byDefault are directives with another default than Redis's, with why.
var byDefault = map[string]string{
	"io-threads": "as many event loops as cores, not one more thread for writing",
}

// noAmount are amounts of memory that Redis takes, for 0 or wrapped around,
// and Regent does not.
var noAmount = map[string]bool{"": true, "\x00": true, "9223372036854775808": true, "99999999999999999999": true}

// oddValues are what CONFIG SET is asked for: sense and nonsense of every kind.
var oddValues = []string{
	"", " ", "0", "1", "-1", "5", "+5", "05", "0x10", "1.5", "5 ", "499", "65536", "1000000", "1048576", "2147483647", "2147483648",
	"4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999",
	"1k", "1K", "1kb", "1Mb", "1GB", "2gB", "1x", "10%", "kib", "1 kb", "yes", "NO", "Yes", "true", "maybe", "y",
	"everysec", "ALWAYS", "noeviction", "allkeys-LRU", "volatile-ttl", "debug", "Warning", "quiet", "nothing",
	"900 1", "900 1 300 10", "900", "0 1", "5 -1", "60 x", "normal 0 0 0", "replica 1mb 1mb 10", "slave 2mb 1mb 10 normal 1 1 1", "pubsub 1 2", "normal 1 2 x", "normal -1 0 0", "nope 0 0 0", "normal 0 0 -5", "NORMAL 1kb 1kb 9",
	"save now", "force now", "save nosave", "default now", "now  force",
	"KEA", "Kng$", "mKExe", "5%", "101%", "50 99.9", "-5 10", "0 200 800", "200 100 0", "{title} {port}", "{nope}",
	"a b c", "\x00", "\xff\xfe", "é",
}

// TestConfigSetIsRedis: what both have is read, refused and shown alike.
func TestConfigSetIsRedis(t *testing.T) {
	redis := enginetest.StartRedis(t)
	theirs, s := redis.Client(t), enginetest.NewEngine(t)
	ours := s.Client()
	shared, refused := 0, 0
	var names []string
	s.Config.Each(func(name, _ string) { names = append(names, name) })
	for _, name := range names {
		had := theirs.Do("CONFIG", "GET", name)
		if strings.HasPrefix(had, "*0") || otherwise[name] != "" {
			continue
		}
		shared++
		if mine := ours.Do("CONFIG", "GET", name); mine != had && byDefault[name] == "" {
			t.Errorf("%s is %q by default, want %q", name, mine, had)
		}
		for _, value := range oddValues {
			want, got := theirs.Do("CONFIG", "SET", name, value), ours.Do("CONFIG", "SET", name, value)
			switch {
			case strings.HasPrefix(want, "-"):
				refused++
			case name == "requirepass" && value != "":
				theirs.Do("CONFIG", "SET", name, "")
				ours.Do("CONFIG", "SET", name, "")
			}
			if narrower[name] != "" && strings.Contains(got, "must be between") || noAmount[value] && strings.Contains(got, "must be a memory") || narrower[name] != "" && strings.Contains(got, "Invalid "+name) {
				s.Config.Each(func(n, shown string) {
					if n == name {
						theirs.Do("CONFIG", "SET", name, shown)
					}
				})
				continue
			}
			if got != want {
				t.Errorf("CONFIG SET %s %q: %q, want %q", name, value, got, want)
				continue
			}
			if strings.Contains(want, "immutable") {
				continue
			}
			if got, want := ours.Do("CONFIG", "GET", name), theirs.Do("CONFIG", "GET", name); got != want {
				t.Errorf("CONFIG SET %s %q, then GET: %q, want %q", name, value, got, want)
			}
		}
	}
	if shared < 150 || refused < 500 {
		t.Errorf("only %d directives and %d refusals were compared", shared, refused)
	}
}

// TestWarnsOfTooLittleMemory: setting maxmemory below what is used is told in the log,
// as by redis-server, and setting anything else is not.
func TestWarnsOfTooLittleMemory(t *testing.T) {
	s := enginetest.NewEngine(t)
	var lines []string
	s.Host.OnLog(func(line string) { lines = append(lines, line) })
	c := s.Client()
	c.Do("SET", "a", strings.Repeat("x", 10000))
	for _, value := range []string{"100mb", "0", "1kb"} {
		c.Do("CONFIG", "SET", "maxmemory", value)
	}
	c.Do("CONFIG", "SET", "maxmemory-samples", "6")
	if len(lines) != 1 || !strings.Contains(lines[0], "WARNING: the new maxmemory value set via CONFIG SET (1024) is smaller than the current memory usage (") {
		t.Errorf("the log says %q", lines)
	}
}
