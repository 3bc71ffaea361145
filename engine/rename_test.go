package engine_test

import (
	"strconv"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/engine/spec"
)

// TestRenamedCommands: clients say the new name, and the log keeps Redis's.
func TestRenamedCommands(t *testing.T) {
	renames := []config.Rename{{From: "set", To: "put"}, {From: "put", To: "store"}, {From: "config", To: ""}, {From: "get", To: "set"}, {From: "xinfo", To: "about"}}
	if err := engine.CheckRenames(renames, commands.All()...); err != nil {
		t.Fatal(err)
	}
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.Renamed = renames })
	c := s.Client()
	for _, step := range []struct{ line, want string }{
		{"store k v", "+OK\r\n"},
		{"SET k", "$1\r\nv\r\n"},
		{"get k", "-ERR unknown command 'get', with args beginning with: 'k' \r\n"},
		{"put k v", "-ERR unknown command 'put', with args beginning with: 'k' 'v' \r\n"},
		{"config get port", "-ERR unknown command 'config', with args beginning with: 'get' 'port' \r\n"},
		{"del k", ":1\r\n"},
	} {
		if got := c.Do(strings.Fields(step.line)...); got != step.want {
			t.Errorf("%s: %q, want %q", step.line, got, step.want)
		}
	}
	// What nobody guesses: the name in redis.conf's example, and one with bytes that are no text.
	for _, name := range []string{"b840fc02d524045429941cc15f59e41cb7be6c52", strings.Repeat("Long", 1000), "\xff\xc9\x00"} {
		c := config.New()
		if err := config.Parse(c, "rename-command CONFIG "+strconv.Quote(name), "test"); err != nil {
			t.Fatal(err)
		}
		if err := engine.CheckRenames(c.Renamed, commands.All()...); err != nil {
			t.Errorf("%.50q: %v", name, err)
		}
		renamed := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.Renamed = c.Renamed }).Client()
		for _, said := range []string{name, spec.Lower(name)} {
			if got := renamed.Do(said, "get", "port"); !strings.HasPrefix(got, "*2\r\n") {
				t.Errorf("%.50q: %q", said, got)
			}
		}
	}
	if got := strings.Join(s.Log.Lines(), "|"); got != "set k v|del k" {
		t.Errorf("the log has %q", got)
	}
	if got := enginetest.Elements(c.Do("About", "help"))[0]; got != "ABOUT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" {
		t.Errorf("a container's help begins with %q", got)
	}
	for says, bad := range map[string][]config.Rename{
		"rename-command nope: no such command":    {{From: "nope", To: "x"}},
		"rename-command get del: the target name": {{From: "get", To: "del"}},
		"rename-command set: no such command":     {{From: "set", To: ""}, {From: "set", To: "x"}},
	} {
		err := engine.CheckRenames(bad, commands.All()...)
		if err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%v: %v, want %q", bad, err, says)
		}
	}
	if err := engine.CheckRenames([]config.Rename{{From: "get", To: "get"}}, commands.All()...); err != nil {
		t.Errorf("a name for itself: %v", err)
	}
}

// TestDebugOffInATransaction: what is refused is not queued, and ends the transaction.
func TestDebugOffInATransaction(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("MULTI")
	if got := c.Do("DEBUG", "SLEEP", "0"); !strings.HasPrefix(got, "-ERR DEBUG command not allowed") {
		t.Errorf("DEBUG: %q", got)
	}
	if got := c.Do("EXEC"); !strings.HasPrefix(got, "-EXECABORT") {
		t.Errorf("EXEC: %q", got)
	}
	s.Config.EnableDebugCommand.Set("yes")
	c.Do("MULTI")
	if got := c.Do("DEBUG", "SLEEP", "0"); got != "+QUEUED\r\n" {
		t.Errorf("where it is allowed: %q", got)
	}
}
