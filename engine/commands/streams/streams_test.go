package streams_test

import (
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t, "--enable-debug-command", "yes"), "testdata/scripts", func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }
