package persist

import (
	"errors"

	"regent/engine"
	"regent/node/backlog"
)

// A node that keeps no log on disk keeps one in memory while a redis-server or a tool follows it
// (package backlog). It begins at the cut of the first one's copy.

var errLogBegins = errors.New("a log on disk is being begun")

// Followed is the log that can be followed, on disk or in memory; nil: there is none yet.
func (d *Data) Followed() engine.Stream {
	if log := d.Log(); log != nil {
		return log.Stream()
	}
	if log := d.backlog.Load(); log != nil {
		return log
	}
	return nil
}

// beginBacklog is called at the cut of a copy, with the engine frozen: from there on the log in memory
// has everything.
func (d *Data) beginBacklog() (*backlog.Log, error) {
	if d.noBacklog.Load() {
		return nil, errLogBegins
	}
	log := d.backlog.Load()
	if log == nil {
		log = backlog.New(backlog.Options{
			Start: max(d.pastLogs.Load()+1, d.engine.Changes()),
			Keep:  d.cfg.ReplBacklogSize.Get, Behind: d.cfg.OutputHardReplica.Get,
		})
		d.engine.SetLog(log)
		d.backlog.Store(log)
	}
	log.Reselect()
	return log, nil
}

// EndBacklog lets go of the log in memory, if there is one: those that follow it come again.
func (d *Data) EndBacklog() {
	if d.backlog.Load() == nil {
		return
	}
	d.engine.Freeze(d.dropBacklog)
}

// dropBacklog is EndBacklog with the engine frozen.
func (d *Data) dropBacklog() {
	log := d.backlog.Swap(nil)
	if log == nil {
		return
	}
	d.engine.SetLog(nil)
	d.pastLogs.Store(max(d.pastLogs.Load(), log.End()))
}

// barBacklog ends the log in memory and lets none begin, since one on disk is begun: every offset of
// that is behind those in memory.
func (d *Data) barBacklog() {
	d.engine.Freeze(func() {
		d.noBacklog.Store(true)
		d.dropBacklog()
	})
}
