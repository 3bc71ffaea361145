package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// Holes that servers of this protocol have had, by their kind; docs/security.md names the
// test for each. What is asked for is refused or answered, bounded, and everything works
// afterwards.

// A prober asks one server.
type prober struct {
	*enginetest.Client
	t *testing.T
}

func probe(t *testing.T) *prober { return &prober{enginetest.NewEngine(t).Client(), t} }

// says wants a reply that begins so; words are split at spaces.
func (p *prober) says(want, line string, more ...string) string {
	p.t.Helper()
	reply := p.Do(append(strings.Fields(line), more...)...)
	if !strings.HasPrefix(reply, want) {
		p.t.Errorf("%.200s %.60q: %.200q, want %q", line, more, reply, want)
	}
	return reply
}

// refuses wants an error.
func (p *prober) refuses(line string, more ...string) string {
	p.t.Helper()
	return p.says("-", line, more...)
}

// lives wants a server that works, and nothing at a key that was not made.
func (p *prober) lives() {
	p.t.Helper()
	p.says("+OK", "SET lives 1")
	p.says("$1\r\n1", "GET lives")
	if keys := p.Server.Misweighed(); len(keys) > 0 {
		p.t.Errorf("counted wrongly: %q", keys)
	}
}

const (
	most  = "9223372036854775807"
	least = "-9223372036854775808"
)

// TestStringsStayInBounds: offsets and lengths that overflow an int, or what a string may be.
func TestStringsStayInBounds(t *testing.T) {
	p := probe(t)
	for _, line := range []string{
		"SETRANGE k " + most + " x", "SETRANGE k 536870912 x", "SETRANGE k 4294967295 x", "SETRANGE k -1 x", "SETRANGE k " + least + " x",
		"SETBIT k " + most + " 1", "SETBIT k 4294967296 1", "SETBIT k -1 1", "BITFIELD k SET u8 #" + most + " 1", "BITFIELD k SET u8 " + most + " 1",
		"BITFIELD k INCRBY u1 4294967296 1", "BITFIELD k SET u64 0 1", "BITFIELD k GET i65 0", "BITFIELD k SET u8 #-1 1",
	} {
		p.refuses(line)
	}
	p.says(":0", "EXISTS k")
	p.says("*1", "BITFIELD k GET u8 4294967288")
	for _, line := range []string{"GETRANGE k " + least + " " + most, "SUBSTR k " + most + " " + least} {
		p.says("$0", line)
	}
	for _, line := range []string{"BITCOUNT k " + least + " " + most, "BITPOS k 1 " + least + " " + most, "BITCOUNT k " + least + " " + most + " BIT"} {
		p.says(":", line)
	}
	p.says("+OK", "CONFIG SET proto-max-bulk-len 1mb")
	p.says(":1048576", "SETRANGE k 1048575 x")
	p.refuses("APPEND k x")
	p.refuses("SETRANGE k 1048576 x")
	p.refuses("SETBIT k 8388608 1")
	p.says(":1048576", "STRLEN k")
	p.says("+OK", "CONFIG SET proto-max-bulk-len "+most)
	p.refuses("SETRANGE k "+most, "xx")
	p.refuses("SETRANGE k 9223372036854775800", strings.Repeat("x", 100))
	p.lives()
}

// TestSortStaysInBounds: limits that overflow, and keys that no argument names.
func TestSortStaysInBounds(t *testing.T) {
	p := probe(t)
	p.says(":3", "RPUSH l 3 1 2")
	p.says("*2", "SORT l LIMIT 1 "+most)
	p.says("*3", "SORT l LIMIT 0 "+most)
	p.says("*3", "SORT l LIMIT "+least+" "+most)
	p.says("*0", "SORT l LIMIT "+most+" "+most)
	p.says("*3", "SORT_RO l LIMIT 0 "+least)
	p.says(":0", "SORT l LIMIT "+most+" 1 STORE d")
	p.says(":0", "EXISTS d")
	p.lives()

	p.says("+OK", "ACL SETUSER reader on nopass ~l +sort_ro +sort +get -@dangerous +sort_ro +sort")
	q := &prober{p.Server.Client(), t}
	q.says("+OK", "AUTH reader x")
	q.says("*3", "SORT_RO l")
	for _, line := range []string{"SORT_RO l BY w_*", "SORT_RO l GET secret_*", "SORT l GET secret_*", "SORT l BY w_*->f", "SORT_RO other", "SORT l STORE other", "SORT l STORE l STORE other"} {
		q.refuses(line)
	}
}

