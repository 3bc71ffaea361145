package keys_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/enginetest"
	"regent/engine/listpack"
	"regent/engine/rdb"
)

// valuesOfEach are commands that make a value of each kind at k.
func valuesOfEach() (out [][]string) {
	out = [][]string{
		{"SET", "k", ""}, {"SET", "k", "-17"}, {"SET", "k", "99999999999"}, {"SET", "k", strings.Repeat("abc", 100)},
		{"SADD", "k", "1", "2", "70000"}, {"SADD", "k", "a", "1"}, {"RPUSH", "k", "a", "7", strings.Repeat("x", 10_000)},
		{"HSET", "k", "f", "v", "g", "12"}, {"HSET", "k", "f", strings.Repeat("x", 100)}, {"ZADD", "k", "1.5", "a", "-inf", "b"}, {"PFADD", "k", "a", "b"},
	}
	many := [][]string{{"SADD", "k"}, {"RPUSH", "k"}, {"HSET", "k"}, {"ZADD", "k"}}
	for i := range 2000 {
		for j, c := range many {
			if c[0] == "HSET" || c[0] == "ZADD" {
				c = append(c, fmt.Sprint(i*7))
			}
			many[j] = append(c, fmt.Sprint("element", i))
		}
	}
	return append(out, many...)
}

// TestDumpBothWays: what either server dumps the other restores, to the same value; and
// the log makes it too.
func TestDumpBothWays(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--enable-debug-command", "yes").Client(t)
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	ours := s.Client()
	for _, c := range valuesOfEach() {
		ours.Do("FLUSHALL")
		theirs.Do("FLUSHALL")
		if got, want := ours.Do(c...), theirs.Do(c...); got != want {
			t.Fatalf("%.80q: %q, not %q", c, got, want)
		}
		mine, other := enginetest.Parsed(t, ours.Do("DUMP", "k")).Text, enginetest.Parsed(t, theirs.Do("DUMP", "k")).Text
		s.Log.Drop()
		for key, payload := range map[string]string{"mine": mine, "other": other} {
			if got, want := ours.Do("RESTORE", key, "0", payload), theirs.Do("RESTORE", key, "0", payload); got != want || got != "+OK\r\n" {
				t.Errorf("%.80q, %s: %q, redis-server %q", c, key, got, want)
			}
			for _, probe := range [][]string{{"DEBUG", "DIGEST-VALUE", "k"}, {"DEBUG", "DIGEST-VALUE", key}, {"OBJECT", "ENCODING", key}} {
				if got, want := ours.Do(probe...), theirs.Do(probe...); got != want {
					t.Errorf("%.80q, %q: %q, redis-server %q", c, probe, got, want)
				}
			}
		}
		follower := enginetest.NewEngine(t)
		a := follower.NewApplier()
		if err := a.Apply(enginetest.Raw(c...)); err != nil {
			t.Fatal(err)
		}
		for _, rec := range s.Log.Records() {
			if err := a.Apply(rec.Args); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
			t.Errorf("%.80q: the log makes\n%.300q, not\n%.300q", c, got, want)
		}
		if bad := s.Misweighed(); len(bad) > 0 {
			t.Errorf("%.80q: %q are not counted right", c, bad)
		}
	}
}

// TestRestoreWithoutAChecksum: DEBUG SET-SKIP-CHECKSUM-VALIDATION has payloads taken whose checksum
// is wrong, and followers, which have heard of no such thing, get a right one. What the value is is looked at
// as before.
func TestRestoreWithoutAChecksum(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Config.EnableDebugCommand.Set("yes")
	c := s.Client()
	c.Do("RPUSH", "k", "a", "b")
	good := enginetest.Parsed(t, c.Do("DUMP", "k")).Text
	bad := good[:len(good)-1] + string([]byte{good[len(good)-1] ^ 1})
	const refused = "-ERR DUMP payload version or checksum are wrong\r\n"
	for _, step := range []struct{ on, payload, want string }{{"0", bad, refused}, {"1", bad, "+OK\r\n"}, {"1", "\x12\x01" + bad, "-ERR Bad data format\r\n"}, {"1", "short", refused}, {"0", bad, refused}} {
		if got := c.Do("DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", step.on); got != "+OK\r\n" {
			t.Fatal(got)
		}
		for _, ttl := range []string{"0", "100000"} {
			if got := c.Do("RESTORE", "r"+ttl, ttl, step.payload, "REPLACE"); got != step.want {
				t.Errorf("with %s: %q, want %q", step.on, got, step.want)
			}
		}
	}
	follower := enginetest.NewEngine(t)
	a := follower.NewApplier()
	for _, rec := range s.Log.Records() {
		if err := a.Apply(rec.Args); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
		t.Errorf("the log makes\n%q, not\n%q", got, want)
	}
}

