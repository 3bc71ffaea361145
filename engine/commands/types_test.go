package commands_test

import (
	"strings"
	"testing"

	"regent/engine/enginetest"
)

func TestOtherTypesAgainstRedis(t *testing.T) {
	theirs := enginetest.StartRedis(t).Client(t)
	for _, line := range []string{
		"GET p", "GETSET p v", "GETDEL p", "GETEX p", "GETEX p EX 0", "GETEX p FOO", "STRLEN p", "APPEND p x", "GETRANGE p 0 1",
		"GETRANGE p x 1", "SETRANGE p 0 x", "SETRANGE p 0 \"\"", "SETRANGE p -1 x", "INCR p", "INCRBY p 1", "INCRBY p x", "DECR p",
		"DECRBY p 1", "INCRBYFLOAT p 1", "INCRBYFLOAT p x", "LCS p s", "LCS s p", "LCS p nokey FOO", "MGET p s", "SETNX p v",
		"MSETNX p v n v", "SET p v GET", "SET p v XX GET EX 0", "SET p v NX GET", "SET p v NX", "SUBSTR p 0 1", "TYPE p",
		"OBJECT ENCODING p", "OBJECT REFCOUNT p", "EXISTS p", "TOUCH p", "EXPIRE p 100", "PERSIST p", "RENAME p q", "TYPE q",
		"OBJECT ENCODING q", "COPY q p", "OBJECT ENCODING p", "COPY q s", "COPY q s REPLACE", "TYPE s", "COPY q q DB 1",
		"RENAMENX q r", "SCAN 0 COUNT 100 TYPE string", "SCAN 0 COUNT 100 TYPE none", "KEYS r", "SCAN 0 COUNT 100 MATCH r TYPE LIST", "MOVE r 2",
		"EXISTS r", "SET p now", "GET p", "SET p v PX 1 GET", "DEL s", "UNLINK s",
	} {
		// Every line begins with the same keys, but those that go on with q or r.
		s := enginetest.NewEngine(t)
		ours := s.Client()
		theirs.Do("FLUSHALL")
		for _, key := range []string{"p", "q", "r"} {
			ours.Do("RPUSH", key, "7", "8")
			theirs.Do("RPUSH", key, "7", "8")
		}
		ours.Do("SET", "s", "x")
		theirs.Do("SET", "s", "x")
		args := enginetest.Words(t, line)
		want, got := theirs.Do(args...), ours.Do(args...)
		if strings.HasPrefix(line, "SCAN") {
			_, want, _ = strings.Cut(want, "*2\r\n$1\r\n0\r\n")
			_, got, _ = strings.Cut(got, "*2\r\n$1\r\n0\r\n")
		}
		if got != want {
			t.Errorf("%s\n  got  %q\n  want %q", line, got, want)
		}
	}
}
