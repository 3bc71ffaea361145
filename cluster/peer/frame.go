package peer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"regent/cluster/bully"
	"regent/resp"
)

// Version is the protocol's version; both sides must speak the same.
const Version = 2

// Limits of a frame.
const (
	// MaxFrame bounds a frame in bytes after the handshake: a chunk of the
	// log and its header.
	MaxFrame = MaxBody + 4096
	// MaxBody bounds one element in bytes.
	MaxBody = 1 << 20
	// maxGreeting bounds a frame in bytes during the handshake.
	maxGreeting = 2048
	// maxWelcome bounds a WELCOME in bytes: the members and where they are.
	maxWelcome = maxGreeting + bully.MaxAddrs + 2*maxIDs
	// maxAnswer bounds what of an error line is kept, in bytes.
	maxAnswer = 2048
	// maxElements bounds the elements of a frame.
	maxElements = 32
	// headElements are the elements every frame begins with.
	headElements = 7
	// maxLine bounds a header line "*n" or "$n" in bytes.
	maxLine = 16
	// readBuffer is what is read from the socket at once, in bytes.
	readBuffer = 64 << 10
)

// A Type says what a frame is.
type Type uint8

// The types of frames. The first eight are the election's, in its words.
const (
	Election Type = iota + 1
	OK
	Coordinator
	Heartbeat
	Ack
	Resign
	Handover
	Takeover
	Ping    // a sign that the way is open, where the sender's log ends, and a Clock
	Open    // stream: the leader's log and history
	Ready   // stream: the follower's log was cut to this offset
	Copy    // stream: the follower needs a full copy
	Data    // stream: bytes of the log
	Commit  // stream: the commit offset alone
	Held    // stream: what the follower holds
	Refuse  // stream: the follower does not follow this epoch
	Base    // copy: a full copy begins
	Part    // copy: bytes of it
	Done    // copy: it is complete
	Ask     // stream: do you still follow this epoch? with the round's number
	Answer  // stream: yes
	Await   // stream: say at once what you have applied, until it is this offset
	Applied // stream: what the follower has applied
	Carry   // tunnel: a client, in which state it is; no more frames follow
	Carried // tunnel: it is welcome
	Tell    // messages: one that a client has published, or a piece of it
)

var typeNames = [...]string{
	Election: "ELECTION", OK: "OK", Coordinator: "COORDINATOR", Heartbeat: "HEARTBEAT", Ack: "ACK", Resign: "RESIGN",
	Handover: "HANDOVER", Takeover: "TAKEOVER",
	Ping: "PING", Open: "OPEN", Ready: "READY", Copy: "COPY", Data: "DATA", Commit: "COMMIT", Held: "HELD",
	Refuse: "REFUSE", Base: "BASE", Part: "PART", Done: "DONE",
	Ask: "ASK", Answer: "ANSWER", Await: "AWAIT", Applied: "APPLIED", Carry: "CARRY", Carried: "CARRIED", Tell: "TELL",
}

func (t Type) String() string {
	if int(t) < len(typeNames) && t != 0 {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}

func parseType(word []byte) Type {
	for t := Type(1); int(t) < len(typeNames); t++ {
		if string(word) == typeNames[t] {
			return t
		}
	}
	return 0
}

// A Frame is one message on the channel. Args are valid until the next frame
// is read.
type Frame struct {
	Type     Type
	Cluster  string // as the sender knows it, "-" for not yet
	From, To int64
	Epoch    int64
	Seq      uint64
	Args     [][]byte
}

// Int reads argument i as a whole number of at least 0.
func (f *Frame) Int(i int) (int64, error) {
	if i >= len(f.Args) {
		return 0, fmt.Errorf("%s has %d arguments", f.Type, len(f.Args))
	}
	n, ok := parseUint(f.Args[i])
	if !ok {
		return 0, fmt.Errorf("%s: argument %d is not a number: %.32q", f.Type, i, f.Args[i])
	}
	return n, nil
}

// Ints reads arguments from the first on into the given places.
func (f *Frame) Ints(into ...*int64) error {
	for i, p := range into {
		n, err := f.Int(i)
		if err != nil {
			return err
		}
		*p = n
	}
	return nil
}

// AppendHead appends a frame's beginning; args more elements must follow.
func AppendHead(dst []byte, f *Frame, args int) []byte {
	dst = resp.AppendArray(dst, headElements+args)
	dst = resp.AppendBulk(dst, f.Type.String())
	dst = AppendInt(dst, Version)
	dst = resp.AppendBulk(dst, f.Cluster)
	dst = AppendInt(dst, f.From)
	dst = AppendInt(dst, f.To)
	dst = AppendInt(dst, f.Epoch)
	return AppendInt(dst, int64(f.Seq))
}

// AppendFrame appends a whole frame.
func AppendFrame(dst []byte, f *Frame) []byte {
	dst = AppendHead(dst, f, len(f.Args))
	for _, a := range f.Args {
		dst = resp.AppendBulk(dst, a)
	}
	return dst
}

// AppendInt appends a number as an element.
func AppendInt(dst []byte, n int64) []byte {
	var digits [20]byte
	return resp.AppendBulk(dst, strconv.AppendInt(digits[:0], n, 10))
}

// errFrame is the kind of every complaint about a frame's form.
var errFrame = errors.New("malformed frame")

// Malformed is an error about a frame's form.
func Malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errFrame, fmt.Sprintf(format, args...))
}

