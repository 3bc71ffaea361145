// Package sentinel knows what a Redis Sentinel says: the fields of masters, replicas
// and Sentinels, and the messages of a change. It is pure: it knows no protocol, no
// session and no election, and is told what a node sees of its cluster.
//
//	View ─┬─► Master, Replicas, Sentinels    fields in Redis's order, as texts
//	      ├─► Address, Quorum, Down          what SENTINEL GET-MASTER-ADDR-BY-NAME, CKQUORUM, … ask
//	      └─► Step(State, View)              what is published now, and what was said up to now
//
// Each node of a cluster is one of N Sentinels. They agree on nothing among themselves:
// the election has done that, and each tells what it has learnt.
//
// # Invariants
//
//   - The master's address is given out only while a leader is alive and serves
//     (View.Leader). A client that asks a node which has lost its leader, or has just
//     woken up, hears that there is none, never the old one: Jedis and Redisson turn to
//     whatever they hear.
//   - All messages of a change leave together, when the new leader serves: a client that
//     looks at the first of them and then not again for seconds (Lettuce) finds the new
//     master. A master that nobody replaces is said to be down after Grace.
//   - Every name of the master (sentinel-master-name) is listed, and every message that
//     has a name in it is published for each.
//   - s-down-time is there only if the node is down: one client (rueidis) leaves out
//     every replica that has the field.
//
// Not here: which node leads (cluster/bully), the commands (engine/commands/sentinel),
// which clients listen (engine/pubsub).
//
// Sources: redis 7.0.15's replies and messages on the wire; what each client library
// reads of them.
package sentinel
