package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/redcon"

	"regent/resp"
)

// An outcome is what a stream of bytes amounts to: commands, and how it ends.
type outcome struct {
	commands [][]string
	refusal  string
}

func (o outcome) String() string {
	var b strings.Builder
	for _, c := range o.commands {
		fmt.Fprintf(&b, "%.100q\n", c)
	}
	return b.String() + "then " + o.refusal
}

// model is the guard without its speed: it begins each command anew from its
// first byte with all bytes there are, as networking.c reads them.
func model(b []byte, lim limits) (o outcome) {
	for len(b) > 0 {
		args, n, refusal := modelCommand(b, lim)
		if refusal != "" || n == 0 {
			o.refusal = refusal
			return o
		}
		if len(args) > 0 {
			o.commands = append(o.commands, args)
		}
		b = b[n:]
	}
	return o
}

// modelLine is a line from its first byte to last; whole: it has come.
func modelLine(b []byte, last byte, tooLong string) (line []byte, whole bool, refusal string) {
	for i, c := range b {
		if i > maxLine {
			return nil, false, tooLong
		}
		if c == last {
			return b[:i], true, ""
		}
		if c == 0 {
			break
		}
	}
	if len(b) > maxLine {
		return nil, false, tooLong
	}
	return nil, false, ""
}

func modelCommand(b []byte, lim limits) (args []string, n int, refusal string) {
	if b[0] != '*' {
		line, whole, refusal := modelLine(b, '\n', resp.ErrBigInline)
		if !whole {
			return nil, 0, refusal
		}
		words, err := resp.SplitWords(bytes.TrimSuffix(line, []byte("\r")))
		if err != nil {
			return nil, 0, resp.ErrQuotes
		}
		for _, w := range words {
			args = append(args, string(w))
		}
		return args, len(line) + 1, ""
	}
	line, whole, refusal := modelLine(b, '\r', resp.ErrBigCount)
	if !whole || len(line)+2 > len(b) {
		return nil, 0, refusal
	}
	count, ok := modelNumber(string(line[1:]))
	switch {
	case !ok || count > maxCount:
		return nil, 0, resp.ErrCount
	case count > maxStrangerArgs && lim.stranger:
		return nil, 0, resp.ErrStrangerCount
	}
	n = len(line) + 2
	for i := int64(0); i < count; i++ {
		arg, used, refusal := modelBulk(b[n:], lim)
		if used == 0 {
			return nil, 0, refusal
		}
		if i >= maxArgs {
			return nil, 0, resp.ErrCount
		}
		args = append(args, arg)
		n += used
	}
	return args, n, ""
}

func modelBulk(b []byte, lim limits) (arg string, n int, refusal string) {
	line, whole, refusal := modelLine(b, '\r', resp.ErrBigBulkHeader)
	if !whole || len(line)+2 > len(b) {
		return "", 0, refusal
	}
	if b[0] != '$' {
		return "", 0, "ERR Protocol error: expected '$', got '" + string(b[:1]) + "'"
	}
	size, ok := modelNumber(string(line[1:]))
	switch {
	case !ok || size < 0 || size > lim.bulk:
		return "", 0, resp.ErrBulkLength
	case size > maxStrangerBulk && lim.stranger:
		return "", 0, resp.ErrStrangerBulk
	}
	from := len(line) + 2
	if int64(len(b)-from) < size+2 {
		return "", 0, ""
	}
	return string(b[from : from+int(size)]), from + int(size) + 2, ""
}

// modelNumber knows a number by its being written the one way there is.
func modelNumber(s string) (n int64, ok bool) {
	_, err := fmt.Sscanf(s, "%d", &n)
	return n, err == nil && fmt.Sprint(n) == s
}

// viaGuard feeds b to a guard in pieces that end at cuts.
func viaGuard(t *testing.T, b []byte, lim limits, cuts []int) (o outcome) {
	var g guard
	start := 0
	for _, cut := range append(cuts, len(b)) {
		for start < cut {
			n, refusal := g.next(b[start:cut], lim)
			if refusal != "" {
				o.refusal = refusal
				return o
			}
			if n == 0 {
				break
			}
			if n < 0 || n > cut-start {
				t.Fatalf("a command of %d bytes in %d", n, cut-start)
			}
			args, refusal := g.split(b[start:start+n], nil)
			if refusal != "" {
				o.refusal = refusal
				return o
			}
			var words []string
			for _, a := range args {
				words = append(words, string(a))
			}
			if len(words) > 0 {
				o.commands = append(o.commands, words)
			}
			start += n
		}
	}
	return o
}

// cutsOf makes cuts of n bytes from a seed: every byte, none, or some.
func cutsOf(n int, seed uint64) (cuts []int) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	step := []int{1, 2, 7, 100, n + 1}[seed%5]
	for at := 0; at < n; at += 1 + rnd.IntN(step) {
		cuts = append(cuts, at)
	}
	return cuts
}

// frames are the forms that matter, for the fuzzers to begin from.
var frames = []string{
	"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\nPING\r\n",
	"PING\r\n", "SET \"a b\" 'c'\n", "SET 'a'b\r\n", "\r\n\r\nPING\r\n", "   \r\n", "PI\x00NG\r\nPING\r\n",
	"*0\r\nPING\r\n", "*-1\r\nPING\r\n", "*-2147483649\r\nPING\r\n", "*2147483648\r\n", "*1000000000\r\n$1\r\na\r\n",
	"*1\r\n$9223372036854775807\r\n", "*1\r\n$99999999999999999999\r\n", "*1\r\n$-1\r\n", "*1\r\n$01\r\n", "*1\r\n$+1\r\n",
	"*01\r\n", "*+1\r\n", "*\r\n", "*1\r\n$\r\n", "*1\r\nPING\r\n", "*1\r\n\rX", "*1\r\n\nX\r\n", "*1\r\r$4\rXPINGyyPING\r\n",
	"*1\r\n$4\r\nPINGxxPING\r\n", "*1\x00\r\nPING\r\n", "*1\r\n$0\r\n\r\n", "*11\r\n", "*1\r\n$16385\r\n", "*1\r\n$1001\r\n",
	"%2\r\n+a\r\n", "$3\r\nabc\r\n", "*1\r\n\xff\r\n",
}

