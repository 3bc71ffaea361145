package sets_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/enginetest"
	"regent/engine/rdb"
)

func TestScripts(t *testing.T) {
	enginetest.RunScripts(t, enginetest.StartRedis(t), "testdata/scripts")
}

func TestEffects(t *testing.T) { enginetest.RunEffects(t, "testdata/effects") }

// numberedSet makes a set of that many members, named by prefix and number.
func numberedSet(c *enginetest.Client, key, prefix string, n int) (members []string) {
	for i := range n {
		members = append(members, prefix+strconv.Itoa(i))
	}
	c.Do(append([]string{"SADD", key}, members...)...)
	slices.Sort(members)
	return members
}

func sortedReply(reply string) []string {
	out := enginetest.Elements(reply)
	slices.Sort(out)
	return out
}

// distinctOf checks that drawn are n different ones of all, which is sorted.
func distinctOf(t *testing.T, what string, drawn, all []string, n int) {
	t.Helper()
	slices.Sort(drawn)
	if len(drawn) != n || len(slices.Compact(slices.Clone(drawn))) != n {
		t.Fatalf("%s: %d members, not %d different ones", what, len(drawn), n)
	}
	for _, m := range drawn {
		if _, ok := slices.BinarySearch(all, m); !ok {
			t.Fatalf("%s: %q is no member", what, m)
		}
	}
}

// setForms are sets of every form: integers, one page, a table.
func setForms(c *enginetest.Client) map[string][]string {
	return map[string][]string{
		"ints": numberedSet(c, "ints", "", 100), "page": numberedSet(c, "page", "m", 20), "table": numberedSet(c, "table", "member:", 3000),
	}
}

func TestDrawsAreDifferentMembers(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	for key, all := range setForms(c) {
		for _, n := range []int{1, 2, len(all) / 10, len(all) / 3, len(all)/3 + 1, len(all) / 2, len(all) - 1, len(all)} {
			what := fmt.Sprintf("%d of %s", n, key)
			distinctOf(t, what, enginetest.Elements(c.Do("SRANDMEMBER", key, strconv.Itoa(n))), all, n)
			c.Do("COPY", key, "copy", "REPLACE")
			popped := enginetest.Elements(c.Do("SPOP", "copy", strconv.Itoa(n)))
			distinctOf(t, "popped "+what, popped, all, n)
			both := append(popped, enginetest.Elements(c.Do("SMEMBERS", "copy"))...)
			distinctOf(t, "popped and left "+what, both, all, len(all))
		}
		if got := sortedReply(c.Do("SMEMBERS", key)); !slices.Equal(got, all) {
			t.Errorf("%s has changed", key)
		}
	}
}

// TestDrawsReachAll: whichever way a draw goes, each member comes up, none far
// more often than another.
func TestDrawsReachAll(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	const each = 100 // draws a member, on average: the root of it is 10
	for key, all := range setForms(c) {
		for _, n := range []int{1, -7, len(all) / 5, len(all) / 2} {
			counts := map[string]int{}
			size := max(n, -n)
			for range each * len(all) / size {
				for _, m := range enginetest.Elements(c.Do("SRANDMEMBER", key, strconv.Itoa(n))) {
					counts[m]++
				}
			}
			for _, m := range all {
				if counts[m] < each/2 || counts[m] > each*3/2 {
					t.Errorf("%d of %s: %s comes %d times, not about %d", n, key, m, counts[m], each)
				}
			}
		}
	}
}

