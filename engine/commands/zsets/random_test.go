package zsets_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/enginetest"
)

// A dice draws commands over few keys and members, so that things collide.
type dice struct{ *rand.Rand }

func (d dice) one(words ...string) string { return words[d.IntN(len(words))] }

// maybe is the words, one time of so many.
func (d dice) maybe(times int, words ...string) []string {
	if d.IntN(times) == 0 {
		return words
	}
	return nil
}

// key is mostly of a sorted set, and lex one of those where all scores are the same.
func (d dice) key() string { return d.one("a", "b", "c", "d", "{a}e", "set", "ints", "text", "none") }
func (d dice) lex() string { return d.one("l1", "l2", "l1", "l2", "ltext", "lnone") }

func (d dice) member() string {
	switch d.IntN(12) {
	case 0:
		return strings.Repeat("long", d.IntN(20))
	case 1:
		return strconv.Itoa(d.IntN(1000) - 500)
	}
	return "m" + strconv.Itoa(d.IntN(40))
}

func (d dice) score() string {
	switch d.IntN(14) {
	case 0:
		return d.one("inf", "-inf", "+inf", "-0", "1e300", "-1e-7", "1e17", "123456789012345678", "0x10")
	case 1:
		return strconv.FormatFloat(math.Float64frombits(d.Uint64()&^(1<<62)), 'g', -1, 64)
	case 2, 3:
		return strconv.FormatFloat(float64(d.IntN(100))/10, 'g', -1, 64)
	case 4:
		if d.IntN(6) == 0 {
			return d.one("x", "", "nan", " 1", "1e400", "nx")
		}
	}
	return strconv.Itoa(d.IntN(20) - 5)
}

func (d dice) index() string {
	if d.IntN(40) == 0 {
		return d.one("x", "", "9223372036854775807", "-9223372036854775808", "1.5")
	}
	return strconv.Itoa(d.IntN(30) - 15)
}

func (d dice) scoreBound() string { return d.one("", "", "(") + d.one(d.score(), "-inf", "+inf") }

func (d dice) lexBound() string {
	if d.IntN(30) == 0 {
		return d.one("", "m1", "-x", "+x")
	}
	return d.one("-", "+", "["+d.member(), "("+d.member(), "["+d.member())
}

func (d dice) limit() []string { return d.maybe(3, "LIMIT", d.index(), d.index()) }

func (d dice) weights(n int) (out []string) {
	if d.IntN(3) > 0 {
		return nil
	}
	out = append(out, "WEIGHTS")
	for range n {
		out = append(out, d.one("1", "2", "0.1", "-1", "0", d.score()))
	}
	return out
}

// keys are some keys behind their number.
func (d dice) keys() (out []string, n int) {
	n = 1 + d.IntN(3)
	out = append(out, strconv.Itoa(n))
	for range n {
		out = append(out, d.key())
	}
	return out, n
}

func (d dice) add() []string {
	c := []string{"ZADD", d.key()}
	for _, w := range []string{"NX", "XX", "GT", "LT", "CH", "INCR"} {
		c = append(c, d.maybe(8, w)...)
	}
	for range d.IntN(d.IntN(12)+1) + 1 {
		c = append(c, d.score(), d.member())
	}
	return append(c, d.maybe(60, "odd")...)
}

func (d dice) addLex() []string {
	c := []string{"ZADD", d.lex()}
	for range d.IntN(8) + 1 {
		c = append(c, "0", d.member())
	}
	return c
}

func (d dice) together() []string {
	name := d.one("ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD")
	c := []string{name}
	if strings.HasSuffix(name, "STORE") {
		c = append(c, d.key())
	}
	keys, n := d.keys()
	c = append(c, keys...)
	if strings.HasPrefix(name, "ZDIFF") || name == "ZINTERCARD" {
		return append(append(c, d.maybe(30, "AGGREGATE", "MAX")...), d.maybe(4, "LIMIT", d.index())...)
	}
	c = append(append(c, d.weights(n)...), d.maybe(3, "AGGREGATE", d.one("SUM", "MIN", "MAX"))...)
	return append(c, d.maybe(2, "WITHSCORES")...)
}

