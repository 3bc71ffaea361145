// Package hash holds hashes: fields with values, what the keyspace keeps at a key
// of type hash. It knows no clock, no commands and no locks: its owner holds one
// around every call.
//
// A Hash has one of two forms, Redis's (t_hash.c), and never goes back from the
// second to the first:
//
//	listpack    field, value, field, value … as they came, to the byte as in Redis
//	hashtable   engine/hashtable, field to value
//
// It becomes a hashtable with more than Limits.Entries fields, or when a field or a
// value is longer than Limits.Value. The kernel keeps the listpack of a small hash as
// bytes in its dictionary; a Hash is a View of them then, and changes them in place
// as long as there is room. A listpack that is too large for that is the Hash's own,
// and shared with clones until one of them changes it.
//
// A walk to a field of the listpack passes over half of the others on average, two
// steps each: with ten fields that is less than the cache misses of a table.
package hash
