package peer

import "net"

// Pair is a channel between two nodes over a connection that somebody else has made,
// without a handshake: for tests.
func Pair(aEnd, bEnd net.Conn, a, b int64) (*Conn, *Conn) {
	atA, atB := newConn(aEnd, nil, MaxFrame), newConn(bEnd, nil, MaxFrame)
	atA.open(b)
	atB.open(a)
	return atA, atB
}
