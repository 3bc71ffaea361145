package rdb

import (
	"fmt"
	"io"
)

// A Fault is a kind of damage in a value. Its text is what redis-server's log says of that kind, to
// the letter: a search of logs for it finds it here, too. Codecs return one, or what Because
// makes of it.
type Fault uint8

// The faults, as Redis tells them apart. Those that begin with Short are ends of the bytes, or no
// number or string, where a part of a stream should stand.
const (
	_ Fault = iota
	FaultLength
	FaultLZF
	FaultSetTwice
	FaultIntset
	FaultSetListpack
	FaultScoreNaN
	FaultZsetTwice
	FaultZsetZiplist
	FaultZsetListpack
	FaultHashTwice  // in a small hash
	FaultFieldTwice // in a large one
	FaultZipmap
	FaultZipmapTwice // the length of the field belongs behind it
	FaultHashZiplist
	FaultHashListpack
	FaultQuicklist
	FaultListpack
	FaultZiplist
	FaultListZiplist
	FaultStreamID
	FaultStreamListpack
	FaultNodeTwice
	FaultStreamLength
	FaultGroupTwice // its name, which Redis shows, is not shown
	FaultPendingTwice
	FaultConsumerTwice
	FaultNotPending
	FaultAssignedTwice
	FaultNoConsumer
	ShortNodes
	ShortNodeID
	ShortNode
	ShortMeta
	ShortGroups
	ShortGroupName
	ShortGroupID
	ShortGroupRead
	ShortPendings
	ShortPendingID
	ShortPending
	ShortConsumers
	ShortConsumerName
	ShortSeen
	ShortAssigned
	ShortAssignedID
	faults
)

// faultTexts are redis-server 7.0's as Debian has it, with the later ones of its security updates; that of sets
// as listpacks is 7.2's.
var faultTexts = [faults]string{
	FaultLength:         "Unknown length encoding 2 in rdbLoadLen()", // the one form of four that can be wrong
	FaultLZF:            "Invalid LZF compressed string",
	FaultSetTwice:       "Duplicate set members detected",
	FaultIntset:         "Intset integrity check failed.",
	FaultSetListpack:    "Set listpack integrity check failed.",
	FaultScoreNaN:       "Zset with NAN score detected",
	FaultZsetTwice:      "Duplicate zset fields detected",
	FaultZsetZiplist:    "Zset ziplist integrity check failed.",
	FaultZsetListpack:   "Zset listpack integrity check failed.",
	FaultHashTwice:      "Hash with dup elements",
	FaultFieldTwice:     "Duplicate hash fields detected",
	FaultZipmap:         "Zipmap integrity check failed.",
	FaultZipmapTwice:    "Hash zipmap with dup elements, or big length",
	FaultHashZiplist:    "Hash ziplist integrity check failed.",
	FaultHashListpack:   "Hash listpack integrity check failed.",
	FaultQuicklist:      "Quicklist integrity check failed.",
	FaultListpack:       "Listpack integrity check failed.",
	FaultZiplist:        "Ziplist integrity check failed.",
	FaultListZiplist:    "List ziplist integrity check failed.",
	FaultStreamID:       "Stream node key entry is not the size of a stream ID",
	FaultStreamListpack: "Stream listpack integrity check failed.",
	FaultNodeTwice:      "Listpack re-added with existing key",
	FaultStreamLength:   "Stream length inconsistent with rax entries",
	FaultGroupTwice:     "Duplicated consumer group name",
	FaultPendingTwice:   "Duplicated global PEL entry loading stream consumer group",
	FaultConsumerTwice:  "Duplicate stream consumer detected.",
	FaultNotPending:     "Consumer entry not found in group global PEL",
	FaultAssignedTwice:  "Stream consumer PEL entry already has a consumer assigned",
	FaultNoConsumer:     "Stream CG PEL entry without consumer",
	ShortNodes:          "Stream listpacks len loading failed.",
	ShortNodeID:         "Stream master ID loading failed: invalid encoding or I/O error.",
	ShortNode:           "Stream listpacks loading failed.",
	ShortMeta:           "Stream object metadata loading failed.",
	ShortGroups:         "Stream cgroup count loading failed.",
	ShortGroupName:      "Error reading the consumer group name from Stream",
	ShortGroupID:        "Stream cgroup ID loading failed.",
	ShortGroupRead:      "Stream cgroup offset loading failed.",
	ShortPendings:       "Stream PEL size loading failed.",
	ShortPendingID:      "Stream PEL ID loading failed.",
	ShortPending:        "Stream PEL NACK loading failed.",
	ShortConsumers:      "Stream consumers num loading failed.",
	ShortConsumerName:   "Error reading the consumer name from Stream group.",
	ShortSeen:           "Stream short read reading seen time.",
	ShortAssigned:       "Stream consumer PEL num loading failed.",
	ShortAssignedID:     "Stream short read reading PEL streamID.",
}

// Error is what redis-server's log says of it.
func (f Fault) Error() string { return faultTexts[f] }

// Because is the fault with what has shown it; nil if that is nil. No error that is handed in has
// bytes of the value in its text: both go to the log.
func (f Fault) Because(cause error) error {
	if cause == nil {
		return nil
	}
	return &flaw{f, cause}
}

// A flaw is a fault and what has shown it.
type flaw struct {
	Fault
	cause error
}

func (e *flaw) Error() string { return fmt.Sprintf("%s (%v)", e.Fault.Error(), e.cause) }

// Unwrap are both: errors.Is finds the fault and the cause.
func (e *flaw) Unwrap() []error { return []error{e.Fault, e.cause} }

// A formError is a string encoding that RDB files do not have.
type formError byte

func (e formError) Error() string {
	return fmt.Sprintf("Unknown RDB string encoding type %d", byte(e)&^lenForm)
}

// reported is an error in words that redis-server's log has for it, as far as it has any.
func reported(err error) string {
	if err == io.ErrUnexpectedEOF {
		return "Unexpected EOF reading RDB file"
	}
	return err.Error()
}
