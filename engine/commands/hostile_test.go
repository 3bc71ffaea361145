package commands_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// Payloads that were made to do harm. RESTORE looks at all of a value before there is a key
// of it: so what it takes has to bear every command, and what it refuses leaves nothing.

// sealed is a body with the end that makes it a payload.
func sealed(body string) string {
	p := binary.LittleEndian.AppendUint16([]byte(body), rdb.Version)
	return string(binary.LittleEndian.AppendUint64(p, rdb.Checksum(0, p)))
}

const sealBytes = 10 // of a payload's end

// overHostile are the commands for a restored key h, of every type: most of them are
// answered WRONGTYPE.
var overHostile = strings.Split(strings.TrimSpace(`
TYPE h
OBJECT ENCODING h
MEMORY USAGE h
DEBUG OBJECT h
DUMP h
COPY h copied REPLACE
SORT h ALPHA
SORT h BY nosort GET # LIMIT 0 5
EXPIRE h 100000
GET h
STRLEN h
APPEND h tail
SETRANGE h 3 abc
GETRANGE h -100 100
INCR h
BITCOUNT h
BITPOS h 1
BITFIELD h GET u8 #3 INCRBY i16 5 1
PFCOUNT h
PFADD h a b c d
PFMERGE merged h
PFCOUNT merged
PFDEBUG GETREG h
LCS h copied
LLEN h
LRANGE h 0 -1
LINDEX h 1
LINDEX h -2
LPOS h a RANK -1 COUNT 0
LINSERT h BEFORE a b
LSET h 0 changed
LSET h -1 17
LREM h 0 b
LPUSH h 1 a 123456789012345678901
RPUSH h z
LMOVE h h LEFT RIGHT
LTRIM h 1 -2
LPOP h
RPOP h 3
SCARD h
SMEMBERS h
SISMEMBER h 5
SMISMEMBER h a b 1
SRANDMEMBER h -7
SRANDMEMBER h 3
SSCAN h 0 COUNT 100
SADD h a 1 9223372036854775807
SUNIONSTORE joined h copied
SDIFF h joined
SINTERCARD 2 h joined
SREM h a 5
SPOP h
SPOP h 2
HLEN h
HGETALL h
HGET h a
HMGET h a b 1
HSTRLEN h a
HRANDFIELD h -5 WITHVALUES
HRANDFIELD h 3
HSCAN h 0 COUNT 100
HSET h a 1 newfield newvalue
HINCRBY h a 3
HINCRBYFLOAT h a 0.5
HDEL h a b
ZCARD h
ZRANGE h 0 -1 WITHSCORES
ZRANGEBYSCORE h -inf +inf LIMIT 1 3
ZRANGEBYLEX h - +
ZREVRANGE h 0 -1
ZSCORE h a
ZRANK h a
ZREVRANK h b
ZCOUNT h (1 +inf
ZLEXCOUNT h [a (z
ZRANDMEMBER h -4 WITHSCORES
ZSCAN h 0 COUNT 100
ZADD h 1.5 a -inf b 3 newmember
ZINCRBY h 2 a
ZUNIONSTORE added 2 h copied
ZDIFF 2 h added
GEOPOS h a
GEODIST h a b
GEOSEARCH h FROMLONLAT 0 0 BYRADIUS 20000 km
ZREMRANGEBYRANK h 0 0
ZREMRANGEBYSCORE h 100 200
ZREMRANGEBYLEX h [x [y
ZREM h a
ZPOPMIN h
ZPOPMAX h 2
XLEN h
XINFO STREAM h FULL COUNT 0
XINFO GROUPS h
XINFO CONSUMERS h g
XRANGE h - +
XREVRANGE h + - COUNT 3
XREAD COUNT 2 STREAMS h 0
XADD h * f v
XADD h 18446744073709551615-18446744073709551615 f v
XGROUP CREATE h g 0
XREADGROUP GROUP g c COUNT 3 STREAMS h >
XREADGROUP GROUP g c STREAMS h 0
XPENDING h g
XPENDING h g - + 10
XCLAIM h g d 0 1-1 0-1 JUSTID
XAUTOCLAIM h g d 0 0 COUNT 5
XACK h g 1-1 0-1
XSETID h 18446744073709551615-18446744073709551614
XDEL h 1-1 0-1
XTRIM h MAXLEN ~ 2
XGROUP DELCONSUMER h g c
XGROUP DESTROY h g
XTRIM h MAXLEN 0
RENAME h copied
RENAME copied h
`), "\n")

