package streams_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// A dice draws commands over few keys, IDs, groups and consumers, so that things collide.
// None of them shows how much time has passed.
type dice struct {
	*rand.Rand
	top int // about the highest ID so far
}

func (d *dice) one(words ...string) string { return words[d.IntN(len(words))] }

func (d *dice) maybe(times int, words ...string) []string {
	if d.IntN(times) == 0 {
		return words
	}
	return nil
}

func (d *dice) key() string {
	return d.one("a", "a", "a", "b", "b", "c", d.one("text", "none", "d"))
}
func (d *dice) group() string    { return d.one("g", "g", "h", d.one("i", "none")) }
func (d *dice) consumer() string { return d.one("x", "y", "z", d.one("w", "v")) }

// id is one that there may be.
func (d *dice) id() string {
	switch d.IntN(30) {
	case 0:
		return d.one("-", "+", "$", ">", "x", "", "1-x", "18446744073709551615-18446744073709551615", "0-0", "5-*")
	case 1:
		return strconv.Itoa(d.IntN(d.top + 5))
	}
	return fmt.Sprintf("%d-%d", max(d.top-d.IntN(60), 0), d.IntN(3))
}

func (d *dice) bound() string {
	return d.one(d.id(), d.id(), "("+d.id(), "-", "+")
}

func (d *dice) count() []string {
	return d.maybe(2, "COUNT", d.one("1", "2", "5", "0", "-1", "100"))
}

func (d *dice) trim() []string {
	out := []string{d.one("MAXLEN", "MINID")}
	out = append(out, d.maybe(2, d.one("~", "="))...)
	if out[0] == "MAXLEN" {
		out = append(out, strconv.Itoa(d.IntN(40)))
	} else {
		out = append(out, d.id())
	}
	return append(out, d.maybe(5, "LIMIT", d.one("0", "3", "10", "x"))...)
}

func (d *dice) add() []string {
	c := append([]string{"XADD", d.key()}, d.maybe(9, "NOMKSTREAM")...)
	if d.IntN(8) == 0 {
		c = append(c, d.trim()...)
	}
	if d.IntN(3) == 0 {
		d.top += d.IntN(3)
	}
	id := fmt.Sprintf("%d-*", d.top)
	switch d.IntN(20) {
	case 0:
		id = d.id()
	case 1:
		d.top += 300
	}
	c = append(c, id)
	for range 1 + d.IntN(3) {
		c = append(c, d.one("f", "f", "f", "12", ""), d.one("", "value", strconv.Itoa(d.IntN(1<<20)-1000), fmt.Sprint(d.Uint64())))
	}
	return append(c, d.maybe(60, "odd")...)
}

func (d *dice) some() (out []string) {
	for range 1 + d.IntN(4) {
		out = append(out, d.id())
	}
	return out
}

func (d *dice) idle() string { return d.one("0", "0", "0", "100000000", "x", "-1") }

func (d *dice) draw() []string {
	switch d.IntN(24) {
	case 0:
		return append([]string{"XRANGE", d.key(), d.bound(), d.bound()}, d.count()...)
	case 1:
		return append([]string{"XREVRANGE", d.key(), d.bound(), d.bound()}, d.count()...)
	case 2:
		return append([]string{"XDEL", d.key()}, d.some()...)
	case 3:
		return append([]string{"XTRIM", d.key()}, d.trim()...)
	case 4:
		return append(append([]string{"XREAD"}, d.count()...), "STREAMS", d.key(), d.key(), d.id(), d.id())
	case 5, 6, 7:
		c := append([]string{"XREADGROUP", "GROUP", d.group(), d.consumer()}, d.count()...)
		c = append(c, d.maybe(5, "NOACK")...)
		return append(c, "STREAMS", d.key(), d.one(">", ">", ">", "0", d.id()))
	case 8, 9:
		return append([]string{"XACK", d.key(), d.group()}, d.some()...)
	case 10:
		c := append([]string{"XCLAIM", d.key(), d.group(), d.consumer(), d.idle()}, d.some()...)
		c = append(append(c, d.maybe(3, "FORCE")...), d.maybe(3, "JUSTID")...)
		c = append(append(c, d.maybe(5, "RETRYCOUNT", d.one("3", "0", "x"))...), d.maybe(6, "LASTID", d.id())...)
		return append(c, d.maybe(6, d.one("TIME", "IDLE"), d.one("5", "0", "-7", "99999999999999"))...)
	case 11:
		c := append([]string{"XAUTOCLAIM", d.key(), d.group(), d.consumer(), d.idle(), d.bound()}, d.count()...)
		return append(c, d.maybe(3, "JUSTID")...)
	case 12:
		return append([]string{"XGROUP", "CREATE", d.key(), d.group(), d.one("$", "0", d.id())}, append(d.maybe(3, "MKSTREAM"), d.maybe(5, "ENTRIESREAD", d.one("3", "-1", "-2"))...)...)
	case 13:
		return append([]string{"XGROUP", "SETID", d.key(), d.group(), d.one("$", "0", d.id())}, d.maybe(4, "ENTRIESREAD", "4")...)
	case 14:
		if d.IntN(4) > 0 {
			return []string{"XGROUP", d.one("CREATECONSUMER", "DELCONSUMER"), d.key(), d.group(), d.consumer()}
		}
		return []string{"XGROUP", "DESTROY", d.key(), d.group()}
	case 15:
		return append([]string{"XSETID", d.key(), d.id()}, append(d.maybe(3, "ENTRIESADDED", strconv.Itoa(d.IntN(300))), d.maybe(3, "MAXDELETEDID", d.id())...)...)
	case 16:
		return []string{"XINFO", d.one("STREAM", "GROUPS"), d.key()}
	case 17:
		if d.IntN(5) == 0 {
			return d.oneOf([]string{"DEL", d.key()}, []string{"COPY", d.key(), d.key()}, []string{"RENAME", d.key(), d.key()}, []string{"SET", "text", "x"})
		}
		return []string{"CONFIG", "SET", d.one("stream-node-max-entries", "stream-node-max-bytes"), d.one("0", "1", "5", "100", "200")}
	}
	return d.add()
}

