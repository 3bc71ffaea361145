package engine

import (
	"hash/maphash"
	"slices"

	"regent/engine/dict"
)

// Small values of types other than string are bytes in the dictionary, as strings
// are (dict.Packed): ten million of them are no work for the collector, and take no
// more than their bytes, a header and the key. A handler sees such a value as an
// Object all the same, a view: an object of the room's that stands over the
// dictionary's bytes while the command runs, and works on them in place.
//
//	entry ── Packed, its form and bytes ◄── view (Small) ◄── handler
//	  │                                       │
//	  │ Changed: Packed() is small            │ View: looks at those bytes
//	  ├──────► Repack: the bytes, in place or moved
//	  │ Changed: it is small no more          │ Own: takes its bytes with it
//	  └──────► handle ──► Object, which it remains
//
// A type joins by implementing Small, naming its forms here, and Room.Small. Its
// codec decodes and encodes objects; whether they are stored as bytes is the
// kernel's to decide (ObjectValue).
//
// # Why, in figures
//
// Measured on two cores beside the same server with an object for each value, and
// beside redis-server 7.0.15 (resident bytes; CPU of the server per command, 50
// clients, P=16, 100,000 keys, on a machine with other work):
//
//	                            objects    bytes here    redis-server
//	list of 10 x 8 B, per key     312         159            314
//	list of 10 x 64 B             1369        726            973
//	intset of 10                  204          79            143
//	set of 10 x 8 B               378         158            863
//	hash of 5 x 8 B                 -         146            212
//	LPUSH, us                    1.50        1.20           1.55
//	RPUSH                        1.80        1.35           1.85
//	SADD of an integer           1.50        1.25           2.20
//	HSET of one field               -        1.00           1.50
//
// Under 4 million RPUSHes over 2 million keys the collector had 15 cycles and took
// 776 ms of CPU with objects, the last cycle 131 ms; with bytes 3 cycles and 12 ms.
// 10 million hashes of 3 fields take 94 bytes each; 3 million HSETs and as many HGETs
// on them make for 2 cycles.
//
// # Rules
//
//   - A view is over when the handler returns, and stale when the keyspace changes
//     at its key by other means than Changed.
//   - Its bytes are borrowed: what is to outlive the view copies them (Clone, Own).
//   - Before a change comes Changing, or Grow where the size of the change is known:
//     then the bytes have the room and nothing is allocated. A view that needs more
//     room than it has makes bytes on Go's heap, which Changed copies in.
//   - The views of a command with one key belong to its shard and are used again by
//     the next: so there is one of each form, and one that is Fresh. Other commands
//     have some of their context's, and make what they need beyond these.
//   - What is larger than packMax is an object, whatever its form: a change moves all
//     that stands behind it, and a snapshot copies all of it, inside the lock.

// A Form is a layout of small values, with the type it belongs to.
type Form uint8

// The forms.
const (
	FormList   Form = iota // listpack of the elements
	FormIntset             // intset, as in Redis
	FormSet                // listpack of the members, one of which is no integer
	FormHash               // listpack.Bare: field, value, field, value ...
	FormZset               // listpack.Bare: member, score ..., by score
)

// packMax bounds a value that is bytes in the dictionary, in bytes: with its key it
// stays within a slab's slot in all but odd cases.
const packMax = 28 << 10

// names are what TYPE and OBJECT ENCODING answer.
func (f Form) names() (typ, encoding string) {
	switch f {
	case FormList:
		return "list", "quicklist"
	case FormIntset:
		return "set", "intset"
	case FormSet:
		return "set", "hashtable"
	case FormHash:
		return "hash", "listpack"
	case FormZset:
		return "zset", "listpack"
	}
	return "none", "unknown"
}

// A Small is an Object that can live as bytes in the dictionary.
type Small interface {
	Object
	// View makes it the value that b holds in that form; an empty b: a value without
	// elements, which may use b's capacity. What it was is forgotten. b is borrowed.
	View(f Form, b []byte)
	// Packed are its bytes, if it is small enough for a form; they may be those of
	// View, changed, or a part of them.
	Packed() (f Form, b []byte, ok bool)
	// Own takes what is borrowed into memory of its own.
	Own()
}

