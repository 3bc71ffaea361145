package repl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"regent/engine"
)

// maxHistory bounds the epochs that a leader tells of, the latest ones.
const maxHistory = 4096

// A Log is where two nodes compare: which epochs, and up to where.
type Log struct {
	Start   int64 // the first offset that exists
	End     int64
	History []engine.EpochStart // oldest first; may have lost its beginning
	Whole   bool                // the history goes back to the first epoch
}

// describe reads a stream's log.
func describe(s engine.Stream) Log {
	h := s.History()
	l := Log{Start: s.Start(), End: s.End(), History: h, Whole: true}
	if len(h) > maxHistory {
		l.History, l.Whole = h[len(h)-maxHistory:], false
	}
	return l
}

// errCopy says that two logs have no common point that either can begin at.
var errCopy = errors.New("no common point is left on disk")

// errOwn: two empty nodes are a majority that knows nothing of the third one's
// data. What was never in an epoch no other node has, and only a person may
// throw it away.
var errOwn = errors.New("this log holds data from before the node had peers, which the leader does not have, and it is not thrown away: " +
	"to follow remove it; to keep it start with this node and enough of the others, empty, for a majority")

// common is the offset up to which two logs hold the same bytes: the earlier
// end of the latest epoch that both have. What lies before the first epoch was
// written by a lone server, and says nothing about another's.
func common(leader, follower Log) (int64, error) {
	for i := len(follower.History) - 1; i >= 0; i-- {
		mine := follower.History[i]
		j := find(leader.History, mine.Epoch)
		if j < 0 {
			continue
		}
		if leader.History[j].Offset != mine.Offset {
			return 0, fmt.Errorf("epoch %d begins at %d here and at %d there: one of the logs is damaged or foreign",
				mine.Epoch, mine.Offset, leader.History[j].Offset)
		}
		at := min(epochEnd(leader, j), epochEnd(follower, i))
		return at, reachable(leader, follower, at)
	}
	if len(follower.History) == 0 && follower.End > 0 {
		return 0, errOwn
	}
	if !leader.Whole {
		return 0, errCopy
	}
	return 0, reachable(leader, follower, 0)
}

// reachable: the leader must still have what follows, and the follower what it
// cuts back to.
func reachable(leader, follower Log, at int64) error {
	if at < leader.Start || at < follower.Start {
		return errCopy
	}
	return nil
}

func epochEnd(l Log, i int) int64 {
	if i+1 < len(l.History) {
		return l.History[i+1].Offset
	}
	return l.End
}

func find(h []engine.EpochStart, epoch int64) int {
	for i := len(h) - 1; i >= 0 && h[i].Epoch >= epoch; i-- {
		if h[i].Epoch == epoch {
			return i
		}
	}
	return -1
}

// appendHistory writes a history as text: "epoch:leader:offset …".
func appendHistory(dst []byte, h []engine.EpochStart) []byte {
	for i, e := range h {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendInt(dst, e.Epoch, 10)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, e.Leader, 10)
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, e.Offset, 10)
	}
	return dst
}

// parseHistory reads appendHistory's text. Epochs and offsets must ascend.
func parseHistory(text string) ([]engine.EpochStart, error) {
	var out []engine.EpochStart
	for w := range strings.FieldsSeq(text) {
		if len(out) == maxHistory {
			return nil, fmt.Errorf("a history of more than %d epochs", maxHistory)
		}
		parts := strings.Split(w, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("history entry %.64q", w)
		}
		var e engine.EpochStart
		for i, p := range []*int64{&e.Epoch, &e.Leader, &e.Offset} {
			n, err := strconv.ParseInt(parts[i], 10, 64)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("history entry %.64q", w)
			}
			*p = n
		}
		if k := len(out); k > 0 && (e.Epoch <= out[k-1].Epoch || e.Offset < out[k-1].Offset) {
			return nil, fmt.Errorf("history entry %.64q is out of order", w)
		}
		out = append(out, e)
	}
	return out, nil
}
