package harness

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
)

// A History is what some clients asked of a cluster and what they were told,
// with the times of both, for porcupine to judge: is there one order of all
// calls, each between its question and its answer, that explains every reply?
//
// A call whose outcome its client does not know (a broken connection, a
// timeout, UNCERTAIN) may have happened at any later time or never. Keys are
// used for keyLife only, so that few such calls meet on one key.
type History struct {
	addrs  []string
	dial   Dialer
	cancel context.CancelFunc
	wg     sync.WaitGroup
	began  time.Time
	seq    atomic.Int64 // for values that occur once

	mu      sync.Mutex
	calls   []porcupine.Operation
	unknown int
	refused int
}

// keyLife is how long one set of keys is used.
const keyLife = 3 * time.Second

// callPause is what a client rests between two calls: it bounds how many calls
// there are to judge, which is some thousands a second.
const callPause = time.Millisecond

// keysAtOnce is how many keys of each sort are in use at one time.
const keysAtOnce = 3

// never is the time of an answer that did not come.
const never = int64(1) << 62

// output is a reply: Known false means that the outcome is not known.
type output struct {
	known bool
	text  string
}

// Record starts n clients of the nodes at addrs.
func Record(n int, addrs []string, dial Dialer) *History {
	ctx, cancel := context.WithCancel(context.Background())
	h := &History{addrs: addrs, dial: dial, cancel: cancel, began: time.Now()}
	for i := range n {
		h.wg.Go(func() { h.client(ctx, i) })
	}
	return h
}

// Stop ends the clients.
func (h *History) Stop() {
	h.cancel()
	h.wg.Wait()
}

// Counts are the calls with an answer, without one, and those refused before
// anything was done.
func (h *History) Counts() (answered, unknown, refused int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls) - h.unknown, h.unknown, h.refused
}

func (h *History) client(ctx context.Context, id int) {
	pool := newFollower(h.addrs, id, h.dial)
	defer pool.close()
	for ctx.Err() == nil {
		c := h.draw(rand.IntN, int(time.Since(h.began)/keyLife))
		asked := time.Since(h.began).Nanoseconds()
		text, err := pool.do(c.args()...)
		answered := time.Since(h.began).Nanoseconds()
		h.note(id, c, asked, answered, c.ordered(text), err)
		pool.settle(err)
		time.Sleep(callPause)
	}
}

func (h *History) note(id int, c call, asked, answered int64, text string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.calls = append(h.calls, porcupine.Operation{ClientId: id, Input: c, Call: asked, Output: output{true, text}, Return: answered})
	case refused(err) || strings.HasPrefix(err.Error(), "MOVED"):
		h.refused++
	case !c.reads(): // a read without an answer says nothing
		h.unknown++
		h.calls = append(h.calls, porcupine.Operation{ClientId: id, Input: c, Call: asked, Output: output{}, Return: never})
	}
}

// Check lets porcupine judge the history; it returns an error that names what
// cannot be explained.
func (h *History) Check(timeout time.Duration) error {
	result, info := porcupine.CheckOperationsVerbose(keyModel(), h.calls, timeout)
	switch result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("the history of %d calls was not decided within %s", len(h.calls), timeout)
	}
	longest := 0
	for _, part := range info.PartialLinearizations() {
		for _, order := range part {
			longest = max(longest, len(order))
		}
	}
	return fmt.Errorf("the history of %d calls is not linearizable (longest explained part of a key: %d calls)", len(h.calls), longest)
}

// A Dialer opens connections from where the clients are; nil is net's own.
type Dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// A follower sends commands to whichever node takes them, each once.
type follower struct {
	addrs   []string
	at      int
	target  string
	dial    Dialer
	clients map[string]*redis.Client
}

func newFollower(addrs []string, id int, dial Dialer) *follower {
	at := id % len(addrs)
	return &follower{addrs: addrs, at: at, target: addrs[at], dial: dial, clients: map[string]*redis.Client{}}
}

func (f *follower) client(addr string) *redis.Client {
	if c := f.clients[addr]; c != nil {
		return c
	}
	o := &redis.Options{
		Addr: addr, MaxRetries: -1, PoolSize: 2, DisableIdentity: true, DialerRetries: 1,
		DialTimeout: writeTimeout, ReadTimeout: writeTimeout, WriteTimeout: writeTimeout,
	}
	if f.dial != nil {
		o.Dialer = f.dial
	}
	f.clients[addr] = redis.NewClient(o)
	return f.clients[addr]
}

// do sends one command and returns the reply's text, "" for null.
func (f *follower) do(args ...any) (string, error) {
	v, err := f.client(f.target).Do(context.Background(), args...).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprint(v), nil
}

// settle chooses where the next command goes after an answer.
func (f *follower) settle(err error) {
	if answer := redis.Error(nil); err != nil && !errors.As(err, &answer) {
		f.forget()
	}
	switch {
	case err == nil:
	case strings.HasPrefix(err.Error(), "MOVED "):
		f.target = err.Error()[strings.LastIndexByte(err.Error(), ' ')+1:]
	default:
		f.at = (f.at + 1) % len(f.addrs)
		f.target = f.addrs[f.at]
		time.Sleep(retryPause)
	}
}

// forget ends the client of a node that could not be asked. After as many
// refused dials as a pool may hold connections, go-redis answers with the old
// refusal for up to a second without dialling, and the node that was dead then
// may lead by now: that wait would be the client's, not the cluster's.
func (f *follower) forget() {
	if c := f.clients[f.target]; c != nil {
		c.Close()
		delete(f.clients, f.target)
	}
}

func (f *follower) close() {
	for _, c := range f.clients {
		c.Close()
	}
}
