package engine

import (
	"fmt"
	"math"
	"strconv"
	"unsafe"

	"regent/engine/acl"
	"regent/engine/decimal"
	"regent/engine/pubsub"
	"regent/engine/spec"
	"regent/resp"
)

// CLIENT LIST and CLIENT INFO: a line for each connection, fields as Redis
// 7.0 has them, with 7.2's lib-name and lib-ver at the end. Where the two
// servers are built differently a field says what comes nearest to it here:
//
//	qbuf          input received and not yet carried out, that of the command itself included
//	rbs obl       replies not yet sent, up to the size of Redis's static buffer
//	oll omem      those beyond, in pieces of that size and in bytes
//	argv-mem      the arguments of the command, also of one that waits
//	tot-mem       the session itself with all of that

func doClientInfo(c *Ctx) {
	c.W.Verbatim("txt", string(append(c.clientLine(nil, c.s), '\n')))
}

func doClientList(c *Ctx) {
	list, ok := c.listed()
	if !ok {
		return
	}
	var text []byte
	for _, s := range list {
		text = append(c.clientLine(text, s), '\n')
	}
	c.W.Verbatim("txt", string(text))
}

// listed are the sessions that LIST's arguments name; false: an error was
// written.
func (c *Ctx) listed() (list []*Session, ok bool) {
	args := c.Args[2:]
	switch {
	case len(args) == 0:
		return c.e.clients(), true
	case len(args) == 2 && spec.EqualFold(args[0], "type"):
		kind, ok := c.clientKind(args[1])
		if !ok {
			return nil, false
		}
		for _, s := range c.e.clients() {
			if s.kind() == kind {
				list = append(list, s)
			}
		}
		return list, true
	case len(args) >= 2 && spec.EqualFold(args[0], "id"):
		return c.listedByID(args[1:])
	}
	c.Err(resp.ErrSyntax)
	return nil, false
}

func (c *Ctx) listedByID(ids [][]byte) (list []*Session, ok bool) {
	for _, word := range ids {
		id, ok := decimal.Parse(word)
		if !ok {
			c.Err(resp.ErrClientID)
			return nil, false
		}
		if s := c.e.client(id); s != nil {
			list = append(list, s)
		}
	}
	return list, true
}

// clientKinds are the types of clients that LIST and KILL know. Other nodes
// come over a channel of their own and are not clients here.
func clientKinds() map[string]string {
	return map[string]string{
		"normal": "normal", "master": "master", "slave": "replica", "replica": "replica", "pubsub": "pubsub",
	}
}

// clientKind reads a type; false: an error was written.
func (c *Ctx) clientKind(word []byte) (string, bool) {
	kind, ok := clientKinds()[spec.Lower(string(word))]
	if !ok {
		c.Err(fmt.Sprintf(resp.ErrClientType, Clip(word, 128)))
	}
	return kind, ok
}

// kind is the session's type.
func (s *Session) kind() string {
	if s.Listens() {
		return "pubsub"
	}
	return "normal"
}

// ClientLine describes a client as CLIENT LIST does, for the log.
func (e *Engine) ClientLine(s *Session) string {
	c := Ctx{e: e, s: &Session{}, Now: e.host.Now()}
	return string(c.clientLine(nil, s))
}

// clientLine appends the line of s, without its end.
func (c *Ctx) clientLine(dst []byte, s *Session) []byte {
	sh, conn := &s.Shared, s.conn
	b := conn.Buffers()
	argv := int(sh.argBytes.Load())
	if s == c.s {
		argv = sumLengths(c.Args)
	}
	events, cmd, attrs := "r", "NULL", sh.attributes()
	first := min(b.Output, firstOutput)
	rest := b.Output - first
	if b.Output > 0 {
		events = "rw"
	}
	if last := sh.lastCmd.Load(); last != nil {
		cmd = last.FullName()
	}
	l := line(dst)
	l = l.num("id=", s.ID).str(" addr=", conn.RemoteAddr()).str(" laddr=", conn.LocalAddr()).num(" fd=", int64(conn.FD())).str(" name=", attrs.name)
	l = l.num(" age=", max(c.Now-s.created, 0)/1000).num(" idle=", max(c.Now-sh.LastActive.Load(), 0)/1000).str(" flags=", sh.flagLetters()).num(" db=", int64(sh.db.Load()))
	l = l.num(" sub=", int64(sh.subs[pubsub.Channel].Load())).num(" psub=", int64(sh.subs[pubsub.Pattern].Load())).num(" ssub=", int64(sh.subs[pubsub.Shard].Load())).num(" multi=", sh.queued.Load()-1)
	l = l.num(" qbuf=", int64(b.Input)).num(" qbuf-free=", int64(b.InputFree)).num(" argv-mem=", int64(argv)).num(" multi-mem=", sh.queuedBytes.Load())
	l = l.num(" rbs=", int64(first)).num(" rbp=", int64(first)).num(" obl=", int64(first)).num(" oll=", int64((rest+firstOutput-1)/firstOutput)).num(" omem=", int64(rest))
	l = l.num(" tot-mem=", s.memory(b, argv))
	l = l.str(" events=", events).str(" cmd=", cmd).str(" user=", sh.userName()).num(" redir=", s.redirection()).num(" resp=", int64(sh.proto.Load()))
	return l.str(" lib-name=", attrs.libName).str(" lib-ver=", attrs.libVer)
}

