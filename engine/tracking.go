package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/engine/tracking"
	"regent/resp"
)

// Client-side caching (CLIENT TRACKING): a client that tracks is told when a key that it
// has read, or that has a prefix of its, changes. Who may hold what is package
// tracking's; here are the commands, and when somebody is told.
//
//	GET k       in the lock: k is remembered for the session   (reads alone; OPTIN, OPTOUT)
//	SET k v     in the lock: changed ─► k is noted
//	            record ─► clients that have read k, or have a prefix of it: their inboxes
//	                      the invalidation rests on the log like an event (notify.go)
//
// Nothing is missed: a key is remembered under the lock under which it is read, and told
// under the one under which it changes. An invalidation leaves when the write is
// committed. One whose write is lost with its leadership is dropped, and everything is
// told to have changed when the keyspace is rebuilt; so it is when a database is emptied. Nobody
// learns names by a prefix of keys that it may not read, which redis-server tells of before 8.10.
// What a follower applies is told to clients that track there.

// A tracker is how a session tracks. It is never changed: another takes its place.
type tracker struct {
	bcast, optin, optout, noloop bool
	redirect                     int64 // 0: to the session itself
	broken                       bool  // the session to be told is gone
	prefixes                     []string
}

// trackingChannel is where a client that is told by redirection listens with RESP2.
const trackingChannel = "__redis__:invalidate"

// tracksReads reports whether what c's session reads now is to be remembered.
func (c *Ctx) tracksReads() *tracker {
	t := c.s.Shared.tracker.Load()
	switch {
	case t == nil, t.bcast, c.Cmd.Flags&spec.ReadOnly == 0, c.Cmd.Scripts != noScripts:
		return nil
	case t.optin && c.s.caching != cachingYes, t.optout && c.s.caching == cachingNo:
		return nil
	}
	return t
}

// What CLIENT CACHING has said of the next command.
const (
	cachingUnsaid = iota
	cachingYes
	cachingNo
)

// remember notes the keys that a command reads, inside its locks. As in Redis, for a command that
// reads in a script these are the keys with which the script was called: by and args say so.
func (c *Ctx) remember(by *Command, args [][]byte) {
	if c.tracksReads() == nil {
		return
	}
	at, _ := by.KeyIndices(args)
	for _, i := range at {
		if gone := c.e.tracked.Remember(args[i], c.s.ID, c.e.Config.TrackingTableMaxKeys.Get()); gone != nil {
			c.e.invalidate([]staleKey{{key: gone}}, nil, rest{})
		}
	}
}

// maxForgotten is how many keys one turn takes out of the table where it may hold fewer than it does.
const maxForgotten = 1000

// limitTracked takes out what is too much since tracking-table-max-keys is lower.
func (e *Engine) limitTracked() {
	if e.trackers.Load() == 0 {
		return
	}
	for range maxForgotten {
		gone := e.tracked.Excess(e.Config.TrackingTableMaxKeys.Get())
		if gone == nil {
			return
		}
		e.invalidate([]staleKey{{key: gone}}, nil, rest{})
	}
}

// Tracks reports whether s tracks; any goroutine may ask.
func (s *Session) Tracks() bool { return s.Shared.tracker.Load() != nil }

// Foretell is called before each command of a session that tracks: what has to go for maxmemory goes
// now, and is told before the command's reply, as in Redis, where every command makes room. Only such
// a client can tell; reads of the others leave that to the next write and to the background.
func (e *Engine) Foretell() {
	if e.Config.MaxMemory.Get() != 0 && !e.load.on.Load() && e.cluster.View().Leading {
		e.evictAsAsked()
	}
}

// forgetCaching ends what CLIENT CACHING said: it holds for one command, or one
// transaction.
func (s *Session) forgetCaching(cmd *Command) {
	if s.caching != cachingUnsaid && !s.inMulti() && (cmd == nil || cmd.parent == nil || cmd.parent.Name != "client") {
		s.caching = cachingUnsaid
	}
}

