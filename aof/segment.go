package aof

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"path/filepath"
	"sort"
	"strconv"

	"regent/aof/disk"
	"regent/engine"
	"regent/resp"
)

// A segment is one file of the log that holds a part of the stream.
type segment struct {
	entry
	file disk.File
	salt uint32
	// head tells how the segment continues what is before it.
	head head

	// What follows grows with the segment, under Log.tail once it is open to
	// readers.
	end   int64 // stream offset after its last group
	size  int64 // file position after its last group
	index []indexEntry

	allocated int64 // file position up to which there are blocks; the turn's
}

// An indexEntry says where in the file the group begins whose bytes begin at
// offset off, and which database is selected there.
type indexEntry struct {
	off, pos int64
	db       int
}

// indexStep is how many bytes of a file there are at least between two
// entries of its index: what is read to find an offset.
const indexStep = 64 << 10

// A head is the first frame of a file that Regent wrote: annotation lines, and
// a SELECT for readers that know nothing of offsets.
type head struct {
	start    int64 // stream offset of the file's first record
	db       int   // selected there
	salt     uint32
	imported bool // what is before was written by Redis: not part of the stream
	history  []engine.EpochStart
}

// maxHistory bounds the epochs that a head lists: the newest. A follower that
// left before the oldest of them gets a full copy.
const maxHistory = 1024

// maxHead bounds a head in bytes.
const maxHead = 256 + maxHistory*72

const (
	headMark  = "#REGENT "
	headEpoch = "#BEGAN "
)

// encode makes the head's frame. Its lines' checksums have no salt: the salt
// is what a reader learns from it.
func (h *head) encode() []byte {
	data := fmt.Appendf(nil, headMark+"1 %d %d %08x %t\n", h.start, h.db, h.salt, h.imported)
	history := h.history[max(0, len(h.history)-maxHistory):]
	for _, e := range history {
		data = fmt.Appendf(data, headEpoch+"%d %d %d\n", e.Epoch, e.Leader, e.Offset)
	}
	data = resp.AppendCommand(data, "SELECT", strconv.Itoa(h.db))
	out := appendOpening(nil, kindHead, 0, data)
	out = append(out, data...)
	return appendClosing(out, kindHead, 0, lastEpoch(history), h.start)
}

// errForeign says that a file has no head: Redis wrote it.
var errForeign = errors.New("no head")

// readHead reads the head at the start of a file, and its size there.
func readHead(f disk.File) (h head, size int64, err error) {
	buf, err := headBytes(f)
	if err != nil {
		return h, 0, err
	}
	o, ok := parseOpening(buf, 0)
	switch {
	case !ok && nearlyHead(buf):
		return h, 0, errors.New("its head's first line does not match its checksum")
	case !ok || o.kind != kindHead:
		return h, 0, errForeign
	case int64(len(buf)-o.size) < o.length:
		return h, 0, errors.New("its head is cut short")
	}
	data := buf[o.size : int64(o.size)+o.length]
	if checksum(data) != o.sum {
		return h, 0, errors.New("its head does not match its checksum")
	}
	c, ok := parseClosing(buf[int64(o.size)+o.length:], 0)
	if !ok || c.kind != kindHead {
		return h, 0, errors.New("its head does not end")
	}
	h, err = parseHead(data)
	return h, int64(o.size) + o.length + int64(c.size), err
}

// headBytes is the start of a file up to the end of its head, or as much as a
// head can be if it does not begin as one.
func headBytes(f disk.File) ([]byte, error) {
	buf := make([]byte, maxLine)
	n, err := readUpTo(f, buf, 0)
	if err != nil {
		return nil, err
	}
	size := int64(maxHead)
	if o, ok := parseOpening(buf[:n], 0); ok && o.length <= maxHead {
		size = int64(o.size) + o.length + maxLine
	}
	buf = make([]byte, size)
	n, err = readUpTo(f, buf, 0)
	return buf[:n], err
}

// nearlyHead reports whether b begins as a head does, or nearly: such a file is
// not taken for one of Redis's, which begin with '*', "#TS:" or "REDIS".
func nearlyHead(b []byte) bool { return nearly(b, "#"+string(rune(kindHead))+"+") }

// nearly reports whether b begins with text, but for a flipped bit or two.
func nearly(b []byte, text string) bool {
	const allowed = 2
	if len(b) < len(text) {
		return false
	}
	flipped := 0
	for i := range len(text) {
		flipped += bits.OnesCount8(b[i] ^ text[i])
	}
	return flipped <= allowed
}

func parseHead(data []byte) (h head, err error) {
	var version int
	for line := range bytes.Lines(data) {
		text := string(line)
		switch {
		case bytes.HasPrefix(line, []byte(headMark)):
			_, err = fmt.Sscanf(text, headMark+"%d %d %d %x %t\n", &version, &h.start, &h.db, &h.salt, &h.imported)
		case bytes.HasPrefix(line, []byte(headEpoch)):
			var e engine.EpochStart
			_, err = fmt.Sscanf(text, headEpoch+"%d %d %d\n", &e.Epoch, &e.Leader, &e.Offset)
			h.history = append(h.history, e)
		}
		if err != nil {
			return h, fmt.Errorf("its head says %q: %w", text, err)
		}
	}
	if version != 1 {
		return h, fmt.Errorf("its head is of version %d, this server reads 1", version)
	}
	return h, nil
}

// readUpTo fills buf from off as far as the file goes.
func readUpTo(f disk.File, buf []byte, off int64) (int, error) {
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	buf = buf[:max(0, min(int64(len(buf)), size-off))]
	if len(buf) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(buf, off)
	if n == len(buf) {
		err = nil
	}
	return n, err
}

// newSegment makes a file with head h durably under its name. It is not part
// of the log before a manifest lists it.
func newSegment(fsys disk.FS, dir string, e entry, h head) (_ *segment, err error) {
	path := filepath.Join(dir, e.name)
	text := h.encode()
	if err := writeAside(fsys, path, text); err != nil {
		return nil, fmt.Errorf("make %s: %w", e.name, err)
	}
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	s := &segment{entry: e, file: f}
	s.begin(h, int64(len(text)))
	return s, nil
}

// begin sets s to an empty segment whose head ends at file position size.
func (s *segment) begin(h head, size int64) {
	s.head, s.salt, s.end, s.size = h, h.salt, h.start, size
	s.index = []indexEntry{{h.start, size, h.db}}
	s.allocated = 0
}

// grew notes a group of n file bytes that ends at offset end; at its start
// database db was selected.
func (s *segment) grew(n, end int64, db int) {
	if last := s.index[len(s.index)-1]; s.size-last.pos >= indexStep {
		s.index = append(s.index, indexEntry{s.end, s.size, db})
	}
	s.size += n
	s.end = end
}

// place returns the last index entry at or before off.
func (s *segment) place(off int64) indexEntry {
	i := sort.Search(len(s.index), func(i int) bool { return s.index[i].off > off })
	return s.index[max(0, i-1)]
}

// cutIndex drops the entries at or behind file position pos, the first apart.
func (s *segment) cutIndex(pos int64) {
	i := sort.Search(len(s.index), func(i int) bool { return s.index[i].pos >= pos })
	s.index = s.index[:max(1, i)]
}

func lastEpoch(history []engine.EpochStart) int64 {
	if len(history) == 0 {
		return 0
	}
	return history[len(history)-1].Epoch
}

// newSalt draws a salt; 0 is the heads' own.
func newSalt(h engine.Host) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], h.Rand())
	return max(1, checksum(b[:]))
}
