package engine

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"regent/engine/acl"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// The commands on a client's own connection. This file: PING, ECHO, SELECT,
// QUIT, RESET, AUTH and HELLO; client_*.go: CLIENT.

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
	c.tellPublished()
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

// Who a client is, and how it wants to be spoken to: AUTH and HELLO. What a user may do
// is in users.go.

// What HELLO answers. Clients decide by these which commands and replies they
// may count on, so they name the Redis that Regent behaves as.
const (
	helloServer  = "redis"
	RedisVersion = "7.0.15"
)

func authCommands() []Command {
	return []Command{
		{Do: doAuth, Sentinel: true, Command: spec.Command{
			Name: "auth", Arity: -2, Flags: beforeAuth, Since: "1.0.0", Complex: "O(N) in the length of the password",
			Summary: "Authenticates the connection.",
			Args:    spec.Args{spec.String("username").Added("6.0.0").Opt(), spec.String("password")},
			Secrets: allButName,
		}},
		{Do: doHello, Sentinel: true, Command: spec.Command{
			Name: "hello", Arity: -1, Flags: beforeAuth, Since: "6.0.0", Complex: "O(1)",
			Summary: "Chooses the protocol version and tells about the server.",
			Args: spec.Args{spec.Block("arguments",
				spec.Integer("protover"),
				spec.Block("username_password", spec.String("username"), spec.String("password")).With("AUTH").Opt(),
				spec.String("clientname").With("SETNAME").Opt(),
			).Opt()},
			Secrets: helloSecrets,
		}},
	}
}

func doAuth(c *Ctx) {
	user, pass := []byte(acl.Default), c.Args[len(c.Args)-1]
	switch {
	case len(c.Args) > 3:
		c.Err(resp.ErrSyntax)
		return
	case len(c.Args) == 3:
		user = c.Args[1]
	case c.e.open(c.s.face):
		c.Err(resp.ErrNoPassword)
		return
	}
	if c.authenticate(user, pass) {
		c.W.OK()
	}
}

// allButName are all arguments but the command's name.
func allButName(_ func(string) bool, args [][]byte) (at []int) {
	for i := 1; i < len(args); i++ {
		at = append(at, i)
	}
	return at
}

// helloSecrets are the two arguments of HELLO's AUTH.
func helloSecrets(_ func(string) bool, args [][]byte) []int {
	for i := 2; i+2 < len(args); i++ {
		if spec.EqualFold(args[i], "auth") {
			return []int{i + 1, i + 2}
		}
	}
	return nil
}

// authenticate lets the session in, or has it answered why not, which may take a while
// (below). A failure takes nothing away from a session that is in.
func (c *Ctx) authenticate(user, pass []byte) bool {
	if u := c.e.userWith(c.s.face, string(user), pass); u != nil {
		c.s.setUser(u)
		c.s.Authenticated, c.s.proved = true, !c.e.open(c.s.face)
		return true
	}
	context := acl.ContextTop
	if c.nested {
		context = acl.ContextMulti
	}
	c.noteDenial(acl.Auth, context, string(c.Args[0]), string(user))
	from := c.s.conn.RemoteAddr()
	if host, _, ok := SplitAddr(from); ok {
		from = host
	}
	pause := c.e.accounts.guesses.wrong(from, c.e.ticks(), c.e.Config.AuthPause.Millis())
	if pause == 0 || c.nested {
		c.Err(resp.ErrWrongPass)
		return false
	}
	c.park(parking{held: true, deadline: c.e.ticks() + pause.Milliseconds(), resume: func(c *Ctx, timedOut bool) bool {
		if timedOut {
			c.Err(resp.ErrWrongPass)
		}
		return timedOut
	}})
	return false
}

// helloOptions is what HELLO was given.
type helloOptions struct {
	proto            int64 // 0: as it was
	user, pass, name []byte
}

func doHello(c *Ctx) {
	o, ok := c.parseHello()
	if !ok || o.user != nil && !c.authenticate(o.user, o.pass) {
		return
	}
	if c.e.authRequired(c.s) {
		c.Err(resp.ErrHelloNoAuth)
		return
	}
	if o.name != nil {
		c.s.Shared.setAttributes(func(a *clientAttrs) { a.name = string(o.name) })
	}
	if o.proto != 0 {
		c.tellPublished() // in the version so far
		c.s.setProto(int(o.proto))
	}
	c.answerHello()
}

