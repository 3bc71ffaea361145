package lua

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// string.format, as C's printf does it.

// A directive is one % of a format.
type directive struct {
	minus, plus, blank, alt, zero bool
	width, precision              int // precision -1: none
	verb                          byte
}

// format is string.format.
func (st *State) format(L *lua.LState) int {
	text := L.CheckString(1)
	var out []byte
	arg := 1
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			out = append(out, text[i])
			continue
		}
		if i++; i < len(text) && text[i] == '%' {
			out = append(out, '%')
			continue
		}
		d, n := parseDirective(L, text[i:])
		i += n - 1
		arg++
		out = st.formatOne(L, out, d, arg)
		if len(out) > maxString {
			raise(L, "not enough memory")
		}
	}
	st.brake.charge(len(out))
	L.Push(lua.LString(out))
	return 1
}

// parseDirective reads what stands behind a %, and returns how long it is.
func parseDirective(L *lua.LState, s string) (d directive, n int) {
	flags := 0
	for ; n < len(s) && strings.IndexByte("-+ #0", s[n]) >= 0; n++ {
		switch s[n] {
		case '-':
			d.minus = true
		case '+':
			d.plus = true
		case ' ':
			d.blank = true
		case '#':
			d.alt = true
		case '0':
			d.zero = true
		}
		if flags++; flags > 5 {
			L.RaiseError("invalid format (repeated flags)")
		}
	}
	digits := func() (v int) {
		from := n
		for n < len(s) && n < from+2 && s[n] >= '0' && s[n] <= '9' {
			v = v*10 + int(s[n]-'0')
			n++
		}
		if n < len(s) && s[n] >= '0' && s[n] <= '9' {
			L.RaiseError("invalid format (width or precision too long)")
		}
		return v
	}
	d.width, d.precision = digits(), -1
	if n < len(s) && s[n] == '.' {
		n++
		d.precision = digits()
	}
	if n < len(s) {
		d.verb = s[n]
		n++
	}
	return d, n
}

// formatOne appends one argument.
func (st *State) formatOne(L *lua.LState, out []byte, d directive, arg int) []byte {
	if d.verb == 0 || strings.IndexByte("cdiouxXeEfgGqs", d.verb) < 0 {
		what := string(d.verb)
		if d.verb == 0 {
			what = ""
		}
		L.RaiseError("invalid option '%%%s' to 'format'", what)
	}
	if arg > L.GetTop() {
		argError(L, arg, "format", "no value")
	}
	switch d.verb {
	case 'q':
		return appendQuoted(out, stringArg(L, arg, "format"))
	case 's':
		s := stringArg(L, arg, "format")
		if d.precision >= 0 {
			s = s[:min(len(s), d.precision)]
		}
		return d.pad(out, "", s, false)
	}
	v, ok := numberOf(L.Get(arg))
	if !ok {
		argError(L, arg, "format", "number expected, got "+L.Get(arg).Type().String())
	}
	switch d.verb {
	case 'c':
		return d.pad(out, "", string([]byte{byte(toInt(v))}), false)
	case 'd', 'i':
		return d.integer(out, toInt(v))
	case 'o', 'u', 'x', 'X':
		return d.unsigned(out, v)
	}
	return d.float(out, v)
}

// stringArg is an argument that is a string or a number.
func stringArg(L *lua.LState, n int, fn string) string {
	v := L.Get(n)
	if !lua.LVCanConvToString(v) {
		argError(L, n, fn, "string expected, got "+v.Type().String())
	}
	return toString(v)
}

// pad appends sign and digits in the directive's width.
func (d *directive) pad(out []byte, sign, digits string, zeros bool) []byte {
	fill := max(d.width-len(sign)-len(digits), 0)
	switch {
	case d.minus:
		out = append(append(out, sign...), digits...)
		return append(out, strings.Repeat(" ", fill)...)
	case zeros:
		out = append(append(out, sign...), strings.Repeat("0", fill)...)
	default:
		out = append(append(out, strings.Repeat(" ", fill)...), sign...)
	}
	return append(out, digits...)
}

// sign is what stands before a number.
func (d *directive) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case d.plus:
		return "+"
	case d.blank:
		return " "
	}
	return ""
}

// atLeast is digits with zeros up to the precision.
func (d *directive) atLeast(digits string) string {
	if d.precision == 0 && digits == "0" {
		return ""
	}
	return strings.Repeat("0", max(d.precision-len(digits), 0)) + digits
}

func (d *directive) integer(out []byte, n int64) []byte {
	digits := strings.TrimPrefix(strconv.FormatInt(n, 10), "-")
	return d.pad(out, d.sign(n < 0), d.atLeast(digits), d.zero && d.precision < 0)
}

func (d *directive) unsigned(out []byte, v float64) []byte {
	n := uint64(toInt(v))
	if v >= 1<<63 && v < 1<<64 {
		n = uint64(v)
	}
	base := map[byte]int{'o': 8, 'u': 10, 'x': 16, 'X': 16}[d.verb]
	digits, prefix := d.atLeast(strconv.FormatUint(n, base)), ""
	switch {
	case d.alt && d.verb == 'o' && !strings.HasPrefix(digits, "0"):
		digits = "0" + digits
	case d.alt && base == 16 && n != 0:
		prefix = "0x"
	}
	if d.verb == 'X' {
		digits, prefix = strings.ToUpper(digits), strings.ToUpper(prefix)
	}
	return d.pad(out, prefix, digits, d.zero && d.precision < 0)
}

func (d *directive) float(out []byte, v float64) []byte {
	sign, lower := d.sign(math.Signbit(v)), d.verb|0x20
	v = math.Abs(v)
	var digits string
	switch {
	case math.IsInf(v, 0):
		digits = "inf"
	case math.IsNaN(v):
		digits = "nan"
	default:
		precision := d.precision
		if precision < 0 {
			precision = 6
		}
		digits = floatDigits(v, lower, precision, d.alt)
	}
	if d.verb != lower {
		digits = strings.ToUpper(digits)
	}
	return d.pad(out, sign, digits, d.zero && !math.IsInf(v, 0) && !math.IsNaN(v))
}

// floatDigits is v as %e, %f or %g prints it.
func floatDigits(v float64, verb byte, precision int, alt bool) string {
	if verb != 'g' {
		return strconv.FormatFloat(v, verb, precision, 64)
	}
	precision = max(precision, 1)
	exp := 0
	if v != 0 {
		e := strconv.FormatFloat(v, 'e', precision-1, 64)
		exp, _ = strconv.Atoi(e[strings.IndexByte(e, 'e')+1:])
	}
	if exp < -4 || exp >= precision {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', precision-1, 64), "e")
		return trimZeros(mantissa, alt) + "e" + exponent
	}
	return trimZeros(strconv.FormatFloat(v, 'f', precision-1-exp, 64), alt)
}

// trimZeros drops what %g does not print.
func trimZeros(s string, alt bool) string {
	if alt || !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// appendQuoted appends s so that Lua reads it back.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			out = append(out, '\\', c)
		case '\r':
			out = append(out, `\r`...)
		case 0:
			out = append(out, `\000`...)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
