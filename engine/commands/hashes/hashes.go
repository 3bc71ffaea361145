// Package hashes is the room of hashes. engine/hash holds them; here is what a hash
// is as a value of the keyspace. change.go: fields come, change and go; read.go:
// what is in a hash; random.go: draws; rdb.go: RDB.
//
// In the log they are what redis-server writes:
//
//	HSET, HMSET, HSETNX, HDEL, HINCRBY  as they came, if they changed anything
//	HINCRBYFLOAT k f n                  HSET k f <result>
package hashes

import (
	"hash/maphash"
	"slices"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/hash"
	"regent/engine/listpack"
	"regent/engine/rdb"
	"regent/engine/spec"
	"regent/resp"
)

// A hashObject is a hash as a value.
type hashObject struct{ hash.Hash }

// limits are up to where a hash is a listpack.
func limits(cfg *config.Config) hash.Limits {
	return hash.Limits{Entries: cfg.HashMaxListpackEntries.Get(), Value: cfg.HashMaxListpackValue.Get()}
}

// TypeName implements engine.Small, like all below.
func (h *hashObject) TypeName() string { return "hash" }

func (h *hashObject) Encoding() string {
	if h.Hashed() {
		return "hashtable"
	}
	return "listpack"
}

func (h *hashObject) View(_ engine.Form, b []byte) { h.Hash.View(b) }

func (h *hashObject) Packed() (engine.Form, []byte, bool) {
	b, ok := h.Hash.Packed()
	return engine.FormHash, b, ok
}

func (h *hashObject) Clone() engine.Object { return &hashObject{h.Hash.Clone()} }

func (h *hashObject) Digest(d *engine.Digest) {
	d.MixNumber(engine.TypeHash)
	var text []byte
	h.Each(func(field, value listpack.Value) bool {
		var one engine.Digest
		text = field.AppendText(text[:0])
		one.Mix(text)
		text = value.AppendText(text[:0])
		one.Mix(text)
		d.Xor(one[:])
		return true
	})
}

// Commands is HMSET, several for a large hash.
func (h *hashObject) Commands(key []byte, emit func(args ...[]byte) error) error {
	return engine.EmitPairs("HMSET", key, emit, func(item func(a, b []byte) bool) {
		h.Each(func(field, value listpack.Value) bool {
			return item(field.AppendText(nil), value.AppendText(nil))
		})
	})
}

func makeSmall(seed maphash.Seed) engine.Small { return &hashObject{hash.New(seed)} }

// Room is what this package brings to an engine.
func Room() engine.Room {
	return engine.Room{
		Group: spec.GroupHash, Cats: spec.CatHash,
		Commands: commands(),
		Codecs:   func(cfg *config.Config) []rdb.Codec { return []rdb.Codec{hashCodec{cfg, maphash.MakeSeed()}} },
		Small:    map[engine.Form]engine.MakeSmall{engine.FormHash: makeSmall},
	}
}

func commands() []engine.Command {
	return slices.Concat(hashChanges(), hashReads(), hashCounters(), hashDraws())
}

// replyText replies with a field or a value.
func replyText(w *resp.Writer, v listpack.Value) {
	if v.IsInt {
		w.BulkInt(v.Int)
		return
	}
	w.Bulk(v.Str)
}
