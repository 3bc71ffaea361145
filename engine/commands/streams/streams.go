// Package streams is the room of streams. engine/stream holds them; here is what one is
// as a value of the keyspace. add.go: entries come; trim.go: they go; range.go: what is
// in a stream; read.go: XREAD and XREADGROUP, and waiting for entries; groups.go: groups
// and consumers; pending.go: what was delivered and not acknowledged; claim.go: how entries change their
// consumer; info.go: XINFO; rdb.go: RDB.
//
// In the log they are what redis-server writes:
//
//	XADD k … * …                 XADD k … <the ID> …, and with MAXLEN or MINID = <what became of it> for ~
//	XTRIM k MAXLEN ~ n           XTRIM k MAXLEN = <the length>, likewise
//	XREADGROUP                   XCLAIM k group consumer 0 <ID> TIME t RETRYCOUNT n FORCE JUSTID LASTID <ID> for each entry,
//	                             but with NOACK, and then XGROUP SETID k group <ID> ENTRIESREAD n
//	XCLAIM, XAUTOCLAIM           XCLAIM … as above for each entry
//	XACK, XDEL, XGROUP, XSETID   as they came, if they changed anything
//
// In three cases redis-server 7.0 writes nothing, and a replica does not have what its
// primary has: a consumer that XREADGROUP makes and that gets nothing, the delivery of an
// entry that its consumer reads again, and how many entries a group has read where they
// are to be acknowledged (7.2 writes that). Here a client must not see what a failover
// takes back: so they are in the log as well, by the commands above.
package streams

import (
	"slices"
	"strconv"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/listpack"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

// A streamObject is a stream as a value. It stays when it has no entries left.
type streamObject struct{ stream.Stream }

func newStream() *streamObject { return &streamObject{stream.Make()} }

// limits are when a node is full.
func limits(cfg *config.Config) stream.Limits {
	return stream.Limits{Bytes: cfg.StreamNodeMaxBytes.Get(), Entries: cfg.StreamNodeMaxEntries.Get()}
}

// TypeName implements engine.Object, like all below.
func (s *streamObject) TypeName() string { return "stream" }

// Encoding is as the type: there is one.
func (s *streamObject) Encoding() string { return "stream" }

// Len is never 0: an empty stream remains.
func (s *streamObject) Len() int { return max(s.Stream.Len(), 1) }

// Clone shares the nodes, and what is pending.
func (s *streamObject) Clone() engine.Object { return &streamObject{s.Stream.Part()} }

// Digest mixes in the entries, as Redis does, and not the groups.
func (s *streamObject) Digest(d *engine.Digest) {
	d.MixNumber(engine.TypeStream)
	var text []byte
	for w := s.Walk(stream.ID{}, stream.MaxID(), false); w.Next(); {
		text = strconv.AppendUint(text[:0], w.ID.MS, 10)
		text = strconv.AppendUint(append(text, '.'), w.ID.Seq, 10)
		d.Mix(text)
		for range w.Fields {
			field, value := w.Pair()
			text = field.AppendText(text[:0])
			d.Mix(text)
			text = value.AppendText(text[:0])
			d.Mix(text)
		}
	}
}

// Commands are Redis's (aof.c, rewriteStreamObject): XADD for each entry, XSETID, and for
// each group XGROUP CREATE and an XCLAIM for what is pending.
func (s *streamObject) Commands(key []byte, emit func(args ...[]byte) error) error {
	if err := s.emitEntries(key, emit); err != nil {
		return err
	}
	err := emit([]byte("XSETID"), key, idText(s.Last), []byte("ENTRIESADDED"), strconv.AppendUint(nil, s.Added, 10),
		[]byte("MAXDELETEDID"), idText(s.MaxDeleted))
	s.Groups(func(g stream.Group) bool {
		if err == nil {
			err = emitGroup(key, g, emit)
		}
		return err == nil
	})
	return err
}

func (s *streamObject) emitEntries(key []byte, emit func(args ...[]byte) error) error {
	add := []byte("XADD")
	if s.Stream.Len() == 0 {
		return emit(add, key, []byte("MAXLEN"), []byte("0"), []byte("0-1"), []byte("x"), []byte("y"))
	}
	var args [][]byte
	for w := s.Walk(stream.ID{}, stream.MaxID(), false); w.Next(); {
		args = append(args[:0], add, key, idText(w.ID))
		for range w.Fields {
			field, value := w.Pair()
			args = append(args, field.AppendText(nil), value.AppendText(nil))
		}
		if err := emit(args...); err != nil {
			return err
		}
	}
	return nil
}

func emitGroup(key []byte, g stream.Group, emit func(args ...[]byte) error) error {
	name := []byte(g.Name())
	err := emit([]byte("XGROUP"), []byte("CREATE"), key, name, idText(g.Last()), []byte("ENTRIESREAD"), strconv.AppendInt(nil, g.Read(), 10))
	g.Consumers(func(consumer *stream.Consumer, _ int64, pending int) bool {
		if err == nil && pending == 0 {
			err = emit([]byte("XGROUP"), []byte("CREATECONSUMER"), key, name, []byte(consumer.Name()))
		}
		for w := g.PendingFrom(stream.ID{}, consumer); err == nil && w.Next(); {
			err = emit([]byte("XCLAIM"), key, name, []byte(consumer.Name()), []byte("0"), idText(w.ID), []byte("TIME"), strconv.AppendInt(nil, w.Time, 10),
				[]byte("RETRYCOUNT"), strconv.AppendInt(nil, w.Count, 10), []byte("JUSTID"), []byte("FORCE"))
		}
		return err == nil
	})
	return err
}

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupStream, Cats: spec.CatStream,
		Commands: commands(),
		Codecs:   func(*config.Config) []rdb.Codec { return []rdb.Codec{streamCodec{}} },
		Deep:     true,
	}
}