// TestLCSStaysInBounds: the product of two lengths is what it would take.
func TestLCSStaysInBounds(t *testing.T) {
	p := probe(t)
	long := strings.Repeat("ab", 1<<19)
	p.says("+OK", "SET a", long)
	p.says("+OK", "SET b", long)
	for _, line := range []string{"LCS a b", "LCS a b LEN", "LCS a b IDX"} {
		p.refuses(line)
	}
	p.says("+OK", "SET a abcabc")
	p.says("+OK", "SET b xbcax")
	p.says("*4", "LCS a b IDX MINMATCHLEN "+most)
	p.says("*4", "LCS a b IDX MINMATCHLEN "+least)
	p.lives()
}

// TestCountsAtTheEdge: the negative of the least number is no number.
func TestCountsAtTheEdge(t *testing.T) {
	p := probe(t)
	p.says(":2", "SADD s a b")
	p.says(":2", "HSET h a 1 b 2")
	p.says(":2", "ZADD z 1 a 2 b")
	p.says(":2", "RPUSH l a b")
	for _, n := range []string{least, "-9223372036854775807", "-4611686018427387905"} {
		for _, line := range []string{"SRANDMEMBER s " + n, "HRANDFIELD h " + n, "HRANDFIELD h " + n + " WITHVALUES", "ZRANDMEMBER z " + n, "ZRANDMEMBER z " + n + " WITHSCORES"} {
			if n != least && !strings.Contains(line, "WITH") {
				continue // a reply without end, which the output limits end (TestRandomWithoutEnd)
			}
			p.refuses(line)
		}
	}
	p.says("*2", "SRANDMEMBER s "+most)
	p.says("*2", "HRANDFIELD h "+most)
	p.says("*2", "ZRANDMEMBER z "+most)
	for _, line := range []string{"HRANDFIELD h " + most + " WITHVALUES", "ZRANDMEMBER z " + most + " WITHSCORES"} {
		p.says("-ERR value is out of range", line)
	}
	for _, line := range []string{"LPOP l " + least, "SPOP s " + least, "LPOS l a MAXLEN " + least, "LPOS l a COUNT " + least, "ZPOPMIN z " + least,
		"SCAN 0 COUNT " + least, "SSCAN s 0 COUNT 0", "LMPOP 1 l LEFT COUNT " + least, "ZMPOP 1 z MIN COUNT " + least, "SINTERCARD 1 s LIMIT " + least,
		"INCRBY n " + least + "0", "DECRBY n " + least, "EXPIRE s " + most, "PEXPIRE s " + most, "SET s x EX " + most, "RESTORE r " + least + " x", "OBJECT FREQ s",
		"GEORADIUS z 0 0 1 km COUNT " + least, "XREAD COUNT " + least + " STREAMS s 0", "SLOWLOG GET " + least, "CLIENT KILL ID " + least, "SELECT " + least, "SWAPDB " + least + " 0",
		"WAIT " + least + " " + least} {
		p.refuses(line)
	}
	for _, line := range []string{"SCAN 0", "SSCAN s 0", "HSCAN h 0", "ZSCAN z 0"} {
		p.says("*2\r\n$1\r\n0", line+" COUNT "+most)
	}
	p.says("*0", "LRANGE l "+most+" "+least)
	p.says("*2", "LRANGE l "+least+" "+most)
	p.says("*0", "ZRANGE z "+most+" "+least)
	p.says("*0", "ZRANGEBYSCORE z -inf +inf LIMIT "+most+" "+most)
	p.says("*2", "ZRANGEBYSCORE z -inf +inf LIMIT 0 "+least)
	p.says("+OK", "LTRIM l "+least+" "+most)
	p.says("$-1", "LINDEX l "+least)
	p.refuses("LSET l " + least + " x")
	p.says(":0", "LREM l "+least+" x")
	p.lives()
}

// TestKeysGivenTwice in one command.
func TestKeysGivenTwice(t *testing.T) {
	p := probe(t)
	p.says(":1", "MSETNX k 1 k 2 k 3")
	p.says("$1\r\n3", "GET k")
	p.says(":0", "MSETNX x 1 k 2 x 3")
	p.says(":0", "EXISTS x")
	p.says(":1", "DEL k k k")
	p.says(":2", "SADD s a b")
	for _, line := range []string{"SINTERSTORE s 1 s s", "SUNIONSTORE s s s s", "SDIFFSTORE s s s", "RENAME x x", "COPY s s", "SMOVE s s a", "LMOVE l l LEFT RIGHT",
		"ZUNIONSTORE z 2 z z", "BITOP XOR k k k", "PFMERGE k k k", "SORT s ALPHA STORE s", "RPOPLPUSH l l", "LMPOP 2 l l LEFT", "BLPOP l l 1"} {
		p.Do(strings.Fields(line)...)
		if p.Parked() {
			p.Server.Host.Advance(2e9)
			p.Go()
		}
	}
	p.lives()
}

