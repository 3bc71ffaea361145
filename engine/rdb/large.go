package rdb

// Large strings. A string of many megabytes that is copied in one step, or packed
// into one buffer that grows, takes its size again once or twice, and Go's collector
// waits until such a step is over, and with it the whole process: 382 to 1,439 ms
// were measured for values of 100 to 200 MB, while an election takes a leader that
// was silent for 500 ms for dead. So large strings are written in pieces:
//
//	bytes   [ piece | piece | piece | rest ]   each appended, summed and handed on
//	packed  1. walk: how long is it packed?    2. head  3. walk again, and write
//
// The head of a packed string tells its length, so the packer walks twice rather
// than keep the result: what is written is the same to the byte. One that does not
// shrink in its first piece is taken for one that never does, as most values of that
// size are (pictures, archives), and is not walked at all.

const (
	// largeString is from which length on a string is written in pieces, in bytes.
	largeString = 1 << 20
	// piece is the longest step, in bytes.
	piece = 256 << 10
)

// large writes a string of at least largeString bytes. The encoder hands its buffer
// on.
func (e *Encoder) large(s []byte) {
	if n, ok := e.packedLen(s); ok {
		e.largePacked(s, n)
		return
	}
	e.buf = appendLength(e.buf, uint64(len(s)))
	e.Raw(s)
}

// packedLen is how long s is packed; ok is false where it is not to be.
func (e *Encoder) packedLen(s []byte) (n int, ok bool) {
	if e.pack == nil || len(s) > lzfMaxSource || e.pack.measure(s[:piece]) > piece-packGain {
		return 0, false
	}
	n = e.pack.measure(s)
	return n, n <= len(s)-packGain
}

// measure is how long src is packed.
func (z *packer) measure(src []byte) (size int) {
	z.walk(src, func(literals []byte, n, _ int) {
		size += literalsLen(len(literals))
		if n > 0 {
			size += repeatBytes(n)
		}
	})
	return size
}

// largePacked writes s, which takes n bytes packed.
func (e *Encoder) largePacked(s []byte, n int) {
	e.buf = append(e.buf, encLZF)
	e.buf = appendLength(e.buf, uint64(n))
	e.buf = appendLength(e.buf, uint64(len(s)))
	e.pack.walk(s, func(literals []byte, n, back int) {
		for len(literals) > piece { // a whole number of lzfMaxLiteral
			e.buf = appendLiterals(e.buf, literals[:piece])
			e.done()
			literals = literals[piece:]
		}
		e.buf = appendLiterals(e.buf, literals)
		if n > 0 {
			e.buf = appendRepeat(e.buf, n, back)
		}
		e.done()
	})
}
