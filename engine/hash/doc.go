// Package hash holds hashes: fields with values, what the keyspace keeps at a key
// of type hash. It knows no clock, no commands and no locks: its owner holds one
// around every call.
//
// A Hash has one of two forms, Redis's (t_hash.c), and never goes back from the
// second to the first:
//
//	listpack    field, value, field, value … as they came, in a listpack.Bare
//	hashtable   engine/hashtable, field to value
//
// It becomes a hashtable with more than Limits.Entries fields, or when a field or a
// value is longer than Limits.Value. The kernel keeps the listpack of a small hash as
// bytes in its dictionary; a Hash is a View of them then, and changes them in place
// as long as there is room. A listpack that is too large for that is the Hash's own,
// and shared with clones until one of them changes it.
//
// What DUMP and RDB files have of the first is Redis's listpack, to the byte. Bytes of a
// field of 8 bytes and a value of 8 hexadecimal digits, resident, of 1.5 million, with the
// share of the key and what the server has grown by besides:
//
//	                Bare    listpack    redis-server 7.0.15
//	hash of 5       26.9      29.8            42.0
//	hash of 100     20.2      22.1            22.2
//
// A walk to a field of the listpack passes over half of the others on average, two
// steps each: with ten fields that is less than the cache misses of a table.
package hash
