package barrier

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/engine"
)

// fakeConn counts its wake-ups.
type fakeConn struct {
	engine.Conn
	wakes int
}

func (c *fakeConn) Wake() { c.wakes++ }

// stage is everything the barrier depends on, set by hand.
type stage struct {
	now       int64
	committed int64
	all       int64 // for those that ask for all
	epoch     int64
	keyspace  int64
	leased    bool
	looks     int // at the lease
	// read-lease no
	rounds           bool
	round, confirmed int64
	begun            func() // is called when a round begins; nil: nothing is
	// what a handover has left
	handedEpoch, handedOff int64
	sealErr                error
	sealed                 int // calls
	// a large unit that ends there has moved then
	largeEnd, moved int64
}

func newStage() (*stage, *Barrier) {
	s := &stage{epoch: 1, leased: true}
	return s, New(Ports{
		Ticks: func() int64 { return s.now },
		Seal:  func(int64) error { s.sealed++; return s.sealErr },
		Committed: func(acks engine.AckSet) int64 {
			if acks.Has(engine.AcksAll) {
				return s.all
			}
			return s.committed
		},
		Epoch:    func() int64 { return s.epoch },
		Keyspace: func() int64 { return s.keyspace },
		Leased:   func() bool { s.looks++; return s.leased },
		Handed:   func(epoch, off int64) bool { return epoch == s.handedEpoch && off <= s.handedOff },
		Rounds:   func() bool { return s.rounds },
		Round: func() int64 {
			s.round++
			if s.begun != nil {
				s.begun()
			}
			return s.round
		},
		Confirmed: func() int64 { return s.confirmed },
		Timeout:   func() time.Duration { return time.Second },
		Moving: func(off int64) int64 {
			if off == s.largeEnd {
				return s.moved
			}
			return 0
		},
	})
}

// TestALargeUnitsReplyWaitsWhileItMoves: its own, and no other one's.
func TestALargeUnitsReplyWaitsWhileItMoves(t *testing.T) {
	s, b := newStage()
	before, own, behind := &fakeConn{}, &fakeConn{}, &fakeConn{}
	s.largeEnd, s.moved = 200, 1
	b.Wait(100, 1, 1, before)
	b.Wait(200, 1, 1, own)
	b.Wait(201, 1, 1, behind)
	for range 50 {
		s.now += int64(time.Second)
		s.moved = s.now - int64(time.Second)/2
		b.Expire()
	}
	s.now += int64(time.Second) / 2
	b.Expire() // at the last moment
	if before.wakes != 1 || own.wakes != 0 || behind.wakes != 1 {
		t.Fatalf("woken: before it %d, its own %d, behind it %d", before.wakes, own.wakes, behind.wakes)
	}
	s.now++
	b.Expire()
	if own.wakes != 1 || b.Outcome(own) != engine.Uncertain {
		t.Fatal("a large unit that stands still is waited for")
	}
}

// TestWaitsAreCounted: those that a commit has ended, each by how long it took since it began, and those that
// ended in another way; the clock is read once for all that leave together.
func TestWaitsAreCounted(t *testing.T) {
	s, b := newStage()
	clocks := 0
	b.ports.Ticks = func() int64 { clocks++; return s.now }
	wait := func(at time.Duration, off int64) {
		s.now = int64(at)
		b.Wait(off, 1, 1, &fakeConn{})
	}
	wait(0, 10)
	wait(3*time.Millisecond, 20)
	wait(4*time.Millisecond, 30)
	clocks = 0
	s.now, s.committed = int64(5*time.Millisecond), 5
	b.Advance()
	if got, _ := b.Waits(); got.Total() != 0 || clocks != 0 {
		t.Errorf("nothing was released: %d waits, the clock was read %d times", got.Total(), clocks)
	}
	s.committed = 20
	b.Advance()
	if clocks != 1 {
		t.Errorf("the clock was read %d times", clocks)
	}
	s.now = int64(2 * time.Second)
	b.Expire()
	got, failed := b.Waits()
	if got.Total() != 2 || got.Sum() != int64(7*time.Millisecond) || failed != 1 {
		t.Errorf("%d waits, %d ns, and %d in vain", got.Total(), got.Sum(), failed)
	}
	got.Bounds(func(bound, count int64) {
		want := int64(0)
		if bound >= int64(2*time.Millisecond) {
			want++
		}
		if bound >= int64(5*time.Millisecond) {
			want++
		}
		if count != want {
			t.Errorf("%d up to %v, want %d", count, time.Duration(bound), want)
		}
	})
	var w engine.InfoWriter
	b.Info(&w)
	const head, by = "commit_waits:2\r\ncommit_waits_usec:7000\r\ncommit_waits_failed:1\r\ncommit_waits_by_usec:50=0,100=0,", ",2000=1,5000=2,10000=2,"
	if text := string(w.Bytes()); !strings.HasPrefix(text, head) || !strings.Contains(text, by) || !strings.HasSuffix(text, ",5000000=2\r\n") {
		t.Errorf("INFO says %q", text)
	}
}

