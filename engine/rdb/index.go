package rdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// The index at the end of a file that was written with Sections:
//
//	AUX regent-index     "N sections" 00 (offset crc)... (offset crc)
//	                                      each section    the index
//	AUX regent-index-at  16 hex digits: where the index's AUX begins
//	EOF checksum
//
// The last field and the end have a fixed length, so a reader with random
// access finds the index from behind. It is trusted when the checksum that runs
// on from the index's own entry comes out at the file's end.

const (
	auxIndex   = "regent-index"
	auxIndexAt = "regent-index-at"

	sectionEntryBytes = 16
	// indexTailBytes: AUX, two short strings, EOF, checksum.
	indexTailBytes = 1 + 1 + len(auxIndexAt) + 1 + 16 + 1 + trailerBytes
	// maxIndexBytes bounds an index that is believed: 4 million sections, a TiB.
	maxIndexBytes = 64 << 20
)

// A section is where it begins, and the checksum of all before it.
type section struct {
	off int64
	crc uint64
}

// An index is the sections in order; the last entry is the index itself.
type index []section

// last is where the newest section begins.
func (x index) last() int64 {
	if len(x) == 0 {
		return 0
	}
	return x[len(x)-1].off
}

func (w *Writer) writeIndex() {
	at := w.index.last()
	if int64(len(w.index))*sectionEntryBytes > maxIndexBytes-64 {
		return // larger than a reader would believe: it reads the file in order
	}
	body := fmt.Appendf(nil, "%d sections\x00", len(w.index)-1)
	for _, s := range w.index {
		body = binary.LittleEndian.AppendUint64(body, uint64(s.off))
		body = binary.LittleEndian.AppendUint64(body, s.crc)
	}
	b := append(w.enc.buf, opAux)
	b = append(appendLength(b, uint64(len(auxIndex))), auxIndex...)
	b = append(appendLength(b, uint64(len(body))), body...)
	b = append(b, opAux)
	b = append(appendLength(b, uint64(len(auxIndexAt))), auxIndexAt...)
	w.enc.buf = fmt.Appendf(append(b, 16), "%016x", at)
}

// readIndex looks for an index in a file of size bytes. Without one that can
// be trusted it returns nil: the file is then read in order, and what is wrong
// with it is found there.
func readIndex(r io.ReaderAt, size int64) index {
	if size < int64(indexTailBytes+magicBytes) {
		return nil
	}
	var tail [indexTailBytes]byte
	if _, err := r.ReadAt(tail[:], size-int64(indexTailBytes)); err != nil && err != io.EOF {
		return nil
	}
	head := append([]byte{opAux, byte(len(auxIndexAt))}, auxIndexAt...)
	digits, ok := bytes.CutPrefix(tail[:], append(head, 16))
	if !ok || digits[16] != opEOF {
		return nil
	}
	at, err := strconv.ParseInt(string(digits[:16]), 16, 64)
	if err != nil || at < int64(magicBytes) || at >= size-int64(indexTailBytes) || size-at > maxIndexBytes {
		return nil
	}
	end := make([]byte, size-at) // exists: it is within size
	if _, err := r.ReadAt(end, at); err != nil && err != io.EOF {
		return nil
	}
	return parseIndex(end, at)
}

// parseIndex reads the end of a file, which begins at offset at with the index.
func parseIndex(end []byte, at int64) (x index) {
	c := cursor{buf: end}
	var room arena
	if op, err := c.byte(); err != nil || op != opAux {
		return nil
	}
	if key, err := c.str(&room); err != nil || string(key) != auxIndex {
		return nil
	}
	value, err := c.str(&room)
	if err != nil || len(end)-c.i != indexTailBytes {
		return nil
	}
	_, body, _ := bytes.Cut(value, []byte{0})
	if len(body) == 0 || len(body)%sectionEntryBytes != 0 {
		return nil
	}
	for ; len(body) > 0; body = body[sectionEntryBytes:] {
		s := section{int64(binary.LittleEndian.Uint64(body)), binary.LittleEndian.Uint64(body[8:])}
		if s.off < int64(magicBytes) || len(x) > 0 && s.off <= x.last() || s.off > at {
			return nil
		}
		x = append(x, s)
	}
	trailer := binary.LittleEndian.Uint64(end[len(end)-trailerBytes:])
	if x.last() != at || trailer == 0 || Checksum(x[len(x)-1].crc, end[:len(end)-trailerBytes]) != trailer {
		return nil
	}
	return x
}
