package engine

import (
	"fmt"
	"math"

	"regent/resp"
)

// What literals and handlers of several groups share: constructors for the
// argument descriptions of COMMAND DOCS, and the parsing of options that more
// than one command takes.
//
//	SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
//	GETEX key                   [EX s|PX ms|EXAT s|PXAT ms|PERSIST]
//	EXPIRE key n [NX|XX|GT|LT]

// argKey describes a key found by the command's key spec number spec.
func argKey(name string, spec int) Arg { return Arg{Name: name, Type: "key", KeySpec: spec} }

// arg describes a plain argument of one of COMMAND DOCS' types.
func arg(name, typ string) Arg { return Arg{Name: name, Type: typ} }

// argWord describes a word that stands for itself.
func argWord(name, token string) Arg { return Arg{Name: name, Type: "pure-token", Token: token} }

// argOneOf describes a choice.
func argOneOf(name string, choices ...Arg) Arg { return Arg{Name: name, Type: "oneof", Args: choices} }

// argBlock describes arguments that come together.
func argBlock(name string, parts ...Arg) Arg { return Arg{Name: name, Type: "block", Args: parts} }

func (a Arg) token(t string) Arg { a.Token = t; return a }
func (a Arg) since(v string) Arg { a.Since = v; return a }
func (a Arg) optional() Arg      { a.Optional = true; return a }
func (a Arg) many() Arg          { a.Multiple = true; return a }

// noted is a key spec with a note.
func noted(k KeySpec, notes string) KeySpec { k.Notes = notes; return k }

// expiryWords is the choice of units that SET and GETEX share; marked says
// which of them SET has had since when.
func expiryWords(marked bool, last Arg) Arg {
	words := []Arg{
		arg("seconds", "integer").token("EX"), arg("milliseconds", "integer").token("PX"),
		arg("unix-time-seconds", "unix-time").token("EXAT"),
		arg("unix-time-milliseconds", "unix-time").token("PXAT"),
	}
	if marked {
		for i, v := range []string{"2.6.12", "2.6.12", "6.2.0", "6.2.0"} {
			words[i] = words[i].since(v)
		}
	}
	return argOneOf("expiration", append(words, last)...).optional()
}

func setArgs() []Arg {
	return []Arg{
		argKey("key", 0), arg("value", "string"),
		argOneOf("condition", argWord("nx", "NX"), argWord("xx", "XX")).since("2.6.12").optional(),
		argWord("get", "GET").since("6.2.0").optional(),
		expiryWords(true, argWord("keepttl", "KEEPTTL").since("6.0.0")),
	}
}

// setKeyUse is what SET does with its key: with GET it reads it as well.
func setKeyUse(args [][]byte) KeyFlags {
	for _, word := range args[3:] {
		if equalFold(word, "get") {
			return KeyRW | KeyAccess | KeyUpdate
		}
	}
	return KeyOW | KeyUpdate
}

func getexArgs() []Arg {
	return []Arg{argKey("key", 0), expiryWords(false, argWord("persist", "PERSIST"))}
}

func expireCondition() Arg {
	return argOneOf("condition", argWord("nx", "NX"), argWord("xx", "XX"),
		argWord("gt", "GT"), argWord("lt", "LT")).since("7.0.0").optional()
}

// A timeUnit says how an expiry argument is meant.
type timeUnit struct {
	word     string
	seconds  bool // else milliseconds
	absolute bool // since 1970, else from now
}

// timeUnits are the units as SET and GETEX spell them.
func timeUnits() [4]timeUnit {
	return [4]timeUnit{
		{word: "ex", seconds: true},
		{word: "px"},
		{word: "exat", seconds: true, absolute: true},
		{word: "pxat", absolute: true},
	}
}

// stringOptions are the options of SET and GETEX.
type stringOptions struct {
	nx, xx, get, keepTTL, persist bool

	unit timeUnit
	life []byte // the expiry argument; nil: none
}

// parseStringOptions reads options; false means a syntax error. set tells
// SET's set of them from GETEX's. As in Redis a unit may be repeated (the
// last wins) but not mixed with another.
func parseStringOptions(args [][]byte, set bool) (o stringOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		word, more := args[i], i+1 < len(args)
		switch {
		case set && equalFold(word, "nx") && !o.xx:
			o.nx = true
		case set && equalFold(word, "xx") && !o.nx:
			o.xx = true
		case set && equalFold(word, "get"):
			o.get = true
		case set && equalFold(word, "keepttl") && o.life == nil:
			o.keepTTL = true
		case !set && equalFold(word, "persist") && o.life == nil:
			o.persist = true
		case more && !o.keepTTL && !o.persist && o.takeLife(word, args[i+1]):
			i++
		default:
			return o, false
		}
	}
	return o, true
}

// takeLife reads a unit and its argument.
func (o *stringOptions) takeLife(word, value []byte) bool {
	for _, u := range timeUnits() {
		if equalFold(word, u.word) && (o.life == nil || o.unit.word == u.word) {
			o.unit, o.life = u, value
			return true
		}
	}
	return false
}

// lifeEnd turns the expiry argument of SET and its kin into wall ms; false:
// an error was written. Only positive arguments make sense there.
func (c *Ctx) lifeEnd(raw []byte, u timeUnit) (at int64, ok bool) {
	n, ok := c.intArg(raw)
	if !ok {
		return 0, false
	}
	if n <= 0 {
		c.errExpireTime()
		return 0, false
	}
	return c.timeOf(n, u)
}

// timeOf turns n in unit u into wall ms; false: it is out of range, and an
// error was written.
func (c *Ctx) timeOf(n int64, u timeUnit) (at int64, ok bool) {
	if u.seconds {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			c.errExpireTime()
			return 0, false
		}
		n *= 1000
	}
	if u.absolute {
		return n, true
	}
	if n > math.MaxInt64-c.Now {
		c.errExpireTime()
		return 0, false
	}
	return n + c.Now, true
}

func (c *Ctx) errExpireTime() { c.Err(fmt.Sprintf(resp.ErrExpireTime, c.Cmd.full)) }

// intArg reads an integer argument; false: an error was written.
func (c *Ctx) intArg(raw []byte) (int64, bool) {
	n, ok := parseInt(raw)
	if !ok {
		c.Err(resp.ErrNotInteger)
	}
	return n, ok
}

// int32Arg reads an argument that Redis keeps in an int; false: an error was
// written.
func (c *Ctx) int32Arg(raw []byte) (int, bool) {
	n, ok := c.intArg(raw)
	if !ok {
		return 0, false
	}
	if n < math.MinInt32 || n > math.MaxInt32 {
		c.Err(fmt.Sprintf(resp.ErrBetween, math.MinInt32, math.MaxInt32))
		return 0, false
	}
	return int(n), true
}

// dbArg reads a database number; false: an error was written.
func (c *Ctx) dbArg(raw []byte) (int, bool) {
	db, ok := c.int32Arg(raw)
	if !ok {
		return 0, false
	}
	if db < 0 || db >= c.E.databases() {
		c.Err(resp.ErrDBRange)
		return 0, false
	}
	return db, true
}
