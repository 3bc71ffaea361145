package engine

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"regent/resp"
)

// Connections to other servers are kept for a while: who moves many keys says MIGRATE
// many times, and a handshake, by TLS above all, takes longer than a small key does.

const (
	// keepRemote is how long a connection to another server is kept for the next errand, and
	// mostKept how many are kept: redis-server's MIGRATE_SOCKET_CACHE_TTL and _ITEMS.
	keepRemote = 10 * time.Second
	mostKept   = 64
)

var errNoDialer = errors.New("no server can be reached")

// A RemoteID says to whom a connection leads, and as whom: one on which somebody has given a
// password is for nobody who gives another, or none.
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

// Keep keeps a connection on which no answer is due for whoever takes it within keepRemote, and
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
