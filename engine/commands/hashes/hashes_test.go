package hashes_test

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

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// forms are hashes of both forms, by key, and their sizes.
func forms(c *enginetest.Client) map[string]int {
	sizes := map[string]int{"packed": 100, "table": 3000}
	for key, n := range sizes {
		args := []string{"HSET", key}
		for i := range n {
			args = append(args, "field:"+strconv.Itoa(i), strconv.Itoa(i))
		}
		c.Do(args...)
	}
	return sizes
}

// TestDrawsAreDifferentFields: each with its own value.
func TestDrawsAreDifferentFields(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	for key, size := range forms(c) {
		for _, n := range []int{1, 2, size / 10, size / 3, size/3 + 1, size - 1, size, 2 * size} {
			got := enginetest.Elements(c.Do("HRANDFIELD", key, strconv.Itoa(n), "WITHVALUES"))
			seen := map[string]bool{}
			for pair := range slices.Chunk(got, 2) {
				if seen[pair[0]] = true; pair[0] != "field:"+pair[1] {
					t.Fatalf("%s: %q", key, pair)
				}
			}
			if len(seen) != min(n, size) || len(got) != 2*len(seen) {
				t.Errorf("%d of %s: %d, %d different ones", n, key, len(got)/2, len(seen))
			}
		}
	}
}

// TestDrawsReachAll: whichever way a draw goes, each field comes up, none far more
// often than another.
func TestDrawsReachAll(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	const each = 100 // draws a field, on average: the root of it is 10
	for key, size := range forms(c) {
		for _, n := range []int{1, -7, size / 5, size / 2} {
			counts := map[string]int{}
			for range each * size / max(n, -n) {
				for _, f := range enginetest.Elements(c.Do("HRANDFIELD", key, strconv.Itoa(n))) {
					counts[f]++
				}
			}
			for i := range size {
				if got := counts["field:"+strconv.Itoa(i)]; got < each/2 || got > each*3/2 {
					t.Errorf("%d of %s: field %d comes %d times, not about %d", n, key, i, got, each)
				}
			}
		}
	}
}

// TestScanOfAHash: through HSCAN everything that stays is shown.
func TestScanOfAHash(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	for key, size := range forms(c) {
		seen := map[string]string{}
		for cursor, i := "0", 0; ; i++ {
			n, _, err := enginetest.Parse([]byte(c.Do("HSCAN", key, cursor, "COUNT", "7")))
			if err != nil || len(n.Elems) != 2 {
				t.Fatalf("HSCAN %s: %v %v", cursor, n, err)
			}
			for pair := range slices.Chunk(n.Elems[1].Elems, 2) {
				seen[pair[0].Text] = pair[1].Text
			}
			if cursor = n.Elems[0].Text; cursor == "0" {
				break
			}
			c.Do("HSET", key, "passing"+strconv.Itoa(i), "x")
			c.Do("HDEL", key, "passing"+strconv.Itoa(i/2))
		}
		for i := range size {
			if seen["field:"+strconv.Itoa(i)] != strconv.Itoa(i) {
				t.Errorf("%s: field %d was there throughout", key, i)
			}
		}
	}
}

