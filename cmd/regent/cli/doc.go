// Package cli is `regent cli`, a client for terminals, scripts and containers
// that hold nothing but the binary. Its options, its output on terminals and
// in pipes and its exit statuses are redis-cli 7.0's, byte for byte; a test
// runs both side by side. Two things are added:
//
//   - it follows the leader: MOVED is followed without -c, and an election is
//     waited for (--patience; --stay switches both off);
//   - lines from a pipe are sent ahead of their replies, so that a file of
//     commands costs a round trip per window and not per line.
//
// # What is sent a second time
//
// A command whose connection broke may have been carried out. It is sent again,
// to this node or to another, only if the command table flags it as one that
// reads and does nothing else. A command that never left completely (the
// connection was found closed, or the write was cut short) was not carried
// out, and may be sent again whatever it is.
//
// Another node is asked only for commands on data. What administers a server
// (SHUTDOWN, FAILOVER, CONFIG SET) goes to the node in use and to no other, as
// does everything that the table does not know.
//
// # What a new connection inherits
//
// After a redirection the new connection gets what the user had set on the old
// one: AUTH, HELLO's protocol and name, SELECT. Commands of a MULTI that have
// not been executed are queued again. Subscriptions are not moved.
//
// # Lines from a pipe
//
// Only commands on data that do not block are sent ahead, outside MULTI; every
// other line waits for the replies of those before it. When one is answered
// MOVED, those behind it were too, and are sent again in their order. Only if a
// node lost and regained leadership within one window could a later command of
// that window overtake an earlier one.
//
// # What it does not do
//
// --cluster, --rdb, --replica, --ldb and --lru-test are refused with a word
// about what to use instead.
package cli
