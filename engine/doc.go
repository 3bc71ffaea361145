// Package engine is the database as a pure core: keyspace, command table,
// handlers. Execute takes a session's command and gives reply bytes, records for
// the log, and what the reply depends on. It opens no socket or file, starts no
// goroutine, and reads no clock or random source but those it was handed
// (ports.go). So the same code runs under the listener, in a replay of the log,
// and in a simulation.
//
// What it does not do: decide when a reply may leave (the barrier of the
// composition root), which node leads (cluster), or what is durable (aof).
//
// # The hot path
//
// A command that is carried out all day allocates nothing (alloc_test.go), takes
// one lock, hashes its key once for the shard and once for the dictionary, and
// touches two cache lines of the index and the entry. The commands of a batch
// share readings of the clock (clock.go); counters that are there for INFO are
// kept where the work is and added up when somebody asks (stats.go).
//
// What a pipeline's commands will look at is fetched before the first of them
// runs (foresee.go).
//
// BenchmarkPipeline measures it with keys in cache and with keys in none: the
// difference, two thirds of a command with two million keys, is memory's, not
// the code's. Huge pages take a tenth to a fifth of that back, and were left out
// all the same: memory that goes back to the system in pieces would stay, and a
// fault would clear two megabytes inside a lock.
//
// # Cores
//
// A shard is a lock, its dictionaries and its marks of what was
// written last; what one core does with a key touches no other shard's memory.
// A command on one key takes its lock and gives it back, and writes no other line that
// cores share: what it counts is its session's until the batch ends (stats.go).
// Locks that a command takes, by reading (tryRun, handleWide, foresee.go, aof's
// recorder); each is two atomic steps on its cache line:
//
//	                      shards                 the log, if there is one   foresight, data out of cache
//	GET                   1                      0                          2 tries
//	SET                   1                      1                          2 tries
//	MGET of n keys        those that hold them   0                          2 tries a key
//	EXEC                  those of its keys      1, if it writes            0
//	DBSIZE at the leader  1                      1                          0
//	SCAN                  those it looks into    0                          0
//	PING                  0                      0                          0
//
// With two event loops on two cores under SET at P=64 the mutex profile shows
// waits of a fifteenth of one core in all, nearly three quarters of them for
// shards (two loops, sixteen shards: one command in sixteen may meet the other's)
// and the rest for the turns of expiry. The block profile shows nothing else on
// the way of a command. The number of shards grows with the cores
// (Options.Shards). What would stop sixteen of them, in the order in which it
// would:
//
//   - The log's lock: each write copies its record into the one stream under it,
//     some sixty nanoseconds, and the lock's cache line goes from core to core
//     with every record. That bounds writes to some millions per second, whatever
//     the number of cores; reads never take it.
//   - The barrier's lock, once per batch that waits: under appendfsync always and
//     with write-acks quorum. A batch without a wait does not take it.
//   - Commands that lock every shard (FLUSHALL, a change of role) stop everybody
//     for as long as they take.
//
// GOMAXPROCS wants to be the number of cores that are there for Regent, which is
// what Go takes it for, control groups included. Fewer are right where a load
// generator or another server shares the machine: a loop that waits for a core
// is slower than one loop less.
package engine