// TestHashesToRedisAndBack: what redis-server dumps is read, what is written
// redis-server restores, and both hold the same then.
func TestHashesToRedisAndBack(t *testing.T) {
	for _, entries := range []string{"512", "4", "0"} {
		theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes", "--rdbcompression", "no", "--hash-max-listpack-entries", entries).Client(t)
		s := enginetest.NewEngine(t)
		s.Config.EnableDebugCommand.Set("yes")
		c := s.Client()
		c.Do("CONFIG", "SET", "hash-max-listpack-entries", entries)
		theirs.Do("HSET", "small", "a", "1", "b", "-70000", "", "x", "12", "9223372036854775807")
		theirs.Do("HSET", "long", "a", strings.Repeat("v", 65), strings.Repeat("f", 700), strings.Repeat("w", 9000))
		for i := range 400 {
			theirs.Do("HSET", "many", fmt.Sprint("field ", i), fmt.Sprint(i*i))
		}
		for i := range 500 { // too much for the dictionary
			theirs.Do("HSET", "wide", fmt.Sprint("field ", i), strings.Repeat("w", 60))
		}
		codecs := s.Codecs()
		for _, key := range []string{"small", "long", "many", "wide"} {
			payload := enginetest.Elements("*1\r\n" + theirs.Do("DUMP", key))[0]
			var e, kept rdb.Entry
			for _, into := range []*rdb.Entry{&e, &kept} {
				bytes := []byte(payload)
				if err := rdb.Undump(bytes, codecs, into); err != nil {
					t.Fatalf("%s: %v", key, err)
				}
				if into == &e {
					s.PutObject(key, e.Obj.(engine.Object))
					clear(bytes) // the keyspace has a copy
				}
			}
			want := theirs.Do("DEBUG", "DIGEST-VALUE", key)
			if got := c.Do("DEBUG", "DIGEST-VALUE", key); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
			if got, want := c.Do("OBJECT", "ENCODING", key), theirs.Do("OBJECT", "ENCODING", key); got != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
			ours := rdb.DumpValue(nil, codecs.Of("hash"), kept.Obj, false)
			if strings.Contains(theirs.Do("OBJECT", "ENCODING", key), "listpack") && string(ours) != payload {
				t.Errorf("%s is dumped as %.200q, want %.200q", key, ours, payload)
			}
			if got := theirs.Do("RESTORE", "copy of "+key, "0", string(ours)); got != "+OK\r\n" {
				t.Fatalf("RESTORE: %q", got)
			}
			if got := theirs.Do("DEBUG", "DIGEST-VALUE", "copy of "+key); got != want {
				t.Errorf("%s back in redis-server: %q, want %q", key, got, want)
			}
			for _, line := range [][]string{{"HSET", key, "a", "new"}, {"HDEL", key, "12"}, {"HINCRBY", key, "count", "5"}, {"HLEN", key}, {"DEBUG", "DIGEST-VALUE", key}} {
				if got, want := c.Do(line...), theirs.Do(line...); got != want {
					t.Errorf("%q: %q, want %q", line, got, want)
				}
			}
		}
	}
}

// TestListpacksOfEverySize crosses the size up to which a listpack is bytes in the
// dictionary, up and down again, beside redis-server.
func TestListpacksOfEverySize(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	ours := s.Client()
	both := func(args ...string) {
		t.Helper()
		if got, want := ours.Do(args...), theirs.Do(args...); got != want {
			t.Fatalf("%.100q: %.100q, want %.100q", args, got, want)
		}
	}
	both("CONFIG", "SET", "hash-max-listpack-entries", "100000", "hash-max-listpack-value", "20000")
	rnd := rand.New(rand.NewPCG(1, 2))
	field := func() string { return fmt.Sprint("field:", rnd.IntN(1500)) }
	for i := range 3000 {
		switch n := rnd.IntN(10); {
		case n == 0:
			both("HINCRBY", "h", "n"+field(), fmt.Sprint(rnd.IntN(1<<30)))
		case n < 4 && i > 1500:
			both("HDEL", "h", field(), field(), "n"+field())
		case n == 9 && i%10 == 0:
			both("COPY", "h", "copy", "REPLACE")
		default:
			both("HSET", "h", field(), strings.Repeat("v", rnd.IntN(60)), field(), fmt.Sprint(i))
		}
		if i%50 == 0 {
			both("DEBUG", "DIGEST-VALUE", "h", "copy")
			both("OBJECT", "ENCODING", "h")
		}
	}
	for _, n := range []int{100, 10_000, 19_000, 5, 20_000} {
		both("HSET", "few", "a", strings.Repeat("x", n), "b", strings.Repeat("y", n/2))
		both("HSET", "few", "c", "z")
		both("HGETALL", "few")
	}
	both("HDEL", "few", "a", "b", "c")
	both("DEBUG", "DIGEST")
}

// hashFile is an RDB file with one key "k" of that type and value.
func hashFile(typ, value string) string {
	return "REDIS0010\xFE\x00" + typ + "\x01k" + value + "\xFF\x00\x00\x00\x00\x00\x00\x00\x00"
}

