// Package peer is the internal channel between the nodes of one cluster: an
// authenticated RESP conversation on the client port.
//
//	dialer                                            acceptor
//	  │ REGENT PEER 2 cluster from to kind nonceD process│
//	  ├─────────────────────────────────────────────────►│  a place for it?
//	  │                         CHALLENGE cluster nonceA │
//	  │◄─────────────────────────────────────────────────┤
//	  │ PROOF macD                                       │
//	  ├─────────────────────────────────────────────────►│  known sender, addressed to me?
//	  │                WELCOME macA, perhaps the members │
//	  │◄─────────────────────────────────────────────────┤
//	  │ type version cluster from to epoch seq args…     │
//	  ├─────────────────────────────────────────────────►│
//
// A MAC is HMAC-SHA256 with the cluster's secret over the proving side, the protocol
// version, both cluster IDs, both node IDs, the kind of channel, the dialling
// process, both nonces, and the members that are told. So a proof is worth
// nothing in another conversation, in the other direction, on another kind of
// channel or for another node, and both sides prove that they know the secret
// before either believes a word. The dialer proves first: a stranger that
// connects hears no MAC that the secret could be guessed from. (One that answers
// at a member's address does; a secret must be long all the same.) While one secret takes
// the place of another an acceptor takes a proof of either, and answers with the same (Secrets). Without a
// secret the same handshake runs with an empty key: it then tells nodes apart,
// but keeps no stranger out. What follows the handshake is neither encrypted nor
// authenticated by itself: an attacker that can write into an open TCP connection
// must be kept off the network, or tls-cluster be said. Then all of this runs inside TLS,
// where both ends have shown a certificate (tls.go); the proof stays, since certificates are
// clients' as well, and is about the TLS connection too: an attacker between two nodes
// that has a certificate that counts, and passes their words on, proves nothing.
//
// At any step the acceptor may answer with an error line instead, which the
// dialer reports whole: another version, another node, a second process with
// the same ID, a node that is still loading, or a server that is no Regent.
//
// A connection holds a place until it has proved the secret or its time is over
// (see Places): strangers can be many, and hold up no node.
//
// Each node dials every other node for what it sends, and nothing but the
// handshake comes back on a control connection. That needs no rule for which
// side dials, shows a one-way cut as what it is, and makes every node's own dial
// the probe of the other's listener: a refused dial at a node's own address
// says that its process is gone (see Link). A stream connection is dialled by
// the leader and carries data one way and acknowledgements the other; so does a
// copy connection, for one full copy. What clients publish goes from node to node over
// a connection of its own, and so does each plain client that is carried to the leader, too. No two kinds share a connection: bulk data delays no
// heartbeat.
//
// A dialer that the acceptor does not count among the members is heard all the
// same on a control channel, once it has proved the secret, and with WELCOME it
// is told which nodes are members: a node that was removed while it was away, or
// that waits to be taken in, learns so where it stands; a leader that the
// acceptor has not heard of yet brings its configuration with its first word.
//
// The follower's end of a stream is waited for by its receiver alone, in a system call of
// its own (socket_linux.go): a frame wakes one thread, which appends, acknowledges and
// applies. Measured with three nodes, write-acks quorum and 50 clients on two busy cores, that
// took a follower from 5.0 to 3.2 µs of the processor per write and from 0.156 to 0.076
// changes of threads.
//
// What this package does not do: decide anything about leadership, or know
// what the messages mean. It carries them, bounded in every dimension:
//
//   - a frame's bytes and elements, before authentication much less than after
//   - a handshake's time, a write's time, a dial's time
//   - the messages that wait for a link; the oldest heartbeat goes first
//   - the connections that have proved nothing, by address
package peer