func TestBarrierReleasesWhatIsCommitted(t *testing.T) {
	s, b := newStage()
	early, late := &fakeConn{}, &fakeConn{}
	s.committed = 10
	if !b.Pass(10, 1, 1, &engine.Proof{}) || b.Pass(11, 1, 1, &engine.Proof{}) {
		t.Fatal("Pass must open at the committed offset and not before")
	}
	b.Wait(30, 1, 1, late)
	b.Wait(20, 1, 1, early)

	s.committed = 20
	b.Advance()
	if early.wakes != 1 || late.wakes != 0 {
		t.Fatalf("wakes: early %d, late %d", early.wakes, late.wakes)
	}
	if got := b.Outcome(early); got != engine.Committed {
		t.Fatalf("early: outcome %d", got)
	}
	if got := b.Outcome(late); got != engine.Pending {
		t.Fatalf("late: outcome %d", got)
	}
}

// TestBarrierSealsNothingForTheLost: a reply that rests on a leadership that is
// over, or on a keyspace that is gone, has nothing to write; its offset need not
// be one of the log.
func TestBarrierSealsNothingForTheLost(t *testing.T) {
	s, b := newStage()
	s.keyspace = -2
	for _, c := range []struct {
		name  string
		epoch int64
		seals bool
	}{
		{"none", 0, true}, {"the epoch in which it leads", 1, true}, {"an epoch before", 3, false},
		{"this keyspace", -2, true}, {"the keyspace before", -1, false}, {"two of them", math.MinInt64, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.sealed = 0
			if b.Pass(math.MaxInt64, c.epoch, 1, &engine.Proof{}) {
				t.Error("it passed")
			}
			if got := s.sealed > 0; got != c.seals {
				t.Errorf("sealed: %v, want %v", got, c.seals)
			}
		})
	}
}

func TestBarrierLostLeadershipIsUncertain(t *testing.T) {
	s, b := newStage()
	writer, reader := &fakeConn{}, &fakeConn{}
	b.Wait(5, 1, 1, writer)
	b.Wait(5, 0, 1, reader) // a follower's read over a record it holds
	s.epoch = 0
	b.Deposed()
	if b.Outcome(writer) != engine.Uncertain || b.Outcome(reader) != engine.Pending {
		t.Fatal("only what rests on leadership ends with it")
	}
	// The same offset is written again by a later leader and commits: the
	// reader goes on, and nobody tells the writer that its record survived.
	s.committed = 5
	b.Advance()
	if b.Outcome(reader) != engine.Committed || writer.wakes != 1 {
		t.Fatal("a wait must have one outcome")
	}
}

func TestBarrierNeedsTheLeaseWhenTheReplyLeaves(t *testing.T) {
	s, b := newStage()
	c := &fakeConn{}
	s.leased = false
	if b.Pass(0, 1, 1, &engine.Proof{}) {
		t.Fatal("a reply by right of leadership left without the lease")
	}
	b.Wait(0, 1, 1, c)
	b.Advance()
	if c.wakes != 0 {
		t.Fatal("woken without the lease")
	}
	s.leased = true
	b.Advance()
	if b.Outcome(c) != engine.Committed {
		t.Fatal("the renewed lease must release the reply")
	}
}

