package libs

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Sizes of C's types where redis-server's packages are made, and bounds of struct.
const (
	maxStructInt  = 32 // bytes of an integer
	maxAlign      = 8  // what '!' without a number stands for
	sizeInt       = 4
	sizeLong      = 8
	sizeByte      = 1
	sizeShort     = 2
	sizeFloat     = 4
	sizeDouble    = 8
	maxFormatInts = math.MaxInt32 // a number in a format
)

func openStruct(L *lua.LState) {
	library(L, "struct", map[string]lua.LGFunction{"pack": structPack, "unpack": structUnpack, "size": structSize})
}

// A layout is a format string while it is read.
type layout struct {
	L     *lua.LState
	left  string // of the format; it ends at a zero byte
	big   bool   // byte order
	align int
}

func newLayout(L *lua.LState) *layout {
	format, _, _ := strings.Cut(checkString(L, 1), "\x00")
	return &layout{L: L, left: format, align: 1}
}

// next is the next option and its size in bytes, 0 for what has none of its own.
func (f *layout) next() (opt byte, size int, ok bool) {
	if f.left == "" {
		return 0, 0, false
	}
	opt, f.left = f.left[0], f.left[1:]
	switch opt {
	case 'B', 'b', 'x':
		size = sizeByte
	case 'H', 'h':
		size = sizeShort
	case 'L', 'l', 'T':
		size = sizeLong
	case 'f':
		size = sizeFloat
	case 'd':
		size = sizeDouble
	case 'c':
		size = f.number(1)
	case 'i', 'I':
		size = f.number(sizeInt)
		if size > maxStructInt {
			raise(f.L, "integral size %d is larger than limit of %d", size, maxStructInt)
		}
	}
	return opt, size, true
}

// number reads a number from the format; other: what it is if there is none.
func (f *layout) number(other int) int {
	if f.left == "" || !isDigit(f.left[0]) {
		return other
	}
	n := 0
	for f.left != "" && isDigit(f.left[0]) {
		n = n*10 + int(f.left[0]-'0')
		if n > maxFormatInts {
			raise(f.L, "integral size overflow")
		}
		f.left = f.left[1:]
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// padding is how many bytes precede an element at a position.
func (f *layout) padding(pos int, opt byte, size int) int {
	if size == 0 || opt == 'c' {
		return 0
	}
	size = min(size, f.align)
	return (size - pos&(size-1)) & (size - 1)
}

// control carries out an option that packs nothing.
func (f *layout) control(opt byte) {
	switch opt {
	case ' ':
	case '>':
		f.big = true
	case '<':
		f.big = false
	case '!':
		a := f.number(maxAlign)
		if a <= 0 || a&(a-1) != 0 {
			raise(f.L, "alignment %d is not a power of 2", a)
		}
		f.align = a
	default:
		argError(f.L, 1, fmt.Sprintf("invalid format option '%c'", rune(opt)))
	}
}

// order brings the bytes of a little-endian number into the format's order.
func (f *layout) order(b []byte) []byte {
	if f.big {
		for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
	return b
}

func structPack(L *lua.LState) int {
	f := newLayout(L)
	L.Push(lua.LNil) // what C has above its arguments, and errors name
	out := &buffer{L: L}
	arg, total := 2, 0
	for opt, size, ok := f.next(); ok; opt, size, ok = f.next() {
		pad := f.padding(total, opt, size)
		total += pad
		for range pad {
			out.byte(0)
		}
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			f.packInt(out, arg, size)
			arg++
		case 'x':
			out.byte(0)
		case 'f':
			b := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(checkNumber(L, arg))))
			out.bytes(f.order(b)...)
			arg++
		case 'd':
			b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(checkNumber(L, arg)))
			out.bytes(f.order(b)...)
			arg++
		case 'c', 's':
			s := checkString(L, arg)
			arg++
			if size == 0 {
				size = len(s)
			}
			if len(s) < size {
				argError(L, arg, "string too short")
			}
			out.string(s[:size])
			if opt == 's' {
				out.byte(0)
				size++
			}
		default:
			f.control(opt)
		}
		total += size
	}
	return out.push()
}

// packInt packs an integer of so many bytes. What is beyond its eight is zero, for
// negative numbers, too.
func (f *layout) packInt(out *buffer, arg, size int) {
	n := checkNumber(f.L, arg)
	v := toUint64(n)
	if n < 0 {
		v = uint64(toInt64(n))
	}
	var b [maxStructInt]byte
	binary.LittleEndian.PutUint64(b[:], v)
	out.bytes(f.order(b[:size])...)
}

func structUnpack(L *lua.LState) int {
	f := newLayout(L)
	data := checkString(L, 2)
	from := optInteger(L, 3, 1)
	if from == 0 {
		argError(L, 3, "offset must be 1 or greater")
	}
	const short = "data string too short"
	pos, first := uint64(from)-1, L.GetTop()
	fits := func(size uint64) {
		if size > uint64(len(data)) || pos > uint64(len(data))-size {
			argError(L, 2, short)
		}
	}
	for opt, size, ok := f.next(); ok; opt, size, ok = f.next() {
		pos += uint64(f.padding(int(pos), opt, size))
		fits(uint64(size))
		slots(L, 2, "too many results")
		took := uint64(size)
		switch opt {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			L.Push(f.unpackInt(data[pos:pos+took], opt >= 'a'))
		case 'x':
		case 'f':
			b := f.order([]byte(data[pos : pos+took]))
			L.Push(lua.LNumber(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		case 'd':
			b := f.order([]byte(data[pos : pos+took]))
			L.Push(lua.LNumber(math.Float64frombits(binary.LittleEndian.Uint64(b))))
		case 'c':
			if size == 0 {
				took = f.lastNumber(first)
				fits(took)
			}
			L.Push(lua.LString(data[pos : pos+took]))
		case 's':
			end := strings.IndexByte(data[pos:], 0)
			if end < 0 {
				raise(L, "unfinished string in data")
			}
			took = uint64(end) + 1
			L.Push(lua.LString(data[pos : pos+took-1]))
		default:
			f.control(opt)
		}
		pos += took
	}
	L.Push(lua.LNumber(pos + 1))
	return L.GetTop() - first
}

// lastNumber takes the last result off, which is the size of what comes: format c0.
func (f *layout) lastNumber(first int) uint64 {
	n, ok := 0.0, false
	if L := f.L; L.GetTop() > first {
		n, ok = number(L.Get(-1))
	}
	if !ok {
		raise(f.L, "format 'c0' needs a previous size")
	}
	f.L.Pop(1)
	return toUint64(n)
}

// unpackInt is the value of an integer's bytes; of more than eight the last ones that
// were shifted in count.
func (f *layout) unpackInt(s string, signed bool) lua.LNumber {
	b := f.order([]byte(s))
	v := uint64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	if !signed {
		return lua.LNumber(v)
	}
	mask := uint64(math.MaxUint64) << (uint(len(b)*8-1) & 63)
	if v&mask != 0 {
		v |= mask
	}
	return lua.LNumber(int64(v))
}

func structSize(L *lua.LState) int {
	f := newLayout(L)
	pos := 0
	for opt, size, ok := f.next(); ok; opt, size, ok = f.next() {
		pos += f.padding(pos, opt, size)
		switch {
		case opt == 's':
			argError(L, 1, "option 's' has no fixed size")
		case opt == 'c' && size == 0:
			argError(L, 1, "option 'c0' has no fixed size")
		case !isAlnum(opt):
			f.control(opt)
		}
		pos += size
	}
	L.Push(lua.LNumber(pos))
	return 1
}

func isAlnum(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' }