// TestNumbersThatAreNone: what HINCRBYFLOAT and its like leave can be read again.
func TestNumbersThatAreNone(t *testing.T) {
	p := probe(t)
	for _, line := range []string{"HINCRBYFLOAT h f 1e4900", "HINCRBYFLOAT h f 1e4932", "HINCRBYFLOAT h f -1e4932", "INCRBYFLOAT k 1e4932", "INCRBYFLOAT k 1e4900",
		"HINCRBYFLOAT h f 1e-4950", "INCRBYFLOAT k 0x1p16383", "ZINCRBY z 1e308 a", "ZINCRBY z 1e308 a"} {
		p.Do(strings.Fields(line)...)
	}
	for _, line := range []string{"HINCRBYFLOAT h g nan", "HINCRBYFLOAT h g inf", "HINCRBYFLOAT h g -inf", "INCRBYFLOAT n nan", "INCRBYFLOAT n inf", "ZADD z nan a",
		"HINCRBYFLOAT h g 1\x00", "ZADD z INCR nan a"} {
		p.refuses(line)
	}
	p.says("*", "HGETALL h")
	p.says("$", "DUMP h")
	p.says("$", "HRANDFIELD h")
	p.says(":", "ZADD z inf b")
	p.refuses("ZINCRBY z -inf b")
	p.says("*", "ZRANGE z 0 -1 WITHSCORES")
	p.lives()
}

// TestKeysOfAnything: whatever COMMAND GETKEYS, an ACL and MULTI are asked to find the keys of.
func TestKeysOfAnything(t *testing.T) {
	p := probe(t)
	p.says("+OK", "ACL SETUSER few on nopass ~a +@all")
	q := &prober{p.Server.Client(), t}
	q.says("+OK", "AUTH few x")
	numbers := []string{most, least, "2147483647", "4294967296", "-1", "0", "1", "3", "x"}
	for _, n := range numbers {
		for _, line := range []string{"EVAL x " + n + " b c", "EVALSHA x " + n + " b", "FCALL f " + n + " b", "ZUNIONSTORE b " + n + " c", "ZUNION " + n + " b c", "ZINTERCARD " + n + " b",
			"LMPOP " + n + " b LEFT", "BLMPOP 1 " + n + " b LEFT", "ZMPOP " + n + " b MIN", "SINTERCARD " + n + " b", "XREAD COUNT " + n + " STREAMS b 0", "XREAD STREAMS b",
			"XREADGROUP GROUP g c STREAMS b", "MIGRATE h 1 \"\" 0 1 KEYS", "MIGRATE h 1 b 0 1 AUTH", "SORT b STORE", "SORT b GET " + n + " STORE b", "GEORADIUS b 0 0 1 m STORE",
			"GEORADIUS b 0 0 1 m COUNT " + n + " STOREDIST", "BITOP AND", "OBJECT HELP", "MEMORY USAGE", "MEMORY USAGE b SAMPLES " + n, "ZDIFFSTORE b " + n, "MSET b", "STRALGO LCS KEYS b c"} {
			words := strings.Fields(line)
			p.Do(append([]string{"COMMAND", "GETKEYS"}, words...)...)
			p.Do(append([]string{"COMMAND", "GETKEYSANDFLAGS"}, words...)...)
			p.Do(append([]string{"ACL", "DRYRUN", "few"}, words...)...)
			if reply := q.Do(words...); !strings.HasPrefix(reply, "-") && !strings.Contains(line, "HELP") && n != "0" {
				t.Errorf("%s by a user that has no right to b: %q", line, reply)
			}
		}
	}
	for _, name := range strings.Fields(strings.NewReplacer("$", "", "\r\n", " ").Replace(p.Do("COMMAND", "LIST"))) {
		for _, args := range [][]string{{}, {"a"}, {"a", most}, {"a", least, "b"}, {"a", "2147483647", "b", "c"}, {"", "", "", ""}} {
			p.Do(slices.Concat([]string{"COMMAND", "GETKEYS", name}, args)...)
			p.Do(slices.Concat([]string{"ACL", "DRYRUN", "few", name}, args)...)
		}
	}
	p.says("*1\r\n$1\r\nk", "COMMAND GETKEYS GET k")
	p.lives()
}

