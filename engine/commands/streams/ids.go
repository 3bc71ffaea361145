package streams

import (
	"bytes"
	"math"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/stream"
	"regent/resp"
)

// maxIDText is the longest text in bytes that is looked at as an ID, as in Redis.
const maxIDText = 127

// parseID reads an ID, whose Seq is missing where it is not given. auto: it was *.
func parseID(raw []byte, missing uint64) (id stream.ID, auto, ok bool) {
	if len(raw) > maxIDText {
		return id, false, false
	}
	raw = engine.Clip(raw, len(raw))
	ms, seq, dashed := bytes.Cut(raw, []byte("-"))
	if id.MS, ok = parseUint(ms); !ok {
		return id, false, false
	}
	switch {
	case !dashed:
		id.Seq = missing
	case string(seq) == "*":
		return id, true, true
	default:
		id.Seq, ok = parseUint(seq)
	}
	return id, false, ok
}

// parseUint reads a number as Redis does (util.c, string2ull): what is no integer in its
// shortest form may still be one for C, with spaces, a sign and zeros before it.
func parseUint(b []byte) (n uint64, ok bool) {
	if n, ok := decimal.Parse(b); ok {
		return uint64(n), n >= 0
	}
	for len(b) > 0 && (b[0] == ' ' || b[0] >= '\t' && b[0] <= '\r') {
		b = b[1:]
	}
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	if len(b) == 0 {
		return 0, false
	}
	for _, d := range b {
		if d < '0' || d > '9' || n > (math.MaxUint64-uint64(d-'0'))/10 {
			return 0, false
		}
		n = n*10 + uint64(d-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// strictID reads an ID that stands for itself; false: the error was written.
func strictID(c *engine.Ctx, raw []byte) (stream.ID, bool) {
	id, auto, ok := parseID(raw, 0)
	if !ok || auto {
		c.Err(resp.ErrStreamID)
		return id, false
	}
	return id, true
}

// looseID is strictID where - and + stand for the lowest ID and the highest.
func looseID(c *engine.Ctx, raw []byte, missing uint64) (stream.ID, bool) {
	switch string(engine.Clip(raw, len(raw))) {
	case "-":
		return stream.ID{}, true
	case "+":
		return stream.MaxID(), true
	}
	id, auto, ok := parseID(raw, missing)
	if !ok || auto {
		c.Err(resp.ErrStreamID)
		return id, false
	}
	return id, true
}

// bound reads an end of an interval, which ( leaves out.
func bound(c *engine.Ctx, raw []byte, missing uint64, step func(stream.ID) (stream.ID, bool), beyond string) (stream.ID, bool) {
	if len(raw) < 2 || raw[0] != '(' {
		return looseID(c, raw, missing)
	}
	id, auto, ok := parseID(raw[1:], missing)
	if !ok || auto {
		c.Err(resp.ErrStreamID)
		return id, false
	}
	if id, ok = step(id); !ok {
		c.Err(beyond)
	}
	return id, ok
}

func startArg(c *engine.Ctx, raw []byte) (stream.ID, bool) {
	return bound(c, raw, 0, stream.ID.Next, resp.ErrStreamStart)
}

func endArg(c *engine.Ctx, raw []byte) (stream.ID, bool) {
	return bound(c, raw, math.MaxUint64, stream.ID.Prev, resp.ErrStreamEnd)
}

// strictIDs reads several; false: the error was written.
func strictIDs(c *engine.Ctx, raw [][]byte) ([]stream.ID, bool) {
	ids := make([]stream.ID, len(raw))
	for i := range raw {
		var ok bool
		if ids[i], ok = strictID(c, raw[i]); !ok {
			return nil, false
		}
	}
	return ids, true
}
