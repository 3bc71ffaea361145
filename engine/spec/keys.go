package spec

import "regent/engine/decimal"

// KeyFlags say what a command does with the keys of one KeySpec.
type KeyFlags uint16

const (
	KeyRW KeyFlags = 1 << iota
	KeyRO
	KeyOW
	KeyRM
	KeyAccess
	KeyUpdate
	KeyInsert
	KeyDelete
	KeyNotKey
	KeyIncomplete
	KeyVariable
)

// Names are the words for the flags that are set.
func (f KeyFlags) Names() []string {
	return names(uint32(f), []string{
		"RW", "RO", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
	})
}

// A KeySpec finds some of a command's keys: where to begin, and how to go on
// from there. It is what COMMAND INFO calls a key specification.
type KeySpec struct {
	Flags KeyFlags
	Notes string

	// Begin: at Index, or after the word Keyword looked for from StartFrom
	// on (negative: from the end backwards), or Unknown.
	Index     int
	Keyword   string
	StartFrom int
	Unknown   bool

	// Find, from the beginning: a range up to LastKey (relative; negative
	// counts from the end) by KeyStep with Limit, or when KeyNum is set a
	// count found at KeyNumIdx with the first key at FirstKey, or when
	// FindUnknown is set nothing that can be told.
	LastKey, KeyStep, Limit int
	KeyNum                  bool
	KeyNumIdx, FirstKey     int
	FindUnknown             bool
}

// Keys are a command's key specs.
type Keys []KeySpec

// One is the spec of a single key at argument i.
func One(i int, f KeyFlags) KeySpec { return KeySpec{Flags: f, Index: i, KeyStep: 1} }

// Span is the spec of every step-th argument from first to last, where a
// negative last counts from the end.
func Span(first, last, step int, f KeyFlags) KeySpec {
	if last >= 0 {
		last -= first
	}
	return KeySpec{Flags: f, Index: first, LastKey: last, KeyStep: step}
}

// NumKeys is the spec of keys that stand behind their number, which is argument i.
func NumKeys(i int, f KeyFlags) KeySpec {
	return KeySpec{Flags: f, Index: i, KeyNum: true, FirstKey: 1, KeyStep: 1}
}

// CountedKeys finds keys that stand behind their number, which is argument i, where there
// may be none (GetKeys of scripts and functions).
func CountedKeys(i int) func(args [][]byte) ([]int, bool) {
	return func(args [][]byte) ([]int, bool) {
		if len(args) <= i {
			return nil, false
		}
		n, ok := decimal.Parse(args[i])
		if !ok || n < 0 || n > int64(len(args)-i-1) {
			return nil, false
		}
		keys := make([]int, n)
		for at := range keys {
			keys[at] = i + 1 + at
		}
		return keys, true
	}
}

// Noted is k with a note.
func (k KeySpec) Noted(notes string) KeySpec { k.Notes = notes; return k }

// KeyIndices returns where the keys stand in args, and whether that could be
// told. Specs are followed as Redis does (db.c, getKeysUsingKeySpecs).
func (cmd *Command) KeyIndices(args [][]byte) ([]int, bool) {
	if cmd.GetKeys != nil {
		return cmd.GetKeys(args)
	}
	return cmd.SpecIndices(args)
}

// SpecIndices is KeyIndices by the specs alone, which need not say where all keys stand.
func (cmd *Command) SpecIndices(args [][]byte) ([]int, bool) {
	var keys []int
	for i := range cmd.Keys {
		first, last, step, ok := cmd.Keys[i].Bounds(args)
		if !ok {
			return keys, false
		}
		for at := first; at <= last; at += step {
			keys = append(keys, at)
		}
	}
	return keys, true
}

// HasKeys reports whether the command has arguments that are keys.
func (cmd *Command) HasKeys() bool {
	if cmd.GetKeys != nil {
		return true
	}
	for i := range cmd.Keys {
		if cmd.Keys[i].Flags&KeyNotKey == 0 {
			return true
		}
	}
	return false
}

