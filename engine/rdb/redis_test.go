package rdb_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// redisOn starts redis-server on a directory, waits until it has loaded what
// is there, and returns a client.
func redisOn(t *testing.T, dir string, extra ...string) *enginetest.RedisClient {
	t.Helper()
	c := enginetest.StartRedis(t, append([]string{"--dir", dir, "--dbfilename", "dump.rdb"}, extra...)...).Client(t)
	for end := time.Now().Add(20 * time.Second); strings.HasPrefix(c.Do("ping"), "-LOADING"); {
		if time.Now().After(end) {
			t.Fatal("redis-server does not come to an end of loading")
		}
		time.Sleep(10 * time.Millisecond)
	}
	return c
}

func text(t *testing.T, reply string) string {
	t.Helper()
	n, _, err := enginetest.Parse([]byte(reply))
	if err != nil {
		t.Fatal(err)
	}
	return n.Text
}

// must runs a command that has to succeed.
func must(t *testing.T, c *enginetest.RedisClient, args ...string) string {
	t.Helper()
	reply := c.Do(args...)
	if strings.HasPrefix(reply, "-") {
		t.Fatalf("%.80q: %s", args, reply)
	}
	return text(t, reply)
}

func checkRDB(t *testing.T, file string) string {
	t.Helper()
	out, err := exec.Command("redis-check-rdb", file).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-check-rdb: %v\n%s", err, out)
	}
	return string(out)
}