func TestBarrierKnowsLeadershipsApart(t *testing.T) {
	s, b := newStage()
	s.committed = 10
	early, late := &fakeConn{}, &fakeConn{}
	b.Wait(20, 1, 1, early)
	s.epoch, s.committed = 2, 20 // deposed, elected again: offset 20 holds another record
	b.Deposed()
	if b.Outcome(early) != engine.Uncertain {
		t.Fatal("a record of an older leadership passed for committed")
	}
	if b.Pass(20, 1, 1, &engine.Proof{}) {
		t.Fatal("Pass let a reply of an older leadership go")
	}
	b.Wait(20, 1, 1, late)
	if b.Outcome(late) != engine.Uncertain || !b.Pass(20, 2, 1, &engine.Proof{}) {
		t.Fatal("a wait that begins after its leadership ended must end at once")
	}
}

// TestBarrierKnowsWhatWasAskedFor: a reply that asks for more holds up no other.
func TestBarrierKnowsWhatWasAskedFor(t *testing.T) {
	s, b := newStage()
	strict, mixed, plain := &fakeConn{}, &fakeConn{}, &fakeConn{}
	all := engine.AcksAll.Set()
	b.Wait(5, 1, all, strict)
	b.Wait(6, 1, all|engine.AcksDefault.Set(), mixed)
	b.Wait(7, 1, engine.AcksDefault.Set(), plain)
	s.committed, s.all = 7, 4
	b.Advance()
	if b.Outcome(plain) != engine.Committed || strict.wakes+mixed.wakes != 0 {
		t.Fatal("the one that asks for less must not wait for the others")
	}
	if b.Pass(5, 1, all, &engine.Proof{}) || !b.Pass(5, 1, engine.AcksQuorum.Set(), &engine.Proof{}) {
		t.Fatal("Pass must look at what is asked for")
	}
	s.all = 6
	b.Advance()
	if b.Outcome(strict) != engine.Committed || b.Outcome(mixed) != engine.Committed {
		t.Fatal("all nodes hold it")
	}
}

// TestBarrierLooksAtTheLeaseOnceForAll: what was computed before the lease was seen to
// hold may leave after it is over, and what comes later, or from another leadership,
// needs a look of its own.
func TestBarrierLooksAtTheLeaseOnceForAll(t *testing.T) {
	s, b := newStage()
	s.committed = 10
	var p engine.Proof
	if !b.Pass(1, 1, 1, &p) || s.looks != 1 {
		t.Fatalf("the first reply waits after %d looks", s.looks)
	}
	s.leased = false
	if !b.Pass(2, 1, 1, &p) || s.looks != 1 {
		t.Fatalf("the turn's second reply waits after %d looks", s.looks)
	}
	if b.Pass(11, 1, 1, &p) || b.Pass(3, 1, 1, &engine.Proof{}) {
		t.Fatal("the proof is good for what is not committed, or for another turn")
	}
	s.epoch = 2
	if b.Pass(2, 1, 1, &p) || b.Pass(2, 2, 1, &p) {
		t.Fatal("the proof is good for another leadership")
	}
	for i := range int64(9) {
		b.Wait(i, 2, 1, &fakeConn{})
	}
	s.leased, s.looks = true, 0
	b.Advance()
	if s.looks != 1 {
		t.Errorf("%d looks at the lease for nine replies", s.looks)
	}
}

// TestBarrierWaitsForARound: without the lease each reply waits for a round that
// began after it was computed, and for the commitment.
func TestBarrierWaitsForARound(t *testing.T) {
	s, b := newStage()
	s.rounds, s.leased, s.committed = true, false, 10
	first, second, late := &fakeConn{}, &fakeConn{}, &fakeConn{}
	if b.Pass(5, 1, 1, &engine.Proof{}) {
		t.Fatal("it left without a round")
	}
	b.Wait(5, 1, 1, first)
	s.confirmed = 1
	b.Wait(6, 1, 1, second)
	b.Wait(20, 1, 1, late)
	b.Advance()
	if b.Outcome(first) != engine.Committed || second.wakes != 0 {
		t.Fatal("a round says nothing about what was computed after it began")
	}
	s.confirmed = 3
	b.Advance()
	if b.Outcome(second) != engine.Committed || late.wakes != 0 {
		t.Fatal("a round does not commit")
	}
	if !b.Pass(5, 0, 1, &engine.Proof{}) {
		t.Fatal("what rests on no leadership needs no round")
	}
}

