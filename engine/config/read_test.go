package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAllProblemsAtOnce: a start tells of every line that cannot be taken, up
// to a limit.
func TestAllProblemsAtOnce(t *testing.T) {
	err := Parse(New(), "nope 1\nport 7\nport x\n\"open\nhz 10\n", "f")
	want := []string{"f:1: nope: unknown directive", "f:3: port x: argument couldn't be parsed into an integer", "f:4: unbalanced quotes"}
	var all Problems
	if !errors.As(err, &all) || len(all) != len(want) {
		t.Fatalf("%v", err)
	}
	for i, w := range want {
		if !strings.HasPrefix(all[i].Error(), w) {
			t.Errorf("problem %d is %q, want %q", i, all[i], w)
		}
	}
	err = Parse(New(), strings.Repeat("nope\n", 10*maxProblems), "f")
	if !errors.As(err, &all) || len(all) != maxProblems+1 || all[maxProblems] != errMore {
		t.Errorf("%d problems", len(all))
	}
	if err := ParseFlags(New(), []string{"--nope", "1", "--port", "x", "--what"}, nil); !errors.As(err, &all) || len(all) != 3 {
		t.Errorf("%v", err)
	}
}

func TestInclude(t *testing.T) {
	files := map[string][]File{
		"a":    {{"a", "timeout 5\ninclude b*\nhz 20"}},
		"b*":   {{"b1", "timeout 6"}, {"b2", "maxclients 9\nnope"}},
		"none": {},
		"loop": {{"loop", "include loop"}},
	}
	include := func(pattern string) ([]File, error) {
		if f, ok := files[pattern]; ok {
			return f, nil
		}
		return nil, os.ErrNotExist
	}
	c := New()
	err := ParseFile(c, File{"main", "timeout 1\ninclude a\nport 7\ninclude none"}, include)
	if err == nil || err.Error() != "b2:2: nope: unknown directive" {
		t.Errorf("%v", err)
	}
	if c.Timeout.Get() != 6 || c.HZ.Get() != 20 || c.MaxClients.Get() != 9 || c.Port.Get() != 7 {
		t.Errorf("timeout %d, hz %d, maxclients %d, port %d", c.Timeout.Get(), c.HZ.Get(), c.MaxClients.Get(), c.Port.Get())
	}
	for text, says := range map[string]string{
		"include missing": "main:1: include missing: file does not exist",
		"include":         "main:1: include: wrong number of arguments",
		"include loop":    fmt.Sprintf("loop:1: include loop: files include one another more than %d deep", maxIncludes),
	} {
		if err := ParseFile(New(), File{"main", text}, include); err == nil || err.Error() != says {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// TestFlagsAsRedis: the forms of redis-server's command line.
func TestFlagsAsRedis(t *testing.T) {
	for _, c := range []struct{ args, name, want string }{
		{"--maxmemory 700mb", "maxmemory", "734003200"},
		{"--save|60 5|--save", "save", ""},
		{"--save|--port|7", "port", "7"},
		{"--save|--port|7", "save", ""},
		{"--save|60 5|300 1", "save", "60 5 300 1"},
		{"--requirepass|--secret|--port|7", "requirepass", "--secret"},
		{"--requirepass|--secret|--port|7", "port", "7"},
		{"--bind|10.0.0.1|::1", "bind", "10.0.0.1 ::1"},
		{"--bind 10.0.0.1|::1", "bind", "10.0.0.1 ::1"},
		{"--include|other|--port|7", "maxmemory", "5"},
		{"--maxmemory|7|--include other", "maxmemory", "5"},
	} {
		cfg := New()
		other := func(string) ([]File, error) { return []File{{"other", "maxmemory 5"}}, nil }
		if err := ParseFlags(cfg, strings.Split(c.args, "|"), other); err != nil {
			t.Errorf("%s: %v", c.args, err)
		}
		if got := value(cfg, c.name); got != c.want {
			t.Errorf("%s: %s is %q, want %q", c.args, c.name, got, c.want)
		}
	}
}

func TestStatements(t *testing.T) {
	for text, says := range map[string]string{
		"rename-command CONFIG \"\"\nrename-command Get fetch": "",
		"rename-command a":         "wrong number of arguments",
		"user":                     "wrong number of arguments",
		"loadmodule /x.so":         "modules are libraries of redis-server's own",
		"sentinel monitor a b 1 1": "there is nothing to monitor",
		"replicaof no one":         "",
		"replicaof 10.0.0.1 6379":  "name them all in peers",
		"slaveof 10.0.0.1 6379":    "name them all in peers",
		"replica-announce-ip ''\nslave-announce-port 0": "",
		"replica-announce-ip 10.0.0.1":                  "",
		"cluster-announce-port 7":                       "",
		"cluster-announce-hostname a.test":              "",
	} {
		c := New()
		err := Parse(c, text, "f")
		if err == nil {
			err = c.Check()
		}
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	c := New()
	_ = Parse(c, "rename-command CONFIG \"\"\nrename-command Get fetch", "f")
	if !slices.Equal(c.Renamed, []Rename{{"config", ""}, {"get", "fetch"}}) {
		t.Errorf("%v", c.Renamed)
	}
	c = New()
	if err := Parse(c, "user bob on >pw ~* &* +@all\nuser al", "f"); err != nil {
		t.Fatal(err)
	}
	if len(c.Users) != 2 || c.Users[0].Name != "bob" || !slices.Equal(c.Users[0].Rules, []string{"on", ">pw", "~*", "&*", "+@all"}) || len(c.Users[1].Rules) > 0 {
		t.Errorf("%v", c.Users)
	}
	const had = "port 6379\nuser bob on >pw ~* &* +@all\nrename-command get fetch\nuser al\n"
	for _, w := range []struct{ had, aclfile, want string }{
		{had, "", "port 6379\nuser a on\nuser b off\nrename-command get fetch\n"},
		{"port 6379", "", "port 6379\n" + rewriteMark + "\nuser a on\nuser b off\n"},
		{had, "/u", "port 6379\nrename-command get fetch\n" + rewriteMark + "\naclfile /u\n"},
	} {
		c := New()
		c.ACLFile.Set(w.aclfile)
		if got := c.Rewrite(w.had, "user a on", "user b off"); got != w.want {
			t.Errorf("rewritten: %q, want %q", got, w.want)
		}
	}
}

// TestNotes: what was said and has no effect is told, once.
func TestNotes(t *testing.T) {
	c := New()
	if err := Parse(c, "activerehashing no\nhz 10\nrepl-timeout 60\ndisable-thp yes\ntls-dh-params-file d", "f"); err != nil {
		t.Fatal(err)
	}
	notes := c.Notes()
	if len(notes) != 3 || !strings.HasPrefix(notes[1], "activerehashing no has no effect: ") || !strings.HasPrefix(notes[0], "tls-dh-params-file d has no effect: ") ||
		notes[2] != "These directives are known and have no effect: disable-thp, repl-timeout" {
		t.Errorf("%q", notes)
	}
	if notes := New().Notes(); notes != nil {
		t.Errorf("%q of a default configuration", notes)
	}
}
