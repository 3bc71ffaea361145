package engine

import (
	"fmt"
	"sync"
	"sync/atomic"

	"regent/engine/spec"
	"regent/resp"
)

// MONITOR: a session that is told every command that is carried out here, as a line
//
//	+1700000000.123456 [0 127.0.0.1:50000] "SET" "key" "value"
//
// after it was, by its inbox, like a message that is published (pubsub.go). Secrets are
// left out, and so are commands of administration, as in Redis. While nobody monitors,
// this costs a look at one word for each command.

// monitorInbox bounds in bytes what waits for a session that monitors where the class
// normal has no limit (client-output-buffer-limit).
const monitorInbox = 64 << 20

// monitors are the sessions that listen.
type monitors struct {
	n  atomic.Int32
	mu sync.Mutex
	of map[*Session]struct{} // nil: nobody
}

func monitorCommands() []Command {
	return []Command{{Do: doMonitor, Command: spec.Command{
		Name: "monitor", Arity: 1, Flags: spec.Admin | spec.NoScript | spec.Loading | spec.Stale, Since: "1.0.0",
		Summary: "Shows every command that is carried out at this node from now on.",
	}}}
}

func doMonitor(c *Ctx) {
	if c.nested {
		c.Err(resp.ErrMonitorDenied)
		return
	}
	m := &c.e.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[*Session]struct{}{}
	}
	if _, in := m.of[c.s]; !in {
		c.e.caring.Add(1)
	}
	m.of[c.s] = struct{}{}
	m.n.Store(int32(len(m.of)))
	c.s.Shared.setFlag(clientMonitor, true)
	c.W.OK()
}

// Attends reports whether s hears of things without asking: it listens or monitors. Any
// goroutine may ask.
func (s *Session) Attends() bool {
	return s.Shared.flags.Load()&uint32(clientPubSub|clientMonitor) != 0
}

// endMonitor ends what MONITOR began, if it was said.
func (e *Engine) endMonitor(s *Session) {
	if !s.Shared.has(clientMonitor) {
		return
	}
	m := &e.monitors
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, s)
	e.caring.Add(-1)
	m.n.Store(int32(len(m.of)))
	s.Shared.setFlag(clientMonitor, false)
}

// show tells clients that monitor of a command that was carried out.
func (m *monitors) show(c *Ctx) {
	if c.Cmd.Flags&(spec.SkipMonitor|spec.Admin) == 0 {
		m.tell(c)
	}
}

// showScript tells of a command that runs a script, before those that it calls.
func (c *Ctx) showScript() {
	if c.cared && c.e.monitors.n.Load() != 0 {
		c.e.monitors.tell(c)
	}
}

func (m *monitors) tell(c *Ctx) {
	c.tellPublished()
	now, from := c.e.host.Now(), c.s.conn.RemoteAddr()
	if c.called {
		from = "lua"
	}
	line := fmt.Appendf(nil, "+%d.%06d [%d %s]", now/1000, now%1000*1000, c.s.db, from)
	secret := map[int]bool{}
	if c.Cmd.Secrets != nil {
		for _, i := range c.Cmd.Secrets(c.e.Config.IsSecret, c.Args) {
			secret[i] = true
		}
	}
	for i, arg := range c.Args {
		line = append(line, ' ')
		if secret[i] {
			line = append(line, `"(redacted)"`...)
		} else {
			line = resp.AppendQuoted(line, arg)
		}
	}
	line = append(line, '\r', '\n')
	limit := c.e.Config.OutputHardNormal.Get()
	if limit == 0 {
		limit = monitorInbox
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for s := range m.of {
		if s.box().put(line, rest{}, limit) {
			s.conn.Wake()
		}
	}
}
