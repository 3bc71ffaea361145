package cluster

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"regent/engine"
)

// TestCarriersDial: no more than maxDials dial at once, and what one has found out in vain
// the others do not try anew.
func TestCarriersDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cs carriers
		at := leaderAt{3, 7}
		var inside, most, dialled, spared atomic.Int64
		for range 5 * maxDials {
			go func() {
				if !cs.enter(t.Context(), at) {
					spared.Add(1)
					return
				}
				dialled.Add(1)
				most.Store(max(most.Load(), inside.Add(1)))
				time.Sleep(time.Millisecond)
				inside.Add(-1)
				cs.leave(at, true)
			}()
		}
		synctest.Wait()
		if n := inside.Load(); n != maxDials {
			t.Errorf("%d dial at once", n)
		}
		time.Sleep(carryPause / 4)
		synctest.Wait()
		if dialled.Load() != maxDials || spared.Load() != 4*maxDials || most.Load() != maxDials {
			t.Errorf("%d dialled, %d at once, %d were spared", dialled.Load(), most.Load(), spared.Load())
		}
		if cs.enter(t.Context(), at) {
			t.Error("a leader that was just dialled in vain is dialled")
		}
		other := leaderAt{2, 8}
		if !cs.enter(t.Context(), other) {
			t.Error("another leader is not dialled")
		}
		cs.leave(other, false)
		time.Sleep(carryPause)
		for range maxDials {
			if !cs.enter(t.Context(), at) {
				t.Fatal("it is not dialled after a pause")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if cs.enter(ctx, at) {
			t.Error("more than may dial at once")
		}
	})
}

// TestCarriersTurn: a carrier that waits for a leader is woken by its coming and by its going, and by
// nothing else.
func TestCarriersTurn(t *testing.T) {
	var cs carriers
	woken := func(turned <-chan struct{}) bool {
		select {
		case <-turned:
			return true
		default:
			return false
		}
	}
	none, first, again := engine.View{NodeID: 1}, engine.View{NodeID: 1, LeaderID: 3, Epoch: 7}, engine.View{NodeID: 1, LeaderID: 3, Epoch: 7, LinkUp: true}
	self, leads := engine.View{NodeID: 1, LeaderID: 1, Epoch: 8}, engine.View{NodeID: 1, LeaderID: 1, Epoch: 8, Leading: true}
	for i, try := range []struct {
		view *engine.View
		want bool
	}{{&none, false}, {&first, true}, {&again, false}, {&none, true}, {&first, true}, {&self, true}, {&self, false}, {&leads, true}} {
		turned := cs.turn()
		cs.lookAt(try.view)
		if got := woken(turned); got != try.want {
			t.Errorf("view %d: woken: %v", i, got)
		}
	}
}

// TestAbandoned: what has waited for a leader, or was said to another one, is dropped if its
// client has gone meanwhile, and what has not is carried out for a client that says no more.
func TestAbandoned(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	if _, err := far.Write([]byte("unread")); err != nil {
		t.Fatal(err)
	}
	k := &carrier{client: near, unsent: []byte("SET k v\r\n"), waited: true}
	if k.abandoned() {
		t.Error("a client that is there is taken for gone")
	}
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !k.abandoned(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a client that has gone is not noticed")
		}
	}
	k.waited = false
	if k.abandoned() {
		t.Error("what has not waited is dropped")
	}
	k.ever = true
	if !k.abandoned() {
		t.Error("a client has gone from a tunnel between two leaders, and what it said is carried out")
	}
	k.waited, k.unsent = true, nil
	if k.abandoned() {
		t.Error("there is nothing to drop")
	}
}
