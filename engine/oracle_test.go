package engine_test

import (
	"testing"

	"regent/engine/enginetest"
)

// TestScripts are those of the kernel's own commands; each room has its own.
func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}
