package engine

import (
	"regent/engine/config"
	"regent/engine/dict"
	"regent/engine/rdb"
	"regent/resp"
)

// Values of types other than string: what every such type stands on.
//
//	entry ── handle ──► Object          the dictionary weighs it (dict.Weigh), so
//	  │                   │             that memory is counted without a walk
//	  │                   ├─ Clone      COPY, and a snapshot of what is about to change
//	  │                   ├─ Digest     DEBUG DIGEST
//	  │                   ├─ Commands   a log whose base is commands
//	  └─ expiry, use      └─ its Codec  RDB: Codecs, below
//
// A handler looks a key up, changes the object in place between Changing and
// Changed, and says what goes into the log:
//
//	en, l, ok := writeObject[*listObject](c, key)
//	switch {
//	case !ok:                   the error is written: WRONGTYPE
//	case l == nil:              the key is absent: c.PutObject(key, newList())
//	default:
//		c.Changing(en)      before the change
//		...
//		c.Changed(key, en, l)  after it: removes the key of what is empty
//	}
//
// A type joins by its Object, its commands in the table (table.go), and its
// Codec. What is small has no object behind it: see form.go.

// An Object is a value of a type other than string. Its methods are called with
// the shard locked, but for those of a clone that nobody else has.
type Object interface {
	// TypeName is what TYPE answers, and the Kind of its codec.
	TypeName() string
	// Encoding is what OBJECT ENCODING answers.
	Encoding() string
	// Len is the number of elements: an object without any must leave.
	Len() int
	// Bytes is the memory it takes. It is asked after each change: no walk.
	Bytes() int64
	// Clone is a value of its own: neither sees the other's changes, and they
	// may be used from different goroutines, under different locks or none. It
	// runs inside the shard's lock, for COPY and for snapshots, and must not
	// take long for a large value: clones share what they hold, in pieces that
	// are copied when one of them changes a piece.
	Clone() Object
	// Digest mixes in the number of the type and the elements, as Redis does
	// (debug.c, xorObjectDigest).
	Digest(d *Digest)
	// Commands gives out commands that make the value at key, where nothing is.
	// The slices are the callee's until emit returns. It ends at an error of
	// emit, and returns it.
	Commands(key []byte, emit func(args ...[]byte) error) error
}

// commandItems is how many elements one of an Object's Commands carries, as in
// Redis (aof.c, AOF_REWRITE_ITEMS_PER_CMD).
const commandItems = 64

// EmitCommands gives out what each shows, which item keeps, as commands of that name
// with commandItems elements at most. It ends at an error of emit.
func EmitCommands(name string, key []byte, emit func(args ...[]byte) error, each func(item func(b []byte) bool)) (err error) {
	args := [][]byte{[]byte(name), key}
	each(func(b []byte) bool {
		if args = append(args, b); len(args) == 2+commandItems {
			err, args = emit(args...), args[:2]
		}
		return err == nil
	})
	if err == nil && len(args) > 2 {
		err = emit(args...)
	}
	return err
}

// EmitPairs is EmitCommands for elements of two parts each.
func EmitPairs(name string, key []byte, emit func(args ...[]byte) error, each func(item func(a, b []byte) bool)) (err error) {
	args := [][]byte{[]byte(name), key}
	each(func(a, b []byte) bool {
		if args = append(args, a, b); len(args) == 2+2*commandItems {
			err, args = emit(args...), args[:2]
		}
		return err == nil
	})
	if err == nil && len(args) > 2 {
		err = emit(args...)
	}
	return err
}

// Codecs are the codecs of all types beyond strings: what reads or writes an
// RDB file needs them. What is decoded is an Object, built as cfg's limits say.
func Codecs(cfg *config.Config, rooms ...Room) *rdb.Registry {
	var codecs []rdb.Codec
	for _, r := range rooms {
		if r.Codecs != nil {
			codecs = append(codecs, r.Codecs(cfg)...)
		}
	}
	return rdb.NewRegistry(codecs...)
}

