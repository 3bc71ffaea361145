package stream

// What is known of how many entries there are up to an ID: 7.0's entries-read and lag.

// Distance is how many entries were added up to id, with those that are gone; false:
// that cannot be told (t_stream.c, streamEstimateDistanceFromFirstEverEntry).
func (s *Stream) Distance(id ID) (n uint64, ok bool) {
	if s.Added == 0 {
		return 0, true
	}
	c := id.Compare(s.Last)
	switch {
	case s.length == 0 && c <= 0, c == 0:
		return s.Added, true
	case c > 0:
		return 0, false
	}
	if !s.MaxDeleted.IsZero() && !s.MaxDeleted.Less(s.First) {
		return 0, false
	}
	switch c := id.Compare(s.First); {
	case c < 0:
		return s.Added - uint64(s.length), true
	case c == 0:
		return s.Added - uint64(s.length) + 1, true
	}
	return 0, false
}

// gapFrom reports whether an entry at from or above was deleted by itself.
func (s *Stream) gapFrom(from ID) bool {
	if s.length == 0 || s.MaxDeleted.IsZero() || s.MaxDeleted.Less(s.First) {
		return false
	}
	return !s.MaxDeleted.Less(from)
}

// Advance moves the group to id, the entry that is being delivered, if that is new to it.
func (g Group) Advance(id ID) bool {
	if !g.g.last.Less(id) {
		return false
	}
	if g.g.read != NotRead && !g.s.gapFrom(id) {
		g.g.read++
	} else if g.s.Added > 0 {
		g.g.read = NotRead
		if n, ok := g.s.Distance(id); ok {
			g.g.read = int64(n)
		}
	}
	g.g.last = id
	return true
}

// Lag is how many entries the group has not read yet; false: that cannot be told.
func (g Group) Lag() (n int64, ok bool) {
	s := g.s
	if s.Added == 0 {
		return 0, true
	}
	if g.g.read != NotRead && !s.gapFrom(g.g.last) {
		return int64(s.Added) - g.g.read, true
	}
	if n, ok := s.Distance(g.g.last); ok {
		return int64(s.Added - n), true
	}
	return 0, false
}
