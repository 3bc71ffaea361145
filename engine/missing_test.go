package engine_test

import (
	"slices"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// noDebug are redis-server's DEBUG subcommands that Regent does not have, with why. TestNothingElseIsMissing sees
// to it that there are no others, and that none is here that Regent has.
var noDebug = map[string]string{
	"AOF-FLUSH-SLEEP":            "no thread sleeps for all clients: faults of the disk are the tests' own",
	"ASSERT":                     "DEBUG PANIC",
	"CHANGE-REPL-ID":             "an epoch names the history",
	"CONFIG-REWRITE-FORCE-ALL":   "CONFIG GET * shows all",
	"CRASH-AND-RECOVER":          "the service manager starts it again",
	"RESTART":                    "the service manager starts it again",
	"LEAK":                       "memory is collected",
	"HTSTATS":                    "the dictionary is Regent's own: MEMORY STATS",
	"HTSTATS-KEY":                "the dictionary is Regent's own: MEMORY USAGE",
	"REPLICATE":                  "data on the nodes never diverges",
	"MALLCTL":                    "there is no jemalloc",
	"MALLCTL-STR":                "there is no jemalloc",
	"DROP-CLUSTER-PACKET-FILTER": "there is no cluster bus",
	"CLUSTERLINK":                "there is no cluster bus",
	"OOM":                        "the heap is Go's",
	"SDSLEN":                     "there are no sds strings: DEBUG OBJECT",
	"STRINGMATCH-TEST":           "the matcher has tests of its own",
	"STRUCTSIZE":                 "there are no C structures",
	"LISTPACK":                   "it prints to the server's standard output",
	"QUICKLIST":                  "a list is laid out otherwise",
	"CLIENT-EVICTION":            "there are no pools: CLIENT LIST has tot-mem",
}

// TestNothingElseIsMissing: MEMORY STATS, CONFIG GET and DEBUG HELP name everything that they name in
// redis-server.
func TestNothingElseIsMissing(t *testing.T) {
	redis := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	ours := s.Client()
	for _, words := range [][]string{{"SET", "k", "v"}, {"SELECT", "3"}, {"SET", "k", "v"}} { // MEMORY STATS names databases
		redis.Do(words...)
		ours.Do(words...)
	}
	everyOther := func(reply string) (names []string) {
		for i, e := range enginetest.Parsed(t, reply).Elems {
			if i%2 == 0 {
				names = append(names, e.Text)
			}
		}
		return names
	}
	subcommands := func(reply string) (names []string) {
		for _, e := range enginetest.Parsed(t, reply).Elems[1:] {
			if name, _, _ := strings.Cut(e.Text, " "); name != "" {
				names = append(names, name)
			}
		}
		return names
	}
	for _, look := range []struct {
		words   []string
		names   func(reply string) []string
		without map[string]string
		least   int
	}{
		{[]string{"MEMORY", "STATS"}, everyOther, nil, 25},
		{[]string{"CONFIG", "GET", "*"}, everyOther, nil, 180},
		{[]string{"CONFIG", "GET", "key-load-delay", "rdb-key-save-delay", "loading-process-events-interval-bytes", "use-exit-on-panic"}, everyOther, nil, 4},
		{[]string{"DEBUG", "HELP"}, subcommands, noDebug, 30},
	} {
		asked := strings.Join(look.words, " ")
		theirs, mine := look.names(redis.Do(look.words...)), look.names(ours.Do(look.words...))
		if len(theirs) < look.least {
			t.Errorf("%s: redis-server names only %d", asked, len(theirs))
		}
		for _, name := range theirs {
			if look.without[name] == "" && !slices.Contains(mine, name) {
				t.Errorf("%s: %s is missing", asked, name)
			}
		}
		for name := range look.without {
			if slices.Contains(mine, name) || !slices.Contains(theirs, name) {
				t.Errorf("%s: %s is not missing", asked, name)
			}
		}
	}
	if got, want := ours.Do("CONFIG", "GET", "*load-delay*"), redis.Do("CONFIG", "GET", "*load-delay*"); got != want {
		t.Errorf("a pattern shows what is for tests: %q, want %q", got, want)
	}
}
