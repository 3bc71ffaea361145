// Package units says where a record and a unit of the log end, and how large
// they may be. Whatever reads or writes the log's bytes asks here: the log, the
// stream between nodes, the tools.
//
// A record is one command in RESP, an array of bulk strings, or one line that
// begins with #: the start of an epoch (Epoch). A unit is what must not be torn
// apart: a record, or everything from MULTI to EXEC. A log may be cut, joined and
// acknowledged as durable between units only.
//
// Three readers share the same rules:
//
//   - Scanner finds the ends of units in bytes that arrive in pieces. It keeps
//     none of them but the beginning of a line, so a value of gigabytes passes
//     through it in pieces of any size, each byte looked at once.
//   - Parse takes one record apart that is in memory as a whole.
//   - A Line is a header or comment line by itself.
//
// The limits are those of the log's format. What a client may send is bounded by
// the configuration, and by these limits where that allows more: the listener
// refuses what the log could not hold, so that no follower and no later start
// meets a record that it does not take.
//
// The package is pure: it does no I/O and knows no commands but MULTI, EXEC and
// SELECT.
package units
