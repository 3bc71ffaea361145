package introspection_test

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"regent/engine"
	rooms "regent/engine/commands"
	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

// The command table beside redis-server 7.0's: for every command that Regent
// has, COMMAND INFO must say the same, and COMMAND DOCS must describe the same
// arguments.

// notIn70 are the commands that redis-server 7.0 does not know, with why
// Regent has them.
var notIn70 = map[string]string{
	"client|capa":     "Valkey 8's; clients say with it what they can take",
	"client|setinfo":  "7.2; client libraries send it when they connect, whatever the version",
	"client|no-touch": "7.2; came with the same client libraries",
	"waitaof":         "7.2; says what has been fsynced",
	"regent":          "Regent's own: nodes, acknowledgements, the peers' channel",
}

// notYet are the commands of redis-server 7.0 that may be missing, with why.
var notYet = map[string]string{
	"acl":     "users beyond the default one",
	"migrate": "it dials another server",
}

// TestNothingElseIsMissing: what redis-server knows is known here, too.
func TestNothingElseIsMissing(t *testing.T) {
	ask := bothAnswer(t)
	got, want := ask("COMMAND", "LIST")
	here := map[string]bool{}
	for _, e := range got.Elems {
		here[e.Text] = true
	}
	if len(want.Elems) < 200 {
		t.Fatalf("redis-server lists %d commands", len(want.Elems))
	}
	for _, e := range want.Elems {
		container, _, _ := strings.Cut(e.Text, "|")
		if !here[e.Text] && notYet[container] == "" {
			t.Errorf("redis-server has %s", e.Text)
		}
	}
}

// bothAnswer asks a Regent and a redis-server in RESP3, where maps and sets
// can be told from arrays.
func bothAnswer(t *testing.T) (ask func(words ...string) (got, want enginetest.Node)) {
	t.Helper()
	redis := enginetest.StartRedis(t).Client(t)
	ours := enginetest.NewEngine(t).Client()
	redis.Do("HELLO", "3")
	ours.Do("HELLO", "3")
	return func(words ...string) (got, want enginetest.Node) {
		t.Helper()
		return enginetest.Parsed(t, ours.Do(words...)), enginetest.Parsed(t, redis.Do(words...))
	}
}

// canon is n with sets and maps in order, so that equal ones print equally.
func canon(n enginetest.Node) string {
	parts := make([]string, 0, len(n.Elems))
	step := 1
	if n.Type == '%' {
		step = 2
	}
	for i := 0; i+step <= len(n.Elems); i += step {
		part := canon(n.Elems[i])
		if step == 2 {
			part += "=" + canon(n.Elems[i+1])
		}
		parts = append(parts, part)
	}
	if n.Type == '%' || n.Type == '~' {
		sort.Strings(parts)
	}
	n.Elems = nil
	return n.String() + "(" + strings.Join(parts, " ") + ")"
}

// entry is the value of a map's key, and whether it is there.
func entry(n enginetest.Node, key string) (enginetest.Node, bool) {
	for i := 0; i+1 < len(n.Elems); i += 2 {
		if n.Elems[i].Text == key {
			return n.Elems[i+1], true
		}
	}
	return enginetest.Node{}, false
}

// infoFields are the elements of a COMMAND INFO row.
var infoFields = []string{"name", "arity", "flags", "first key", "last key", "step", "ACL categories", "tips", "key specs", "subcommands"}

func TestCommandInfoLikeRedis(t *testing.T) {
	ask := bothAnswer(t)
	compared := 0
	for _, cmd := range engine.NewTable(rooms.All()...).Commands() {
		if why := notIn70[cmd.Name]; why != "" {
			t.Logf("%s: %s", cmd.Name, why)
			continue
		}
		got, want := ask("COMMAND", "INFO", cmd.Name)
		compared += compareInfo(t, got.Elems[0], want.Elems[0])
	}
	const atLeast = 80 // commands and subcommands
	if compared < atLeast {
		t.Errorf("only %d commands were compared", compared)
	}
}

// compareInfo compares two rows of COMMAND INFO and what is below them, and
// counts the commands.
func compareInfo(t *testing.T, got, want enginetest.Node) (compared int) {
	t.Helper()
	if want.Null {
		t.Errorf("%s: redis-server does not know it", got.Elems[0].Text)
		return 0
	}
	name := got.Elems[0].Text
	if len(got.Elems) != len(infoFields) || len(want.Elems) != len(infoFields) {
		t.Fatalf("%s: %d fields, redis-server has %d", name, len(got.Elems), len(want.Elems))
	}
	subs := len(infoFields) - 1
	for i, field := range infoFields[:subs] {
		if g, w := canon(got.Elems[i]), canon(want.Elems[i]); g != w {
			t.Errorf("%s: %s\n got  %s\n want %s", name, field, g, w)
		}
	}
	return 1 + compareSubs(t, name, got.Elems[subs], want.Elems[subs])
}

