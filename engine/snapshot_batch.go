package engine

import (
	"encoding/binary"

	"regent/engine/config"
	"regent/engine/dict"
	"regent/engine/rdb"
)

// A SnapshotBatch is some entries of a snapshot, of one shard. They are packed, so
// that what waits costs little more than its bytes, and the collector nothing:
//
//	+------+----+----+--------+--------+--------+----------+-----+-------+
//	| held |kind| db | access | expiry | keylen | valuelen | key | value |
//	|  1   | 1  | 2  |   4    |   8    |   4    |    4     |     |       |
//	+------+----+----+--------+--------+--------+----------+-----+-------+
//
// A value that is pinned or an object stands in held, and valuelen is its place
// there.
type SnapshotBatch struct {
	buf    []byte
	n      int
	held   []heldValue
	weight int64 // bytes of all of it
	entry  SnapshotEntry
	run    *snapshotRun
}

// A heldValue is a value that is not in the batch's bytes.
type heldValue struct {
	bytes []byte
	pin   *dict.Pin
	obj   Object
}

const (
	// entryHead is what an entry takes beside key and value, in bytes.
	entryHead = 24
	// maxHeld bounds the values of a batch that are not in its bytes.
	maxHeld = 64
)

// A SnapshotEntry is one key. Its slices are valid until emit returns.
type SnapshotEntry struct {
	rdb.Meta
	DB    int
	Key   []byte
	Str   []byte
	Int   int64 // if IsInt
	IsInt bool
	Obj   Object // not nil: the value, of a type other than string
}

// add copies an entry and returns what that weighs. The shard is locked.
func (b *SnapshotBatch) add(r *snapshotRun, db int, d *dict.Dict, ref dict.Ref) int64 {
	v, key := d.Value(ref), d.Key(ref)
	kind, value, held := byte(v.Kind), v.Bytes, heldValue{}
	var digits [8]byte
	switch {
	case v.Kind == dict.Int:
		value = binary.LittleEndian.AppendUint64(digits[:0], uint64(v.Int))
	case v.Kind == dict.Object:
		held.obj = v.Obj.(Object).Clone()
	case len(value) > pinAbove:
		if held.pin = d.Pin(ref); held.pin != nil {
			held.bytes = value
		}
	}
	length, isHeld := len(value), byte(0)
	if held.obj != nil || held.pin != nil {
		length, isHeld, value = len(b.held), 1, nil
		b.held = append(b.held, held)
	}
	at := len(b.buf)
	b.buf = append(b.buf, isHeld, kind)
	b.buf = binary.LittleEndian.AppendUint16(b.buf, uint16(db))
	b.buf = binary.LittleEndian.AppendUint32(b.buf, d.Access(ref))
	b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(d.ExpireAt(ref)))
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(len(key)))
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(length))
	b.buf = append(append(b.buf, key...), value...)
	weight := int64(len(b.buf)-at) + int64(len(held.bytes))
	if held.obj != nil {
		weight += min(held.obj.Bytes(), pinAbove) // a large one is shared but for what changes
	}
	b.n++
	b.run = r
	b.weight += weight
	return weight
}

// Len is the number of entries.
func (b *SnapshotBatch) Len() int { return b.n }

// Each calls f with every entry; the entry is the same one each time.
func (b *SnapshotBatch) Each(f func(*SnapshotEntry) error) error {
	for p := b.buf; len(p) > 0; {
		p = b.next(p)
		if err := f(&b.entry); err != nil {
			return err
		}
	}
	return nil
}

// next reads the entry that p begins with and returns the rest.
func (b *SnapshotBatch) next(p []byte) []byte {
	en := &b.entry
	*en = SnapshotEntry{DB: int(binary.LittleEndian.Uint16(p[2:])), IsInt: dict.Kind(p[1]) == dict.Int}
	en.Expire = int64(binary.LittleEndian.Uint64(p[8:]))
	b.run.used(&en.Meta, binary.LittleEndian.Uint32(p[4:]))
	n, length := int(binary.LittleEndian.Uint32(p[16:])), int(binary.LittleEndian.Uint32(p[20:]))
	en.Key = p[entryHead : entryHead+n : entryHead+n]
	rest := p[entryHead+n:]
	switch {
	case p[0] != 0:
		h := &b.held[length]
		en.Str, en.Obj = h.bytes, h.obj
		return rest
	case en.IsInt:
		en.Int = int64(binary.LittleEndian.Uint64(rest))
	case dict.Kind(p[1]).IsPacked():
		en.Obj = b.run.view(Form(dict.Kind(p[1]).Form()), rest[:length:length])
	default:
		en.Str = rest[:length:length]
	}
	return rest[length:]
}

// view shows a small value as an object, until the next one is shown.
func (r *snapshotRun) view(f Form, packed []byte) Object {
	if r.views[f] == nil {
		r.views[f] = r.e.newView(f)
	}
	r.views[f].View(f, packed)
	return r.views[f]
}

// unpin ends the pins. The shard is locked.
func (b *SnapshotBatch) unpin() {
	for i := range b.held {
		if p := b.held[i].pin; p != nil {
			p.Unpin()
		}
	}
	clear(b.held)
	b.held = b.held[:0]
}

// reset empties the batch.
func (b *SnapshotBatch) reset() {
	b.buf, b.n, b.weight, b.entry = b.buf[:0], 0, 0, SnapshotEntry{}
}

// useKind says what is written of a key's use: with a policy that evicts by it,
// as in Redis.
func (e *Engine) useKind() rdb.UseKind {
	switch e.Config.MaxMemoryPolicy.Get() {
	case config.VolatileLRU, config.AllKeysLRU:
		return rdb.UseIdle
	case config.VolatileLFU, config.AllKeysLFU:
		return rdb.UseFreq
	}
	return rdb.UseUnknown
}

// used reads access bits as of the cut.
func (r *snapshotRun) used(m *rdb.Meta, access uint32) {
	switch m.UseKind = r.use; r.use {
	case rdb.UseIdle:
		m.Use = uint64(idleSeconds(access, r.now))
	case rdb.UseFreq:
		m.Use = uint64(r.e.lfuDecayed(access, r.now))
	}
}