func TestBarrierLetsGoWhatAHandoverLeft(t *testing.T) {
	s, b := newStage()
	s.committed = 10
	due, beyond := &fakeConn{}, &fakeConn{}
	b.Wait(11, 1, 1, beyond)
	s.leased, s.handedEpoch, s.handedOff = false, 1, 10
	if !b.Pass(10, 1, 1, &engine.Proof{}) {
		t.Fatal("what was committed before the handover may be answered")
	}
	s.epoch = 0
	b.Deposed()
	b.Wait(10, 1, 1, due)
	s.committed = 20
	b.Advance()
	if b.Outcome(due) != engine.Committed {
		t.Fatal("the end of the leadership took back what was due")
	}
	if b.Outcome(beyond) != engine.Uncertain || b.Pass(11, 1, 1, &engine.Proof{}) {
		t.Fatal("what was not committed when leadership was handed over is uncertain")
	}
}

func TestBarrierTimeAndFailureEndWaits(t *testing.T) {
	s, b := newStage()
	old, young, broken := &fakeConn{}, &fakeConn{}, &fakeConn{}
	b.Wait(1, 1, 1, old)
	s.now = int64(1500 * time.Millisecond)
	b.Wait(1, 1, 1, young)
	b.Expire()
	if b.Outcome(old) != engine.Uncertain || b.Outcome(young) != engine.Pending {
		t.Fatal("only the old wait has timed out")
	}
	s.sealErr = errors.New("no space")
	if b.Pass(1, 1, 1, &engine.Proof{}) {
		t.Fatal("passed though the log cannot be written")
	}
	b.Wait(1, 1, 1, broken)
	b.Failed()
	if b.Outcome(broken) != engine.Uncertain {
		t.Fatal("a failed log must end the waits")
	}
}

// TestBarrierModel holds the barrier against its definition: a wait is
// decided exactly once, as committed only when its offset was.
func TestBarrierModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newStage()
		waiting := map[*fakeConn]int64{}
		check := func() {
			for c, off := range waiting {
				round := b.byConn[c].round
				switch b.Outcome(c) {
				case engine.Committed:
					if off > s.committed || c.wakes != 1 || round > s.confirmed {
						t.Fatalf("offset %d released at %d after %d wakes, round %d of %d", off, s.committed, c.wakes, round, s.confirmed)
					}
					delete(waiting, c)
				case engine.Uncertain:
					if c.wakes != 1 {
						t.Fatalf("uncertain after %d wakes", c.wakes)
					}
					delete(waiting, c)
				case engine.Pending:
					// One that waits for a round may be before it in the queue.
					if off <= s.committed && s.leased && s.round == s.confirmed && s.epoch == b.byConn[c].epoch {
						t.Fatalf("offset %d still waits at %d", off, s.committed)
					}
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) {
				c := &fakeConn{}
				waiting[c] = rapid.Int64Range(0, 100).Draw(t, "offset")
				b.Wait(waiting[c], rapid.SampledFrom([]int64{0, 1, 2}).Draw(t, "epoch"), 1, c)
			},
			"leave": func(t *rapid.T) {
				for c := range waiting {
					b.Leave(c)
					delete(waiting, c)
					break
				}
			},
			"commit": func(t *rapid.T) {
				s.committed += rapid.Int64Range(0, 20).Draw(t, "more")
				b.Advance()
			},
			"lease": func(t *rapid.T) {
				s.leased = !s.leased
				b.Advance()
			},
			"rounds": func(t *rapid.T) {
				s.rounds = !s.rounds
				b.Advance()
			},
			"confirm": func(t *rapid.T) {
				s.confirmed = s.round
				b.Advance()
			},
			"depose": func(t *rapid.T) {
				s.epoch = rapid.Int64Range(0, 2).Draw(t, "epoch")
				b.Deposed()
				b.Advance()
			},
			"later":  func(t *rapid.T) { s.now += int64(rapid.IntRange(0, 900).Draw(t, "ms")) * 1e6 },
			"expire": func(*rapid.T) { b.Expire() },
			"":       func(*rapid.T) { check() },
		})
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.byConn) != len(waiting) || len(b.queues[1]) != len(waiting) {
			t.Fatalf("%d waits are kept, %d in the queue, %d are open", len(b.byConn), len(b.queues[1]), len(waiting))
		}
	})
}

