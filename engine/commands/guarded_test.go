package commands_test

import (
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// TestGuardsAreRedis: what enable-debug-command, enable-module-command, enable-protected-configs
// and requirepass let through, and what they say otherwise, is redis-server's, on a connection of
// this machine.
func TestGuardsAreRedis(t *testing.T) {
	for _, guard := range []string{"no", "local", "yes"} {
		t.Run(guard, func(t *testing.T) {
			theirs := enginetest.StartRedis(t, "--enable-debug-command", guard, "--enable-module-command", guard,
				"--enable-protected-configs", guard, "--requirepass", "right").Client(t)
			s := enginetest.NewEngine(t, func(o *engine.Options) {
				text := strings.NewReplacer("GUARD", guard).Replace("enable-debug-command GUARD\nenable-module-command GUARD\nenable-protected-configs GUARD\nrequirepass right")
				if err := config.Parse(o.Config, text, "guards"); err != nil {
					t.Fatal(err)
				}
			})
			ours := s.Client()
			for _, line := range []string{
				"PING", "NOSUCH", "GET", "GET a", "MULTI", "AUTH", "AUTH wrong", "AUTH default wrong", "AUTH nobody right", "AUTH a b c",
				"HELLO", "HELLO 2", "HELLO 4", "HELLO 2 AUTH default wrong", "HELLO 2 AUTH default", "AUTH default right", "AUTH right", "PING",
				"DEBUG", "DEBUG SET-ACTIVE-EXPIRE 1", "DEBUG NOSUCH", "DEBUG HELP a b",
				"MODULE NOSUCH", // LOAD says that there are no modules, whatever is allowed
				"CONFIG SET dir /nosuch/nowhere", "CONFIG SET enable-debug-command yes", "CONFIG SET enable-module-command yes",
				"CONFIG SET enable-protected-configs yes", "CONFIG GET enable-debug-command", "CONFIG GET enable-protected-configs",
				"MULTI", "DEBUG SET-ACTIVE-EXPIRE 1", "EXEC", "EVAL return(redis.pcall('debug','set-active-expire','1')) 0",
				"CONFIG SET requirepass other", "PING", "AUTH right", "AUTH other", "CONFIG SET requirepass " + strings.Repeat("x", 600), "ACL WHOAMI",
			} {
				if guard != "no" && strings.HasPrefix(line, "CONFIG SET dir") {
					continue // Regent's directory is what its start says
				}
				args := strings.Fields(line)
				got, want := ours.Do(args...), theirs.Do(args...)
				if strings.HasPrefix(line, "HELLO") && strings.HasPrefix(want, "*") {
					continue // names and versions
				}
				if got != want {
					t.Errorf("%s: %q, redis-server's is %q", line, got, want)
				}
			}
		})
	}
}
