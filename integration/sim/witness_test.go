package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWitnessSeeds simulates worlds in which one of three nodes is a witness, and keeps little
// of its log.
func TestWitnessSeeds(t *testing.T) {
	seeds(t, 100, 104, options{rounds: 5, idle: 20, nodes: 3, witness: true})
}

// A witness's port answers nothing that rests on data, and no node says that a witness leads.

// lookAt judges the answer that a client got at an address: nil, or an error.
func (w *world) lookAt(t *target, at string, err error) {
	for _, nd := range w.members() {
		if !nd.blank {
			continue
		}
		if err == nil && at == nd.addr() {
			w.wrong("node %d, a witness, has served a client", nd.id)
		}
		if err != nil && strings.HasPrefix(err.Error(), "MOVED ") && strings.HasSuffix(err.Error(), " "+nd.addr()) {
			w.wrong("%s says that node %d leads, a witness: %v", at, nd.id, err)
		}
	}
}

// servesNothing asks a witness for data as a client does that is content with a follower's.
func (w *world) servesNothing(h *host, nd *node) {
	c := &caller{dial: h.dialer(), addr: nd.addr()}
	defer c.close()
	if _, err := c.do(4*w.plan.timeout, "READONLY"); err != nil {
		return // it may be gone again
	}
	for _, args := range [][]any{{"GET", "probe"}, {"SET", "probe", "2"}, {"DBSIZE"}, {"EVAL_RO", "return redis.call('get', KEYS[1])", 1, "probe"}} {
		if reply, err := c.do(4*w.plan.timeout, args...); err == nil && !(args[0] == "DBSIZE" && reply == "0") {
			w.wrong("node %d, a witness, answers %v: %q", nd.id, args, reply)
		}
	}
}

// drops waits until the log of each witness is as short as it may be, once as much was written as it
// takes for its files to change.
func (w *world) drops(h *host) {
	if w.plan.history == 0 {
		return
	}
	for _, nd := range w.members() {
		if !nd.blank {
			continue
		}
		value := strings.Repeat("v", 4<<10)
		// What is kept in any case, the file in which that begins, the file that is written to, what is
		// let go of at once, and what is written until the size is looked at.
		bound := 2*w.plan.history + 16*int64(len(value))
		w.eventually(fmt.Sprintf("the log of node %d, a witness, within %d bytes", nd.id, bound), func() error {
			if err := w.fill(h, value); err != nil {
				return err
			}
			time.Sleep(2 * time.Second)
			if size := nd.logBytes(); size > bound {
				return fmt.Errorf("%d bytes", size)
			}
			return nil
		})
	}
}

// fill writes a large value at the leader.
func (w *world) fill(h *host, value string) error {
	t := &target{callers: map[string]*caller{}, at: w.members()[0].addr()}
	defer t.close()
	var err error
	for range 4 {
		if _, err = t.do(h, 4*w.plan.timeout, "SET", "filler", value); err == nil || !t.moved(err) {
			break
		}
	}
	return err
}

// logBytes is how much a node's log takes on its disk.
func (nd *node) logBytes() (size int64) {
	for _, name := range nd.fs.Names() {
		if strings.Contains(name, ".aof") {
			size += int64(len(nd.fs.Get(name)))
		}
	}
	return size
}