// A staleKey is one that has changed. expired: since its time was over, which nobody has done.
// readers are the clients that had read it by then, if taken is set; else the table is asked when the
// change is told.
type staleKey struct {
	key     []byte
	expired bool
	taken   bool
	readers []int64
	by      *waiter // whose command has changed it, nil: the one that is carried out
}

// goneStale is a key that changes now: a client that reads it later in the same transaction reads
// what has changed, and is told nothing.
func (e *Engine) goneStale(key []byte) staleKey {
	stale := staleKey{key: append([]byte(nil), key...), taken: true}
	e.tracked.Take(key, func(id int64) { stale.readers = append(stale.readers, id) })
	return stale
}

// invalidate tells the clients that may hold keys that these have changed, by commands of writer,
// nil: by none. As in Redis, a client that has read them is told of one at a time, and one that
// wants all of a prefix of all that changed at once; the last change of a key says whose it is.
func (e *Engine) invalidate(list []staleKey, writer *Session, on rest) {
	tell := func(id int64, bcast bool, keys [][]byte, last func(key []byte) *staleKey) {
		s := e.client(id)
		if s == nil {
			return
		}
		t := s.Shared.tracker.Load()
		if t == nil || t.bcast != bcast {
			return
		}
		if t.noloop {
			own := func(key []byte) bool { stale := last(key); return !stale.expired && stale.isBy(s, writer) }
			if keys = slices.DeleteFunc(slices.Clone(keys), own); len(keys) == 0 {
				return
			}
		}
		if u := s.Shared.user.Load(); bcast && u != nil && !u.Rights().Free {
			hidden := func(key []byte) bool { return !u.Rights().Reads(key) }
			if keys = slices.DeleteFunc(slices.Clone(keys), hidden); len(keys) == 0 {
				return
			}
		}
		for _, key := range keys {
			if w := last(key).by; w != nil && w.s == s && t.redirect == 0 {
				w.told = append(w.told, invalidation(s, t, keys)...) // it reads its reply first
				return
			}
		}
		e.tellInvalid(s, t, keys, on)
	}
	keys := make([][]byte, len(list))
	for i, stale := range list {
		keys[i] = stale.key
		to := func(id int64) { tell(id, false, keys[i:i+1], func([]byte) *staleKey { return &list[i] }) }
		if !stale.taken {
			e.tracked.Take(stale.key, to)
			continue
		}
		for _, id := range stale.readers {
			to(id)
		}
	}
	e.tracked.Prefixed(keys, func(id int64, keys [][]byte) {
		tell(id, true, keys, func(key []byte) *staleKey {
			for i := range slices.Backward(list) {
				if bytes.Equal(list[i].key, key) {
					return &list[i]
				}
			}
			return &staleKey{expired: true}
		})
	})
}

// isBy reports whether s has changed the key, where that was not done for one that waited: by writer.
func (k *staleKey) isBy(s, writer *Session) bool {
	if k.by != nil {
		return k.by.s == s
	}
	return writer != nil && s.ID == writer.ID
}

// tellInvalid sends s, or the client that is told for it, an invalidation; no keys: of everything.
func (e *Engine) tellInvalid(s *Session, t *tracker, keys [][]byte, on rest) {
	to := s
	if t.redirect != 0 {
		if to = e.client(t.redirect); to == nil {
			e.breakRedirect(s, t)
			return
		}
	}
	if msg := invalidation(to, t, keys); len(msg) > 0 && to.box().put(msg, on, e.Config.OutputHardPubsub.Get()) {
		to.conn.Wake()
	}
}

// invalidation is what tells to that keys have changed, as t asks for; nil: it could not tell that
// from a reply.
func invalidation(to *Session, t *tracker, keys [][]byte) []byte {
	var w resp.Writer
	w.SetProto(int(to.Shared.proto.Load()))
	switch {
	case w.Proto() == resp.RESP3:
		w.Push(2)
		w.BulkString("invalidate")
	case t.redirect != 0 && to.Listens():
		w.Array(3)
		w.BulkString("message")
		w.BulkString(trackingChannel)
	default:
		return nil
	}
	if len(keys) == 0 {
		w.Null()
	} else {
		w.Array(len(keys))
		for _, key := range keys {
			w.Bulk(key)
		}
	}
	return w.Bytes()
}

