package server

import (
	"testing"
	"time"
)

// A coreClock is a machine of cores, of which some lie idle; its time is in ns.
type coreClock struct {
	cores     int
	now       int64
	idle, all int64 // ns of all cores
}

// pass has time go by with so many cores idle.
func (m *coreClock) pass(d time.Duration, idle float64) {
	m.now += int64(d)
	m.idle += int64(idle * float64(d))
	m.all += int64(m.cores) * int64(d)
}

func (m *coreClock) look() (idle, all int64, cores int) { return m.idle, m.all, m.cores }

// TestIdleCores: the answer is of the time in which it was asked for.
func TestIdleCores(t *testing.T) {
	m := &coreClock{cores: 4, now: int64(time.Hour)}
	c := idleCores{look: m.look}
	for _, phase := range []struct {
		name  string
		pause time.Duration // nobody asks, and all cores are idle
		idle  float64
	}{
		{"at first", time.Minute, 1.5},
		{"another load without a pause", 0, 0.5},
		{"after a pause", time.Second, 0.25},
		{"after a long one", time.Hour, 3},
		{"after a short one", 300 * time.Millisecond, 0},
	} {
		m.pass(phase.pause, float64(m.cores))
		seen := false
		for at := time.Duration(0); at < 2*time.Second; at += window {
			m.pass(window, phase.idle)
			got := c.idle(m.now)
			seen = seen || got == phase.idle && at >= time.Second
			if phase.pause > 0 && got > phase.idle {
				t.Fatalf("%s: %.2f cores after %s, %.2f are idle", phase.name, got, at, phase.idle)
			}
		}
		if !seen {
			t.Errorf("%s: it never says %.2f", phase.name, phase.idle)
		}
	}
}

// TestGovernorInBursts: small commands that fill one loop and, with their clients, the machine
// stay with one loop, also where the load pauses.
func TestGovernorInBursts(t *testing.T) {
	for _, pause := range []time.Duration{0, 200 * time.Millisecond, time.Second, 10 * time.Second} {
		m := &coreClock{cores: 2, now: int64(time.Hour)}
		c := idleCores{look: m.look}
		var g governor
		for range 50 {
			m.pass(pause, 2)
			if pause > 0 {
				_ = g.decide(same(1, 0, 0.2), 2, func() float64 { return c.idle(m.now) }) // the window that holds it
			}
			for range 8 {
				m.pass(window, 0)
				if n := g.decide(same(1, 1, 0.2), 2, func() float64 { return c.idle(m.now) }); n != 1 {
					t.Fatalf("with pauses of %s: %d loops", pause, n)
				}
			}
		}
	}
}
