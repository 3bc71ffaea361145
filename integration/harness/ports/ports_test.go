package ports

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const childEnv = "REGENT_PORTS_CHILD"

// TestReserve: no two are the same, here or in another process, though nobody
// listens on them.
func TestReserve(t *testing.T) {
	const each = 200
	if os.Getenv(childEnv) != "" {
		for range each {
			port, err := Reserve()
			if err != nil {
				t.Fatal(err)
			}
			os.Stdout.WriteString("port " + strconv.Itoa(port) + "\n")
		}
		return
	}
	mine := map[int]bool{}
	for range each {
		port, err := Reserve()
		if err != nil {
			t.Fatal(err)
		}
		if mine[port] {
			t.Fatalf("port %d twice", port)
		}
		mine[port] = true
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReserve$")
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.Output()
	if err != nil {
		t.Fatal(err)
	}
	theirs := 0
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "port "); ok {
			port, err := strconv.Atoi(text)
			if err != nil || mine[port] {
				t.Errorf("port %q was given to two processes (%v)", text, err)
			}
			theirs++
		}
	}
	if theirs != each {
		t.Errorf("%d ports, want %d", theirs, each)
	}
}