// TestHashesOfOtherHands reads what earlier versions wrote, and what is damaged.
func TestHashesOfOtherHands(t *testing.T) {
	for value, want := range map[[2]string]string{
		{"\x04", "\x02\x01a\x01b\xC0\x05\xC0\x06"}: `hash ["5=6" "a=b"]`,
		{"\x04", "\x00"}:                                                                            "",
		{"\x04", "\x02\x01a\x01b\x01a\x01c"}:                                                        "error",
		{"\x04", "\x02\x01a\x01b\x01c"}:                                                             "error",
		{"\x04", "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01a"}:                                       "error",
		{"\x10", "\x0C\x0C\x00\x00\x00\x02\x00\x05\x01\x81a\x02\xFF"}:                               `hash ["5=a"]`,
		{"\x10", "\x09\x09\x00\x00\x00\x01\x00\x05\x01\xFF"}:                                        "error", // a field without a value
		{"\x10", "\x0F\x0F\x00\x00\x00\x04\x00\x05\x01\x05\x01\x05\x01\x06\x01\xFF"}:                "error", // one twice
		{"\x10", "\x07\x07\x00\x00\x00\x00\x00\xFF"}:                                                "",
		{"\x10", "\x03abc"}:                                                                         "error",
		{"\x0D", "\x15\x15\x00\x00\x00\x0f\x00\x00\x00\x02\x00\x00\x03abc\x05\xf0\xff\xff\xff\xff"}: `hash ["abc=-1"]`,
		{"\x0D", "\x03abc"}:                                                                         "error",
		{"\x09", "\x0B\x01\x03foo\x03\x00bar\xFF"}:                                                  `hash ["foo=bar"]`,
		{"\x09", "\x0D\x01\x03foo\x03\x02bar!!\xFF"}:                                                `hash ["foo=bar"]`,
		{"\x09", "\x0F\x01\xFE\x03\x00\x00\x00foo\x03\x00bar\xFF"}:                                  `hash ["foo=bar"]`,
		{"\x09", "\x0A\x01\x03foo\x03\x00bar"}:                                                      "error", // no end
		{"\x09", "\x0B\x01\x03foo\x7F\x00bar\xFF"}:                                                  "error",
		{"\x09", "\x0B\x01\xFE\xFF\xFF\xFF\xFF\x00bar\xFF"}:                                         "error",
		{"\x09", "\x02\x00\xFF"}:                                                                    "",
		{"\x09", "\x0B\x02\x03foo\x03\x00bar\xFF"}:                                                  "error", // one fewer than it says
		{"\x09", "\x0B\xFE\x03foo\x03\x00bar\xFF"}:                                                  `hash ["foo=bar"]`,
		{"\x09", "\x01\x00"}:                                                                        "error",
	} {
		s := enginetest.NewEngine(t)
		_, err := rdb.Load(strings.NewReader(hashFile(value[0], value[1])), rdb.Options{Codecs: s.Codecs()}, s.LoadBatch)
		got := strings.Join(s.Dump(), "\n")
		if err != nil {
			got = "error"
		} else if got != "" {
			got = strings.TrimSuffix(strings.TrimPrefix(got, `0 "k" `), " 0")
		}
		if got != want {
			t.Errorf("type %q, %q: %s (%v), want %s", value[0], value[1], got, err, want)
		}
	}
}

// FuzzDecode: damaged payloads of every type are refused, or are hashes that work.
func FuzzDecode(f *testing.F) {
	for _, typ := range []rdb.Type{rdb.TypeHash, rdb.TypeHashZipmap, rdb.TypeHashZiplist, rdb.TypeHashListpack} {
		f.Add(byte(typ), []byte("\x02\x01a\x01b\xC0\x05\xC0\x06"))
		f.Add(byte(typ), []byte("\x0C\x0C\x00\x00\x00\x02\x00\x05\x01\x81a\x02\xFF"))
		f.Add(byte(typ), []byte("\x12\x12\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\xf6\xff"))
		f.Add(byte(typ), []byte("\x0F\x01\xFE\x03\x00\x00\x00foo\x03\x00bar\xFF"))
	}
	s := enginetest.NewEngine(f)
	c := s.Client()
	f.Fuzz(func(t *testing.T, typ byte, value []byte) {
		if codec := s.Codecs().Of("hash"); !slices.Contains(codec.Types(), rdb.Type(typ)) {
			return
		}
		c.Do("FLUSHALL")
		file := hashFile(string(typ), string(value))
		if _, err := rdb.Load(strings.NewReader(file), rdb.Options{Codecs: s.Codecs()}, s.LoadBatch); err != nil {
			return
		}
		all := enginetest.Elements(c.Do("HGETALL", "k"))
		for pair := range slices.Chunk(all, 2) {
			if got := enginetest.Elements(c.Do("HMGET", "k", pair[0])); got[0] != pair[1] {
				t.Fatalf("%q is %q, not %q", pair[0], got[0], pair[1])
			}
			c.Do("HSET", "k", pair[0], "another value")
			if got := c.Do("HDEL", "k", pair[0]); got != ":1\r\n" {
				t.Fatalf("HDEL %q: %q", pair[0], got)
			}
		}
		if got := c.Do("EXISTS", "k"); got != ":0\r\n" {
			t.Fatalf("something is left: %q", c.Do("HGETALL", "k"))
		}
	})
}

