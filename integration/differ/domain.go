package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"regent/resp"
)

// What the arguments of COMMAND DOCS stand for is not in COMMAND DOCS. It is here:
// spaces so small that things collide, with what is at an edge or wrong among it.

// databases are how many are used.
const databases = 3

// dumpOf marks an argument in whose place the DUMP of the key after it is put.
const dumpOf = "\x00dump:"

// families are the first letters of the keys on which the commands of a group mostly
// work; elsewhere they meet another type.
func families() map[string]string {
	return map[string]string{
		"string": "s", "bitmap": "b", "hyperloglog": "p", "list": "l", "set": "t", "hash": "h", "sorted-set": "z", "stream": "x", "geo": "g",
	}
}

// oneScore is a sorted set whose members mostly have one score: a range of members is
// defined there.
const oneScore = "z3"

// key draws a key for a group.
func (g *generator) key(group string) string {
	family := families()[group]
	if family == "" || g.oneIn(14) {
		family = string("sbplthzxg"[g.rnd.IntN(9)])
	}
	if g.oneIn(150) {
		return g.pick("", "{s}1", "\x00\xff", "none")
	}
	return family + strconv.Itoa(1+g.rnd.IntN(3))
}

// element draws what collections hold.
func (g *generator) element() string {
	if g.oneIn(3) {
		return strconv.Itoa(g.rnd.IntN(12) - 2)
	}
	if g.oneIn(12) {
		return g.pick("", "9223372036854775807", "-9223372036854775808", "18446744073709551616", "\x00\xff", "007", "-0", "1.50", "3e2",
			"a string of more than sixty-four bytes, which no listpack takes by default, ever", strings.Repeat("x", 200), "70000", "-33000", "5000000000", "4095", "-4097", "8388607")
	}
	return g.pick("a", "b", "c", "d", "aa", "ab", "f1", "f2", "one", "two", "10", "x y")
}

// whole draws an integer between low and high, seldom something else.
func (g *generator) whole(low, high int) string {
	if g.oneIn(40) {
		return g.pick("9223372036854775807", "-9223372036854775808", "9223372036854775808", "x", "", "-0", "01", " 1", "1.0")
	}
	return strconv.Itoa(low + g.rnd.IntN(high-low+1))
}

// number draws a double. None is out of range: redis-server's SORT takes the error of an
// earlier command for its own then.
func (g *generator) number() string {
	if g.oneIn(12) {
		return g.pick("inf", "-inf", "+Inf", "nan", "1e17", "-0", "0.1", "1e-5", "3.0e2", "x", "", "0x10", "17976931348623157e292", "123456789012345678")
	}
	if g.oneIn(2) {
		return strconv.Itoa(g.rnd.IntN(9) - 3)
	}
	return strconv.FormatFloat(float64(g.rnd.IntN(400)-200)/8, 'g', -1, 64)
}

// life draws how long a key lives, in seconds: hours from every other one, so that the
// time between two servers decides nothing.
func (g *generator) life() int64 { return 3600 * (1 + g.rnd.Int64N(1_000_000)) }

// farFuture is in seconds since 1970, beyond what life gives.
const farFuture = 9_000_000_000

func (g *generator) lifeArg(unit int64, absolute bool) string {
	if g.oneIn(25) {
		return g.pick("0", "-1", "x", "9223372036854775807", "-9223372036854775808", "9223372036854775")
	}
	if absolute {
		if g.oneIn(10) {
			return "1"
		}
		return strconv.FormatInt((farFuture+g.rnd.Int64N(4))*unit, 10)
	}
	return strconv.FormatInt(g.life()*unit, 10)
}

// entryID draws the ID of a stream's entry.
func (g *generator) entryID() string {
	if g.oneIn(30) {
		return g.pick("0", "0-0", "18446744073709551615-18446744073709551615", "x", "1-x", "-", "+", "18446744073709551616-1", "1-1-1", "007-1")
	}
	if g.oneIn(4) {
		return strconv.Itoa(g.rnd.IntN(9))
	}
	return fmt.Sprintf("%d-%d", g.rnd.IntN(9), g.rnd.IntN(4))
}

// bound draws an end of a range of IDs.
func (g *generator) bound(ends string) string {
	switch g.rnd.IntN(4) {
	case 0:
		return ends
	case 1:
		return "(" + g.entryID()
	}
	return g.entryID()
}

// lex draws an end of a range of members.
func (g *generator) lex() string {
	if g.oneIn(30) {
		return g.element()
	}
	return g.pick("-", "+", "["+g.element(), "("+g.element(), "["+g.element())
}

// scoreBound draws an end of a range of scores.
func (g *generator) scoreBound() string {
	switch g.rnd.IntN(5) {
	case 0:
		return g.pick("-inf", "+inf")
	case 1:
		return "(" + g.number()
	}
	return g.number()
}

