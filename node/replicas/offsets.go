package replicas

import (
	"encoding/hex"
	"fmt"
	"strconv"

	"regent/engine"
	"regent/engine/units"
	"regent/resp"
)

// nameBytes is how much of a replication ID is the history's, in hex digits; the rest is
// the epoch's.
const nameBytes = 24

// lineLen is the length of the line that begins an epoch.
func lineLen(e engine.EpochStart) int64 {
	return int64(len(units.AppendEpoch(nil, e.Epoch, e.Leader)))
}

// outside is what replicas call the offset off of a log with that history.
func outside(history []engine.EpochStart, off int64) int64 {
	n := off
	for _, e := range history {
		if e.Offset < off {
			n -= lineLen(e)
		}
	}
	return n
}

// A spot is a place in the log where a stream may begin: no epoch begins there.
type spot struct {
	off   int64
	epoch int64
}

// past is the spot at off, behind the lines of epochs that begin there.
func past(history []engine.EpochStart, off int64) spot {
	at := spot{off: off}
	for _, e := range history {
		if e.Offset > at.off {
			break
		}
		if at.epoch = e.Epoch; e.Offset == at.off {
			at.off += lineLen(e)
		}
	}
	return at
}

// inside finds where a replica goes on that has everything up to an offset of its own in
// an epoch, or says that this is not a part of this log, which holds committed bytes.
func inside(history []engine.EpochStart, epoch, theirs, committed int64) (at spot, ok bool) {
	begun, end, known := int64(0), committed, epoch == 0
	off := theirs
	for _, e := range history {
		if e.Epoch > epoch {
			end = min(end, e.Offset)
			break
		}
		off += lineLen(e)
		begun, known = e.Offset+lineLen(e), e.Epoch == epoch
	}
	if !known || off < begun || off > end {
		return spot{}, false
	}
	return past(history, off), true
}

// nextEpoch is where the first epoch behind off begins, or at it.
func nextEpoch(history []engine.EpochStart, off int64) (at int64, ok bool) {
	for _, e := range history {
		if e.Offset >= off {
			return e.Offset, true
		}
	}
	return 0, false
}

// idOf is the replication ID of an epoch of a history, whose name has hex digits.
func idOf(name string, epoch int64) string {
	return fmt.Sprintf("%.*s%016x", nameBytes, name, epoch)
}

// epochOf is idOf's reverse; false: it is of another history.
func epochOf(name, id string) (epoch int64, ok bool) {
	if len(id) != nameBytes+16 || len(name) < nameBytes || id[:nameBytes] != name[:nameBytes] {
		return 0, false
	}
	if _, err := hex.DecodeString(id); err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(id[nameBytes:], 16, 64)
	return n, err == nil
}

// selecting is the record that comes first after a full copy for one that does not read
// in its head which database is selected.
func selecting(db int) []byte {
	return resp.AppendCommand(nil, "SELECT", strconv.Itoa(db))
}
