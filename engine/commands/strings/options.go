package strings

import (
	"regent/engine"
	"regent/engine/spec"
)

// The options of SET and GETEX:
//
//	SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]
//	GETEX key                   [EX s|PX ms|EXAT s|PXAT ms|PERSIST]

// expiryWords is the choice of units that SET and GETEX share; marked says
// which of them SET has had since when.
func expiryWords(marked bool, last spec.Arg) spec.Arg {
	words := spec.Args{
		spec.Integer("seconds").With("EX"), spec.Integer("milliseconds").With("PX"),
		spec.UnixTime("unix-time-seconds").With("EXAT"),
		spec.UnixTime("unix-time-milliseconds").With("PXAT"),
	}
	if marked {
		for i, v := range []string{"2.6.12", "2.6.12", "6.2.0", "6.2.0"} {
			words[i] = words[i].Added(v)
		}
	}
	return spec.OneOf("expiration", append(words, last)...).Opt()
}

func setArgs() spec.Args {
	return spec.Args{
		spec.Key("key", 0), spec.String("value"),
		spec.OneOf("condition", spec.Word("nx", "NX"), spec.Word("xx", "XX")).Added("2.6.12").Opt(),
		spec.Word("get", "GET").Added("6.2.0").Opt(),
		expiryWords(true, spec.Word("keepttl", "KEEPTTL").Added("6.0.0")),
	}
}

// setKeyUse is what SET does with its key: with GET it reads it as well.
func setKeyUse(args [][]byte) spec.KeyFlags {
	for _, word := range args[3:] {
		if spec.EqualFold(word, "get") {
			return spec.KeyRW | spec.KeyAccess | spec.KeyUpdate
		}
	}
	return spec.KeyOW | spec.KeyUpdate
}

func getexArgs() spec.Args {
	return spec.Args{spec.Key("key", 0), expiryWords(false, spec.Word("persist", "PERSIST"))}
}

// A unitWord is how SET and GETEX spell a unit.
type unitWord struct {
	word string
	engine.TimeUnit
}

// timeUnits are the units as SET and GETEX spell them.
func timeUnits() [4]unitWord {
	return [4]unitWord{
		{"ex", engine.TimeUnit{Seconds: true}},
		{"px", engine.TimeUnit{}},
		{"exat", engine.TimeUnit{Seconds: true, Absolute: true}},
		{"pxat", engine.TimeUnit{Absolute: true}},
	}
}

// stringOptions are the options of SET and GETEX.
type stringOptions struct {
	nx, xx, get, keepTTL, persist bool

	unit unitWord
	life []byte // the expiry argument; nil: none
}

// parseStringOptions reads options; false means a syntax error. set tells
// SET's set of them from GETEX's. As in Redis a unit may be repeated (the
// last wins) but not mixed with another.
func parseStringOptions(args [][]byte, set bool) (o stringOptions, ok bool) {
	for i := 0; i < len(args); i++ {
		word, more := args[i], i+1 < len(args)
		switch {
		case set && spec.EqualFold(word, "nx") && !o.xx:
			o.nx = true
		case set && spec.EqualFold(word, "xx") && !o.nx:
			o.xx = true
		case set && spec.EqualFold(word, "get"):
			o.get = true
		case set && spec.EqualFold(word, "keepttl") && o.life == nil:
			o.keepTTL = true
		case !set && spec.EqualFold(word, "persist") && o.life == nil:
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
		if spec.EqualFold(word, u.word) && (o.life == nil || o.unit.word == u.word) {
			o.unit, o.life = u, value
			return true
		}
	}
	return false
}
