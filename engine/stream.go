package engine

import (
	"errors"
	"io"

	"regent/engine/units"
)

// ErrUntouched is wrapped by the error of a change to the log that did not begin.
var ErrUntouched = errors.New("the log is as it was")

// A Stream is the log as the cluster sees it: bytes at offsets, with the
// epochs they were written in. The log package implements it. Offsets count
// from the first byte ever written; equal (epoch, offset) on two nodes means
// equal bytes up to there.
//
// The bytes are records: commands in RESP, among them SELECT, MULTI and EXEC,
// and for each epoch one line (units.AppendEpoch) before its first command. A
// unit is a record, or everything from MULTI to EXEC (package units). Every offset that the
// stream reports or takes, the position of a reader on its way apart, lies
// between two units.
type Stream interface {
	// End is the offset after the last sealed byte (sealed: handed to the
	// operating system); Start is the first offset still on disk.
	Start() int64
	End() int64
	// Durable is the offset up to which the log is durable as appendfsync
	// asks: fsynced with always, written otherwise.
	Durable() int64
	// LastEpoch is the epoch of the last record, 0 for an empty log.
	LastEpoch() int64
	// History lists where each epoch began, oldest first.
	History() []EpochStart
	// BeginEpoch appends the record that begins an epoch, seals it, and
	// returns the offset after it.
	BeginEpoch(epoch, leader int64) (end int64, err error)
	// AppendRaw adds a leader's bytes at offset off: a follower's way of
	// writing. It returns when they were handed to the operating system
	// (always: fsynced). p may end anywhere: the beginning of a unit at its end
	// is kept in memory, and End counts it only when the rest has come. So off
	// is either where the last call's bytes ended, or End, which forgets such a
	// beginning: what a follower asks for when it connects anew.
	AppendRaw(off int64, p []byte) error
	// Truncate cuts everything after off, on disk, durably. Readers beyond off
	// fail from then on. ErrUntouched: there is no space for it now.
	Truncate(off int64) error
	// DBAt is the database that is selected at off, for what applies records
	// from there on.
	DBAt(off int64) (int, error)
	// NewReader reads sealed bytes from off on; at the end of the log Read
	// returns 0, io.EOF and may be called again. Notify tells when.
	NewReader(off int64) (StreamReader, error)
	// Reserve keeps the bytes from off on on disk, whatever is rewritten, until
	// release is called, which may be repeated; a reader does so as well. It does
	// no I/O, and may be called with the engine frozen. How much is kept so is
	// bounded, and a log that is replaced as a whole keeps nothing.
	Reserve(off int64) (release func(), err error)
	// Notify returns a channel that is closed at the next seal or fsync.
	Notify() <-chan struct{}
}

// A StreamReader reads the log from memory where it is recent and from disk
// where it is not.
type StreamReader interface {
	io.ReadCloser
	Offset() int64
}

// An EpochStart says at which offset an epoch's first record begins.
type EpochStart = units.Epoch
