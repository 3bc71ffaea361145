package engine

// What a session's commands count is kept in the session first, for as long as the same
// command comes again, and added to the stripes at the end of its batch: an addition
// that other cores may watch costs as much as finding a command in the table, and a
// pipeline has one for all its commands. INFO shows everything of
// the connection that asks, and of others all whose replies have left.

// A tally is what is not in the stripes yet.
type tally struct {
	cmd           *Command
	calls, failed int64 // of cmd
	hits, misses  int64
	changes       int64
}

// tallyOf makes the session's tally one of cmd.
func (e *Engine) tallyOf(s *Session, cmd *Command) {
	e.countUp(s)
	s.tally.cmd = cmd
}

// countUp adds the session's tally to the stripes.
func (e *Engine) countUp(s *Session) {
	t := &s.tally
	st := &e.stats.stripes[uint32(s.ID)&e.mask]
	if t.calls != 0 {
		pc := &st.perCmd[t.cmd.Index()]
		pc.calls.Add(t.calls)
		if t.failed != 0 {
			pc.failed.Add(t.failed)
			t.failed = 0
		}
		t.calls = 0
	}
	if t.hits != 0 {
		st.hits.Add(t.hits)
		t.hits = 0
	}
	if t.misses != 0 {
		st.misses.Add(t.misses)
		t.misses = 0
	}
	if t.changes != 0 {
		st.changes.Add(t.changes)
		t.changes = 0
	}
}
