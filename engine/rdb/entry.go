package rdb

import (
	"encoding/binary"
	"time"
)

// An Entry is one key. Its slices belong to the batch.
type Entry struct {
	Meta
	DB     int
	Key    []byte
	Type   Type  // as it stood in the file
	Offset int64 // in the file, of the key's first opcode

	// The value: Str, unless IsInt (a string that stood there as an integer:
	// Int) or Obj is set (what the codec of the type made of it). A string
	// that reads as an integer may still come as Str: only 32 bits have an encoding
	// of their own.
	Str   []byte
	Int   int64
	IsInt bool
	Obj   any
}

// A walker reads items: opcodes, and keys with their values.
type walker struct {
	cursor
	db      int
	meta    Meta // of the next key, as far as its opcodes were read
	pending bool // some of them were
	codecs  *Registry
	passed  *passed // nil: what has no codec is an error
	// libraries says that libraries of functions are taken (Options.Library).
	libraries bool
	room      arena
	dec       Decoder
}

// reset takes back what the values of the last batch have got.
func (w *walker) reset() {
	w.room.reset()
	w.dec.batches = true
	for _, l := range w.dec.lenders {
		l.reset()
	}
}

// A hooks is told what a walker meets beside keys.
type hooks interface {
	aux(f AuxField)
	resize(db int, keys, expires uint64)
	library(code []byte) error
}

// opcode reads up to a type, with the key's expiry and use in w.meta, or to an
// opcode that has nothing to do with a key.
func (w *walker) opcode() (op byte, err error) {
	for {
		if op, err = w.byte(); err != nil {
			return 0, err
		}
		switch op {
		case opExpireMs:
			err = w.expire(8, 1)
		case opExpireSec:
			err = w.expire(4, time.Second.Milliseconds())
		case opIdle:
			w.meta.UseKind, w.pending = UseIdle, true
			w.meta.Use, err = w.count()
		case opFreq:
			var freq byte
			freq, err = w.byte()
			w.meta.UseKind, w.meta.Use, w.pending = UseFreq, uint64(freq), true
		default:
			if w.pending && op >= opFirst {
				return 0, errLoose
			}
			return op, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// expire reads a key's time of n bytes. Redis takes -1 for no expiry; other
// times up to 0 are long past, and 0 is not free to say so.
func (w *walker) expire(n int, unitMs int64) error {
	p, err := w.take(n)
	if err != nil {
		return err
	}
	var at int64
	if n == 4 {
		at = int64(int32(binary.LittleEndian.Uint32(p)))
	} else {
		at = int64(binary.LittleEndian.Uint64(p))
	}
	w.pending = true
	switch {
	case at == -1:
		w.meta.Expire = 0
	case at <= 0:
		w.meta.Expire = 1
	default:
		w.meta.Expire = at * unitMs
	}
	return nil
}

// other reads the rest of an item that is no key.
func (w *walker) other(op byte, h hooks) error {
	switch op {
	case opSelectDB:
		db, err := w.count()
		if err == nil && db > maxDB {
			err = errTooMany
		}
		w.db = int(db)
		return err
	case opResizeDB:
		return w.resizeDB(h)
	case opAux:
		f, err := w.aux(&w.room)
		if err == nil && h != nil {
			h.aux(f)
		}
		return err
	case opFunction:
		return w.library(h)
	case opModuleAux:
		return w.unheld("module's data outside keys", w.skipModuleAux)
	case opSlotInfo:
		return w.skipCounts(3)
	}
	return errOpcode
}

func (w *walker) resizeDB(h hooks) error {
	keys, err := w.count()
	if err != nil {
		return err
	}
	expires, err := w.count()
	if err == nil && h != nil {
		h.resize(w.db, keys, expires)
	}
	return err
}

// library reads a library of functions. Without hooks, somebody else has it.
func (w *walker) library(h hooks) error {
	if !w.libraries {
		return w.unheld("function library", w.skipString)
	}
	if h == nil {
		return w.skipString()
	}
	code, err := w.str(&w.room)
	if err != nil {
		return err
	}
	return h.library(code)
}

// unheld passes over something without a key that this server cannot hold.
func (w *walker) unheld(kind string, skip func() error) error {
	if w.passed == nil {
		return &TypeError{Kind: kind, Offset: w.base + int64(w.keep)}
	}
	if err := skip(); err != nil {
		return err
	}
	w.passed.kinds[kind]++
	return nil
}

// foreign deals with a key, whose type was read, that has no codec: an error,
// or passed over and counted.
func (w *walker) foreign(t Type) error {
	n := Count{Keys: 1}
	if w.meta.Expire != 0 {
		n.Expires = 1
	}
	w.meta, w.pending = Meta{}, false
	if !t.known() {
		return errOpcode
	}
	if w.passed != nil {
		if err := w.skipString(); err != nil {
			return err
		}
		if err := w.skipValue(t); err != nil {
			return err
		}
		w.passed.kinds[t.String()]++
		w.passed.keys.add(w.db, n)
		return nil
	}
	key, err := w.str(&w.room)
	if err != nil {
		return err
	}
	return &TypeError{DB: w.db, Key: append([]byte{}, key...), Kind: t.String(), Offset: w.base + int64(w.keep)}
}

// entry reads a key and its value after the type; all of it is at hand.
func (w *walker) entry(t Type, e *Entry) error {
	*e = Entry{Meta: w.meta, DB: w.db, Type: t, Offset: w.base + int64(w.keep)}
	w.meta, w.pending = Meta{}, false
	var err error
	if e.Key, err = w.str(&w.room); err != nil {
		return err
	}
	return w.value(e)
}

// value reads a value of e's type.
func (w *walker) value(e *Entry) (err error) {
	if e.Type != TypeString {
		w.dec.c, w.dec.a = &w.cursor, &w.room
		e.Obj, err = w.codecs.codec(e.Type).Decode(&w.dec, e.Type)
		return err
	}
	s, err := w.text(&w.room)
	e.Str, e.Int, e.IsInt = s.bytes, s.n, s.isInt
	return err
}

// entries appends all keys of what is at hand to list.
func (w *walker) entries(list []Entry, h hooks) ([]Entry, error) {
	for w.i < len(w.buf) {
		w.keep = w.i
		op, err := w.opcode()
		switch {
		case err != nil:
		case op >= opFirst:
			err = w.other(op, h)
		case w.codecs.has(Type(op)):
			list = append(list, Entry{})
			e := &list[len(list)-1]
			if err = w.entry(Type(op), e); err != nil {
				return list, w.wrapValue(err, e)
			}
		default:
			err = w.foreign(Type(op))
		}
		if err != nil {
			return list, w.wrap(err)
		}
	}
	return list, nil
}
