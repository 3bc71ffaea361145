package engine

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// Errands: a command that talks to another server (MIGRATE) gathers under its locks what
// it has to say, is carried out a second time when the other server has answered, and
// holds nothing in between.
//
//	handler, first time    shards locked: values are read, keys are watched ─► Errand
//	session                parked
//	work                   a goroutine of its own, nothing locked: connect, write, read
//	Wake, Resume           all gates again, shards locked ─► handler, Back tells what it left
//
// What has changed meanwhile is known as WATCH knows it (watch.go). A client that goes
// away meanwhile leaves everything as it is here.

// ErrRefused says that there is a way to another server's address, and nobody listens.
var ErrRefused = errors.New("connection refused")

// A Dialer connects to another server, at host:port, within limit. An error is ErrRefused,
// or another one.
type Dialer func(addr string, limit time.Duration) (Remote, error)

// A Remote is a connection to another server.
type Remote interface {
	io.ReadWriteCloser
	// Within has what is read and written from now on fail after d.
	Within(d time.Duration) error
}

// mostErrands is how many errands are at work at a time. Others wait for their turn: it
// bounds connections, not clients.
const mostErrands = 32

// An errand is what a session does elsewhere.
type errand struct {
	left    any            // by the handler, for itself
	watched []*transaction // by key: they have nothing but what they watch
	keys    [][]byte
	before  *errand
}

// Errand parks the session while work is done on another goroutine, without locks, and
// then has the command carried out anew, with what is left for it in Back. The keys are
// the command's own; whether one has changed since is what Untouched says then. work sees
// nothing of c, and ends whatever becomes of the client. As part of a transaction it is
// refused.
func (c *Ctx) Errand(left any, keys [][]byte, work func()) {
	if c.nested {
		c.park(parking{}) // which says why
		return
	}
	e, s := c.e, c.s
	er := &errand{left: left, keys: CloneArgs(keys), before: s.onErrand()}
	for _, key := range er.keys {
		tx := &transaction{stand: e.watchStand()}
		c.watchKey(tx, key)
		er.watched = append(er.watched, tx)
	}
	s.rarely().errand = er
	var done atomic.Bool
	args, conn := CloneArgs(c.Args), s.conn
	e.host.AfterFunc(0, func() {
		e.errands <- struct{}{}
		work()
		<-e.errands
		done.Store(true)
		conn.Wake()
	})
	c.park(parking{
		held: true,
		resume: func(c *Ctx, _ bool) bool {
			if !done.Load() {
				return false
			}
			c.Args = args
			e.again(c)
			return true
		},
	})
}

// again carries out a command that comes back: it passes all gates, and is not counted
// once more.
func (e *Engine) again(c *Ctx) {
	msg := e.admit(c, true)
	if msg != "" {
		e.refuse(c, msg)
		return
	}
	for {
		c.failed, c.strayed, c.late, c.watch.on = false, false, false, false
		e.handleWide(c)
		if !c.late || e.later(c) {
			break
		}
	}
	if len(c.served) > 0 {
		c.wakeServed()
	}
	if c.failed {
		c.tally.failed++
	}
}

// onErrand is the session's errand, nil if there is none.
func (s *Session) onErrand() *errand {
	if s.seldom == nil {
		return nil
	}
	return s.seldom.errand
}

// Back is what the command has left for itself before its errand; false: it has not been
// on one.
func (c *Ctx) Back() (left any, ok bool) {
	er := c.s.onErrand()
	if er == nil || c.nested {
		return nil, false
	}
	return er.left, true
}

// Untouched reports whether nothing has changed at a key since the errand began. A key
// whose time is over counts as there.
func (c *Ctx) Untouched(key []byte) bool {
	er := c.s.onErrand()
	i := slices.IndexFunc(er.keys, func(k []byte) bool { return string(k) == string(key) })
	return i >= 0 && !er.watched[i].changed.Load() && er.watched[i].stand == c.e.watchStand()
}

// endErrand forgets a session's errand, unless the command waits still: for its errand, or
// because it is held. No shard is locked.
func (e *Engine) endErrand(s *Session) {
	if s.onErrand() == nil || s.parked != nil {
		return
	}
	for er := s.seldom.errand; er != nil; er = er.before {
		for _, tx := range er.watched {
			e.forgetWatched(tx)
		}
	}
	s.seldom.errand = nil
}
