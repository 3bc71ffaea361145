package introspection

import (
	"regent/engine"
	"regent/engine/glob"
	"regent/engine/spec"
	"regent/resp"
)

// COMMAND INFO's row of a command:
//
//	name arity flags first last step categories tips key-specs subcommands
//
// first, last and step are what clients older than key specs look at: the
// one range that says most about where the keys are.

func doCommand(c *engine.Ctx) {
	all := c.Told().Commands()
	c.W.Array(len(all))
	for _, cmd := range all {
		writeInfo(c.W, cmd)
	}
}

func doCommandInfo(c *engine.Ctx) {
	if len(c.Args) == 2 {
		doCommand(c)
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if cmd := c.Told().Named(name); cmd != nil {
			writeInfo(c.W, cmd)
		} else {
			c.W.Null()
		}
	}
}

func writeInfo(w *resp.Writer, cmd *spec.Command) {
	w.Array(10)
	w.BulkString(cmd.FullName())
	w.Int(int64(cmd.Arity))
	writeWords(w, "", cmd.Flags.Names())
	first, last, step := cmd.Range()
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	writeWords(w, "@", cmd.Cats.Names())
	w.Set(len(cmd.Tips))
	for _, tip := range cmd.Tips {
		w.BulkString(tip)
	}
	w.Set(len(cmd.Keys))
	for i := range cmd.Keys {
		writeKeySpec(w, &cmd.Keys[i])
	}
	subs := cmd.Subcommands()
	if len(subs) == 0 {
		w.Set(0)
		return
	}
	w.Array(len(subs))
	for _, sub := range subs {
		writeInfo(w, sub)
	}
}

// writeWords writes a set of words as simple strings.
func writeWords(w *resp.Writer, prefix string, words []string) {
	w.Set(len(words))
	for _, word := range words {
		w.Status(prefix + word)
	}
}

// writeKeySpec writes a key spec as a map.
func writeKeySpec(w *resp.Writer, k *spec.KeySpec) {
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
	writeWords(w, "", k.Flags.Names())
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

// doCommandList lists names, those of subcommands too.
func doCommandList(c *engine.Ctx) {
	match := func(*spec.Command) bool { return true }
	switch {
	case len(c.Args) == 2:
	case len(c.Args) == 5 && spec.EqualFold(c.Args[2], "filterby") && spec.EqualFold(c.Args[3], "module"):
		match = func(*spec.Command) bool { return false } // there are no modules
	case len(c.Args) == 5 && spec.EqualFold(c.Args[2], "filterby") && spec.EqualFold(c.Args[3], "aclcat"):
		cat := spec.CategoryNamed(c.Args[4])
		match = func(cmd *spec.Command) bool { return cmd.Cats&cat != 0 }
	case len(c.Args) == 5 && spec.EqualFold(c.Args[2], "filterby") && spec.EqualFold(c.Args[3], "pattern"):
		pattern := []byte(spec.Lower(string(c.Args[4])))
		match = func(cmd *spec.Command) bool { return glob.Match(pattern, []byte(cmd.FullName())) }
	default:
		c.Err(resp.ErrSyntax)
		return
	}
	mark, n := c.W.Mark(), 0
	c.Told().Each(func(cmd *spec.Command) {
		if match(cmd) {
			c.W.BulkString(cmd.FullName())
			n++
		}
	})
	c.W.ArrayAt(mark, n)
}
