package stream

import (
	"cmp"
	"math"
	"strconv"
)

// An ID names an entry: wall milliseconds, and a number among those of one millisecond.
type ID struct{ MS, Seq uint64 }

// MaxID is the highest ID.
func MaxID() ID { return ID{math.MaxUint64, math.MaxUint64} }

// IDLen is the longest text of an ID in bytes.
const IDLen = 20 + 1 + 20

// Compare is negative, 0 or positive as id is below, equal to or above other.
func (id ID) Compare(other ID) int {
	if c := cmp.Compare(id.MS, other.MS); c != 0 {
		return c
	}
	return cmp.Compare(id.Seq, other.Seq)
}

// Less reports whether id is below other.
func (id ID) Less(other ID) bool {
	return id.MS < other.MS || id.MS == other.MS && id.Seq < other.Seq
}

// IsZero reports whether id is 0-0.
func (id ID) IsZero() bool { return id == ID{} }

// Next is the ID after id; false: there is none, and 0-0 stands for it.
func (id ID) Next() (ID, bool) {
	switch {
	case id.Seq < math.MaxUint64:
		return ID{id.MS, id.Seq + 1}, true
	case id.MS < math.MaxUint64:
		return ID{id.MS + 1, 0}, true
	}
	return ID{}, false
}

// Prev is the ID before id; false: there is none.
func (id ID) Prev() (ID, bool) {
	switch {
	case id.Seq > 0:
		return ID{id.MS, id.Seq - 1}, true
	case id.MS > 0:
		return ID{id.MS - 1, math.MaxUint64}, true
	}
	return MaxID(), false
}

// AppendText appends the text of id, ms-seq, to dst.
func (id ID) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.MS, 10)
	return strconv.AppendUint(append(dst, '-'), id.Seq, 10)
}

func (id ID) String() string { return string(id.AppendText(nil)) }
