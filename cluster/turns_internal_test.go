package cluster

import (
	"errors"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"regent/cluster/clustertest"
	"regent/cluster/peer"
	"regent/cluster/repl"
)

var errTurn = errors.New("it is not its turn")

// TestTheNewestStreamAlone goes on: those that come while one ends wait for that, and when
// they may begin, all but the newest do not.
func TestTheNewestStreamAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		x.ledBy(2, 1)
		runs := map[int]bool{}
		ended := map[int]bool{}
		end := make(chan struct{})
		for i := range 3 {
			here, there := net.Pipe()
			conn, other := peer.Pair(here, there, 1, 2)
			defer other.Close()
			go x.taking(conn, func(enter repl.Enter) error {
				defer func() { ended[i] = true }()
				if ok, _ := enter(1); !ok {
					return errTurn
				}
				runs[i] = true
				<-end
				return errTurn
			})
			synctest.Wait()
		}
		if !runs[0] || len(runs) > 1 {
			t.Fatalf("%v take the log at once", runs)
		}
		close(end)
		synctest.Wait()
		if runs[1] || !runs[2] || len(ended) != 3 {
			t.Errorf("of the three %v have taken the log, %v have ended", runs, ended)
		}
	})
}

// TestTheMarkIsMovedInTheEnd: one that may not wait, as a client's event loop, finds the mark
// held by another: it is moved once that one is done, without anything else that comes.
func TestTheMarkIsMovedInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		x.log.Moved = func() {} // nobody else tells
		x.marks.mu.Lock()
		if err := x.opts.Stream.AppendRaw(x.log.End(), command("SET", "k", "1")); err != nil {
			t.Fatal(err)
		}
		x.tryRemark() // returns, or this test does not end
		covered := x.marks.covered.Load()
		x.marks.mu.Unlock()
		synctest.Wait()
		if now := x.marks.covered.Load(); covered == x.log.End() || now != x.log.End() {
			t.Errorf("the mark covers %d, and then %d of %d", covered, now, x.log.End())
		}
	})
}

// TestAnAcknowledgementWaitsForNoMark: a client's event loop takes it, perhaps, and another may
// hold the mark for as long as a disk takes.
func TestAnAcknowledgementWaitsForNoMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newLoner(t, clustertest.NewLog())
		epoch := x.elected()
		var taken atomic.Bool
		x.marks.mu.Lock()
		go func() {
			x.heldBy(x.member(2), epoch, repl.Progress{Received: x.log.End(), Durable: x.log.End()})
			taken.Store(true)
		}()
		// One that waits for a mutex does not let synctest.Wait return: it gets as many turns as nothing
		// that does not wait would need.
		const turns = 20_000_000
		for i := 0; i < turns && !taken.Load(); i++ {
			runtime.Gosched()
		}
		if !taken.Load() {
			t.Error("it waits for the mark")
		}
		x.marks.mu.Unlock()
		synctest.Wait()
		if at := x.member(2).offset.Load(); at != x.log.End() {
			t.Errorf("the follower is at %d of %d", at, x.log.End())
		}
	})
}
