//go:build !unix

package peer

import "net"

// A direct writes without waiting, which is not to be had here.
type direct struct{ sock *socket }

func newDirect(net.Conn) *direct { return nil }

func (*direct) write([]byte) (int, error) { return 0, nil }
