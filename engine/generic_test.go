package engine_test

import (
	"slices"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestObjectHelp: the frame is Redis's, the texts between are our own.
func TestObjectHelp(t *testing.T) {
	theirs := enginetest.Elements(enginetest.StartRedis(t).Client(t).Do("OBJECT", "HELP"))
	ours := enginetest.Elements(enginetest.NewEngine(t).Client().Do("OBJECT", "HELP"))
	if len(ours) < 4 || ours[0] != theirs[0] || !slices.Equal(ours[len(ours)-2:], theirs[len(theirs)-2:]) {
		t.Fatalf("%q is not framed like %q", ours, theirs)
	}
	for _, line := range theirs {
		if !strings.HasPrefix(line, " ") && !slices.Contains(ours, line) {
			t.Errorf("%q is missing", line)
		}
	}
}
