package lists

import (
	"errors"

	"regent/engine/config"
	"regent/engine/list"
	"regent/engine/listpack"
	"regent/engine/rdb"
)

// Lists in RDB files. Since Redis 7.0 one is its nodes as they are:
//
//	count | node | node | ...        node   1 | element      one element, however large
//	                                        2 | listpack
//
// and was a sequence of ziplists, a ziplist, or elements one by one before. All of
// them are read; what was written with other limits keeps its nodes, as in Redis.
type listCodec struct{ cfg *config.Config }

const (
	nodePlain  = 1
	nodePacked = 2
	// plainFrom is from which size in bytes on Redis cannot have an element in a
	// listpack (quicklist.c, packed_threshold).
	plainFrom = 1 << 30
	// Nodes within these are taken as they are, in bytes and elements; others
	// are packed anew.
	adoptBytes = 64 << 10
	adoptCount = 1<<15 - 1
)

// lentBytes is up to where an object for a list of an RDB file is lent: far below what the
// keyspace keeps as an object.
const lentBytes = 4 << 10

// errNode is a node without an element. That Redis's log says nothing of.
var errNode = errors.New("a list's node is empty")

// Kind is "list".
func (listCodec) Kind() string { return "list" }

// Types are all that lists were ever written as.
func (listCodec) Types() []rdb.Type {
	return []rdb.Type{rdb.TypeList, rdb.TypeListZiplist, rdb.TypeListQuicklist, rdb.TypeListQuicklist2}
}

// Pick is Redis 7.0's.
func (listCodec) Pick(any) rdb.Type { return rdb.TypeListQuicklist2 }

// Encode writes the nodes.
func (listCodec) Encode(e *rdb.Encoder, _ rdb.Type, v any) {
	l := v.(*listObject)
	e.Length(uint64(l.Nodes()))
	l.Packs(func(lp []byte) bool {
		if len(lp) >= plainFrom {
			if v := listpack.Get(lp, listpack.First(lp)); len(v.Str) >= plainFrom {
				e.Length(nodePlain)
				e.String(v.Str)
				return true
			}
		}
		e.Length(nodePacked)
		e.String(lp)
		return true
	})
}

// Decode reads a list, which may be empty: then it is none.
func (c listCodec) Decode(d *rdb.Decoder, t rdb.Type) (any, error) {
	b := listBuilder{fill: list.Fill(c.cfg.ListMaxListpackSize.Get())}
	n := uint64(1)
	if t != rdb.TypeListZiplist {
		var err error
		if n, err = d.Length(); err != nil {
			return nil, err
		}
	}
	for only := n == 1; n > 0; n-- {
		if err := b.node(d, t, only); err != nil {
			return nil, err
		}
	}
	if b.lent != nil {
		return b.lent, nil
	}
	return &b.l, nil
}

// A listBuilder makes a list of what it is given.
type listBuilder struct {
	l    listObject
	lent *listObject // not nil: the whole list, in memory that is the decoder's
	fill list.Fill
	buf  []byte
}

// node reads one of the pieces that a list of type t consists of, or the only one.
func (b *listBuilder) node(d *rdb.Decoder, t rdb.Type, only bool) error {
	kind := uint64(nodePlain)
	if t == rdb.TypeListQuicklist2 {
		var err error
		if kind, err = d.Length(); err != nil {
			return err
		}
	}
	if kind != nodePlain && kind != nodePacked {
		return rdb.FaultQuicklist
	}
	p, err := d.String()
	switch {
	case err != nil:
		return err
	case t == rdb.TypeListQuicklist2 && len(p) == 0: // an empty element has a node of the other kind
		return errNode
	case t == rdb.TypeListZiplist:
		return rdb.FaultListZiplist.Because(listpack.Ziplist(p, b.value))
	case t == rdb.TypeListQuicklist:
		return rdb.FaultZiplist.Because(listpack.Ziplist(p, b.value))
	case kind == nodePlain:
		b.push(p)
		return nil
	}
	return b.packed(p, d, only)
}

func (b *listBuilder) packed(lp []byte, d *rdb.Decoder, only bool) error {
	n, err := listpack.Validate(lp)
	if err != nil || n == 0 {
		return rdb.FaultListpack.Because(err)
	}
	if only && n <= adoptCount && len(lp) <= lentBytes {
		b.lent = rdb.Lent[listObject](d)
		b.lent.List.View(lp)
		return nil
	}
	if n == 1 || n <= adoptCount && len(lp) <= adoptBytes {
		b.l.Adopt(append([]byte(nil), lp...), n)
		return nil
	}
	for p := listpack.First(lp); p < listpack.End(lp); p = listpack.Next(lp, p) {
		b.value(listpack.Get(lp, p))
	}
	return nil
}

func (b *listBuilder) value(v listpack.Value) {
	if v.IsInt {
		b.buf = v.AppendText(b.buf[:0])
		v.Str = b.buf
	}
	b.push(v.Str)
}

func (b *listBuilder) push(text []byte) {
	e := listpack.ElementOf(text)
	b.l.PushRight(&e, b.fill)
}
