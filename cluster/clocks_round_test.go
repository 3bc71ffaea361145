package cluster

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"regent/cluster/peer"
)

// Whatever a round waits for, and where, what is computed from it holds the true
// difference within its error; and if a clock is set meanwhile, it holds no
// difference that is not between the one before and the one after.
func TestClockRoundHoldsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		micros := func(name string, most int64) int64 { return rapid.Int64Range(0, most).Draw(t, name) }
		const wall = int64(1_800_000_000_000_000) // µs
		ahead := rapid.Int64Range(-1e12, 1e12).Draw(t, "ahead")
		way, stay, back := micros("way", 1e8), micros("stay", 1e8), micros("back", 1e8)
		step := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(-1e9, 1e9)).Draw(t, "step of this node's clock")
		t0 := wall + micros("phase", 1e6)
		told := peer.Clock{
			Echo:  t0 / 1000,
			Heard: (t0 + way + ahead) / 1000,
			Sent:  (t0 + way + stay + ahead) / 1000,
		}
		d, ok := clockRound(told, (t0+way+stay+back+step)/1000)
		if !ok {
			if step >= 0 {
				t.Fatalf("nothing is known of a round %+v", told)
			}
			return
		}
		low, high := min(ahead, ahead-step), max(ahead, ahead-step)
		if (d.ahead-d.within)*1000 > high || (d.ahead+d.within)*1000 < low {
			t.Fatalf("%d ms within %d ms, but it is %d to %d µs", d.ahead, d.within, low, high)
		}
		if step >= 0 && ((d.ahead-d.within)*1000 > low || (d.ahead+d.within)*1000 < high) {
			t.Fatalf("%d ms within %d ms leaves out a part of %d to %d µs", d.ahead, d.within, low, high)
		}
	})
}

func TestClockRoundsThatTellNothing(t *testing.T) {
	for _, told := range []peer.Clock{{}, {Sent: 5}, {Sent: 5, Echo: 3}, {Echo: 5, Heard: 5}} {
		if d, ok := clockRound(told, 7); ok {
			t.Errorf("%+v tells %+v", told, d)
		}
	}
	if d, ok := clockRound(peer.Clock{Echo: 100, Heard: 100, Sent: 200}, 150); ok {
		t.Errorf("an answer before it was sent tells %+v", d)
	}
}

// A round over a slow way does not take the place of a good one, unless that is
// old or cannot be true any more.
func TestClockKeepsTheBestRound(t *testing.T) {
	var p peerClock
	round := func(ahead, way int64, at time.Duration) int64 {
		p.take(peer.Clock{Echo: 1000, Heard: 1000 + ahead, Sent: 1000 + ahead}, 1000+way, at)
		d, ok := p.known(at)
		if !ok {
			t.Fatal("nothing is known")
		}
		return d.within
	}
	if got := round(0, 2, time.Second); got != 1+clockGrain {
		t.Fatalf("error %d ms", got)
	}
	if got := round(0, 400, 2*time.Second); got != 1+clockGrain {
		t.Errorf("a slow round counts: error %d ms", got)
	}
	if got := round(9000, 400, 3*time.Second); got != 200+clockGrain {
		t.Errorf("a clock that was set is not noticed: error %d ms", got)
	}
	round(9000, 2, 4*time.Second)
	if got := round(9000, 400, 4*time.Second+clockBest+1); got != 200+clockGrain {
		t.Errorf("an old round counts: error %d ms", got)
	}
	if _, ok := p.known(13*time.Second + clockKept); ok {
		t.Error("it is known for ever")
	}
}

// One warning until clockTellEvery is over, one word when it is well again, and
// none about what the error may explain.
func TestClockNewsIsBounded(t *testing.T) {
	p := peerClock{}
	at, leading := time.Duration(0), false
	look := func(ahead, within int64, wait time.Duration) string {
		at += wait
		p.diff = clockDiff{ahead: ahead, within: within, at: at}
		_, apart, again := p.news(at, leading)
		return map[[2]bool]string{{true, false}: "apart", {false, true}: "again"}[[2]bool{apart, again}]
	}
	for i, s := range []struct {
		ahead, within int64
		wait          time.Duration
		want          string
	}{
		{0, 3, time.Second, ""},
		{900, 500, time.Second, ""}, // for all we know it is 400 ms
		{900, 300, time.Second, "apart"},
		{900, 300, time.Second, ""},
		{502, 3, time.Second, ""}, // neither
		{10, 3, time.Second, "again"},
		{10, 3, time.Second, ""},
		{-5000, 3, time.Second, ""}, // too soon
		{-5000, 3, clockTellEvery, "apart"},
		{-5000, 3, clockTellEvery, "apart"},
	} {
		if got := look(s.ahead, s.within, s.wait); got != s.want {
			t.Errorf("step %d: %q, not %q", i, got, s.want)
		}
	}
	leading = true
	if got := look(-5000, 3, time.Second); got != "apart" {
		t.Errorf("%q when this node has become the leader", got)
	}
}
