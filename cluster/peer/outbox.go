package peer

import (
	"sync"

	"regent/cluster/bully"
)

// maxOutbox bounds the messages that wait for one peer.
const maxOutbox = 64

// An outbox holds the messages for one peer until its link takes them. It
// never grows and never blocks: when it is full the oldest heartbeat makes
// room, since a newer one says the same and more, and without one the oldest
// message; the protocol repeats whatever matters.
type outbox struct {
	mu    sync.Mutex
	queue []bully.Message
	wake  chan struct{} // holds a token while there is something to take
	taken chan struct{} // holds a token after something was
}

func newOutbox() *outbox {
	return &outbox{queue: make([]bully.Message, 0, maxOutbox), wake: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
}

func (o *outbox) push(m bully.Message) {
	o.mu.Lock()
	if len(o.queue) == maxOutbox {
		o.drop()
	}
	o.queue = append(o.queue, m)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// drop removes the message that is missed least.
func (o *outbox) drop() {
	at := 0
	for i := range o.queue {
		if o.queue[i].Kind == bully.Heartbeat {
			at = i
			break
		}
	}
	o.queue = append(o.queue[:at], o.queue[at+1:]...)
}

// take moves everything that waits into dst.
func (o *outbox) take(dst []bully.Message) []bully.Message {
	o.mu.Lock()
	defer o.mu.Unlock()
	dst = append(dst[:0], o.queue...)
	o.queue = o.queue[:0]
	select {
	case o.taken <- struct{}{}:
	default:
	}
	return dst
}

func (o *outbox) empty() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) == 0
}

func (o *outbox) clear() { o.take(nil) }
