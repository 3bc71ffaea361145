package engine

import (
	"fmt"
	"math"
	"strings"

	"regent/engine/acl"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// What reaches into other sessions: KILL, PAUSE, UNPAUSE, UNBLOCK.

// A killFilter is the conditions that a connection must meet to be ended; the
// zero value of each asks for nothing.
type killFilter struct {
	id                int64
	user              *acl.User
	addr, laddr, kind string
	skipMe            bool
}

func doClientKill(c *Ctx) {
	if len(c.Args) == 3 {
		if n := c.kill(killFilter{addr: string(c.Args[2])}); n == 0 {
			c.Err(resp.ErrNoSuchClient)
			return
		}
		c.W.OK()
		return
	}
	if f, ok := c.parseKillFilter(c.Args[2:]); ok {
		c.W.Int(c.kill(f))
	}
}

// parseKillFilter reads KILL's newer form; false: an error was written.
func (c *Ctx) parseKillFilter(args [][]byte) (f killFilter, ok bool) {
	f.skipMe = true
	for ; len(args) > 1; args = args[2:] {
		if !f.take(c, args[0], args[1]) {
			return f, false
		}
	}
	if len(args) == 1 {
		c.Err(resp.ErrSyntax)
		return f, false
	}
	return f, true
}

// take reads one condition; false: an error was written.
func (f *killFilter) take(c *Ctx, word, value []byte) (ok bool) {
	switch {
	case spec.EqualFold(word, "id"):
		if f.id, ok = decimal.Parse(value); !ok || f.id < 1 {
			c.Err(resp.ErrClientIDRange)
			return false
		}
	case spec.EqualFold(word, "type"):
		f.kind, ok = c.clientKind(value)
		return ok
	case spec.EqualFold(word, "addr"):
		f.addr = string(value)
	case spec.EqualFold(word, "laddr"):
		f.laddr = string(value)
	case spec.EqualFold(word, "user"):
		if f.user = c.e.accounts.users.Named(string(value)); f.user == nil {
			c.Err(fmt.Sprintf(resp.ErrNoSuchUser, Clip(value, 128)))
			return false
		}
	case spec.EqualFold(word, "skipme") && (spec.EqualFold(value, "yes") || spec.EqualFold(value, "no")):
		f.skipMe = spec.EqualFold(value, "yes")
	default:
		c.Err(resp.ErrSyntax)
		return false
	}
	return true
}

func (f *killFilter) matches(s *Session) bool {
	return (f.id == 0 || f.id == s.ID) && (f.user == nil || f.user == s.Shared.user.Load()) && (f.kind == "" || f.kind == s.kind()) &&
		(f.addr == "" || f.addr == s.conn.RemoteAddr()) && (f.laddr == "" || f.laddr == s.conn.LocalAddr())
}

// kill ends the connections that match and returns how many; the own one
// after its reply.
func (c *Ctx) kill(f killFilter) (n int64) {
	for _, s := range c.e.clients() {
		if s == c.s && f.skipMe || !f.matches(s) {
			continue
		}
		n++
		if s == c.s {
			s.closeAfterReply()
		} else {
			s.conn.Kill()
		}
	}
	return n
}

func doClientPause(c *Ctx) {
	mode := uint32(pauseAll)
	switch {
	case len(c.Args) > 4:
		c.errSubSyntax()
		return
	case len(c.Args) == 4 && spec.EqualFold(c.Args[3], "write"):
		mode = pauseWrites
	case len(c.Args) == 4 && !spec.EqualFold(c.Args[3], "all"):
		c.Err(resp.ErrPauseMode)
		return
	}
	ms, ok := decimal.Parse(c.Args[2])
	switch {
	case !ok:
		c.Err(resp.ErrTimeoutInt)
		return
	case ms < 0:
		c.Err(resp.ErrTimeoutNeg)
		return
	case ms > math.MaxInt64-c.Now:
		ms = math.MaxInt64 - c.Now
	}
	c.e.pauseUntil(pauseByClient, mode, c.Now+ms)
	c.W.OK()
}

func doClientUnpause(c *Ctx) {
	c.e.endPause(pauseByClient)
	c.W.OK()
}

func doClientUnblock(c *Ctx) {
	how := uint32(askTimeout)
	switch {
	case len(c.Args) > 4:
		c.errSubSyntax()
		return
	case len(c.Args) == 4 && spec.EqualFold(c.Args[3], "error"):
		how = askError
	case len(c.Args) == 4 && !spec.EqualFold(c.Args[3], "timeout"):
		c.Err(resp.ErrUnblockReason)
		return
	}
	id, ok := c.IntArg(c.Args[2])
	if !ok {
		return
	}
	if s := c.e.client(id); s != nil && s.unblock(how) {
		c.W.Int(1)
		return
	}
	c.W.Int(0)
}

// errSubSyntax is what a subcommand answers to more arguments than it takes
// and its arity does not tell.
func (c *Ctx) errSubSyntax() {
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), strings.ToUpper(c.Cmd.Parent().Name)))
}
