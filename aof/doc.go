// Package aof is the log on disk: one append-only stream of records that is
// at once what a node remembers and what its followers copy.
//
// It stores, checks, repairs, cuts and reads back. It does not know what a
// command does, which node leads, or when a reply may leave: those ask it how far it
// is written (Stream.End) and how far it is durable (Durable).
//
// # Offsets
//
// An offset is a byte position in the stream, counted from the first record
// ever. Records are commands in RESP, with the SELECT, MULTI and EXEC they
// need, and one line for each epoch, before its first command. These bytes
// count and no others, so that two nodes that hold the same records have the
// same offsets, however their disks cut them into writes: equal (epoch,
// offset) means equal bytes up to there. Every offset that means anything lies
// between two units: a record, or all from MULTI to EXEC.
//
// # Files
//
// The shape is that of Redis 7: a directory, a manifest, at most one base file
// with the state of some moment, and incr files with what came after it.
// redis-server 7 loads what is written here.
//
//	appendonlydir/
//	  appendonly.aof.manifest        which files, in which order
//	  appendonly.aof.1.base.rdb      state: RDB, or commands
//	  appendonly.aof.1.incr.aof      the stream
//	  appendonly.aof.2.incr.aof      ... goes on; the last one is written to
//	  lock                           keeps a second server out
//	  truncation                     a cut that is under way (truncate.go)
//	  temp-*                         being made; swept at the next start
//
// An incr file is a head and then groups, one for each write to the disk:
//
//	#S+168 1f0c4a7e 5b2d9c11\n                 head: its length and checksums
//	#REGENT 1 4711 0 8c1e22f0 false\n          version, start offset, database, salt, imported
//	#BEGAN 3 7001 2980\n                       epoch, leader, where: the history
//	*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n          for Redis, which begins each file in 0
//	#S-3 4711 77ab01d4\n
//	#G+58 9d31f6a2 04c8e1b7\n                  group: length, checksum, the line's own checksum
//	*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n  the stream: what offsets count
//	#EPOCH 4 7003\r\n                          also the stream: epoch 4 begins, 7003 leads
//	...
//	#G-4 4769 e2f0719a\n                       epoch and offset here, the line's own checksum
//	#G+...
//
// Redis skips a line that begins with # where a command could begin, up to
// 1023 bytes of it; at 1024 it refuses the file. The longest line here is
// under 100.
//
// All checksums are CRC-32C. Those of a group's lines begin with the file's
// salt, a random number: a client cannot put a line into a value that passes
// for one of the log's, nor can an old block of another file.
//
// # What can be told apart at a start
//
// A crash leaves a piece of the last write, or of the last few that were not
// synced. Nobody was told that they had happened, so they may go. Rot hits
// anything, also what somebody relies on, so it must be refused. A group is
// written from its opening line to its closing line, in one piece but for large
// arguments (lent.go), so:
//
//	opening  bytes     closing   in the last file, nothing valid behind it
//	good     match     good      a good group
//	good     match     not       keep: the checksum proves the bytes; write the closing line anew
//	good     do not    good      refuse: the write had reached its end, the bytes were good once
//	good     do not    not       cut: the write did not reach its end
//	good     too few   -         cut: likewise
//	none     -         -         cut: zeros, garbage, part of an opening line
//
// Behind means anywhere up to the end of the file: if a valid line follows,
// something later was written after this, and this is damage, and refused. So
// is everything but a good group in any file but the last. One flipped bit in
// a fully written log is therefore always refused, or harmless (in the last
// closing line); zeros and torn writes at the end never stop a start.
//
// Not told apart: two faults in the last group, its opening or its bytes and
// its closing line too, look like a torn write. And a power loss in which the
// disk kept a later part of the unsynced tail but not an earlier one looks like
// damage: the start is refused, and a person decides. Both need more than one
// fault, or a disk that reorders what it was not asked to sync.
//
// A refusal is a DamageError: file, offset in it, stream offset, the number of
// good records before.
//
// # What Redis wrote
//
// Files without a head are Redis's. They are loaded without checksums, and
// their torn end is cut as Redis would. If they, or records that Redis
// appended behind Regent's groups, are the end of the log, the log is taken
// over: a new file begins, whose head says imported, at an offset as high as
// the bytes before it are many, in no epoch. No node can then mistake this data
// for a part of a history it shares: a follower's copy of it is a full copy.
//
// Which data wins is never a question of which file is newer. The manifest alone says what the
// log is, Redis's or Regent's; one old-style file beside the directory is moved into it where
// the directory holds no log (upgrade.go), and is left alone where it does: a log that
// acknowledged writes is never replaced by what lies beside it. A node that was a part of a
// cluster loads nothing but its log (package persist). Until a record stands in the new
// file, taking over begins again at each start: Redis's files may go on, or be repaired, and
// a crash in the middle leaves nothing behind. From the first record on they are the
// beginning of Regent's log: a file that somebody puts in their place is loaded if it is
// whole, and its torn end refuses the start, because what follows was built on what is gone.
//
// Scripts in such a log (Redis before 7 writes EVAL itself) are carried out, without asking
// which user or whether there is memory; an error that one ends with is no damage, as in Redis.
//
// Manifests are checked as strictly as Redis checks them, and what is wrong with one, or with a
// file of commands, is told in Redis's words: people and tools look for them.
//
// A file whose first three bytes are those of a head, but for a flipped bit or
// two, is Regent's with a damaged head, and never taken for one of Redis's.
//
// # Loading
//
// One goroutine reads, proves and parses; Records may carry out what it read
// later and on many cores, in an order that makes the same data
// (engine.BulkApplier). A record that fails is then found out late: the files are
// walked once more to name its place, and nothing is cut before everything ahead
// of the cut is known to be good.
//
// # Checking
//
// Check makes the walk of a start offline and changes nothing: what it calls
// whole a start loads, what it calls torn a start cuts by itself, what it calls
// damaged a start refuses. It also counts what can be read behind the first
// damage, so that a person knows what a cut there loses before asking for it.
// It does not carry records out: a record that is whole but wrong, which no
// single fault makes, is the start's to find.
//
// # Writing
//
// Append copies into memory under one lock, but for large arguments, which are lent
// to it (lent.go). Seal writes the pending writes:
// seal.go tells how many callers share one write. The fsync runs on a
// goroutine of its own (sync.go). An error of either ends writing for good:
// nothing is tried again as if it had not happened, since after a failed fsync
// the system may have dropped the pages and call the next one a success.
//
// # Large values
//
// Nothing here holds a large value once more: it is written from where it is
// (lent.go), and groups of more than largeGroup bytes are read in pieces (big.go), a
// start and a cut inside of one apart. Three nodes, one SET of 200 MB: leader and
// followers need 2.1 times the value at most, where it was 7.1 times before.
//
// Invariants:
//
//   - Durable <= End <= what was appended; they rise, and fall in Truncate alone.
//   - What Durable has covered comes back at the next start.
//   - What comes back is a prefix of what was appended, in whole units.
//   - A file that the manifest lists has a synced head; one that it does not
//     list holds nothing that counts.
package aof