func commands() []engine.Command {
	return slices.Concat(additions(), trims(), ranges(), readings(), groupCommands(), pendings(), claims(), infos())
}

// read looks key up for a read; nil: it is absent. false: the error was written.
func read(c *engine.Ctx, key []byte) (*streamObject, bool) {
	return engine.ReadObject[*streamObject](c, key)
}

// find is read for what may be changed.
func find(c *engine.Ctx, key []byte) (engine.Entry, *streamObject, bool) {
	en := c.Read(key)
	s, ok := engine.ObjectOf[*streamObject](c, en)
	return en, s, ok
}

// replyEntry replies with the entry at which w stands.
func replyEntry(c *engine.Ctx, w *stream.Walk) {
	c.W.Array(2)
	replyID(c, w.ID)
	c.W.Array(2 * w.Fields)
	for range w.Fields {
		field, value := w.Pair()
		c.Heavy(len(field.Str) + len(value.Str))
		replyElement(c.W, field)
		replyElement(c.W, value)
	}
}

func replyElement(w *resp.Writer, v listpack.Value) {
	if v.IsInt {
		w.BulkInt(v.Int)
		return
	}
	w.Bulk(v.Str)
}

// replyRange replies with up to count entries from a walk, 0: all.
func replyRange(c *engine.Ctx, w stream.Walk, count int64) {
	mark, n := c.W.Mark(), int64(0)
	for (count == 0 || n < count) && w.Next() {
		c.Heavy(c.W.Len() - mark)
		replyEntry(c, &w)
		n++
	}
	c.W.ArrayAt(mark, int(n))
}

func replyID(c *engine.Ctx, id stream.ID) {
	var text [stream.IDLen]byte
	c.W.Bulk(id.AppendText(text[:0]))
}

func idText(id stream.ID) []byte { return id.AppendText(make([]byte, 0, stream.IDLen)) }
