package engine

import "regent/engine/rdb"

// Libraries are what a server holds outside its keys: libraries of functions. They are a
// room's; what is kept of them goes with the data, in files, full copies and the log:
//
//	FUNCTION LOAD ─► record of the log ─► followers, the next start
//	snapshot      ─► SnapshotInfo.Libraries ─► RDB files, the base of the log, full copies
//	load          ─► Engine.LoadLibrary
//
// What is committed of them is decided as of keys: the commands that change them lock every
// shard, and so does the cut of a snapshot.
type Libraries interface {
	// Codes are the sources of all libraries. The caller locks every shard, and changes
	// nothing of the result, nor does anybody later.
	Codes() [][]byte
	// Bytes is about what they take of the memory.
	Bytes() int64
	// Load adds a library from a file, in the place of one with the same name.
	Load(code []byte) error
	// Count is how many libraries and functions there are, and how many bytes of source.
	// It may be called at any time.
	Count() (libraries, functions, bytes int64)
	// Reset forgets all. The caller locks every shard.
	Reset()
}

// LoadLibrary adds a library that stands in a file. An error means that this server cannot
// run it.
func (e *Engine) LoadLibrary(code []byte) (err error) {
	if e.libraries == nil {
		return &rdb.TypeError{Kind: "function library"}
	}
	e.Freeze(func() { err = e.libraries.Load(code) })
	return err
}

// codes are the sources of all libraries; the caller locks every shard.
func (e *Engine) codes() [][]byte {
	if e.libraries == nil {
		return nil
	}
	return e.libraries.Codes()
}

// Ticks is a monotonic clock in nanoseconds.
func (c *Ctx) Ticks() int64 { return c.e.host.Ticks() }

// Logf writes a line to the server's log.
func (c *Ctx) Logf(level Level, format string, args ...any) { c.e.host.Logf(level, format, args...) }
