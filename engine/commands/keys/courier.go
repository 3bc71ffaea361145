package keys

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"regent/engine"
	"regent/resp"
)

// A courier brings commands to another server and waits for the answers. It is at work
// while nothing is locked, and knows nothing of the keyspace.
type courier struct {
	remotes *engine.Remotes
	to      engine.RemoteID
	limit   time.Duration // of connecting, and of each piece that is written or read
	auth    [][]byte      // AUTH and what follows, nil: none
	db      int64

	conn     engine.Remote
	in       *bufio.Reader
	answered bool // something was, on conn

	refused string // the first error that the other server has answered with
	failed  string // what ended the conversation before its end, as the client is told
	cause   error  // of failed
}

const (
	// pieceLen is how many bytes are written under one limit, as in redis-server.
	pieceLen = 64 << 10
	// longestAnswer is how many bytes an answer may have: it is OK, or an error.
	longestAnswer = 4 << 10
)

var errLongAnswer = errors.New("an answer that is no status and no error")

// deliver sends the parcels and notes which were taken. What was not answered at all on a
// connection that was kept is sent anew on a new one, once, as redis-server does: the
// other server may have closed the old one meanwhile, or have been started anew.
func (co *courier) deliver(parcels []parcel) {
	if conn := co.remotes.Take(co.to); conn != nil {
		co.say(conn, parcels)
		if co.failed == "" || co.answered || errors.Is(co.cause, os.ErrDeadlineExceeded) {
			return
		}
	}
	conn, err := co.remotes.Dial(co.to, co.limit)
	switch {
	case errors.Is(err, engine.ErrRefused): // redis-server finds out as it writes
		co.fail(fmt.Sprintf(resp.ErrMigrateIO, "writing"), err)
	case err != nil:
		co.fail(resp.ErrMigrateConnect, err)
	default:
		co.say(conn, parcels)
	}
}

func (co *courier) fail(text string, cause error) { co.failed, co.cause = text, cause }

// say is deliver on one connection, which is kept afterwards if everything was answered.
func (co *courier) say(conn engine.Remote, parcels []parcel) {
	co.conn, co.in = conn, bufio.NewReaderSize(conn, longestAnswer)
	co.refused, co.failed, co.cause, co.answered = "", "", nil, false
	if co.exchange(parcels) && co.in.Buffered() == 0 {
		co.remotes.Keep(co.to, conn)
		return
	}
	_ = conn.Close() // nothing more is wanted of it
}

// exchange reports whether all was answered, and the other server knows the user and
// the database.
func (co *courier) exchange(parcels []parcel) bool {
	var out []byte
	ahead := 1
	if co.auth != nil { // each time: the password may be another by now
		out = resp.AppendCommand(out, co.auth...)
		ahead++
	}
	out = resp.AppendCommand(out, "SELECT", strconv.FormatInt(co.db, 10))
	for i := range parcels {
		if out = append(out, parcels[i].command...); len(out) >= pieceLen || i == len(parcels)-1 {
			if err := co.write(out); err != nil {
				co.fail(fmt.Sprintf(resp.ErrMigrateIO, "writing"), err)
				return false
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
	return !shut && co.failed == ""
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
		co.fail(fmt.Sprintf(resp.ErrMigrateIO, "reading"), err)
		return false
	}
	co.answered = true
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
