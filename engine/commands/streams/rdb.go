package streams

import (
	"encoding/binary"
	"slices"

	"regent/engine/rdb"
	"regent/engine/stream"
)

// A streamCodec is a stream in RDB:
//
//	count (ID, listpack)…   length  last ID
//	first ID  highest deleted ID  entries added                 since 7.0
//	count groups: name  last ID  entries read (7.0)
//	              count (ID, time, deliveries)…                 what is pending
//	              count (name, seen, active (7.2), count ID…)…  consumers
//
// What 5.0 to 7.2 wrote is read; of 7.2's nothing is kept of when a consumer was active.
type streamCodec struct{}

// idBytes is how long an ID is that stands as it is, the high bytes first.
const idBytes = 16

// Kind is "stream".
func (streamCodec) Kind() string { return "stream" }

// Types are those of Redis 5.0, 7.0 and 7.2.
func (streamCodec) Types() []rdb.Type {
	return []rdb.Type{rdb.TypeStream, rdb.TypeStream2, rdb.TypeStream3}
}

// Pick is Redis 7.0's.
func (streamCodec) Pick(any) rdb.Type { return rdb.TypeStream2 }

// Encode writes the nodes as they are, and the groups.
func (streamCodec) Encode(e *rdb.Encoder, _ rdb.Type, v any) {
	s := v.(*streamObject)
	e.Length(uint64(s.Nodes()))
	s.Packs(func(at stream.ID, lp []byte) bool {
		e.String(rawID(at))
		e.String(lp)
		return true
	})
	e.Length(uint64(s.Stream.Len()))
	for _, id := range []stream.ID{s.Last, s.First, s.MaxDeleted} {
		e.Length(id.MS)
		e.Length(id.Seq)
	}
	e.Length(s.Added)
	e.Length(uint64(s.GroupCount()))
	s.Groups(func(g stream.Group) bool {
		encodeGroup(e, g)
		return true
	})
}

func encodeGroup(e *rdb.Encoder, g stream.Group) {
	e.String([]byte(g.Name()))
	e.Length(g.Last().MS)
	e.Length(g.Last().Seq)
	e.Length(uint64(g.Read()))
	e.Length(uint64(g.PendingCount()))
	for w := g.PendingFrom(stream.ID{}, nil); w.Next(); {
		e.Raw(rawID(w.ID))
		e.Uint64(uint64(w.Time))
		e.Length(uint64(w.Count))
	}
	e.Length(uint64(g.ConsumerCount()))
	g.Consumers(func(consumer *stream.Consumer, seen int64, pending int) bool {
		e.String([]byte(consumer.Name()))
		e.Uint64(uint64(seen))
		e.Length(uint64(pending))
		for w := g.PendingFrom(stream.ID{}, consumer); w.Next(); {
			e.Raw(rawID(w.ID))
		}
		return true
	})
}

func rawID(id stream.ID) []byte {
	raw := binary.BigEndian.AppendUint64(make([]byte, 0, idBytes), id.MS)
	return binary.BigEndian.AppendUint64(raw, id.Seq)
}

func idOf(raw []byte) stream.ID {
	return stream.ID{MS: binary.BigEndian.Uint64(raw), Seq: binary.BigEndian.Uint64(raw[8:])}
}

// A decoder reads the pieces of a stream up to the first error. What it is given with each is
// the fault if that is not there.
type decoder struct {
	d   *rdb.Decoder
	t   rdb.Type
	s   *streamObject
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) length(short rdb.Fault) uint64 {
	if d.err != nil {
		return 0
	}
	n, err := d.d.Length()
	d.fail(short.Because(err))
	if err != nil {
		return 0
	}
	return n
}

func (d *decoder) string(short rdb.Fault) []byte {
	if d.err != nil {
		return nil
	}
	b, err := d.d.String()
	d.fail(short.Because(err))
	return b
}

func (d *decoder) time(short rdb.Fault) int64 {
	if d.err != nil {
		return 0
	}
	n, err := d.d.Uint64()
	d.fail(short.Because(err))
	return int64(n)
}

