package engine

import (
	"fmt"
	"strconv"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/units"
	"regent/resp"
)

// DEBUG POPULATE, and subcommands that are taken for the sake of redis-server's
// tests: what they set does not exist here.

// debugPopulate adds keys that are not there: prefix:0 with value:0 and so on, cut or
// filled up with zero bytes to a size.
func debugPopulate(c *Ctx) {
	prefix, size := []byte("key"), int64(-1)
	count, ok := decimal.Parse(c.Args[2])
	if len(c.Args) > 3 {
		prefix = c.Args[3]
	}
	if ok && len(c.Args) > 4 {
		size, ok = decimal.Parse(c.Args[4])
		ok = ok && size >= 0
	}
	switch {
	case len(c.Args) > 5:
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), "DEBUG"))
		return
	case !ok || count < 0:
		c.Err(resp.ErrMustBePositive)
		return
	case !c.View().Leading:
		c.Err(resp.ErrReadOnly)
		return
	case count > units.MaxRecords/2 || size > c.e.Config.ProtoMaxBulkLen.Get() || count*max(size, 0) > maxPopulate:
		c.Err(resp.ErrMultiTooLarge)
		return
	}
	key, set := append(prefix[:len(prefix):len(prefix)], ':'), []byte("SET")
	for i := range count {
		name := strconv.AppendInt(key[:len(key):len(key)], i, 10)
		if c.Peek(name).OK() {
			continue
		}
		value := strconv.AppendInt([]byte("value:"), i, 10)
		if size > 0 { // as Redis: 0 is as long as it is
			sized := make([]byte, size)
			copy(sized, value)
			value = sized
		}
		c.PutString(name, value)
		c.Propagate(set, name, value)
	}
	c.W.OK()
}

// maxPopulate bounds what one POPULATE adds, in bytes: it is one unit of the log.
const maxPopulate = 256 << 20

// debugReplyBuffer takes what it is told of reply buffers: a client that waits has none.
func debugReplyBuffer(c *Ctx) {
	switch {
	case len(c.Args) == 4 && (spec.EqualFold(c.Args[2], "peak-reset-time") || spec.EqualFold(c.Args[2], "resizing")):
		c.W.OK()
	default:
		c.Err(resp.ErrSyntax)
	}
}