// coordinate draws a longitude or latitude near others.
func (g *generator) coordinate() string {
	if g.oneIn(25) {
		return g.pick("-181", "180", "85.06", "-85.05112878", "90", "nan", "x", "inf", "-180")
	}
	return strconv.FormatFloat(float64(g.rnd.IntN(160)-80)/float64(1+g.rnd.IntN(7)), 'g', 7, 64)
}

// length draws a distance.
func (g *generator) length() string {
	if g.oneIn(25) {
		return g.pick("-1", "0", "nan", "inf", "x", "1e12")
	}
	return g.pick("1", "10.5", "500", "3000", "20000", "1000000", "30000000")
}

// pattern draws a glob, which SORT reads as the name of a key.
func (g *generator) pattern(cmd string) string {
	if strings.HasPrefix(cmd, "sort") {
		return g.pick("*", "s*", "h*->f1", "h*->f2", "nosort", "#", "*->", "z*", "h1->*", "none*", "h1->f1")
	}
	return g.pick("*", "*", "s*", "[lt]?", "?1", "*2", "\\*", "[^s]*", "f*", "a?", "none", "[a-c]*", "")
}

// value draws the value of an argument that is neither key nor token.
func (d *draw) value(a *arg) string {
	g := d.g
	if v, ok := d.ofStream(a.name); ok && d.cmd.group == "stream" {
		return v
	}
	switch a.name {
	case "numkeys":
		d.num = 1 + g.rnd.IntN(3)
		if g.oneIn(60) {
			return g.pick("0", "-1", "5", "x", "9223372036854775807")
		}
		return strconv.Itoa(d.num)
	case "increment", "weight":
		if a.kind == "integer" && d.cmd.group != "sorted-set" {
			return g.whole(-30, 30)
		}
		return g.number()
	case "score":
		if slices.Contains(d.out, oneScore) && !g.oneIn(50) {
			return "0"
		}
		return g.number()
	case "longitude", "latitude":
		return g.coordinate()
	case "radius", "width", "height":
		return g.length()
	case "timeout":
		if g.oneIn(20) {
			return g.pick("-1", "x", "inf", "1e20", "nan", "")
		}
		return "0"
	case "db", "destination-db":
		return g.whole(0, databases-1)
	case "min", "max":
		if strings.Contains(d.cmd.name, "lex") {
			return g.lex()
		}
		return g.scoreBound()
	case "operation":
		return g.pick("AND", "or", "XOR", "NOT", "NAND")
	case "encoding":
		return g.pick("u1", "u7", "i5", "i8", "u16", "i20", "i64", "u63", "u8", "u64", "i0", "x")
	case "type":
		return g.pick("string", "list", "SET", "hash", "zset", "stream", "other")
	case "seconds", "ttl":
		if d.token == "IDLETIME" { // redis-server's clock for that turns over after 194 days
			return g.whole(0, 100_000)
		}
		return g.lifeArg(1, false)
	case "milliseconds":
		return g.lifeArg(1000, false)
	case "unix-time-seconds":
		return g.lifeArg(1, true)
	case "unix-time-milliseconds":
		return g.lifeArg(1000, true)
	}
	return d.plain(a)
}

// plain is value for what has no name of its own.
func (d *draw) plain(a *arg) string {
	g := d.g
	switch {
	case a.kind == "pattern":
		return g.pattern(d.cmd.name)
	case a.name == "offset" && d.cmd.name == "bitfield", a.name == "offset" && d.cmd.name == "bitfield_ro":
		if g.oneIn(3) {
			return "#" + strconv.Itoa(g.rnd.IntN(20))
		}
		return strconv.Itoa(g.rnd.IntN(300))
	case a.name == "offset" && (d.cmd.group == "bitmap" || d.cmd.group == "string"):
		if g.oneIn(50) {
			return g.pick("-1", "4294967296", "x", "9223372036854775807")
		}
		return strconv.Itoa(g.rnd.IntN(400))
	case a.name == "value" && a.kind == "integer", a.name == "bit":
		return g.whole(0, 1)
	case a.name == "element" && d.cmd.group == "hyperloglog":
		return strconv.Itoa(g.rnd.IntN(400))
	case a.kind == "integer" && a.name == "count":
		return g.whole(-1, 6)
	case a.kind == "integer":
		return g.whole(-5, 7)
	case a.kind == "double":
		return g.number()
	}
	return g.element()
}

