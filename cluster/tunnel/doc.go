// Package tunnel knows what passes through a tunnel: where commands and replies end, and
// so what is in flight. It does no I/O and keeps no time; package cluster carries the
// bytes (cluster/forward.go).
//
// A plain client may come to any node. A node that does not lead carries the client's
// bytes to the leader, where its session lives, and the answers back:
//
//	client ─► plain-port of a follower ─────────────► leader
//	          Requests: commands begun, ended    │     a session of the plain face, as if
//	          Flight:   sent, not answered       │     the client had come there: its own
//	          Replies:  replies ended, notes  ◄──┘     address, user, database, name
//
// # A change of leader
//
//	what the leader says last     nothing in flight   half a command   commands in flight
//	moved                         the next leader     the next leader, with what was not answered
//	nothing (it is gone)          the next leader     the next leader  -UNCERTAIN for writes, -MASTERDOWN for
//	                                                                   reads, the connection ends
//	end (QUIT, CLIENT KILL, …)    the connection ends
//
// A session that is bound (MULTI, WATCH, a subscription, tracking, MONITOR, CLIENT REPLY
// OFF) goes nowhere: its connection ends.
//
// # What holds, and why
//
//   - No command is carried out twice. What was sent is sent again only if the leader
//     that had it has said, after all its answers, that it carries out no more (moved),
//     or if it is no whole command.
//   - A reply is counted when its last byte has come. Pushes of RESP3 are none.
//   - The session's state is what the leader has said of it, in a note between two
//     replies (resp.AppendNote): so it belongs to what the client has been answered.
//   - What cannot be understood makes a tunnel bound: bytes pass, and a change of leader
//     ends the connection.
//
// # Limits
//
// maxKept bytes and maxEnds commands of what is in flight are kept for being sent again;
// beyond those a change of leader is as if nothing had been said. maxRuns bounds how
// exactly reads and writes in flight are told apart. maxLine bounds a header and an inline
// command, resp.MaxNote a note.
package tunnel
