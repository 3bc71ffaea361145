package rdb

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrNotRDB says that a file does not begin as an RDB file does.
var ErrNotRDB = errors.New("not an RDB file: it does not begin with \"REDIS\" and a version")

// A VersionError is a file of a version that is not read.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("RDB version %d is not known: versions 1 to %d are read", e.Version, MaxVersion)
}

// A DamageError says that the bytes cannot be what was written.
type DamageError struct {
	Offset int64 // in the file, where it shows; the damage may stand before it
	From   int64 // where the item or the section that it is in begins
	Err    error // what is wrong; io.ErrUnexpectedEOF: the file ends too early

	// The key whose value it is in, as far as that is known; Kind is "" where it is not.
	DB   int
	Key  []byte
	Kind string // as "hash (ziplist)"
}

func (e *DamageError) Error() string {
	where := fmt.Sprintf("what begins at %d", e.From)
	if e.Kind != "" {
		where += fmt.Sprintf(", key \"%s\" of database %d, a %s", Printable(e.Key), e.DB, e.Kind)
	}
	return fmt.Sprintf("RDB damaged at offset %d (in %s): %v", e.Offset, where, e.Err)
}

func (e *DamageError) Unwrap() error { return e.Err }

// Report is what the log says of an error of a payload or a file: redis-server's line but for the place in
// its source. It has no bytes of what was read.
func Report(err error) string {
	offset := int64(0)
	var damage *DamageError
	if errors.As(err, &damage) {
		offset, err = damage.Offset, damage.Err
	}
	return fmt.Sprintf("Internal error in RDB reading offset %d -> %s", offset, reported(err))
}

// errEmpty is a value without elements: there is no such key.
var errEmpty = errors.New("a value without elements")

// EmptyError is what is wrong with a payload of type t that has no elements. Of a file such a key is passed
// over, as redis-server passes over those that earlier versions have written.
func EmptyError(t Type) error {
	switch t {
	case TypeSetIntset:
		return FaultIntset.Because(errEmpty)
	case TypeHashZipmap:
		return FaultZipmap.Because(errEmpty)
	}
	return errEmpty
}

// Printable is a key as messages have it: bounded, and without bytes that end a line, or
// that a terminal acts on.
func Printable(key []byte) string {
	const shown = 128 // bytes
	more := ""
	if len(key) > shown {
		key, more = key[:shown], "..."
	}
	q := strconv.Quote(string(key))
	return q[1:len(q)-1] + more
}

// A TypeError is a value of a type for which there is no codec. Functions and
// modules' data outside keys are such values too: they have no key.
type TypeError struct {
	DB     int
	Key    []byte // nil for what has no key
	Kind   string // what it is, as "list (quicklist)"
	Offset int64  // in the file, where the item begins
}

func (e *TypeError) Error() string {
	if e.Key == nil {
		return fmt.Sprintf("RDB holds a %s at offset %d, which this server cannot hold", e.Kind, e.Offset)
	}
	return fmt.Sprintf("key \"%s\" in database %d is a %s (at offset %d of the RDB), a type this server does not have",
		Printable(e.Key), e.DB, e.Kind, e.Offset)
}

// What damage can be.
var (
	errOpcode   = errors.New("neither a type nor an opcode")
	errLength   = errors.New("a length stands for a string, or a string for a length")
	errTooLong  = errors.New("a string longer than any that can be meant")
	errTooMany  = errors.New("a number out of range")
	errChecksum = errors.New("RDB CRC error: the checksum does not match")
	errScore    = errors.New("a score is not a number")
	errTrailing = errors.New("bytes follow the end")
	errModule   = errors.New("a module's value ends nowhere")
	errSection  = errors.New("a section does not begin as one")
	errLoose    = errors.New("an expiry, idle time or counter without a key")
)

// A readError is the reader's own: nothing is said about the bytes.
type readError struct{ err error }

func (e *readError) Error() string { return "read RDB: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// wrap gives an error its place, unless it has one or is the reader's.
func (c *cursor) wrap(err error) error {
	var read *readError
	var typed *TypeError
	var damage *DamageError
	var library *LibraryError
	if err == nil || errors.As(err, &read) || errors.As(err, &typed) || errors.As(err, &damage) || errors.As(err, &library) {
		return err
	}
	return &DamageError{Offset: c.base + int64(c.i), From: c.base + int64(c.keep), Err: err}
}

// wrapValue is wrap for an error in e, of whose key as much is known as was read.
func (c *cursor) wrapValue(err error, e *Entry) error {
	err = c.wrap(err)
	var damage *DamageError
	if e.Key != nil && errors.As(err, &damage) && damage.Kind == "" {
		damage.DB, damage.Key, damage.Kind = e.DB, append([]byte{}, e.Key...), e.Type.String()
	}
	return err
}

// A LibraryError says that a library of functions was refused: the file is right, and
// its code is not this server's.
type LibraryError struct{ Err error }

func (e *LibraryError) Error() string { return "library of functions: " + e.Err.Error() }

// Unwrap is why.
func (e *LibraryError) Unwrap() error { return e.Err }
