package regent

import "regent/engine"

// backlogInfo continues INFO's section Replication with what a follower may
// resume from. Redis keeps that in memory and forgets it; here it is the log on
// disk, all of it since its first byte, so its size is what is there.
func (s *Server) backlogInfo() engine.InfoSection {
	return engine.InfoSection{Name: "Replication", Default: true, Write: func(w *engine.InfoWriter) {
		stream := s.aof.Stream()
		start, end := stream.Start(), stream.End()
		w.Bool("repl_backlog_active", true)
		w.Int("repl_backlog_size", end-start)
		w.Int("repl_backlog_first_byte_offset", start+1) // Redis counts from 1
		w.Int("repl_backlog_histlen", end-start)
	}}
}
