package introspection

import (
	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// COMMAND DOCS: a map by name, of maps with what the literals say.

func doCommandDocs(c *engine.Ctx) {
	var cmds []*spec.Command
	if len(c.Args) == 2 {
		cmds = c.Told().Commands()
	}
	for _, name := range c.Args[2:] {
		if cmd := c.Told().Named(name); cmd != nil {
			cmds = append(cmds, cmd)
		}
	}
	c.W.Map(len(cmds))
	for _, cmd := range cmds {
		writeDocs(c.W, cmd)
	}
}

// A docMap collects the pairs of a map whose length is known last.
type docMap struct {
	pairs []func(w *resp.Writer)
}

func (m *docMap) add(name string, value func(w *resp.Writer)) {
	m.pairs = append(m.pairs, func(w *resp.Writer) { w.BulkString(name); value(w) })
}

// text adds a string, unless it is empty.
func (m *docMap) text(name, value string) {
	if value != "" {
		m.add(name, func(w *resp.Writer) { w.BulkString(value) })
	}
}

func (m *docMap) write(w *resp.Writer) {
	w.Map(len(m.pairs))
	for _, pair := range m.pairs {
		pair(w)
	}
}

// writeDocs writes the command's name and its map.
func writeDocs(w *resp.Writer, cmd *spec.Command) {
	var m docMap
	m.text("summary", cmd.Summary)
	m.text("since", cmd.Since)
	m.text("group", string(cmd.Group))
	m.text("complexity", cmd.Complex)
	switch {
	case cmd.DeprecatedSince != "":
		m.add("doc_flags", func(w *resp.Writer) { writeWords(w, "", []string{"deprecated"}) })
	case cmd.Internal:
		m.add("doc_flags", func(w *resp.Writer) { writeWords(w, "", []string{"syscmd"}) })
	}
	m.text("deprecated_since", cmd.DeprecatedSince)
	m.text("replaced_by", cmd.ReplacedBy)
	if len(cmd.Args) > 0 {
		m.add("arguments", func(w *resp.Writer) { writeArgs(w, cmd.Args) })
	}
	if subs := cmd.Subcommands(); len(subs) > 0 {
		m.add("subcommands", func(w *resp.Writer) {
			w.Map(len(subs))
			for _, sub := range subs {
				writeDocs(w, sub)
			}
		})
	}
	w.BulkString(cmd.FullName())
	m.write(w)
}

func writeArgs(w *resp.Writer, args spec.Args) {
	w.Array(len(args))
	for i := range args {
		writeArg(w, &args[i])
	}
}

func writeArg(w *resp.Writer, a *spec.Arg) {
	var m docMap
	m.text("name", a.Name)
	m.text("type", a.Type)
	if a.Type == "key" || a.NamesKeys {
		m.add("key_spec_index", func(w *resp.Writer) { w.Int(int64(a.KeySpec)) })
	}
	if a.Token != "" || a.Type == "pure-token" { // MIGRATE has an empty one
		m.add("token", func(w *resp.Writer) { w.BulkString(a.Token) })
	}
	m.text("since", a.Since)
	m.text("deprecated_since", a.DeprecatedSince)
	if flags := argFlags(a); len(flags) > 0 {
		m.add("flags", func(w *resp.Writer) { writeWords(w, "", flags) })
	}
	if len(a.Args) > 0 {
		m.add("arguments", func(w *resp.Writer) { writeArgs(w, a.Args) })
	}
	m.write(w)
}

func argFlags(a *spec.Arg) (words []string) {
	if a.Optional {
		words = append(words, "optional")
	}
	if a.Multiple {
		words = append(words, "multiple")
	}
	if a.MultiTok {
		words = append(words, "multiple_token")
	}
	return words
}
