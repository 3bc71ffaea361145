package replicas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"regent/aof"
	"regent/aof/disk"
	"regent/engine"
	"regent/engine/config"
	"regent/node/delivery"
	"regent/resp"
)

// Limits.
const (
	// MaxReplicas is how many are served at one time.
	MaxReplicas = 8
	// chunk is how many bytes of the log are sent at a time.
	chunk = 64 << 10
	// patience is how long one write may take, and how long a replica may say nothing
	// after its copy before it asks for the stream.
	patience = time.Minute
	// beatEvery is how often a stream has at least a PING in it.
	beatEvery = 10 * time.Second
	// look is how often a stream that has nothing to send looks whether it is to end.
	look = 100 * time.Millisecond
	// longestTTL is the longest repl-backlog-ttl that is waited for, in seconds: 100 years.
	longestTTL = 100 * 365 * 24 * 3600
	// commitPoll is how often it looks for what is written and not committed.
	commitPoll = 2 * time.Millisecond
)

// Options for New.
type Options struct {
	Config *config.Config
	Host   engine.Host
	// Stream is the log that is kept now, nil: none is, and Copy begins one if what it copies is to be
	// followed. Rest is called when nobody has been served for repl-backlog-ttl.
	Stream func() engine.Stream
	Rest   func()
	// Copy writes the data at one moment as an RDB file. cut is called at that moment, before the first byte, and must not do I/O;
	// it returns fields for the file's head.
	Copy func(ctx context.Context, w io.Writer, use delivery.Use, cut func(at aof.Place) [][2]string) error
	// Committed is the offset that no change of leader can take back, and Leads tells
	// whether this node leads.
	Committed func() int64
	Leads     func() bool
	// History is the name of the log's history, in at least 24 hex digits.
	History func() string
	// Synced is told how a replica's synchronization began, and Sent how many bytes it was
	// sent.
	Synced func(engine.Sync)
	Sent   func(bytes int)
	// Beat puts something into the log that changes nothing.
	Beat func()
	Disk disk.FS
}

// Replicas are those that are served.
type Replicas struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	last int64 // number given
	all  map[int64]*replica
	stop func() bool // of the beat; nil: nobody is served
	rest func() bool // of the timer of Rest; nil: there is none
}

// New makes a server of replicas that has none yet.
func New(o Options) *Replicas {
	ctx, cancel := context.WithCancel(context.Background())
	return &Replicas{o: o, ctx: ctx, cancel: cancel, all: map[int64]*replica{}}
}

// Close ends all streams and waits for that.
func (r *Replicas) Close() {
	r.cancel()
	r.mu.Lock()
	if r.stop != nil {
		r.stop()
	}
	r.restNot()
	r.mu.Unlock()
	r.wg.Wait()
}

// List is what INFO shows.
func (r *Replicas) List() (out []engine.Replica) {
	now := r.o.Host.Ticks()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(r.all)) {
		out = append(out, r.all[n].show(now))
	}
	return out
}

// Serve sends a replica what it asks for, and returns when its connection is closed.
// early is what it has sent already.
func (r *Replicas) Serve(conn net.Conn, early []byte, ask engine.SyncAsk) {
	defer conn.Close()
	p, err := r.enter(conn, early, ask)
	if err != nil {
		turnAway(conn, err.Error())
		return
	}
	defer r.leave(p)
	stop := context.AfterFunc(r.ctx, func() { _ = conn.Close() })
	defer stop()
	r.o.Host.Logf(engine.LevelNotice, "Replica %s asks for synchronization", p)
	if err = p.serve(r.ctx); err != nil && r.ctx.Err() == nil {
		r.o.Host.Logf(engine.LevelNotice, "The stream to replica %s ended: %v", p, err)
	}
}

// enter takes a replica in, unless there are too many.
func (r *Replicas) enter(conn net.Conn, early []byte, ask engine.SyncAsk) (*replica, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	stream := r.o.Stream()
	switch {
	case r.ctx.Err() != nil:
		return nil, errors.New(resp.ErrNoMasterLink)
	case len(r.all) == MaxReplicas:
		return nil, fmt.Errorf(resp.ErrMostReplicas, MaxReplicas)
	}
	r.last++
	p := newReplica(r, r.last, conn, early, ask)
	p.log = stream
	r.all[p.number] = p
	r.wg.Add(1)
	r.restNot()
	r.beatSoon()
	return p, nil
}

func (r *Replicas) leave(p *replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, p.number)
	r.wg.Done()
	if ttl := r.o.Config.ReplBacklogTTL.Get(); len(r.all) == 0 && ttl > 0 && r.ctx.Err() == nil {
		r.restNot()
		r.rest = r.o.Host.AfterFunc(time.Duration(min(ttl, longestTTL))*time.Second, r.restNow)
	}
}

// restNow calls Rest, unless somebody has come. The caller does not hold mu.
func (r *Replicas) restNow() {
	r.mu.Lock()
	nobody := len(r.all) == 0
	r.mu.Unlock()
	if nobody { // one that comes at this moment finds no log, and gets a copy
		r.o.Rest()
	}
}

// restNot takes the timer of Rest back. The caller holds mu.
func (r *Replicas) restNot() {
	if r.rest != nil {
		r.rest()
		r.rest = nil
	}
}

// beatSoon lets the next beat come while somebody is served. The caller holds mu.
func (r *Replicas) beatSoon() {
	if r.stop != nil || len(r.all) == 0 || r.ctx.Err() != nil {
		return
	}
	r.stop = r.o.Host.AfterFunc(beatEvery, func() {
		r.mu.Lock()
		r.stop = nil
		served := len(r.all) > 0
		r.beatSoon()
		r.mu.Unlock()
		if served {
			r.o.Beat()
		}
	})
}

// spool is a file for a copy whose length must be known before its first byte is sent. It
// has a name that a start sweeps.
func (r *Replicas) spool(number int64) (f disk.File, remove func(), err error) {
	name := filepath.Join(r.o.Config.Dir.Get(), fmt.Sprintf("%s%s-replica-%d", disk.TempPrefix, r.o.Config.DBFilename.Get(), number))
	f, err = r.o.Disk.Create(name)
	if err != nil {
		return nil, nil, fmt.Errorf("make a file for the copy: %w", err)
	}
	return f, func() {
		if err := errors.Join(f.Close(), r.o.Disk.Remove(name)); err != nil {
			r.o.Host.Logf(engine.LevelWarning, "Removing a replica's copy: %v", err)
		}
	}, nil
}

// turnAway says why a connection is not served, if there is room for that.
func turnAway(conn net.Conn, why string) {
	_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = fmt.Fprintf(conn, "-%s\r\n", why)
}