// UseOf is what the command does with its key at args[at].
func (cmd *Command) UseOf(args [][]byte, at int) KeyFlags {
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		first, last, step, ok := k.Bounds(args)
		if !ok || at < first || at > last || (at-first)%step != 0 {
			continue
		}
		if k.Flags&KeyVariable != 0 && cmd.KeyUse != nil {
			return cmd.KeyUse(args)
		}
		return k.Flags
	}
	// Found by GetKeys alone: it is of the last spec that cannot say where its keys
	// stand (SORT's STORE), or the worst is assumed, as Redis does.
	for i := len(cmd.Keys) - 1; i >= 0; i-- {
		if cmd.Keys[i].Unknown {
			return cmd.Keys[i].Flags
		}
	}
	return KeyRW | KeyAccess | KeyUpdate
}

// Bounds returns where the spec's keys stand in args: every step-th from
// first to last, none when last is below first; false when the arguments make
// no sense.
func (k *KeySpec) Bounds(args [][]byte) (first, last, step int, ok bool) {
	if k.Flags&KeyNotKey != 0 {
		return 1, 0, 1, true
	}
	first, found := k.begin(args)
	if !found {
		return 1, 0, 1, true
	}
	return k.find(args, first)
}

// begin finds where the spec's keys start; false when they are absent.
func (k *KeySpec) begin(args [][]byte) (int, bool) {
	switch {
	case k.Unknown:
		return 0, false
	case k.Keyword == "":
		return k.Index, k.Index < len(args)
	case k.StartFrom < 0:
		for i := len(args) + k.StartFrom; i > 0; i-- {
			if EqualFold(args[i], Lower(k.Keyword)) {
				return i + 1, i+1 < len(args)
			}
		}
	default:
		for i := max(k.StartFrom, 1); i < len(args)-1; i++ {
			if EqualFold(args[i], Lower(k.Keyword)) {
				return i + 1, true
			}
		}
	}
	return 0, false
}

// find is Bounds from the place on where the keys begin.
func (k *KeySpec) find(args [][]byte, begin int) (first, last, step int, ok bool) {
	first, step = begin, max(k.KeyStep, 1)
	switch {
	case k.FindUnknown:
		return 0, 0, 0, false
	case k.KeyNum:
		at := first + k.KeyNumIdx
		if at >= len(args) {
			return 0, 0, 0, false
		}
		n, ok := decimal.Parse(args[at])
		if !ok || n < 0 || n > int64(len(args)) {
			return 0, 0, 0, false
		}
		first += k.FirstKey
		last = first + (int(n)-1)*step
	case k.LastKey >= 0:
		last = first + k.LastKey
	case k.Limit <= 1:
		last = len(args) + k.LastKey
	default:
		last = first + (len(args)-first)/k.Limit + k.LastKey
	}
	return first, last, step, last < len(args)
}

// IsRange reports whether the spec is a range that begins at a fixed place.
func (k *KeySpec) IsRange() bool {
	return !k.Unknown && k.Keyword == "" && !k.FindUnknown && !k.KeyNum
}

// lastIndex is the range's last key as COMMAND INFO counts: from the start, or
// from the end when negative.
func (k *KeySpec) lastIndex() int {
	if k.LastKey < 0 {
		return k.LastKey
	}
	return k.Index + k.LastKey
}

// Range is where the keys are for clients older than key specs, as COMMAND INFO
// counts: of the only range, or of as many consecutive ones as there are from the
// first on (server.c, populateCommandLegacyRangeSpec).
func (cmd *Command) Range() (first, last, step int) {
	if len(cmd.Keys) == 1 && cmd.Keys[0].IsRange() {
		k := &cmd.Keys[0]
		return k.Index, k.lastIndex(), k.KeyStep
	}
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		if !k.IsRange() || k.KeyStep != 1 || last != 0 && last != k.Index-1 {
			continue
		}
		if step == 0 || k.Index < first {
			first = k.Index
		}
		// A negative end is beyond every positive one.
		if end := k.lastIndex(); step == 0 || last >= 0 && (end < 0 || end > last) {
			last = end
		}
		step = 1
	}
	return first, last, step
}

// movable reports whether Range does not say where all keys are.
func (cmd *Command) movable() bool {
	last := 0
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		if k.Flags&KeyIncomplete != 0 || !k.IsRange() {
			return true
		}
		if len(cmd.Keys) > 1 && (k.KeyStep != 1 || last != 0 && last != k.Index-1) {
			return true
		}
		last = k.lastIndex()
	}
	return false
}
