package aof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/aof/disk"
	"regent/engine/config"
	"regent/engine/enginetest"
)

// redisOn starts redis-server on the data directory dir, runs f, and kills it.
func redisOn(t *testing.T, dir string, f func(c *enginetest.RedisClient), extra ...string) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		args := append([]string{"--appendonly", "yes", "--appendfsync", "always", "--dir", dir, "--enable-debug-command", "yes"}, extra...)
		c := enginetest.StartRedis(t, args...).Client(t)
		for strings.HasPrefix(c.Do("PING"), "-LOADING") {
		}
		f(c)
	})
}

// regentOn opens the log under the data directory dir and carries out what it
// holds in a redis-server without one. It returns that server's digest.
func regentOn(t *testing.T, dir string) (r *rig, digest string) {
	t.Helper()
	r, err := newRig(disk.OS{}, filepath.Join(dir, "appendonlydir"), config.FsyncNo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	t.Run("replay", func(t *testing.T) {
		c := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
		err = r.Load(func(_ int, args [][]byte) error {
			words := make([]string, len(args))
			for i, a := range args {
				words[i] = string(a)
			}
			if reply := c.Do(words...); reply[0] == '-' {
				return errors.New(reply)
			}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		digest = c.Do("DEBUG", "DIGEST")
	})
	return r, digest
}

// wantDigest compares redis-server's data with what it should be.
func wantDigest(t *testing.T, c *enginetest.RedisClient, want string) {
	t.Helper()
	if got := c.Do("DEBUG", "DIGEST"); got != want || strings.Contains(got, strings.Repeat("0", 40)) {
		t.Errorf("redis-server's data has digest %q, what Regent loads %q", got, want)
	}
}

// TestRedisLoadsOurs writes a log with all that can be in one, also with a
// second file and a cut, and starts redis-server on it.
func TestRedisLoadsOurs(t *testing.T) {
	dir := t.TempDir()
	r, _ := regentOn(t, dir)
	if _, err := r.Stream().BeginEpoch(1, 7001); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: SET a 1")
	r.write(t, "0: SET binary \x00\r\n*1\r\n#G+3\xff", "3: SET a three", "0: INCRBY n 5")
	r.write(t, "0: SET long "+strings.Repeat("x", 100000))
	r.write(t, "3: SET b 4")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, _ = regentOn(t, dir)
	l := r.Log
	if err := l.addSegment(head{start: l.written.Load(), db: l.pending.db, history: l.history}); err != nil {
		t.Fatal(err)
	}
	r.write(t, "3: APPEND b 4", "3: RPUSH list a 1 b", "3: LMOVE list other left right", "3: LPOP list 1")
	r.write(t, "0: SET mortal 1", "0: PEXPIREAT mortal 33177117420000")
	keep := r.write(t, "0: MSET x 1 y 2")
	r.Recorder().Append(effects("0: SET more 1"))
	r.write(t, "0: DEL a")
	if err := r.Stream().Truncate(keep); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Stream().BeginEpoch(2, 7002); err != nil {
		t.Fatal(err)
	}
	r.write(t, "0: INCRBY n 1")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_, digest := regentOn(t, copyDir(t, dir))
	redisOn(t, dir, func(c *enginetest.RedisClient) {
		wantDigest(t, c, digest)
		if got := c.Do("MGET", "n", "x", "more"); got != "*3\r\n$1\r\n6\r\n$1\r\n1\r\n$-1\r\n" {
			t.Errorf("n, x and more are %q", got)
		}
	})
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func fill(c *enginetest.RedisClient) {
	for _, line := range []string{
		"SET a 1", "SET gone 1", "INCR n", "MULTI", "SET x 1", "SET y 2", "EXEC", "SELECT 3", "SET a \xff\x00", "SELECT 0",
		"SET mortal 1 PXAT 33177117420000", "DEL gone", "SET binary #G+1", "SETRANGE long 70000 x",
		"RPUSH list a 1 b", "LPUSH list c", "LPOP list", "BRPOP list 0", "LMOVE list other LEFT RIGHT", "LINSERT list BEFORE 1 0", "BLMPOP 0 1 other LEFT",
	} {
		c.Do(strings.Split(line, " ")...)
	}
}

// TestWeLoadRedis loads directories that redis-server wrote: with and without a
// base, with timestamps, with a torn end.
func TestWeLoadRedis(t *testing.T) {
	dir := t.TempDir()
	plain := []string{"--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes"}
	redisOn(t, dir, func(c *enginetest.RedisClient) {
		fill(c)
		c.Do("BGREWRITEAOF")
		for strings.Contains(c.Do("INFO", "persistence"), "aof_rewrite_in_progress:1") {
		}
		c.Do("SET", "b", "after the base")
		c.Do("SELECT", "3")
		c.Do("SET", "b", "in three")
	}, plain...)
	incr, err := filepath.Glob(filepath.Join(dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(incr) != 1 {
		t.Fatal(incr, err)
	}
	whole := copyDir(t, dir)
	appendText(t, incr[0], "*3\r\n$3\r\nSET\r\n$4\r\nha")
	r, digest := regentOn(t, dir)
	if !strings.Contains(r.host.said(), "19 bytes") {
		t.Errorf("nothing was said about the torn end:\n%s", r.host.said())
	}
	redisOn(t, whole, func(c *enginetest.RedisClient) { wantDigest(t, c, digest) }, plain...)
	start := r.Stream().Start()
	if start == 0 || r.Stream().LastEpoch() != 0 {
		t.Errorf("the stream starts at %d in epoch %d", start, r.Stream().LastEpoch())
	}
	r.write(t, "3: SET b ours")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, digest = regentOn(t, dir)
	if r.Stream().Start() != start {
		t.Errorf("the stream started at %d and now at %d", start, r.Stream().Start())
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	redisOn(t, dir, func(c *enginetest.RedisClient) { wantDigest(t, c, digest) }, plain...)
}

// TestThereAndBack lets Regent write, Redis go on, Regent go on, Redis load.
func TestThereAndBack(t *testing.T) {
	dir := t.TempDir()
	r, _ := regentOn(t, dir)
	if _, err := r.Stream().BeginEpoch(9, 7001); err != nil {
		t.Fatal(err)
	}
	r.write(t, "3: SET a 1")
	r.write(t, "0: SET b 1")
	for round := range 3 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		redisOn(t, dir, func(c *enginetest.RedisClient) {
			c.Do("SELECT", "3")
			c.Do("APPEND", "a", fmt.Sprint(round))
		})
		end := r.Stream().End()
		r, _ = regentOn(t, dir)
		if r.Stream().LastEpoch() != 0 || r.Stream().Start() <= end {
			t.Fatalf("round %d: what Redis wrote passes for a part of epoch %d, from %d on (before: %d)", round, r.Stream().LastEpoch(), r.Stream().Start(), end)
		}
		r.write(t, "3: APPEND a x")
		fresh := copyDir(t, dir)
		redisOn(t, fresh, func(c *enginetest.RedisClient) {
			want := "1"
			for i := range round + 1 {
				want += fmt.Sprint(i) + "x"
			}
			c.Do("SELECT", "3")
			if got := c.Do("GET", "a"); !strings.Contains(got, want) {
				t.Errorf("round %d: Redis has %q, want %s", round, got, want)
			}
		})
	}
}

func appendText(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
