// Package replicas serves replicas that are no nodes: redis-server 7.0 and later with
// REPLICAOF, redis-cli --replica and --rdb, and tools that follow every change. They get
// the data at one moment and then the log, as a Redis master would send it.
//
//	REPLCONF … PSYNC ? -1 ─► the connection is handed over
//	                            │
//	            +FULLRESYNC     │  snapshot ─► RDB            +CONTINUE
//	                            ▼                                 │
//	            log, from the snapshot's place on ◄───────────────┘
//	              committed bytes alone, read from the disk, or from memory where no log is kept
//
// It does not make Regent a replica of a Redis, and such a replica is no node: it has no
// vote, and neither write-acks nor WAIT count it.
//
// # Offsets
//
// What a replica calls the offset is not the log's. The log has lines that begin an
// epoch (engine/units), which no Redis knows: they are left out, and every offset behind
// them is smaller by their length. Which they are stands in the log's history, which all
// nodes share, so an offset means the same at each of them.
//
// Which database is selected where a copy ends stands in the copy's head, since what is
// sent must be the log's bytes and no others. A replica that does not read it there, as
// redis-server does that says "capa psync2", gets a SELECT first; its numbers are wrong
// then, and it cannot go on where it was.
//
// # Histories
//
// The ID that a replica is given is the cluster's and the epoch's. A replica that comes
// again has a part of that epoch, up to its offset; it may go on if the epoch has come as
// far here, or farther. Where the epoch ended before, what the replica has is not here: a
// full copy. This is the rule by which nodes compare their logs (cluster/repl), so a
// replica may go on at whichever node leads, though the last leader is gone.
//
// A stream ends where an epoch ends, and is taken up again with the next epoch's ID.
//
// A server without peers has no cluster, and names the history after its own start: what
// comes after a restart is a full copy.
//
// # Invariants
//
//   - Nothing leaves that is not committed: a replica never has what a change of leader
//     can take back.
//   - Only a leader serves. The stream ends when it does not lead any more.
//   - A replica that is slow costs disk and no memory: the log is read for it. Where none is on
//     disk, one in memory begins with the first copy (node/backlog), and is bounded. One that is
//     farther behind than client-output-buffer-limit allows a replica is given up.
//   - There are MaxReplicas at most, a goroutine or two for each.
package replicas
