package sets

import (
	"cmp"
	"slices"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/set"
	"regent/engine/spec"
	"regent/resp"
)

// Several sets at a time: t_set.c's algorithms, since what is compared with what
// decides what a command costs.

func setAlgebra() []engine.Command {
	read := func(name, since, complexity, summary string, do engine.Handler) engine.Command {
		return engine.Command{Do: do, Command: spec.Command{
			Name: name, Arity: -2, Flags: spec.ReadOnly, Since: since, Complex: complexity,
			Summary: summary,
			Tips:    []string{"nondeterministic_output_order"},
			Keys:    spec.Keys{spec.Span(1, -1, 1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("key", 0).Many()},
		}}
	}
	store := func(name, since, complexity, summary string, use spec.KeyFlags, do engine.Handler) engine.Command {
		return engine.Command{Do: do, Command: spec.Command{
			Name: name, Arity: -3, Flags: spec.Write | spec.DenyOOM, Since: since, Complex: complexity,
			Summary: summary,
			Keys:    spec.Keys{spec.One(1, use|spec.KeyUpdate), spec.Span(2, -1, 1, spec.KeyRO|spec.KeyAccess)},
			Args:    spec.Args{spec.Key("destination", 0), spec.Key("key", 1).Many()},
		}}
	}
	const (
		product = "O(N*M) in the size of the smallest set and the number of sets"
		sum     = "O(N) in the sizes of all sets"
	)
	return []engine.Command{
		read("sinter", "1.0.0", product, "Returns the members that all sets have.", doSinter),
		store("sinterstore", "1.0.0", product, "Stores the members that all sets have.", spec.KeyRW, doSinterstore),
		{Do: doSintercard, Command: spec.Command{
			Name: "sintercard", Arity: -3, Flags: spec.ReadOnly, Since: "7.0.0", Complex: product,
			Summary: "Counts the members that all sets have.",
			Keys:    spec.Keys{spec.NumKeys(1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Integer("numkeys"), spec.Key("key", 0).Many(),
				spec.Integer("limit").With("LIMIT").Opt(),
			},
		}},
		read("sunion", "1.0.0", sum, "Returns the members that any of the sets has.", doSunion),
		store("sunionstore", "1.0.0", sum, "Stores the members that any of the sets has.", spec.KeyOW, doSunionstore),
		read("sdiff", "1.0.0", sum, "Returns the members of the first set that no other one has.", doSdiff),
		store("sdiffstore", "1.0.0", sum, "Stores the members of the first set that no other one has.", spec.KeyOW, doSdiffstore),
	}
}

func doSinter(c *engine.Ctx) {
	var g gathering
	sets, ok := g.at(c, c.Args[1:])
	if !ok {
		return
	}
	mark, n := c.W.Mark(), 0
	if ints := g.onlyInts(sets); ints != nil {
		set.Common(ints, func(v int64) bool {
			c.W.BulkInt(v)
			n++
			return true
		})
	} else {
		intersect(sets, func(b []byte) bool {
			c.W.Bulk(b)
			n++
			return true
		})
	}
	c.W.SetAt(mark, n)
}

func doSinterstore(c *engine.Ctx) {
	var g gathering
	if sets, ok := g.at(c, c.Args[2:]); ok {
		out, limit := emptySet(c), maxInts(c)
		intersect(sets, func(b []byte) bool { return out.Add(b, limit) })
		storeSet(c, out)
	}
}

// intersect calls f with the members that all sets have, until it returns false.
// It goes through the smallest set and asks the others, small ones first; nil is
// an empty set.
func intersect(sets []*setObject, f func(b []byte) bool) {
	if slices.Contains(sets, nil) {
		return
	}
	slices.SortStableFunc(sets, func(a, b *setObject) int { return cmp.Compare(a.Len(), b.Len()) })
	sets[0].Each(func(b []byte) bool {
		for _, s := range sets[1:] {
			if !s.Has(b) {
				return true
			}
		}
		return f(b)
	})
}

// onlyInts are the sets where all of them are intsets; nil: one is not.
func (g *gathering) onlyInts(sets []*setObject) [][]byte {
	out := g.ints[:0]
	for _, s := range sets {
		if s == nil {
			return nil
		}
		b, ok := s.Ints()
		if !ok {
			return nil
		}
		out = append(out, b)
	}
	return out
}

// doSintercard counts no further than LIMIT; 0: as far as it goes.
func doSintercard(c *engine.Ctx) {
	numkeys, ok := decimal.Parse(c.Args[1])
	if !ok || numkeys < 1 {
		c.Err(resp.ErrNumKeys)
		return
	}
	if numkeys > int64(len(c.Args)-2) {
		c.Err(resp.ErrNumkeysArgs)
		return
	}
	keys, rest := c.Args[2:2+numkeys], c.Args[2+numkeys:]
	limit := int64(0)
	for ; len(rest) > 0; rest = rest[2:] {
		if !spec.EqualFold(rest[0], "limit") || len(rest) == 1 {
			c.Err(resp.ErrSyntax)
			return
		}
		if limit, ok = decimal.Parse(rest[1]); !ok || limit < 0 {
			c.Err(resp.ErrLimitNeg)
			return
		}
	}
	var g gathering
	sets, ok := g.at(c, keys)
	if !ok {
		return
	}
	n := int64(0)
	if ints := g.onlyInts(sets); ints != nil {
		set.Common(ints, func(int64) bool { n++; return n != limit })
	} else {
		intersect(sets, func([]byte) bool { n++; return n != limit })
	}
	c.W.Int(n)
}

func doSunion(c *engine.Ctx) {
	var g gathering
	sets, ok := g.at(c, c.Args[1:])
	if !ok {
		return
	}
	sets = slices.DeleteFunc(sets, func(s *setObject) bool { return s == nil })
	if ints := g.onlyInts(sets); ints == nil && len(sets) > askedSets {
		replyMembers(c.W, union(c, sets))
	} else if mark, n := c.W.Mark(), 0; ints != nil {
		set.Union(ints, func(v int64) { c.W.BulkInt(v); n++ })
		c.W.SetAt(mark, n)
	} else {
		eachOfAny(sets, func(b []byte) { c.W.Bulk(b); n++ })
		c.W.SetAt(mark, n)
	}
}

// askedSets is up to how many sets are asked about each other's members where the answer
// alone is wanted: a look costs a part of what storing a member does.
const askedSets = 4

// eachOfAny calls f with each member of any of sets once.
func eachOfAny(sets []*setObject, f func(b []byte)) {
	for i, s := range sets {
		s.Each(func(b []byte) bool {
			if !slices.ContainsFunc(sets[:i], func(other *setObject) bool { return other.Has(b) }) {
				f(b)
			}
			return true
		})
	}
}

func doSunionstore(c *engine.Ctx) {
	var g gathering
	if sets, ok := g.at(c, c.Args[2:]); ok {
		storeSet(c, union(c, sets))
	}
}

func union(c *engine.Ctx, sets []*setObject) *setObject {
	out, limit := emptySet(c), maxInts(c)
	for _, s := range sets {
		if s != nil {
			s.Each(func(b []byte) bool { out.Add(b, limit); return true })
		}
	}
	return out
}

func doSdiff(c *engine.Ctx) {
	var g gathering
	sets, ok := g.at(c, c.Args[1:])
	if !ok {
		return
	}
	if sets[0] == nil {
		c.W.Set(0)
		return
	}
	sets = slices.DeleteFunc(sets, func(s *setObject) bool { return s == nil })
	if ints := g.onlyInts(sets); ints == nil && len(sets) > askedSets {
		replyMembers(c.W, difference(c, sets))
	} else if mark, n := c.W.Mark(), 0; ints != nil {
		set.Difference(ints, func(v int64) { c.W.BulkInt(v); n++ })
		c.W.SetAt(mark, n)
	} else {
		eachOfFirst(sets[0], sets[1:], func(b []byte) { c.W.Bulk(b); n++ })
		c.W.SetAt(mark, n)
	}
}

// eachOfFirst calls f with each member of first that none of the others has. The larger
// a set, the likelier it has a member.
func eachOfFirst(first *setObject, others []*setObject, f func(b []byte)) {
	slices.SortStableFunc(others, func(a, b *setObject) int { return cmp.Compare(b.Len(), a.Len()) })
	first.Each(func(b []byte) bool {
		if !slices.ContainsFunc(others, func(s *setObject) bool { return s.Has(b) }) {
			f(b)
		}
		return true
	})
}

func doSdiffstore(c *engine.Ctx) {
	var g gathering
	if sets, ok := g.at(c, c.Args[2:]); ok {
		storeSet(c, difference(c, sets))
	}
}

// difference either asks the other sets about each member of the first, or takes
// the members of the others out of a copy of it, whichever is less work: the
// first way can do with half of it, for it stops at the first hit.
func difference(c *engine.Ctx, sets []*setObject) *setObject {
	out, first := emptySet(c), sets[0]
	if first == nil {
		return out
	}
	var others []*setObject
	ask, take := first.Len(), first.Len()
	for _, s := range sets[1:] {
		if s != nil {
			others = append(others, s)
			ask, take = ask+first.Len(), take+s.Len()
		}
	}
	limit := maxInts(c)
	if ask/2 > take {
		first.Each(func(b []byte) bool { out.Add(b, limit); return true })
		for _, s := range others {
			s.Each(func(b []byte) bool { out.Remove(b); return out.Len() > 0 })
		}
		return out
	}
	eachOfFirst(first, others, func(b []byte) { out.Add(b, limit) })
	return out
}

// storeSet stores the result of a ...STORE command at its first key, where
// nothing remains if it is empty, and replies with its size.
func storeSet(c *engine.Ctx, s *setObject) {
	dest := c.Args[1]
	if s.Len() > 0 {
		c.PutObject(dest, s)
		c.Notify(engine.EventSet, c.Cmd.Name, dest)
		c.PropagateSelf()
	} else if c.Remove(dest) {
		c.Notify(engine.EventGeneric, "del", dest)
		c.PropagateSelf()
	}
	c.W.Int(int64(s.Len()))
}
