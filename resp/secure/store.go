package secure

import (
	"fmt"
	"hash/maphash"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A Store holds the State in force and replaces it when its files have changed.
type Store struct {
	now  atomic.Pointer[State]
	seed maphash.Seed

	mu       sync.Mutex
	settings Settings
	loaded   uint64 // the files' stamp when they were read last, used or not
	seen     uint64 // as it was at the last look
	warned   map[string]time.Time
}

// warnBefore is how long before its end a certificate is warned of; warnEvery how often.
const (
	warnBefore = 30 * 24 * time.Hour
	warnEvery  = 24 * time.Hour
	maxWarned  = 4096 // certificates that warnings are remembered of
)

// NewStore loads the first State.
func NewStore(s Settings) (*Store, error) {
	st := &Store{seed: maphash.MakeSeed(), warned: map[string]time.Time{}}
	return st, st.Use(s)
}

// State is the one in force.
func (st *Store) State() *State { return st.now.Load() }

// Use reads the files of s and has it count. With an error what was before still does.
func (st *Store) Use(s Settings) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	stamp := st.stamp(&s)
	state, err := Load(s)
	if err != nil {
		return err
	}
	st.settings, st.loaded, st.seen = s, stamp, stamp
	st.now.Store(state)
	return nil
}

// Look reads the files if they have changed since, and have then stood still from one look
// to the next: a certificate and its key are two files. changed: they were read; with
// an error they cannot be used, and what was before counts.
func (st *Store) Look() (changed bool, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	stamp := st.stamp(&st.settings)
	was := st.seen
	st.seen = stamp
	if stamp != was || stamp == st.loaded {
		return false, nil
	}
	st.loaded = stamp
	state, err := Load(st.settings)
	if err != nil {
		return true, err
	}
	st.now.Store(state)
	return true, nil
}

// stamp is a number that changes with the files: their sizes, dates and names.
func (st *Store) stamp(s *Settings) uint64 {
	var h maphash.Hash
	h.SetSeed(st.seed)
	look := func(path string) {
		if path == "" {
			return
		}
		fi, err := os.Stat(path)
		if err != nil {
			fmt.Fprintf(&h, "%s\x00-\x00", path)
			return
		}
		fmt.Fprintf(&h, "%s\x00%d\x00%d\x00", path, fi.Size(), fi.ModTime().UnixNano())
	}
	for _, f := range []string{s.CertFile, s.KeyFile, s.ClientCertFile, s.ClientKeyFile, s.CAFile} {
		look(f)
	}
	if s.CADir != "" {
		names, _ := listed(s.CADir)
		for _, n := range names {
			look(n)
		}
	}
	return h.Sum64()
}

// Warnings are the certificates that have ended or will within 30 days, each once a day.
func (st *Store) Warnings(now time.Time) (due []Expiry) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, e := range st.State().Expires() {
		if e.Until.Sub(now) > warnBefore {
			continue
		}
		id := e.File + "\x00" + e.Name
		if last, ok := st.warned[id]; ok && now.Sub(last) < warnEvery {
			continue
		}
		if len(st.warned) >= maxWarned {
			clear(st.warned)
		}
		st.warned[id] = now
		due = append(due, e)
	}
	return due
}