// breakRedirect tells s that the client which is told for it is gone.
func (e *Engine) breakRedirect(s *Session, t *tracker) {
	now := *t
	now.broken = true
	if t.broken || !s.Shared.tracker.CompareAndSwap(t, &now) || s.Shared.proto.Load() != resp.RESP3 {
		return
	}
	var w resp.Writer
	w.SetProto(resp.RESP3)
	w.Push(2)
	w.BulkString("tracking-redir-broken")
	w.Int(t.redirect)
	if s.box().put(w.Bytes(), rest{}, e.Config.OutputHardPubsub.Get()) {
		s.conn.Wake()
	}
}

// tellInvalidated tells what a command has changed, whose effects end at off.
func (c *Ctx) tellInvalidated(off int64) {
	c.tellPublished()
	c.e.invalidate(c.invalid, c.s, c.e.restingOn(off))
	clear(c.invalid)
	c.invalid = c.invalid[:0]
}

// invalidateAll tells every client that tracks that everything has changed.
func (e *Engine) invalidateAll() {
	if e.trackers.Load() == 0 {
		return
	}
	e.tracked.Forget()
	for _, s := range e.clients() {
		if t := s.Shared.tracker.Load(); t != nil {
			e.tellInvalid(s, t, nil, rest{})
		}
	}
}

// setTracker changes how s tracks; nil: it does not.
func (e *Engine) setTracker(s *Session, t *tracker) {
	if t == nil && s.Shared.tracker.Load() == nil {
		return
	}
	e.trackMu.Lock() // so that nobody begins while the last one's table is emptied
	defer e.trackMu.Unlock()
	old := s.Shared.tracker.Swap(t)
	if old != nil {
		for _, p := range old.prefixes {
			e.tracked.RemovePrefix(p, s.ID)
		}
		e.caring.Add(-1)
		if e.trackers.Add(-1) == 0 {
			e.tracked.Forget() // no client may hold anything; one that comes begins anew
		}
	}
	if t != nil {
		for _, p := range t.prefixes {
			e.tracked.AddPrefix(p, s.ID)
		}
		e.trackers.Add(1)
		e.caring.Add(1)
	}
	s.caching = cachingUnsaid
}

// doClientTracking takes effect on the session's own turn.
func doClientTracking(c *Ctx) {
	t, ok := c.trackingOptions()
	if !ok {
		return
	}
	switch {
	case spec.EqualFold(c.Args[2], "off"):
		c.e.setTracker(c.s, nil)
	case !spec.EqualFold(c.Args[2], "on"):
		c.Err(resp.ErrSyntax)
		return
	default:
		if !c.fitsTracking(t) {
			return
		}
		c.e.setTracker(c.s, t)
	}
	c.W.OK()
}

// trackingOptions reads what stands behind ON or OFF.
func (c *Ctx) trackingOptions() (t *tracker, ok bool) {
	t = &tracker{}
	for i := 3; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch word := c.Args[i]; {
		case spec.EqualFold(word, "redirect") && more:
			i++
			if t.redirect != 0 {
				c.Err(resp.ErrTrackingOne)
				return nil, false
			}
			id, ok := decimal.Parse(c.Args[i])
			if !ok {
				c.Err(resp.ErrNotInteger)
				return nil, false
			}
			if c.e.client(id) == nil {
				c.Err(resp.ErrTrackingNobody)
				return nil, false
			}
			t.redirect = id
		case spec.EqualFold(word, "bcast"):
			t.bcast = true
		case spec.EqualFold(word, "optin"):
			t.optin = true
		case spec.EqualFold(word, "optout"):
			t.optout = true
		case spec.EqualFold(word, "noloop"):
			t.noloop = true
		case spec.EqualFold(word, "prefix") && more:
			i++
			t.prefixes = append(t.prefixes, string(c.Args[i]))
		default:
			c.Err(resp.ErrSyntax)
			return nil, false
		}
	}
	return t, true
}