// What a client holds beside its buffers, in bytes of redis-server's own structures.
const (
	listenedBytes = 72 // of a channel or a pattern that it listens to
	prefixBytes   = 64 // of a prefix that it tracks, and its name
	watchedBytes  = 80 // of a key that it watches
)

// memory is what the session holds, in bytes, with buffers and arguments of that size.
func (s *Session) memory(b Buffers, argv int) int64 {
	sh := &s.Shared
	n := int64(b.Input+b.InputFree+b.Output+argv) + sh.queuedBytes.Load() + int64(unsafe.Sizeof(*s))
	for kind := range sh.subs {
		n += listenedBytes * int64(sh.subs[kind].Load())
	}
	if t := sh.tracker.Load(); t != nil {
		for _, p := range t.prefixes {
			n += prefixBytes + int64(len(p))
		}
	}
	return n
}

// Evictable is what the session counts for maxmemory-clients, in bytes; CLIENT NO-EVICT takes
// it out of that, 0. Any goroutine may ask.
func (s *Session) Evictable(b Buffers) int64 {
	if s.Shared.has(clientNoEvict) || s.Shared.has(clientEnded) {
		return 0
	}
	return s.memory(b, int(s.Shared.argBytes.Load()))
}

// Evict has the session shown no more: its connection is being closed.
func (s *Session) Evict() { s.Shared.setFlag(clientEnded, true) }

// A line is text that fields are appended to, by the thousand where there are many
// clients.
type line []byte

func (l line) str(name, value string) line { return append(append(l, name...), value...) }

func (l line) num(name string, value int64) line {
	return strconv.AppendInt(append(l, name...), value, 10)
}

// userName is what the session's user is called; one that is deleted is so until the end
// of its connection.
func (sh *SharedState) userName() string {
	if u := sh.user.Load(); u != nil {
		return u.Name()
	}
	return "(superuser)"
}

// firstOutput is the size of Redis's static output buffer and of the pieces of the list
// behind it, in bytes: what tools watch is that list.
const firstOutput = 16 << 10

func sumLengths(args [][]byte) (n int) {
	for _, a := range args {
		n += len(a)
	}
	return n
}

// flagLetters is the flags= field, N for none.
func (sh *SharedState) flagLetters() string {
	var letters []byte
	for _, f := range [...]struct {
		flag   clientFlags
		letter byte
	}{
		{clientMonitor, 'O'}, {clientPubSub, 'P'}, {clientBlocked, 'b'}, {clientClosing, 'c'}, {clientReadonly, 'r'}, {clientNoEvict, 'e'}, {clientNoTouch, 'T'},
	} {
		if sh.has(f.flag) {
			letters = append(letters, f.letter)
		}
	}
	if sh.queued.Load() > 0 {
		letters = append(letters, 'x')
	}
	if t := sh.tracker.Load(); t != nil {
		letters = append(letters, 't')
		if t.broken {
			letters = append(letters, 'R')
		}
		if t.bcast {
			letters = append(letters, 'B')
		}
	}
	if len(letters) == 0 {
		return "N"
	}
	return string(letters)
}

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
// after its reply. The others end on their own turns, but nobody finds them any more:
// what this client says next may come before that.
func (c *Ctx) kill(f killFilter) (n int64) {
	c.tellPublished()
	listened := false
	for _, s := range c.e.clients() {
		if s == c.s && f.skipMe || !f.matches(s) {
			continue
		}
		n++
		if s == c.s {
			s.closeAfterReply()
			continue
		}
		listened = listened || s.Listens()
		s.Shared.setFlag(clientEnded, true)
		s.conn.Kill()
	}
	if listened {
		c.e.dropListeners()
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
	}
	now := c.e.ticks()
	c.e.pauseUntil(pauseByClient, mode, now+min(ms, math.MaxInt64-now))
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
	c.Err(fmt.Sprintf(resp.ErrSubSyntax, Clip(c.Args[1], 128), c.Spoken()))
}