func (d *dice) oneOf(lists ...[]string) []string { return lists[d.IntN(len(lists))] }

var nowText = regexp.MustCompile(`:1[6-9]\d{11}\r\n`)

// timeless is a reply without the times in it.
func timeless(reply string) string { return nowText.ReplaceAllString(reply, ":now\r\n") }

// TestRandomAgainstRedis: random commands answer as redis-server's, leave the same, and
// their effects make the same on another engine; what redis-server dumps is read, written
// to the byte and restored.
func TestRandomAgainstRedis(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes", "--rdbcompression", "no").Client(t)
	for seed := range uint64(6) {
		theirs.Do("FLUSHALL")
		s := enginetest.NewEngine(t, func(o *engine.Options) { o.Config.EnableDebugCommand.Set("yes") })
		ours := s.Client()
		s.Host.Set(time.Now().UnixMilli())
		proto := []string{"2", "3"}[seed%2]
		ours.Do("HELLO", proto)
		theirs.Do("HELLO", proto)
		theirs.Do("CONFIG", "SET", "stream-node-max-entries", "100", "stream-node-max-bytes", "4096")
		tally := enginetest.NewTally(t, s, theirs)
		d := &dice{rand.New(rand.NewPCG(seed, 7)), 1}
		for i := range 2500 {
			c := d.draw()
			s.Host.Set(time.Now().UnixMilli())
			want := timeless(theirs.Do(c...))
			if got := timeless(ours.Do(c...)); got != want {
				t.Fatalf("seed %d, command %d: %q\n  got  %q\n  want %q", seed, i, c, got, want)
			}
			complain := t.Fatalf
			if c[0] == "XREADGROUP" && c[len(c)-1] != ">" {
				complain = func(string, ...any) {} // a history of nothing that is delivered is a change there
			}
			tally.Since(complain, c)
		}
		compareAll(t, s, ours, theirs)
		replay(t, s, ours)
	}
}

var all = []string{"a", "b", "c", "d", "none"}

func compareAll(t *testing.T, s *enginetest.Server, ours *enginetest.Client, theirs *enginetest.RedisClient) {
	t.Helper()
	codecs := s.Codecs()
	for _, key := range all {
		full := []string{"XINFO", "STREAM", key, "FULL", "COUNT", "0"}
		want := timeless(theirs.Do(full...))
		if got := timeless(ours.Do(full...)); got != want {
			t.Fatalf("%s\n  got  %q\n  want %q", key, got, want)
		}
		digest := theirs.Do("DEBUG", "DIGEST-VALUE", key)
		if got := ours.Do("DEBUG", "DIGEST-VALUE", key); got != digest {
			t.Fatalf("%s: digest %s, not %s", key, got, digest)
		}
		if theirs.Do("TYPE", key) != "+stream\r\n" {
			continue
		}
		payload := enginetest.Elements("*1\r\n" + theirs.Do("DUMP", key))[0]
		var e rdb.Entry
		if err := rdb.Undump([]byte(payload), codecs, &e); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		dumped := rdb.DumpValue(nil, codecs.Of("stream"), e.Obj, false)
		if string(dumped) != payload {
			t.Fatalf("%s is dumped as\n%q\nnot\n%q", key, dumped, payload)
		}
		s.PutObject(key, e.Obj.(engine.Object))
		if got := timeless(ours.Do(full...)); got != want {
			t.Fatalf("%s as it was loaded\n  got  %q\n  want %q", key, got, want)
		}
		if got := theirs.Do("RESTORE", "copy", "0", string(dumped), "REPLACE"); got != "+OK\r\n" {
			t.Fatalf("RESTORE: %q", got)
		}
		for i := range payload { // damage does not crash
			bad := []byte(payload)
			bad[i] ^= 0x55
			_ = rdb.Undump(bad, codecs, &e)
		}
	}
}

// replay carries out the log elsewhere.
func replay(t *testing.T, s *enginetest.Server, ours *enginetest.Client) {
	t.Helper()
	follower := enginetest.NewEngine(t)
	follower.Host.Set(s.Host.Now())
	a := follower.NewApplier()
	for _, rec := range s.Log.Records() {
		a.SetDB(rec.DB)
		if err := a.Apply(rec.Args); err != nil {
			t.Fatalf("%s: %v", rec, err)
		}
	}
	c := follower.Client()
	c.Session.W.SetProto(ours.Session.W.Proto())
	for _, key := range all {
		full := []string{"XINFO", "STREAM", key, "FULL", "COUNT", "0"}
		radix := regexp.MustCompile(`radix-tree-\w+\r\n:\d+`) // other nodes: the limits are not in the log
		want := radix.ReplaceAllString(timeless(ours.Do(full...)), "")
		if got := radix.ReplaceAllString(timeless(c.Do(full...)), ""); got != want {
			t.Fatalf("%s by the log\n  got  %q\n  want %q", key, got, want)
		}
	}
	if keys := append(s.Misweighed(), follower.Misweighed()...); len(keys) > 0 {
		t.Fatalf("%q are not counted right", keys)
	}
}
