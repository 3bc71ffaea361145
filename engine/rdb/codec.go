package rdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"sync"
)

// A Codec writes and reads the values of one type of Regent's. Strings need
// none. Its methods may be called from several goroutines at once.
type Codec interface {
	// Kind is what TYPE answers: "list".
	Kind() string
	// Types are the layouts that Decode understands.
	Types() []Type
	// Pick says as which of them v is written.
	Pick(v any) Type
	// Encode writes v as t, the type that Pick returned.
	Encode(e *Encoder, t Type, v any)
	// Decode reads a value. What d gave is valid as long as the entry is: until the
	// callback that gets its batch returns.
	Decode(d *Decoder, t Type) (any, error)
}

// A Registry knows which codec reads which type. The zero value, and nil, know
// strings alone. What it knows does not change once it was made.
type Registry struct {
	byType    [len(typeNames)]Codec
	byKind    map[string]Codec
	undumpers sync.Pool // of Undumper
}

// NewRegistry makes a registry of codecs; two for one type are a mistake in
// the program.
func NewRegistry(codecs ...Codec) *Registry {
	r := &Registry{byKind: map[string]Codec{}}
	for _, c := range codecs {
		for _, t := range c.Types() {
			if !t.known() || t == TypeString || r.byType[t] != nil {
				panic(fmt.Sprintf("rdb: codec %s cannot have type %d", c.Kind(), t))
			}
			r.byType[t] = c
		}
		r.byKind[c.Kind()] = c
	}
	return r
}

// Of returns the codec of a kind, or nil.
func (r *Registry) Of(kind string) Codec {
	if r == nil {
		return nil
	}
	return r.byKind[kind]
}

func (r *Registry) has(t Type) bool {
	return t == TypeString || r.codec(t) != nil
}

func (r *Registry) codec(t Type) Codec {
	if r == nil || !t.known() {
		return nil
	}
	return r.byType[t]
}

// An Encoder appends the pieces values are made of to a buffer, and hands the
// buffer on when it is long.
type Encoder struct {
	buf      []byte
	pack     *packer // nil: strings are not compressed, unless forDump
	forDump  bool    // they are compressed to the byte as Redis does
	overflow func()  // called between pieces when buf is longer than flushBytes; may be nil
	scratch  []byte
}

// maxScratch bounds what an encoder keeps for the next value, in bytes.
const maxScratch = 64 << 10

// Made writes a string that make appends to what it gets.
func (e *Encoder) Made(make func(dst []byte) []byte) {
	s := make(e.scratch[:0])
	e.String(s)
	if cap(s) <= maxScratch {
		e.scratch = s
	}
}

// flushBytes is how much gathers before it is written.
const flushBytes = 64 << 10

func (e *Encoder) done() {
	if len(e.buf) >= flushBytes && e.overflow != nil {
		e.overflow()
	}
}

// Length writes a count.
func (e *Encoder) Length(n uint64) {
	e.buf = appendLength(e.buf, n)
	e.done()
}

// String writes a string in the shortest encoding: integer, compressed, plain.
func (e *Encoder) String(s []byte) {
	if len(s) >= largeString && e.overflow != nil {
		e.large(s)
		return
	}
	e.buf = e.appendString(e.buf, s)
	e.done()
}

// Int writes an integer as a string.
func (e *Encoder) Int(n int64) {
	e.buf = appendInt(e.buf, n)
	e.done()
}

// Double writes a number as 8 bytes.
func (e *Encoder) Double(f float64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(f))
	e.done()
}

// Uint64 writes 8 bytes, low byte first: times in milliseconds.
func (e *Encoder) Uint64(n uint64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, n)
	e.done()
}

// Raw writes bytes as they are.
func (e *Encoder) Raw(p []byte) {
	for e.overflow != nil && len(p) > piece {
		e.buf = append(e.buf, p[:piece]...)
		e.done()
		p = p[piece:]
	}
	e.buf = append(e.buf, p...)
	e.done()
}

