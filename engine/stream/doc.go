// Package stream holds streams: entries of fields and values in the order of their IDs,
// and groups whose consumers read them. It knows no clock, no commands and no locks: its
// owner holds one around every call.
//
//	Stream ─┬─► nodes    tree: ID ─► node                      (stream.go, tree.go)
//	        └─► groups   by name ─► group ─┬─► pending  tree: ID ─► time, count, consumer
//	                                       └─► consumers by name ─► tree: IDs  (group.go)
//
// # Nodes
//
// A node is a listpack, to the byte what redis-server 7.0 has (t_stream.c), so that a
// stream in an RDB file is its nodes as they are. It begins with a master entry:
//
//	live | deleted | number of fields | field … | 0
//
// and goes on with entries, relative to the ID under which the node stands:
//
//	flags | ms | seq | [number of fields] | [field] value … | elements so far
//
// An entry with the master entry's fields (flag 2) leaves them out. One that is deleted
// stays, with a flag (1), until its node has none that lives. The last element leads back
// to the entry's first one, for walks in reverse.
//
// Entries come at the end. A node that is full (Limits) is packed (listpack.Packed), if that
// wins something; the next one begins with the entry that did not fit. A reader of a packed
// node makes the listpack again, some 5 us for one of 4 KiB; the stream keeps the one that was
// looked at last, for readers that go on from entry to entry, until a node is full. A node
// that is changed is a listpack from there on. What every XADD with MAXLEN or MINID asks of
// the first node stands beside it: how many entries live, and whether the first does.
//
// # Trees
//
// The nodes, what is pending in a group, and for which consumer, stand in B-trees of the same kind,
// which find an ID in O(log n). IDs mostly come in order: a leaf that fills up at the end
// leaves a full one behind.
//
// # Clones
//
// A clone copies the stream's head: everything below belongs to an owner, a name that the
// original and the clone both change when they part. A branch, a node, a group or a
// consumer that belongs to another owner is copied before it is changed. So COPY and
// snapshots take no time inside the lock, and a change after that copies the node, and
// the branches above.
//
// # Figures
//
// On a machine of two cores that others kept busy (go test -bench ., bench_test.go), with
// entries of five fields of 8 bytes and redis-server's default limits:
//
//	Append                                       1.0 µs
//	ten entries in the middle of a million       9.0 µs
//	an entry given to a consumer and taken back  2.2 µs, a thousand being pending
//	a clone of a million entries and an Append   10 µs, 6.9 KB
//	memory of a thousand entries                 37.5 KB, the values being hexadecimal digits;
//	                                             MEMORY USAGE of redis-server 7.0.15: 68.9 KB
//
// Listpacks alone take 60.8 KB. 1.5 million such entries take 47 bytes each, resident, and in
// redis-server 65. Without back lengths alone they would be some 50 bytes of a node and, as
// Go's heap gives out 4 KiB for what is more than 3,456 bytes, no less than before: so it is
// letters of few bits.
//
// # Invariants
//
//   - Len is the sum of the nodes' live entries, and Bytes that of all parts: both are
//     kept with each change, and no walk is needed.
//   - An ID that is pending in a group is pending for one consumer, which is the group's.
//   - First is the first live entry's ID; Last never falls but by XSETID.
//   - What came from outside was read to its last element (load.go).
package stream