// TestBarrierForgetsARebuiltKeyspace: a follower's read over a record that was
// cut must not leave when another record is committed at its offset.
func TestBarrierForgetsARebuiltKeyspace(t *testing.T) {
	s, b := newStage()
	s.epoch, s.keyspace = 0, -1
	reader := &fakeConn{}
	b.Wait(5, -1, 1, reader)
	s.keyspace = -2
	s.committed = 5 // the next leader's record: the barrier hears of it before it hears of the keyspace
	b.Advance()
	if o := b.Outcome(reader); o != engine.Pending {
		t.Fatalf("%v: a reply left that was read from a keyspace that is gone", o)
	}
	b.Deposed()
	if b.Outcome(reader) != engine.Uncertain {
		t.Fatal("the reader still waits")
	}
	s.committed = 9
	if b.Pass(5, -1, 1, &engine.Proof{}) || !b.Pass(5, -2, 1, &engine.Proof{}) {
		t.Fatal("a reply rests on the keyspace that it has read")
	}
}

// TestBarrierAsksForARoundWhenTheLeaseIsLate: what waits for a lease that is not
// to be had goes on by one round, which begins after all of it; what the lease
// decides again later is unharmed.
func TestBarrierAsksForARoundWhenTheLeaseIsLate(t *testing.T) {
	s, b := newStage()
	s.leased, s.committed = false, 10
	conns := []*fakeConn{{}, {}, {}}
	for i, c := range conns {
		b.Wait(int64(i), 1, 1, c)
	}
	b.Leave(conns[2])
	s.rounds = true
	b.Advance()
	b.Advance()
	if s.round != 1 {
		t.Fatalf("%d rounds were asked for, want one for all", s.round)
	}
	if conns[0].wakes+conns[1].wakes != 0 {
		t.Fatal("woken before the round has succeeded")
	}
	s.confirmed = 1
	b.Advance()
	for i, c := range conns[:2] {
		if b.Outcome(c) != engine.Committed {
			t.Errorf("client %d still waits", i)
		}
	}
	s.rounds, s.leased = false, true
	b.Wait(5, 1, 1, conns[2])
	if b.Outcome(conns[2]) != engine.Committed || b.leased != 0 {
		t.Errorf("with the lease back it waits; %d tickets count on the lease", b.leased)
	}
}

// TestARoundIsForWhatWaitedBefore: a wait that begins while a round does, and has the memory of
// one that has ended meanwhile, is not proved by that round.
func TestARoundIsForWhatWaitedBefore(t *testing.T) {
	s, b := newStage()
	s.leased, s.committed = false, 10
	first, second := &fakeConn{}, &fakeConn{}
	b.Wait(5, 1, 1, first)
	old := b.byConn[first]
	s.rounds = true
	s.begun = func() {
		b.Leave(first)
		s.rounds = false
		b.Wait(6, 1, 1, second)
	}
	b.Advance()
	if s.round != 1 || b.byConn[second] != old {
		t.Fatalf("%d rounds, and the memory is another one: nothing is tested", s.round)
	}
	s.confirmed = 1
	b.Advance()
	if second.wakes != 0 || b.leased != 1 {
		t.Errorf("%d wakes by a round that began before the reply was computed; %d count on the lease", second.wakes, b.leased)
	}
	s.leased = true
	b.Advance()
	if b.Outcome(second) != engine.Committed {
		t.Error("the lease does not prove it")
	}
}

// TestBarrierBoundsWhatItKeeps: of very many waits at once most of the memory goes back.
func TestBarrierBoundsWhatItKeeps(t *testing.T) {
	s, b := newStage()
	var conns []*fakeConn
	for i := range 4 * maxFree {
		conns = append(conns, &fakeConn{})
		b.Wait(int64(i), 1, 1, conns[i])
	}
	s.committed = 4 * maxFree
	b.Advance()
	for _, c := range conns {
		if c.wakes != 1 || b.Outcome(c) != engine.Committed {
			t.Fatal("one still waits")
		}
	}
	if len(b.free) != maxFree || cap(b.woken) > maxFree {
		t.Errorf("%d tickets and room for %d clients are kept", len(b.free), cap(b.woken))
	}
	b.Wait(5*maxFree, 1, 1, conns[0])
	s.committed = 5 * maxFree
	b.Advance()
	if len(b.woken) != 0 || cap(b.woken) == 0 || b.woken[:1][0] != nil {
		t.Error("room is not kept, or holds on to a client")
	}
}
