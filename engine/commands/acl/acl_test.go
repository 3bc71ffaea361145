package acl_test

import (
	"testing"

	"regent/engine/enginetest"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}
