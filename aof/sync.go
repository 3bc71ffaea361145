package aof

import (
	"fmt"
	"sync/atomic"
	"time"

	"regent/engine/config"
)

// The syncing goroutine. With always it writes the pending writes (pace.go) and
// makes everything written so far durable in one fsync, for all that wait for it;
// what comes meanwhile belongs to the next one. With everysec a timer
// wakes it, which the first write after an fsync starts: an idle log has none.
// A slow fsync stalls those that wait for Durable, and nothing else.

// syncPeriod is the second of everysec.
const syncPeriod = time.Second

func (l *Log) syncLoop() {
	defer close(l.syncDone)
	for {
		select {
		case <-l.syncStop:
			return
		case <-l.syncWake:
		}
		if l.err() != nil {
			continue
		}
		l.sync(l.awaitGroup())
	}
}

func (l *Log) wakeSync() {
	select {
	case l.syncWake <- struct{}{}:
	default: // it will see what was written before it looks
	}
}

// syncSoon wakes the syncing goroutine within syncPeriod.
func (l *Log) syncSoon() {
	if !l.syncTick.CompareAndSwap(false, true) {
		return
	}
	l.o.Host.AfterFunc(syncPeriod, func() {
		l.syncTick.Store(false)
		if !l.syncMu.TryLock() {
			l.stats.delayed.Add(1)
		} else {
			l.syncMu.Unlock()
		}
		l.wakeSync()
	})
}

// syncOnce makes everything written so far durable.
func (l *Log) syncOnce() error {
	l.syncMu.Lock()
	l.tail.Lock()
	upto, s, listed := l.written.Load(), l.last, !l.unlisted
	l.tail.Unlock()
	if l.synced.Load() >= upto && listed {
		l.syncMu.Unlock()
		return nil
	}
	began := l.o.Host.Ticks()
	err := s.file.Sync()
	if err == nil && !listed {
		// The rename that made this file a part of the log.
		err = l.fs.SyncDir(l.o.Dir)
	}
	if err == nil {
		l.paced(l.o.Host.Ticks() - began) // before anybody is released
		l.tail.Lock()
		l.unlisted = l.unlisted && l.last != s
		l.tail.Unlock()
		raise(&l.durable, upto) // first: what sees synced expects durable
		raise(&l.synced, upto)
		l.stats.syncs.Add(1)
	}
	l.syncMu.Unlock()
	if err != nil {
		return fmt.Errorf("fsync of %s: %w", s.name, err)
	}
	l.moved()
	return nil
}

// waitSynced waits until the log is on disk up to off, where the policy asks
// for it.
func (l *Log) waitSynced(off int64) error {
	for l.o.Fsync() == config.FsyncAlways {
		moved := l.notified()
		if l.synced.Load() >= min(off, l.written.Load()) { // less: it was cut off meanwhile
			return nil
		}
		if err := l.err(); err != nil {
			return err
		}
		l.wakeSync()
		<-moved
	}
	return nil
}

// raise moves v up to n, never down.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}
