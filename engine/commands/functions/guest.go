package functions

import (
	"time"

	"regent/engine"
	"regent/resp"
)

// A guest is what the code of a library has of the server while it is loaded: the log, and
// so much time.
type guest struct {
	c     *engine.Ctx // nil: nobody's command
	limit time.Duration
	until int64 // ticks, 0: not known yet
}

func (g *guest) Call([][]byte) ([]byte, string)    { return nil, resp.ErrCallUnknown }
func (g *guest) SetProto(int)                      {}
func (g *guest) SetRepl(int)                       {}
func (g *guest) MayRun([][]byte) (allowed, _ bool) { return false, false }

// Log writes a line to the server's log.
func (g *guest) Log(level int, text string) {
	if g.c != nil {
		g.c.Logf(engine.Level(level), "%s", text)
	}
}

// Interrupt ends a load that takes too long.
func (g *guest) Interrupt() string {
	if g.limit == 0 {
		return ""
	}
	now := g.c.Ticks()
	if g.until == 0 {
		g.until = now + int64(g.limit)
	}
	if now > g.until {
		return resp.ErrLoadTime
	}
	return ""
}
