//go:build !unix

package cluster

import "net"

// A reader reads a connection.
type reader struct{ plainReader }

func newReader(conn net.Conn) *reader { return &reader{plainReader{conn: conn}} }
