package regent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/resp"
)

// TestUnknownTypesInTheLog loads a log of redis-server with what this server does not
// have: refused with what it is and the place; with skip-unknown-types left out, and
// counted.
func TestUnknownTypesInTheLog(t *testing.T) {
	dir := t.TempDir()
	rc, end := startRedis(t, dir, "--appendonly", "yes", "--aof-use-rdb-preamble", "no")
	ctx := t.Context()
	rc.Set(ctx, "text", "v", 0)
	rc.HSet(ctx, "hash", "field", "v")
	end()
	path := filepath.Join(dir, "appendonlydir", "appendonly.aof.1.incr.aof")
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	expire := []string{"HPEXPIREAT", "hash", "4102444800000", "FIELDS", "1", "field"} // as redis-server 7.4 has it
	for _, record := range [][]string{expire, {"MULTI"}, {"SET", "in", "a transaction"}, expire, {"EXEC"}, {"SET", "last", "v"}} {
		if _, err := file.Write(resp.AppendCommand(nil, record...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	err = endsAtTheStart(t, dir)
	for _, word := range []string{"is a hash whose fields expire (HPEXPIREAT), a type this server does not have", "appendonly.aof.1.incr.aof", "file offset"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("what is not known in the log: %v, which does not say %q", err, word)
		}
	}
	ts := begin(t, dir, "skip-unknown-types yes")
	ts.do("v", "GET", "text")
	ts.do("a transaction", "GET", "in")
	ts.do("v", "GET", "last")
	ts.do("4", "DBSIZE")
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || !strings.Contains(string(text), "2 records of type hash whose fields expire") {
		t.Errorf("%v: the log does not count what was left out:\n%s", err, text)
	}
}
