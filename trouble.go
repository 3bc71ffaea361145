package regent

import (
	"regent/engine"
	"regent/node/persist"
)

// The log in trouble: what it reports, and what the engine, the barrier and the
// cluster make of it.
//
//	          write or fsync failed          the reserve cannot be had
//	log ────────────► Failed                   NoSpace
//	writes            refused: MISCONF         refused: MISCONF
//	waiting replies   uncertain                go on, the reserve is theirs
//	leadership        given up                 given up
//	the way back      by itself, once the      by itself: SpaceBack
//	                  disk works: a rewrite;
//	                  with peers a full copy
//	                  from the leader

// trouble is what the log reports, and where it goes.
func (s *Server) trouble() persist.Trouble {
	return persist.Trouble{Moved: s.logMoved, Failed: s.logFailed, Recovered: s.logRecovered, NoSpace: s.noSpace, SpaceBack: s.spaceBack, Ended: s.logEnded}
}

// logMoved follows every write and fsync of the log.
func (s *Server) logMoved() {
	if s.peers != nil {
		s.peers.Sealed()
	}
	s.barrier.Advance()
	s.engine.LogSynced()
}

// logFailed: from here on nothing is acknowledged and this node does not lead.
func (s *Server) logFailed(err error) {
	s.refuseWrites("The append only log can't be written, writes are refused from now on", err)
	s.barrier.Failed()
}

func (s *Server) logRecovered() {
	s.allowWrites("The append only log was made anew, writes are taken again")
	s.barrier.Mended()
}

// logEnded: nothing waits for a log any more, and none is in trouble.
func (s *Server) logEnded() {
	s.engine.AllowWrites()
	s.barrier.Mended()
	s.logMoved()
}

// noSpace: what was appended fits into what is set aside; nothing more does.
func (s *Server) noSpace(err error) {
	s.refuseWrites("The disk of the append only log is full, writes are refused until there is space", err)
}

func (s *Server) spaceBack() {
	s.allowWrites("There is space for the append only log again, writes are taken")
}

func (s *Server) refuseWrites(what string, err error) {
	s.host.Logf(engine.LevelWarning, "%s: %v", what, err)
	s.engine.RefuseWrites(err.Error())
	if s.peers != nil {
		s.peers.DiskFailed(err)
	}
}

func (s *Server) allowWrites(what string) {
	s.host.Logf(engine.LevelNotice, "%s", what)
	s.engine.AllowWrites()
	if s.peers != nil {
		s.peers.DiskOK()
	}
}
