package regent

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// noFields are INFO's fields that redis-server has and Regent does not, with why.
var noFields = map[string]string{
	"used_cpu_sys_main_thread":  "no thread is the main one: event loops and goroutines share all of them",
	"used_cpu_user_main_thread": "no thread is the main one: event loops and goroutines share all of them",
}

// TestInfoHasEveryField: INFO names everything that it names in redis-server, with and without a log; that each field
// is in its place engine's TestInfoFieldsAreRedis sees to.
func TestInfoHasEveryField(t *testing.T) {
	for _, kept := range []string{"yes", "no"} {
		theirs, _ := startRedis(t, t.TempDir(), "--appendonly", kept, "--maxmemory", "100mb")
		s := begin(t, t.TempDir(), "appendonly "+kept, `save ""`, "maxmemory 100mb")
		names := func(c *redis.Client) map[string]bool {
			text, err := c.Do(t.Context(), "INFO", "everything").Text()
			if err != nil {
				t.Fatal(err)
			}
			found := map[string]bool{}
			for line := range strings.SplitSeq(text, "\r\n") {
				name, _, is := strings.Cut(line, ":")
				if is && !strings.HasPrefix(name, "cmdstat_") && !strings.HasPrefix(name, "latency_percentiles_") && !strings.HasPrefix(name, "errorstat_") {
					found[name] = true
				}
			}
			return found
		}
		want, got := names(theirs), names(s.client())
		if len(want) < 150 {
			t.Errorf("redis-server names only %d fields", len(want))
		}
		for name := range want {
			if !got[name] && noFields[name] == "" {
				t.Errorf("appendonly %s: INFO has no %s", kept, name)
			}
		}
		for name := range noFields {
			if got[name] || !want[name] {
				t.Errorf("%s is not missing", name)
			}
		}
		s.end()
	}
}
