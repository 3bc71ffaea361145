package engine

import (
	"sync"

	"regent/engine/config"
	"regent/engine/pubsub"
)

// What rooms of the Sentinel face see of the cluster, and what they publish of it.
//
//	cluster's View has moved ─┐
//	the regular tick ─────────┴─► Engine.LookAgain ─► Room.Seen ─► Sight.Say ─► the listeners at that face

// looks are the rooms that are told, one call at a time.
type looks struct {
	mu    sync.Mutex
	rooms []Room
}

// A Sight is the cluster as clients are told of it at one moment.
type Sight struct {
	e    *Engine
	face Face
	view *View
	now  int64
}

// Sight is what a handler may tell its client of the cluster.
func (c *Ctx) Sight() *Sight { return c.e.sight(c.s.face, c.s.TLS) }

func (e *Engine) sight(f Face, tls bool) *Sight {
	return &Sight{e: e, face: f, view: e.toldView().toward(tls), now: e.host.Now()}
}

// LookAgain has rooms of the Sentinel face see what has become of the cluster. What they
// publish is the same for all that listen: with ports for TLS where the face has no other.
// Any goroutine may call it that holds no lock of the engine.
func (e *Engine) LookAgain() {
	if e.Config.SentinelPort.Get() == 0 && e.Config.TLSSentinelPort.Get() == 0 {
		return
	}
	e.looks.mu.Lock()
	defer e.looks.mu.Unlock()
	for i := range e.looks.rooms {
		if r := &e.looks.rooms[i]; r.Seen != nil {
			r.Seen(e.sight(r.Face, e.Config.SentinelPort.Get() == 0))
		}
	}
}

// View is the cluster: a leader whose lease has run out does not say that it leads.
func (s *Sight) View() *View { return s.view }

// Now is wall milliseconds.
func (s *Sight) Now() int64 { return s.now }

// Config is the server's.
func (s *Sight) Config() *config.Config { return s.e.Config }

// Leader is the node that leads, is alive and serves, as far as this node can know at
// this moment; 0: there is none.
func (s *Sight) Leader() int64 {
	if v := s.view; v.Leading || v.Serves && !s.e.cluster.LeaderSilent() {
		return v.LeaderID
	}
	return 0
}

// Say publishes a message to those that listen at the face, on this node.
func (s *Sight) Say(channel, payload string) {
	s.e.publishAt(s.face, pubsub.Channel, []byte(channel), []byte(payload), rest{}, nil)
}

// Crash ends the process, for tests of what happens then.
func (s *Sight) Crash() { s.e.control.Crash("exit") }

// WriteConfig has the configuration written to its file; true if there is none.
func (s *Sight) WriteConfig() bool {
	return s.e.configFile == "" || s.e.control.RewriteConfig() == nil
}

// SetMasterNames changes by which names Sentinel clients know the master; false: they
// cannot be.
func (c *Ctx) SetMasterNames(names []string) bool { return c.e.Config.SetMasterNames(names) == nil }

// ownInfo are the sections of INFO that the rooms of the session's face bring.
func (c *Ctx) ownInfo() (out []InfoSection) {
	for i := range c.e.looks.rooms {
		if r := &c.e.looks.rooms[i]; r.Face == c.s.face && r.Info != nil {
			out = append(out, r.Info(c))
		}
	}
	return out
}