func (e *Encoder) appendString(dst, s []byte) []byte {
	if len(s) <= maxIntText {
		if n, ok := shortInt(s); ok {
			return appendInt(dst, n)
		}
	}
	if (e.pack != nil || e.forDump) && len(s) >= minCompress {
		if packed, ok := e.appendPacked(dst, s); ok {
			return packed
		}
	}
	return append(appendLength(dst, uint64(len(s))), s...)
}

// packGain is how many bytes shorter a packed string is at least.
const packGain = 4

// maxLengthBytes is the longest form of a length.
const maxLengthBytes = 9

// appendPacked appends s compressed, if that makes it shorter.
func (e *Encoder) appendPacked(dst, s []byte) ([]byte, bool) {
	// The packed length is known only afterwards: leave room for the head.
	began := len(dst)
	var gap [1 + 2*maxLengthBytes]byte
	pack := e.pack.pack
	if e.forDump {
		pack = packForDump
	}
	packed, ok := pack(append(dst, gap[:]...), s, len(s)-packGain)
	if !ok {
		return packed[:began], false
	}
	body := packed[began+len(gap):]
	head := append(gap[:0], encLZF)
	head = appendLength(head, uint64(len(body)))
	head = appendLength(head, uint64(len(s)))
	dst = append(packed[:began], head...)
	return append(dst, body...), true // the gap is the longest head: this moves bytes down only
}

// shortInt reads s if it is an integer of 32 bits, written as it would be
// printed.
func shortInt(s []byte) (n int64, ok bool) {
	digits := s
	negative := len(s) > 0 && s[0] == '-'
	if negative {
		digits = s[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	if negative {
		n = -n
	}
	return n, n == int64(int32(n))
}

// appendInt appends an integer as a string: packed into 1, 2 or 4 bytes, or in
// decimal digits.
func appendInt(dst []byte, n int64) []byte {
	switch {
	case n == int64(int8(n)):
		return append(dst, encInt8, byte(n))
	case n == int64(int16(n)):
		return append(dst, encInt16, byte(n), byte(n>>8))
	case n == int64(int32(n)):
		return append(dst, encInt32, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	return append(append(dst, byte(len(text))), text...)
}

func appendLength(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, len14|byte(n>>8), byte(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, len64), n)
}

// A Decoder gives the pieces of one value. Errors of its methods must be
// returned by Decode as they are.
type Decoder struct {
	c       *cursor
	a       *arena
	batches bool // it reads many values, which end with their batch
	lenders []interface{ reset() }
}

// Length reads a count.
func (d *Decoder) Length() (uint64, error) { return d.c.count() }

// String reads a string.
func (d *Decoder) String() ([]byte, error) { return d.c.str(d.a) }

// Room is memory of n bytes, of any content, that is valid as long as what String gives.
func (d *Decoder) Room(n int) []byte { return d.a.alloc(n) }

// Double reads a number of 8 bytes.
func (d *Decoder) Double() (float64, error) { return d.c.double() }

// DoubleText reads a number as text, as TypeZset has it.
func (d *Decoder) DoubleText() (float64, error) {
	n, err := d.c.byte()
	if err != nil {
		return 0, err
	}
	switch n {
	case scoreNaN:
		return math.NaN(), nil
	case scorePosInf:
		return math.Inf(1), nil
	case scoreNegInf:
		return math.Inf(-1), nil
	}
	p, err := d.c.take(int(n))
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(p), 64)
	if err != nil { // its text has that of the score
		return 0, errScore
	}
	return f, nil
}

// Uint64 reads 8 bytes, low byte first.
func (d *Decoder) Uint64() (uint64, error) {
	p, err := d.c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(p), nil
}

// Raw reads n bytes as they are.
func (d *Decoder) Raw(n int) ([]byte, error) { return d.c.take(n) }
