// Package list is the value behind the list commands: a sequence of strings that
// is quick at both ends, as Redis's quicklist is (quicklist.c).
//
//	List ── one node while that suffices: 48 bytes and the listpack
//	  '──── spine ── segment ── node ── listpack of up to list-max-listpack-size
//	           │        │   '── node ── listpack
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
// Resident bytes of each of 20 million elements, 30 s after the load, and redis-server
// 7.0.15's:
//
//	                                     listpack   here    redis-server
//	lists of 1,000 x 8 bytes               10.0     10.9       10.4
//	lists of 10,000 x 8 bytes              10.0     10.7       10.2
//	lists of 10,000 x 64 bytes             67.0     69.7       68.8
//
// Both are little more than their listpacks, and nothing less can be had while a node is
// one. What is on top here is an end node's room, a thirty-second of the list at most, and
// 2 % of Go's: a node of 8 KiB has a page of the heap, and the heap's record of a page
// takes 160 bytes. A full node has no room left.
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
