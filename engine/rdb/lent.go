package rdb

// Small values by the million: what a codec makes of each lives no longer than the batch,
// so that the next batch has the same ones again.

const (
	// lentChunk is how many objects of a kind are made at once.
	lentChunk = 64
	// maxLent bounds the objects of a kind that a worker keeps; the rest of a batch gets
	// new ones.
	maxLent = 64 * lentChunk
)

// A lender has the objects of one kind.
type lender[T any] struct {
	chunks []*[lentChunk]T
	given  int
}

func (l *lender[T]) reset() { l.given = 0 }

func (l *lender[T]) next() *T {
	i := l.given
	if i == maxLent {
		return new(T)
	}
	if i == len(l.chunks)*lentChunk {
		l.chunks = append(l.chunks, new([lentChunk]T))
	}
	l.given++
	return &l.chunks[i/lentChunk][i%lentChunk]
}

// Lent is a T for a value that a keyspace copies, and so does not outlive the entry: it is
// lent again afterwards. It is as its last user has left it.
func Lent[T any](d *Decoder) *T {
	if !d.batches {
		return new(T)
	}
	for _, l := range d.lenders {
		if l, ok := l.(*lender[T]); ok {
			return l.next()
		}
	}
	l := &lender[T]{}
	d.lenders = append(d.lenders, l)
	return l.next()
}