// TestClaimsStayInBounds: XAUTOCLAIM and XCLAIM over entries that are gone, with counts that
// overflow.
func TestClaimsStayInBounds(t *testing.T) {
	p := probe(t)
	for i := range 10 {
		p.says("$", fmt.Sprintf("XADD s %d-1 f v", i+1))
	}
	p.says("+OK", "XGROUP CREATE s g 0")
	p.says("*1", "XREADGROUP GROUP g c STREAMS s >")
	p.says(":5", "XDEL s 1-1 2-1 3-1 9-1 10-1")
	for _, n := range []string{least, "0", "-1", most, "1152921504606846976", "4611686018427387904"} {
		p.refuses("XAUTOCLAIM s g d 0 0 COUNT " + n)
	}
	p.says("*3\r\n$3\r\n3-1", "XAUTOCLAIM s g d 0 0 COUNT 2")
	p.says("*3\r\n$3\r\n0-0", "XAUTOCLAIM s g d 0 3-1 COUNT 100")
	p.says("*0", "XCLAIM s g e 0 1-1 2-1 99-99")
	p.says("*3", "XAUTOCLAIM s g d "+most+" "+"18446744073709551615-18446744073709551615 COUNT 1 JUSTID")
	p.says("*4", "XPENDING s g")
	for _, line := range []string{"XGROUP CREATE str g $", "XGROUP SETID str g 0", "XGROUP CREATECONSUMER str g c", "XGROUP DELCONSUMER str g c", "XGROUP DESTROY str g", "XGROUP CREATE str g $ MKSTREAM",
		"XREADGROUP GROUP g c STREAMS str >", "XAUTOCLAIM str g c 0 0", "XINFO STREAM str", "XPENDING str g"} {
		p.says("+OK", "SET str x")
		p.refuses(line)
	}
	p.refuses("XADD s 18446744073709551616-0 f v")
	p.refuses("XSETID s 1-1")
	p.refuses("XTRIM s MAXLEN " + least)
	p.lives()
}

// TestSketchesThatLie: strings that look like HyperLogLogs and are none.
func TestSketchesThatLie(t *testing.T) {
	p := probe(t)
	head := "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
	dense := "HYLL\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80"
	for _, body := range []string{
		head,                      // nothing
		head + "\x40",             // half an opcode
		head + "\x7f\xff\x7f\xff", // more registers than there are
		head + strings.Repeat("\x7f\xff", 300000),       // far more
		head + strings.Repeat("\x3f", 255),              // fewer
		head + "\x7f\xff\x80",                           // one more at the end
		head + "\x7f\xfe\x83",                           // runs over the end
		head + strings.Repeat("\x3f", 256) + "\xff\xff", // values behind the end
		dense, dense + "x", dense + strings.Repeat("\xff", 12287), dense + strings.Repeat("\xff", 12289),
		"HYLL\x02" + head[5:], "HYLL", "HYLL\x01", "",
	} {
		p.says("+OK", "SET k", body)
		for _, line := range []string{"PFADD k a", "PFADD k a b c d e f g", "PFMERGE d k", "PFMERGE k k", "PFCOUNT k", "PFCOUNT k k2"} {
			p.Do("SET", "k", body)
			p.Do(strings.Fields(line)...)
		}
		if reply := p.Do("PFDEBUG", "GETREG", "k"); strings.HasPrefix(reply, "*") && !strings.HasPrefix(reply, "*16384") {
			t.Errorf("%.30q has %.20q registers", body, reply)
		}
	}
	p.says("+OK", "SET k", head+strings.Repeat("\x7f\xff", 300000))
	p.refuses("PFADD k a")
	p.refuses("PFMERGE d k")
	p.lives()
}

