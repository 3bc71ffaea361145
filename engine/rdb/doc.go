// Package rdb reads and writes RDB files: Redis's format for a whole keyspace
// at one moment. It is what a base file of the log, SAVE, a full copy to a
// follower, a backup and DUMP consist of. The package knows bytes alone: no
// files, sockets, clocks, and no engine. It writes version 10, as redis-server
// 7.0 does, and reads versions 1 to 12.
//
//	file     magic  item...  EOF  checksum
//	         |      |             '-- 8 bytes, CRC64 of all before it, little
//	         |      |                 endian; zeros: not computed. From version 5 on.
//	         |      '-- an opcode with its operands, or a key with its value
//	         '-- "REDIS" and four digits of version
//
//	FA key value          AUX: a fact about the file; unknown ones are passed over
//	FE n                  SELECTDB: the keys that follow are in database n
//	FB n m                RESIZEDB: it has n keys, m of them with an expiry
//	FC ms  (8 bytes LE)   EXPIRETIME_MS  .
//	FD sec (4 bytes LE)   EXPIRETIME     | of the next key
//	F8 seconds            IDLE           | (FREQ: one byte)
//	F9 counter            FREQ           '
//	t  key value          a key; the byte t says how its value is laid out (Type)
//	F5 text               FUNCTION2: a library
//	F7 id when... value   MODULE_AUX: what a module keeps outside keys
//	F4 slot n m           SLOT_INFO: sizes of one slot (version 12)
//	FF                    EOF
//
// Numbers that count something (n, m, seconds above, and every string's
// length) are written as a length:
//
//	00nnnnnn                      6 bits
//	01nnnnnn nnnnnnnn            14 bits, high byte first
//	10000000 + 4 bytes           32 bits, high byte first
//	10000001 + 8 bytes           64 bits, high byte first
//	11......                     not a length: a string in another encoding, below
//
// A string is its length and its bytes, or
//
//	C0 + 1 byte   C1 + 2 bytes   C2 + 4 bytes    an integer, little endian, signed
//	C3 + packed length + length + bytes          compressed with LZF (lzf.go)
//
// # What Regent adds
//
// All of it stands in AUX fields, which Redis passes over. regent-epoch,
// regent-offset and regent-history say where in the log the file was taken
// (Place). A file written with Sections, which includes its checksum, ends with an
// index:
//
//	... | section | section | ... | AUX regent-index | AUX regent-index-at | EOF | checksum
//	    '- SELECTDB, keys           '- text, 0, then for each section and for
//	                                   the index itself: offset, running CRC64
//
// A section begins with SELECTDB and so can be read without what stands before
// it; and the running checksums of its two ends prove it before a key of it is
// delivered. So LoadAt reads such a file with all cores and no shared work, and
// says of a damaged one which section it is. The index is text up to its zero
// byte, because redis-check-rdb prints AUX fields.
//
// # Reading
//
// Load takes any reader. One goroutine walks the bytes and finds where keys
// end, which is cheap; it cuts the stream into batches at these places,
// and workers decode a batch and hand it to the caller, which hashes and inserts.
// LoadAt takes something with random access and does the same section by
// section if there is an index, else it calls Load. Batches arrive in no order,
// from several goroutines, and are valid until the callback returns.
//
//   - Memory follows what has arrived, never what a length claims: at most
//     5 Workers + 2 buffers of batchBytes, and one that doubles while a single key
//     larger than that arrives. A value that is being skipped is not gathered.
//   - Every damage is a DamageError with an offset; a value of a type that
//     has no Codec is a TypeError with key and type, or is skipped and counted if
//     SkipUnknown is set. Either way, and on any error, what was already delivered
//     must be thrown away by the caller.
//   - The checksum of a stream is known at its end only: with Load the caller
//     has then been given keys of a file that may turn out to be damaged.
//   - Expiries are delivered as they are. Whether a key whose time has passed
//     is dropped depends on what is being loaded: the caller decides.
//   - What follows EOF is left alone (a file of an old append log goes on with
//     commands there) unless Whole is set; Summary.Bytes says where it begins.
//
// # What is lent
//
// A small value is copied into the keyspace's own memory, so what a codec has made of it is
// garbage at once; a million of them are a million objects for the collector. A worker that
// reads batches therefore lends a codec its objects (Lent), and what is unpacked or made of the
// value's bytes gets its room (Decoder.Room): both are good until the callback that gets the
// batch returns, and are then lent again. An object is as its last user has left it. A codec
// must not lend what the keyspace will keep as an object: one that has grown large is copied
// into one of its own first. An Undumper reads payloads of RESTORE in the same way; a value
// that is read by itself (Undump) has objects of its own.
//
// In engine/commands/keys, BenchmarkRestore: a hash of 100 fields fell from 13.4 to 6.1 µs
// and from 4.5 KB to no garbage, a string of 64 bytes from 2.1 to 1.0 µs. The largest parts are
// unpacking, which copies 8 or 16 bytes at a time where fewer are wanted, and the one pass that
// proves a listpack, strips it and looks for fields that come twice; then the checksum.
//
// # A new type
//
// A type joins by a Codec in the Registry: which type bytes it reads, which
// one it writes a value as, Encode and Decode. Nothing else in here changes:
// the walk that finds where values end knows all types of Redis up to 7.4.
package rdb