// bear restores a payload into a new engine and has it bear every command, the reads
// first and then, some rounds, all in an order that the seed makes. It reports whether it was taken.
func bear(t *testing.T, payload string, seed uint64, rounds int) bool {
	s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
	c := s.Client()
	if reply := c.Do("RESTORE", "h", "0", payload); reply != "+OK\r\n" {
		if c.Do("EXISTS", "h") != ":0\r\n" {
			t.Fatalf("refused (%q), and there is a key", reply)
		}
		return false
	}
	again(t, c)
	run := func(lines []string) {
		for _, line := range lines {
			c.Do(strings.Fields(line)...)
			if c.Parked() {
				t.Fatalf("%s waits", line)
			}
		}
	}
	run(overHostile)
	r := rand.New(rand.NewPCG(seed, seed))
	for round := range rounds {
		if c.Do("RESTORE", "h", "0", payload, "REPLACE") != "+OK\r\n" {
			t.Fatalf("round %d: what was taken is refused", round)
		}
		lines := append([]string(nil), overHostile...)
		r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		run(lines)
	}
	if keys := s.Misweighed(); len(keys) > 0 {
		t.Fatalf("counted wrongly: %q", keys)
	}
	return true
}

// again restores what DUMP gives of h: it is taken, and reads as h does.
func again(t *testing.T, c *enginetest.Client) {
	dump := enginetest.Parsed(t, c.Do("DUMP", "h")).Text
	if reply := c.Do("RESTORE", "again", "0", dump); reply != "+OK\r\n" {
		t.Fatalf("what DUMP gives is refused: %q", reply)
	}
	if a, b := c.Do("DEBUG", "DIGEST-VALUE", "h"), c.Do("DEBUG", "DIGEST-VALUE", "again"); a != b {
		t.Fatalf("dumped and restored it is another value: %q, %q", a, b)
	}
	c.Do("DEL", "again")
}

// samples are values of all kinds, as commands make them, small and large.
func samples() map[string][]string {
	long := strings.Repeat("x", 100)
	many := func(name string, n int, rest func(i int) []string) []string {
		words := strings.Fields(name)
		for i := range n {
			words = append(words, rest(i)...)
		}
		return words
	}
	return map[string][]string{
		"string":  {"SET h " + long, "APPEND h a\tb"},
		"int":     {"SET h 12345"},
		"hll":     {"PFADD h a b c d e f"},
		"list":    {"RPUSH h a b 1 -1 70000 " + long},
		"lists":   {"CONFIG SET list-max-listpack-size 2", "RPUSH h a b c d e 1 2 3", "CONFIG SET list-max-listpack-size -2"},
		"intset":  {"SADD h 1 2 3 70000"},
		"set":     {"SADD h a b 1 " + long},
		"hash":    {"HSET h a 1 b 2 c three"},
		"hashes":  {"HSET h a 1 b " + long},
		"zset":    {"ZADD h 1 a 2.5 b -inf c"},
		"zsets":   {strings.Join(many("ZADD h", 140, func(i int) []string { return []string{strconv.Itoa(i), "m" + strconv.Itoa(i)} }), " ")},
		"geo":     {"GEOADD h 13.4 52.5 a 2.35 48.85 b"},
		"stream":  {"XADD h 1-1 f v", "XADD h 1-2 f w g x", "XADD h 2-1 f y", "XDEL h 1-2", "XGROUP CREATE h g 0", "XREADGROUP GROUP g c COUNT 1 STREAMS h >"},
		"streams": {"CONFIG SET stream-node-max-entries 2", "XADD h 1-1 f v", "XADD h 2-1 f v", "XADD h 3-1 f v", "XGROUP CREATE h g 1-1", "XGROUP CREATE h k $", "XREADGROUP GROUP g c STREAMS h >"},
	}
}

