// Package cluster is a node among its peers: it drives the election
// (cluster/bully), speaks to the other nodes (cluster/peer), carries the log
// from the leader to the followers (cluster/repl), and tells the engine, the
// barrier and clients which node leads.
//
//	     messages            acknowledgements            log moved, time
//	        │                        │                          │
//	        ▼                        ▼                          ▼
//	┌─ the election (election.go): one at a time under mu ─────────────┐
//	│  bully.Node ─► persist (keep.go) ─► revoke ─► send ─► publish    │
//	└───────┬─────────────────────────┬──────────────────────┬─────────┘
//	        │ role changed            │ atomics              │ outboxes
//	        ▼                         ▼                      ▼
//	  the role worker (roles.go) Leads, Committed,       peer.Link
//	  Freeze, apply, BeginEpoch, MustHold: the hot path
//	  publish View               (lead.go)
//	        │
//	        ├── a change of the nodes: links and streams begin and end (members.go)
//	        ├── a change of leader: commands are held (handover.go)
//	        ├── leading: a repl.Sender per peer (lead.go), full copies (copy.go)
//	        └── following: one repl.Receiver (follow.go), one repl.Applier
//
// What it does not do: decide which node may lead or what is committed (bully does),
// keep the log (engine.Stream is), answer clients.
//
// Locks, in the order in which they may be taken:
//
//	logMu   what writes the log as a cluster, a gate: the receiver, the cut, the
//	        end of a full copy, the role worker when it begins an epoch
//	        (then the engine's shards, through Freeze and the Applier)
//	mu      the election's state; the state file is written without it
//	        (then the log's own lock, to read its ends)
//
// Nothing is called back under mu: not the barrier, not the composition root,
// and of the engine HoldData and ReleaseData alone, which take no lock of its
// shards. Sealed takes no lock, since the log may call it under its
// own.
//
// Invariants:
//
//   - Nothing leaves this node that depends on a promise which is not on disk.
//     While the state file cannot be written, nothing leaves at all; while it is being
//     written, what does not depend on it does (keep.go).
//
//   - A node that is deposed has no lease any more: an atomic that the hot path reads, before
//     a message leaves that lets others elect.
//
//   - View.Leading changes under Freeze alone. It becomes true once the
//     record of this node's epoch is committed, and false before this node
//     follows anybody.
//
//   - A reply rests on a leadership (Leads) only if View and lease are of the
//     same epoch.
//
//   - As a follower this node's keyspace holds committed records alone. A
//     deposed leader's, or a restarted node's, may hold more: it is rebuilt
//     from the log if that had to be cut below what the keyspace holds, and
//     clients get -LOADING meanwhile.
//
//   - A full copy changes nothing here before all of it has come and this node
//     still follows the node that sent it. From there on nothing is applied, written or
//     begun until log and keyspace hold the copy, or this node takes no part.
//
//   - How far the log has come is kept outside of it (reached.go), and is known
//     there before anything that rests on it leaves: a log that is shorter at the
//     next start, and a state file that is gone beside it, are noticed.
//
//   - The election knows at least the log's position of which an
//     acknowledgement tells (see bully's types.go).
//
//   - A witness (witness.go) has no keyspace: it applies nothing, no View names it as
//     a leader, and what it has dropped of the log all voters with data hold, up to a bound.
//
//   - Once a handover has revoked the lease, and until it ends, nothing runs here
//     that reads or changes data, so what was computed before may still be
//     answered if it is committed (handover.go).
//
//   - Without the lease (read-lease no) a reply leaves after a round that began
//     when it had been computed (rounds.go).
//
// Wall clocks decide nothing here. The ends of keys rest on them, so nodes compare
// theirs with each PING and warn if they differ (clocks.go).
//
// Identity is the node ID. Who the nodes are, and where, is the election's
// configuration (members.go): as configured until it is first changed by
// command (change.go), and from then on what the state file holds, for this node
// too. Names are resolved at each dial. A node is taken in, or said to have moved,
// once it has been dialled there and has proved its ID. Of two processes with one
// ID the one that was heard first stays (accept.go).
//
//   - A roster follows the configuration after that is on disk and the messages
//     that go with it have left: a node that is removed hears so once. A node that is
//     no member is heard (accept.go) and told which nodes are; its words change nothing
//     unless they bring a newer configuration.
//
//   - What a refused dial proves, it proves of the address at which the member
//     is thought to be when that is told to the election: a node that moved is
//     not dead where it was.
package cluster
