package keys

import (
	"bufio"
	"errors"
	"fmt"
	"strconv"
	"time"

	"regent/engine"
	"regent/resp"
)

// A courier brings commands to another server and waits for the answers. It is at work
// while nothing is locked, and knows nothing of the keyspace.
type courier struct {
	dial  engine.Dialer
	addr  string
	limit time.Duration // of connecting, and of each piece that is written or read
	auth  [][]byte      // AUTH and what follows, nil: none
	db    int64

	conn engine.Remote // nil: it is not connected
	in   *bufio.Reader

	refused string // the first error that the other server has answered with
	failed  string // what ended the conversation before its end, as the client is told
}

const (
	// pieceLen is how many bytes are written under one limit, as in redis-server.
	pieceLen = 64 << 10
	// longestAnswer is how many bytes an answer may have: it is OK, or an error.
	longestAnswer = 4 << 10
)

var errLongAnswer = errors.New("an answer that is no status and no error")

// deliver sends the parcels and notes which were taken.
func (co *courier) deliver(parcels []parcel) {
	co.refused, co.failed = "", ""
	var out []byte
	ahead := 0
	if co.conn == nil {
		if err := co.connect(); err != nil {
			co.failed = resp.ErrMigrateConnect
			if errors.Is(err, engine.ErrRefused) { // redis-server finds out as it writes
				co.failed = fmt.Sprintf(resp.ErrMigrateIO, "writing")
			}
			return
		}
		if co.auth != nil {
			out = resp.AppendCommand(out, co.auth...)
			ahead++
		}
		out = resp.AppendCommand(out, "SELECT", strconv.FormatInt(co.db, 10))
		ahead++
	}
	for i := range parcels {
		if out = append(out, parcels[i].command...); len(out) >= pieceLen || i == len(parcels)-1 {
			if err := co.write(out); err != nil {
				co.failed = fmt.Sprintf(resp.ErrMigrateIO, "writing")
				return
			}
			out = out[:0]
		}
	}
	for range ahead {
		co.answer()
	}
	shut := co.refused != "" // what follows was carried out elsewhere, or by nobody
	for i := range parcels {
		parcels[i].settled = co.answer() && !shut
	}
}

func (co *courier) connect() error {
	if co.dial == nil {
		return errors.New("no server can be reached")
	}
	conn, err := co.dial(co.addr, co.limit)
	if err != nil {
		return err
	}
	co.conn, co.in = conn, bufio.NewReaderSize(conn, longestAnswer)
	return nil
}

func (co *courier) write(out []byte) error {
	for len(out) > 0 {
		if err := co.conn.Within(co.limit); err != nil {
			return err
		}
		piece := out[:min(len(out), pieceLen)]
		if _, err := co.conn.Write(piece); err != nil {
			return err
		}
		out = out[len(piece):]
	}
	return nil
}

// answer reads one answer, and reports whether it is no error. The first error is kept.
func (co *courier) answer() (taken bool) {
	if co.failed != "" {
		return false
	}
	line, err := co.line()
	if err != nil {
		co.failed = fmt.Sprintf(resp.ErrMigrateIO, "reading")
		return false
	}
	if line[0] != '-' {
		return true
	}
	if co.refused == "" {
		co.refused = line[1:]
	}
	return false
}

func (co *courier) line() (string, error) {
	if err := co.conn.Within(co.limit); err != nil {
		return "", err
	}
	raw, err := co.in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '\r') {
		raw = raw[:len(raw)-1]
	}
	if len(raw) == 0 || raw[0] == '$' || raw[0] == '*' {
		return "", errLongAnswer
	}
	return string(raw), nil
}

// close ends the connection.
func (co *courier) close() {
	if co.conn != nil {
		_ = co.conn.Close() // nothing more is wanted of it
		co.conn = nil
	}
}