// A Decoder reads frames. It believes no length: an element is read into
// memory only within the frame's limit.
type Decoder struct {
	r     *bufio.Reader
	limit int // bytes of one frame
	buf   []byte
	ends  [maxElements]int // of the elements in buf
	args  [maxElements][]byte
	known string // the last cluster ID, so that the same one allocates nothing
}

// NewDecoder reads frames of at most limit bytes.
func NewDecoder(r io.Reader, limit int) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, readBuffer), limit: limit}
}

// Buffered reports whether more has arrived than was read.
func (d *Decoder) Buffered() bool { return d.r.Buffered() > 0 }

// Next reads the next frame. io.EOF means that the stream ended between two
// frames.
func (d *Decoder) Next(f *Frame) error {
	n, err := d.elements()
	if err != nil {
		return err
	}
	if n < headElements {
		return Malformed("%d elements", n)
	}
	a := d.args[:n]
	if f.Type = parseType(a[0]); f.Type == 0 {
		return Malformed("unknown type %.32q", a[0])
	}
	if v, ok := parseUint(a[1]); !ok || v != Version {
		return Malformed("protocol version %.16q, not %d", a[1], Version)
	}
	if string(a[2]) != d.known {
		d.known = string(a[2])
	}
	f.Cluster = d.known
	var seq int64
	for i, p := range []*int64{&f.From, &f.To, &f.Epoch, &seq} {
		v, ok := parseUint(a[3+i])
		if !ok {
			return Malformed("%s: %.32q is not a number", f.Type, a[3+i])
		}
		*p = v
	}
	f.Seq = uint64(seq)
	f.Args = a[headElements:]
	return nil
}

// fill takes what has come. Nothing is no error.
func (d *Decoder) fill() error {
	_, err := d.r.Peek(d.r.Buffered() + 1)
	if errors.Is(err, errNotNow) {
		return nil
	}
	return err
}

// whole reports whether Next needs no more than was read: there is a frame, or something
// that is none.
func (d *Decoder) whole() bool {
	b, _ := d.r.Peek(d.r.Buffered())
	for lines := 1; lines > 0; lines-- {
		end := bytes.IndexByte(b, '\n')
		if end < 0 {
			return len(b) > maxLine
		}
		if end < len("*1\r") {
			return true
		}
		n, ok := parseUint(b[1 : end-1])
		kind := b[0]
		b = b[end+1:]
		switch {
		case !ok || n > int64(d.limit):
			return true
		case kind == '*':
			if n > maxElements {
				return true
			}
			lines += int(n)
		case len(b) < int(n)+2:
			return false
		default:
			b = b[n+2:]
		}
	}
	return true
}

// answer is elements, for a step of the handshake: the node that listens may answer
// with an error line instead, which is a Refusal.
func (d *Decoder) answer() (int, error) {
	kind, err := d.r.Peek(1)
	if err != nil {
		return 0, err
	}
	switch kind[0] {
	case tlsAlert:
		return 0, errAlert
	case '-':
	default:
		return d.elements()
	}
	line, err := d.r.ReadSlice('\n')
	if len(line) == 0 {
		return 0, err
	}
	line = bytes.TrimRight(line[1:], "\r\n") // what has come of it, if it breaks off
	return 0, &Refusal{string(line[:min(len(line), maxAnswer)])}
}

// elements reads one RESP array of bulk strings into d.args.
func (d *Decoder) elements() (int, error) {
	n, err := d.header('*', maxElements)
	if err != nil {
		return 0, err
	}
	d.buf = d.buf[:0]
	for i := range n {
		size, err := d.header('$', d.limit)
		if err != nil {
			return 0, noEOF(err)
		}
		at := len(d.buf)
		if at+size+2 > d.limit {
			return 0, Malformed("more than %d bytes", d.limit)
		}
		d.grow(at + size + 2)
		if _, err := io.ReadFull(d.r, d.buf[at:]); err != nil {
			return 0, noEOF(err)
		}
		if d.buf[at+size] != '\r' || d.buf[at+size+1] != '\n' {
			return 0, Malformed("an element does not end where it says")
		}
		d.buf = d.buf[:at+size]
		d.ends[i] = at + size
	}
	at := 0
	for i := range n {
		d.args[i] = d.buf[at:d.ends[i]:d.ends[i]]
		at = d.ends[i]
	}
	return n, nil
}

func (d *Decoder) grow(n int) {
	if cap(d.buf) < n {
		d.buf = append(make([]byte, 0, max(n, 2*cap(d.buf))), d.buf...)
	}
	d.buf = d.buf[:n]
}

// header reads a line "<kind><number>\r\n".
func (d *Decoder) header(kind byte, most int) (int, error) {
	line, err := d.r.ReadSlice('\n')
	if err != nil {
		if len(line) > 0 {
			err = noEOF(err)
		}
		return 0, err
	}
	if len(line) < 4 || len(line) > maxLine || line[0] != kind || line[len(line)-2] != '\r' {
		return 0, Malformed("%.16q where %q and a length should stand", line, kind)
	}
	n, ok := parseUint(line[1 : len(line)-2])
	if !ok || n > int64(most) {
		return 0, Malformed("length %.16q", line[1:len(line)-2])
	}
	return int(n), nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseUint reads a number from 0 to MaxInt64 in its one canonical form.
func parseUint(b []byte) (int64, bool) {
	const most = 1<<63 - 1
	if len(b) == 0 || len(b) > 19 || len(b) > 1 && b[0] == '0' {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return int64(n), n <= most
}
