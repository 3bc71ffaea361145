package latency

import (
	"slices"
	"strings"
	"sync"
)

// kept is how many samples of an event are remembered: one for each second in which it
// happened.
const kept = 160

// A Sample is the longest time of an event within a second.
type Sample struct {
	At    int64 // wall s
	Milli int64 // ms
}

// series is an event's samples.
type series struct {
	samples []Sample // the oldest first
	longest int64    // ms
}

// A Monitor remembers what took long. The zero value is empty. It may be used by
// several goroutines at once.
type Monitor struct {
	mu     sync.Mutex
	events map[string]*series
}

// Note remembers that event took that many milliseconds at a second of the wall clock.
func (m *Monitor) Note(event string, at, millis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.events[event]
	if s == nil {
		if m.events == nil {
			m.events = map[string]*series{}
		}
		s = &series{}
		m.events[event] = s
	}
	s.longest = max(s.longest, millis)
	if n := len(s.samples); n > 0 && s.samples[n-1].At == at {
		s.samples[n-1].Milli = max(s.samples[n-1].Milli, millis)
		return
	}
	if len(s.samples) == kept {
		s.samples = slices.Delete(s.samples, 0, 1)
	}
	s.samples = append(s.samples, Sample{at, millis})
}

// An Event is what is remembered of one.
type Event struct {
	Name    string
	Longest int64    // ms, since the last Reset
	Samples []Sample // the oldest first, at least one
}

// Events are all of them, by name.
func (m *Monitor) Events() (all []Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.events {
		all = append(all, Event{name, s.longest, slices.Clone(s.samples)})
	}
	slices.SortFunc(all, func(a, b Event) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Of is one of them; its Samples are nil if it never took long.
func (m *Monitor) Of(name string) (e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e.Name = name
	if s := m.events[name]; s != nil {
		e.Longest, e.Samples = s.longest, slices.Clone(s.samples)
	}
	return e
}

// Reset forgets events, all of them if none is named, and returns how many there were.
func (m *Monitor) Reset(names ...string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(names) == 0 {
		n = len(m.events)
		clear(m.events)
	}
	for _, name := range names {
		if m.events[name] != nil {
			delete(m.events, name)
			n++
		}
	}
	return n
}