func (d dice) ranged() []string {
	with := d.maybe(2, "WITHSCORES")
	switch d.IntN(9) {
	case 0:
		return append(append([]string{"ZRANGE", d.key(), d.index(), d.index()}, d.maybe(2, "REV")...), with...)
	case 1:
		return append([]string{"ZREVRANGE", d.key(), d.index(), d.index()}, with...)
	case 2:
		return slices.Concat([]string{"ZRANGE", d.key(), d.scoreBound(), d.scoreBound(), "BYSCORE"}, d.maybe(2, "REV"), d.limit(), with)
	case 3:
		return slices.Concat([]string{d.one("ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), d.key(), d.scoreBound(), d.scoreBound()}, d.limit(), with)
	case 4:
		return slices.Concat([]string{"ZRANGE", d.lex(), d.lexBound(), d.lexBound(), "BYLEX"}, d.maybe(2, "REV"), d.limit(), d.maybe(20, "WITHSCORES"))
	case 5:
		return append([]string{d.one("ZRANGEBYLEX", "ZREVRANGEBYLEX"), d.lex(), d.lexBound(), d.lexBound()}, d.limit()...)
	case 6:
		return append([]string{"ZRANGESTORE", d.key(), d.key(), d.index(), d.index()}, d.maybe(2, "REV")...)
	case 7:
		return slices.Concat([]string{"ZRANGESTORE", d.key(), d.key(), d.scoreBound(), d.scoreBound(), "BYSCORE"}, d.maybe(2, "REV"), d.limit())
	}
	return slices.Concat([]string{"ZRANGESTORE", d.lex(), d.lex(), d.lexBound(), d.lexBound(), "BYLEX"}, d.maybe(2, "REV"), d.limit())
}

func (d dice) command() []string {
	switch d.IntN(24) {
	case 0, 1, 2, 3, 4, 5:
		return d.add()
	case 6:
		return d.addLex()
	case 7:
		return []string{"ZINCRBY", d.key(), d.score(), d.member()}
	case 8:
		return []string{"ZREM", d.key(), d.member(), d.member()}
	case 9:
		return []string{"ZSCORE", d.key(), d.member()}
	case 10:
		return []string{"ZMSCORE", d.key(), d.member(), d.member()}
	case 11:
		return []string{d.one("ZRANK", "ZREVRANK"), d.key(), d.member()}
	case 12:
		return []string{"ZCOUNT", d.key(), d.scoreBound(), d.scoreBound()}
	case 13:
		return []string{d.one("ZLEXCOUNT", "ZREMRANGEBYLEX"), d.lex(), d.lexBound(), d.lexBound()}
	case 14:
		return []string{"ZREMRANGEBYSCORE", d.key(), d.one("5", "(5", d.scoreBound()), d.scoreBound()}
	case 15:
		return []string{"ZREMRANGEBYRANK", d.key(), d.one("3", "-2", d.index()), d.index()}
	case 16:
		return append([]string{d.one("ZPOPMIN", "ZPOPMAX"), d.key()}, d.maybe(2, d.index())...)
	case 17:
		keys, _ := d.keys()
		return slices.Concat([]string{"ZMPOP"}, keys, []string{d.one("MIN", "MAX")}, d.maybe(2, "COUNT", d.index()))
	case 18, 19:
		return d.together()
	case 20, 21:
		return d.ranged()
	case 22:
		return [][]string{
			{"COPY", d.key(), d.key(), "REPLACE"}, {"RENAME", d.key(), d.key()}, {"DEL", d.key()}, {"ZCARD", d.key()}, {"SET", d.one("text", "ltext"), "x"},
			{"SADD", "set", d.member(), d.member()}, {"SADD", "ints", d.index()}, {"COPY", d.lex(), d.lex(), "REPLACE"},
		}[d.IntN(8)]
	}
	return [][]string{
		{"CONFIG", "SET", "zset-max-listpack-entries", d.one("0", "3", "10", "128", "128")},
		{"CONFIG", "SET", "zset-max-ziplist-value", d.one("3", "20", "64", "64")},
		{"ZSCAN", d.key(), "0", "COUNT", "100000"}, {"OBJECT", "ENCODING", d.key()}, {"TYPE", d.key()},
	}[d.IntN(5)]
}

// rounds is how many commands are compared in each of some runs.
func rounds() (runs, commands int) {
	if os.Getenv("REGENT_SOAK") != "" {
		return 40, 50_000
	}
	return 4, 4000
}

// TestRandomAgainstRedis: each reply, each count of changes, and now and then all of the
// data, in RESP2 and RESP3.
func TestRandomAgainstRedis(t *testing.T) {
	redis := enginetest.StartRedis(t, "--enable-debug-command", "yes")
	runs, commands := rounds()
	for run := range runs {
		t.Run(strconv.Itoa(run), func(t *testing.T) {
			d := dice{rand.New(rand.NewPCG(uint64(run), 7))}
			s := enginetest.NewEngine(t)
			s.Config.EnableDebugCommand.Set("yes")
			ours, theirs := s.Client(), redis.Client(t)
			proto := strconv.Itoa(2 + run%2)
			theirs.Do("FLUSHALL")
			theirs.Do("HELLO", proto)
			ours.Do("HELLO", proto)
			for _, name := range []string{"zset-max-listpack-entries", "zset-max-listpack-value"} {
				theirs.Do("CONFIG", "SET", name, "64")
				ours.Do("CONFIG", "SET", name, "64")
			}
			changes := enginetest.NewTally(t, s, theirs)
			for i := range commands {
				c := d.command()
				got, want := ours.Do(c...), theirs.Do(c...)
				if c[0] == "ZSCAN" && got != want {
					got, want = sortedPairs(got), sortedPairs(want)
				}
				if got != want {
					t.Fatalf("%d: %q\n  got  %q\n  want %q", i, c, got, want)
				}
				if i%50 == 0 {
					changes.Since(t.Fatalf, c)
					compareData(t, i, ours, theirs)
				}
			}
			if keys := s.Misweighed(); len(keys) > 0 {
				t.Errorf("%q are not counted right, or empty", keys)
			}
		})
	}
}

// sortedPairs is the reply of a ZSCAN with its pairs in order.
func sortedPairs(reply string) string {
	n, _, err := enginetest.Parse([]byte(reply))
	if err != nil || len(n.Elems) != 2 {
		return reply
	}
	var pairs []string
	for i := 0; i+1 < len(n.Elems[1].Elems); i += 2 {
		pairs = append(pairs, fmt.Sprint(n.Elems[1].Elems[i], n.Elems[1].Elems[i+1]))
	}
	slices.Sort(pairs)
	return n.Elems[0].Text + strings.Join(pairs, " ")
}

// compareData compares every key, and how it is held.
func compareData(t *testing.T, i int, ours *enginetest.Client, theirs *enginetest.RedisClient) {
	t.Helper()
	if got, want := ours.Do("DEBUG", "DIGEST"), theirs.Do("DEBUG", "DIGEST"); got == want {
		for _, key := range []string{"a", "b", "c", "d", "{a}e", "l1", "l2"} {
			if got, want := ours.Do("OBJECT", "ENCODING", key), theirs.Do("OBJECT", "ENCODING", key); got != want {
				t.Fatalf("%d: %s is a %q, not a %q", i, key, got, want)
			}
		}
		return
	}
	for _, key := range enginetest.Elements(theirs.Do("KEYS", "*")) {
		if got, want := ours.Do("ZRANGE", key, "0", "-1", "WITHSCORES"), theirs.Do("ZRANGE", key, "0", "-1", "WITHSCORES"); got != want {
			t.Errorf("%d: %s\n got  %q\n want %q", i, key, got, want)
		}
	}
	t.Fatalf("%d: other data than redis-server", i)
}
