package rdb

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// WriterOptions say how a file is written.
type WriterOptions struct {
	Compress bool // long strings with LZF: rdbcompression
	Checksum bool // the checksum at the end and in the index: rdbchecksum
	// Sections adds an index, so that LoadAt can use all cores. It takes
	// Checksum to be trusted, and is left out without.
	Sections bool
	// Manual leaves it to the caller to call Flush: no other method writes to
	// the io.Writer, so they may be called with a lock held. Buffered says how
	// much has gathered.
	Manual bool
}

// A Writer writes one RDB file: Header, then for each database SelectDB and
// its keys, then Close. Errors of the io.Writer are kept, and returned by
// Flush and Close. A key costs no allocation.
type Writer struct {
	enc    Encoder
	dst    io.Writer
	o      WriterOptions
	crc    uint64 // of all bytes before summed
	summed int    // how much of enc.buf crc covers
	off    int64  // offset in the file of enc.buf[0]
	err    error
	db     int
	index  index
}

// sectionBytes is how long a section grows before the next key begins another.
const sectionBytes = 256 << 10

// NewWriter begins a file. The caller makes dst durable, if it should be.
func NewWriter(dst io.Writer, o WriterOptions) *Writer {
	o.Sections = o.Sections && o.Checksum
	w := &Writer{dst: dst, o: o, db: -1}
	w.enc.buf = make([]byte, 0, 2*flushBytes)
	if o.Compress {
		w.enc.pack = new(packer)
	}
	if !o.Manual {
		w.enc.overflow = w.flush
	}
	w.enc.buf = fmt.Appendf(w.enc.buf, "%s%04d", magic, Version)
	return w
}

// A UseKind says what is known of how much a key was used.
type UseKind uint8

const (
	UseUnknown UseKind = iota
	UseIdle            // Use is seconds since the last access
	UseFreq            // Use is the logarithmic counter of LFU, 0 to 255
)

// Meta is what a key has beside its value.
type Meta struct {
	Expire  int64 // milliseconds since 1970; 0: it does not expire
	UseKind UseKind
	Use     uint64
}

// Aux writes a fact about the file.
func (w *Writer) Aux(key, value string) {
	w.enc.buf = append(w.enc.buf, opAux)
	w.enc.String([]byte(key))
	w.enc.String([]byte(value))
}

// Library writes a library of functions, before the first database.
func (w *Writer) Library(code []byte) {
	w.enc.buf = append(w.enc.buf, opFunction)
	w.enc.String(code)
}

// SelectDB begins a database; keys and expires are its sizes, for readers to
// make room.
func (w *Writer) SelectDB(db int, keys, expires uint64) {
	if db < 0 || db > maxDB {
		panic("rdb: database " + strconv.Itoa(db))
	}
	w.db = db
	w.section()
	w.enc.buf = append(w.enc.buf, opResizeDB)
	w.enc.buf = appendLength(w.enc.buf, keys)
	w.enc.buf = appendLength(w.enc.buf, expires)
}

// String writes a key with a string.
func (w *Writer) String(m *Meta, key, value []byte) {
	w.key(m, TypeString, key)
	w.enc.String(value)
}

// Int writes a key with a string that is an integer.
func (w *Writer) Int(m *Meta, key []byte, n int64) {
	w.key(m, TypeString, key)
	w.enc.Int(n)
}

// Value writes a key with a value of c's type.
func (w *Writer) Value(m *Meta, key []byte, c Codec, v any) {
	t := c.Pick(v)
	w.key(m, t, key)
	c.Encode(&w.enc, t, v)
}

// key writes all that stands before a value.
func (w *Writer) key(m *Meta, t Type, key []byte) {
	if w.db < 0 {
		panic("rdb: a key before SelectDB")
	}
	if w.o.Sections && w.off+int64(len(w.enc.buf))-w.index.last() >= sectionBytes {
		w.section()
	}
	b := w.enc.buf
	if m.Expire != 0 {
		b = binary.LittleEndian.AppendUint64(append(b, opExpireMs), uint64(m.Expire))
	}
	switch m.UseKind {
	case UseIdle:
		b = appendLength(append(b, opIdle), m.Use)
	case UseFreq:
		b = append(b, opFreq, byte(min(m.Use, 255)))
	}
	w.enc.buf = w.enc.appendString(append(b, byte(t)), key)
}

// section begins a section: a place from which a reader can start.
func (w *Writer) section() {
	if w.o.Sections {
		w.mark()
	}
	w.enc.buf = appendLength(append(w.enc.buf, opSelectDB), uint64(w.db))
}

// mark enters the place reached into the index.
func (w *Writer) mark() {
	w.sum()
	w.index = append(w.index, section{w.off + int64(len(w.enc.buf)), w.crc})
}

// sum brings the checksum up to the end of the buffer.
func (w *Writer) sum() {
	if w.o.Checksum {
		w.crc = Checksum(w.crc, w.enc.buf[w.summed:])
	}
	w.summed = len(w.enc.buf)
}

// Buffered is how many bytes wait for Flush.
func (w *Writer) Buffered() int { return len(w.enc.buf) }

// Written is how long the file is so far, in bytes.
func (w *Writer) Written() int64 { return w.off + int64(len(w.enc.buf)) }

// Err is the first error of the io.Writer.
func (w *Writer) Err() error { return w.err }

// Flush writes what has gathered.
func (w *Writer) Flush() error {
	w.flush()
	return w.err
}

func (w *Writer) flush() {
	w.sum()
	if w.err == nil && len(w.enc.buf) > 0 {
		n, err := w.dst.Write(w.enc.buf)
		if err == nil && n < len(w.enc.buf) {
			err = io.ErrShortWrite
		}
		if err != nil {
			w.err = fmt.Errorf("write RDB: %w", err)
		}
	}
	w.off += int64(len(w.enc.buf))
	w.summed = 0
	if cap(w.enc.buf) > maxKeptBuffer {
		w.enc.buf = make([]byte, 0, 2*flushBytes)
	}
	w.enc.buf = w.enc.buf[:0]
}

// maxKeptBuffer is how large a buffer may be to be used again, in bytes.
const maxKeptBuffer = 4 << 20

// Close ends the file. The io.Writer stays open.
func (w *Writer) Close() error {
	if w.o.Sections {
		w.mark()
		w.writeIndex()
	}
	w.enc.buf = append(w.enc.buf, opEOF)
	w.sum() // stays 0 without Checksum, which means: not computed
	w.enc.buf = binary.LittleEndian.AppendUint64(w.enc.buf, w.crc)
	return w.Flush()
}
