package main

import (
	"strings"
	"testing"
)

// TestParse: what the suite prints of tests that pass, that fail, and that had no server.
func TestParse(t *testing.T) {
	r := parse(strings.Join([]string{
		"[ok]: passes (12 ms)",
		"\x1b[0;31m[err]\x1b[0m: fails in tests/unit/dump.tcl",
		"Expected '1' to be equal to '2'",
		"[err]: " + cantStart,
		"CONFIGURATION:port 1",
		"ERROR:Timeout starting server",
		"[ok]: says that it passes and has no server (3 ms)",
		"[ok]: has one again (3 ms)",
		"[err]: " + cantStart,
		"CONFIGURATION:port 1",
		"[err]: fails without a server in tests/integration/rdb.tcl",
		"no such host",
		"[ok]: passes after a failure",
		"[ok]: fails",
		"[exception]: Executing test client: no.",
	}, "\n"))
	for name, want := range map[string]outcome{
		"passes": passed, "fails": failed, "says that it passes and has no server": failed,
		"has one again": passed, "fails without a server": failed, "passes after a failure": passed,
		"never printed": 0,
	} {
		if got := r.tests[name]; got != want {
			t.Errorf("%q: outcome %d, want %d", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"fails": "Expected '1' to be equal to '2'", "says that it passes and has no server": notStarted,
		"fails without a server": "no such host", "passes": "",
	} {
		if got := r.why[name]; got != want {
			t.Errorf("%q: why %q, want %q", name, got, want)
		}
	}
	if want := "Executing test client: no."; r.broken != want {
		t.Errorf("ended early by %q, want %q", r.broken, want)
	}
}
