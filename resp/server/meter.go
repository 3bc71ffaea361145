package server

import "sync/atomic"

// A meter measures how a loop spends its time. Only waits are measured each
// time, which a busy loop has none of; where the rest goes is sampled.
type meter struct {
	rested   atomic.Int64 // ns in waits
	worked   atomic.Int64 // ns in commands, of sampled turns
	turns    atomic.Int64 // ns, of sampled turns
	commands int64

	n      int64 // turns
	sample bool
	began  int64 // the sampled turn
	inCall int64 // its system calls
	from   int64
}

// sampleEvery is one in how many turns is sampled; a power of two.
const sampleEvery = 32

func (m *meter) rest(ns int64) { m.rested.Add(ns) }

// turn begins a turn, after its wait.
func (m *meter) turn(ticks func() int64) {
	m.n++
	if m.n%sampleEvery == 0 {
		m.sample, m.inCall, m.began = true, 0, ticks()
	}
}

// turned ends it.
func (m *meter) turned(ticks func() int64) {
	if !m.sample {
		return
	}
	m.sample = false
	took := ticks() - m.began
	m.turns.Add(took)
	m.worked.Add(max(took-m.inCall, 0))
}

// call and called stand around a system call.
func (m *meter) call(ticks func() int64) {
	if m.sample {
		m.from = ticks()
	}
}

func (m *meter) called(ticks func() int64) {
	if m.sample {
		m.inCall += ticks() - m.from
	}
}
