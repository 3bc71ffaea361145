package engine

// KeyIndices returns where the keys stand in args, and whether that could be
// told. Specs are followed as Redis does (db.c, getKeysUsingKeySpecs).
func (cmd *Command) KeyIndices(args [][]byte) ([]int, bool) {
	if cmd.GetKeys != nil {
		return cmd.GetKeys(args)
	}
	var keys []int
	for i := range cmd.Keys {
		first, last, step, ok := cmd.Keys[i].bounds(args)
		if !ok {
			return keys, false
		}
		for at := first; at <= last; at += step {
			keys = append(keys, at)
		}
	}
	return keys, true
}

// bounds returns where the spec's keys stand in args: every step-th from
// first to last, none when last is below first; false when the arguments make
// no sense.
func (k *KeySpec) bounds(args [][]byte) (first, last, step int, ok bool) {
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
			if equalFold(args[i], lower(k.Keyword)) {
				return i + 1, i+1 < len(args)
			}
		}
	default:
		for i := max(k.StartFrom, 1); i < len(args)-1; i++ {
			if equalFold(args[i], lower(k.Keyword)) {
				return i + 1, true
			}
		}
	}
	return 0, false
}

// find is bounds from the place on where the keys begin.
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
		n, ok := parseInt(args[at])
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

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