// ofStream draws the arguments of stream commands, by their names.
func (d *draw) ofStream(name string) (string, bool) {
	g := d.g
	switch name {
	case "group", "groupname":
		return g.pick("g1", "g1", "g2", "none"), true
	case "consumer", "consumername":
		return g.pick("c1", "c1", "c2", "c3"), true
	case "id", "last-id", "max_deleted_entry_id":
		switch {
		case d.cmd.name == "xreadgroup" && !g.oneIn(3):
			return ">", true
		case d.cmd.name == "xread" && g.oneIn(4):
			return "$", true
		case d.cmd.name == "xadd" && g.oneIn(3):
			return strconv.Itoa(g.rnd.IntN(9)) + "-*", true
		}
		return g.entryID(), true
	case "start":
		return g.bound("-"), true
	case "end":
		return g.bound("+"), true
	case "threshold":
		if d.token == "MINID" || slices.Contains(d.out, "MINID") {
			return g.entryID(), true
		}
		return g.whole(0, 6), true
	case "min-idle-time", "ms", "milliseconds":
		if d.token == "BLOCK" {
			return g.pick("0", "0", "0", "-1", "x"), true
		}
		return g.pick("0", "0", "1800000", "3600000", "999999999", "-1", "x"), true
	case "count", "entries_read", "entries_added":
		return g.whole(0, 6), true
	}
	return "", false
}

// handwritten are commands whose arguments depend on one another in a way that COMMAND
// DOCS does not tell.
func handwritten() map[string]func(d *draw) {
	return map[string]func(d *draw){
		"zrange": func(d *draw) { d.put(d.g.key(d.cmd.group)); d.zrange(true) },
		"zrangestore": func(d *draw) {
			d.put(d.g.key(d.cmd.group), d.g.key(d.cmd.group))
			d.zrange(false)
		},
		"restore": func(d *draw) {
			d.put(d.g.key(""), d.g.pick("0", "0", d.g.lifeArg(1000, false)), dumpOf+d.g.key(""))
			for i := range d.cmd.args {
				if a := &d.cmd.args[i]; a.optional {
					d.arg(a, false)
				}
			}
		},
		"pfdebug": func(d *draw) { d.put(d.g.pick("GETREG", "DECODE", "ENCODING", "TODENSE", "X"), d.g.key("hyperloglog")) },
		"sort": func(d *draw) {
			d.all(d.cmd.args)
			// What is sorted by texts of which some are equal comes in any order; it must
			// not be stored.
			// Nor has the list that redis-server stores the limit of all others.
			by, alpha := slices.Contains(d.out, "BY"), slices.Contains(d.out, "ALPHA")
			if at := slices.Index(d.out, "STORE"); at >= 0 && (by && alpha || d.g.nodes) {
				d.out = d.out[:at]
				d.options = nil
			}
		},
	}
}

// zrange draws what comes after ZRANGE's or ZRANGESTORE's keys.
func (d *draw) zrange(scores bool) {
	g := d.g
	ends, by := func() string { return g.whole(-5, 7) }, ""
	at := len(d.out) - 1 // the key that is read
	switch g.rnd.IntN(3) {
	case 0:
		ends, by = g.scoreBound, "BYSCORE"
	case 1:
		ends, by = g.lex, "BYLEX"
		if !g.oneIn(5) {
			d.out[at] = oneScore
		}
	}
	d.put(ends(), ends())
	option := func(words ...string) {
		d.put(words...)
		d.options = append(d.options, words[0])
	}
	if by != "" && !g.oneIn(30) {
		option(by)
		d.options = append(d.options, "sortby")
	}
	if g.oneIn(2) {
		option("REV")
	}
	if by != "" && g.oneIn(3) || g.oneIn(40) {
		option("LIMIT", g.whole(-1, 3), g.whole(-1, 4))
	}
	if scores && g.oneIn(2) {
		option("WITHSCORES")
	}
}

// blocks reports whether a command may block outside a transaction.
func blocks(args []string) bool {
	switch name := strings.ToLower(args[0]); name {
	case "xread", "xreadgroup":
		return slices.ContainsFunc(args, func(a string) bool { return isWord(a, "BLOCK") })
	case "blmove", "blmpop", "blpop", "brpop", "brpoplpush", "bzmpop", "bzpopmin", "bzpopmax":
		return true
	}
	return false
}

// wakesFor draws something that may wake what waits at the keys among args.
func (g *generator) wakesFor(c *command, args []string) []string {
	var keys []string
	for _, a := range args[1:] {
		if len(a) == 2 && strings.Contains("sbplthzxg", a[:1]) {
			keys = append(keys, a)
		}
	}
	if len(keys) == 0 {
		keys = []string{g.key(c.group)}
	}
	k := keys[g.rnd.IntN(len(keys))]
	switch g.rnd.IntN(8) {
	case 0:
		return []string{"DEL", k}
	case 1:
		return []string{"RENAME", g.key(c.group), k}
	case 2:
		return []string{"SET", k, "v"}
	}
	switch c.group {
	case "list":
		return []string{g.pick("LPUSH", "RPUSH"), k, g.element(), g.element()}
	case "sorted-set":
		return []string{"ZADD", k, "1", g.element(), "2", g.element()}
	}
	return []string{"XADD", k, g.entryID(), "f1", g.element()}
}

// spell is a command as one types it.
func spell(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'\`, r) }) {
			words[i] = string(resp.AppendQuoted(nil, []byte(a)))
		}
	}
	return strings.Join(words, " ")
}
