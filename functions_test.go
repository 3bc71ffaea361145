package regent

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// libraryCode is a library with one function, which returns a number.
func libraryCode(name string, n int) string {
	return fmt.Sprintf("#!lua name=%s\nredis.register_function{function_name='%s', callback=function(keys, args) return %d end, flags={'no-writes'}}", name, name, n)
}

// TestFunctionsAreKept over starts: from records of the log, from its base in both forms, and
// from dump.rdb; and DEBUG RELOAD keeps them.
func TestFunctionsAreKept(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			dir := t.TempDir()
			lines := []string{"aof-use-rdb-preamble " + preamble, "enable-debug-command yes"}
			ts := begin(t, dir, lines...)
			ts.do("one", "FUNCTION", "LOAD", libraryCode("one", 1))
			ts.do("two", "FUNCTION", "LOAD", libraryCode("two", 2))
			ts.do("three", "FUNCTION", "LOAD", libraryCode("three", 3))
			ts.do("OK", "FUNCTION", "DELETE", "three")
			ts.end()
			check := func() {
				t.Helper()
				ts.do("1", "FCALL", "one", "0")
				ts.do("2", "FCALL_RO", "two", "0")
				ts.do("ERR Function not found", "FCALL", "three", "0")
			}
			ts = begin(t, dir, lines...) // from records
			check()
			ts.do("OK", "SET", "k", "v")
			ts.do("Background append only file rewriting started", "BGREWRITEAOF")
			ts.until("the rewrite", func() bool {
				return ts.info("aof_rewrite_in_progress") == "0" && ts.info("aof_last_bgrewrite_status") == "ok"
			})
			ts.end()
			ts = begin(t, dir, lines...) // from the base
			check()
			ts.do("v", "GET", "k")
			ts.do("OK", "DEBUG", "LOADAOF")
			check()
			ts.do("OK", "SAVE")
			ts.do("OK", "DEBUG", "RELOAD")
			check()
			ts.end()
			ts = begin(t, dir, append(lines, "appendonly no")...) // from dump.rdb
			check()
			ts.do("OK", "FUNCTION", "FLUSH")
			ts.do("OK", "DEBUG", "RELOAD")
			ts.do("ERR Function not found", "FCALL", "one", "0")
			ts.end()
		})
	}
}

// TestFunctionsOfRedis: redis-server's files bring theirs, and ours are its.
func TestFunctionsOfRedis(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	rc, end := startRedis(t, dir, "--appendonly", "yes")
	if err := rc.FunctionLoad(ctx, libraryCode("base", 1)).Err(); err != nil {
		t.Fatal(err)
	}
	rc.BgRewriteAOF(ctx)
	for range 200 { // until its base has it
		if info := rc.InfoMap(ctx, "persistence").Val()["Persistence"]; info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	rc.FunctionLoad(ctx, libraryCode("record", 2))
	dump := rc.FunctionDump(ctx).Val()
	rc.FunctionRestore(ctx, dump) // refused: nothing of it is in the log
	rc.FunctionLoad(ctx, libraryCode("gone", 3))
	rc.FunctionDelete(ctx, "gone")
	end()
	ts := begin(t, dir)
	ts.do("1", "FCALL", "base", "0")
	ts.do("2", "FCALL", "record", "0")
	ts.do("ERR Function not found", "FCALL", "gone", "0")
	ts.do("OK", "FUNCTION", "FLUSH")
	ts.do("OK", "FUNCTION", "RESTORE", dump)
	ts.do("2", "FCALL", "record", "0")
	ts.do("ours", "FUNCTION", "LOAD", libraryCode("ours", 4))
	ts.do("OK", "SAVE")
	ts.end()
	rc, end = startRedis(t, dir, "--appendonly", "yes")
	for name, want := range map[string]int{"base": 1, "record": 2, "ours": 4} {
		if got, err := rc.FCall(ctx, name, nil).Int(); got != want {
			t.Errorf("redis-server with the log: %s is %d, %v", name, got, err)
		}
	}
	end()
	rc, end = startRedis(t, dir, "--dbfilename", "dump.rdb", "--appenddirname", filepath.Base(t.TempDir()))
	defer end()
	if got, err := rc.FCall(ctx, "ours", nil).Int(); got != 4 {
		t.Errorf("redis-server with dump.rdb: %d, %v", got, err)
	}
	again := rc.FunctionDump(ctx).Val()
	if len(again) < len(dump) {
		t.Errorf("its payload is %q", again)
	}
}