// fillTypes gives a redis-server a key of every type in every encoding that
// 7.0 writes, small and large, and returns what Load must skip.
func fillTypes(t *testing.T, c *enginetest.RedisClient) map[string]int {
	t.Helper()
	many := func(name string, args ...string) {
		must(t, c, append([]string{name}, args...)...)
	}
	numbered := func(prefix string, n int, each ...string) (args []string) {
		for i := range n {
			for _, e := range each {
				args = append(args, prefix+e+strconv.Itoa(i))
			}
		}
		return args
	}
	must(t, c, "select", "0")
	many("rpush", "list small", "a", "1", "-70000")
	many("rpush", append([]string{"list large"}, numbered("element number ", 5000, "")...)...)
	many("rpush", "list plain", noise(100_000), "x") // a node of its own
	many("sadd", "set ints", "1", "2", "70000", "5000000000")
	many("sadd", append([]string{"set large"}, numbered("member ", 3000, "")...)...)
	many("zadd", "zset small", "1.5", "a", "-inf", "b")
	zset := []string{"zset large"}
	for i := range 1000 {
		zset = append(zset, fmt.Sprintf("%d.25", i), fmt.Sprintf("m%d", i))
	}
	many("zadd", zset...)
	many("hset", "hash small", "f", "v", "n", "12")
	many("hset", append([]string{"hash large"}, numbered("", 2000, "field", "value")...)...)
	for i := range 300 {
		many("xadd", "stream", fmt.Sprintf("%d-1", i+1), "field", strconv.Itoa(i))
	}
	many("xadd", "stream empty", "5-5", "f", "v")
	many("xdel", "stream empty", "5-5")
	many("xgroup", "create", "stream", "group", "0")
	many("xgroup", "create", "stream", "idle group", "$", "entriesread", "7")
	many("xreadgroup", "group", "group", "alice", "count", "20", "streams", "stream", ">")
	many("xreadgroup", "group", "group", "bob", "count", "5", "streams", "stream", ">")
	many("xgroup", "createconsumer", "stream", "group", "carol")
	many("pfadd", "hyperloglog", "a", "b", "c") // a string
	many("pexpireat", "zset small", "4102444800123")
	many("function", "load", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
	return map[string]int{
		"list (quicklist)": 3, "set (intset)": 1, "set (hashtable)": 1, "zset (listpack)": 1, "zset (skiplist)": 1,
		"hash (listpack)": 1, "hash (hashtable)": 1, "stream": 2, "function library": 1,
	}
}

// fillStrings gives a redis-server strings of all shapes, in two databases.
func fillStrings(t *testing.T, c *enginetest.RedisClient) []record {
	t.Helper()
	list := []record{{key: "", value: ""}}
	for _, n := range []string{"0", "-1", "127", "-128", "128", "32768", "-32769", "2147483647", "2147483648",
		"-2147483649", "9223372036854775807", "01", "-0", "+1", "1.5"} {
		list = append(list, record{key: n, value: n}, record{key: "value " + n, value: n})
	}
	for _, n := range []int{1, 20, 21, 63, 64, 1000, 16383, 16384, 300_000} {
		list = append(list, record{key: fmt.Sprintf("noise %d", n), value: noise(n)},
			record{key: fmt.Sprintf("run %d", n), value: strings.Repeat("abcab", n/5+1)})
	}
	for i := range 3000 {
		list = append(list, record{key: fmt.Sprintf("k%d", i), value: strings.Repeat(strconv.Itoa(i), i%50),
			expire: 4102444800000 * int64(i%2)})
	}
	second := slices.Clone(list[:20])
	for i := range second {
		second[i].db = 7
	}
	list = append(list, second...)
	for _, r := range list {
		must(t, c, "select", strconv.Itoa(r.db))
		must(t, c, "set", r.key, r.value)
		if r.expire != 0 {
			must(t, c, "pexpireat", r.key, strconv.FormatInt(r.expire, 10))
		}
	}
	return list
}

func TestRedisFilesAreRead(t *testing.T) {
	for _, extra := range [][]string{
		{},
		{"--rdbcompression", "no"},
		{"--rdbchecksum", "no"},
	} {
		t.Run(fmt.Sprint(extra), func(t *testing.T) {
			dir := t.TempDir()
			c := redisOn(t, dir, extra...)
			want := fillStrings(t, c)
			skipped := fillTypes(t, c)
			must(t, c, "select", "0")
			want = append(want, record{key: "hyperloglog", value: must(t, c, "get", "hyperloglog")})
			must(t, c, "save")
			file, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
			if err != nil {
				t.Fatal(err)
			}
			got, sum := loadAll(t, file, rdb.Options{SkipUnknown: true, Whole: true})
			if want := (&gather{list: want}).sorted(); !slices.Equal(got, want) {
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("found %v\nwant %v", got[i], want[i])
					}
				}
				t.Fatalf("found %d keys, want %d", len(got), len(want))
			}
			if fmt.Sprint(sum.Skipped) != fmt.Sprint(skipped) {
				t.Errorf("skipped %v\nwant %v", sum.Skipped, skipped)
			}
			if sum.Checked == slices.Contains(extra, "--rdbchecksum") {
				t.Errorf("checked: %v", sum.Checked)
			}
		})
	}
}

func TestATypeWithoutCodecIsNamed(t *testing.T) {
	for kind, fill := range map[string][]string{
		"list (quicklist)": {"rpush", "the key", "a"},
		"set (intset)":     {"sadd", "the key", "1"},
		"hash (listpack)":  {"hset", "the key", "f", "v"},
		"zset (listpack)":  {"zadd", "the key", "1", "m"},
		"stream":           {"xadd", "the key", "1-1", "f", "v"},
	} {
		dir := t.TempDir()
		c := redisOn(t, dir)
		must(t, c, "select", "4")
		must(t, c, fill...)
		must(t, c, "save")
		file, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range ways {
			_, err := way.load(file, rdb.Options{}, func(*rdb.Batch) error { return nil })
			var e *rdb.TypeError
			if !errors.As(err, &e) || string(e.Key) != "the key" || e.Kind != kind || e.DB != 4 {
				t.Errorf("%s: %s: %v", kind, way.name, err)
			}
		}
	}
}

