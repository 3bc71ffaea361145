package cluster

import (
	"context"
	"sync"
	"time"

	"regent/engine"
)

// All tunnels of a node together: which of them are told of a leader's change, and how many dial.

// carriers are those of all clients.
type carriers struct {
	mu      sync.Mutex
	all     map[*carrier]struct{}
	last    leaderAt
	present leaderAt      // as last, or none
	turned  chan struct{} // closed when present changes; nil: nobody waits
	dials   chan struct{} // those that dial
	failed  leaderAt      // was dialled in vain
	until   time.Time     // nobody needs to find that out anew until then
}

func (cs *carriers) add(k *carrier) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.all == nil {
		cs.all = map[*carrier]struct{}{}
	}
	cs.all[k] = struct{}{}
}

func (cs *carriers) remove(k *carrier) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.all, k)
}

// turn is closed when a leader comes or goes.
func (cs *carriers) turn() <-chan struct{} {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.turned == nil {
		cs.turned = make(chan struct{})
	}
	return cs.turned
}

// enter waits for a place among those that dial; false: there is none in time, or another
// has just found that the leader cannot be reached.
func (cs *carriers) enter(ctx context.Context, at leaderAt) bool {
	cs.mu.Lock()
	if cs.dials == nil {
		cs.dials = make(chan struct{}, maxDials)
	}
	dials := cs.dials
	cs.mu.Unlock()
	select {
	case dials <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	cs.mu.Lock()
	spared := cs.failed == at && time.Now().Before(cs.until)
	cs.mu.Unlock()
	if spared {
		<-dials
	}
	return !spared
}

// leave gives enter's place back. failed: the leader was not reached.
func (cs *carriers) leave(at leaderAt, failed bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if failed {
		cs.failed, cs.until = at, time.Now().Add(carryPause/2)
	}
	<-cs.dials
}

// lookAt tells the carriers of a view: those of another leader have to leave.
func (cs *carriers) lookAt(v *engine.View) {
	at := present(v)
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if at != cs.present {
		cs.present = at
		if cs.turned != nil {
			close(cs.turned)
			cs.turned = nil
		}
	}
	if at == cs.last || at.epoch == 0 {
		return
	}
	cs.last = at
	for k := range cs.all {
		k.look(at)
	}
}
