package server

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/tidwall/redcon"

	"regent/resp"
)

// The guard finds where a command ends before anything else looks at it. It
// reads headers, passes over contents, and remembers where it was, so that a
// byte is looked at once however small the pieces are in which it comes.
//
//	*3\r\n  $3\r\n SET\r\n  $1\r\n k\r\n  $5\r\n hel            lo\r\n ...
//	 count   bulk header                        ▲ pos (resumes here)  ▲ end
//
// What it refuses, when, and in which words is redis-server 7.0's
// (networking.c), to the byte: a header line may be ended by \r and any other
// byte, the two bytes behind a bulk are not looked at, a NUL inside a line
// hides its end, *0 and *-1 are commands that do nothing. One bound is
// tighter: see maxArgs.
//
// The guard allocates nothing. A length that a header claims becomes a
// position to wait for and nothing else.
type guard struct {
	kind  frameKind
	loose bool // the frame's line ends are not those that redcon wants
	stuck bool // a NUL hides the end of the line at head
	left  int  // bulks still to come
	args  int  // bulks that have begun
	head  int  // where the current line begins
	pos   int  // everything before was looked at
	end   int  // where the current bulk ends, its two last bytes included; 0: in a header
}

type frameKind uint8

const (
	frameNew frameKind = iota
	frameInline
	frameMulti
)

// Limits on what a client may send. Those without a name in redis.conf have
// Redis's values.
const (
	// maxLine is how long an inline command or a header may be, in bytes.
	maxLine = 64 << 10
	// maxCount is the highest number of arguments that a header may announce.
	maxCount = 1<<31 - 1
	// maxArgs is how many arguments are accepted when they really come.
	// Redis had this limit on the header until 7.0 and has none since; an
	// argument of no bytes takes 6 on the wire and 24 as a slice.
	maxArgs = 1 << 20
	// maxStrangerArgs and maxStrangerBulk (bytes) bind a client that has not
	// said the password yet.
	maxStrangerArgs = 10
	maxStrangerBulk = 16 << 10
)

// limits are what bind one client at this moment.
type limits struct {
	bulk     int64 // proto-max-bulk-len in bytes
	stranger bool  // a password is asked for and was not said
}

// next looks for the end of the command that begins at b[0] and returns its
// length, 0 if it has not come whole yet, or the error after which nothing
// more is read. Calls for the same command pass the same bytes again with
// more behind them.
func (g *guard) next(b []byte, lim limits) (n int, refusal string) {
	if g.kind == frameNew {
		if len(b) == 0 {
			return 0, ""
		}
		*g = guard{kind: frameInline}
		if b[0] == '*' {
			g.kind = frameMulti
		}
	}
	if g.kind == frameInline {
		return g.nextInline(b)
	}
	if g.args == 0 && g.left == 0 {
		if end, refusal := g.count(b, lim); end == 0 {
			return 0, refusal
		}
	}
	return g.bulks(b, lim)
}

// quickMost is how many arguments a command has at most that quick reads.
const quickMost = 64

// quick reads a command that has come whole, in the form that clients send, few and short
// arguments and a header without fault before each, in one pass. It returns its length and
// its arguments, which are slices of b, in the room of argsbuf; n is 0 for any other, and
// for a client that is a stranger: next and split read that.
func (g *guard) quick(b []byte, lim limits, argsbuf [][]byte) (n int, args [][]byte) {
	if g.kind != frameNew || lim.stranger {
		return 0, nil
	}
	count, at := quickHeader(b, 0, '*')
	if at == 0 || count == 0 || count > quickMost || int(count) > cap(argsbuf) {
		return 0, nil
	}
	args = argsbuf[:count]
	for i := range args {
		size, from := quickHeader(b, at, '$')
		end := from + int(size)
		if from == 0 || size > lim.bulk || end+2 > len(b) || end >= bigFrame || b[end] != '\r' || b[end+1] != '\n' {
			return 0, nil
		}
		args[i] = b[from:end:end]
		at = end + 2
	}
	*g = guard{args: len(args), head: at, pos: at} // as next leaves it
	return at, args
}

