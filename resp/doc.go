// Package resp is the ground floor of Regent: the Redis serialisation
// protocol, versions 2 and 3, and every error text a client can see.
//
// It encodes replies (Writer), decodes them (Reader, for the command line
// client, the peers and the tests), and appends commands in the form the log
// and the stream carry (AppendCommand). It does not know about sockets,
// sessions or commands: those live above it, in resp/server and engine.
//
// Invariants:
//
//   - A Writer never fails and never blocks: it appends to memory. Limits on
//     how much it may hold belong to the listener, which knows the client.
//   - What a Writer produces is decided by Proto alone: a handler describes
//     the reply in RESP3's terms, and RESP2 clients get Redis's downgrade
//     (map as flat array, set as array, double as bulk, null as $-1).
//   - A Reader never allocates by what a length header claims, only by what
//     has arrived, and refuses lengths beyond the limits it was given.
package resp
