package harness

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// send10k gives a queue 10,000 numbered frames, a microsecond apart, and returns
// them as they leave: numbers and how late each was.
func send10k(t *testing.T, w Weather) (order []int, late []time.Duration) {
	t.Helper()
	q := &queue{wake: make(chan struct{}, 1), rnd: rand.New(rand.NewPCG(1, 2))}
	began := time.Unix(0, 0)
	collect := func(now time.Time) {
		for {
			p, _, _ := q.next(now)
			if p == nil {
				return
			}
			n := int(p[0])<<8 | int(p[1])
			order = append(order, n)
			late = append(late, now.Sub(began.Add(time.Duration(n)*time.Microsecond)))
		}
	}
	for i := range 10_000 {
		now := began.Add(time.Duration(i) * time.Microsecond)
		q.take([]byte{byte(i >> 8), byte(i)}, &w, now)
		collect(now)
	}
	for at := 10_000; at < 40_000; at++ {
		collect(began.Add(time.Duration(at) * time.Microsecond))
	}
	if p, wait, _ := q.next(began.Add(time.Hour)); p != nil || wait != 0 {
		t.Fatal("frames are left")
	}
	return order, late
}

func TestWeather(t *testing.T) {
	order, late := send10k(t, Weather{})
	for i, n := range order {
		if n != i || late[i] != 0 {
			t.Fatalf("a good network: frame %d came as number %d, %v late", n, i, late[i])
		}
	}
	order, late = send10k(t, Weather{Delay: time.Millisecond, Jitter: 2 * time.Millisecond})
	most := time.Duration(0)
	for i, n := range order {
		if n != i || late[i] < time.Millisecond || late[i] > 3*time.Millisecond+time.Microsecond {
			t.Fatalf("jitter: frame %d came as number %d, %v late", n, i, late[i])
		}
		most = max(most, late[i])
	}
	if len(order) != 10_000 || most < 2*time.Millisecond {
		t.Errorf("jitter: %d frames, at most %v late", len(order), most)
	}
	order, _ = send10k(t, Weather{Lose: 0.1})
	if n := len(order); n < 8_700 || n > 9_300 {
		t.Errorf("of 10,000 frames %d arrived, with a tenth lost", n)
	}
	order, _ = send10k(t, Weather{Double: 0.1})
	if n := len(order); n < 10_700 || n > 11_300 {
		t.Errorf("of 10,000 frames %d arrived, with a tenth doubled", n)
	}
	order, _ = send10k(t, Weather{Delay: time.Millisecond, Overtake: 0.1})
	early := 0
	for i, n := range order {
		if n > i+100 {
			early++
		}
	}
	if early < 700 || early > 1_300 || len(order) != 10_000 {
		t.Errorf("of 10,000 frames %d overtook others and %d arrived", early, len(order))
	}
}

// A queue that nobody empties does not grow for ever, and keeps copies.
func TestQueueIsBounded(t *testing.T) {
	q := &queue{wake: make(chan struct{}, 1), rnd: rand.New(rand.NewPCG(1, 2))}
	p := []byte("frame")
	for range 2 * maxQueued {
		q.take(p, &Weather{Double: 1}, time.Now())
	}
	copy(p, "other")
	if got, _, _ := q.next(time.Now()); !bytes.Equal(got, []byte("frame")) {
		t.Errorf("got %q", got)
	}
	if n := len(q.due); n != maxQueued-1 {
		t.Errorf("%d frames wait", n)
	}
}
