// Package list is the value behind the list commands: a sequence of strings that
// is quick at both ends, as Redis's quicklist is (quicklist.c).
//
//	List ── one node while that suffices: 48 bytes and the listpack
//	  '──── spine ── segment ── node ── listpack of up to list-max-listpack-size
//	           │        │   '── node ── what is left of one whose elements are alike (Even)
//	           │        '── counts its elements
//	           ├─── segment ── node ...    up to segmentNodes of them
//	           '─── ...
//
// Looking for an index passes over segments and then nodes by their counts, from
// the nearer end: with a million elements, some thirty steps of one kind and up
// to segmentNodes of the other.
//
// How large a node may be (Fill) is asked at each push, so CONFIG SET changes it for lists
// that are there as well; redis-server's lists keep the size with which they began until
// they are loaded anew. A small list is its bytes in the dictionary, which has no place for
// a size of its own. Nodes that are there are not divided or joined.
//
// An element that is larger than a node should be has a node of its own, whatever
// its size. list-compress-depth has no effect: nodes are not compressed.
//
// # Memory
//
// A node that is full, and to which nothing more will come at its end, gives up its room.
// If its elements are equally long it gives up their lengths as well, what all of them begin
// with, and of each byte the bits that tell nothing because all are made of few different
// ones, as hexadecimal digits and base64 are (listpack.Even): ids, hashes, fixed records.
// Such a node is read where it is, and an element found without a walk; one of 64
// hexadecimal digits takes some 0.1 us to unpack. A change makes a listpack of it again; a
// listpack of 8 KiB takes some 10 us. DUMP, RDB and where nodes end do not show it.
//
// Bytes of an element in lists of 10,000, as the values count them, and of redis-server
// 7.0.15:
//
//	                                     listpacks   here    redis-server
//	8 hexadecimal digits                   10.2       4.2       10.0
//	8 random bytes                         10.2       8.2       10.1
//	a number of 10 digits                   6.0       4.2        6.1
//	a UUID as text, 36 bytes               38.3      23.9       38.4
//	32 letters of base64                   34.3      24.9       34.4
//	64, the first 56 of them 0             67.5       5.8       67.5
//	64 random hexadecimal digits           67.5      33.0       67.5
//	64 random bytes                        67.5      67.5       67.5
//
// The last row is the bound: 64 bytes that have nothing in common take 64 bytes, 0.95 of
// redis-server's, and Go's heap gives out 8 KiB for all that is more than 6.75 KiB. So a
// node whose elements are long and differ remains a listpack (evenShare).
//
// Resident, 3 million elements take 0.5 to 1.5 bytes each on top, which is the heap's own:
// its records of pages, and holes that a collection has left.
//
// # Clones
//
// A clone has a spine of its own and shares the segments. A change of a
// shared segment copies its nodes first, and a change of a node with a shared
// listpack copies the listpack:
//
//	original ── spine ──┬─► segment (shared) ── node, node, ...
//	clone ───── spine ──┘
//	original ── spine ────► segment ── node (shared), node of its own, ...
//
// The marks are set while a segment or a node has one owner, and never taken
// back: so lists that share need no lock between them. The price is one copy too
// many once the other list is gone.
package list
