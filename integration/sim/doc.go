// Package sim runs whole clusters inside one process: real servers (package regent), three
// or five, with their engine, log, barrier, election and listener, on simulated machines.
// Time is virtual (testing/synctest): it goes on when every goroutine waits, so an hour
// takes as long as there is something to do in it.
//
// The package is tests alone. A test makes a world from a seed, lets things happen to
// it in rounds, mends everything after each, and judges the world at its end.
//
// # What is simulated
//
//   - The network (network_test.go): connections whose bytes take time; ways that are cut, in one
//     direction or both; connections that are reset, or are half open because the other side was
//     not told; machines that do not answer, and such that refuse.
//   - The disks (disk_test.go, aof/disk/disktest): what was not synced may be lost at a power
//     loss, wholly, in part, or with zeros in its place; fsyncs of the log that take long; disks
//     that are full, or fail; bits that turn while the node is away; disks that are replaced.
//   - The clocks (node_test.go): each machine's runs at a rate of its own, within what the
//     README asks for, and wall clocks are set, by hours (clocks_test.go).
//   - Processes that are killed, stopped, started again, one or all at once.
//   - Witnesses: in every fourth world, and in those of TestWitnessSeeds, one node has the role
//     witness. All of this happens to it as to any other; it may be removed, and another one taken in.
//   - How much of the log is kept before its base: in two worlds of three so little that nodes
//     that were away get full copies.
//   - Operators: handovers, rewrites, nodes that are taken in and removed, a leader that is
//     forced where the others are gone or empty.
//   - Clients (traffic_test.go, transact_test.go): some follow MOVED, others are plain and come to
//     any node's plain-port, which carries them to the leader. They use registers, counters,
//     lists and sets, and make transactions over several lists with MULTI and with scripts.
//
// What may be lost bounds what is done: with appendfsync always the power may go anywhere and
// everywhere at any time. Otherwise one machine in a round may lose it; and in a round one
// node at most gets a new disk or a turned bit, or is one of those of which a leader is forced.
//
// Where the servers end and the simulation begins: regent.Options' Disk, Clock, Dial, Boot,
// Listeners and PlainListeners, and io-model goroutine. Nothing in the servers knows of it.
//
// # What is not
//
//   - The event loops of the listener: their system calls cannot wait in virtual time.
//   - A process that is stopped (SIGSTOP) between any two instructions. Goroutines of one
//     process cannot be stopped from outside. What is stopped is all that it says and hears, and
//     the timers of engine.Host; the election's own timer goes on, and what it decides
//     meanwhile is said when the process goes on.
//   - One machine with several nodes, and so the proof of a death by a refused connection.
//   - The scheduler: which of two goroutines that can run comes first is Go's choice. So
//     a seed fixes the faults, delays, clocks and what clients ask, and not every interleaving:
//     a seed that failed may have to be run some times until it fails again.
//
// Time is not spent under a lock: a goroutine that waits for a mutex does not count as one that
// waits, so that virtual time would stand still for ever. The locks in the way of a slow fsync of the log are
// channels for that reason (disk.Gate, cluster's following.turn).
//
// # What is judged
//
//   - After each round: within a bounded time (world.bound) every node takes part again, and
//     writes are acknowledged at each node's port and plain-port.
//   - At the end: every key is read, and all calls of all clients have one order that
//     explains every reply (porcupine; integration/harness has the model). So no
//     acknowledged write is lost and nothing is read that a failover took back. The
//     transactions are strictly serializable (harness.Appends looks for cycles).
//   - The DEBUG DIGEST of every node with data is the same.
//   - A witness (witness_test.go) never leads clients, no node says that it does, its port
//     answers nothing that rests on data, and its log is as short as it may be.
//   - Servers end in order and leave no goroutine: synctest fails otherwise.
//
// # A seed that fails
//
// It prints its story: what was done to the world and what each node logged, with
// virtual times in seconds. Again, with the story as it happens:
//
//	REGENT_SIM_SEEDS=17:18 REGENT_SIM_TELL=1 go test ./integration/sim -run 'TestSeeds/17$' -v
//
// The soak takes seeds that nobody has seen yet from REGENT_SIM_FROM:
//
//	REGENT_SOAK=1 REGENT_SIM_HOURS=500 REGENT_SIM_FROM=7310000 go test ./integration/sim -run 'TestSoak$' -v -timeout 3h
package sim
