package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The clients: some know of the cluster and follow MOVED, some are plain and are
// carried to the leader by whatever node they come to.

// traffic is all clients.
type traffic struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	busy   atomic.Bool // clients ask without long rests
	asked  atomic.Int64
	values atomic.Int64 // that were appended
	mu     sync.Mutex
}

const (
	// callsPerAge is how many calls are made with the keys of one age.
	callsPerAge = 150
	// idleRest is about how long a client rests while nothing happens.
	idleRest = time.Minute
)

func (w *world) startClients() {
	w.traffic.stop = make(chan struct{})
	for i := range w.plan.clients {
		w.traffic.wg.Go(func() { w.client(i) })
	}
}

func (w *world) stopClients() {
	close(w.traffic.stop)
	w.traffic.wg.Wait()
}

// clientIP is where a client is.
func clientIP(id int) string { return fmt.Sprintf("198.51.100.%d", 100+id) }

// target is where a client sends its commands.
type target struct {
	callers map[string]*caller
	at      string
	plain   bool
}

func (w *world) client(id int) {
	rnd := rand.New(rand.NewPCG(w.seed, uint64(5000+id)))
	h := w.net.host(clientIP(id))
	to := &target{callers: map[string]*caller{}, plain: id%2 == 1}
	defer to.close()
	w.elsewhere(to, rnd)
	for w.rest(rnd) {
		age := int(w.traffic.asked.Add(1) / callsPerAge)
		if id == w.plan.clients-1 || id == w.plan.clients-2 {
			w.transact(id, to, h, rnd, age)
			continue
		}
		c := w.history.Draw(rnd, age)
		at, asked := to.at, time.Since(w.began)
		reply, err := to.do(h, 6*w.plan.timeout, c.Args()...)
		answered := time.Since(w.began)
		w.traffic.mu.Lock()
		switch {
		case err == nil:
			w.history.Answered(id, c, asked, answered, reply)
			w.figures.answered++
		case notDone(err):
			w.figures.refused++
		default:
			w.history.Unanswered(id, c, asked)
			w.figures.unknown++
		}
		w.traffic.mu.Unlock()
		w.lookAt(to, at, err)
		if err != nil && !to.moved(err) {
			w.elsewhere(to, rnd)
			time.Sleep(w.plan.timeout / 20)
		}
	}
}

// rest waits a little, or long while nothing happens; false: the clients are to stop.
func (w *world) rest(rnd *rand.Rand) bool {
	d := time.Duration(rnd.Int64N(int64(w.plan.timeout) / 5))
	if !w.traffic.busy.Load() {
		d = time.Duration(rnd.Int64N(int64(2 * idleRest)))
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.traffic.stop:
		return false
	case <-t.C:
		return true
	}
}

// notDone reports whether an error says that the command was not carried out.
func notDone(err error) bool {
	var answer replyError
	if !errors.As(err, &answer) {
		return errors.Is(err, errUnsent)
	}
	for _, code := range []string{"MOVED ", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "LOADING", "MISCONF", "NOREPLICAS"} {
		if strings.HasPrefix(err.Error(), code) {
			return true
		}
	}
	return false
}

func (t *target) caller(h *host) *caller {
	c := t.callers[t.at]
	if c == nil {
		c = &caller{dial: h.dialer(), addr: t.at}
		t.callers[t.at] = c
	}
	return c
}

func (t *target) do(h *host, limit time.Duration, args ...any) (string, error) {
	return t.caller(h).do(limit, args...)
}

// moved goes where an error says; false: it says nothing of that.
func (t *target) moved(err error) bool {
	text := err.Error()
	if !strings.HasPrefix(text, "MOVED ") {
		return false
	}
	t.at = text[strings.LastIndexByte(text, ' ')+1:]
	return true
}

func (w *world) elsewhere(t *target, rnd *rand.Rand) {
	nodes := w.members()
	nd := nodes[rnd.IntN(len(nodes))]
	if t.at = nd.addr(); t.plain {
		t.at = nd.plain()
	}
}

func (t *target) close() {
	for _, c := range t.callers {
		c.close()
	}
}
