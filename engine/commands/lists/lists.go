package lists

import (
	"hash/maphash"
	"slices"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/list"
	"regent/engine/listpack"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// The list commands. A list is a quicklist, which OBJECT ENCODING calls all of
// them (package list).
//
// The files: lists_push.go puts in, lists_pop.go takes out at the ends,
// lists_move.go does both, lists_read.go reads, lists_edit.go changes the middle,
// lists_block.go waits for elements (by block.go), lists_rdb.go is the codec.

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupList, Cats: spec.CatList,
		Commands: commands(),
		Codecs:   func(cfg *config.Config) []rdb.Codec { return []rdb.Codec{listCodec{cfg}} },
		Small:    map[engine.Form]engine.MakeSmall{engine.FormList: func(maphash.Seed) engine.Small { return &listObject{} }},
	}
}

func commands() []engine.Command {
	return slices.Concat(sorts(), listPushes(), listPops(), listMoves(), listReads(), listEdits(), listBlocks())
}

// A listObject is a list in the keyspace.
type listObject struct{ list.List }

// TypeName is "list".
func (l *listObject) TypeName() string { return "list" }

// Encoding is "quicklist".
func (l *listObject) Encoding() string { return "quicklist" }

// Clone shares the nodes.
func (l *listObject) Clone() engine.Object { return &listObject{l.List.Clone()} }

// View implements engine.Small, like Packed and, by the List, Own.
func (l *listObject) View(_ engine.Form, b []byte) { l.List.View(b) }

// Packed is the only node of a short list.
func (l *listObject) Packed() (engine.Form, []byte, bool) {
	b, ok := l.List.Packed()
	return engine.FormList, b, ok
}

// Digest mixes in the elements in their order.
func (l *listObject) Digest(d *engine.Digest) {
	d.MixNumber(engine.TypeList)
	var buf []byte
	for at := l.At(0); at.OK(); at.Next() {
		buf = at.Value().AppendText(buf[:0])
		d.Mix(buf)
	}
}

// Commands is RPUSH, several for a long list.
func (l *listObject) Commands(key []byte, emit func(args ...[]byte) error) error {
	return engine.EmitCommands("RPUSH", key, emit, func(item func(b []byte) bool) {
		for at := l.At(0); at.OK() && item(at.Value().AppendText(nil)); at.Next() {
		}
	})
}

// A side is an end of a list.
type side uint8

const (
	left side = iota
	right
)

func (s side) popName() string {
	if s == left {
		return "LPOP"
	}
	return "RPOP"
}

// pushEvent and popEvent are what notifications call a push and a pop there.
func (s side) pushEvent() string {
	if s == left {
		return "lpush"
	}
	return "rpush"
}

func (s side) popEvent() string {
	if s == left {
		return "lpop"
	}
	return "rpop"
}

func (s side) word() string {
	if s == left {
		return "left"
	}
	return "right"
}

// sideArg reads LEFT or RIGHT; false: an error was written.
func sideArg(c *engine.Ctx, raw []byte) (side, bool) {
	switch {
	case spec.EqualFold(raw, "left"):
		return left, true
	case spec.EqualFold(raw, "right"):
		return right, true
	}
	c.Err(resp.ErrSyntax)
	return left, false
}

func sideChoice(name string) spec.Arg {
	return spec.OneOf(name, spec.Word("left", "LEFT"), spec.Word("right", "RIGHT"))
}

// fill is how much goes into a node of a list.
func fill(c *engine.Ctx) list.Fill { return list.Fill(c.Config().ListMaxListpackSize.Get()) }

func (l *listObject) push(s side, e *listpack.Element, fill list.Fill) {
	if s == left {
		l.PushLeft(e, fill)
		return
	}
	l.PushRight(e, fill)
}

func (l *listObject) drop(s side, n int) {
	if s == left {
		l.DropLeft(n)
		return
	}
	l.DropRight(n)
}

// outer is the element at an end of a list that is not empty.
func (l *listObject) outer(s side) listpack.Value {
	if s == left {
		return l.First()
	}
	return l.Last()
}

// end is a cursor at the element at an end, and step moves it away from there.
func (l *listObject) end(s side) list.Cursor {
	if s == left {
		return l.At(0)
	}
	return l.At(l.Len() - 1)
}

func (s side) step(at *list.Cursor) {
	if s == left {
		at.Next()
		return
	}
	at.Prev()
}

// replyElement replies with an element.
func replyElement(w *resp.Writer, v listpack.Value) {
	if v.IsInt {
		w.BulkInt(v.Int)
		return
	}
	w.Bulk(v.Str)
}

// bytesPerElement is what an element is taken to weigh in Ctx.heavy.
const bytesPerElement = 64
