package scripting_test

import (
	"testing"

	"regent/engine"
	"regent/engine/commands/scripting"
	"regent/engine/enginetest"
	"regent/engine/spec"
)

// TestKeysAlone: which scripts run with the shards of their keys alone.
func TestKeysAlone(t *testing.T) {
	probe := engine.Command{
		Do: func(c *engine.Ctx) {
			if scripting.KeysAlone(c, c.Args[1]) {
				c.W.Int(1)
			} else {
				c.W.Int(0)
			}
		},
		Command: spec.Command{Name: "probe", Arity: 2, Since: "7.0.0", Summary: "Asks.", Internal: true},
	}
	s := enginetest.NewEngine(t, func(o *engine.Options) {
		o.Rooms = append(o.Rooms, engine.Room{Group: spec.GroupScripting, Commands: []engine.Command{probe}})
	})
	c := s.Client()
	for source, want := range map[string]string{
		"return redis.call('get', KEYS[1])":                             ":1\r\n",
		"return redis.call('GET', 'x')":                                 ":0\r\n",
		"return redis.call('nosuch', KEYS[1])":                          ":0\r\n",
		"return redis.call(ARGV[1], KEYS[1])":                           ":0\r\n",
		"return redis.call('mget', KEYS[1], KEYS[2])":                   ":1\r\n",
		"return redis.call('mget', KEYS[1], ARGV[1])":                   ":0\r\n",
		"return redis.call('mget', unpack(KEYS))":                       ":1\r\n",
		"return redis.call('mget', unpack(ARGV))":                       ":0\r\n",
		"return redis.call('mget', KEYS[1], unpack(ARGV))":              ":0\r\n",
		"return redis.call('mset', KEYS[1], 1, KEYS[2], ARGV[1])":       ":1\r\n",
		"return redis.call('mset', KEYS[1], 1, 'x', 2)":                 ":0\r\n",
		"return redis.call('mset', KEYS[1], unpack(ARGV))":              ":0\r\n",
		"return redis.call('sadd', KEYS[1], unpack(ARGV))":              ":1\r\n",
		"return redis.call('sadd', unpack(ARGV))":                       ":0\r\n",
		"return redis.call('rename', KEYS[1], KEYS[2])":                 ":1\r\n",
		"return redis.call('rename', KEYS[1], KEYS[1] .. 'x')":          ":0\r\n",
		"return redis.call('rename', KEYS[1], unpack(KEYS, 2))":         ":1\r\n",
		"return redis.call('rename', KEYS[1], unpack(ARGV))":            ":0\r\n",
		"return redis.call('zunionstore', KEYS[1], 1, KEYS[2])":         ":0\r\n", // where keys stand depends on a number
		"return redis.call('sort', KEYS[1])":                            ":0\r\n",
		"return redis.call('eval', 'return 1', 0)":                      ":0\r\n",
		"return redis.call('keys', '*')":                                ":0\r\n",
		"return redis.call('dbsize')":                                   ":0\r\n",
		"return redis.call('flushall')":                                 ":0\r\n",
		"return redis.call('scan', 0)":                                  ":0\r\n",
		"return redis.call('info')":                                     ":0\r\n",
		"return redis.call('time')":                                     ":1\r\n",
		"return redis.call('publish', 'c', ARGV[1])":                    ":1\r\n",
		"return redis.call('object', 'encoding', KEYS[1])":              ":1\r\n",
		"return redis.call('object', KEYS[1], KEYS[1])":                 ":0\r\n",
		"return redis.call('copy', KEYS[1], KEYS[2], 'DB', 1)":          ":1\r\n",
		"redis.call('select', 1) return redis.call('get', KEYS[1])":     ":1\r\n",
		"return redis.call('get', KEYS[1]) or redis.call('get', 'x')":   ":0\r\n",
		"return redis.call('cluster', 'countkeysinslot', 1)":            ":0\r\n",
		"return redis.call('lmove', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')": ":1\r\n",
		"return redis.call('xread', 'streams', KEYS[1], 0)":             ":0\r\n",
		"return redis.call('function', 'flush')":                        ":0\r\n",
		"return redis.call('get')":                                      ":1\r\n", // which is refused
		"return redis.call()":                                           ":0\r\n",
		"return 1":                                                      ":1\r\n",
	} {
		if got := c.Do("PROBE", source); got != want {
			t.Errorf("%s: %q", source, got)
		}
	}
}
