package aof

import (
	"fmt"
	"math"
	"sync"
)

// A reservation keeps a rewrite from dropping what a follower is about to
// need: it gets a full copy, and the stream will go on from where that was cut.
// A reader is one as well, for a follower that is catching up.
type reservations struct {
	mu   sync.Mutex // innermost: it is taken with the keyspace locked
	next int        // name of the next
	from map[int]int64
}

const (
	// ReservedBytes is how much of the stream before the base is kept at most for
	// reservations and readers. Who is further behind begins anew.
	ReservedBytes = 8 << 30
	// maxReservations bounds those that are held at one time.
	maxReservations = 1024
)

// reserve keeps the stream from off on until release is called, once or more
// often.
func (r *reservations) reserve(off int64) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.from) == maxReservations {
		return nil, fmt.Errorf("more than %d reservations of the log", maxReservations)
	}
	if r.from == nil {
		r.from = map[int]int64{}
	}
	name := r.next
	r.next++
	r.from[name] = off
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.from, name)
	}, nil
}

// neededFrom is the offset from which on the stream is reserved or read; the
// caller holds shape.
func (l *Log) neededFrom() int64 {
	first := int64(math.MaxInt64)
	for r := range l.readers {
		if !r.cut {
			first = min(first, r.off.Load())
		}
	}
	l.reserved.mu.Lock()
	defer l.reserved.mu.Unlock()
	for _, off := range l.reserved.from {
		first = min(first, off)
	}
	return first
}