// TestAlgebraOfLargeSets compares with redis-server where scripts are too short:
// sets of every form and size, so that every way of computing is taken.
func TestAlgebraOfLargeSets(t *testing.T) {
	theirs, ours := enginetest.StartRedis(t).Client(t), enginetest.NewEngine(t).Client()
	rnd := rand.New(rand.NewPCG(1, 2))
	keys := []string{"nokey"}
	for i, size := range []int{1, 30, 400, 600, 3000, 20_000} {
		for _, prefix := range []string{"", "member:"} {
			args := []string{"SADD", fmt.Sprint("set", i, prefix)}
			for range size {
				args = append(args, prefix+strconv.Itoa(rnd.IntN(2*size)))
			}
			keys = append(keys, args[1])
			if got, want := ours.Do(args...), theirs.Do(args...); got != want {
				t.Fatalf("SADD: %s, not %s", got, want)
			}
		}
	}
	names := []string{"SINTER", "SUNION", "SDIFF", "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE", "SINTERCARD"}
	for range 150 {
		name := names[rnd.IntN(len(names))]
		args := []string{name}
		n := 1 + rnd.IntN(4)
		switch {
		case name == "SINTERCARD":
			args = append(args, strconv.Itoa(n))
		case strings.HasSuffix(name, "STORE"):
			args = append(args, "out")
		}
		for range n {
			args = append(args, keys[rnd.IntN(len(keys))])
		}
		got, want := ours.Do(args...), theirs.Do(args...)
		if got != want && !slices.Equal(sortedReply(got), sortedReply(want)) {
			t.Errorf("%q: %.200q, not %.200q", args, got, want)
		}
		for _, look := range [][]string{{"SMEMBERS", "out"}, {"OBJECT", "ENCODING", "out"}} {
			got, want := ours.Do(look...), theirs.Do(look...)
			if got != want && !slices.Equal(sortedReply(got), sortedReply(want)) {
				t.Errorf("%q: %q is %.200q, not %.200q", args, look, got, want)
			}
		}
	}
}

// TestScanOfASet: through SSCAN everything that stays is shown, and without
// changes only once.
func TestScanOfASet(t *testing.T) {
	c := enginetest.NewEngine(t).Client()
	walk := func(key string, between func()) map[string]int {
		seen := map[string]int{}
		for cursor := "0"; ; between() {
			n, _, err := enginetest.Parse([]byte(c.Do("SSCAN", key, cursor, "COUNT", "7")))
			if err != nil || len(n.Elems) != 2 {
				t.Fatalf("SSCAN %s: %v %v", cursor, n, err)
			}
			for _, el := range n.Elems[1].Elems {
				seen[el.Text]++
			}
			if cursor = n.Elems[0].Text; cursor == "0" {
				return seen
			}
		}
	}
	for key, all := range setForms(c) {
		for m, n := range walk(key, func() {}) {
			if n != 1 {
				t.Errorf("%s: %s %d times", key, m, n)
			}
		}
		fresh := 0
		seen := walk(key, func() {
			for range 30 {
				c.Do("SADD", key, fmt.Sprint("passing", fresh))
				fresh++
			}
			if fresh%3000 == 0 {
				for i := range fresh {
					c.Do("SREM", key, fmt.Sprint("passing", i))
				}
			}
		})
		for _, m := range all {
			if seen[m] == 0 {
				t.Errorf("%s: %s was there throughout", key, m)
			}
		}
	}
}

// A popped set leaves records that a log can hold, and that undo nothing.
func TestManyPoppedAtOnce(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	numberedSet(c, "s", "member:", 5000)
	c.Do("SPOP", "s", "4000")
	follower := enginetest.NewEngine(t)
	a := follower.NewApplier()
	for _, rec := range s.Log.Records() {
		if len(rec.Args) > 5002 || string(rec.Args[0]) == "SREM" && len(rec.Args) > 1026 {
			t.Errorf("a record of %d words", len(rec.Args))
		}
		if err := a.Apply(rec.Args); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
		t.Errorf("the log builds %.300q, not %.300q", got, want)
	}
}

// setFile is an RDB file with one key "k" of that type and value.
func setFile(typ, value string) string {
	return "REDIS0011\xFE\x00" + typ + "\x01k" + value + "\xFF\x00\x00\x00\x00\x00\x00\x00\x00"
}