// done ends a frame: the next call begins a new one. loose stays readable.
func (g *guard) done(n int) (int, string) {
	g.kind = frameNew
	return n, ""
}

// count reads the header of a frame; end is 0 while it is not whole, or with
// a refusal.
func (g *guard) count(b []byte, lim limits) (end int, refusal string) {
	n, end := quickHeader(b, 0, '*')
	if end == 0 {
		if end, refusal = g.line(b, '\r', resp.ErrBigCount); end == 0 {
			return 0, refusal
		}
		var ok bool
		if n, ok = parseLength(b[1 : end-2]); !ok || n > maxCount {
			return 0, resp.ErrCount
		}
	}
	if n > maxStrangerArgs && lim.stranger {
		return 0, resp.ErrStrangerCount
	}
	g.left, g.head, g.pos = int(max(n, 0)), end, end
	return end, ""
}

// bulks passes over the bulks of a frame.
func (g *guard) bulks(b []byte, lim limits) (n int, refusal string) {
	for g.left > 0 {
		if g.end == 0 {
			size, end := quickHeader(b, g.head, '$')
			if end == 0 {
				if end, refusal = g.line(b, '\r', resp.ErrBigBulkHeader); end == 0 {
					return 0, refusal
				}
				if size, refusal = bulkSize(b[g.head:end-2], lim); refusal != "" {
					return 0, refusal
				}
			} else if size > lim.bulk || size > maxStrangerBulk && lim.stranger {
				_, refusal = bulkSize(b[g.head:end-2], lim)
				return 0, refusal
			}
			if g.args++; g.args > maxArgs {
				return 0, resp.ErrCount
			}
			g.end = end + int(size) + 2
		}
		if len(b) < g.end {
			return 0, ""
		}
		if b[g.end-2] != '\r' || b[g.end-1] != '\n' {
			g.loose = true
		}
		g.head, g.pos, g.end = g.end, g.end, 0
		g.left--
	}
	return g.done(g.head)
}

// bigBulk is from how many bytes on Redis reads an argument straight to where it stays.
const bigBulk = 32 << 10

// bigHeader is how many bytes stand before a command's only argument so far, if that is big:
// for Redis they are no part of the query buffer any more, and tools that watch it know.
func (g *guard) bigHeader() int {
	if g.kind != frameMulti || g.args != 1 || g.end == 0 || g.end-g.head < bigBulk {
		return 0
	}
	size := g.end - g.head                                   // with the header, whose digits tell how long it is
	for digits := 5; digits <= len("2147483647"); digits++ { // those of bigBulk, and of maxCount
		line := 1 + digits + 2
		if n := size - line - 2; n > 0 && len(strconv.Itoa(n)) == digits {
			return g.head + line
		}
	}
	return 0
}

// quickHeader reads a header at b[at:] that is whole, short and without fault,
// which almost all are; end is 0 for any other.
func quickHeader(b []byte, at int, kind byte) (size int64, end int) {
	const maxDigits = 9
	if at+3 < len(b) && b[at] == kind && b[at+2] == '\r' && b[at+3] == '\n' && b[at+1]-'0' <= 9 {
		return int64(b[at+1] - '0'), at + 4
	}
	if at >= len(b) || b[at] != kind {
		return 0, 0
	}
	i := at + 1
	for ; i < len(b) && i <= at+maxDigits; i++ {
		d := b[i] - '0'
		if d > 9 {
			break
		}
		size = size*10 + int64(d)
	}
	digits := i - at - 1
	if digits == 0 || digits > 1 && b[at+1] == '0' || i+1 >= len(b) || b[i] != '\r' || b[i+1] != '\n' {
		return 0, 0
	}
	return size, i + 2
}

// bulkSize reads a bulk header without its line end, and refuses it in
// Redis's order.
func bulkSize(line []byte, lim limits) (size int64, refusal string) {
	if len(line) == 0 || line[0] != '$' {
		got := []byte{'\r'}
		if len(line) > 0 {
			got = line[:1]
		}
		return 0, fmt.Sprintf(resp.ErrNoDollar, got)
	}
	size, ok := parseLength(line[1:])
	switch {
	case !ok || size < 0 || size > lim.bulk:
		return 0, resp.ErrBulkLength
	case size > maxStrangerBulk && lim.stranger:
		return 0, resp.ErrStrangerBulk
	}
	return size, ""
}

