// Package pubsub knows which client listens to which channel. It is a table and nothing
// else: it does not know what a session is, how a message reaches one, or that there
// are other nodes.
//
//	channel ─┬─► "news"    ─► listeners      a message to "news" goes to each of them
//	shard  ──┼─► "orders"  ─► listeners      channels of their own (SSUBSCRIBE)
//	pattern ─┴─► "n*"      ─► listeners      and to each whose pattern matches it
//
// A listener that is in several of them hears a message several times, as in Redis:
// once for the channel, and once for each pattern.
//
// # Invariants
//
//   - A name without listeners is not there, so what stands in the table is bounded
//     by what listeners have said (MaxNames each).
//   - A message that nobody listens to costs one look at a word (Table.quiet).
//   - Deliver calls each listener while the table is locked for reading. So once
//     Remove has returned, nothing more comes for that name; and what Deliver calls
//     must be short, and must not come back.
//
// Patterns are tried one after the other, as in Redis: a message costs as many
// comparisons as there are patterns. glob.Match is bounded in the length of the
// pattern times that of the name.
package pubsub

import (
	"maps"
	"sync"
	"sync/atomic"

	"regent/engine/glob"
)

// A Kind is one of the three name spaces.
type Kind uint8

// The kinds of names.
const (
	Channel Kind = iota
	Pattern
	Shard
	Kinds = 3
)

// MaxNames is how many names of a kind a listener may hold.
const MaxNames = 1 << 20

// A Table is which listener listens to what. L is a listener. It is safe for concurrent use.
type Table[L comparable] struct {
	quiet atomic.Int64 // names in the table

	mu    sync.RWMutex
	names [Kinds]map[string]map[L]struct{}
}

// Add has l listen to a name.
func (t *Table[L]) Add(k Kind, name string, l L) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.names[k] == nil {
		t.names[k] = map[string]map[L]struct{}{}
	}
	hearers := t.names[k][name]
	if hearers == nil {
		hearers = map[L]struct{}{}
		t.names[k][name] = hearers
		t.quiet.Add(1)
	}
	hearers[l] = struct{}{}
}

// Remove has l listen to a name no more. Nothing comes for it afterwards.
func (t *Table[L]) Remove(k Kind, name string, l L) {
	t.mu.Lock()
	defer t.mu.Unlock()
	hearers := t.names[k][name]
	if _, in := hearers[l]; !in {
		return
	}
	if delete(hearers, l); len(hearers) == 0 {
		delete(t.names[k], name)
		t.quiet.Add(-1)
	}
}

// Drop has those listen to nothing any more for which gone says so. It looks at all names.
func (t *Table[L]) Drop(gone func(l L) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.names {
		for name, hearers := range t.names[k] {
			maps.DeleteFunc(hearers, func(l L, _ struct{}) bool { return gone(l) })
			if len(hearers) == 0 {
				delete(t.names[k], name)
				t.quiet.Add(-1)
			}
		}
	}
}

// Quiet reports whether nobody listens to anything.
func (t *Table[L]) Quiet() bool { return t.quiet.Load() == 0 }

// Hearers is how often Deliver would call hear.
func (t *Table[L]) Hearers(k Kind, channel []byte) (n int) {
	if t.Quiet() {
		return 0
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	n = len(t.names[k][string(channel)])
	if k != Channel {
		return n
	}
	for pattern, hearers := range t.names[Pattern] {
		if glob.Match([]byte(pattern), channel) {
			n += len(hearers)
		}
	}
	return n
}

// Deliver calls hear with each that listens to a channel of a kind, Channel or Shard;
// pattern is the one that matched, "": none was needed. n is how often it did.
func (t *Table[L]) Deliver(k Kind, channel []byte, hear func(l L, pattern string)) (n int) {
	if t.Quiet() {
		return 0
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for l := range t.names[k][string(channel)] {
		hear(l, "")
		n++
	}
	if k != Channel {
		return n
	}
	for pattern, hearers := range t.names[Pattern] {
		if !glob.Match([]byte(pattern), channel) {
			continue
		}
		for l := range hearers {
			hear(l, pattern)
			n++
		}
	}
	return n
}

// Names is how many names of a kind there are, and Listeners how many listen to one.
func (t *Table[L]) Names(k Kind) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.names[k])
}

// Listeners is how many listen to a name.
func (t *Table[L]) Listeners(k Kind, name string) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.names[k][name])
}

// EachListener calls f with each that listens to a name of a kind, once for each name.
func (t *Table[L]) EachListener(k Kind, f func(name string, l L)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for name, hearers := range t.names[k] {
		for l := range hearers {
			f(name, l)
		}
	}
}

// Each calls f with the names of a kind, in no order.
func (t *Table[L]) Each(k Kind, f func(name string)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for name := range t.names[k] {
		f(name)
	}
}
