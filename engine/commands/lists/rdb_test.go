package lists_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// redisLists fills a redis-server with lists of every size and returns the keys.
func redisLists(theirs *enginetest.RedisClient) []string {
	theirs.Do("RPUSH", "small", "a", "1", "-70000", "", "9223372036854775807")
	theirs.Do("RPUSH", "plain", strings.Repeat("p", 70_000), "x", strings.Repeat("q", 9000))
	for i := range 300 {
		theirs.Do("LPUSH", "long", fmt.Sprint("element ", i), fmt.Sprint(i*i), strings.Repeat("r", i))
	}
	return []string{"small", "plain", "long"}
}

// TestListsToRedisAndBack: what redis-server dumps is read, what is written
// redis-server restores, and both hold the same then.
func TestListsToRedisAndBack(t *testing.T) {
	for _, size := range []string{"-2", "-5", "1", "5", "20000"} {
		theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes", "--list-max-listpack-size", size).Client(t)
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		c := s.Client()
		codecs := s.Codecs()
		for _, key := range redisLists(theirs) {
			payload := enginetest.Elements("*1\r\n" + theirs.Do("DUMP", key))[0]
			var e rdb.Entry
			if err := rdb.Undump([]byte(payload), codecs, &e); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			s.PutObject(key, e.Obj.(engine.Object))
			want := theirs.Do("DEBUG", "DIGEST-VALUE", key)
			if got := c.Do("DEBUG", "DIGEST-VALUE", key); got != want {
				t.Errorf("%s, nodes of %s: %q, want %q", key, size, got, want)
			}
			ours := rdb.DumpValue(nil, codecs.Of("list"), e.Obj, true)
			if got := theirs.Do("RESTORE", "copy of "+key, "0", string(ours)); got != "+OK\r\n" {
				t.Fatalf("RESTORE: %q", got)
			}
			if got := theirs.Do("DEBUG", "DIGEST-VALUE", "copy of "+key); got != want {
				t.Errorf("%s, nodes of %s, back in redis-server: %q, want %q", key, size, got, want)
			}
			// And it goes on from there.
			for _, line := range [][]string{{"LPUSH", key, "x"}, {"RPUSH", key, "y"}, {"LREM", key, "0", "1"}, {"LSET", key, "2", "z"}} {
				if got, want := c.Do(line...), theirs.Do(line...); got != want {
					t.Errorf("%q: %q, want %q", line, got, want)
				}
			}
			if got, want := c.Do("LRANGE", key, "0", "-1"), theirs.Do("LRANGE", key, "0", "-1"); got != want {
				t.Errorf("%s: other elements than redis-server's", key)
			}
		}
	}
}

// payload is a value as DUMP has it, with a correct end.
func payload(body string) []byte {
	p := append([]byte(body), rdb.Version, 0)
	sum := rdb.Checksum(0, p)
	for i := range 8 {
		p = append(p, byte(sum>>(8*i)))
	}
	return p
}

const oldZiplist = "\x15\x00\x00\x00\x0f\x00\x00\x00\x02\x00\x00\x03abc\x05\xf0\xff\xff\xff\xff"

// TestOldLists reads lists as earlier versions of Redis wrote them, and what is
// empty as nothing.
func TestOldLists(t *testing.T) {
	zl := string([]byte{byte(len(oldZiplist))}) + oldZiplist
	empty := "\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff"
	emptyPack := "\x07\x07\x00\x00\x00\x00\x00\xff"
	for body, want := range map[string]string{
		"\x01\x03\x01a\xc0\x05\x00":     "[a 5 ]",
		"\x0a" + zl:                     "[abc -1]",
		"\x0e\x02" + zl + zl:            "[abc -1 abc -1]",
		"\x0e\x03" + empty + zl + empty: "[abc -1]",
		"\x12\x02\x01\x05plain\x02\x09\x09\x00\x00\x00\x01\x00\x05\x01\xff": "[plain 5]",
		"\x12\x02\x02" + emptyPack + "\x01\x00":                             "refused", // an element alone in its node is large
		"\x12\x01\x01\x00":                                                  "refused",
		"\x12\x01\x01\x01a":                                                 "[a]",
		"\x01\x00":                                                          "none",
		"\x0a" + empty:                                                      "none",
		"\x12\x01\x02" + emptyPack:                                          "none",
	} {
		s := enginetest.NewEngine(t)
		var e rdb.Entry
		if err := rdb.Undump(payload(body), s.Codecs(), &e); err != nil {
			if want != "refused" {
				t.Errorf("%q: %v", body, err)
			}
			continue
		}
		e.Key = []byte("k")
		if err := s.LoadBatch(&rdb.Batch{Entries: []rdb.Entry{e}}); err != nil {
			t.Fatal(err)
		}
		c := s.Client()
		got := fmt.Sprint(enginetest.Elements(c.Do("LRANGE", "k", "0", "-1")))
		if c.Do("EXISTS", "k") == ":0\r\n" {
			got = "none"
		}
		if got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
	}
}

// TestDamagedLists: whatever is done to a list's bytes, it is read as a list that
// works, or refused.
func TestDamagedLists(t *testing.T) {
	theirs := enginetest.StartRedis(t).Client(t)
	theirs.Do("CONFIG", "SET", "rdbcompression", "no")
	theirs.Do("RPUSH", "k", "a", "1", "-70000", "", "9223372036854775807", strings.Repeat("x", 70), strings.Repeat("y", 5000))
	dumped := enginetest.Elements("*1\r\n" + theirs.Do("DUMP", "k"))[0]
	bodies := []string{dumped[:len(dumped)-10], "\x0a" + string([]byte{byte(len(oldZiplist))}) + oldZiplist, "\x01\x03\x01a\xc0\x05\x00"}
	codecs, refused := engine.Codecs(config.New(), commands.All()...), 0
	try := func(body []byte) {
		var e rdb.Entry
		if err := rdb.Undump(payload(string(body)), codecs, &e); err != nil {
			var d *rdb.DamageError
			var typed *rdb.TypeError
			if !errors.As(err, &d) && !errors.As(err, &typed) {
				t.Fatalf("%.40q: %v", body, err)
			}
			refused++
			return
		}
		if e.Obj != nil {
			o := e.Obj.(engine.Object)
			if got := strings.Count(enginetest.ShowObject(o.Clone()), `"`); o.Len() > 0 && got == 0 {
				t.Fatalf("%.40q: %d elements, none shown", body, o.Len())
			}
		}
	}
	for _, body := range bodies {
		for i := range body {
			for _, flip := range []byte{0x01, 0x80, 0xFF, 0x10} {
				bad := []byte(body)
				bad[i] ^= flip
				try(bad)
			}
			try([]byte(body[:i+1]))
			try(slices.Concat([]byte(body[:i]), []byte{0xFF}, []byte(body[i:])))
			try(bytes.Replace([]byte(body), []byte(body[i:i+1]), nil, 1))
		}
	}
	if refused < 1000 {
		t.Errorf("only %d were refused", refused)
	}
}
