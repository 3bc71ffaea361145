package regent

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"regent/engine/config"
)

// TestUnknownTypesInTheLog loads a log of redis-server with what this server does not
// have: refused with what it is and the place; with skip-unknown-types left out, and
// counted.
func TestUnknownTypesInTheLog(t *testing.T) {
	dir := t.TempDir()
	rc, end := startRedis(t, dir, "--appendonly", "yes", "--aof-use-rdb-preamble", "no")
	ctx := t.Context()
	library := func(name string) string {
		return "#!lua name=" + name + "\nredis.register_function('" + name + "', function() return 7 end)"
	}
	rc.Set(ctx, "text", "v", 0)
	if err := rc.FunctionLoad(ctx, library("first")).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := rc.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "in", "a transaction", 0)
		p.FunctionLoad(ctx, library("second"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	rc.Set(ctx, "last", "v", 0)
	end()
	cfg := config.New()
	if err := config.Parse(cfg, "port 0\ndir "+dir+"\nlogfile "+filepath.Join(dir, "log"), "test"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: cfg, Listeners: []net.Listener{l}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Run(ctx)
	for _, word := range []string{"is a function (FUNCTION), a type this server does not have", "appendonly.aof.1.incr.aof", "file offset"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("a function in the log: %v, which does not say %q", err, word)
		}
	}
	ts := begin(t, dir, "skip-unknown-types yes")
	ts.do("v", "GET", "text")
	ts.do("a transaction", "GET", "in")
	ts.do("v", "GET", "last")
	ts.do("3", "DBSIZE")
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || !strings.Contains(string(text), "2 records of type function") {
		t.Errorf("%v: the log does not count what was left out:\n%s", err, text)
	}
}
