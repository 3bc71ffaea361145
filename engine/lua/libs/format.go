package libs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of string.format.
const (
	maxFlags   = 5   // flags of an item
	keepString = 100 // bytes from which %s leaves a string as it is
)

// An item is one item of a format: %-5.3d.
type item struct {
	flags     string
	width     int
	precision int // -1: none
	verb      byte
}

func (i *item) has(flag byte) bool { return strings.IndexByte(i.flags, flag) >= 0 }

func stringFormat(L *lua.LState) int {
	format := checkString(L, 1)
	out := &buffer{L: L}
	arg := 1
	for at := 0; at < len(format); {
		next := strings.IndexByte(format[at:], '%')
		if next < 0 {
			out.string(format[at:])
			break
		}
		out.string(format[at : at+next])
		at += next + 1
		if at < len(format) && format[at] == '%' {
			out.byte('%')
			at++
			continue
		}
		if arg++; arg > L.GetTop() {
			argError(L, arg, "no value")
		}
		it, n := scanItem(L, format[at:])
		at += n
		it.write(out, arg)
	}
	return out.push()
}

// scanItem reads an item after its '%', and returns how many bytes it takes.
func scanItem(L *lua.LState, s string) (item, int) {
	it, n := item{precision: -1}, 0
	for n < len(s) && strings.IndexByte("-+ #0", s[n]) >= 0 {
		n++
	}
	if n > maxFlags {
		raise(L, "invalid format (repeated flags)")
	}
	it.flags = s[:n]
	number := func() (v int) {
		for i := 0; i < 2 && n < len(s) && isDigit(s[n]); i++ {
			v = v*10 + int(s[n]-'0')
			n++
		}
		return v
	}
	it.width = number()
	if n < len(s) && s[n] == '.' {
		n++
		it.precision = number()
	}
	if n < len(s) && isDigit(s[n]) {
		raise(L, "invalid format (width or precision too long)")
	}
	if n < len(s) {
		it.verb = s[n]
	}
	return it, n + 1
}

// write appends an argument as the item says.
func (i *item) write(out *buffer, arg int) {
	L := out.L
	switch i.verb {
	case 'c':
		i.text(out, string([]byte{byte(toInt64(checkNumber(L, arg)))}))
	case 'd', 'i':
		n := toInt64(checkNumber(L, arg))
		magnitude, sign := uint64(n), ""
		if n < 0 {
			magnitude, sign = -magnitude, "-"
		}
		i.integer(out, strconv.FormatUint(magnitude, 10), i.sign(sign))
	case 'u':
		i.integer(out, strconv.FormatUint(toUint64(checkNumber(L, arg)), 10), "")
	case 'o', 'x', 'X':
		i.unsigned(out, toUint64(checkNumber(L, arg)))
	case 'e', 'E', 'f', 'g', 'G':
		i.float(out, checkNumber(L, arg))
	case 'q':
		quote(out, checkString(L, arg))
	case 's':
		s := checkString(L, arg)
		if i.precision < 0 && len(s) >= keepString {
			out.string(s)
			return
		}
		s, _, _ = strings.Cut(s, "\x00")
		if i.precision >= 0 && i.precision < len(s) {
			s = s[:i.precision]
		}
		i.text(out, s)
	case 0:
		raise(L, "invalid option '%%' to 'format'")
	default:
		raise(L, "invalid option '%%%s' to 'format'", string([]byte{i.verb}))
	}
}

// sign is what precedes a number.
func (i *item) sign(minus string) string {
	switch {
	case minus != "":
		return minus
	case i.has('+'):
		return "+"
	case i.has(' '):
		return " "
	}
	return ""
}

// text appends a text as wide as the item wants, up to a zero byte, where C ends.
func (i *item) text(out *buffer, s string) {
	if pad := i.width - len(s); pad > 0 {
		if i.has('-') {
			s += strings.Repeat(" ", pad)
		} else {
			s = strings.Repeat(" ", pad) + s
		}
	}
	s, _, _ = strings.Cut(s, "\x00")
	out.string(s)
}

// integer appends digits with what precedes them.
func (i *item) integer(out *buffer, digits, before string) {
	if i.precision == 0 && digits == "0" {
		digits = ""
	}
	least := i.precision
	if least < 0 && i.has('0') && !i.has('-') {
		least = i.width - len(before)
	}
	if pad := least - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	i.text(out, before+digits)
}

func (i *item) unsigned(out *buffer, n uint64) {
	const octal, hex = 8, 16
	if i.verb == 'o' {
		digits := strconv.FormatUint(n, octal)
		if i.has('#') && n != 0 {
			digits = "0" + digits
		} else if i.has('#') && i.precision == 0 {
			i.text(out, "0")
			return
		}
		i.integer(out, digits, "")
		return
	}
	digits, before := strconv.FormatUint(n, hex), ""
	if i.has('#') && n != 0 {
		before = "0x"
	}
	if i.verb == 'X' {
		digits, before = strings.ToUpper(digits), strings.ToUpper(before)
	}
	i.integer(out, digits, before)
}

func (i *item) float(out *buffer, f float64) {
	if s, ok := special(f); ok {
		minus, s := s[:len(s)-3], s[len(s)-3:]
		if i.verb < 'a' {
			s = strings.ToUpper(s)
		}
		i.text(out, i.sign(minus)+s)
		return
	}
	const usual = 6
	precision := i.precision
	if precision < 0 {
		precision = usual
	}
	minus := ""
	if math.Signbit(f) {
		minus, f = "-", -f
	}
	verb := string([]byte{i.verb})
	if i.has('#') {
		verb = "#." + strconv.Itoa(precision) + verb
	} else {
		verb = "." + strconv.Itoa(precision) + verb
	}
	digits, sign := fmt.Sprintf("%"+verb, f), i.sign(minus)
	if pad := i.width - len(sign) - len(digits); pad > 0 && i.has('0') && !i.has('-') {
		digits = strings.Repeat("0", pad) + digits
	}
	i.text(out, sign+digits)
}

// quote appends a string as Lua reads it.
func quote(out *buffer, s string) {
	out.byte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out.bytes('\\', c)
		case '\r':
			out.string(`\r`)
		case 0:
			out.string(`\000`)
		default:
			out.byte(c)
		}
	}
	out.byte('"')
}
