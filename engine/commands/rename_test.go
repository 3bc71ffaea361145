package commands_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestRenamedIsRedis: what is said of commands that are renamed or taken away is redis-server's,
// in COMMAND, in errors, in ACL and in LATENCY.
func TestRenamedIsRedis(t *testing.T) {
	renames := []config.Rename{
		{From: "get", To: ""}, {From: "set", To: "myset"}, {From: "config", To: "cfg"}, {From: "slowlog", To: "slow"},
		{From: "client", To: "cl"}, {From: "pubsub", To: "ps"}, {From: "xgroup", To: "groups"}, {From: "function", To: "lib"}, {From: "debug", To: "dbg"},
	}
	flags := []string{"--enable-debug-command", "yes"}
	for _, r := range renames {
		flags = append(flags, "--rename-command", r.From, r.To)
	}
	theirs := enginetest.StartRedis(t, flags...).Client(t)
	s := enginetest.NewEngine(t, func(o *engine.Options) {
		o.Config.Renamed = renames
		o.Config.EnableDebugCommand.Set("yes")
	})
	ours := s.Client()
	for _, line := range []string{
		"COMMAND INFO get", "COMMAND INFO set", "COMMAND INFO myset", "COMMAND INFO config|get", "COMMAND INFO cfg|get",
		"COMMAND DOCS get", "COMMAND DOCS set", "COMMAND DOCS config|get", "COMMAND GETKEYS myset a b", "COMMAND GETKEYS set a b",
		"COMMAND GETKEYS get a", "COMMAND GETKEYSANDFLAGS myset a b", "COMMAND LIST FILTERBY PATTERN get",
		"COMMAND LIST FILTERBY PATTERN cfg*", "COMMAND LIST FILTERBY PATTERN config", "COMMAND LIST FILTERBY PATTERN myset",
		"myset a b", "MYSET", "get a", "set a b", "cfg", "cfg get", "cfg nosuch", "cFg nosuch a b", "cfg get nosuch",
		"slow nosuch", "slow get 1 2", "cl nosuch", "cl tracking", "ps nosuch", "ps numsub", "groups nosuch a", "groups create a", "lib nosuch", "dbg nosuch",
		"ACL SETUSER x +get", "ACL SETUSER x +set", "ACL SETUSER x +myset", "ACL SETUSER x +cfg", "ACL SETUSER x +cfg|get", "ACL SETUSER x +config|get",
		"ACL DRYRUN default get a", "ACL DRYRUN default set a b", "ACL DRYRUN default myset a b",
		"ACL SETUSER y on nopass -@all +set ~*", "ACL DRYRUN y myset a b", "ACL DRYRUN y cfg get a",
		"MULTI", "get a", "EXEC", "EVAL return(redis.pcall('myset','a','c')) 0", "LATENCY HISTOGRAM set", "LATENCY HISTOGRAM cfg|nosuch",
	} {
		args := strings.Fields(line)
		if got, want := ours.Do(args...), theirs.Do(args...); got != want {
			t.Errorf("%s: %q, redis-server's is %q", line, got, want)
		}
	}
	for _, line := range []string{"COMMAND DOCS myset", "COMMAND DOCS cfg|get", "LATENCY HISTOGRAM myset", "COMMAND INFO cfg"} {
		args := strings.Fields(line) // texts and times are Regent's own: the name alone
		got, want := enginetest.Elements(ours.Do(args...)), enginetest.Elements(theirs.Do(args...))
		if len(got) == 0 || len(want) == 0 || got[0] != want[0] && line != "COMMAND INFO cfg" {
			t.Errorf("%s: %q, redis-server's is %q", line, got, want)
		}
	}
	plain := enginetest.NewEngine(t).Client()
	number := func(reply string) int {
		n, err := strconv.Atoi(strings.Trim(reply, ":\r\n"))
		if err != nil {
			t.Fatalf("%q is no number", reply)
		}
		return n
	}
	all := number(plain.Do("COMMAND", "COUNT"))
	if n := number(ours.Do("COMMAND", "COUNT")); n != all-1 {
		t.Errorf("%d commands of %d, and one is taken away", n, all)
	}
	if listed := enginetest.Elements(ours.Do("COMMAND", "LIST")); slices.Contains(listed, "get") || !slices.Contains(listed, "set") {
		t.Errorf("COMMAND LIST has %q", listed)
	}
}
