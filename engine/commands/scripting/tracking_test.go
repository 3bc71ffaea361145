package scripting_test

import (
	"fmt"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestScriptsAreTracked: as in Redis a client that tracks is told of the keys with which it has
// called a script, if that has read any.
func TestScriptsAreTracked(t *testing.T) {
	s := enginetest.NewEngine(t)
	c, w := s.Client(), s.Client()
	c.Do("HELLO", "3")
	c.Do("CLIENT", "TRACKING", "ON")
	for script, told := range map[string]bool{
		"EVAL redis.call('set','k3','v')":              false,
		"EVAL redis.call('get','k3')":                  true,
		"EVAL redis.call('get',KEYS[1])":               true,
		"EVAL redis.call('ping')":                      false,
		"EVAL_RO redis.call('ping')":                   false,
		"EVAL_RO return(redis.call('get','k3'))":       true,
		"EVAL redis.call('eval','return(1)',1,'nope')": false,
	} {
		words := append(strings.Fields(script), "2", "k1", "k2")
		c.Do(words...)
		w.Do("MSET", "k2", "v", "k1", "v", "k3", "v")
		want := ""
		if told {
			for _, key := range []string{"k2", "k1"} {
				want += fmt.Sprintf(">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\n%s\r\n", key)
			}
		}
		if got := c.Hear(); got != want {
			t.Errorf("%s: told %q, not %q", script, got, want)
		}
	}
}
