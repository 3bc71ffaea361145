// Package set holds sets of byte strings: what the keyspace keeps at a key of
// type set. It knows no clock, no commands and no locks: its owner holds one
// around every call.
//
// A Set has one of two forms, Redis's (t_set.c), and never goes back from the
// second to the first:
//
//	intset      integers in order, Redis's layout to the byte (intset.go)
//	hashtable   anything
//
// What is small, the kernel keeps as bytes in its dictionary: an intset, or a
// listpack of the members, which is a hashtable to a client that asks for its encoding.
// A Set then is a View of them. The listpack has no hashes: up to listMax bytes a walk
// takes no longer than a lookup in a table does, whose cache lines are far apart.
package set
