package hll

import "strconv"

// Sparse ones: runs.
//
// A register that is raised splits the run that it lies in, in up to three; then runs of
// equal registers beside it are put together where one run can hold them. In detail, since
// the bytes must be those that Redis makes:
//
//   - A run of one register is written over, whatever its length in bytes.
//   - Zeros up to 64 are written short, also where they were a part of a long run.
//   - The length is judged before runs are put together.
//   - Five runs are looked at, from the one before the change on; a pair that was put
//     together is looked at again with what follows.

// MostGrowth is how many bytes longer Set makes a sparse one at most.
const MostGrowth = 3

const (
	maxZeros = 64 // of a short run
	maxRun   = 4  // registers that are not 0
	maxValue = 32
	// mergeRuns is how many steps a merge makes at most.
	mergeRuns = 5
)

// A run is equal registers, as they stand at b[0].
type run struct {
	n     int   // registers
	count uint8 // of each
	size  int   // bytes
}

// runAt reads the run that b, which is not empty, begins with. A long run of which one
// byte is there has a zero as the other, as behind every string of Redis's.
func runAt(b []byte) run {
	switch x := b[0]; {
	case x&0x80 != 0:
		return run{int(x&3) + 1, x>>2&31 + 1, 1}
	case x&0x40 == 0:
		return run{int(x) + 1, 0, 1}
	case len(b) == 1:
		return run{int(x&0x3f)<<8 + 1, 0, 2}
	default:
		return run{int(x&0x3f)<<8 + int(b[1]) + 1, 0, 2}
	}
}

func appendZeros(dst []byte, n int) []byte {
	switch {
	case n == 0:
		return dst
	case n <= maxZeros:
		return append(dst, byte(n-1))
	}
	return append(dst, 0x40|byte((n-1)>>8), byte(n-1))
}

func appendRun(dst []byte, count uint8, n int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, 0x80|(count-1)<<2|byte(n-1))
}

// eachRun gives out the runs of a sparse one whose registers are not 0.
func eachRun(b []byte, f func(from, n int, count uint8)) error {
	at := 0
	for b = b[headBytes:]; len(b) > 0; {
		r := runAt(b)
		if r.count > 0 {
			if at+r.n > Registers {
				return ErrDamaged
			}
			f(at, r.n, r.count)
		}
		at += r.n
		b = b[min(r.size, len(b)):]
	}
	if at != Registers {
		return ErrDamaged
	}
	return nil
}

// setSparse is Set for a sparse one.
func setSparse(b []byte, index int, count uint8, limit int) (out []byte, changed bool, err error) {
	if count > maxValue {
		return promote(b, index, count)
	}
	before, at, first, ok := locate(b, index)
	if !ok {
		return b, false, ErrDamaged
	}
	r := runAt(b[at:])
	if r.count >= count {
		return b, false, nil
	}
	if r.n == 1 && r.size == 1 {
		b[at] = appendRun(nil, count, 1)[0]
	} else {
		var room [5]byte
		parts := split(room[:0], r, index-first, count)
		more := len(parts) - r.size
		if more > 0 && len(b)+more > limit {
			return promote(b, index, count)
		}
		b = replace(b, at, r.size, parts)
	}
	if before < 0 {
		before = headBytes
	}
	b = join(b, before)
	Invalidate(b)
	return b, true, nil
}

// split appends the run r with its register number i raised to count.
func split(dst []byte, r run, i int, count uint8) []byte {
	if r.count == 0 {
		dst = appendRun(appendZeros(dst, i), count, 1)
		return appendZeros(dst, r.n-i-1)
	}
	dst = appendRun(appendRun(dst, r.count, i), count, 1)
	return appendRun(dst, r.count, r.n-i-1)
}

// replace puts parts in the place of size bytes of b at at. Of a run that is broken off at
// b's end the last byte of the parts is broken off, as in Redis.
func replace(b []byte, at, size int, parts []byte) []byte {
	was := len(b)
	if at+size > was {
		return append(b[:at], parts...)[:was+len(parts)-size]
	}
	if more := len(parts) - size; more > 0 {
		b = append(b, parts[:more]...) // only the length matters
	}
	copy(b[at+len(parts):], b[at+size:was])
	copy(b[at:], parts)
	return b[:was+len(parts)-size]
}

// join puts runs of equal registers together, from at on.
func join(b []byte, at int) []byte {
	for steps := 0; at < len(b) && steps < mergeRuns; steps++ {
		r := runAt(b[at:])
		if r.count == 0 {
			at += r.size
			continue
		}
		if at+1 < len(b) && b[at+1]&0x80 != 0 {
			if next := runAt(b[at+1:]); next.count == r.count && next.n+r.n <= maxRun {
				b[at+1] = appendRun(nil, r.count, next.n+r.n)[0]
				b = append(b[:at], b[at+1:]...)
				continue
			}
		}
		at++
	}
	return b
}

// promote makes a sparse one dense, with one register raised.
func promote(b []byte, index int, count uint8) (out []byte, changed bool, err error) {
	if out, err = ToDense(b); err != nil {
		return b, false, err
	}
	return Set(out, index, count, 0)
}

// Whole reports whether the runs of b, which is Valid, make 16384 registers: then Set
// makes no error.
func Whole(b []byte) bool {
	return IsDense(b) || eachRun(b, func(int, int, uint8) {}) == nil
}

// Raises reports whether Set would change b; false, false: it would be an error.
func Raises(b []byte, index int, count uint8) (raises, ok bool) {
	if IsDense(b) {
		return Register(b, index) < count, true
	}
	_, at, _, ok := locate(b, index)
	return ok && runAt(b[at:]).count < count, ok
}

// locate finds the run that a register lies in, which begins at byte at with register
// first; before is where the run ahead of it begins, -1: there is none. All else that is
// done with a sparse one is quick beside this walk.
func locate(b []byte, index int) (before, at, first int, ok bool) {
	before = -1
	for at = headBytes; at < len(b); {
		n, size := 0, 1
		switch x := int(b[at]); {
		case x >= 0x80:
			n = x&3 + 1
		case x < 0x40:
			n = x + 1
		default:
			r := runAt(b[at:])
			n, size = r.n, r.size
		}
		if index < first+n {
			return before, at, first, true
		}
		before, first, at = at, first+n, at+size
	}
	return before, at, first, false
}

// Runs shows the runs of a sparse one, as PFDEBUG DECODE does: z and Z are zeros, v other
// registers: their count and how many there are.
func Runs(b []byte) []byte {
	var out []byte
	for b = b[headBytes:]; len(b) > 0; {
		r := runAt(b)
		if len(out) > 0 {
			out = append(out, ' ')
		}
		switch {
		case r.count > 0:
			out = strconv.AppendInt(append(out, "v:"...), int64(r.count), 10)
			out = strconv.AppendInt(append(out, ','), int64(r.n), 10)
		case r.size == 1:
			out = strconv.AppendInt(append(out, "z:"...), int64(r.n), 10)
		default:
			out = strconv.AppendInt(append(out, "Z:"...), int64(r.n), 10)
		}
		b = b[min(r.size, len(b)):]
	}
	return out
}
