package engine

import (
	"fmt"
	"slices"

	"regent/resp"
)

// The commands on a client's own connection. This file: PING, ECHO, SELECT,
// QUIT and RESET; connection_auth.go: AUTH and HELLO; client_*.go: CLIENT.

func connectionCommands() []Command {
	return slices.Concat(basicCommands(), authCommands(), clientCommands())
}

func basicCommands() []Command {
	return []Command{
		{
			Name: "ping", Arity: -1, Flags: Fast, Cats: CatConnection, Group: GroupConnection, Since: "1.0.0", Complex: "O(1)",
			Summary: "Answers PONG, or with the message given.",
			Tips:    []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    []Arg{arg("message", "string").optional()},
			Do:      doPing,
		},
		{
			Name: "echo", Arity: 2, Flags: Loading | Stale | Fast, Cats: CatConnection, Group: GroupConnection, Since: "1.0.0", Complex: "O(1)",
			Summary: "Answers with the message given.",
			Args:    []Arg{arg("message", "string")},
			Do:      func(c *Ctx) { c.W.Bulk(c.Args[1]) },
		},
		{
			Name: "select", Arity: 2, Flags: Loading | Stale | Fast, Cats: CatConnection, Group: GroupConnection, Since: "1.0.0", Complex: "O(1)",
			Summary: "Makes another database the connection's.",
			Args:    []Arg{arg("index", "integer")},
			Do:      doSelect,
		},
		{
			Name: "quit", Arity: -1, Flags: beforeAuth, Cats: CatConnection, Group: GroupConnection, Since: "1.0.0", Complex: "O(1)",
			Summary: "Ends the connection.",
			Do:      doQuit,
		},
		{
			Name: "reset", Arity: 1, Flags: beforeAuth, Cats: CatConnection, Group: GroupConnection, Since: "6.2.0", Complex: "O(1)",
			Summary: "Puts the connection back into the state of a new one.",
			Do:      doReset,
		},
	}
}

// beforeAuth are the flags of what a client may say at any time.
const beforeAuth = NoScript | Loading | Stale | Fast | NoAuth | AllowBusy

// doPing is what health checks send: as Redis does, a leader that cannot write
// says so.
func doPing(c *Ctx) {
	if len(c.Args) > 2 {
		c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.full))
		return
	}
	if msg := c.E.diskTrouble(); msg != "" && !c.follower {
		c.Err(msg)
		return
	}
	if len(c.Args) == 2 {
		c.W.Bulk(c.Args[1])
		return
	}
	c.W.Status("PONG")
}

func doSelect(c *Ctx) {
	if db, ok := c.dbArg(c.Args[1]); ok {
		c.S.selectDB(db)
		c.W.OK()
	}
}

func doQuit(c *Ctx) {
	c.W.OK()
	c.S.closeAfterReply()
}

func doReset(c *Ctx) {
	s := c.S
	s.selectDB(0)
	s.setProto(resp.RESP2)
	s.Authenticated = c.E.Config.RequirePass.Get() == ""
	s.Shared.setAttributes(func(a *clientAttrs) { a.name = "" })
	s.setReadonly(false)
	s.setNoTouch(false)
	s.Shared.setFlag(ClientNoEvict, false)
	s.ReplyMode = ReplyOn
	c.W.Status("RESET")
}