func compareSubs(t *testing.T, name string, got, want enginetest.Node) (compared int) {
	t.Helper()
	ours := map[string]bool{}
	for _, g := range got.Elems {
		sub := g.Elems[0].Text
		ours[sub] = true
		if notIn70[sub] != "" {
			continue
		}
		i := slices.IndexFunc(want.Elems, func(w enginetest.Node) bool { return w.Elems[0].Text == sub })
		if i < 0 {
			t.Errorf("%s: redis-server does not know it", sub)
			continue
		}
		compared += compareInfo(t, g, want.Elems[i])
	}
	var missing []string
	for _, w := range want.Elems {
		if sub := w.Elems[0].Text; !ours[sub] {
			missing = append(missing, sub)
		}
	}
	sort.Strings(missing)
	if len(missing) > 0 {
		t.Errorf("%s: subcommands that redis-server has and Regent not: %q", name, missing)
	}
	return compared
}

// docWording is what Regent says in words of its own.
var docWording = []string{"summary", "complexity", "history"}

func TestCommandDocsLikeRedis(t *testing.T) {
	ask := bothAnswer(t)
	for _, cmd := range engine.NewTable(rooms.All()...).Commands() {
		if notIn70[cmd.Name] != "" {
			continue
		}
		got, want := ask("COMMAND", "DOCS", cmd.Name)
		compareDocs(t, cmd.Name, got.Elems[1], want.Elems[1])
	}
}

func compareDocs(t *testing.T, name string, got, want enginetest.Node) {
	t.Helper()
	for i := 0; i < len(want.Elems); i += 2 {
		key := want.Elems[i].Text
		if _, ok := entry(got, key); !ok && key != "history" {
			t.Errorf("%s: no %s", name, key)
		}
	}
	for i := 0; i < len(got.Elems); i += 2 {
		key, g := got.Elems[i].Text, got.Elems[i+1]
		w, ok := entry(want, key)
		switch {
		case !ok:
			t.Errorf("%s: redis-server has no %s", name, key)
		case key == "subcommands":
			for j := 0; j < len(g.Elems); j += 2 {
				sub := g.Elems[j].Text
				if notIn70[sub] != "" {
					continue
				}
				if theirs, ok := entry(w, sub); ok {
					compareDocs(t, sub, g.Elems[j+1], theirs)
				} else {
					t.Errorf("%s: redis-server does not know it", sub)
				}
			}
		case slices.Contains(docWording, key):
			if g.Text == "" {
				t.Errorf("%s: nothing is said about its %s", name, key)
			}
		case canon(g) != canon(w):
			t.Errorf("%s: %s\n got  %s\n want %s", name, key, canon(g), canon(w))
		}
	}
}

// TestCommandForms: with and without names, both forms say the same.
func TestCommandForms(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	all := c.Do("COMMAND")
	if got := c.Do("COMMAND", "INFO"); got != all {
		t.Error("COMMAND INFO without names is not COMMAND")
	}
	n := len(enginetest.Parsed(t, all).Elems)
	if got := c.Do("COMMAND", "COUNT"); got != fmt.Sprintf(":%d\r\n", n) {
		t.Errorf("COUNT: %q, COMMAND has %d", got, n)
	}
	if docs := enginetest.Parsed(t, c.Do("COMMAND", "DOCS")); len(docs.Elems) != 2*n {
		t.Errorf("DOCS has %d, COMMAND %d", len(docs.Elems)/2, n)
	}
	listed := enginetest.Elements(c.Do("COMMAND", "LIST"))
	if len(listed) <= n || !slices.Contains(listed, "get") || !slices.Contains(listed, "client|id") {
		t.Errorf("LIST: %q", listed)
	}
	for _, name := range listed {
		if row := enginetest.Parsed(t, c.Do("COMMAND", "INFO", strings.ToUpper(name))); row.Elems[0].Null || row.Elems[0].Elems[0].Text != name {
			t.Errorf("INFO %s: %s", name, row)
		}
	}
	for filter, want := range map[string]string{
		"PATTERN CLIENT|?d": "client|id", "PATTERN pin[g]": "ping", "PATTERN nothing*": "", "MODULE any": "",
		"ACLCAT nothing": "", "pattern [c]LIENT|getn*": "client|getname",
	} {
		got := enginetest.Elements(c.Do(append([]string{"COMMAND", "LIST", "FILTERBY"}, strings.Fields(filter)...)...))
		if strings.Join(got, " ") != want {
			t.Errorf("LIST FILTERBY %s: %q", filter, got)
		}
	}
	if got := enginetest.Elements(c.Do("COMMAND", "LIST", "FILTERBY", "ACLCAT", "DANGEROUS")); !slices.Contains(got, "keys") || slices.Contains(got, "get") {
		t.Errorf("dangerous: %q", got)
	}
}
