// Package dict is the dictionary: keys to strings, numbers and handles, held
// outside Go's heap, so that neither marking nor the collector's headroom grows
// with the data.
//
// It is for one shard of one database, under one lock that its owner holds. It
// knows no clock, no commands and no types but strings and numbers. Other values
// are bytes of a form that its owner knows, while they are small (Packed: Edit and
// Repack change them in place, packed.go), or hang off an entry by a handle.
//
// # Layout
//
//	index of 64-byte buckets                     slabs of 256 KiB, one slot size each
//	+----------------------------------------+   +--------+--------+--------+----
//	| 10 refs of 4 | 10 tags of 2 | child: 4 |   | entry  | free   | entry  |
//	+----------------------------------------+   +--------+--------+--------+----
//	   ref ─────────────────────────────────────►  slab number, offset / 8
//	   tag: 16 bits of the hash, so that an entry is looked at only when it is
//	   very likely the one; child: one more bucket, when ten are too few
//
//	entry, 8 bytes and more (entry.go):
//	+----+-----+-------+------+--------+-----------+----------+-----+-------+
//	|kind|stamp|access |keylen|valuelen| wide: 2x4 | expiry 8 | key | value |
//	| 1  |  1  |   3   |  1   |   2    | (lengths) | (if any) |     |       |
//	+----+-----+-------+------+--------+-----------+----------+-----+-------+
//
// A bucket is a cache line: a lookup costs one for the bucket and one for the
// entry. There are no pointers and no links between entries: 16-byte keys with
// 64-byte values take 88 bytes and their share of a bucket, 8 to 16. Slot sizes
// go by 8 up to 512 bytes and by sixteenths of a doubling above; what is larger than
// 32 KiB has a span of its own (large.go), which it may have been read into from the client. A slab's memory is touched as it fills, so a
// small dictionary is small.
//
// Keys that expire stand in a second index of the same kind. Nothing is paid for
// in the others.
//
// # Growing
//
// An index doubles at 8 entries a bucket and halves below 1, bucket by bucket:
// each change moves one, Step moves more. While it moves there are two tables,
// and a key's place is in exactly one of them: in the new one if its old bucket
// has been moved. Big tables come from the system untouched and go back to it
// piece by piece, so no step takes long, however large the table.
//
// Cursors of Scan are Redis's: they count in reversed bits, so that a bucket's
// parts stay together when the table doubles or halves. An entry that is there
// from the first call to the last is seen at least once.
//
// # Giving back
//
// When a quarter of the slots of a size are free, or few while nothing is stored, Step
// empties the slab that holds least into the others, and the system gets its memory. Entries move
// then: a Ref is good until the next call that changes the Dict, and the bytes
// of a key or value as long as the lock is held. What is stored must not be the
// Dict's own bytes: clone a value to put it elsewhere.
//
// A Dict that is not used any more gives its memory back in steps of its owner's, without the
// lock (Part, Release). The system frees pages by madvise alone, never in munmap: while that
// frees them nobody in the process gets memory from the system.
//
// # Snapshots
//
// Every entry has a stamp, the number of the last snapshot that has seen it.
// The walk shows the entries whose stamp is an older one, and stamps them.
// A caller that changes or deletes an entry that the walk has not reached shows it
// first; new ones are stamped already. So a snapshot is exactly what was there
// when it began, each entry once, and costs as much memory as is changed while
// it is held up on its way out. Large values need not be copied at all: a Pin
// keeps the bytes, and the entry moves if it is changed meanwhile.
//
// # Invariants
//
//   - An entry stands in exactly one bucket of the main index, and in one of
//     the expiry index if and only if it expires.
//   - Buckets are dense: the refs of a chain have no gap, and only its last
//     bucket has room.
//   - A free slot's first byte is 0, an entry's never is.
//   - No slice into a slab is kept by the Dict's owner after its lock is
//     released. With Options.Poison tests find code that does.
package dict