// TestRestoreOfDamage: damage behind a right checksum is refused or makes some value, and
// nothing panics.
func TestRestoreOfDamage(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, build := range valuesOfEach()[:11] {
		c.Do("DEL", "k")
		c.Do(build...)
		payload := []byte(enginetest.Parsed(t, c.Do("DUMP", "k")).Text)
		for i := range min(len(payload)-10, 300) {
			for _, bit := range []byte{1, 0x40, 0x80, 0xff} {
				bad := slices.Clone(payload)
				bad[i] ^= bit
				sum := rdb.Checksum(0, bad[:len(bad)-8])
				for j := range 8 {
					bad[len(bad)-8+j] = byte(sum >> (8 * j))
				}
				if got := c.Do("RESTORE", "r", "0", string(bad), "REPLACE"); got != "+OK\r\n" && got != "-ERR Bad data format\r\n" {
					t.Fatalf("%.80q, byte %d: %q", build, i, got)
				}
				c.Do("DUMP", "r")
				c.Do("DEBUG", "DIGEST-VALUE", "r")
			}
		}
	}
}

// TestDumpsAreRedis compares payloads of strings that can be packed, to the byte.
func TestDumpsAreRedis(outer *testing.T) {
	theirs := enginetest.StartRedis(outer).Client(outer)
	ours := enginetest.NewEngine(outer).Client()
	rapid.Check(outer, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(1, 30).Draw(t, "pieces") {
			piece := rapid.StringOfN(rapid.RuneFrom([]rune("abcdefgh")), 1, 40, -1).Draw(t, "piece")
			text.WriteString(strings.Repeat(piece, rapid.IntRange(1, 12).Draw(t, "times")))
		}
		ours.Do("SET", "k", text.String())
		theirs.Do("SET", "k", text.String())
		if got, want := ours.Do("DUMP", "k"), theirs.Do("DUMP", "k"); got != want {
			t.Fatalf("%q\n  got  %q\n  want %q", text.String(), got, want)
		}
	})
}

// TestRestoreRefusesNamesThatComeTwice: a field of a hash or a member of a sorted set, among
// few and many, short and long, as redis-server does that looks at all of a payload.
func TestRestoreRefusesNamesThatComeTwice(t *testing.T) {
	theirs := enginetest.StartRedis(t, "--sanitize-dump-payload", "yes").Client(t)
	ours := enginetest.NewEngine(t).Client()
	const hashListpack, zsetListpack = 0x10, 0x11
	for _, kind := range []byte{hashListpack, zsetListpack} {
		for _, n := range []int{2, 8, 9, 20, 127} {
			for _, long := range []int{0, 3, 20, 80, 5000} {
				for _, same := range [][2]int{{-1, -1}, {0, 1}, {0, n - 1}, {n - 2, n - 1}} {
					lp := listpack.New(0)
					for i := range n {
						name := i
						if i == same[1] {
							name = same[0]
						}
						for _, text := range []string{strconv.Itoa(name) + strings.Repeat("x", long), strconv.Itoa(i)} {
							e := listpack.ElementOf([]byte(text))
							lp = listpack.Insert(lp, listpack.End(lp), &e)
						}
					}
					body := binary.BigEndian.AppendUint32([]byte{kind, 0x80}, uint32(len(lp)))
					p := binary.LittleEndian.AppendUint16(append(body, lp...), rdb.Version)
					p = binary.LittleEndian.AppendUint64(p, rdb.Checksum(0, p))
					want := "+OK\r\n"
					if same[0] >= 0 {
						want = "-ERR Bad data format\r\n"
					}
					for server, do := range map[string]func(...string) string{"Regent": ours.Do, "redis-server": theirs.Do} {
						if got := do("RESTORE", "r", "0", string(p), "REPLACE"); got != want {
							t.Errorf("%s: type %d, %d names with %d more bytes, the same %v: %q", server, kind, n, long, same, got)
						}
					}
				}
			}
		}
	}
}
