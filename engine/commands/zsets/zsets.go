package zsets

import (
	"hash/maphash"
	"slices"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/decimal"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/engine/zset"
	"regent/resp"
)

// Sorted sets. engine/zset holds them; here is what one is as a value of the keyspace.
// add.go: members come and get scores; remove.go: they go; read.go: what is known of
// one; range.go: several in order; pop.go: the ends, and waiting for them; algebra.go:
// several sets at a time; random.go: draws; rdb.go: RDB. geo.go and geo_search.go are a
// second room, of positions on the earth: their values are the same.
//
// In the log they are what redis-server writes:
//
//	ZADD, ZINCRBY, ZREM…, Z…STORE  as they came, if they changed anything
//	ZPOPMIN k [n]                  as it came
//	ZMPOP, BZPOPMIN, BZMPOP        ZPOPMIN k, or with the number that was taken
//	GEOADD                         zadd, with the scores; GEO…STORE: as they came

// A zsetObject is a sorted set as a value.
type zsetObject struct{ zset.ZSet }

// empty is a sorted set for what a command computes, which may be stored.
func empty(c *engine.Ctx) *zsetObject { return &zsetObject{zset.New(c.Seed())} }

// limits are up to where a sorted set is a listpack.
func limits(c *engine.Ctx) zset.Limits { return limitsOf(c.Config()) }

func limitsOf(cfg *config.Config) zset.Limits {
	return zset.Limits{Entries: cfg.ZsetMaxListpackEntries.Get(), Value: cfg.ZsetMaxListpackValue.Get()}
}

// TypeName implements Object, like all below.
func (z *zsetObject) TypeName() string { return "zset" }

func (z *zsetObject) Encoding() string {
	if z.IsSmall() {
		return "listpack"
	}
	return "skiplist"
}

func (z *zsetObject) Clone() engine.Object { return &zsetObject{z.ZSet.Clone()} }

// View implements engine.Small, like Packed and, by the ZSet, Own.
func (z *zsetObject) View(_ engine.Form, b []byte) { z.ZSet.View(b) }

// Packed is the listpack of a small sorted set.
func (z *zsetObject) Packed() (engine.Form, []byte, bool) {
	b, ok := z.ZSet.Packed()
	return engine.FormZset, b, ok
}

func (z *zsetObject) Digest(d *engine.Digest) {
	d.MixNumber(engine.TypeZset)
	var text [decimal.DoubleLen]byte
	z.Each(func(b []byte, score float64) bool {
		var one engine.Digest
		one.Mix(b)
		one.Mix(decimal.AppendDouble(text[:0], score))
		d.Xor(one[:])
		return true
	})
}

// Foresee is what the engine tells of a pipeline (engine/foresee.go).
func (z *zsetObject) Foresee(glances []engine.Glance) {
	var wants [zset.MaxWants]zset.Want
	n := 0
	for _, g := range glances[:min(len(glances), len(wants))] {
		w := zset.Want{Member: g.Member}
		if g.Score != nil {
			w.Score, w.Moves = decimal.ParseScore(g.Score)
		}
		wants[n] = w
		n++
	}
	z.ZSet.Foresee(wants[:n])
}

// Commands is ZADD, several for a large sorted set.
func (z *zsetObject) Commands(key []byte, emit func(args ...[]byte) error) error {
	return engine.EmitCommands("ZADD", key, emit, func(item func(b []byte) bool) {
		z.Each(func(b []byte, score float64) bool {
			return item(decimal.AppendDouble(nil, score)) && item(slices.Clone(b))
		})
	})
}

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupSortedSet, Cats: spec.CatSortedSet,
		Commands: commands(),
		Codecs:   func(cfg *config.Config) []rdb.Codec { return []rdb.Codec{zsetCodec{cfg, maphash.MakeSeed()}} },
		Small:    map[engine.Form]engine.MakeSmall{engine.FormZset: makeSmall},
	}
}

func makeSmall(seed maphash.Seed) engine.Small { return &zsetObject{zset.New(seed)} }

func commands() []engine.Command {
	return slices.Concat(additions(), removals(), reads(), ranges(), oldRanges(), pops(), blockingPops(), algebra(), algebraStores(), draws())
}

// read looks key up for a read; nil: it is absent. false: the error was written.
func read(c *engine.Ctx, key []byte) (*zsetObject, bool) {
	return engine.ReadObject[*zsetObject](c, key)
}

// replyPairHead is what stands before a member and its score where there are several:
// in RESP3 each pair is an array.
func replyPairHead(w *resp.Writer) {
	if w.Proto() == resp.RESP3 {
		w.Array(2)
	}
}

// replyCount begins the reply of n members, with their scores if asked for.
func replyCount(w *resp.Writer, n int, scores bool) {
	if scores && w.Proto() != resp.RESP3 {
		n *= 2
	}
	w.Array(n)
}

// store stores the result of a …STORE command at its first key.
func store(c *engine.Ctx, z *zsetObject) { storeAt(c, c.Args[1], z, 1, c.Cmd.Name) }

// storeSpelled is store for a result to which another machine might not come: the log has
// its members.
func storeSpelled(c *engine.Ctx, z *zsetObject) {
	dest, n := c.Args[1], z.Len()
	gone := c.Remove(dest)
	if n > 0 {
		c.Propagate([]byte("DEL"), dest)
		_ = z.Commands(dest, func(args ...[]byte) error { // whose only errors are ours
			c.PropagateN(0, args...)
			return nil
		})
		c.PutObject(dest, z)
		c.Notify(engine.EventZset, c.Cmd.Name, dest)
	} else if gone {
		c.Propagate([]byte("DEL"), dest)
		c.Notify(engine.EventGeneric, "del", dest)
	}
	c.W.Int(int64(n))
}

// storeAt stores a result at dest, where nothing remains if it is empty, and replies with
// its size. It counts as that many changes.
func storeAt(c *engine.Ctx, dest []byte, z *zsetObject, changes int, event string) {
	n := z.Len()
	if n > 0 {
		c.PutObject(dest, z)
		c.PropagateSelfN(int64(changes))
		c.Notify(engine.EventZset, event, dest)
	} else if c.Remove(dest) {
		c.PropagateSelf()
		c.Notify(engine.EventGeneric, "del", dest)
	}
	c.W.Int(int64(n))
}
