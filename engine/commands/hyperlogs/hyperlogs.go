// Package hyperlogs holds the commands that estimate how many different elements were
// seen. Their values are strings in Redis's format (engine/hll): GET reads one, SET puts it
// back, and what a client damages is answered with an error.
//
// PFCOUNT of one key keeps what it has counted in the value, as in Redis: so it reads, and
// has an effect all the same. Where that must not be, at a follower and in a pause, it
// counts and keeps nothing; followers get the leader's effect.
package hyperlogs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"regent/engine"
	"regent/engine/dict"
	"regent/engine/hll"
	"regent/engine/spec"
	"regent/resp"
)

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupHyperLogLog, Cats: spec.CatHyperLogLog,
		Commands: slices.Concat(commands(), debugCommands()),
	}
}

func commands() []engine.Command {
	return []engine.Command{
		{Do: doPfadd, Command: spec.Command{
			Name: "pfadd", Arity: -2, Flags: spec.Write | spec.DenyOOM | spec.Fast, Since: "2.8.9", Complex: "O(1) for each element",
			Summary: "Adds elements to the HyperLogLog at a key.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyInsert)},
			Args:    spec.Args{spec.Key("key", 0), spec.String("element").Opt().Many()},
		}},
		{Do: doPfcount, Command: spec.Command{
			Name: "pfcount", Arity: -2, Flags: spec.ReadOnly | spec.MayReplicate, Since: "2.8.9", Complex: "O(1) for a key that was counted before, O(N) in the number of keys",
			Summary: "Estimates how many different elements the HyperLogLogs at keys have seen together.",
			Keys: spec.Keys{spec.Span(1, -1, 1, spec.KeyRW|spec.KeyAccess).
				Noted("RW because it may change the internal representation of the key, and propagate to replicas")},
			Args: spec.Args{spec.Key("key", 0).Many()},
		}},
		{Do: doPfmerge, Command: spec.Command{
			Name: "pfmerge", Arity: -2, Flags: spec.Write | spec.DenyOOM, Since: "2.8.9", Complex: "O(N) in the number of keys",
			Summary: "Makes the HyperLogLog at a key one that has seen what others have seen.",
			Keys:    spec.Keys{spec.One(1, spec.KeyRW|spec.KeyAccess|spec.KeyInsert), spec.Span(2, -1, 1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("destkey", 0), spec.Key("sourcekey", 1).Many()},
		}},
	}
}

// valueOf is the HyperLogLog at en, which must exist; false: it is none, and the error was
// written.
func valueOf(c *engine.Ctx, en engine.Entry) (v dict.Value, ok bool) {
	if v, ok = c.StringOf(en); !ok {
		return v, false
	}
	if !hll.Valid(v.Bytes) {
		c.Err(resp.ErrNotHLL)
		return v, false
	}
	return v, true
}

func doPfadd(c *engine.Ctx) {
	key := c.Args[1]
	en := c.Write(key)
	if !en.OK() {
		b, changes, _ := addTo(c, hll.New(make([]byte, 0, newRoom)), 0) // a new one is whole
		hll.Invalidate(b)
		put(c, key, en, b)
		became(c, false, hll.IsDense(b))
		added(c, changes+1)
		return
	}
	v, ok := valueOf(c, en)
	if !ok {
		return
	}
	from, ok := firstRaised(c, v.Bytes)
	switch n := len(v.Bytes); {
	case !ok, from >= 0 && !hll.Whole(v.Bytes):
		addDamaged(c, en, v)
	case from < 0:
		if v.Kind != dict.Raw {
			c.Loosen(key, en, v, n)
		}
		c.W.Int(0)
	default:
		room := n
		if !hll.IsDense(v.Bytes) {
			room += hll.MostGrowth * len(c.Args[from:])
		}
		b, changes, _ := addTo(c, c.Stretch(key, en, v, room)[:n], from)
		hll.Invalidate(b)
		if en = c.Peek(key); hll.IsDense(b) && room != n { // it has become dense
			put(c, key, en, b)
			became(c, true, true)
		} else if len(b) != room {
			c.Loosen(key, en, en.Value(), len(b)) // less than there was room for
		}
		added(c, changes)
	}
}

// newRoom is how many bytes one with a few elements takes.
const newRoom = hll.NewBytes + 8*hll.MostGrowth

// firstRaised is which argument is the first that b has not seen, -1: none; false: one
// before it has no register in b.
func firstRaised(c *engine.Ctx, b []byte) (arg int, ok bool) {
	for i, element := range c.Args[2:] {
		index, count := hll.Place(element)
		if raises, ok := hll.Raises(b, index, count); raises || !ok {
			return 2 + i, ok
		}
	}
	return -1, true
}

// addTo adds the elements from argument from on to b, in place if it has the room.
func addTo(c *engine.Ctx, b []byte, from int) (_ []byte, changes int64, err error) {
	limit := sparseLimit(c)
	for _, element := range c.Args[max(from, 2):] {
		index, count := hll.Place(element)
		var changed bool
		if b, changed, err = hll.Set(b, index, count, limit); err != nil {
			return b, changes, err
		}
		if changed {
			changes++
		}
	}
	return b, changes, nil
}

// longestSparse is more than a sparse one ever takes.
const longestSparse = 1 << 20

// sparseLimit is how many bytes a sparse one may take before it becomes dense. Where a log
// is carried out it says itself when that was: another limit may be in force by now, and
// what was done to the bytes since, as with SETBIT, must find the same ones.
func sparseLimit(c *engine.Ctx) int {
	if c.Applying() {
		return longestSparse
	}
	return int(c.Config().HLLSparseMaxBytes.Get())
}

// became says in the log that the first key's has become dense with this command; there:
// it was there before.
func became(c *engine.Ctx, there, dense bool) {
	if !dense {
		return
	}
	key := c.Args[1]
	if !there {
		c.PropagateN(0, []byte("PFADD"), key)
	}
	c.PropagateN(0, []byte("PFDEBUG"), []byte("TODENSE"), key)
}

// addDamaged adds to one whose runs are too few or too many, which may go well where they
// are not needed: to a copy, of which nothing is kept if it does not.
func addDamaged(c *engine.Ctx, en engine.Entry, v dict.Value) {
	b, changes, err := addTo(c, bytes.Clone(v.Bytes), 2)
	switch {
	case err != nil:
		c.Err(resp.ErrHLLDamaged)
		return
	case changes > 0:
		hll.Invalidate(b)
		became(c, true, hll.IsDense(b) && !hll.IsDense(v.Bytes))
		put(c, c.Args[1], en, b)
	case v.Kind != dict.Raw:
		c.Loosen(c.Args[1], en, v, len(v.Bytes))
	}
	added(c, changes)
}

// put stores b at key, where en is or was, or nothing.
func put(c *engine.Ctx, key []byte, en engine.Entry, b []byte) {
	at := int64(0)
	if en.OK() {
		at = en.ExpireAt()
	}
	c.Put(key, dict.Value{Kind: dict.Raw, Bytes: b}, at)
}

// added is what follows PFADD's changes.
func added(c *engine.Ctx, changes int64) {
	if changes == 0 {
		c.W.Int(0)
		return
	}
	c.Notify(engine.EventString, "pfadd", c.Args[1])
	c.PropagateSelfN(changes)
	c.W.Int(1)
}

func doPfcount(c *engine.Ctx) {
	if len(c.Args) > 2 {
		countMany(c)
		return
	}
	key := c.Args[1]
	en := c.Read(key)
	if !en.OK() {
		c.W.Int(0)
		return
	}
	v, ok := valueOf(c, en)
	if !ok {
		return
	}
	if n, known := hll.Cached(v.Bytes); known {
		if v.Kind != dict.Raw && !c.Traceless() {
			c.Loosen(key, en, v, len(v.Bytes))
		}
		c.W.Int(int64(n))
		return
	}
	n, err := hll.Count(v.Bytes)
	if err != nil {
		c.Err(resp.ErrHLLDamaged)
		return
	}
	if !c.Traceless() {
		hll.SetCached(c.Stretch(key, en, v, len(v.Bytes)), n)
		c.PropagateSelf()
	}
	c.W.Int(int64(n))
}

// countMany counts several together, and keeps nothing.
func countMany(c *engine.Ctx) {
	var all hll.Max
	if _, ok := merge(c, &all, c.Args[1:]); ok {
		c.W.Int(int64(all.Count()))
	}
}

// merge raises all to what is at the keys; dense: one of them is. False: the error was
// written.
func merge(c *engine.Ctx, all *hll.Max, keys [][]byte) (dense, ok bool) {
	for _, key := range keys {
		en := c.Read(key)
		if !en.OK() {
			continue
		}
		v, ok := valueOf(c, en)
		if !ok {
			return false, false
		}
		dense = dense || hll.IsDense(v.Bytes)
		if all.Merge(v.Bytes) != nil {
			c.Err(resp.ErrHLLDamaged)
			return false, false
		}
	}
	return dense, true
}

func doPfmerge(c *engine.Ctx) {
	var all hll.Max
	dense, ok := merge(c, &all, c.Args[1:])
	if !ok {
		return
	}
	key := c.Args[1]
	en := c.Write(key)
	var b []byte
	if en.OK() {
		b = append(b, en.Value().Bytes...)
	} else {
		b = hll.New(nil)
	}
	limit := sparseLimit(c)
	there := en.OK()
	if dense {
		b, _ = hll.ToDense(b) // it was merged, so it is whole
	}
	for index, count := range all {
		if count > 0 {
			b, _, _ = hll.Set(b, index, count, limit)
		}
	}
	hll.Invalidate(b)
	put(c, key, en, b)
	became(c, there, !dense && hll.IsDense(b))
	c.Notify(engine.EventString, "pfadd", key)
	c.PropagateSelf()
	c.W.OK()
}

func debugCommands() []engine.Command {
	return []engine.Command{
		{Do: doPfdebug, Command: spec.Command{
			Name: "pfdebug", Arity: 3, Flags: spec.Write | spec.DenyOOM | spec.Admin, Since: "2.8.9", Complex: "O(1): a HyperLogLog has a fixed size",
			Summary: "Looks at how a HyperLogLog is held, for the server's tests.", Internal: true,
			Keys: spec.Keys{spec.One(2, spec.KeyRW|spec.KeyAccess)},
			Args: spec.Args{spec.String("subcommand"), spec.Key("key", 0)},
		}},
		{Do: doPfselftest, Command: spec.Command{
			Name: "pfselftest", Arity: 1, Flags: spec.Admin, Since: "2.8.9", Complex: "O(1)",
			Summary: "Tries registers and estimates, for the server's tests.", Internal: true,
		}},
	}
}

func doPfdebug(c *engine.Ctx) {
	key := c.Args[2]
	en := c.Read(key)
	if !en.OK() {
		c.Err(resp.ErrHLLNoKey)
		return
	}
	v, ok := valueOf(c, en)
	if !ok {
		return
	}
	if v.Kind != dict.Raw { // as redis-server, which is ready to change it
		c.Loosen(key, en, v, len(v.Bytes))
		en = c.Peek(key)
		v = en.Value()
	}
	b := v.Bytes
	asked := engine.Clip(c.Args[1], len(c.Args[1]))
	switch word := strings.ToLower(string(asked)); word {
	case "getreg":
		if b, ok = toDense(c, en, b); ok {
			c.W.Array(hll.Registers)
			for i := range hll.Registers {
				c.W.Int(int64(hll.Register(b, i)))
			}
		}
	case "decode":
		if hll.IsDense(b) {
			c.Err(resp.ErrHLLNotSparse)
			return
		}
		c.W.Bulk(hll.Runs(b))
	case "encoding":
		if hll.IsDense(b) {
			c.W.Status("dense")
		} else {
			c.W.Status("sparse")
		}
	case "todense":
		before := hll.IsDense(b)
		if _, ok := toDense(c, en, b); ok && before {
			c.W.Int(0)
		} else if ok {
			c.W.Int(1)
		}
	default:
		c.Err(fmt.Sprintf(resp.ErrHLLUnknown, asked))
	}
}

// toDense makes what is at en dense; false: the error was written.
func toDense(c *engine.Ctx, en engine.Entry, b []byte) ([]byte, bool) {
	if hll.IsDense(b) {
		return b, true
	}
	b, err := hll.ToDense(b)
	if err != nil {
		c.Err(resp.ErrHLLDamaged)
		return nil, false
	}
	copy(c.Loosen(c.Args[2], en, en.Value(), len(b)), b) // no change for those that watch it, as in redis-server
	c.PropagateSelf()
	return b, true
}

// selfTestElements are added by PFSELFTEST; selfTestError is how far the estimate may be
// off, in percent: about ten standard errors.
const (
	selfTestElements = 100_000
	selfTestError    = 8
)

func doPfselftest(c *engine.Ctx) {
	b, err := hll.ToDense(hll.New(nil))
	if err != nil {
		c.Err(fmt.Sprintf(resp.ErrHLLSelfTest, err))
		return
	}
	var element [8]byte
	seed := c.Rand()
	for i := range uint64(selfTestElements) {
		for j := range element {
			element[j] = byte((seed + i) >> (8 * j))
		}
		index, count := hll.Place(element[:])
		if hll.Register(b, index) < count {
			hll.SetRegister(b, index, count)
		}
		if hll.Register(b, index) < count {
			c.Err(fmt.Sprintf(resp.ErrHLLSelfTest, fmt.Sprintf("register %d does not hold %d", index, count)))
			return
		}
	}
	n, err := hll.Count(b)
	if off := int64(n) - selfTestElements; err != nil || max(off, -off)*100 > selfTestError*selfTestElements {
		c.Err(fmt.Sprintf(resp.ErrHLLSelfTest, fmt.Sprintf("an estimate of %d for %d", n, selfTestElements)))
		return
	}
	c.W.OK()
}
