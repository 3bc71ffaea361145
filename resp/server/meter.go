package server

import "sync/atomic"

// A meter measures how a loop spends its time. Only waits are measured each
// time, which a busy loop has none of; where the rest goes is sampled. A window has
// few samples, and on a crowded machine one of them may hold a turn of another process,
// so the share of work is a mean over some windows. The atomic fields are read by the
// first loop.
type meter struct {
	rested atomic.Int64 // ns in waits that are over
	since  atomic.Int64 // ticks: when the present one began; 0: there is none
	turns  atomic.Int64 // ns of sampled turns
	worked atomic.Int64 // of it not in system calls

	n      uint32 // turns
	sample bool
	began  int64 // the sampled turn
	calls  int64 // ns in its system calls
	from   int64

	rested0, turns0, worked0 int64   // when load was asked last
	sampled, work            float64 // ns of sampled turns and of work in them, fading
}

// sampleEvery is one in how many turns is sampled; a power of two.
const sampleEvery = 16

// fading is what is left after a window of the weight of those before: one half after
// eleven windows.
const fading = 15.0 / 16

func (m *meter) sleep(now int64) { m.since.Store(now) }

func (m *meter) wake(now int64) {
	m.rested.Add(now - m.since.Swap(0))
}

// turn begins a turn, after its wait.
func (m *meter) turn(ticks func() int64) {
	m.n++
	if m.n%sampleEvery == 0 {
		m.sample, m.calls, m.began = true, 0, ticks()
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
	m.worked.Add(max(took-m.calls, 0))
}

// call and called stand around a system call.
func (m *meter) call(ticks func() int64) {
	if m.sample {
		m.from = ticks()
	}
}

func (m *meter) called(ticks func() int64) {
	if m.sample {
		m.calls += ticks() - m.from
	}
}

// load is what the loop did since it was asked last, took ns ago. The first
// loop asks.
func (m *meter) load(now, took int64) load {
	rested := m.rested.Load()
	if since := m.since.Load(); since != 0 {
		rested += now - since
	}
	turns, worked := m.turns.Load(), m.worked.Load()
	m.sampled = m.sampled*fading + float64(turns-m.turns0)
	m.work = m.work*fading + float64(worked-m.worked0)
	busy := 1 - float64(rested-m.rested0)/float64(took)
	m.rested0, m.turns0, m.worked0 = rested, turns, worked
	return load{busy: max(0, min(busy, 1)), work: max(0, min(m.work/max(m.sampled, 1), 1))}
}
