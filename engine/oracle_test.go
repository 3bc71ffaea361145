package engine_test

import (
	"path/filepath"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

func TestScriptsAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t)
	paths, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) { enginetest.RunScript(t, redis, path) })
	}
}
