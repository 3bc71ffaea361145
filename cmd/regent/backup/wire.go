package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"regent/resp"
)

const (
	dialTimeout = 5 * time.Second
	// markBytes is how long the delimiter of a file without a known length is.
	markBytes = 40
	// maxLine bounds a line of a reply in bytes: bufio's buffer.
	maxLine = 64 << 10
	// maxBlank bounds the empty lines that a server may send before it answers:
	// a day of them, if it sends ten a second.
	maxBlank = 1_000_000
)

// A link is a connection to a node.
type link struct {
	conn net.Conn
	r    *bufio.Reader
	idle time.Duration // how long nothing may come
	stop func() bool
}

// dial connects; when ctx ends, so does the connection.
func dial(ctx context.Context, addr string, idle time.Duration) (*link, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, idle: idle}
	l.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	l.r = bufio.NewReaderSize(l, maxLine)
	return l, nil
}

func (l *link) close() {
	l.stop()
	_ = l.conn.Close() // nothing is left to be said
}

// Read reads from the connection, and gives up when nothing comes.
func (l *link) Read(p []byte) (int, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.conn.Read(p)
}

// ask sends a command and returns the reply's first line.
func (l *link) ask(args ...string) (string, error) {
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.idle)); err != nil {
		return "", err
	}
	if _, err := l.conn.Write(resp.AppendCommand(nil, args...)); err != nil {
		return "", err
	}
	for range maxBlank {
		line, err := l.r.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			return string(line), nil
		}
	}
	return "", errors.New("it sends empty lines without end")
}

// greet authenticates.
func (l *link) greet(user, password string) error {
	if password == "" {
		return nil
	}
	args := []string{"AUTH", password}
	if user != "" {
		args = []string{"AUTH", user, password}
	}
	line, err := l.ask(args...)
	if err == nil && line != "+OK" {
		err = errors.New(strings.TrimPrefix(line, "-"))
	}
	return err
}

// file asks for a copy and returns it as a reader that ends with it, and its
// length, if that is known. A file that breaks off ends in an error.
func (l *link) file() (r io.Reader, length int64, err error) {
	line, err := l.ask("REGENT", "BACKUP")
	if err == nil && strings.HasPrefix(line, "-ERR unknown ") {
		line, err = l.sync()
	}
	switch {
	case err != nil:
		return nil, 0, err
	case strings.HasPrefix(line, "-"):
		return nil, 0, errors.New(line[1:])
	case strings.HasPrefix(line, "$EOF:") && len(line) == len("$EOF:")+markBytes:
		return &marked{r: l.r, mark: line[len("$EOF:"):]}, 0, nil
	case strings.HasPrefix(line, "$"):
		if length, err = strconv.ParseInt(line[1:], 10, 64); err == nil && length >= 0 {
			return &exact{r: l.r, left: length}, length, nil
		}
	}
	return nil, 0, fmt.Errorf("an answer that is no file: %.80q", line)
}

// sync asks as a replica of Redis asks.
func (l *link) sync() (string, error) {
	for _, args := range [][]string{{"REPLCONF", "capa", "eof"}, {"REPLCONF", "rdb-only", "1"}} {
		if _, err := l.ask(args...); err != nil { // refused: an older server
			return "", err
		}
	}
	line, err := l.ask("SYNC")
	if err == nil && strings.HasPrefix(line, "-ERR unknown command") {
		err = errors.New("it knows neither REGENT BACKUP nor SYNC")
	}
	return line, err
}

// exact is a file of known length.
type exact struct {
	r    io.Reader
	left int64
}

func (e *exact) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// marked is a file that ends with a delimiter. It holds back as many bytes as
// that has until it knows that they are not the delimiter.
type marked struct {
	r    io.Reader
	mark string
	buf  [64 << 10]byte
	i, n int  // buf[i:n] is held
	done bool // and does not end with the delimiter any more
}

func (m *marked) Read(p []byte) (int, error) {
	for {
		free := m.n - m.i
		if !m.done {
			free -= len(m.mark)
		}
		switch {
		case free > 0:
			n := copy(p, m.buf[m.i:m.i+free])
			m.i += n
			return n, nil
		case m.done:
			return 0, io.EOF
		}
		if err := m.more(); err != nil {
			return 0, err
		}
	}
}

func (m *marked) more() error {
	m.n = copy(m.buf[:], m.buf[m.i:m.n])
	m.i = 0
	n, err := m.r.Read(m.buf[m.n:])
	m.n += n
	if bytes.HasSuffix(m.buf[:m.n], []byte(m.mark)) {
		m.n -= len(m.mark)
		m.done = true
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
