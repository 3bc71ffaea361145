package cluster

import (
	"regent/engine"
	"regent/engine/slots"
	"regent/resp"
)

// The keys of a slot. A slot lies in exactly one shard, which is all that is
// locked and looked through.

func doClusterKeyslot(c *engine.Ctx) { c.W.Int(int64(slots.Of(c.Args[2]))) }

func doClusterCountkeysinslot(c *engine.Ctx) {
	slot, ok := c.IntArg(c.Args[engine.SlotArg])
	if !ok {
		return
	}
	if slot < 0 || slot >= slots.Count {
		c.Err(resp.ErrInvalidSlot)
		return
	}
	n := int64(0)
	c.EachInSlot(slot, func([]byte) bool { n++; return true })
	c.W.Int(n)
}

func doClusterGetkeysinslot(c *engine.Ctx) {
	slot, ok := c.IntArg(c.Args[engine.SlotArg])
	if !ok {
		return
	}
	limit, ok := c.IntArg(c.Args[engine.SlotArg+1])
	if !ok {
		return
	}
	if slot < 0 || slot >= slots.Count || limit < 0 {
		c.Err(resp.ErrSlotOrKeys)
		return
	}
	mark, n := c.W.Mark(), 0
	c.EachInSlot(slot, func(key []byte) bool {
		if int64(n) == limit {
			return false
		}
		c.W.Bulk(key)
		n++
		return int64(n) < limit
	})
	c.W.ArrayAt(mark, n)
}
