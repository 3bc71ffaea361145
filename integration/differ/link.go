package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"regent/resp"
)

// patience is how long a reply may take; without it a server that hangs would hang
// the run.
const patience = 60 * time.Second

// A value is a reply as it came: unlike resp.Value it tells the forms of null apart,
// because clients do.
type value struct {
	kind  byte
	text  string // of an aggregate: nothing
	null  bool
	elems []value
}

func (v value) failed() bool { return v.kind == '-' }

// A link is a connection to a server.
type link struct {
	conn net.Conn
	in   *bufio.Reader
	id   string // CLIENT ID
}

func dial(addr string) (*link, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, in: bufio.NewReader(conn)}
	v, err := l.do("CLIENT", "ID")
	if err != nil {
		_ = conn.Close() // the first error counts
		return nil, err
	}
	l.id = v.text
	return l, nil
}

func (l *link) close() { _ = l.conn.Close() } // nothing more is wanted of it

// send sends commands in one write.
func (l *link) send(cmds ...[]string) error {
	var buf []byte
	for _, c := range cmds {
		buf = resp.AppendCommand(buf, c...)
	}
	if err := l.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	_, err := l.conn.Write(buf)
	return err
}

// do sends a command and reads its reply.
func (l *link) do(args ...string) (value, error) {
	if err := l.send(args); err != nil {
		return value{}, err
	}
	return l.read()
}

// hasReply waits for at most d for a reply to begin.
func (l *link) hasReply(d time.Duration) bool {
	if err := l.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return true // reading will tell
	}
	_, err := l.in.Peek(1)
	if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
		return false
	}
	return true
}

// read reads a reply.
func (l *link) read() (value, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return value{}, err
	}
	return l.value()
}

func (l *link) value() (v value, err error) {
	line, err := l.in.ReadString('\n')
	if err != nil {
		return v, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return v, fmt.Errorf("a reply begins with an empty line")
	}
	v.kind, v.text = line[0], line[1:]
	if strings.IndexByte("+-:,#(", v.kind) >= 0 {
		return v, nil
	}
	if v.kind == '_' {
		v.null = true
		return v, nil
	}
	size, err := strconv.Atoi(v.text)
	if err != nil {
		return v, fmt.Errorf("reply %q: %w", line, err)
	}
	v.text, v.null = "", size < 0
	switch v.kind {
	case '$', '=':
		if v.null {
			return v, nil
		}
		buf := make([]byte, size+2)
		if _, err := io.ReadFull(l.in, buf); err != nil {
			return v, err
		}
		v.text = string(buf[:size])
		return v, nil
	case '%':
		size *= 2
	case '*', '~', '>':
	default:
		return v, fmt.Errorf("reply %q is of no known type", line)
	}
	for range max(size, 0) {
		el, err := l.value()
		if err != nil {
			return v, err
		}
		v.elems = append(v.elems, el)
	}
	return v, nil
}

// same compares two replies exactly.
func same(a, b value) bool {
	if a.kind != b.kind || a.text != b.text || a.null != b.null || len(a.elems) != len(b.elems) {
		return false
	}
	for i := range a.elems {
		if !same(a.elems[i], b.elems[i]) {
			return false
		}
	}
	return true
}

// longestShown bounds a reply in a report, in bytes.
const longestShown = 1500

// show is a reply in one line.
func show(v value) string {
	s := v.String()
	if len(s) > longestShown {
		s = s[:longestShown] + "…"
	}
	return s
}

// String spells a reply out, nulls with their form.
func (v value) String() string {
	switch {
	case v.null:
		return string(v.kind) + "null"
	case strings.IndexByte("*~%>", v.kind) >= 0:
		parts := make([]string, len(v.elems))
		for i, el := range v.elems {
			parts[i] = el.String()
		}
		return string(v.kind) + "[" + strings.Join(parts, " ") + "]"
	case v.kind == '$':
		return string(resp.AppendQuoted(nil, []byte(v.text)))
	}
	return string(v.kind) + v.text
}
