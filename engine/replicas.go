package engine

import (
	"fmt"
	"strconv"
	"strings"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

// Replicas that are no nodes: redis-server with REPLICAOF, tools that follow changes,
// redis-cli --rdb. Here is what a client says before it becomes one; node/replicas
// serves it then, over the connection that PSYNC or SYNC hands over.

// A Replica is one that is no node, as INFO shows it.
type Replica struct {
	Host   string
	Port   int    // that it listens on, 0: it did not say
	State  string // "online", or "send_bulk" while it gets the data
	Offset int64  // that it has acknowledged
	Lag    int64  // seconds since
}

// A SyncAsk is what a client asks for with PSYNC or SYNC, and has said before.
type SyncAsk struct {
	Partial bool   // PSYNC: it is told where the stream begins
	ID      string // of the history that it has a part of, "?": none
	Offset  int64  // of the first byte it lacks
	Host    string // as it calls itself, "": its socket's
	Port    int    // that it listens on
	EOF     bool   // the data's end may be marked, its length need not be known
	Renames bool   // a history may go on under another ID
	Data    bool   // it wants the data and no stream
	Library bool   // and of the data, the libraries of functions alone
}

// syncWord begins what is handed over with the connection.
const syncWord = "sync"

// words are the ask for the one that takes the connection.
func (a *SyncAsk) words() [][]byte {
	flags := ""
	for _, f := range a.flags() {
		if *f.on {
			flags += string(f.letter)
		}
	}
	out := [][]byte{[]byte(syncWord)}
	for _, w := range []string{a.ID, strconv.FormatInt(a.Offset, 10), a.Host, strconv.Itoa(a.Port), flags} {
		out = append(out, []byte(w))
	}
	return out
}

type askFlag struct {
	letter byte
	on     *bool
}

func (a *SyncAsk) flags() []askFlag {
	return []askFlag{{'p', &a.Partial}, {'e', &a.EOF}, {'r', &a.Renames}, {'d', &a.Data}, {'l', &a.Library}}
}

// ReadSync reads what was handed over with a connection; false: it is something else.
func ReadSync(words [][]byte) (a SyncAsk, ok bool) {
	if len(words) != 6 || string(words[0]) != syncWord {
		return a, false
	}
	offset, known := decimal.Parse(words[2])
	port, _ := decimal.Parse(words[4])
	a.ID, a.Offset, a.Host, a.Port = string(words[1]), offset, string(words[3]), int(port)
	for _, f := range a.flags() {
		*f.on = strings.IndexByte(string(words[5]), f.letter) >= 0
	}
	return a, known
}

func replicaCommands() []Command {
	const flags = spec.Admin | spec.NoScript | spec.NoAsyncLoading
	return []Command{
		{Do: doSync, atLeader: true, Command: spec.Command{
			Name: "sync", Arity: 1, Flags: flags | spec.NoMulti, Since: "1.0.0",
			Summary: "Makes the connection a replica's: the data, then each change.",
		}},
		{Do: doPsync, atLeader: true, Command: spec.Command{
			Name: "psync", Arity: -3, Flags: flags | spec.NoMulti, Since: "2.8.0",
			Summary: "Makes the connection a replica's, which may have a part of the history.",
			Args:    spec.Args{spec.String("replicationid"), spec.Integer("offset")},
		}},
		{Do: doReplconf, atLeader: true, Command: spec.Command{
			Name: "replconf", Arity: -1, Flags: spec.Admin | spec.NoScript | spec.Loading | spec.Stale | spec.AllowBusy, Since: "3.0.0", Complex: "O(1)",
			Summary: "Tells what a replica is and can do, before PSYNC.", Internal: true,
		}},
	}
}

func doSync(c *Ctx) {
	a := c.s.ask()
	a.Partial, a.ID = false, "?"
	c.handOverSync(a)
}

func doPsync(c *Ctx) {
	offset, ok := decimal.Parse(c.Args[2])
	if !ok {
		c.Err(resp.ErrNotInteger)
		return
	}
	a := c.s.ask()
	a.Partial, a.ID, a.Offset = true, string(Clip(c.Args[1], replIDLen)), offset
	c.handOverSync(a)
}

// handOverSync gives the connection away, at a node that leads.
func (c *Ctx) handOverSync(a *SyncAsk) {
	if !c.View().Leading {
		c.Err(resp.ErrNoMasterLink)
		return
	}
	if a.Host == "" {
		a.Host, _, _ = SplitAddr(c.s.conn.RemoteAddr())
	}
	c.s.Hijack = a.words()
}

// ask is what the session has said with REPLCONF.
func (s *Session) ask() *SyncAsk {
	r := s.rarely()
	if r.syncs == nil {
		r.syncs = &SyncAsk{}
	}
	return r.syncs
}

// maxReplicaHost bounds what a replica calls itself, in bytes (Redis: NET_HOST_STR_LEN).
const maxReplicaHost = 256

// notOfHost reports whether a character stands in no name and no address.
func notOfHost(r rune) bool {
	return r != '.' && r != ':' && r != '-' && r != '_' && r != '%' && !('0' <= r && r <= '9') && !('a' <= r && r <= 'z') && !('A' <= r && r <= 'Z')
}

// doReplconf is redis-server's replconfCommand (replication.c), for clients that are no
// replicas yet.
func doReplconf(c *Ctx) {
	if len(c.Args)%2 == 0 {
		c.Err(resp.ErrSyntax)
		return
	}
	a := c.s.ask()
	for i := 1; i < len(c.Args); i += 2 {
		done, silent := c.replconf(a, c.Args[i], c.Args[i+1])
		if !done || silent {
			return
		}
	}
	c.W.OK()
}

// replconf takes one option; done: without an error, silent: without a reply.
func (c *Ctx) replconf(a *SyncAsk, name, value []byte) (done, silent bool) {
	switch strings.ToLower(string(Clip(name, 32))) {
	case "listening-port":
		n, ok := decimal.Parse(value)
		if !ok {
			c.Err(resp.ErrNotInteger)
			return false, false
		}
		a.Port = int(n)
	case "ip-address":
		if len(value) >= maxReplicaHost {
			c.Err(fmt.Sprintf(resp.ErrReplconfAddr, len(value)))
			return false, false
		}
		if a.Host = string(value); strings.ContainsFunc(a.Host, notOfHost) {
			a.Host = "" // it would stand in INFO
		}
	case "capa":
		a.EOF = a.EOF || spec.EqualFold(value, "eof")
		a.Renames = a.Renames || spec.EqualFold(value, "psync2")
	case "ack", "getack": // from one that is no replica
		return true, true
	case "rdb-only":
		n, ok := decimal.Parse(value)
		switch {
		case !ok:
			c.Err(resp.ErrNotInteger)
			return false, false
		case n < 0 || n > 1:
			c.Err(resp.ErrReplconfRange)
			return false, false
		}
		a.Data = n == 1
	case "rdb-filter-only":
		a.Library = false
		for _, what := range strings.Fields(string(value)) {
			if !strings.EqualFold(what, "functions") {
				c.Err(fmt.Sprintf(resp.ErrReplconfFilter, what))
				return false, false
			}
			a.Library = true
		}
	default:
		c.Err(fmt.Sprintf(resp.ErrReplconf, Clip(name, 128)))
		return false, false
	}
	return true, false
}

// outsideReplicas are those that are served now.
func (e *Engine) outsideReplicas() []Replica {
	if e.replicas == nil {
		return nil
	}
	return e.replicas()
}

// Beat puts a PING into the log, at a leader whose lease holds: redis-server's replicas
// give a master up that says nothing for repl-timeout, and what it says counts as a part
// of the stream.
func (e *Engine) Beat() {
	s := &e.shards[0]
	if e.log() == nil || !e.lockShard(s) {
		return
	}
	defer s.mu.Unlock()
	log := e.log()
	if log == nil || !e.mayEvict() { // which is asked of all that a leader writes by itself
		return
	}
	eff := Effects{Buf: resp.AppendCommand(nil, "PING")}
	eff.Recs = []Effect{{0, len(eff.Buf)}}
	log.Append(&eff)
}
