package commands_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Holes of what a user may do, and of commands that never end: docs/security.md names the test
// for each.

// few is a client of a user that may do everything to key a, and nothing to others.
func (p *prober) few() *prober {
	p.t.Helper()
	p.says("+OK", "ACL SETUSER few on nopass ~a +@all")
	q := &prober{p.Server.Client(), p.t}
	q.says("+OK", "AUTH few x")
	return q
}

// TestEveryKeyIsLookedAt: an option that may be given twice, of which the last counts, and a
// command that makes a key of none, write to no key that the user has no right to.
func TestEveryKeyIsLookedAt(t *testing.T) {
	p := probe(t)
	p.says(":1", "GEOADD a 13.361389 38.115556 x")
	q := p.few()
	for _, line := range []string{
		"GEORADIUS a 13 38 200 km STORE a STORE b", "GEORADIUS a 13 38 200 km STORE b STORE a", "GEORADIUS a 13 38 200 km STOREDIST b STORE a", "GEORADIUS a 13 38 200 km STORE a STOREDIST b",
		"GEORADIUSBYMEMBER a x 200 km STORE a STORE b", "GEORADIUSBYMEMBER a x 200 km STOREDIST a STOREDIST b",
		"SORT a BY nosort STORE a STORE b", "SORT a STORE BY STORE b", "SORT a STORE GET STORE b", "SORT a STORE LIMIT STORE b", "PFMERGE b", "PFMERGE b a", "COPY a b", "COPY a b DB 0 REPLACE", "RENAME a b", "BITOP NOT b a", "XGROUP CREATE b g $ MKSTREAM",
		"XREADGROUP NOACK GROUP g STREAMS STREAMS b >", "XREADGROUP COUNT 1 GROUP g STREAMS STREAMS a b > >", "XREADGROUP GROUP STREAMS c STREAMS b >", "XREAD COUNT 1 STREAMS STREAMS 0",
		"GETEX b PX 5", "LCS a b", "ZRANGESTORE b a 0 -1", "SINTERSTORE b a", "LMOVE a b LEFT LEFT", "XREADGROUP GROUP g c STREAMS a b > >",
	} {
		q.says("-NOPERM", line)
		if words := strings.Fields(line); !strings.Contains(p.Do(append([]string{"ACL", "DRYRUN", "few"}, words...)...), "no permission") {
			t.Errorf("ACL DRYRUN of %s", line)
		}
	}
	p.says(":0", "EXISTS b")
	p.says("*1\r\n$1\r\nb", "COMMAND GETKEYS PFMERGE b")
	p.lives()
}

// TestNamesBehindAPrefix: a client that caches all keys of a prefix is told of those alone that its
// user may read at that moment; no other names come along, and no silence for all.
func TestNamesBehindAPrefix(t *testing.T) {
	p := probe(t)
	p.says("+OK", "ACL SETUSER few on nopass ~a* %R~r %W~w +@all (~s +get)")
	all, few := &prober{p.Server.Client(), t}, &prober{p.Server.Client(), t}
	few.says("+OK", "AUTH few x")
	for _, q := range []*prober{all, few} {
		q.says("%7", "HELLO 3")
		q.says("+OK", "CLIENT TRACKING on BCAST")
	}
	told := func(q *prober) (names []string) {
		for word := range strings.SplitSeq(q.Hear(), "\r\n") {
			if word != "" && word != "invalidate" && !strings.ContainsAny(word[:1], ">*$") {
				names = append(names, word)
			}
		}
		return names
	}
	change := func() {
		p.says("+OK", "MULTI")
		for _, key := range []string{"a1", "b", "r", "w", "s", "a2"} {
			p.says("+QUEUED", "SET "+key+" v")
		}
		p.says("*6", "EXEC")
	}
	for _, step := range []struct{ rule, few string }{
		{"", "a1 a2 r s"}, {"clearselectors", "a1 a2 r"}, {"~b", "a1 a2 b r"}, {"resetkeys", ""}, {"allkeys", "a1 a2 b r s w"},
	} {
		if step.rule != "" {
			p.says("+OK", "ACL SETUSER few "+step.rule)
		}
		change()
		for q, want := range map[*prober]string{all: "a1 a2 b r s w", few: step.few} {
			got := told(q)
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("after %q: told of %q, want %q", step.rule, got, want)
			}
		}
	}
	p.says("+OK", "ACL SETUSER few resetkeys")
	p.says("+OK", "FLUSHALL") // all is gone, which names nobody
	if got := few.Hear(); got != ">2\r\n$10\r\ninvalidate\r\n_\r\n" {
		t.Errorf("of FLUSHALL: %q", got)
	}
	p.lives()
}

// TestRightsAtTheEnd: what a transaction has queued is looked at again when it is carried out,
// its keys as well as its commands.
func TestRightsAtTheEnd(t *testing.T) {
	p := probe(t)
	p.says("+OK", "SET secret v")
	for _, tc := range []struct{ name, takes string }{{"keys", "resetkeys"}, {"commands", "-get"}, {"channels", "resetchannels"}} {
		p.says("+OK", "ACL SETUSER turned on nopass ~* &* +@all")
		q := &prober{p.Server.Client(), t}
		q.says("+OK", "AUTH turned x")
		q.says("+OK", "MULTI")
		q.says("+QUEUED", "GET secret")
		q.says("+QUEUED", "PUBLISH ch m")
		p.says("+OK", "ACL SETUSER turned "+tc.takes)
		reply := q.Do("EXEC")
		if want := map[bool]string{true: "$1\r\nv", false: "-NOPERM ACLs rules changed"}[tc.name == "channels"]; !strings.HasPrefix(reply, "*2\r\n"+want) {
			t.Errorf("%s: %q", tc.name, reply)
		}
		if tc.name == "channels" && !strings.Contains(reply, "-NOPERM ACLs rules changed") {
			t.Errorf("%s: %q", tc.name, reply)
		}
	}
	p.lives()
}

// TestAPauseIsNoLoop: while writes pause, keys that have expired stay, and what looks for a key
// at random ends although there is no other.
func TestAPauseIsNoLoop(t *testing.T) {
	p := probe(t)
	for _, key := range []string{"a", "b", "c"} {
		p.says("+OK", "SET "+key+" v PX 10")
	}
	p.says("+OK", "CLIENT PAUSE 1000 WRITE")
	p.Server.Host.Advance(20 * time.Millisecond)
	q := &prober{p.Server.Client(), t}
	q.says("$-1", "RANDOMKEY")
	q.says("*2\r\n$1\r\n0\r\n*0", "SCAN 0 COUNT "+most)
	q.says("$-1", "GET a")
	p.says("+OK", "CLIENT UNPAUSE")
	p.lives()
}
