package zsets_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// redisZsets fills a redis-server with sorted sets of every form and returns the keys.
func redisZsets(theirs *enginetest.RedisClient) []string {
	theirs.Do("ZADD", "small", "1", "a", "-inf", "b", "2.5", "7", "1e17", "-70000", "123456789012345678", "", "-0", "zero", "0.1", strings.Repeat("m", 64))
	theirs.Do("ZADD", "long", "1", strings.Repeat("m", 65), "-0", "zero", "inf", "top", "-inf", "bottom", "4.9e-324", "7")
	theirs.Do("ZADD", "huge", "1", strings.Repeat("m", 70_000), "2", strings.Repeat("n", 300), "3", "x")
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		theirs.Do("ZADD", "many", fmt.Sprint(r.Float64()*100), "member:"+strconv.Itoa(i))
	}
	for i := range 128 {
		theirs.Do("ZADD", "full", strconv.Itoa(r.IntN(50)), "member:"+strconv.Itoa(i))
	}
	return []string{"small", "long", "huge", "many", "full"}
}

// TestZsetsToRedisAndBack: what redis-server dumps is read and written to the byte, and
// redis-server restores it.
func TestZsetsToRedisAndBack(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes", "--rdbcompression", "no").Client(t)
	keys := redisZsets(theirs)
	for _, entries := range []string{"128", "2"} {
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		c := s.Client()
		c.Do("CONFIG", "SET", "zset-max-listpack-entries", entries)
		codecs := s.Codecs()
		for _, key := range keys {
			payload := enginetest.Elements("*1\r\n" + theirs.Do("DUMP", key))[0]
			var e rdb.Entry
			if err := rdb.Undump([]byte(payload), codecs, &e); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			ours := rdb.DumpValue(nil, codecs.Of("zset"), e.Obj, false)
			if entries == "128" && string(ours) != payload {
				t.Errorf("%s is dumped as %.200q, not %.200q", key, ours, payload)
			}
			s.PutObject(key, e.Obj.(engine.Object))
			want := theirs.Do("DEBUG", "DIGEST-VALUE", key)
			if got := c.Do("DEBUG", "DIGEST-VALUE", key); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
			if got := theirs.Do("RESTORE", "copy of "+key, "0", string(ours), "REPLACE"); got != "+OK\r\n" {
				t.Fatalf("RESTORE: %q", got)
			}
			if got := theirs.Do("DEBUG", "DIGEST-VALUE", "copy of "+key); got != want {
				t.Errorf("%s, back in redis-server: %q, want %q", key, got, want)
			}
			if entries != "128" {
				continue
			}
			// And it goes on from there.
			for _, line := range [][]string{{"ZADD", key, "1.5", "x", "2", "y"}, {"ZINCRBY", key, "1", "7"}, {"ZREM", key, "zero"}, {"ZPOPMIN", key}} {
				if got, want := c.Do(line...), theirs.Do(line...); got != want {
					t.Errorf("%q: %q, want %q", line, got, want)
				}
			}
			if got, want := c.Do("ZRANGE", key, "0", "-1", "WITHSCORES"), theirs.Do("ZRANGE", key, "0", "-1", "WITHSCORES"); got != want {
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

// TestOldZsets reads what earlier versions of Redis wrote, what is empty as nothing, and
// what is damaged not at all.
func TestOldZsets(t *testing.T) {
	pack := "\x13\x13\x00\x00\x00\x04\x00\x81a\x02\x01\x01\x81b\x02\x02\x01\xff"
	pack = pack[:1] + string([]byte{byte(len(pack) - 1)}) + pack[2:]
	pack = string([]byte{byte(len(pack) - 1)}) + pack[1:]
	for body, want := range map[string]string{
		"\x03\x02\x01a\x012\x01b\x031.5":                             "[b 1.5 a 2]",
		"\x03\x03\x01a\xfe\x01b\xff\x01c\x010":                       "[b -inf c 0 a inf]",
		"\x03\x01\x01a\xfd":                                          "error", // not a number
		"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f":              "[a 1]",
		"\x05\x01\x01a\x01\x00\x00\x00\x00\x00\xf0\x7f":              "error", // not a number
		"\x05\x02\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f":              "error",
		"\x05\x02\x01a\x00\x00\x00\x00\x00\x00\xf0\x3f\x01a" + eight: "error", // twice
		"\x05\x00": "none",
		"\x0c\x15\x15\x00\x00\x00\x0f\x00\x00\x00\x02\x00\x00\x03abc\x05\xf0\xff\xff\xff\xff": "[abc -1]",
		"\x0c\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xff":                                "none",
		"\x11" + pack:                                              "[a 1 b 2]",
		"\x11\x07\x07\x00\x00\x00\x00\x00\xff":                     "none",
		"\x11\x0a\x0a\x00\x00\x00\x01\x00\x81a\x02\xff":            "error", // no score
		"\x11\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x81x\x02\xff":   "error", // no number
		"\x11\x0f\x0f\x00\x00\x00\x02\x00\x81a\x02\x83nan\x04\xff": "error",
		"\x11\x03abc": "error",
	} {
		s := enginetest.NewEngine(t)
		got := "error"
		var e rdb.Entry
		if err := rdb.Undump(payload(body), s.Codecs(), &e); err == nil {
			e.Key = []byte("k")
			if err := s.LoadBatch(&rdb.Batch{Entries: []rdb.Entry{e}}); err != nil {
				t.Fatal(err)
			}
			c := s.Client()
			if got = fmt.Sprint(enginetest.Elements(c.Do("ZRANGE", "k", "0", "-1", "WITHSCORES"))); c.Do("EXISTS", "k") == ":0\r\n" {
				got = "none"
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
	}
}

const eight = "\x00\x00\x00\x00\x00\x00\xf0\x3f"

// FuzzPayload: whatever a payload holds, it is refused or makes a sorted set that works.
func FuzzPayload(f *testing.F) {
	for _, body := range []string{"\x05\x01\x01a" + eight, "\x03\x02\x01a\x012\x01b\x031.5", "\x11\x0d\x0d\x00\x00\x00\x02\x00\x81a\x02\x811\x02\xff"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 || !slices.Contains([]byte{3, 5, 12, 17}, body[0]) {
			return
		}
		s := enginetest.NewEngine(t)
		var e rdb.Entry
		if err := rdb.Undump(payload(string(body)), s.Codecs(), &e); err != nil {
			return
		}
		e.Key = []byte("k")
		if err := s.LoadBatch(&rdb.Batch{Entries: []rdb.Entry{e}}); err != nil {
			return
		}
		c := s.Client()
		for _, line := range []string{"ZADD k 1 m", "ZRANGE k 0 -1 WITHSCORES", "ZINCRBY k 1 a", "ZRANK k b", "ZPOPMIN k", "ZREM k m", "ZRANGEBYLEX k - +", "ZCOUNT k -inf inf", "ZPOPMAX k 100"} {
			c.Do(strings.Fields(line)...)
		}
	})
}
