package engine

import "math/bits"

// How flags, categories and key flags are called, in the order of their bits.

func flagNames() []string {
	return []string{
		"write", "readonly", "denyoom", "admin", "pubsub", "noscript", "blocking", "loading", "stale",
		"skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "no_mandatory_keys", "no_async_loading",
		"no_multi", "movablekeys", "allow_busy",
	}
}

func categoryNames() []string {
	return []string{
		"keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap", "hyperloglog", "geo",
		"stream", "pubsub", "admin", "fast", "slow", "blocking", "dangerous", "connection", "transaction", "scripting",
	}
}

func keyFlagNames() []string {
	return []string{
		"RW", "RO", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
	}
}

// names are the words for the bits set in mask.
func names[M ~uint16 | ~uint32](mask M, words []string) (set []string) {
	for m := uint32(mask); m != 0; m &= m - 1 {
		set = append(set, words[bits.TrailingZeros32(m)])
	}
	return set
}

// category finds a category by its name in any case, 0 for none.
func category(name string) Categories {
	for i, word := range categoryNames() {
		if word == lower(name) {
			return 1 << i
		}
	}
	return 0
}

// named finds a command by its full name in any case ("CLIENT|list"), nil for
// none.
func (t *Table) named(full []byte) *Command {
	args := make([][]byte, 1, 2)
	args[0] = full
	for i, b := range full {
		if b == '|' {
			args = append(args[:0], full[:i], full[i+1:])
			break
		}
	}
	cmd, known := t.Lookup(args)
	if !known || len(args) == 2 && cmd.parent == nil {
		return nil
	}
	return cmd
}

// each calls f with every command and subcommand.
func (t *Table) each(f func(cmd *Command)) {
	for _, cmd := range t.sorted {
		f(cmd)
		for i := range cmd.Subs {
			f(&cmd.Subs[i])
		}
	}
}
