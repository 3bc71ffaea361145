package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// A Kind is a value's type: the byte it begins with on the wire.
type Kind byte

// The kinds of RESP2 and RESP3. Nulls of every form arrive as Null, booleans
// of RESP3 as Bool, both kinds of errors as Failure, verbatim strings as Bulk.
const (
	Status  Kind = '+'
	Failure Kind = '-'
	Integer Kind = ':'
	Bulk    Kind = '$'
	Array   Kind = '*'
	Null    Kind = '_'
	Bool    Kind = '#'
	Double  Kind = ','
	BigInt  Kind = '('
	Set     Kind = '~'
	Map     Kind = '%'
	Push    Kind = '>'
)

// kinds of the wire that Read turns into others.
const (
	wireFailure   = '!'
	wireVerbatim  = '='
	wireAttribute = '|'
)

// A Value is one decoded reply.
type Value struct {
	Kind Kind
	// Text is the payload of everything that is not an aggregate: a number
	// as it was written, "true" or "false" of a Bool.
	Text []byte
	// Elems are an aggregate's elements; a Map's keys and values alternate.
	Elems []Value
	// Verbatim says that a Bulk was a verbatim string: text for people.
	Verbatim bool
}

// IsError reports whether the value is an error reply.
func (v Value) IsError() bool { return v.Kind == Failure }

// Limits bound what a Reader takes from the other side.
type Limits struct {
	Bulk  int64 // bytes of one string
	Elems int64 // elements of one aggregate, or twice as many in a map
	Depth int   // aggregates within each other
	Total int64 // values of one reply, its aggregates' elements together
}

// DefaultLimits are a client's: Redis's own bounds for strings and commands.
func DefaultLimits() Limits {
	return Limits{Bulk: 512 << 20, Elems: 1 << 24, Depth: 32, Total: 1 << 26}
}

// maxHeaderLen bounds a line in bytes: a header, a status or an error.
const maxHeaderLen = 64 << 10

// chunkLen is how many bytes of a string are taken on trust: memory grows
// with what has arrived, not with what a header claims.
const chunkLen = 64 << 10

// ErrProtocol is wrapped by every error that says that what arrived is not
// RESP, or beyond the limits. The connection is of no use after it.
var ErrProtocol = errors.New("protocol error")

// A Reader decodes values from a stream. It is not safe for concurrent use.
type Reader struct {
	in     *bufio.Reader
	limits Limits
	left   int64 // values that the reply being read may still hold
}

// NewReader returns a reader of in.
func NewReader(in io.Reader, l Limits) *Reader {
	return &Reader{in: bufio.NewReaderSize(in, maxHeaderLen), limits: l}
}

// Buffered is the number of bytes read from the stream and not yet decoded.
func (r *Reader) Buffered() int { return r.in.Buffered() }

// Read returns the next value. io.EOF means that the stream has ended between
// two values, io.ErrUnexpectedEOF that it has ended within one.
func (r *Reader) Read() (Value, error) {
	if _, err := r.in.Peek(1); err != nil {
		return Value{}, err
	}
	r.left = r.limits.Total
	v, err := r.value(0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

// Blank reads a line feed that stands between two values, if one comes next: a replica
// says so that it lives.
func (r *Reader) Blank() (bool, error) {
	next, err := r.in.Peek(1)
	if err != nil || next[0] != '\n' {
		return false, err
	}
	_, err = r.in.Discard(1)
	return true, err
}

func (r *Reader) value(depth int) (Value, error) {
	if r.left--; r.left < 0 {
		return Value{}, fmt.Errorf("%w: more than %d values", ErrProtocol, r.limits.Total)
	}
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, fmt.Errorf("%w: an empty line", ErrProtocol)
	}
	kind, rest := Kind(line[0]), line[1:]
	switch kind {
	case Status, Failure, Integer, Double, BigInt:
		return Value{Kind: kind, Text: append([]byte(nil), rest...)}, nil
	case Null:
		return Value{Kind: Null}, nil
	case Bool:
		return boolean(rest)
	case Bulk, wireFailure, wireVerbatim:
		return r.bulk(kind, rest)
	case Array, Set, Map, Push:
		return r.aggregate(kind, rest, depth)
	case wireAttribute:
		return r.attributed(rest, depth)
	}
	return Value{}, fmt.Errorf("%w: type byte %q", ErrProtocol, line[0])
}

// line returns the next line without its end; valid until the next read.
func (r *Reader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("%w: a line longer than %d bytes", ErrProtocol, maxHeaderLen)
	}
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("%w: a line that does not end in CRLF", ErrProtocol)
	}
	return line[:len(line)-2], nil
}