func (d *decoder) id(short rdb.Fault) stream.ID {
	return stream.ID{MS: d.length(short), Seq: d.length(short)}
}

func (d *decoder) raw(short rdb.Fault) stream.ID {
	if d.err != nil {
		return stream.ID{}
	}
	b, err := d.d.Raw(idBytes)
	if d.fail(short.Because(err)); err != nil {
		return stream.ID{}
	}
	return idOf(b)
}

// Decode reads a stream.
func (streamCodec) Decode(rd *rdb.Decoder, t rdb.Type) (any, error) {
	d := decoder{d: rd, t: t, s: newStream()}
	for n := d.length(rdb.ShortNodes); n > 0 && d.err == nil; n-- {
		d.node()
	}
	s := d.s
	if length := d.length(rdb.ShortMeta); d.err == nil && length != uint64(s.Stream.Len()) {
		d.fail(rdb.FaultStreamLength)
	}
	s.Last = d.id(rdb.ShortMeta)
	if t == rdb.TypeStream {
		s.Added = uint64(s.Stream.Len())
		s.FindFirst()
	} else {
		s.First, s.MaxDeleted = d.id(rdb.ShortMeta), d.id(rdb.ShortMeta)
		s.Added = d.length(rdb.ShortMeta)
	}
	for n := d.length(rdb.ShortGroups); n > 0 && d.err == nil; n-- {
		d.group()
	}
	return s, d.err
}

func (d *decoder) node() {
	at := d.string(rdb.ShortNodeID)
	if d.err == nil && len(at) != idBytes {
		d.fail(rdb.FaultStreamID)
		return
	}
	id := stream.ID{}
	if d.err == nil {
		id = idOf(at)
	}
	lp := d.string(rdb.ShortNode)
	if d.err != nil {
		return
	}
	switch err := d.s.AddNode(id, slices.Clone(lp)); err {
	case stream.ErrTwice:
		d.fail(rdb.FaultNodeTwice)
	default:
		d.fail(rdb.FaultStreamListpack.Because(err))
	}
}

func (d *decoder) group() {
	name, last := slices.Clone(d.string(rdb.ShortGroupName)), d.id(rdb.ShortGroupID)
	read := int64(stream.NotRead)
	if d.t == rdb.TypeStream {
		if n, ok := d.s.Distance(last); ok {
			read = int64(n)
		}
	} else {
		read = int64(d.length(rdb.ShortGroupRead))
	}
	if d.err != nil {
		return
	}
	if !d.s.CreateGroup(name, last, read) {
		d.fail(rdb.FaultGroupTwice)
		return
	}
	g, _ := d.s.EditGroup(name)
	for n := d.length(rdb.ShortPendings); n > 0 && d.err == nil; n-- {
		id, time, count := d.raw(rdb.ShortPendingID), d.time(rdb.ShortPending), d.length(rdb.ShortPending)
		if d.err == nil && !g.LoadPending(id, time, int64(count)) {
			d.fail(rdb.FaultPendingTwice)
		}
	}
	for n := d.length(rdb.ShortConsumers); n > 0 && d.err == nil; n-- {
		d.consumer(g)
	}
	if d.err == nil && !g.AllAssigned() {
		d.fail(rdb.FaultNoConsumer)
	}
}

func (d *decoder) consumer(g stream.Group) {
	name := slices.Clone(d.string(rdb.ShortConsumerName))
	seen := d.time(rdb.ShortSeen)
	if d.t == rdb.TypeStream3 {
		d.time(rdb.ShortSeen)
	}
	if d.err != nil {
		return
	}
	consumer := g.AddConsumer(name, seen)
	if consumer == nil {
		d.fail(rdb.FaultConsumerTwice)
		return
	}
	for n := d.length(rdb.ShortAssigned); n > 0 && d.err == nil; n-- {
		id := d.raw(rdb.ShortAssignedID)
		if d.err != nil {
			return
		}
		switch err := g.Assign(id, consumer); err {
		case stream.ErrNotPending:
			d.fail(rdb.FaultNotPending)
		default:
			d.fail(rdb.FaultAssignedTwice.Because(err))
		}
	}
}