// A MakeSmall makes an object for views. All hashes of an engine have the seed.
type MakeSmall func(seed maphash.Seed) Small

// views are a shard's, see above. They are used under its lock.
type views struct {
	shown, fresh [dict.Forms]Small
	scratch      []byte // where a Fresh one begins
}

// scratchBytes is how long a value may get in the scratch of a shard.
const scratchBytes = 1 << 10

// newView makes an object for views of a form.
func (e *Engine) newView(f Form) Small { return e.small[f](e.seed) }

// pool is where c's views are kept, nil if it makes its own.
func (c *Ctx) pool() *views {
	if c.home == 0 || c.apart {
		return nil
	}
	return &c.e.shards[c.home-1].views
}

// spareViews are a context's, for commands that see several values at a time: of each form those that
// are used come first.
type spareViews struct {
	of   [dict.Forms][]Small
	used [dict.Forms]uint8
}

// mostSpare is how many views of a form a context keeps.
const mostSpare = 4

// spareView is a view of a form that no other value is seen by until the command is over.
func (c *Ctx) spareView(f Form) Small {
	all, at := &c.spare.of[f], int(c.spare.used[f])
	if at == mostSpare {
		return c.e.newView(f)
	}
	if at == len(*all) {
		*all = append(*all, c.e.newView(f))
	}
	c.spare.used[f]++
	return (*all)[at]
}

// keep takes a view out that has become a value of the keyspace.
func (s *spareViews) keep(o Object) {
	for f := range s.of {
		for i, v := range s.of[f][:s.used[f]] {
			if v == o {
				s.of[f] = slices.Delete(s.of[f], i, i+1)
				s.used[f]--
				return
			}
		}
	}
}

// view shows the bytes of an entry as an object.
func (c *Ctx) view(f Form, b []byte) Small {
	var o Small
	if p := c.pool(); p == nil {
		o = c.spareView(f)
	} else {
		if p.shown[f] == nil {
			p.shown[f] = c.e.newView(f)
		}
		o = p.shown[f]
	}
	o.View(f, b)
	return o
}

// Fresh is an empty value, small as long as it can be, for a key that is not there
// yet: a handler that has put something in stores it (PutObject).
func Fresh[T Small](c *Ctx, f Form) T {
	p := c.pool()
	if p == nil {
		o := c.e.newView(f)
		o.View(f, nil)
		return o.(T)
	}
	if p.scratch == nil {
		p.scratch = make([]byte, scratchBytes)
	}
	if p.fresh[f] == nil {
		p.fresh[f] = c.e.newView(f)
	}
	o := p.fresh[f]
	o.View(f, p.scratch[:0])
	return o.(T)
}

// keepNot makes sure that o, which goes into the keyspace, is no view any more.
func (c *Ctx) keepNot(o Object) {
	p := c.pool()
	if p == nil {
		c.spare.keep(o)
		return
	}
	for f := range p.shown {
		if p.shown[f] == o {
			p.shown[f] = nil
		}
		if p.fresh[f] == o {
			p.fresh[f] = nil
		}
	}
}

// smallValue is up to how many bytes a value is small for a command that is Sized: to go over all of it
// takes some microseconds.
const smallValue = 1 << 10

// size says that the command looks at the whole value at en.
func (c *Ctx) size(en Entry) {
	if c.Cmd != nil && c.Cmd.sized && (en.d.Kind(en.ref) == dict.Object || len(en.d.Text(en.ref)) > smallValue) {
		c.Measure()
	}
}

// object is the object at en, a view if it is small; nil: it is a string.
func (c *Ctx) object(en Entry) Object {
	c.size(en)
	switch k := en.d.Kind(en.ref); {
	case k == dict.Object:
		return en.d.Obj(en.ref).(Object)
	case k.IsPacked():
		return c.view(Form(k.Form()), en.d.Text(en.ref))
	}
	return nil
}
