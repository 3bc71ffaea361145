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
// An element that is larger than a node should be has a node of its own, whatever
// its size. list-compress-depth has no effect: nodes are not compressed.
//
// # Memory
//
// 2 million elements of 8 bytes in lists of 1,000 take 13.8 bytes each, in lists of
// 10,000 13.9; those of 64 bytes in lists of 10,000 take 71.7. redis-server 7.0.15
// takes 10.4, 10.3 and 68.8. Either has little beside the listpacks; what is on top
// here is the collector's headroom (cmd/regent/collector.go).
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
