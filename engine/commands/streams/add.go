package streams

import (
	"fmt"
	"math"
	"strconv"

	"regent/engine"
	"regent/engine/spec"
	"regent/engine/stream"
	"regent/resp"
)

func trimArg() spec.Arg {
	return spec.Block("trim",
		spec.OneOf("strategy", spec.Word("maxlen", "MAXLEN"), spec.Word("minid", "MINID").Added("6.2.0")),
		spec.OneOf("operator", spec.Word("equal", "="), spec.Word("approximately", "~")).Opt(),
		spec.String("threshold"),
		spec.Integer("count").With("LIMIT").Added("6.2.0").Opt(),
	)
}

func additions() []engine.Command {
	return []engine.Command{
		{Do: doXadd, Command: spec.Command{
			Name: "xadd", Arity: -5, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "5.0.0",
			Complex: "O(1), and O(N) in the entries that are trimmed",
			Summary: "Adds an entry at the end of a stream.",
			Tips:    []string{"nondeterministic_output"},
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate).Noted("UPDATE instead of INSERT because of the optional trimming feature")},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.Word("nomkstream", "NOMKSTREAM").Added("6.2.0").Opt(),
				trimArg().Opt(),
				spec.OneOf("id_or_auto", spec.Word("auto_id", "*"), spec.String("id")),
				spec.Block("field_value", spec.String("field"), spec.String("value")).Many(),
			},
		}},
		{Do: doXsetid, Command: spec.Command{
			Name: "xsetid", Arity: -3, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "5.0.0",
			Complex: "O(1)",
			Summary: "Sets the last ID of a stream, for copies of it.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyUpdate)},
			Args: spec.Args{
				spec.Key("key", 0),
				spec.String("last-id"),
				spec.Integer("entries_added").With("ENTRIESADDED").Added("7.0.0").Opt(),
				spec.String("max_deleted_entry_id").With("MAXDELETEDID").Added("7.0.0").Opt(),
			},
		}},
	}
}

// A trimming is what the options of XADD and XTRIM say.
type trimming struct {
	stream.Trim
	at       int // where the threshold stands in the arguments, 0: there is none
	limited  bool
	noCreate bool

	id          stream.ID // XADD's
	given, auto bool      // an ID was given, without a number
}

// parse reads the arguments from the third on, up to XADD's ID, which stands at end;
// false: the error was written.
func (t *trimming) parse(c *engine.Ctx, add bool) (end int, ok bool) {
	i := 2
	for ; i < len(c.Args); i++ {
		opt, more := c.Args[i], i+1 < len(c.Args)
		switch {
		case add && spec.EqualFold(opt, "*"):
			return i, t.check(c, add)
		case more && spec.EqualFold(opt, "maxlen"), more && spec.EqualFold(opt, "minid"):
			if i, ok = t.threshold(c, i, spec.EqualFold(opt, "minid")); !ok {
				return 0, false
			}
		case more && spec.EqualFold(opt, "limit"):
			i++
			if t.Limit, ok = c.IntArg(c.Args[i]); !ok {
				return 0, false
			}
			if t.Limit < 0 {
				c.Err(resp.ErrTrimLimit)
				return 0, false
			}
			t.limited = true
		case add && spec.EqualFold(opt, "nomkstream"):
			t.noCreate = true
		case add:
			if t.id, t.auto, ok = parseID(opt, 0); !ok {
				c.Err(resp.ErrStreamID)
				return 0, false
			}
			t.given = true
			return i, t.check(c, add)
		default:
			c.Err(resp.ErrSyntax)
			return 0, false
		}
	}
	return i, t.check(c, add)
}

// threshold reads MAXLEN or MINID, which stands at i, up to the argument that it returns.
func (t *trimming) threshold(c *engine.Ctx, i int, byID bool) (int, bool) {
	if t.at != 0 {
		c.Err(resp.ErrTrimBoth)
		return 0, false
	}
	i++
	if i+1 < len(c.Args) && (spec.EqualFold(c.Args[i], "~") || spec.EqualFold(c.Args[i], "=")) {
		t.Whole = c.Args[i][0] == '~'
		i++
	}
	t.at, t.ByID = i, byID
	var ok bool
	if byID {
		t.Min, ok = strictID(c, c.Args[i])
		return i, ok
	}
	if t.Len, ok = c.IntArg(c.Args[i]); ok && t.Len < 0 {
		c.Err(resp.ErrTrimMaxLen)
		ok = false
	}
	return i, ok
}

const (
	// limitNodes is how many full nodes go at most where no LIMIT is said, and
	// limitLeast and limitMost bound the entries in them (t_stream.c).
	limitNodes = 100
	limitLeast = 10_000
	limitMost  = 1_000_000
)

// check looks whether the options fit together. A record of a log has been through that,
// and has no limit: what it says is what became of it.
func (t *trimming) check(c *engine.Ctx, add bool) bool {
	switch {
	case t.Limit != 0 && t.at == 0:
		c.Err(resp.ErrTrimLimitAlone)
	case !add && t.at == 0:
		c.Err(resp.ErrTrimNone)
	case c.Applying():
		t.Limit = 0
		return true
	case t.limited && !t.Whole:
		c.Err(resp.ErrTrimLimitExact)
	default:
		if t.Whole && !t.limited {
			if n := c.Config().StreamNodeMaxEntries.Get(); n <= limitMost {
				t.Limit = limitNodes * n
			} else {
				t.Limit = limitMost
			}
			if t.Limit <= 0 {
				t.Limit = limitLeast
			}
			t.Limit = min(t.Limit, limitMost)
		}
		return true
	}
	return false
}