// parseHello reads HELLO's arguments; false: an error was written.
func (c *Ctx) parseHello() (o helloOptions, ok bool) {
	if len(c.Args) == 1 {
		return o, true
	}
	if o.proto, ok = decimal.Parse(c.Args[1]); !ok {
		c.Err(resp.ErrHelloVersion)
		return o, false
	}
	if o.proto < resp.RESP2 || o.proto > resp.RESP3 {
		c.Err(resp.ErrNoProto)
		return o, false
	}
	for rest := c.Args[2:]; len(rest) > 0; {
		switch {
		case spec.EqualFold(rest[0], "auth") && len(rest) >= 3:
			o.user, o.pass, rest = rest[1], rest[2], rest[3:]
		case spec.EqualFold(rest[0], "setname") && len(rest) >= 2:
			if !printable(rest[1]) {
				c.Err(resp.ErrClientName)
				return o, false
			}
			o.name, rest = rest[1], rest[2:]
		default:
			c.Err(fmt.Sprintf(resp.ErrHelloOption, Clip(rest[0], 128)))
			return o, false
		}
	}
	return o, true
}

// answerHello tells about the server.
func (c *Ctx) answerHello() {
	v := c.e.toldView().toward(c.s.TLS)
	role := "replica"
	if v.Leading {
		role = "master"
	}
	w := c.W
	sentinel := c.s.face == FaceSentinel
	if sentinel { // it has no role
		w.Map(6)
	} else {
		w.Map(7)
	}
	pair := func(name, value string) { w.BulkString(name); w.BulkString(value) }
	pair("server", helloServer)
	pair("version", RedisVersion)
	w.BulkString("proto")
	w.Int(int64(w.Proto()))
	w.BulkString("id")
	w.Int(c.s.ID)
	pair("mode", c.e.mode(c.s.face, v))
	if !sentinel {
		pair("role", role)
	}
	w.BulkString("modules")
	w.Array(0)
}

// Wrong passwords. An address that says one after the other waits longer and longer for
// the answer: what guesses is slow, and what made a mistake does not notice.

// Limits of the pauses.
const (
	freeGuesses  = 16                    // wrong passwords of an address that cost nothing
	firstGuess   = 10 * time.Millisecond // the first pause; each later one is twice as long
	guessForgets = time.Second           // in which one wrong password is forgotten
	maxGuessers  = 4096                  // addresses that are remembered; beyond, the oldest goes
)

// guesses are how many wrong passwords came from where.
type guesses struct {
	mu sync.Mutex
	of map[string]*guesser
}

type guesser struct {
	wrong int64
	last  int64 // ms of Host.Ticks
}

// wrong notes a wrong password from an address, and says how long its answer waits, at
// most limit.
func (g *guesses) wrong(from string, now int64, limit time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = map[string]*guesser{}
	}
	known := g.of[from]
	if known == nil {
		if len(g.of) >= maxGuessers {
			g.dropOldest()
		}
		known = &guesser{}
		g.of[from] = known
	}
	known.wrong = max(known.wrong-max(now-known.last, 0)/guessForgets.Milliseconds(), 0) + 1
	known.last = now
	if known.wrong <= freeGuesses {
		return 0
	}
	return min(firstGuess<<min(known.wrong-freeGuesses-1, 20), limit)
}

func (g *guesses) dropOldest() {
	oldest, at := "", int64(0)
	for from, known := range g.of {
		if oldest == "" || known.last < at {
			oldest, at = from, known.last
		}
	}
	delete(g.of, oldest)
}

// Cross-protocol scripting: a web page can have a browser send an HTTP request
// to a server on the visitor's own machine, and the lines of its body would be
// carried out as inline commands. Every such request has a first line that begins
// with POST, or a line that begins with Host:, before its body. Whatever
// connection says one of them as a command is closed at once, without a reply, and
// nothing that stands behind is carried out (Redis: server.c, processCommand and
// securityWarningCommand). GET / of a browser is an error, and is followed by Host:.

// attackQuiet is for how many milliseconds after a warning about cross-protocol
// scripting there is no other: an attacker must not fill the disk with them.
const attackQuiet = 60_000

// speaksHTTP reports whether a command that does not exist is a line of an HTTP
// request. Redis compares C strings: what follows a NUL does not count.
func speaksHTTP(name []byte) bool {
	const longest = len("host:") + 1 // with the NUL
	word := Clip(name, longest)
	return spec.EqualFold(word, "post") || spec.EqualFold(word, "host:")
}

// abort closes the connection of s, which speaks HTTP. What the batch has written
// before stays done; its replies are dropped.
func (e *Engine) abort(s *Session) {
	now, last := e.host.Now(), e.attackAt.Load()
	age := now - last
	if (last == 0 || age > attackQuiet || age < -attackQuiet) && e.attackAt.CompareAndSwap(last, now) {
		e.host.Logf(LevelWarning, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. "+
			"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection from %s aborted.", s.conn.RemoteAddr())
	}
	s.conn.Kill()
}