func TestSetsOfOtherHands(t *testing.T) {
	for value, want := range map[[2]string]string{
		{"\x02", "\x03\x01b\x01a\xC0\x05"}:                               `set ["5" "a" "b"]`,
		{"\x02", "\x02\xC0\x05\xC0\x06"}:                                 `set ["5" "6"]`,
		{"\x02", "\x00"}:                                                 "", // Redis has written empty ones, and passes over them
		{"\x02", "\x02\x01a\x01a"}:                                       "error",
		{"\x02", "\x02\x01a"}:                                            "error",
		{"\x02", "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01a"}:            "error",
		{"\x0B", "\x0C\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"}: `set ["1" "2"]`,
		{"\x0B", "\x08\x02\x00\x00\x00\x00\x00\x00\x00"}:                 "",
		{"\x0B", "\x0C\x02\x00\x00\x00\x02\x00\x00\x00\x02\x00\x01\x00"}: "error",
		{"\x0B", "\x0C\x02\x00\x00\x00\x03\x00\x00\x00\x01\x00\x02\x00"}: "error",
		{"\x0B", "\x0C\x03\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"}: "error",
		{"\x0B", "\x03abc"}:                                              "error",
		{"\x14", "\x0C\x0C\x00\x00\x00\x02\x00\x05\x01\x81a\x02\xFF"}:    `set ["5" "a"]`,
		{"\x14", "\x0B\x0B\x00\x00\x00\x02\x00\x05\x01\x05\x01\xFF"}:     "error",
		{"\x14", "\x07\x07\x00\x00\x00\x00\x00\xFF"}:                     "",
		{"\x14", "\x03abc"}:                                              "error",
	} {
		s := enginetest.NewEngine(t)
		file := setFile(value[0], value[1])
		_, err := rdb.Load(strings.NewReader(file), rdb.Options{Codecs: s.Codecs()}, s.LoadBatch)
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

// TestSetsMakeNoGarbage: looking, and what changes nothing or little, allocates
// nothing.
func TestSetsMakeNoGarbage(t *testing.T) {
	do := enginetest.HotSession(t, &enginetest.Tape{})
	for prefix, size := range map[string]int{"": 100, "m": 60, "member:": 300} {
		key := "s" + prefix
		for i := range size {
			do(enginetest.Raw("SADD", key, prefix+strconv.Itoa(i)))
		}
		for _, cmd := range [][][]byte{
			enginetest.Raw("SADD", key, prefix+"7"), enginetest.Raw("SISMEMBER", key, prefix+"7"), enginetest.Raw("SISMEMBER", key, "x"), enginetest.Raw("SCARD", key), enginetest.Raw("SREM", key, "x"),
			enginetest.Raw("SRANDMEMBER", key), enginetest.Raw("SMISMEMBER", key, prefix+"1", "y"), enginetest.Raw("SPOP", "nokey"),
		} {
			if n := testing.AllocsPerRun(100, func() { do(cmd) }); n != 0 {
				t.Errorf("%s: %v allocations", cmd, n)
			}
		}
		// Commands of several keys make their views (engine/form.go).
		move := enginetest.Raw("SMOVE", key, key, prefix+"7")
		if n := testing.AllocsPerRun(100, func() { do(move) }); n > 2 {
			t.Errorf("%s: %v allocations", move, n)
		}
		add, rem := enginetest.Raw("SADD", key, prefix+"99999"), enginetest.Raw("SREM", key, prefix+"99999")
		do(add)
		if n := testing.AllocsPerRun(100, func() { do(rem); do(add) }); n != 0 {
			t.Errorf("SREM and SADD of %s: %v allocations", key, n)
		}
		one, gone := enginetest.Raw("SADD", "new"+key, prefix+"1"), enginetest.Raw("DEL", "new"+key)
		if n := testing.AllocsPerRun(100, func() { do(one); do(gone) }); n != 0 {
			t.Errorf("SADD and DEL of a new set: %v allocations", n)
		}
		pop := enginetest.Raw("SPOP", key)
		if n := testing.AllocsPerRun(50, func() { do(pop) }); n != 0 {
			t.Errorf("SPOP of %s: %v allocations", key, n)
		}
	}
}