func TestRedisReadsOurFiles(t *testing.T) {
	list := several()
	// Redis drops what has expired when it loads.
	alive := slices.DeleteFunc(slices.Clone(list), func(r record) bool { return r.expire != 0 && r.expire < 1_800_000_000_000 })
	for _, o := range writerOptions {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "dump.rdb")
			if err := os.WriteFile(path, write(t, o, list), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := checkRDB(t, path); !strings.Contains(out, fmt.Sprintf("%d keys read", len(list))) {
				t.Errorf("redis-check-rdb says\n%s", out)
			}
			c := redisOn(t, dir)
			for _, r := range alive[:12] {
				must(t, c, "select", strconv.Itoa(r.db))
				if got := must(t, c, "get", r.key); got != r.value {
					t.Errorf("%v: redis-server has %.60q", r, got)
				}
			}
			must(t, c, "save")
			back, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := loadAll(t, back, rdb.Options{Whole: true}); !slices.Equal(got, alive) {
				t.Errorf("redis-server saved %d keys, not the %d it was given", len(got), len(alive))
			}
		})
	}
}

func TestRedisTakesExpiryIdleAndFreq(t *testing.T) {
	for policy, m := range map[string]rdb.Meta{
		"allkeys-lfu": {Expire: 4102444800123, UseKind: rdb.UseFreq, Use: 77},
		"allkeys-lru": {Expire: 4102444800123, UseKind: rdb.UseIdle, Use: 5000},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "dump.rdb")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w := rdb.NewWriter(f, rdb.WriterOptions{Checksum: true})
		w.SelectDB(0, 1, 1)
		w.Int(&m, []byte("k"), 12345)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		c := redisOn(t, dir, "--maxmemory-policy", policy)
		if got := c.Do("pexpiretime", "k"); got != ":4102444800123\r\n" {
			t.Errorf("%s: PEXPIRETIME %q", policy, got)
		}
		if m.UseKind == rdb.UseFreq {
			if got := c.Do("object", "freq", "k"); got != ":77\r\n" {
				t.Errorf("OBJECT FREQ %q", got)
			}
		} else if got := must(t, c, "object", "idletime", "k"); !strings.HasPrefix(got, "50") {
			t.Errorf("OBJECT IDLETIME %q", got)
		}
		must(t, c, "save")
		back, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := loadAll(t, back, rdb.Options{})
		if len(got) != 1 || got[0].expire != m.Expire || !strings.HasPrefix(got[0].use, fmt.Sprintf("use %d ", m.UseKind)) {
			t.Errorf("%s: saved as %v", policy, got)
		}
	}
}

func TestDumpAndRestoreWithRedis(t *testing.T) {
	c := redisOn(t, t.TempDir())
	for i, value := range []string{"", "0", "-1", "300", "70000", "-5000000000", "x", noise(21), strings.Repeat("ab", 5000), noise(70_000)} {
		key := fmt.Sprintf("k%d", i)
		for _, compress := range []bool{true, false} {
			payload := rdb.DumpString([]byte("before"), []byte(value), compress)[len("before"):]
			must(t, c, "restore", key, "0", string(payload), "replace")
			if got := must(t, c, "get", key); got != value {
				t.Errorf("restored %.40q as %.40q", value, got)
			}
		}
		var e rdb.Entry
		if err := rdb.Undump([]byte(must(t, c, "dump", key)), nil, &e); err != nil {
			t.Fatalf("%.40q: %v", value, err)
		}
		if got := recordOf(&e).value; got != value || e.Type != rdb.TypeString {
			t.Errorf("%.40q was dumped as %.40q", value, got)
		}
	}
	must(t, c, "rpush", "list", "a")
	payload := []byte(must(t, c, "dump", "list"))
	var e rdb.Entry
	var typed *rdb.TypeError
	if err := rdb.Undump(payload, nil, &e); !errors.As(err, &typed) || typed.Kind != "list (quicklist)" {
		t.Errorf("a list's payload: %v", err)
	}
	for i := range payload {
		for bit := range 8 {
			payload[i] ^= 1 << bit
			if err := rdb.Undump(payload, nil, &e); err == nil {
				t.Errorf("bit %d of byte %d flipped, and nothing noticed", bit, i)
			}
			payload[i] ^= 1 << bit
		}
	}
	for n := range payload {
		if err := rdb.Undump(payload[:n], nil, &e); err == nil {
			t.Errorf("%d bytes of a payload are taken for one", n)
		}
	}
}
