// Package backup holds the tools that work on a whole copy of the data, beside
// the server:
//
//	regent check-rdb FILE|-                        what an RDB file holds, and where it is damaged
//	regent check-aof [--fix] DIR|MANIFEST|FILE     whether a log is whole, what a cut loses; cuts it
//	regent backup --from host:port --to DIR|-      a consistent copy of a running node
//	regent restore --from FILE|DIR|- --to DIR      a data directory made of such a copy
//
// A copy is one RDB file. Every byte of it is decoded and its checksum proven
// while it passes: a copy that cannot be read later is not reported as made.
// What is on a disk is written aside, synced, renamed, and the directory
// synced; there is never half a copy under a name that counts. Values of types
// that Regent does not have are copied as they are, and mentioned.
//
// # How a copy travels
//
// From Regent, on a client connection, after AUTH where a password is set:
//
//		client    REGENT BACKUP
//		server    "\n" ...                         any number, at most 10 s apart: not ready yet
//		          "$EOF:" delimiter "\r\n"         40 random bytes of hex
//		          an RDB file                      of any length
//		          delimiter                        the same 40 bytes, without CR LF
//
//	  - The file is the state at one offset of the log, all of it committed, and
//	    says which: regent-epoch, regent-offset and regent-history stand in its
//	    header. It has a checksum.
//	  - Before "$EOF:" the server may answer with an error instead, as to any
//	    command. After it an error is a closed connection: the client then has
//	    neither the file's own end nor the delimiter, and throws away what it got.
//	  - Behind the delimiter the server closes the connection.
//	  - Both leaders and followers answer; a follower copies what it has applied.
//	  - The server makes the file as fast as the client takes it. It does not
//	    collect it: a client that takes nothing for the time that `timeout` or
//	    the limit for replicas' output buffers allows is dropped.
//
// A server that does not know the command is taken for Redis, and asked as a
// replica asks: REPLCONF capa eof, REPLCONF rdb-only 1 (which servers before
// 7.0 refuse, and which spares them the stream that would follow), SYNC. The
// answer has the form above, or "$length\r\n" and the file.
//
// # What restore makes
//
//	DIR/appendonlydir/appendonly.aof.manifest
//	DIR/appendonlydir/appendonly.aof.1.base.rdb
//
// Regent and redis-server 7 with `appendonly yes` start from it. A node of a
// cluster must not be given an older copy than its peers hold: restore one node
// with no peers running, and let the others begin with empty directories.
package backup
