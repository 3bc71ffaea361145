package engine

import (
	"cmp"
	"slices"
)

// NewSession registers a client that has just connected.
func (e *Engine) NewSession(conn Conn) *Session {
	s := &Session{ID: e.lastID.Add(1), conn: conn, created: e.host.Now()}
	s.Authenticated = e.Config.RequirePass.Get() == ""
	s.Shared.LastActive.Store(s.created)
	s.Shared.proto.Store(2)
	e.stats.connections.Add(1)
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	e.sessions[s.ID] = s
	return s
}

// EndSession forgets a client whose connection is gone. It runs on the
// session's own turn.
func (e *Engine) EndSession(s *Session) {
	e.unpark(s)
	if s.tx != nil {
		e.endTransaction(s)
	}
	e.endSubscriptions(s)
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	delete(e.sessions, s.ID)
}

// SlimSession gives back the memory that s, which is idle and not parked,
// keeps for its next command. It runs on the session's own turn.
func (e *Engine) SlimSession(s *Session) {
	s.W.Take(nil)
	s.ctx.eff = Effects{}
}

// clients lists the sessions by ID.
func (e *Engine) clients() []*Session {
	e.sessMu.Lock()
	list := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		list = append(list, s)
	}
	e.sessMu.Unlock()
	slices.SortFunc(list, func(a, b *Session) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// client finds a session by its ID, nil when there is none.
func (e *Engine) client(id int64) *Session {
	e.sessMu.Lock()
	defer e.sessMu.Unlock()
	return e.sessions[id]
}
