package engine

import (
	"regent/resp"
)

// COMMAND INFO's row of a command:
//
//	name arity flags first last step categories tips key-specs subcommands
//
// first, last and step are what clients older than key specs look at: the
// one range that says most about where the keys are.

func doCommand(c *Ctx) {
	all := c.E.table.sorted
	c.W.Array(len(all))
	for _, cmd := range all {
		cmd.writeInfo(c.W)
	}
}

func doCommandInfo(c *Ctx) {
	if len(c.Args) == 2 {
		doCommand(c)
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if cmd := c.E.table.named(name); cmd != nil {
			cmd.writeInfo(c.W)
		} else {
			c.W.Null()
		}
	}
}

func (cmd *Command) writeInfo(w *resp.Writer) {
	w.Array(10)
	w.BulkString(cmd.full)
	w.Int(int64(cmd.Arity))
	writeWords(w, "", names(cmd.Flags, flagNames()))
	first, last, step := cmd.legacyRange()
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	writeWords(w, "@", names(cmd.Cats, categoryNames()))
	w.Set(len(cmd.Tips))
	for _, tip := range cmd.Tips {
		w.BulkString(tip)
	}
	w.Set(len(cmd.Keys))
	for i := range cmd.Keys {
		cmd.Keys[i].write(w)
	}
	if len(cmd.Subs) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(cmd.Subs))
	for i := range cmd.Subs {
		cmd.Subs[i].writeInfo(w)
	}
}

// writeWords writes a set of words as simple strings.
func writeWords(w *resp.Writer, prefix string, words []string) {
	w.Set(len(words))
	for _, word := range words {
		w.Status(prefix + word)
	}
}

// write writes a key spec as a map.
func (k *KeySpec) write(w *resp.Writer) {
	pairs := 3
	if k.Notes != "" {
		pairs++
	}
	w.Map(pairs)
	if k.Notes != "" {
		w.BulkString("notes")
		w.BulkString(k.Notes)
	}
	w.BulkString("flags")
	writeWords(w, "", names(k.Flags, keyFlagNames()))
	w.BulkString("begin_search")
	switch {
	case k.Unknown:
		writeSpec(w, "unknown")
	case k.Keyword != "":
		writeSpec(w, "keyword", specPart{"keyword", k.Keyword, 0}, specPart{"startfrom", "", k.StartFrom})
	default:
		writeSpec(w, "index", specPart{"index", "", k.Index})
	}
	w.BulkString("find_keys")
	switch {
	case k.FindUnknown:
		writeSpec(w, "unknown")
	case k.KeyNum:
		writeSpec(w, "keynum", specPart{"keynumidx", "", k.KeyNumIdx}, specPart{"firstkey", "", k.FirstKey}, specPart{"keystep", "", k.KeyStep})
	default:
		writeSpec(w, "range", specPart{"lastkey", "", k.LastKey}, specPart{"keystep", "", k.KeyStep}, specPart{"limit", "", k.Limit})
	}
}

// A specPart is one number, or when text is not empty one word, of a key
// spec.
type specPart struct {
	name, text string
	number     int
}

func writeSpec(w *resp.Writer, typ string, parts ...specPart) {
	w.Map(2)
	w.BulkString("type")
	w.BulkString(typ)
	w.BulkString("spec")
	w.Map(len(parts))
	for _, p := range parts {
		w.BulkString(p.name)
		if p.text != "" {
			w.BulkString(p.text)
		} else {
			w.Int(int64(p.number))
		}
	}
}

// isRange reports whether the spec is a range that begins at a fixed place.
func (k *KeySpec) isRange() bool {
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

// legacyRange is first, last and step: of the only range, or of as many
// consecutive ones as there are from the first on (server.c,
// populateCommandLegacyRangeSpec).
func (cmd *Command) legacyRange() (first, last, step int) {
	if len(cmd.Keys) == 1 && cmd.Keys[0].isRange() {
		k := &cmd.Keys[0]
		return k.Index, k.lastIndex(), k.KeyStep
	}
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		if !k.isRange() || k.KeyStep != 1 || last != 0 && last != k.Index-1 {
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

// movable reports whether first, last and step do not say where all keys are.
func (cmd *Command) movable() bool {
	last := 0
	for i := range cmd.Keys {
		k := &cmd.Keys[i]
		if k.Flags&KeyIncomplete != 0 || !k.isRange() {
			return true
		}
		if len(cmd.Keys) > 1 && (k.KeyStep != 1 || last != 0 && last != k.Index-1) {
			return true
		}
		last = k.lastIndex()
	}
	return false
}

// doCommandList lists names, those of subcommands too.
func doCommandList(c *Ctx) {
	match := func(*Command) bool { return true }
	switch {
	case len(c.Args) == 2:
	case len(c.Args) == 5 && equalFold(c.Args[2], "filterby") && equalFold(c.Args[3], "module"):
		match = func(*Command) bool { return false } // there are no modules
	case len(c.Args) == 5 && equalFold(c.Args[2], "filterby") && equalFold(c.Args[3], "aclcat"):
		cat := category(string(c.Args[4]))
		match = func(cmd *Command) bool { return cmd.Cats&cat != 0 }
	case len(c.Args) == 5 && equalFold(c.Args[2], "filterby") && equalFold(c.Args[3], "pattern"):
		pattern := []byte(lower(string(c.Args[4])))
		match = func(cmd *Command) bool { return globMatch(pattern, []byte(cmd.full)) }
	default:
		c.Err(resp.ErrSyntax)
		return
	}
	mark, n := c.W.Mark(), 0
	c.E.table.each(func(cmd *Command) {
		if match(cmd) {
			c.W.BulkString(cmd.full)
			n++
		}
	})
	c.W.ArrayAt(mark, n)
}
