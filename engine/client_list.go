package engine

import (
	"fmt"
	"unsafe"

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
	dst = fmt.Appendf(dst, "id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=%d sub=%d psub=%d ssub=%d multi=%d",
		s.ID, conn.RemoteAddr(), conn.LocalAddr(), conn.FD(), attrs.name,
		max(c.Now-s.created, 0)/1000, max(c.Now-sh.LastActive.Load(), 0)/1000, sh.flagLetters(), sh.db.Load(),
		sh.subs[pubsub.Channel].Load(), sh.subs[pubsub.Pattern].Load(), sh.subs[pubsub.Shard].Load(), sh.queued.Load()-1)
	dst = fmt.Appendf(dst, " qbuf=%d qbuf-free=%d argv-mem=%d multi-mem=%d rbs=%d rbp=%d obl=%d oll=%d omem=%d tot-mem=%d",
		b.Input, b.InputFree, argv, sh.queuedBytes.Load(), first, first, first, (rest+firstOutput-1)/firstOutput, rest, b.Input+b.InputFree+b.Output+argv+int(sh.queuedBytes.Load())+int(unsafe.Sizeof(*s)))
	return fmt.Appendf(dst, " events=%s cmd=%s user=%s redir=%d resp=%d lib-name=%s lib-ver=%s",
		events, cmd, defaultUser, s.redirection(), sh.proto.Load(), attrs.libName, attrs.libVer)
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
