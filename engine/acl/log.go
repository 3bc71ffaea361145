package acl

import "sync"

// Log is what was denied lately: ACL LOG. The same denial of the same user within a
// minute is one entry with a count.
type Log struct {
	mu      sync.Mutex
	entries []Entry // the newest first
}

// An Entry is one denial, or several of a kind.
type Entry struct {
	Count                         int64
	Reason, Context, Object, User string
	At                            int64 // wall ms, of the last
	Client                        string
}

// Limits of how denials are put together, as in Redis.
const (
	mergeWithin = 60_000 // ms
	mergeAmong  = 10     // of the newest entries
)

// The contexts of denials.
const (
	ContextTop    = "toplevel"
	ContextMulti  = "multi"
	ContextScript = "lua"
)

// Word is the reason as ACL LOG shows it.
func (r Reason) Word() string {
	return [...]string{Allowed: "", Command: "command", Key: "key", Auth: "auth", Channel: "channel"}[r]
}

// Add notes a denial; most is how many entries are kept.
func (l *Log) Add(e Entry, most int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Count = 1
	for i := 0; i < min(len(l.entries), mergeAmong); i++ {
		old := &l.entries[i]
		if old.Reason != e.Reason || old.Context != e.Context || old.Object != e.Object || old.User != e.User || e.At-old.At > mergeWithin {
			continue
		}
		e.Count = old.Count + 1
		copy(l.entries[1:i+1], l.entries[:i])
		l.entries[0] = e
		return
	}
	l.entries = append(l.entries, Entry{})
	copy(l.entries[1:], l.entries)
	l.entries[0] = e
	if len(l.entries) > most {
		clear(l.entries[most:])
		l.entries = l.entries[:most]
	}
}

// Newest are up to n entries, the newest first.
func (l *Log) Newest(n int) []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Entry(nil), l.entries[:min(n, len(l.entries))]...)
}

// Reset forgets all entries.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}
