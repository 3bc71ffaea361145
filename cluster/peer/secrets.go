package peer

import "sync/atomic"

// Secrets are what the nodes of a cluster know and prove to one another. The first proves;
// a node that proves one of them is heard. So a secret is replaced while the cluster runs: each
// node first takes the new one too, then all prove by it, then the old one is worth nothing.
// Nil and the zero value: there is none.
type Secrets struct{ list atomic.Pointer[[][]byte] }

// NewSecrets are these, as Set has it.
func NewSecrets(list ...string) *Secrets {
	s := &Secrets{}
	s.Set(list...)
	return s
}

// Set has these count from the next handshake on; channels that are open stay open. An empty
// one is none.
func (s *Secrets) Set(list ...string) {
	var keys [][]byte
	for _, text := range list {
		if text != "" {
			keys = append(keys, []byte(text))
		}
	}
	s.list.Store(&keys)
}

// accepted are those of which a dialer has to prove one.
func (s *Secrets) accepted() [][]byte {
	if s.None() {
		return [][]byte{nil}
	}
	return *s.list.Load()
}

// proving is what this node proves; nil: an empty key.
func (s *Secrets) proving() []byte { return s.accepted()[0] }

// None reports whether there is no secret to prove.
func (s *Secrets) None() bool {
	if s == nil {
		return true
	}
	list := s.list.Load()
	return list == nil || len(*list) == 0
}
