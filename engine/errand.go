package engine

import (
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regent/resp"
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
		n, _ := e.counted(c, c.Cmd)
		n.failed++
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

// Connections to other servers are kept for a while: a program that moves many keys says
// MIGRATE many times, and a handshake, by TLS above all, takes longer than a small key does.

const (
	// keepRemote is how long a connection to another server is kept for the next errand, and
	// mostKept how many are kept: redis-server's MIGRATE_SOCKET_CACHE_TTL and _ITEMS.
	keepRemote = 10 * time.Second
	mostKept   = 64
)

var errNoDialer = errors.New("no server can be reached")

// A RemoteID says where a connection leads, and with which user and password: one on which a
// password was given serves no command that gives another, or none.
type RemoteID struct {
	addr string
	as   [sha256.Size]byte // digest of AUTH and its arguments, zero: none was said
}

// NewRemoteID is the ID of host:port, and of AUTH and its arguments there; nil: none.
func NewRemoteID(addr string, auth [][]byte) RemoteID {
	id := RemoteID{addr: addr}
	if auth != nil {
		id.as = sha256.Sum256(resp.AppendCommand(nil, auth...))
	}
	return id
}

// Remotes opens connections to other servers, and keeps them between errands. It is for
// the work of an errand, where nothing is locked: its methods may wait for a socket.
type Remotes struct {
	dial Dialer
	host Host

	mu   sync.Mutex
	kept []*keptRemote // in the order in which they were kept
}

// A keptRemote is a connection that nobody uses.
type keptRemote struct {
	id   RemoteID
	conn Remote
	stop func() bool // of the timer that ends it
}

// Remotes are the connections to other servers.
func (c *Ctx) Remotes() *Remotes { return &c.e.remotes }

// Dial opens a new connection.
func (r *Remotes) Dial(id RemoteID, limit time.Duration) (Remote, error) {
	if r.dial == nil {
		return nil, errNoDialer
	}
	return r.dial(id.addr, limit)
}

// Take is a kept connection, the one that was used last; nil: there is none. The other end may have
// closed it meanwhile.
func (r *Remotes) Take(id RemoteID) Remote {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.kept) - 1; i >= 0; i-- {
		if k := r.kept[i]; k.id == id {
			r.forget(i)
			return k.conn
		}
	}
	return nil
}

// Keep keeps a connection on which no answer is due for the next errand within keepRemote, and
// closes it then. The one that has waited longest makes room where there are mostKept.
func (r *Remotes) Keep(id RemoteID, conn Remote) {
	k := &keptRemote{id: id, conn: conn}
	r.mu.Lock()
	var out Remote
	if len(r.kept) >= mostKept {
		out = r.kept[0].conn
		r.forget(0)
	}
	r.kept = append(r.kept, k)
	k.stop = r.host.AfterFunc(keepRemote, func() { r.expire(k) })
	r.mu.Unlock()
	if out != nil {
		_ = out.Close() // nothing more is wanted of it
	}
}

// expire closes a connection that nobody has taken.
func (r *Remotes) expire(k *keptRemote) {
	r.mu.Lock()
	there := false
	for i := range r.kept {
		if there = r.kept[i] == k; there {
			r.forget(i)
			break
		}
	}
	r.mu.Unlock()
	if there {
		_ = k.conn.Close() // nothing more is wanted of it
	}
}

// forget takes the one at i out; r.mu is held.
func (r *Remotes) forget(i int) {
	r.kept[i].stop()
	r.kept = append(r.kept[:i:i], r.kept[i+1:]...)
}

// idle is how many connections are kept.
func (r *Remotes) idle() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.kept)
}