func boolean(text []byte) (Value, error) {
	switch string(text) {
	case "t":
		return Value{Kind: Bool, Text: []byte("true")}, nil
	case "f":
		return Value{Kind: Bool, Text: []byte("false")}, nil
	}
	return Value{}, fmt.Errorf("%w: boolean %q", ErrProtocol, text)
}

// length reads a header's number; -1 is a null of RESP2.
func length(text []byte, most int64) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < -1 || n > most {
		return 0, fmt.Errorf("%w: length %.32q (at most %d)", ErrProtocol, text, most)
	}
	return n, nil
}

func (r *Reader) bulk(kind Kind, header []byte) (Value, error) {
	n, err := length(header, r.limits.Bulk)
	if err != nil {
		return Value{}, err
	}
	if n < 0 {
		return Value{Kind: Null}, nil
	}
	text, err := r.take(n)
	if err != nil {
		return Value{}, err
	}
	switch kind {
	case wireFailure:
		return Value{Kind: Failure, Text: text}, nil
	case wireVerbatim:
		if len(text) < 4 || text[3] != ':' {
			return Value{}, fmt.Errorf("%w: a verbatim string without a format", ErrProtocol)
		}
		return Value{Kind: Bulk, Text: text[4:], Verbatim: true}, nil
	}
	return Value{Kind: Bulk, Text: text}, nil
}

// take reads n bytes and the line end behind them.
func (r *Reader) take(n int64) ([]byte, error) {
	text := make([]byte, 0, min(n, chunkLen))
	for int64(len(text)) < n {
		from := len(text)
		more := min(n-int64(from), max(chunkLen, int64(from))) // at most doubles
		text = append(text, make([]byte, more)...)
		if _, err := io.ReadFull(r.in, text[from:]); err != nil {
			return nil, err
		}
	}
	var end [2]byte
	if _, err := io.ReadFull(r.in, end[:]); err != nil {
		return nil, err
	}
	if end != [2]byte{'\r', '\n'} {
		return nil, fmt.Errorf("%w: a string that does not end in CRLF", ErrProtocol)
	}
	return text, nil
}

func (r *Reader) aggregate(kind Kind, header []byte, depth int) (Value, error) {
	n, err := length(header, r.limits.Elems)
	if err != nil {
		return Value{}, err
	}
	if n < 0 {
		return Value{Kind: Null}, nil
	}
	if depth == r.limits.Depth {
		return Value{}, fmt.Errorf("%w: more than %d levels", ErrProtocol, r.limits.Depth)
	}
	if kind == Map {
		n *= 2
	}
	v := Value{Kind: kind, Elems: []Value{}}
	for range n {
		e, err := r.value(depth + 1)
		if err != nil {
			return Value{}, err
		}
		v.Elems = append(v.Elems, e)
	}
	return v, nil
}

// attributed drops the attributes in front of a value: they are hints.
func (r *Reader) attributed(header []byte, depth int) (Value, error) {
	if _, err := r.aggregate(Map, header, depth); err != nil {
		return Value{}, err
	}
	if depth == r.limits.Depth {
		return Value{}, fmt.Errorf("%w: more than %d levels", ErrProtocol, r.limits.Depth)
	}
	return r.value(depth + 1)
}
