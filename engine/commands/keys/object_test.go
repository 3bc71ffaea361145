package keys_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// TestRefcountsWithoutSharing: under a policy that looks at keys' use every integer is one
// of its own.
func TestRefcountsWithoutSharing(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	c.Do("SET", "n", "5")
	for _, name := range []string{"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"} {
		c.Do("CONFIG", "SET", "maxmemory-policy", name)
		for _, limit := range []int64{0, 100 << 20} {
			s.Config.MaxMemory.Set(limit)
			want := ":2147483647\r\n"
			if limit > 0 && (strings.HasSuffix(name, "lru") || strings.HasSuffix(name, "lfu")) {
				want = ":1\r\n"
			}
			if got := c.Do("OBJECT", "REFCOUNT", "n"); got != want {
				t.Errorf("%s, %d: %q", name, limit, got)
			}
		}
	}
}
