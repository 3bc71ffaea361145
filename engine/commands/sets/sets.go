package sets

import (
	"hash/maphash"
	"slices"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/rdb"
	"regent/engine/set"
	"regent/engine/spec"
	"regent/resp"
)

// Sets. engine/set holds them; here is what a set is as a value of the keyspace.
// sets_change.go: members come and go; sets_read.go: what is in a set;
// sets_random.go: draws; sets_algebra.go: several sets at a time; sets_rdb.go:
// RDB.
//
// In the log they are what redis-server writes, where chance is no part of it any
// more:
//
//	SADD, SREM, SMOVE, S...STORE  as they came, if they changed anything
//	SPOP k                        SREM k <member>
//	SPOP k n                      SREM k <members>, or DEL k if none is left

// A setObject is a set as a value.
type setObject struct{ set.Set }

// emptySet is a set for what a command computes, which may be stored.
func emptySet(c *engine.Ctx) *setObject { return &setObject{set.New(c.Seed())} }

// maxInts is up to how many integers a set of nothing else is held as such.
func maxInts(c *engine.Ctx) int64 { return c.Config().SetMaxIntsetEntries.Get() }

// TypeName implements Object, like all below.
func (s *setObject) TypeName() string { return "set" }

func (s *setObject) Encoding() string {
	if s.Hashed() {
		return "hashtable"
	}
	return "intset"
}

func (s *setObject) View(f engine.Form, b []byte) { s.Set.View(b, f == engine.FormSet) }

func (s *setObject) Packed() (engine.Form, []byte, bool) {
	b, hashed, ok := s.Set.Packed()
	if hashed {
		return engine.FormSet, b, ok
	}
	return engine.FormIntset, b, ok
}

func (s *setObject) Clone() engine.Object { return &setObject{s.Set.Clone()} }

func (s *setObject) Digest(d *engine.Digest) {
	d.MixNumber(engine.TypeSet)
	s.Each(func(b []byte) bool { d.Xor(b); return true })
}

// Commands is SADD, several for a large set.
func (s *setObject) Commands(key []byte, emit func(args ...[]byte) error) error {
	return engine.EmitCommands("SADD", key, emit, func(item func(b []byte) bool) {
		s.Each(func(b []byte) bool { return item(slices.Clone(b)) })
	})
}

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupSet, Cats: spec.CatSet,
		Commands: commands(),
		Codecs:   func(cfg *config.Config) []rdb.Codec { return []rdb.Codec{setCodec{cfg, maphash.MakeSeed()}} },
		Small:    map[engine.Form]engine.MakeSmall{engine.FormIntset: makeSmall, engine.FormSet: makeSmall},
	}
}

func makeSmall(seed maphash.Seed) engine.Small { return &setObject{set.New(seed)} }

func commands() []engine.Command {
	return slices.Concat(setChanges(), setReads(), setDraws(), setAlgebra())
}

// readSet looks key up for a read; nil: it is absent. false: the error was
// written.
func readSet(c *engine.Ctx, key []byte) (*setObject, bool) {
	return engine.ReadObject[*setObject](c, key)
}

// A gathering is room for some sets, so that few of them need no memory.
type gathering struct {
	sets [fewSets]*setObject
	ints [fewSets][]byte
}

// fewSets is for how many sets a gathering has room.
const fewSets = 4

// at are the sets at keys, nil where there is none; false: the error was
// written.
func (g *gathering) at(c *engine.Ctx, keys [][]byte) (sets []*setObject, ok bool) {
	sets = g.sets[:0]
	for _, key := range keys {
		s, ok := readSet(c, key)
		if !ok {
			return nil, false
		}
		sets = append(sets, s)
	}
	return sets, true
}

// replyMembers replies with all members.
func replyMembers(w *resp.Writer, s *setObject) {
	if s == nil {
		w.Set(0)
		return
	}
	w.Set(s.Len())
	if ints, ok := s.Ints(); ok {
		set.EachInt(ints, w.BulkInt)
		return
	}
	s.Each(func(b []byte) bool { w.Bulk(b); return true })
}
