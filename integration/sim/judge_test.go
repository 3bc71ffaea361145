package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// bound is how long a cluster may take to be whole again after the last fault: every node has
// a part in it, and its ports take writes. For elections and handovers there are 20 election timeouts;
// the minute is for what does not depend on those: nodes that start, full copies, and
// pauses between attempts to reach one another.
func (w *world) bound() time.Duration { return time.Minute + 20*w.plan.timeout }

// eventually waits for something within the bound, and tells how long that took. What
// comes later, because the question itself took so long, is as wrong as what never comes.
func (w *world) eventually(what string, f func() error) (took time.Duration) {
	began := time.Now()
	for {
		err := f()
		took = time.Since(began)
		switch late := took > w.bound(); {
		case err == nil && late:
			w.wrong("%s: within %s, and not within %s", what, took, w.bound())
			return took
		case late:
			w.wrong("%s: not within %s: %v", what, w.bound(), err)
			return took
		case err == nil:
			return took
		}
		time.Sleep(w.plan.timeout / 10)
	}
}

// recovered waits until every node is a part of the cluster again and takes writes,
// at its port or for plain clients.
func (w *world) recovered(after string) {
	h := w.net.host("198.51.100.99")
	took := w.eventually("recovery after "+after, func() error {
		for _, nd := range w.members() {
			for _, at := range []string{nd.addr(), nd.plain()} {
				if err := w.writes(h, at); err != nil {
					return fmt.Errorf("a write at %s: %w", at, err)
				}
			}
			if err := w.follows(h, nd); err != nil {
				return err
			}
			if nd.blank {
				w.servesNothing(h, nd)
			}
		}
		return nil
	})
	w.figures.recovery = max(w.figures.recovery, took)
}

func (w *world) writes(h *host, at string) error {
	t := &target{callers: map[string]*caller{}, at: at}
	defer t.close()
	for range 3 {
		_, err := t.do(h, 4*w.plan.timeout, "SET", "probe", "1")
		if err == nil {
			return nil
		}
		if !t.moved(err) {
			return err
		}
	}
	return errors.New("MOVED again and again")
}

// follows reports whether a node leads, or follows a leader.
func (w *world) follows(h *host, nd *node) error {
	info, err := w.ask(h, nd, "INFO", "replication")
	switch {
	case err != nil:
		return fmt.Errorf("INFO of node %d: %w", nd.id, err)
	case strings.Contains(info, "recovering:1"):
		return fmt.Errorf("node %d recovers", nd.id)
	case strings.Contains(info, "role:master") || strings.Contains(info, "master_link_status:up"):
		return nil
	}
	return fmt.Errorf("node %d neither leads nor follows", nd.id)
}

// ask asks one node something.
func (w *world) ask(h *host, nd *node, args ...any) (string, error) {
	c := &caller{dial: h.dialer(), addr: nd.addr()}
	defer c.close()
	return c.do(4*w.plan.timeout, args...)
}

// judge looks at everything once the clients have stopped.
func (w *world) judge() {
	h := w.net.host("198.51.100.99")
	w.readAll(h)
	w.readLists(h)
	w.digests(h)
	w.drops(h)
	if w.failed() {
		return
	}
	if err := w.history.Check(judgeTime); err != nil {
		w.wrong("%v", err)
	}
	if err := w.appends.Check(); err != nil {
		w.wrong("%v", err)
	}
}

// judgeTime is how long porcupine may take. In a bubble its time stands still while it
// works.
const judgeTime = time.Hour

// readAll reads each key there ever was: what was acknowledged is there. Each read has the bound
// to itself: a thousand of them, one after the other on slow ways, take an hour.
func (w *world) readAll(h *host) {
	const reader = 99
	t := &target{callers: map[string]*caller{}, at: w.members()[0].addr()}
	defer t.close()
	for _, c := range w.history.Reads() {
		w.eventually("reading a key", func() error {
			for tries := 0; ; tries++ {
				asked := time.Since(w.began)
				reply, err := t.do(h, 4*w.plan.timeout, c.Args()...)
				if err == nil {
					w.history.Answered(reader, c, asked, time.Since(w.began), reply)
					return nil
				}
				if tries > 3 || !t.moved(err) {
					return err
				}
			}
		})
		if w.failed() {
			return
		}
	}
}

// digests waits until all nodes hold the same.
func (w *world) digests(h *host) {
	w.eventually("equal digests", func() error {
		var first *node
		var holds string
		for _, nd := range w.members() {
			if nd.blank {
				continue
			}
			got, err := w.ask(h, nd, "DEBUG", "DIGEST")
			if err != nil {
				return fmt.Errorf("node %d: %w", nd.id, err)
			}
			if first != nil && got != holds {
				return fmt.Errorf("node %d holds %s, node %d %s", nd.id, got, first.id, holds)
			}
			first, holds = nd, got
		}
		return nil
	})
}
