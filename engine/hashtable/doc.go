// Package hashtable is a set of byte strings, or a map of such to others, that is
// small, grows and shrinks in small steps, and is cloned at next to no cost: what
// large sets and hashes consist of. It knows no clock, no commands and no locks.
//
// # Pages
//
// Members are not Go strings, each an object that the collector has to mark and
// the allocator rounds up. They stand in pages of about pageLoad bytes:
//
//	page                                                         (page.go)
//	+---+-----+---------+---------+-----+--------+------+--------+--------+
//	| n | end | member  | member  | ... |  free  | ...  | slot 1 | slot 0 |
//	| 2 |  2  | 0       | 1       |     |        |      |   4    |   4    |
//	+---+-----+---------+---------+-----+--------+------+--------+--------+
//	slot: 15 bits of the hash, so that a member is looked at only when it is
//	very likely the one; 1 bit: it is large, and elsewhere; 16 bits: where it
//	begins. It ends where the next one begins.
//
// A page grows and shrinks with what it holds: 16-byte members cost 20 bytes and
// some slack. Members of more than maxInline bytes stand by themselves, and the
// page has a number of theirs. In a map a member is key and value (form.go); a
// value that is replaced by one of its length is written over.
//
// Resident bytes per element, 2 million of them with values or members of 8 bytes,
// and redis-server 7.0.15's: maps of 1,000 fields ("field:123") 33.9 (74.7), sets of
// 1,000 members 19.6 (58.1).
//
// # Growing
//
// Pages are the buckets of linear hashing (Litwin, VLDB 1980): a table of N
// pages becomes one of N+1 by splitting one page, and back by merging two. So
// growing and shrinking have steps of one page, whatever the size, without a
// second table and without a job that has to drive them. With N = 2^L + s the
// pages 0…s-1 and 2^L… have been split and are chosen by L+1 bits of the hash,
// the others by L.
//
// # Scan
//
// Read with its bits reversed, the hash is a place on a line, and each page has
// one interval of it. A cursor is the place that a walk has reached; a step
// shows the page which has that place and goes to the end of its interval. A
// split halves an interval, a merge joins two: a member's place never changes,
// so a member that is there throughout is seen, as Redis guarantees, and cursors
// look like Redis's.
//
// # Clones
//
//	Table ─► root ─► chunk of 64 pages ─► page
//
// A clone copies the root, a pointer for some thousand members. Everything below
// is shared until one of the two changes it: the chunk is copied, which is the
// headers of its pages, and the page. A number that goes up in both
// with every clone says which table owns a chunk, and a bit in the chunk says whether
// it owns a page: what can be reached from two tables is owned by neither, so it is never
// written again, and clones can be read without their original's lock.
//
// # Random
//
// Each member is as likely as every other: a place is drawn among as many as
// there were if every chunk held as much as the fullest, and drawn again if it
// is one beyond a chunk's end. The chunk knows how many each of its pages holds.
//
// # Why not engine/dict
//
// It keeps slabs of 256 KiB and tables of 4 KiB outside the heap, which is right
// for a shard and a thousand times too much for a small set, and its entries
// cannot be shared between clones. What is taken from it: tags, dense slots, the
// cursor.
package hashtable