// TestFloatsAgainstRedis compares sums of long doubles, of every size and sign.
func TestFloatsAgainstRedis(t *testing.T) {
	theirs, c := enginetest.StartRedis(t).Client(t), enginetest.NewEngine(t).Client()
	rnd := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	number := func() string {
		switch rnd.IntN(6) {
		case 0:
			return strconv.FormatInt(int64(rnd.Uint64())>>rnd.IntN(64), 10)
		case 1:
			return fmt.Sprintf("%de%d", rnd.Int64N(1e9)-5e8, rnd.IntN(60)-30)
		case 2:
			return fmt.Sprintf("%x.%xp%d", rnd.Int64N(1e9), rnd.Int64N(1e9), rnd.IntN(200)-100)[:1] + strconv.Itoa(rnd.IntN(1000))
		case 3:
			return fmt.Sprintf("0x%x.%xp%d", rnd.Int64N(1e9), rnd.Int64N(1e9), rnd.IntN(120)-60)
		case 4:
			return fmt.Sprintf("%.*f", rnd.IntN(20), rnd.NormFloat64()*1000)
		}
		return strconv.FormatFloat(rnd.NormFloat64(), 'g', -1, 64)
	}
	const each = 20_000
	wrong := 0
	for range each {
		key, value, by := "h", number(), number()
		for _, line := range [][]string{{"HSET", key, "f", value}, {"HINCRBYFLOAT", key, "f", by}, {"SET", "s", value}, {"INCRBYFLOAT", "s", by}} {
			if got, want := c.Do(line...), theirs.Do(line...); got != want {
				if wrong++; wrong < 10 {
					t.Errorf("%s, %q: %q, want %q", value, line, got, want)
				}
			}
		}
	}
}

// TestHashesMakeNoGarbage: looking, and what changes nothing or little, allocates
// nothing.
func TestHashesMakeNoGarbage(t *testing.T) {
	do := enginetest.HotSession(t, &enginetest.Tape{})
	for _, size := range []int{20, 600} {
		key := fmt.Sprint("h", size)
		for i := range size {
			do(enginetest.Raw("HSET", key, fmt.Sprint("f", i), fmt.Sprint("v", i)))
		}
		do(enginetest.Raw("HSET", key, "n", "100"))
		for _, cmd := range [][][]byte{
			enginetest.Raw("HSET", key, "f7", "w7"), enginetest.Raw("HGET", key, "f7"), enginetest.Raw("HGET", key, "x"), enginetest.Raw("HMGET", key, "f1", "x"),
			enginetest.Raw("HLEN", key), enginetest.Raw("HEXISTS", key, "f3"), enginetest.Raw("HSTRLEN", key, "f3"), enginetest.Raw("HINCRBY", key, "n", "1"),
			enginetest.Raw("HSETNX", key, "f1", "x"), enginetest.Raw("HDEL", key, "x"), enginetest.Raw("HGETALL", key), enginetest.Raw("HRANDFIELD", key),
		} {
			do(cmd)
			if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
				t.Errorf("%s: %v allocations", cmd, n)
			}
		}
		add, rem := enginetest.Raw("HSET", key, "new", "x"), enginetest.Raw("HDEL", key, "new")
		if n := testing.AllocsPerRun(100, func() { do(add); do(rem) }); n != 0 {
			t.Errorf("HSET and HDEL of %s: %v allocations", key, n)
		}
	}
	one, gone := enginetest.Raw("HSET", "new", "a", "1", "b", "2"), enginetest.Raw("DEL", "new")
	do(one)
	if n := testing.AllocsPerRun(100, func() { do(gone); do(one) }); n != 0 {
		t.Errorf("HSET and DEL of a new hash: %v allocations", n)
	}
}
