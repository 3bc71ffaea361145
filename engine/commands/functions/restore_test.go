package functions_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// code is the code of a library with one function, which returns a number.
func code(name, number string) string {
	return "#!lua name=" + name + "\nredis.register_function('" + name + "', function() return " + number + " end)"
}

// FuzzRestore gives FUNCTION RESTORE what is whole as a payload and anything inside: it is
// loaded, or refused and nothing has changed; and what is loaded can be dumped and comes back.
func FuzzRestore(f *testing.F) {
	f.Add("\xf5\x05#!lua")
	f.Add("\xf5\xc0\x01\xf5")
	f.Add("\xf6\x01a\x01b\x00\x01c")
	f.Add("\xf5\xc3\x05\x40\xff")
	library := code("x", "1")
	f.Add("\xf5\x40" + string(rune(len(library))) + library)
	payload := string(rdb.DumpLibraries(nil, [][]byte{[]byte(code("a", "1")), []byte(code("b", strings.Repeat("1", 30)))}, true))
	f.Add(payload[:len(payload)-10])
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, "while") || strings.Contains(body, "repeat") || strings.Contains(body, "for") || strings.Contains(body, "goto") {
			return // no loops: the clock of the test stands still
		}
		c := enginetest.NewEngine(t).Client()
		c.Do("FUNCTION", "LOAD", code("kept", "7"))
		before := c.Do("FUNCTION", "LIST", "WITHCODE")
		p := binary.LittleEndian.AppendUint16([]byte(body), rdb.Version)
		p = binary.LittleEndian.AppendUint64(p, rdb.Checksum(0, p))
		reply := c.Do("FUNCTION", "RESTORE", string(p))
		after := c.Do("FUNCTION", "LIST", "WITHCODE")
		if strings.HasPrefix(reply, "-") {
			if after != before {
				t.Errorf("refused (%s), and there is %q, was %q", reply, after, before)
			}
			return
		}
		dump := enginetest.Parsed(t, c.Do("FUNCTION", "DUMP")).Text
		if reply := c.Do("FUNCTION", "RESTORE", dump, "FLUSH"); reply != "+OK\r\n" {
			t.Errorf("its own payload is refused: %s", reply)
		}
		if again := c.Do("FUNCTION", "LIST", "WITHCODE"); again != after {
			t.Errorf("dumped and restored there is %q, was %q", again, after)
		}
	})
}

// TestPayloads go from here to redis-server and back, and are the same bytes.
func TestPayloads(t *testing.T) {
	redis := enginetest.StartRedis(t).Client(t)
	c := enginetest.NewEngine(t).Client()
	for _, text := range []string{"1", "'" + strings.Repeat("abc", 100) + "'", "'" + strings.Repeat("x", 70_000) + "'"} {
		for _, say := range []func(args ...string) string{c.Do, redis.Do} {
			if reply := say("FUNCTION", "LOAD", "REPLACE", code("lib", text)); reply != "$3\r\nlib\r\n" {
				t.Fatalf("loading: %s", reply)
			}
		}
		ours, theirs := enginetest.Parsed(t, c.Do("FUNCTION", "DUMP")).Text, enginetest.Parsed(t, redis.Do("FUNCTION", "DUMP")).Text
		if ours != theirs {
			t.Errorf("%.20s: dumped %q, redis-server %q", text, ours, theirs)
		}
		for who, say := range map[string]func(args ...string) string{"Regent": c.Do, "redis-server": redis.Do} {
			for _, p := range []string{ours, theirs} {
				if reply := say("FUNCTION", "RESTORE", p, "REPLACE"); reply != "+OK\r\n" {
					t.Errorf("%s: %s", who, reply)
				}
			}
		}
	}
	for _, args := range [][]string{
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte(code("lib", "1"))}, true))},
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte(code("lib", "1"))}, true)), "APPEND"},
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte(code("a", "1")), []byte(code("a", "2"))}, true)), "FLUSH"},
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte("#!lua name=b\nredis.register_function('lib', function() end)")}, true))},
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte("bad")}, true))},
		{string(rdb.DumpLibraries(nil, nil, true))},
		{string(rdb.DumpString(nil, []byte("v"), true))},
		{string(rdb.DumpLibraries(nil, [][]byte{[]byte(code("new", "1"))}, true))},
		{string(rdb.DumpLibraries(nil, nil, true)), "FLUSH"},
	} {
		args = append([]string{"FUNCTION", "RESTORE"}, args...)
		if ours, theirs := c.Do(args...), redis.Do(args...); ours != theirs {
			t.Errorf("%q: %s, redis-server %s", args, ours, theirs)
		}
	}
	if ours, theirs := c.Do("FUNCTION", "DUMP"), redis.Do("FUNCTION", "DUMP"); ours != theirs {
		t.Errorf("in the end there is %q, redis-server has %q", ours, theirs)
	}
}
