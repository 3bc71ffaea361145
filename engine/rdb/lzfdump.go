package rdb

// DUMP's payloads are Redis's to the byte, packed strings too: so here LZF looks for
// repetitions as liblzf does when it is built as in Redis, one place after the other. What
// is written to files need not be the same, and is packed faster (lzf.go).
//
//   - A place is found again by a hash of its three bytes, which has 16 bits; the last place
//     of each hash is known. The first place of all is never found.
//   - A repetition leaves the last two bytes of the string alone, with exceptions.
//   - Behind a repetition the last two places of it are noted, those within it are not.
//   - It gives up by what has been written so far, and needs some bytes more than it writes.

const (
	dumpHashBits = 16
	// dumpShort is up to how many bytes of source the places are in a small table.
	dumpShort = 1 << 10
	// dumpStep is how many bytes are compared in a row.
	dumpStep = 16
	// dumpSlack is what must be free when a repetition is written, dumpEnd at the end.
	dumpSlack = 4
	dumpEnd   = 3
)

// dumpHash is of three bytes.
func dumpHash(p []byte) uint32 {
	three := uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	return (three>>(24-dumpHashBits) - three*5) & (1<<dumpHashBits - 1)
}

// places remembers the last place of each hash; 0 stands for none.
type places struct {
	large []uint32              // by hash; nil: the source is short
	small [2 * dumpShort]uint32 // hash and place, beside where the hash says
}

// put notes place at and returns the one before with the same hash.
func (t *places) put(src []byte, at int) (before int) {
	h := dumpHash(src[at:])
	if t.large != nil {
		before = int(t.large[h])
		t.large[h] = uint32(at)
		return before
	}
	i := h % uint32(len(t.small))
	for t.small[i] != 0 && t.small[i]>>16 != h {
		i = (i + 1) % uint32(len(t.small))
	}
	before = int(t.small[i] & 0xffff)
	if at > 0 {
		t.small[i] = h<<16 | uint32(at)
	}
	return before
}

// packForDump is packer.pack as Redis does it.
func packForDump(dst, src []byte, room int) ([]byte, bool) {
	if len(src) > lzfMaxSource {
		return dst, false
	}
	var t places
	if len(src) > dumpShort {
		t.large = make([]uint32, 1<<dumpHashBits)
	}
	began, literals, i := len(dst), 0, 0
	// written is how far liblzf has come: with the bytes since the last repetition and the
	// number before them.
	written := func() int { n := i - literals; return len(dst) - began + n + n/lzfMaxLiteral + 1 }
	for i < len(src)-2 {
		at := t.put(src, i)
		if back := i - at; at == 0 || back > lzfMaxBack || [3]byte(src[at:]) != [3]byte(src[i:]) {
			if written() >= room {
				return dst[:began], false
			}
			i++
			continue
		}
		need := written() + dumpSlack
		if (i-literals)%lzfMaxLiteral == 0 {
			need--
		}
		if need >= room {
			return dst[:began], false
		}
		n := dumpRepeat(src, at, i)
		dst = appendRepeat(appendLiterals(dst, src[literals:i]), n, i-at)
		i += n
		literals = i
		if i >= len(src)-2 {
			break
		}
		t.put(src, i-2)
		t.put(src, i-1)
	}
	if written()+dumpEnd > room {
		return dst[:began], false
	}
	return appendLiterals(dst, src[literals:]), true
}

// dumpRepeat is how long the repetition at i is of what stands at at. A long one is
// compared dumpStep bytes without a look at the limit, and may end beyond it by that.
func dumpRepeat(src []byte, at, i int) int {
	most := min(len(src)-i-2, lzfMaxRepeat)
	n := 2
	if most > dumpStep {
		for n < 2+dumpStep {
			if n++; src[at+n] != src[i+n] {
				return n
			}
		}
	}
	for n++; n < most && src[at+n] == src[i+n]; n++ {
	}
	return n
}