// propagate puts the command into the log as a record that says what became of it: where
// the trimming was no exact one, with an exact one, and with XADD's ID if that was not
// given whole. Neither has n changes.
func (t *trimming) propagate(c *engine.Ctx, s *streamObject, n int64, idAt int) {
	args := c.Args
	var kept [3][]byte
	if idAt != 0 {
		kept[2] = args[idAt]
		args[idAt] = idText(s.Last)
	}
	if t.Whole {
		kept[0], kept[1] = args[t.at-1], args[t.at]
		args[t.at-1], args[t.at] = []byte("="), strconv.AppendInt(nil, int64(s.Stream.Len()), 10)
		if t.ByID {
			first, ok := s.Edge()
			if !ok {
				first = stream.MaxID()
			}
			args[t.at] = idText(first)
		}
	}
	c.PropagateSelfN(n)
	if idAt != 0 {
		args[idAt] = kept[2]
	}
	if t.Whole {
		args[t.at-1], args[t.at] = kept[0], kept[1]
	}
}

func doXadd(c *engine.Ctx) {
	var t trimming
	at, ok := t.parse(c, true)
	if !ok {
		return
	}
	pairs := c.Args[min(at+1, len(c.Args)):]
	if len(pairs) < 2 || len(pairs)%2 == 1 {
		c.Err(fmt.Sprintf(resp.ErrArity, c.Cmd.FullName()))
		return
	}
	if t.given && !t.auto && t.id.IsZero() {
		c.Err(resp.ErrAddZeroID)
		return
	}
	key := c.Args[1]
	en, s, ok := engine.WriteObject[*streamObject](c, key)
	switch {
	case !ok:
		return
	case s == nil && t.noCreate:
		c.W.Null()
		return
	}
	last := stream.ID{}
	if s != nil {
		last = s.Last
	}
	id, ok := t.newID(c, last)
	if !ok || !fits(c, pairs) {
		return
	}
	if s == nil {
		s = newStream()
		en = c.PutObject(key, s)
	} else {
		c.Changing(en)
	}
	s.Append(id, pairs, limits(c.Config()))
	replyID(c, id)
	c.Notify(engine.EventStream, "xadd", key)
	if t.at != 0 && s.Trim(t.Trim) > 0 {
		c.Notify(engine.EventStream, "xtrim", key)
	}
	c.Changed(key, en, s)
	if t.given && !t.auto {
		at = 0
	}
	t.propagate(c, s, 1, at)
	c.Ready(key)
}

// newID is the new entry's; false: the error was written.
func (t *trimming) newID(c *engine.Ctx, last stream.ID) (stream.ID, bool) {
	if last == stream.MaxID() {
		c.Err(resp.ErrAddExhausted)
		return last, false
	}
	id := t.id
	switch {
	case !t.given:
		if id = (stream.ID{MS: uint64(c.Now)}); id.MS <= last.MS {
			id, _ = last.Next()
		}
	case t.auto && id.MS == last.MS:
		if last.Seq == math.MaxUint64 {
			c.Err(resp.ErrAddSmallID)
			return id, false
		}
		id.Seq = last.Seq + 1
	}
	if !last.Less(id) {
		c.Err(resp.ErrAddSmallID)
		return id, false
	}
	return id, true
}

// fits looks whether a stream can have an entry; false: the error was written.
func fits(c *engine.Ctx, pairs [][]byte) bool {
	size := 0
	for _, p := range pairs {
		size += len(p)
	}
	if size > stream.MaxEntryBytes {
		c.Err(resp.ErrAddTooLarge)
		return false
	}
	return true
}

// A setting is what XSETID says.
type setting struct {
	id, deleted stream.ID
	added       int64 // -1: not said
}

func (t *setting) parse(c *engine.Ctx) (ok bool) {
	if t.id, ok = strictID(c, c.Args[2]); !ok {
		return false
	}
	t.added = -1
	for i := 3; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && spec.EqualFold(c.Args[i], "entriesadded"):
			if t.added, ok = c.IntArg(c.Args[i+1]); !ok {
				return false
			}
			if t.added < 0 {
				c.Err(resp.ErrSetIDAdded)
				return false
			}
		case more && spec.EqualFold(c.Args[i], "maxdeletedid"):
			if t.deleted, ok = strictID(c, c.Args[i+1]); !ok {
				return false
			}
			if t.id.Less(t.deleted) {
				c.Err(resp.ErrSetIDDeleted)
				return false
			}
		default:
			c.Err(resp.ErrSyntax)
			return false
		}
	}
	return true
}

func doXsetid(c *engine.Ctx) {
	var t setting
	if !t.parse(c) {
		return
	}
	key := c.Args[1]
	en, s, ok := engine.WriteObject[*streamObject](c, key)
	switch {
	case !ok:
		return
	case s == nil:
		c.Err(resp.ErrNoSuchKey)
		return
	}
	if n := s.Stream.Len(); n > 0 {
		top, _ := s.Top()
		if t.id.Less(top) {
			c.Err(resp.ErrSetIDSmall)
			return
		}
		if t.added != -1 && int64(n) > t.added {
			c.Err(resp.ErrSetIDLength)
			return
		}
	}
	c.Changing(en)
	s.Last = t.id
	if t.added != -1 {
		s.Added = uint64(t.added)
	}
	if !t.deleted.IsZero() {
		s.MaxDeleted = t.deleted
	}
	c.Settled(key, en, s)
	c.W.OK()
	c.Notify(engine.EventStream, "xsetid", key)
	c.PropagateSelf()
}
