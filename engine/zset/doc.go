// Package zset holds sorted sets: byte strings, each with a score, in the order of
// scores and among equal ones of bytes. It knows no clock, no commands and no locks: its
// owner holds one around every call.
//
// A ZSet has one of two forms (t_zset.c has them, too):
//
//	listpack   member, score, member, score …   small.go: a listpack.Bare; Redis's in DUMP and RDB
//	tree       what OBJECT ENCODING calls a skiplist
//
// In the first nothing leads back to the pair before. A walk in reverse notes on its way to
// where it begins where the pairs stand.
//
// # Tree
//
//	root ─► inner ─► inner ──number──► leaf     a B-tree in order (tree.go, inner.go)
//	                                     ▲
//	hash of a member ─► index ──number───┘      member to leaf (index.go)
//
// An element stands once, in a leaf:
//
//	leaf                                                            (leaf.go)
//	+--------+--------+-----+------+------+------+---------------------------+
//	| score  | score  | ... | ends | tags | bits | member member member ...   |
//	|   8    |   8    |     | 2 …  | 1 …  |      | in a buffer of their own   |
//	+--------+--------+-----+------+------+------+---------------------------+
//	ends: where each member ends in the buffer. tags: 8 bits of each member's hash,
//	eight of which are compared at once. bits: which members are large (more than
//	maxInline bytes) and stand by themselves.
//
// Inner nodes count the elements below each child, so a rank, the element of a rank, and
// how many have a lower score are each one way down. Every range of a command is turned
// into ranks first (Below, LexRange), and walked from its first one on. Between two
// children stands a separator: the score where the right one begins, and only if the
// left one ends with the same score as much of the member as is needed to tell them
// apart. A leaf that fills up at an end of the tree is not halved: what comes in order
// leaves full leaves behind.
//
// The index is linear hashing, as in package hashtable: pages of entries, 8 bytes each,
// half of a hash and the number of a leaf. With 32 bits of the hash kept, pages split
// and join without a look at a member. Leaves are named by numbers, so that a leaf may be
// copied without a change of the index; what moves to another leaf, half of one when it
// is split, has its entries changed.
//
// An element whose score changes and that stays between its neighbours, or at least in
// its leaf, needs no way down at all: ZINCRBY mostly finds it so. One that moves to another
// leaf has its entry of the index changed.
//
// # Invariants
//
//   - Leaves are not empty, and no inner node but the root of an empty tree is. A leaf or
//     a node that has become small joins a neighbour if the two do not fill much of one;
//     so a tree that shrinks has about as many as one that grows.
//   - A separator is after all that stands left of it, and not after what stands right.
//   - An entry of the index names the leaf that has the member.
//
// # Clones
//
// A clone copies the root's pointer, and one for some thousand elements: of the table
// that finds leaves by their numbers, and of the index. Everything below is shared until
// one of the two changes it, and copies what it changes: a leaf, the inner nodes above
// it, a page. A number that goes up in both with every clone says what belongs to one
// alone: what can be reached from two trees was made under a lower number than either
// has now. So clones can be read without their original's lock.
//
// # Why not a skiplist
//
// One million members of 16 bytes with random scores, this tree and a skiplist with spans
// beside a Go map, in one run on a busy machine of 2 cores, 100,000 operations each:
//
//	                                skiplist      tree
//	ZADD of a new member             17.1 µs      5.7 µs
//	ZRANK                            18.1 µs      4.1 µs
//	100 from a random rank           65.7 µs      5.2 µs
//	a collection of the heap          597 ms     11.5 ms
//	memory for each element           157 B        47 B     redis-server 7.0.15: 128 B
//
// A skiplist is a cache miss for each node that it passes, and a pointer or more for the
// collector. 200 members take 51 B each, 100,000 take 47 B. A clone of a million takes
// 3.3 µs.
//
// Beside redis-server 7.0.15 with a million members of 16 bytes, 50 clients, 16 commands at
// a time, µs of CPU for each command, medians of 3 interleaved rounds on that machine:
//
//	                                     redis-server   Regent
//	ZADD of another score                     8.7         4.8
//	ZADD of a new member                      5.8         3.9
//	ZRANK                                     5.2         2.6
//	ZRANGE of 100 in the middle               6.4         3.2
//	ZRANGE of 10 in the middle                1.25        1.15
//
// Foresee (foresee.go) has the memory of several members asked for before they are looked at,
// as engine/foresee.go does where a pipeline is for one key. In that server, with and without
// it, µs of CPU: ZRANK 2.4 and 2.9, ZADD of another score 5.9 and 6.0; on a machine that others
// kept busy.
// A leaf that is split, or joins another, does the same for the pages of the index that name its
// members: ZADD of random scores into a million members that came in order, whose leaves are full
// and split, took 12.0 µs and takes 5.8, beside 6.5 to 7.6 of redis-server.
//
// # Scan
//
// A cursor is a place in the index, as in package hashtable: splitting and joining leave
// every member's place as it is.
package zset
