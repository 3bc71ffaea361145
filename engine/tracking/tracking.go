// Package tracking knows which clients may hold which keys in a cache of their own
// (CLIENT TRACKING). It is a table and nothing else: it does not know what a client is,
// or how it is told.
//
//	key    ─► clients that have read it      default mode: told once, then forgotten
//	prefix ─► clients that want all of it    BCAST: told at each change
//
// Clients are numbers here, and keys those of all databases, as in Redis: a client that
// is gone, or tracks no more, stays in the table until the key changes, and one that is
// told looks whether the client is still there.
//
// What is bounded: the keys, by the number that Remember is given. What is too much is
// taken out, any key, and has to be told as if it had changed: a client may forget too
// much, never too little. The prefixes are bounded by MaxPrefixes for each client.
package tracking

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"
)

// MaxPrefixes is how many prefixes a client may have.
const MaxPrefixes = 1 << 16

// A Table is which client may hold what. It is safe for concurrent use.
type Table struct {
	mu       sync.Mutex
	keys     map[string]map[int64]struct{}
	items    int // clients of all keys
	prefixes map[string]map[int64]struct{}
}

// Remember notes that a client has read a key. Of more than most keys, 0: any number,
// one that has to go is returned.
func (t *Table) Remember(key []byte, client int64, most int64) (gone []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	readers := t.keys[string(key)]
	if readers == nil {
		if t.keys == nil {
			t.keys = map[string]map[int64]struct{}{}
		}
		if most > 0 && int64(len(t.keys)) >= most {
			for any := range t.keys {
				gone = []byte(any)
				break
			}
		}
		readers = map[int64]struct{}{}
		t.keys[string(key)] = readers
	}
	if _, in := readers[client]; !in {
		readers[client] = struct{}{}
		t.items++
	}
	return gone
}

// Excess is a key that has to go since there are more than most, 0: any number; nil: none has.
// It stays until it is taken.
func (t *Table) Excess(most int64) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if most <= 0 || int64(len(t.keys)) <= most {
		return nil
	}
	for any := range t.keys {
		return []byte(any)
	}
	return nil
}

// Take calls tell with each client that has read a key, and forgets them.
func (t *Table) Take(key []byte, tell func(client int64)) {
	t.mu.Lock()
	readers := t.keys[string(key)]
	if readers != nil {
		delete(t.keys, string(key))
		t.items -= len(readers)
	}
	t.mu.Unlock()
	for client := range readers {
		tell(client)
	}
}

// Forget empties the table of keys: everything is told to have changed.
func (t *Table) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys, t.items = nil, 0
}

// AddPrefix has a client told of every key that begins with prefix, RemovePrefix no
// more.
func (t *Table) AddPrefix(prefix string, client int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.prefixes == nil {
		t.prefixes = map[string]map[int64]struct{}{}
	}
	if t.prefixes[prefix] == nil {
		t.prefixes[prefix] = map[int64]struct{}{}
	}
	t.prefixes[prefix][client] = struct{}{}
}

// RemovePrefix ends what AddPrefix began.
func (t *Table) RemovePrefix(prefix string, client int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if delete(t.prefixes[prefix], client); len(t.prefixes[prefix]) == 0 {
		delete(t.prefixes, prefix)
	}
}

// Prefixed calls tell for each prefix of any of keys, in their order, with each client that has
// it and the keys that begin so, each once and in order.
func (t *Table) Prefixed(keys [][]byte, tell func(client int64, keys [][]byte)) {
	for _, g := range t.groups(keys) {
		for _, client := range g.clients {
			tell(client, g.keys)
		}
	}
}

// A group is a prefix that clients have, with keys that begin so.
type group struct {
	prefix  string
	clients []int64
	keys    [][]byte
}

func (t *Table) groups(keys [][]byte) []group {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.prefixes) == 0 {
		return nil
	}
	if len(keys) > 1 {
		keys = slices.Clone(keys)
		slices.SortFunc(keys, bytes.Compare)
		keys = slices.CompactFunc(keys, bytes.Equal)
	}
	var list []group
	at := map[string]int{}
	for _, key := range keys {
		for n := range len(key) + 1 {
			clients := t.prefixes[string(key[:n])]
			if clients == nil {
				continue
			}
			i, is := at[string(key[:n])]
			if !is {
				i = len(list)
				at[string(key[:n])] = i
				list = append(list, group{prefix: string(key[:n]), clients: slices.Collect(maps.Keys(clients))})
			}
			list[i].keys = append(list[i].keys, key)
		}
	}
	slices.SortFunc(list, func(a, b group) int { return strings.Compare(a.prefix, b.prefix) })
	return list
}

// Size is how many keys there are, clients of all of them, and prefixes.
func (t *Table) Size() (keys, items, prefixes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.keys), t.items, len(t.prefixes)
}