// bodies are the payloads of samples without their ends.
func bodies(t testing.TB) map[string]string {
	found := map[string]string{}
	for name, lines := range samples() {
		c := enginetest.NewEngine(t).Client()
		for _, line := range lines {
			if reply := c.Do(strings.Split(line, " ")...); strings.HasPrefix(reply, "-") {
				t.Fatalf("%s: %s: %s", name, line, reply)
			}
		}
		node, _, err := enginetest.Parse([]byte(c.Do("DUMP", "h")))
		if err != nil || len(node.Text) <= sealBytes {
			t.Fatalf("%s: %v %q", name, err, node.Text)
		}
		found[name] = node.Text[:len(node.Text)-sealBytes]
	}
	return found
}

// earlier are bodies of the types that earlier versions of Redis wrote.
var earlier = []string{
	"\x01\x02\x01a\x01b",                                                                  // a list of strings
	"\x09\x07\x01\x01a\x01\x00b\xff",                                                      // a zipmap
	"\x0a\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff",                       // a ziplist as a list
	"\x0e\x01\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff",                   // nodes that are ziplists
	"\x0d\x11\x11\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01a\x03\x01b\xff",              // a hash as a ziplist
	"\x0c\x15\x15\x00\x00\x00\x0f\x00\x00\x00\x02\x00\x00\x03abc\x05\xf0\xff\xff\xff\xff", // a sorted set as a ziplist
	"\x03\x02\x01a\x012\x01b\x031.5",                                                      // scores as text
	"\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00",                            // an intset
	"\x12\x01\x01\x03abc",                                                                 // a plain node
	"\x0f\x00\x00\x00\x00\x00",                                                            // an empty stream
	"\x00\xc3\x05\x40\x40\xe0\x00a\x00",                                                   // compressed
	"\x00\x42HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff",                // a sparse HyperLogLog
}

// FuzzRestored gives RESTORE a body with an end that makes it a payload: it is refused and
// leaves nothing, or it makes a value that bears every command.
func FuzzRestored(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add([]byte(body), uint64(1))
	}
	for i, body := range earlier {
		f.Add([]byte(body), uint64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		bear(t, sealed(string(body)), seed, 1)
	})
}

// TestMutatedPayloads changes bytes of good payloads, some hundred ways for each: FuzzRestored
// in small, for every run of the tests.
func TestMutatedPayloads(t *testing.T) {
	ways := 60
	if os.Getenv("REGENT_SOAK") != "" {
		ways = 20_000
	}
	taken := 0
	for name, body := range bodies(t) {
		if !bear(t, sealed(body), 0, 3) {
			t.Fatalf("%s: a good payload is refused", name)
		}
		for i := range ways {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			changed := mutate(r, []byte(body))
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Fatalf("%s, way %d, %q: %v", name, i, changed, p)
					}
				}()
				if bear(t, sealed(string(changed)), uint64(i), 1) {
					taken++
				}
			}()
		}
	}
	if taken == 0 {
		t.Error("none was taken: the commands were never tried")
	}
}

// mutate changes one to three places.
func mutate(r *rand.Rand, b []byte) []byte {
	for range 1 + r.IntN(3) {
		at := 1 + r.IntN(max(len(b)-1, 1))
		if at >= len(b) {
			return b
		}
		switch r.IntN(5) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.Uint32())
		case 2:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff, 0xfe}[r.IntN(6)]
		case 3:
			b = append(b[:at], b[at+1:]...)
		case 4:
			b = append(b[:at], append([]byte{b[at]}, b[at:]...)...)
		}
	}
	return b
}

