package regent

import (
	"regent/aof"
	"regent/engine"
	"regent/engine/rdb"
)

// The log in trouble, and the data that does not come from it: what the log
// reports, what the engine, the barrier and the cluster make of it, and RDB
// files, as the base of a log or by themselves.
//
//	          write or fsync failed          the reserve cannot be had
//	log ────────────► Failed                   NoSpace
//	writes            refused: MISCONF         refused: MISCONF
//	waiting replies   uncertain                go on, the reserve is theirs
//	leadership        given up                 given up
//	the way back      a rewrite, or a restart  by itself: SpaceBack

// logFailed: from here on nothing is acknowledged and this node does not lead.
func (s *Server) logFailed(err error) {
	s.refuseWrites("The append only log can't be written, writes are refused from now on", err)
	s.barrier.Failed()
}

func (s *Server) logRecovered() {
	s.allowWrites("The append only log was made anew, writes are taken again")
	s.barrier.Mended()
	s.keeper.mended()
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

// loadBase carries out the base of the log: an RDB file, decoded on all cores.
func (s *Server) loadBase(b *aof.Base) error {
	o := s.rdbOptions(b.Progress)
	if b.Again {
		o.Progress = func(n int64) { s.engine.LoadProgress(n, b.Size) }
	}
	room := s.engine.NewReserve(b.Size)
	defer room.Release()
	o.Resize = room.Resize
	sum, err := rdb.LoadAt(b, b.Size, o, s.engine.LoadBatch)
	if err != nil {
		return err
	}
	b.Used = sum.Bytes
	s.loadedRDB("the log's base", sum)
	place, err := sum.Aux.Place()
	if err != nil || place == nil {
		return err
	}
	b.HasPlace = true
	b.Place = aof.Place{Offset: place.Offset}
	for _, h := range place.History {
		b.Place.History = append(b.Place.History, engine.EpochStart(h))
	}
	return nil
}
