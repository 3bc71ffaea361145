package acl_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/enginetest"
	"regent/engine/spec"
)

// TestRandomRulesAgainstRedis: random rules are taken or refused alike, and allow and
// deny random commands alike, with the same word for why not.
func TestRandomRulesAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t)
	theirs := redis.Client(t)
	names := shared(theirs)
	ours := enginetest.NewEngine(t).Client()
	rapid.Check(t, func(t *rapid.T) {
		same := func(args ...string) {
			t.Helper()
			if got, want := ours.Do(args...), theirs.Do(args...); got != want {
				t.Fatalf("%q:\n got  %q\n want %q\n user %s", args, got, want, theirs.Do("ACL", "LIST"))
			}
		}
		same("ACL", "SETUSER", "u", "reset", "clearselectors")
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			same(append([]string{"ACL", "SETUSER", "u"}, rapid.SliceOfN(rules(names), 1, 5).Draw(t, "rules")...)...)
		}
		for range 60 {
			same(append([]string{"ACL", "DRYRUN", "u"}, call(t, names)...)...)
		}
		same("ACL", "DELUSER", "u")
	})
}

// shared are the commands that both have, by full name.
func shared(theirs *enginetest.RedisClient) (names []*spec.Command) {
	engine.NewTable(commands.All()...).Each(func(cmd *spec.Command) {
		if reply := theirs.Do("COMMAND", "INFO", cmd.FullName()); !strings.HasPrefix(reply, "*1\r\n*-1") && !strings.HasPrefix(reply, "*1\r\n$-1") {
			names = append(names, cmd)
		}
	})
	return names
}

// words are what patterns, keys and channels are drawn from.
var words = []string{"a", "ab", "abc", "b", "b:1", "", "1", "2", "STORE", "BY", "GET", "x*", "news", "COUNT"}

// rules draws a rule: most can be.
func rules(names []*spec.Command) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := rapid.SampledFrom(names).Draw(t, "command").FullName()
		pattern := rapid.SampledFrom([]string{"*", "a*", "ab", "?", "b:*", "a?c", "[ab]*", "", "x\\*", "*c"}).Draw(t, "pattern")
		sign := rapid.SampledFrom([]string{"+", "-"}).Draw(t, "sign")
		one := []string{
			sign + name, sign + strings.ToUpper(name), sign + "@" + rapid.SampledFrom(append(spec.CategoryNames(), "all", "nope")).Draw(t, "category"),
			"~" + pattern, "%R~" + pattern, "%W~" + pattern, "%rw~" + pattern, "&" + pattern,
			"allkeys", "resetkeys", "allchannels", "resetchannels", "+@all", "-@all", "on", "nopass", "clearselectors", "+select|0", "+get|" + pattern,
		}
		if rapid.IntRange(0, 4).Draw(t, "selector") == 0 {
			var within []string
			for range rapid.IntRange(1, 4).Draw(t, "length") {
				within = append(within, rapid.SampledFrom(one[:8]).Draw(t, "within"))
			}
			return "(" + strings.Join(within, " ") + ")"
		}
		return rapid.SampledFrom(one).Draw(t, "rule")
	})
}

// call draws a command with as many arguments as it may have.
func call(t *rapid.T, names []*spec.Command) []string {
	cmd := rapid.SampledFrom(names).Draw(t, "command")
	args := strings.Split(cmd.FullName(), "|")
	n := max(cmd.Arity, -cmd.Arity)
	if cmd.Arity < 0 {
		n += rapid.IntRange(0, 4).Draw(t, "more")
	}
	for len(args) < n {
		args = append(args, rapid.SampledFrom(words).Draw(t, "argument"))
	}
	if args[0] == "pfmerge" && len(args) == 2 {
		return call(t, names) // redis-server lets it make any key: its specs want a source
	}
	return slices.Clip(args)
}