// fitsTracking reports whether t may follow what the session has said before, and adds
// the prefixes of that; false: the error was written.
func (c *Ctx) fitsTracking(t *tracker) bool {
	old := c.s.Shared.tracker.Load()
	switch {
	case !t.bcast && len(t.prefixes) > 0:
		c.Err(resp.ErrTrackingPrefix)
	case old != nil && old.bcast != t.bcast:
		c.Err(resp.ErrTrackingBcast)
	case t.bcast && (t.optin || t.optout):
		c.Err(resp.ErrTrackingBoth)
	case t.optin && t.optout:
		c.Err(resp.ErrTrackingOpts)
	case old != nil && (t.optin && old.optout || t.optout && old.optin):
		c.Err(resp.ErrTrackingSwitch)
	default:
		return !t.bcast || c.fitsPrefixes(t, old)
	}
	return false
}

func (c *Ctx) fitsPrefixes(t, old *tracker) bool {
	overlap := func(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
	var before []string
	if old != nil {
		before = old.prefixes
	}
	for i, p := range t.prefixes {
		for _, q := range before {
			if overlap(p, q) {
				c.Err(fmt.Sprintf(resp.ErrTrackingOld, p, q))
				return false
			}
		}
		for _, q := range t.prefixes[i+1:] {
			if overlap(p, q) {
				c.Err(fmt.Sprintf(resp.ErrTrackingNew, p, q))
				return false
			}
		}
	}
	if len(t.prefixes) == 0 {
		t.prefixes = []string{""}
	}
	t.prefixes = append(slices.Clone(before), t.prefixes...)
	slices.Sort(t.prefixes)
	if t.prefixes = slices.Compact(t.prefixes); len(t.prefixes) > tracking.MaxPrefixes {
		c.Err(resp.ErrTooManySubs)
		return false
	}
	return true
}

func doClientCaching(c *Ctx) {
	t := c.s.Shared.tracker.Load()
	if t == nil {
		c.Err(resp.ErrCachingMode)
		return
	}
	switch {
	case spec.EqualFold(c.Args[2], "yes"):
		if !t.optin {
			c.Err(resp.ErrCachingYes)
			return
		}
		c.s.caching = cachingYes
	case spec.EqualFold(c.Args[2], "no"):
		if !t.optout {
			c.Err(resp.ErrCachingNo)
			return
		}
		c.s.caching = cachingNo
	default:
		c.Err(resp.ErrSyntax)
		return
	}
	c.W.OK()
}

// redirection is what CLIENT GETREDIR answers: -1 without tracking.
func (s *Session) redirection() int64 {
	if t := s.Shared.tracker.Load(); t != nil {
		return t.redirect
	}
	return -1
}

func doClientTrackinginfo(c *Ctx) {
	t := c.s.Shared.tracker.Load()
	flags, prefixes := []string{"off"}, []string(nil)
	if t != nil {
		flags, prefixes = []string{"on"}, t.prefixes
		for _, f := range []struct {
			set  bool
			word string
		}{
			{t.bcast, "bcast"}, {t.optin, "optin"}, {t.optin && c.s.caching == cachingYes, "caching-yes"},
			{t.optout, "optout"}, {t.optout && c.s.caching == cachingNo, "caching-no"},
			{t.noloop, "noloop"}, {t.broken, "broken_redirect"},
		} {
			if f.set {
				flags = append(flags, f.word)
			}
		}
	}
	c.W.Map(3)
	c.W.BulkString("flags")
	c.W.Set(len(flags))
	for _, f := range flags {
		c.W.BulkString(f)
	}
	c.W.BulkString("redirect")
	c.W.Int(c.s.redirection())
	c.W.BulkString("prefixes")
	c.W.Array(len(prefixes))
	for _, p := range prefixes {
		c.W.BulkString(p)
	}
}
