package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// DUMP's payload is a value by itself:
//
//	type  value  version (2 bytes, LE)  CRC64 of all before it (8 bytes, LE)

// ErrDump says that a payload is not what DUMP made: its version is too new, its
// checksum wrong, or the value damaged. The text for clients is Redis's
// "ERR DUMP payload version or checksum are wrong" for the first two.
var ErrDump = errors.New("DUMP payload version or checksum are wrong")

const dumpTailBytes = 2 + trailerBytes

// DumpString is the payload of a string.
func DumpString(dst, value []byte, compress bool) []byte {
	return dump(dst, compress, func(e *Encoder) {
		e.Raw([]byte{byte(TypeString)})
		e.String(value)
	})
}

// DumpValue is the payload of a value of c's type.
func DumpValue(dst []byte, c Codec, v any, compress bool) []byte {
	return dump(dst, compress, func(e *Encoder) {
		t := c.Pick(v)
		e.Raw([]byte{byte(t)})
		c.Encode(e, t, v)
	})
}

func dump(dst []byte, compress bool, write func(*Encoder)) []byte {
	e := Encoder{buf: dst, forDump: compress}
	write(&e)
	e.buf = binary.LittleEndian.AppendUint16(e.buf, Version)
	return binary.LittleEndian.AppendUint64(e.buf, Checksum(0, e.buf[len(dst):]))
}

// undumped is a payload without its end, which is right.
func undumped(p []byte) (body []byte, ok bool) {
	if len(p) < dumpTailBytes {
		return nil, false
	}
	body, tail := p[:len(p)-dumpTailBytes], p[len(p)-dumpTailBytes:]
	return body, binary.LittleEndian.Uint16(tail) <= MaxVersion && binary.LittleEndian.Uint64(tail[2:]) == Checksum(0, p[:len(p)-trailerBytes])
}

// Summed is a copy of a payload with the checksum that it should have.
func Summed(p []byte) []byte {
	if len(p) < dumpTailBytes {
		return p
	}
	body := p[:len(p)-trailerBytes]
	return binary.LittleEndian.AppendUint64(bytes.Clone(body), Checksum(0, body))
}

// Undump reads a payload: the value of e, and its type, are set. Slices of it
// may point into p. The error is ErrDump, a TypeError or a DamageError.
func Undump(p []byte, codecs *Registry, e *Entry) error {
	w := walker{codecs: codecs}
	return w.undump(p, e)
}

func (w *walker) undump(p []byte, e *Entry) error {
	body, ok := undumped(p)
	if !ok || len(body) == 0 {
		return ErrDump
	}
	t := Type(body[0])
	w.cursor = cursor{buf: body, i: 1}
	if !w.codecs.has(t) {
		return &TypeError{Kind: t.String()}
	}
	e.Type = t
	if err := w.value(e); err != nil {
		return w.wrap(err)
	}
	if w.i != len(body) {
		return w.wrap(errTrailing)
	}
	return nil
}

// An Undumper reads one payload after another in the same memory: what the value in Entry
// is made of is valid until it is given back.
type Undumper struct {
	Entry Entry
	w     walker
}

// maxKeptPayload bounds the room that an Undumper keeps for the next payload, in bytes.
const maxKeptPayload = 64 << 10

// Undumper is one for payloads with values of r's types, to be given back by Return.
func (r *Registry) Undumper() *Undumper {
	u, ok := r.undumpers.Get().(*Undumper)
	if !ok {
		u = &Undumper{w: walker{codecs: r}}
	}
	return u
}

// Return takes an Undumper back, with all that it has given.
func (r *Registry) Return(u *Undumper) {
	u.Entry, u.w.cursor = Entry{}, cursor{}
	if u.w.room.used > maxKeptPayload {
		u.w.room = arena{}
	}
	u.w.reset()
	r.undumpers.Put(u)
}

// Undump is the function of that name; the value is in Entry.
func (u *Undumper) Undump(p []byte) error { return u.w.undump(p, &u.Entry) }

// DumpLibraries is the payload of FUNCTION DUMP: as a file has libraries, and what DUMP has
// at its end.
func DumpLibraries(dst []byte, codes [][]byte, compress bool) []byte {
	return dump(dst, compress, func(e *Encoder) {
		for _, code := range codes {
			e.Raw([]byte{opFunction})
			e.String(code)
		}
	})
}

// What a payload of libraries is that is whole and still none: the texts are Redis's.
var (
	ErrNotLibrary = errors.New("given type is not a function")
	ErrLibrary    = errors.New("failed loading the given functions payload")
)

// UndumpLibraries reads such a payload. The codes may point into p. The error is ErrDump,
// ErrNotLibrary or ErrLibrary.
func UndumpLibraries(p []byte) (codes [][]byte, err error) {
	body, ok := undumped(p)
	if !ok {
		return nil, ErrDump
	}
	w := walker{cursor: cursor{buf: body}}
	for w.i < len(body) {
		if op := body[w.i]; op != opFunction {
			return nil, ErrNotLibrary
		}
		w.i++
		code, err := w.str(&w.room)
		if err != nil {
			return nil, ErrLibrary
		}
		codes = append(codes, code)
	}
	return codes, nil
}
