package engine

import (
	"fmt"
	"slices"

	"regent/engine/spec"
	"regent/resp"
)

// The commands on a client's own connection. This file: PING, ECHO, SELECT,
// QUIT and RESET; connection_auth.go: AUTH and HELLO; client_*.go: CLIENT.

func connectionCommands() []Command {
	return slices.Concat(basicCommands(), authCommands(), clientCommands())
}

func basicCommands() []Command {
	return []Command{
		{Do: doPing, Sentinel: true, whileListening: true, Command: spec.Command{
			Name: "ping", Arity: -1, Flags: spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Answers PONG, or with the message given.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    spec.Args{spec.String("message").Opt()},
		}},
		{Do: func(c *Ctx) { c.W.Bulk(c.Args[1]) }, Command: spec.Command{
			Name: "echo", Arity: 2, Flags: spec.Loading | spec.Stale | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Answers with the message given.",
			Args:    spec.Args{spec.String("message")},
		}},
		{Do: doSelect, Command: spec.Command{
			Name: "select", Arity: 2, Flags: spec.Loading | spec.Stale | spec.Fast, Since: "1.0.0", Complex: "O(1)",
			Summary: "Makes another database the connection's.",
			Args:    spec.Args{spec.Integer("index")},
		}},
		{Do: doQuit, Sentinel: true, atOnce: true, whileListening: true, Command: spec.Command{
			Name: "quit", Arity: -1, Flags: beforeAuth, Since: "1.0.0", Complex: "O(1)",
			Summary: "Ends the connection.",
		}},
		{Do: doReset, Sentinel: true, atOnce: true, whileListening: true, Command: spec.Command{
			Name: "reset", Arity: 1, Flags: beforeAuth, Since: "6.2.0", Complex: "O(1)",
			Summary: "Puts the connection back into the state of a new one.",
		}},
	}
}

// beforeAuth are the flags of what a client may say at any time.
const beforeAuth = spec.NoScript | spec.Loading | spec.Stale | spec.Fast | spec.NoAuth | spec.AllowBusy

// doPing is what health checks send: as Redis does, a leader that cannot write
// says so.
func doPing(c *Ctx) {
	if len(c.Args) > 2 {
		c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.FullName()))
		return
	}
	if msg := c.e.diskTrouble(); msg != "" && !c.follower && c.s.face != FaceSentinel {
		c.Err(msg)
		return
	}
	if c.s.Listens() && c.W.Proto() == resp.RESP2 { // as one more message
		c.W.Array(2)
		c.W.BulkString("pong")
		c.W.Bulk(slices.Concat(c.Args[1:]...))
		return
	}
	if len(c.Args) == 2 {
		c.W.Bulk(c.Args[1])
		return
	}
	c.W.Status("PONG")
}

func doSelect(c *Ctx) {
	if db, ok := c.DBArg(c.Args[1]); ok {
		c.s.selectDB(db)
		c.W.OK()
	}
}

func doQuit(c *Ctx) {
	c.W.OK()
	c.s.closeAfterReply()
}

func doReset(c *Ctx) {
	s := c.s
	if s.tx != nil {
		s.tx.over = true
	}
	c.e.endSubscriptions(s)
	c.e.endMonitor(s)
	c.e.setTracker(s, nil)
	s.selectDB(0)
	s.setProto(resp.RESP2)
	c.e.beDefault(s)
	s.Shared.setAttributes(func(a *clientAttrs) { a.name = "" })
	s.setReadonly(false)
	s.setNoTouch(false)
	s.redirects = false
	s.Shared.setFlag(clientNoEvict, false)
	s.ReplyMode = ReplyOn
	c.W.Status("RESET")
}