// TestConfigValuesStayInBounds: thresholds beyond all sizes, and classes that there are not.
func TestConfigValuesStayInBounds(t *testing.T) {
	p := probe(t)
	for _, v := range []string{"master 1 1 1", "3 1 1 1", "normal -1 -1 -1", "normal 1 1", "normal 1 1 1 x", "\x00 1 1 1"} {
		p.refuses("CONFIG SET client-output-buffer-limit", v)
	}
	for _, name := range []string{"set-max-intset-entries", "hash-max-listpack-entries", "hash-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value",
		"stream-node-max-bytes", "stream-node-max-entries", "hll-sparse-max-bytes", "client-query-buffer-limit", "proto-max-bulk-len"} {
		for _, n := range []string{"4294967296", most} {
			p.says("+OK", "CONFIG SET "+name+" "+n)
		}
	}
	members := make([]string, 3000)
	for i := range members {
		members[i] = fmt.Sprint(int64(i) << 40)
	}
	p.says(":3000", "SADD ints", members...)
	p.says("$6\r\nintset", "OBJECT ENCODING ints")
	p.says(":1", "COPY ints copied")
	p.says(":3000", "SUNIONSTORE joined ints copied")
	big := strings.Repeat("v", 1<<20)
	for i := range 5 {
		p.Do("HSET", "h", fmt.Sprint(i), big)
		p.Do("ZADD", "z", "1", fmt.Sprint(i)+big)
		p.Do("XADD", "s", "*", "f", big)
		p.Do("RPUSH", "l", big)
		p.Do("PFADD", "p", fmt.Sprint(i))
	}
	for _, key := range []string{"h", "z", "s", "l", "ints", "p"} {
		p.says(":1", "COPY "+key+" again REPLACE")
		p.says("$", "DUMP "+key)
	}
	p.lives()
}

// TestPatternsEnd: patterns that would be tried in more ways than there are atoms, and
// such as nest deeply, wherever a pattern is taken.
func TestPatternsEnd(t *testing.T) {
	p := probe(t)
	name := strings.Repeat("a", 5000)
	p.says("+OK", "SET", name, "v")
	p.says(":1", "SADD s", name)
	for _, pattern := range []string{strings.Repeat("a*", 2500) + "b", strings.Repeat("*", 100000) + "b", strings.Repeat("[^", 5000), strings.Repeat("*?", 20000), strings.Repeat(`\`, 9999), strings.Repeat("*[a-", 3000)} {
		for _, words := range [][]string{{"KEYS", pattern}, {"SCAN", "0", "MATCH", pattern}, {"SSCAN", "s", "0", "MATCH", pattern}, {"CONFIG", "GET", pattern}, {"FUNCTION", "LIST", "LIBRARYNAME", pattern},
			{"COMMAND", "LIST", "FILTERBY", "PATTERN", pattern}, {"PUBSUB", "CHANNELS", pattern}, {"ACL", "SETUSER", "u", "~" + pattern, "&" + pattern}, {"SORT", "s", "BY", pattern, "GET", pattern, "ALPHA"}} {
			p.Do(words...)
		}
		q := &prober{p.Server.Client(), t}
		q.Do("PSUBSCRIBE", pattern)
		p.Do("PUBLISH", name, "m")
		q.Do("PUNSUBSCRIBE")
		p.Server.EndSession(q.Session)
	}
	p.says("+OK", "ACL SETUSER u on nopass +get")
	q := &prober{p.Server.Client(), t}
	q.says("+OK", "AUTH u x")
	q.Do("GET", name)
	p.lives()
}

// TestRulesThatAreNone: what ACL SETUSER is given may be broken in any way.
func TestRulesThatAreNone(t *testing.T) {
	p := probe(t)
	for _, rule := range []string{"%", "%R", "%W", "%RW", "%~", "%R~~", "%X~a", "%RWR", "%RX~a", "%%~a", "(", ")", "()(", "(%)", "(%R", "(%~)", "((+get))", "(+get", "+get)", "(~a", "+", "-", "+|", "+get|", "+|get",
		"-config|", "+@", "-@", "+@nosuch", ">", "<", "#", "!", "#" + strings.Repeat("g", 64), "!" + strings.Repeat("0", 63), "<none", "nosuch", "", " ", "\x00", "(\x00)", "+config|get|x", "+select|0|1"} {
		before := p.Do("ACL", "LIST")
		reply := p.Do("ACL", "SETUSER", "u", rule)
		if strings.HasPrefix(reply, "-") {
			if after := p.Do("ACL", "LIST"); after != before {
				t.Errorf("%q is refused (%s) and has changed %q into %q", rule, reply, before, after)
			}
			continue
		}
		p.Do("ACL", "GETUSER", "u")
		p.Do("ACL", "DRYRUN", "u", "GET", "k")
		p.Do("ACL", "DELUSER", "u")
	}
	for _, rule := range []string{"%", "%~", "(%)", "(", "(+get", "+get|", "nosuch"} {
		p.refuses("ACL SETUSER v " + rule)
	}
	p.lives()
}
