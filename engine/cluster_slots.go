package engine

import (
	"regent/engine/dict"
	"regent/engine/slots"
	"regent/resp"
)

// The keys of a slot. A slot lies in exactly one shard, which is all that is
// locked and looked through.

func doClusterKeyslot(c *Ctx) { c.W.Int(int64(slots.Of(c.Args[2]))) }

func doClusterCountkeysinslot(c *Ctx) {
	slot, ok := c.intArg(c.Args[slotArg])
	if !ok {
		return
	}
	if slot < 0 || slot >= slots.Count {
		c.Err(resp.ErrInvalidSlot)
		return
	}
	n := int64(0)
	c.eachInSlot(slot, func([]byte) bool { n++; return true })
	c.W.Int(n)
}

func doClusterGetkeysinslot(c *Ctx) {
	slot, ok := c.intArg(c.Args[slotArg])
	if !ok {
		return
	}
	limit, ok := c.intArg(c.Args[slotArg+1])
	if !ok {
		return
	}
	if slot < 0 || slot >= slots.Count || limit < 0 {
		c.Err(resp.ErrSlotOrKeys)
		return
	}
	mark, n := c.W.Mark(), 0
	c.eachInSlot(slot, func(key []byte) bool {
		if int64(n) == limit {
			return false
		}
		c.W.Bulk(key)
		n++
		return int64(n) < limit
	})
	c.W.ArrayAt(mark, n)
}

// eachInSlot calls f with every key of slot in the connection's database
// until it returns false. With the shard locked nothing moves: a walk from 0
// to 0 meets every key once.
func (c *Ctx) eachInSlot(slot int64, f func(key []byte) bool) {
	d := c.E.shards[uint32(slot)&c.E.mask].dbs[c.S.DB]
	if d == nil {
		return
	}
	more := true
	for cursor := uint64(0); more; {
		cursor = d.Scan(cursor, func(r dict.Ref) {
			if key := d.Key(r); more && int64(slots.Of(key)) == slot {
				more = f(key)
			}
		})
		if cursor == 0 {
			return
		}
	}
}