// nextInline looks for the end of a line that is a command.
func (g *guard) nextInline(b []byte) (n int, refusal string) {
	end, refusal := g.line(b, '\n', resp.ErrBigInline)
	if end == 0 {
		return 0, refusal
	}
	return g.done(end)
}

// line looks for the end of the line at head: behind \n, or behind \r and one
// more byte. It returns 0 while that has not come, with tooLong as the refusal
// once it can no longer come within maxLine.
func (g *guard) line(b []byte, last byte, tooLong string) (end int, refusal string) {
	if !g.stuck {
		rest := b[g.pos:]
		i := bytes.IndexByte(rest, last)
		seen := rest
		if i >= 0 {
			seen = rest[:i]
		}
		if bytes.IndexByte(seen, 0) >= 0 {
			g.stuck, i = true, -1
		}
		if i >= 0 && g.pos+i-g.head <= maxLine {
			return g.lineAt(b, g.pos+i, last), ""
		}
		g.pos = len(b)
	}
	if len(b)-g.head > maxLine {
		return 0, tooLong
	}
	return 0, ""
}

// lineAt ends the line whose last byte was found at i.
func (g *guard) lineAt(b []byte, i int, last byte) (end int) {
	if last == '\n' {
		return i + 1
	}
	if g.pos = i; i+1 == len(b) {
		return 0
	}
	if b[i+1] != '\n' {
		g.loose = true
	}
	return i + 2
}

// wants is how many bytes of the command are known to be needed, counted from
// its beginning; 0 while no bulk has been announced.
func (g *guard) wants() int {
	if g.kind == frameMulti {
		return g.end
	}
	return 0
}

// ending reports whether the command ends where wants says.
func (g *guard) ending() bool { return g.kind == frameMulti && g.left == 1 && g.end > 0 }

// last is the length of the command that next has measured, 0: it is at another, or the
// command was no array.
func (g *guard) last() int {
	if g.kind != frameNew {
		return 0
	}
	return g.head
}

// split returns the arguments of a whole command that next has measured; they
// are slices of frame where that is possible, and none for a command that
// does nothing. argsbuf is memory to use again.
//
// Commands in the form that clients send, if they are long or have come in pieces, are
// redcon's to read. It is not given anything else: lengths that overflow bring it down, line ends that
// Redis lets pass are errors to it, and its inline commands know other
// escapes.
func (g *guard) split(frame []byte, argsbuf [][]byte) (args [][]byte, refusal string) {
	switch {
	case frame[0] != '*':
		line := bytes.TrimSuffix(frame[:len(frame)-1], []byte{'\r'})
		args, err := resp.SplitWords(line)
		if err != nil {
			return nil, resp.ErrQuotes
		}
		return args, ""
	case g.args == 0:
		return nil, ""
	case g.loose:
		return splitLoose(frame, argsbuf), ""
	}
	whole, args, _, rest, err := redcon.ReadNextCommand(frame, argsbuf)
	if !whole || err != nil || len(rest) != 0 || len(args) != g.args {
		return splitLoose(frame, argsbuf), "" // never seen, see FuzzGuardAndRedcon; not worth a crash
	}
	return args, ""
}

// splitLoose splits a frame that next let pass without regard to line ends.
func splitLoose(frame []byte, argsbuf [][]byte) [][]byte {
	args := argsbuf[:0]
	at := bytes.IndexByte(frame, '\r') + 2
	for at < len(frame) {
		cr := at + bytes.IndexByte(frame[at:], '\r')
		size, _ := parseLength(frame[at+1 : cr])
		at = cr + 2 + int(size)
		args = append(args, frame[cr+2:at])
		at += 2
	}
	return args
}

// parseLength reads a whole number as Redis does (util.c, string2ll): no
// spaces, no plus sign, no leading zeros.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 1 && b[0] == '0' {
		return 0, true
	}
	const longest = 20 // "-9223372036854775808"
	digits := bytes.TrimPrefix(b, []byte{'-'})
	if len(b) > longest || len(digits) == 0 || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}