// suitePayload finds the payloads in the text of a test of Redis's.
var suitePayload = regexp.MustCompile(`"((?:\\x[0-9A-Fa-f]{2}|\\[^x]|[^"\\])*\\x[0-9A-Fa-f]{2}(?:\\x[0-9A-Fa-f]{2}|\\[^x]|[^"\\])*)"`)

// TestPayloadsOfTheSuite has the payloads of redis-server's own tests of corrupt values
// refused or borne. REGENT_SUITE names the folder that scripts/compat-suite.sh prints; it is
// read there, and none of it is kept here. `make compat` runs it, which fetches the suite.
func TestPayloadsOfTheSuite(t *testing.T) {
	suite := os.Getenv("REGENT_SUITE")
	if suite == "" {
		t.Skip("REGENT_SUITE is not set: make compat runs this")
	}
	file, err := os.Open(filepath.Join(suite, "tests", "integration", "corrupt-dump.tcl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	found, taken := 0, 0
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		for _, m := range suitePayload.FindAllStringSubmatch(lines.Text(), -1) {
			payload, ok := tclText(m[1])
			if !ok || len(payload) <= sealBytes {
				continue
			}
			found++
			t.Run(fmt.Sprintf("line %d", n), func(t *testing.T) {
				// As it is, and with an end that is right.
				if bear(t, payload, uint64(n), 3) {
					taken++
				}
				bear(t, sealed(payload[:len(payload)-sealBytes]), uint64(n), 3)
			})
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if found < 40 {
		t.Errorf("only %d payloads were found", found)
	}
	t.Logf("%d payloads, %d of them taken", found, taken)
}

// tclText is what a word in Tcl's quotes means.
func tclText(s string) (string, bool) {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		if i++; i >= len(s) {
			return "", false
		}
		switch s[i] {
		case 'x':
			if i+2 >= len(s) {
				return "", false
			}
			b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			out, i = append(out, byte(b)), i+2
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'a':
			out = append(out, 7)
		case 'b':
			out = append(out, 8)
		case 'f':
			out = append(out, 12)
		case 'v':
			out = append(out, 11)
		default:
			out = append(out, s[i])
		}
	}
	return string(out), true
}

// TestClaimsTakeNoMemory: payloads of some bytes that claim sizes of gigabytes, at every place
// where a size stands, are refused, and what was taken meanwhile is little.
func TestClaimsTakeNoMemory(t *testing.T) {
	lengths := []string{"\x80\x7f\xff\xff\xff", "\x80\xff\xff\xff\xff", "\x81\x00\x00\x00\x7f\xff\xff\xff\xff", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff", "\x81\xff\xff\xff\xff\xff\xff\xff\xff"}
	var claims []string
	for kind := range 22 {
		for _, n := range lengths {
			claims = append(claims, string(rune(kind))+n, string(rune(kind))+n+"\x01a\x01b", string(rune(kind))+"\x01"+n, string(rune(kind))+"\x01\x01a"+n, string(rune(kind))+"\x02\x01"+n,
				string(rune(kind))+"\xc3"+n+n+"x", string(rune(kind))+"\xc3\x05"+n+"abcde", string(rune(kind))+"\x01\xc3\x05"+n+"abcde")
		}
	}
	// Headers inside that claim to be larger than what they are in.
	for _, head := range []string{"\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\x7f\xff\xff", "\x00\x00\x00\x00\xff\xff"} {
		for _, kind := range []byte{9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19} {
			claims = append(claims, string([]byte{kind, 7})+head+"\xff", string([]byte{kind, 1, 2, 7})+head+"\xff", string([]byte{kind, 1, 16})+strings.Repeat("\x00", 16)+"\x07"+head+"\xff")
		}
	}
	c := enginetest.NewEngine(t).Client()
	const bound = 64 << 20 // bytes, of all of them together; each claims more
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, body := range claims {
		c.Do("RESTORE", "h", "0", sealed(body))
		c.Do("FUNCTION", "RESTORE", sealed(body))
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > bound {
		t.Errorf("%d claims took %d bytes", len(claims), took)
	}
}