// longFrames are about the length of a line.
var longFrames = []string{
	strings.Repeat("x", maxLine) + "\n", strings.Repeat("x", maxLine+1) + "\n", "*" + strings.Repeat("1", maxLine+1), "*1\r\n$" + strings.Repeat("1", maxLine+1),
	"*1\r\n" + strings.Repeat("$", maxLine) + "\r\n", "\x00" + strings.Repeat("y", maxLine+1),
}

func checkAgainstModel(t *testing.T, b []byte, lim limits, seed uint64) {
	want := model(b, lim)
	if got := viaGuard(t, b, lim, cutsOf(len(b), seed)); got.String() != want.String() {
		t.Fatalf("%.200q (stranger %v):\n%v\nthe model says\n%v", b, lim.stranger, got, want)
	}
}

func TestGuardFrames(t *testing.T) {
	for _, f := range append(longFrames, frames...) {
		for seed := range uint64(10) {
			for _, stranger := range []bool{false, true} {
				checkAgainstModel(t, []byte(f), limits{bulk: 1000, stranger: stranger}, seed)
				checkAgainstModel(t, []byte(f), limits{bulk: 512 << 20, stranger: stranger}, seed)
			}
		}
	}
}

// FuzzGuard: any bytes in any pieces give what the model says.
func FuzzGuard(f *testing.F) {
	for i, s := range frames {
		f.Add([]byte(s), uint64(i), false)
		f.Add([]byte(s+s), uint64(i), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64, stranger bool) {
		checkAgainstModel(t, b, limits{bulk: 1 << 20, stranger: stranger}, seed)
	})
}

// FuzzGuardAndRedcon: what the guard lets through to redcon neither brings it
// down nor means something else to it, and what is read in one pass is the same as
// step by step.
func FuzzGuardAndRedcon(f *testing.F) {
	for _, s := range frames {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var g guard
		lim := limits{bulk: 512 << 20}
		for {
			var q guard
			quick, words := q.quick(b, lim, make([][]byte, 0, quickMost))
			n, refusal := g.next(b, lim)
			if quick != 0 && (quick != n || refusal != "" || q != g || !slices.EqualFunc(words, splitLoose(b[:n], nil), bytes.Equal)) {
				t.Fatalf("%q: %d bytes in one pass, %+v, %q; step by step %d, %+v, %s", b, quick, q, words, n, g, refusal)
			}
			if n == 0 || refusal != "" {
				return
			}
			frame := b[:n]
			b = b[n:]
			if frame[0] != '*' || g.args == 0 || g.loose {
				continue
			}
			whole, args, kind, rest, err := redcon.ReadNextCommand(frame, nil)
			own := splitLoose(frame, nil)
			if !whole || err != nil || kind != redcon.Redis || len(rest) != 0 || len(args) != len(own) || len(args) != g.args {
				t.Fatalf("%q: redcon says %q, %v; the guard %q", frame, args, err, own)
			}
			for i := range args {
				if !bytes.Equal(args[i], own[i]) {
					t.Fatalf("%q: redcon says %q, the guard %q", frame, args, own)
				}
			}
		}
	})
}

func TestGuardBoundsArguments(t *testing.T) {
	b := append([]byte(fmt.Sprintf("*%d\r\n", maxArgs+1)), bytes.Repeat([]byte("$0\r\n\r\n"), maxArgs+1)...)
	var g guard
	if n, refusal := g.next(b[:len(b)-6], limits{}); n != 0 || refusal != "" {
		t.Fatalf("refused %d arguments: %d, %s", maxArgs, n, refusal)
	}
	if n, refusal := g.next(b, limits{}); n != 0 || refusal != resp.ErrCount {
		t.Fatalf("took one argument too many: %d, %q", n, refusal)
	}
}

// BenchmarkGuard is the price of a command before it is carried out: the
// guard's look alone, and with redcon's.
func BenchmarkGuard(b *testing.B) {
	value := strings.Repeat("v", 64)
	set := resp.AppendCommand(nil, "SET", "key:000000000042", value)
	get := resp.AppendCommand(nil, "GET", "key:000000000042")
	for name, frame := range map[string][]byte{"SET": set, "GET": get} {
		lim := limits{bulk: 512 << 20}
		b.Run(name+"/guard", func(b *testing.B) {
			var g guard
			for b.Loop() {
				g.next(frame, lim)
			}
		})
		b.Run(name+"/quick", func(b *testing.B) {
			var g guard
			args := make([][]byte, 0, quickMost)
			for b.Loop() {
				g.quick(frame, lim, args)
			}
		})
		b.Run(name+"/loose", func(b *testing.B) {
			var args [][]byte
			for b.Loop() {
				args = splitLoose(frame, args)
			}
		})
		b.Run(name+"/redcon", func(b *testing.B) {
			var args [][]byte
			for b.Loop() {
				_, args, _, _, _ = redcon.ReadNextCommand(frame, args)
			}
		})
	}
}