// ObjectValue is o as a value of a dictionary, which owns it from here on: as bytes
// if it is small.
func ObjectValue(o Object) dict.Value {
	if s, ok := o.(Small); ok {
		if f, b, ok := s.Packed(); ok && len(b) <= packMax {
			return dict.Value{Kind: dict.PackedKind(uint8(f)), Bytes: b}
		}
		s.Own()
	}
	return dict.Value{Kind: dict.Object, Obj: o, Weight: o.Bytes()}
}

// ObjectOf is the object at en, nil if en is not OK; false: what is there is of
// another type, and the error was written. A small one is a view (form.go).
func ObjectOf[T Object](c *Ctx, en Entry) (o T, ok bool) {
	if !en.OK() {
		return o, true
	}
	if o, ok = c.object(en).(T); !ok {
		c.Err(resp.ErrWrongType)
	}
	return o, ok
}

// ReadObject looks key up for a read, as objectOf does.
func ReadObject[T Object](c *Ctx, key []byte) (o T, ok bool) {
	return ObjectOf[T](c, c.Read(key))
}

// WriteObject looks key up for a change, as objectOf does.
func WriteObject[T Object](c *Ctx, key []byte) (en Entry, o T, ok bool) {
	en = c.Write(key)
	o, ok = ObjectOf[T](c, en)
	return en, o, ok
}

// PutObject stores o, which is not empty, at key, new or over what was there. It
// does not expire.
func (c *Ctx) PutObject(key []byte, o Object) Entry {
	v := ObjectValue(o)
	if v.Kind == dict.Object {
		c.keepNot(o)
	}
	return c.Put(key, v, 0)
}

// Changing must be called before the object at en is changed in place: a snapshot
// that is under way gets what it was.
func (c *Ctx) Changing(en Entry) { en.d.Touching(en.ref) }

// Grow is Changing where o, the object at en, is about to get n bytes longer as it is
// packed: a small one has the room then. It stands where it stood; en has moved.
func (c *Ctx) Grow(en Entry, o Object, n int) Entry {
	k := en.d.Kind(en.ref)
	if n == 0 || !k.IsPacked() || len(en.d.Text(en.ref))+n > packMax {
		c.Changing(en)
		return en
	}
	var b []byte
	en.ref, b = en.d.Edit(en.ref, n)
	o.(Small).View(Form(k.Form()), b)
	return en
}

// Changed must be called after the object at en was changed in place. An empty
// one is removed with its key, which is reported; the effect is the caller's to
// propagate. en is over, o may still be read.
func (c *Ctx) Changed(key []byte, en Entry, o Object) (gone bool) {
	k := en.d.Kind(en.ref)
	if o.Len() == 0 {
		if k.IsPacked() {
			o.(Small).View(Form(k.Form()), nil)
		}
		return c.Remove(key)
	}
	c.restore(key, en, o, k)
	c.changed(c.s.db, key)
	return false
}

// Settled is Changed for a change that, as in Redis, does not make the key a changed one
// for WATCH: of a stream's groups. The object is not empty.
func (c *Ctx) Settled(key []byte, en Entry, o Object) { c.restore(key, en, o, en.d.Kind(en.ref)) }

// restore brings the entry in line with o, which has changed in place.
func (c *Ctx) restore(key []byte, en Entry, o Object, k dict.Kind) {
	if !k.IsPacked() {
		en.d.Weigh(en.ref, o.Bytes())
		return
	}
	v := ObjectValue(o)
	if v.Kind == dict.Object {
		c.keepNot(o)
		en.d.Put(key, v, en.ExpireAt())
		return
	}
	ref := en.d.Repack(en.ref, v.Kind, v.Bytes)
	o.(Small).View(Form(v.Kind.Form()), en.d.Text(ref))
}
