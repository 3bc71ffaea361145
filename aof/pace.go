package aof

import (
	"sync/atomic"
	"time"

	"regent/engine/config"
)

// Group commit. With appendfsync always nobody writes for himself: a write to a
// file that is being synced waits for the disk, and would hold up whoever made
// it, and all who wait behind him. The syncing goroutine does both, one write and
// one fsync for everything that has gathered meanwhile:
//
//	clients   a b c d ....e f g h............ append, ask, wait for Durable
//	gathered  |abcd|      |efgh    |
//	disk           W==fsync==      W==fsync==
//
// Those whom one fsync has released are back with their next command a moment
// later. To begin at once with the few who were quicker would make two groups of
// them for good, each of which waits for the other's fsync. So a group waits
// until as many have appended as are expected, those released and those that had
// gathered by then, but no longer than a part of what an fsync takes: whoever
// does not come back costs little, and a client alone nothing.

const (
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
	asked    bool  // somebody has asked for what is gathered
	expected int   // how many commands make the group worth it
	written  int   // commands since the last fsync
	took     int64 // ns of an fsync, a moving mean
}

// SealSoon is Seal for those who wait for Durable anyway: with always it returns
// before anything is written.
func (l *Log) SealSoon(upto int64) error {
	if l.o.Fsync() != config.FsyncAlways {
		return l.Seal(upto)
	}
	if l.written.Load() >= upto {
		return nil // written, and being synced
	}
	l.mu.Lock()
	err := l.err()
	switch {
	case err != nil:
	case l.held != nil:
		err = l.held.err
	case l.closed:
		err = errClosed
	}
	p := &l.pace
	wake := err == nil && (!p.asked || l.gather.commands >= p.expected)
	p.asked = p.asked || wake
	l.mu.Unlock()
	if wake {
		l.wakeSync()
	}
	return err
}

// sealAsked writes what SealSoon was asked for, once the group is complete.
func (l *Log) sealAsked() {
	if !l.awaitGroup() {
		return
	}
	// An error is not ours to report: it fails the log, or is held.
	_ = l.Seal(recorder{l}.End())
}

// awaitGroup waits for a group to be complete, and reports whether there is one.
func (l *Log) awaitGroup() bool {
	l.mu.Lock()
	asked, patience := l.pace.asked, min(time.Duration(l.pace.took/patiencePart), maxPatience)
	l.mu.Unlock()
	if !asked || patience < minPatience {
		return asked
	}
	if !l.incomplete() {
		return true
	}
	var late atomic.Bool
	defer l.o.Host.AfterFunc(patience, func() {
		late.Store(true)
		l.wakeSync()
	})()
	for l.incomplete() && !late.Load() {
		select {
		case <-l.syncStop:
			return true
		case <-l.syncWake:
		}
	}
	return true
}

func (l *Log) incomplete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gather.commands < l.pace.expected && l.err() == nil && !l.closed
}

// paced notes an fsync and says who is expected back.
func (l *Log) paced(took int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.pace
	p.expected = p.written + l.gather.commands
	p.written = 0
	p.took += (took - p.took) / paceShare
}
