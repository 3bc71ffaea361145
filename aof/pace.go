package aof

import (
	"sync/atomic"
	"time"

	"regent/engine/config"
)

// Group commit. With appendfsync always no caller writes its own bytes: a write to
// a file that is being synced waits for the disk, and would hold up the caller and
// all callers behind it. One goroutine does both, one write and one fsync for all
// writes that became pending meanwhile:
//
//	clients   a b c d ....e f g h............ append, ask, wait for Durable
//	pending   |abcd|      |efgh    |
//	disk           W==fsync==      W==fsync==
//
// The clients that one fsync has released send their next command a moment later.
// To begin at once with the few that were quicker would make two groups of them
// for good, each of which waits for the other's fsync. So a group waits until as
// many commands are pending as are expected, from the clients released and those
// that were pending by then, but no longer than a part of what an fsync takes: a
// client that sends no more costs little, and a client alone nothing.
//
// To write 200 MB takes a while, too, with every policy: so what is large is written
// like that with the others as well, and no event loop stands still for it.
//
// That goroutine is the syncing one, or the caller that completes a group, if it
// can be handed off and fsyncs are quick (Settle): to pass the work on and to be woken
// afterwards takes two switches between threads, a good part of such an fsync.

const (
	// quickSync is up to how long an fsync is quick.
	quickSync = 500 * time.Microsecond
	// patiencePart is the part of an fsync's time that a group waits at most.
	patiencePart = 4
	// maxPatience bounds it where the disk is slow.
	maxPatience = time.Millisecond
	// minPatience is what a timer is worth.
	minPatience = 20 * time.Microsecond
	// paceShare is the weight of what was measured before: 7/8.
	paceShare = 8
)

// A pace is what the syncing goroutine knows of those it works for, under
// Log.mu.
type pace struct {
	asked    bool  // a caller has asked for what is pending
	since    int64 // ticks: when the first of them did
	woken    bool  // the syncing goroutine knows
	expected int   // how many commands make the group worth it
	written  int   // commands since the last fsync
	took     int64 // ns of an fsync, a moving mean
}

// patience is how long a group waits.
func (p *pace) patience() time.Duration {
	return min(time.Duration(p.took/patiencePart), maxPatience)
}

// SealSoon is Seal for callers that wait for Durable anyway: with always, and for what
// is large, it returns before anything is written, and Settle must follow.
func (l *Log) SealSoon(upto int64) error {
	always := l.o.Fsync() == config.FsyncAlways
	if !always && !l.lending.Load() {
		return l.Seal(upto)
	}
	if l.written.Load() >= upto {
		return nil // written, and being synced
	}
	l.mu.Lock()
	if !always && l.pending.lent.size == 0 {
		l.lending.Store(false)
		l.mu.Unlock()
		return l.Seal(upto)
	}
	err := l.err()
	switch {
	case err != nil:
	case l.held != nil:
		err = l.held.err
	case l.closed:
		err = errClosed
	}
	if err == nil && upto > l.pending.start { // what is before is being written, and synced after that
		if !l.pace.asked {
			l.pace.asked, l.pace.since = true, l.o.Host.Ticks()
		}
		l.unsettled.Store(true)
	}
	l.mu.Unlock()
	return err
}

// Settle sees to it that what SealSoon was asked for is done. With handOff it may
// return the work for the caller to do; soon asks for another call, without a
// rest, once the group may be complete.
func (l *Log) Settle(handOff bool) (work func(), soon bool) {
	if !l.unsettled.Load() {
		return nil, false
	}
	l.unsettled.Store(false) // before looking: a caller that asks after that settles by itself
	l.mu.Lock()
	p := &l.pace
	asked, complete := p.asked, l.pending.commands >= p.expected
	here := handOff && p.took < int64(quickSync) && l.err() == nil && l.diskIdle()
	due := complete || l.o.Host.Ticks()-p.since >= int64(p.patience())
	wake := asked && !here && (complete || !p.woken)
	p.woken = p.woken || wake
	l.mu.Unlock()
	switch {
	case wake:
		l.wakeSync()
	case asked && here && due:
		return func() { l.sync(true) }, false
	case asked && here:
		l.unsettled.Store(true)
		return nil, true
	}
	return nil, false
}

// diskIdle reports whether nobody waits for an fsync at this moment.
func (l *Log) diskIdle() bool {
	idle := l.syncMu.TryLock()
	if idle {
		l.syncMu.Unlock()
	}
	return idle
}

// sync makes what is written durable, and with seal writes the pending writes
// before.
func (l *Log) sync(seal bool) {
	if seal {
		// An error is not ours to report: it fails the log, or is held.
		l.syncers.Add(1)
		_ = l.Seal(recorder{l}.End())
		l.syncers.Add(-1) // before syncOnce looks how far to go
	}
	if err := l.syncOnce(); err != nil {
		l.fail(err)
		l.tell()
	}
}

// awaitGroup waits for a group to be complete, and reports whether there is one.
func (l *Log) awaitGroup() bool {
	l.mu.Lock()
	asked, patience := l.pace.asked, l.pace.patience()
	l.mu.Unlock()
	if asked && patience >= minPatience && l.incomplete() {
		l.gather(patience)
	}
	l.mu.Lock()
	// The wakes that came until now are spent, also where what they were for has been written by another
	// or was cut off: nobody would wake for the next group otherwise.
	l.pace.woken = false
	l.mu.Unlock()
	return asked
}

// gather waits until a group is complete, no longer than patience.
func (l *Log) gather(patience time.Duration) {
	var late atomic.Bool
	defer l.o.Host.AfterFunc(patience, func() {
		late.Store(true)
		l.wakeSync()
	})()
	for l.incomplete() && !late.Load() {
		select {
		case <-l.syncStop:
			return
		case <-l.syncWake:
		}
	}
}

func (l *Log) incomplete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pending.commands < l.pace.expected && l.err() == nil && !l.closed
}

// paced notes an fsync and says which callers are expected back.
func (l *Log) paced(took int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.pace
	p.expected = p.written + l.pending.commands
	p.written = 0
	p.took += (took - p.took) / paceShare
}
