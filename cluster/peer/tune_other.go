//go:build !linux

package peer

import "syscall"

// tune leaves the connection to the system's own timeouts.
func tune(_, _ string, _ syscall.RawConn) error { return nil }
