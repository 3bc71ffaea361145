package main

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// A right is a kind of difference between two replies that is no fault, and why.
type right struct {
	commands string // separated by spaces
	why      string
	same     func(args []string, got, want value) bool
}

// rights is the list of differences that are right. Everything else must be the same
// to the byte.
func rights() []right {
	return []right{
		{"smembers sinter sunion sdiff hkeys hvals keys",
			"the order of a hash table is the server's own", unordered},
		{"hgetall", "the order of a hash table is the server's own; a field stays with its value", unorderedPairs},
		{"sort sort_ro", "elements whose weights are equal texts, or that BY leaves as they come, have no order", sortReply},
		{"ttl expiretime", "the two servers' clocks have been read at different moments", within(secondsApart)},
		{"pttl pexpiretime", "the two servers' clocks have been read at different moments", within(1000 * secondsApart)},
		{"object|idletime", "time has gone by", within(secondsApart)},
		{"xpending xinfo|consumers xinfo|stream xautoclaim", "idle times and moments of delivery are read off two clocks", times},
		{"srandmember hrandfield zrandmember randomkey spop", "what is random need only be of one shape here; outside transactions it is looked up", shape},
		{"dump", "a hash table is written in the server's own order; a stream's consumers hold moments", dumps},
		{"scan sscan hscan zscan", "cursors are the server's own, and what a step of a walk gives; outside transactions whole walks are compared", scanReply},
		{"object|help xgroup|help xinfo|help", "texts for people are the server's own", func([]string, value, value) bool { return true }},
		{"xadd", "in a transaction * is the server's clock", xaddReply},
		{"hello", "version and ID are the server's own", func([]string, value, value) bool { return true }},
		{"object|freq object|refcount memory|usage", "sizes, counters and which small numbers are shared are the server's own", shape},
	}
}

// looseRights are right as well once Regent has loaded its log: it carries out the
// commands anew, under the thresholds of that moment.
func looseRights() []right {
	return []right{
		{"object|encoding dump", "a load builds values anew, under other thresholds", shape},
		{"xinfo|stream", "a load builds nodes anew, under other thresholds", timesAndNodes},
	}
}

// secondsApart is how far two clocks may be apart when they are read one after the
// other on a machine that has much to do. What the generator draws is further apart.
const secondsApart = 120

// A judge knows which replies count as the same.
type judge struct{ rules, loose map[string]right }

func newJudge() *judge {
	j := &judge{map[string]right{}, map[string]right{}}
	for _, r := range rights() {
		for _, name := range strings.Fields(r.commands) {
			j.rules[name] = r
		}
	}
	for _, r := range looseRights() {
		for _, name := range strings.Fields(r.commands) {
			j.loose[name] = r
		}
	}
	return j
}

// nameOf is how the rules name a command.
func nameOf(args []string) string {
	name := strings.ToLower(args[0])
	switch name {
	case "object", "xinfo", "xgroup", "memory":
		if len(args) > 1 {
			name += "|" + strings.ToLower(args[1])
		}
	}
	return name
}

// agree reports whether got may stand where redis-server answers want.
func (j *judge) agree(args []string, got, want value, loose bool) bool {
	if same(got, want) {
		return true
	}
	name := nameOf(args)
	if r, ok := j.loose[name]; ok && loose && !got.failed() && !want.failed() {
		return r.same(args, got, want)
	}
	r, ok := j.rules[name]
	return ok && !got.failed() && !want.failed() && r.same(args, got, want)
}

func sorted(v value) value {
	v.elems = slices.Clone(v.elems)
	slices.SortFunc(v.elems, func(a, b value) int { return strings.Compare(a.String(), b.String()) })
	return v
}

func unordered(_ []string, got, want value) bool { return same(sorted(got), sorted(want)) }

// joined has an element for every pair.
func joined(v value) value {
	var parts []string
	for p := range slices.Chunk(v.elems, 2) {
		parts = append(parts, value{kind: '*', elems: p}.String())
	}
	sort.Strings(parts)
	return value{kind: v.kind, null: v.null, text: strings.Join(parts, " ")}
}

func unorderedPairs(_ []string, got, want value) bool { return same(joined(got), joined(want)) }

func sortReply(args []string, got, want value) bool {
	has := func(word string) bool {
		return slices.ContainsFunc(args[2:], func(a string) bool { return isWord(a, word) })
	}
	if len(got.elems) != len(want.elems) || !has("BY") {
		return false
	}
	return has("LIMIT") || unordered(args, got, want)
}

// shape compares kinds and numbers of elements.
func shape(args []string, got, want value) bool {
	if got.kind != want.kind || got.null != want.null || len(got.elems) != len(want.elems) {
		return false
	}
	for i := range got.elems {
		if !shape(args, got.elems[i], want.elems[i]) {
			return false
		}
	}
	return true
}

func scanReply(_ []string, got, want value) bool {
	return len(got.elems) == 2 && len(want.elems) == 2 && got.elems[1].kind == want.elems[1].kind
}

// within compares integers that may be apart by most; what says never or not there is
// the same.
func within(most int64) func([]string, value, value) bool {
	return func(_ []string, got, want value) bool { return near(got, want, most) }
}

func near(got, want value, most int64) bool {
	a, errA := strconv.ParseInt(got.text, 10, 64)
	b, errB := strconv.ParseInt(want.text, 10, 64)
	return got.kind == want.kind && errA == nil && errB == nil && (a < 0) == (b < 0) && max(a, b)-min(a, b) <= most
}

// times compares replies in which idle times (beside their names, or behind a consumer)
// and moments stand among what must be the same.
func times(args []string, got, want value) bool {
	if len(got.elems) != len(want.elems) || got.kind != want.kind || got.null != want.null || len(got.elems) == 0 {
		return same(got, want) || moment(got) && moment(want) && near(got, want, 1000*secondsApart)
	}
	for i := range got.elems {
		g, w := got.elems[i], want.elems[i]
		idle := i > 0 && slices.Contains([]string{"idle", "seen-time", "inactive"}, got.elems[i-1].text) ||
			i == 2 && len(got.elems) == 4 && g.kind == ':' && got.elems[1].kind == '$' && strings.EqualFold(args[0], "XPENDING")
		if idle && near(g, w, 1000*secondsApart) {
			continue
		}
		if !times(args, g, w) {
			return false
		}
	}
	return true
}

// timesAndNodes is times without the numbers of nodes.
func timesAndNodes(args []string, got, want value) bool {
	for _, v := range []*value{&got, &want} {
		v.elems = slices.Clone(v.elems)
		for i := 1; i < len(v.elems); i++ {
			if strings.HasPrefix(v.elems[i-1].text, "radix-tree-") {
				v.elems[i] = value{}
			}
		}
	}
	return times(args, got, want)
}

// moment reports whether v looks like wall milliseconds of our days.
func moment(v value) bool { return v.kind == ':' && len(v.text) == 13 }

func xaddReply(args []string, got, want value) bool {
	return clockID(args) > 0 && shape(args, got, want)
}

// Types in RDB's format whose payloads the server orders, or dates, by itself.
func dumps(_ []string, got, want value) bool {
	return len(got.text) > 0 && len(got.text) == len(want.text) && got.text[0] == want.text[0] &&
		strings.IndexByte("\x02\x04\x0f\x13\x15", got.text[0]) >= 0
}
