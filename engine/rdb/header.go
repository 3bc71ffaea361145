package rdb

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Names of AUX fields. Regent's own begin with "regent-".
const (
	AuxVersion  = "redis-ver"
	AuxBits     = "redis-bits"
	AuxCreated  = "ctime"    // seconds since 1970
	AuxMemory   = "used-mem" // bytes
	AuxBase     = "aof-base" // 1: the base of an append log
	AuxEpoch    = "regent-epoch"
	AuxOffset   = "regent-offset"
	AuxHistory  = "regent-history"
	maxAuxKept  = 256      // fields of one file that are remembered
	maxAuxBytes = 16 << 20 // bytes of them
)

// Info is what a file says about itself at its beginning.
type Info struct {
	Server  string // version of the server, as Redis clients expect it
	Created int64  // seconds since 1970
	Memory  int64  // bytes in use when it was written
	Base    bool   // it is the base of an append log
	Place   *Place // where in the log it was taken; nil: nowhere
}

// A Place is a position in the log, with the history that leads to it.
type Place struct {
	Epoch   int64
	Offset  int64
	History []EpochStart // oldest first
}

// An EpochStart says at which offset an epoch's first record begins.
type EpochStart struct {
	Epoch, Leader, Offset int64
}

// Header writes the fields that stand at the beginning of a file.
func (w *Writer) Header(i Info) {
	w.Aux(AuxVersion, i.Server)
	w.Aux(AuxBits, "64")
	w.Aux(AuxCreated, strconv.FormatInt(i.Created, 10))
	w.Aux(AuxMemory, strconv.FormatInt(i.Memory, 10))
	base := "0"
	if i.Base {
		base = "1"
	}
	w.Aux(AuxBase, base)
	if i.Place != nil {
		w.Aux(AuxEpoch, strconv.FormatInt(i.Place.Epoch, 10))
		w.Aux(AuxOffset, strconv.FormatInt(i.Place.Offset, 10))
		w.Aux(AuxHistory, formatHistory(i.Place.History))
	}
}

// formatHistory is epoch:leader:offset, separated by commas.
func formatHistory(h []EpochStart) string {
	var b strings.Builder
	for i, s := range h {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d:%d:%d", s.Epoch, s.Leader, s.Offset)
	}
	return b.String()
}

func parseHistory(text string) (h []EpochStart, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		var s EpochStart
		if _, err := fmt.Sscanf(part, "%d:%d:%d", &s.Epoch, &s.Leader, &s.Offset); err != nil {
			return nil, fmt.Errorf("%s: %q is not epoch:leader:offset", AuxHistory, part)
		}
		if n := len(h); s.Offset < 0 || n > 0 && (s.Epoch <= h[n-1].Epoch || s.Offset < h[n-1].Offset) {
			return nil, fmt.Errorf("%s: %q does not follow what stands before it", AuxHistory, part)
		}
		h = append(h, s)
	}
	return h, nil
}

// An AuxField is one fact that a file states about itself.
type AuxField struct{ Key, Value string }

// Aux are a file's facts in their order.
type Aux []AuxField

// Get returns the value of the last field called key, or "".
func (a Aux) Get(key string) string {
	for i := len(a) - 1; i >= 0; i-- {
		if a[i].Key == key {
			return a[i].Value
		}
	}
	return ""
}

// Place reads where in the log the file was taken; nil if it does not say.
func (a Aux) Place() (*Place, error) {
	epoch, offset := a.Get(AuxEpoch), a.Get(AuxOffset)
	if epoch == "" && offset == "" {
		return nil, nil
	}
	var p Place
	var err error
	if p.Epoch, err = strconv.ParseInt(epoch, 10, 64); err != nil {
		return nil, fmt.Errorf("%s: %w", AuxEpoch, err)
	}
	if p.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return nil, fmt.Errorf("%s: %w", AuxOffset, err)
	}
	if p.Epoch < 0 || p.Offset < 0 {
		return nil, fmt.Errorf("%s %d, %s %d: below 0", AuxEpoch, p.Epoch, AuxOffset, p.Offset)
	}
	if p.History, err = parseHistory(a.Get(AuxHistory)); err != nil {
		return nil, err
	}
	return &p, nil
}

// ReadHeader reads the beginning of a file: its version and the fields that
// stand before all else. It may read further than they go, and does not look
// at the checksum.
func ReadHeader(r io.Reader) (version int, a Aux, err error) {
	c := cursor{feed: headerFeed{io.LimitReader(r, maxAuxBytes)}}
	if version, err = c.magic(); err != nil {
		return 0, nil, err
	}
	var room arena
	for len(a) < maxAuxKept {
		c.keep = c.i
		if op, err := c.byte(); err != nil || op != opAux {
			return version, a, c.wrap(err)
		}
		f, err := c.aux(&room)
		if err != nil {
			return version, a, c.wrap(err)
		}
		a = append(a, f)
	}
	return version, a, nil
}

// headerBytes is how much is read at a time of a file's beginning.
const headerBytes = 4 << 10

// A headerFeed keeps all that it read.
type headerFeed struct{ r io.Reader }

func (f headerFeed) more(c *cursor) error {
	c.buf = slices.Grow(c.buf, headerBytes)
	return fill(f.r, c)
}

// fill reads into the free end of c.buf, one byte at least.
func fill(r io.Reader, c *cursor) error {
	n, err := io.ReadAtLeast(r, c.buf[len(c.buf):cap(c.buf)], 1)
	c.buf = c.buf[:len(c.buf)+n]
	switch {
	case n > 0: // an error that came with bytes comes again
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF // wherever more is asked for, the end is too early
	}
	return &readError{err}
}

// magic reads the first nine bytes.
func (c *cursor) magic() (version int, err error) {
	p, err := c.take(magicBytes)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		if have := string(c.buf); strings.HasPrefix(magic, have[:min(len(have), len(magic))]) {
			return 0, c.wrap(err)
		}
		return 0, ErrNotRDB
	}
	if err != nil {
		return 0, c.wrap(err)
	}
	if string(p[:len(magic)]) != magic {
		return 0, ErrNotRDB
	}
	for _, d := range p[len(magic):] {
		if d < '0' || d > '9' {
			return 0, ErrNotRDB
		}
		version = version*10 + int(d-'0')
	}
	if version < 1 || version > MaxVersion {
		return 0, &VersionError{version}
	}
	return version, nil
}

// aux reads an AUX field after its opcode.
func (c *cursor) aux(a *arena) (f AuxField, err error) {
	key, err := c.str(a)
	if err != nil {
		return f, err
	}
	f.Key = string(key) // a copy: the next read may move the buffer
	value, err := c.str(a)
	f.Value = string(value)
	return f, err
}
