package engine

// Marks say how far into the log the readers of a shard depend on it: a reply
// that has seen a write may leave when that write is committed. A shard has few
// locks to share out and many marks: a client that reads a key waits for the writes to
// that key and to the few that share its mark, not for all that happen to be
// behind the same lock. They are under the shard's lock.
type marks struct {
	floor int64 // of every key
	last  int64 // the highest of all
	of    [marksPerShard]int64
}

// marksPerShard is a power of two.
const marksPerShard = 64

// anyKey stands for the mark of commands that touch more keys of a shard than
// one.
const anyKey = -1

// markOf is the mark of the keys in a slot.
func (e *Engine) markOf(slot uint16) int { return int(uint32(slot)>>e.shardBits) % marksPerShard }

// wrote notes a write that ends at offset off.
func (m *marks) wrote(at int, off int64) {
	m.last = max(m.last, off)
	if at == anyKey {
		m.floor = max(m.floor, off)
	} else {
		m.of[at] = max(m.of[at], off)
	}
}

// seen is what a reader depends on.
func (m *marks) seen(at int) int64 {
	if at == anyKey {
		return m.last
	}
	return max(m.floor, m.of[at])
}
