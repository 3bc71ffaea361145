package hash

import (
	"hash/maphash"
	"math/bits"
	"slices"

	"regent/engine/hashtable"
	"regent/engine/listpack"
)

// Limits are up to where a hash is a listpack.
type Limits struct {
	Entries int64 // fields
	Value   int64 // bytes of a field or a value
}

const (
	// hashBytes is what a Hash takes without its fields.
	hashBytes = 64
	// maxListpack bounds a listpack in bytes whatever the limits say, as in Redis
	// (listpack.c, LISTPACK_MAX_SAFETY_LIMIT): its length has 32 bits.
	maxListpack = 1 << 30
	// pair is how many elements of the listpack a field is.
	pair = 2
)

// A Hash is fields with values. What its methods show is valid until the next call
// that changes the Hash.
type Hash struct {
	seed     maphash.Seed
	lp       listpack.Bare    // none: it is empty, or a table
	table    *hashtable.Table // not nil: the hashtable
	hint     int              // where find has found a field last in lp as it is, 0: nowhere
	shared   bool             // lp may be seen by a clone
	borrowed bool             // lp is View's
}

// New returns an empty hash. All of a server may share a seed.
func New(seed maphash.Seed) Hash { return Hash{seed: seed} }

// View makes h the hash that lp, a Bare, holds, without copying it: as long as
// it can be changed there, it is. An empty lp is an empty hash, which may use lp's
// capacity.
func (h *Hash) View(lp []byte) { *h = Hash{seed: h.seed, lp: lp, borrowed: lp != nil} }

// Packed is the listpack.Bare of a hash that is one, and not empty.
func (h *Hash) Packed() (lp []byte, ok bool) { return h.lp, len(h.lp) > 0 }

// Own takes what View has shown into memory of the hash's own.
func (h *Hash) Own() {
	if h.borrowed {
		h.lp, h.borrowed = slices.Clone(h.lp), false
	}
}

// Clone is a hash of its own: neither sees the other's changes, and they may be used
// from different goroutines at once.
func (h *Hash) Clone() Hash {
	to := *h
	switch {
	case h.table != nil:
		to.table = h.table.Clone()
	case h.borrowed:
		to.Own()
	default:
		h.shared, to.shared = true, true
	}
	return to
}

// Hashed reports whether it is a hashtable.
func (h *Hash) Hashed() bool { return h.table != nil }

// Len is the number of fields.
func (h *Hash) Len() int {
	switch {
	case h.table != nil:
		return h.table.Len()
	case len(h.lp) == 0:
		return 0
	}
	return h.lp.Len() / pair
}

// Bytes is the memory it takes; what clones share is counted in each.
func (h *Hash) Bytes() int64 {
	if h.table != nil {
		return hashBytes + h.table.Bytes()
	}
	return hashBytes + int64(cap(h.lp))
}

// find is the position of a field in the listpack; false: it is not there.
func (h *Hash) find(field []byte) (at int, found bool) {
	if len(h.lp) == 0 {
		return 0, false
	}
	e := listpack.ElementOf(field)
	if h.hint != 0 && e.Is(h.lp.Get(h.hint)) {
		return h.hint, true // as a command does that reads before it writes
	}
	at, _ = h.lp.Find(&e)
	if found = at < len(h.lp); found {
		h.hint = at
	}
	return at, found
}

// Get is the value of a field.
func (h *Hash) Get(field []byte) (v listpack.Value, ok bool) {
	if h.table != nil {
		v.Str, ok = h.table.Get(field)
		return v, ok
	}
	at, found := h.find(field)
	if !found {
		return v, false
	}
	return h.lp.Get(h.lp.Next(at)), true
}

// Has reports whether the field is there.
func (h *Hash) Has(field []byte) bool {
	if h.table != nil {
		return h.table.Has(field)
	}
	_, found := h.find(field)
	return found
}

// Growth is by how many bytes the listpack grows at most when the fields get those
// values: pairs are both in turn. For a hashtable it is 0.
func (h *Hash) Growth(pairs [][]byte) (n int) {
	if h.table != nil {
		return 0
	}
	for i := 0; i+1 < len(pairs); i += pair {
		value := listpack.ElementOf(pairs[i+1])
		if at, found := h.find(pairs[i]); found {
			at = h.lp.Next(at)
			n += max(value.BareSize()-(h.lp.Next(at)-at), 0)
			continue
		}
		field := listpack.ElementOf(pairs[i])
		n += field.BareSize() + value.BareSize()
	}
	return n
}

// Fit makes it a hashtable if one of the texts is too long for a listpack.
func (h *Hash) Fit(l Limits, texts ...[]byte) {
	if h.table != nil {
		return
	}
	sum := 0
	for _, b := range texts {
		if int64(len(b)) > l.Value {
			h.Spread()
			return
		}
		sum += len(b)
	}
	if len(h.lp)+sum > maxListpack {
		h.Spread()
	}
}

