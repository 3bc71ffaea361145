package keys_test

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