// Set gives a field a value, both of which are copied, and reports whether the
// field is new.
func (h *Hash) Set(field, value []byte, l Limits) (fresh bool) {
	if h.table == nil && (int64(max(len(field), len(value))) > l.Value || len(h.lp)+len(field)+len(value) > maxListpack) {
		h.Spread()
	}
	if h.table != nil {
		return h.table.Put(field, value)
	}
	e := listpack.ElementOf(value)
	at, found := h.find(field)
	h.unshare()
	if found {
		h.became(h.lp.Replace(h.lp.Next(at), &e))
		h.Limit(l) // which may be lower than when the fields came
		return false
	}
	f := listpack.ElementOf(field)
	switch {
	case len(h.lp) > 0:
	case cap(h.lp) < listpack.BareOverhead:
		h.became(listpack.NewBare(f.BareSize() + e.BareSize()))
	default:
		h.lp = listpack.InitBare(h.lp)
	}
	h.became(h.lp.Insert2(len(h.lp), &f, &e))
	h.Limit(l)
	return true
}

// Limit makes a hash of too many fields a hashtable.
func (h *Hash) Limit(l Limits) {
	if h.table == nil && int64(h.Len()) > l.Entries {
		h.Spread()
	}
}

// unshare makes the listpack the hash's own.
func (h *Hash) unshare() {
	if h.shared {
		h.lp, h.shared = slices.Clone(h.lp), false
	}
}

// became takes what a change has made of the listpack, in its place or elsewhere.
func (h *Hash) became(now listpack.Bare) {
	if cap(h.lp) == 0 || &h.lp[:1][0] != &now[0] {
		h.borrowed = false
	}
	h.lp, h.hint = now, 0
}

// Spread makes it a hashtable.
func (h *Hash) Spread() {
	if h.table != nil {
		return
	}
	t := hashtable.NewMap(h.seed)
	var field, value []byte
	h.Each(func(f, v listpack.Value) bool {
		field, value = f.AppendText(field[:0]), v.AppendText(value[:0])
		t.Put(field, value)
		return true
	})
	h.table, h.lp, h.shared, h.borrowed = t, nil, false, false
}

// Load makes h the hash of a listpack from outside, which it validates: pairs, and no field
// twice. It is a view of what is made of lp in the memory of room, if that has
// listpack.StripRoom for it.
func (h *Hash) Load(room, lp []byte, l Limits) error {
	b, err := listpack.StripPairs(room, lp, h.seed, nil)
	if err != nil {
		return err
	}
	if h.View(b); b.Len() == 0 {
		h.View(nil)
	}
	h.Limit(l)
	return nil
}

// Delete removes a field and reports whether it was there.
func (h *Hash) Delete(field []byte) bool {
	if h.table != nil {
		return h.table.Remove(field)
	}
	at, found := h.find(field)
	if !found {
		return false
	}
	h.unshare()
	if h.Len() == 1 {
		h.lp, h.hint = h.lp[:0], 0
		return true
	}
	h.became(h.lp.Delete(at, h.lp.Next(h.lp.Next(at)), pair))
	return true
}

// Each calls f with every field and its value until it returns false: those of a
// listpack as they came. f may not change the hash.
func (h *Hash) Each(f func(field, value listpack.Value) bool) {
	switch {
	case h.table != nil:
		h.table.Each(func(k, v []byte) bool { return f(listpack.Value{Str: k}, listpack.Value{Str: v}) })
	case len(h.lp) > 0:
		for p := h.lp.First(); p < len(h.lp); {
			q := h.lp.Next(p)
			if !f(h.lp.Get(p), h.lp.Get(q)) {
				return
			}
			p = h.lp.Next(q)
		}
	}
}

// Scan calls f with some fields and returns the next cursor, 0 at the end. A field
// that is there from the first call, with 0, to the last is shown at least once. f
// may not change the hash.
func (h *Hash) Scan(cursor uint64, f func(field, value listpack.Value)) (next uint64) {
	if h.table != nil {
		return h.table.Scan(cursor, func(k, v []byte) { f(listpack.Value{Str: k}, listpack.Value{Str: v}) })
	}
	h.Each(func(k, v listpack.Value) bool { f(k, v); return true })
	return 0
}

// Random is a field with its value, each as likely as another. There must be one.
func (h *Hash) Random(rnd func() uint64) (field, value listpack.Value) {
	if h.table != nil {
		k, v := h.table.Random(rnd)
		return listpack.Value{Str: k}, listpack.Value{Str: v}
	}
	i, _ := bits.Mul64(rnd(), uint64(h.Len()))
	p := h.lp.Nth(int(i) * pair)
	return h.lp.Get(p), h.lp.Get(h.lp.Next(p))
}
