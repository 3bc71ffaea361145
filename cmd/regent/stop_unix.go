//go:build unix

package main

import (
	"os"
	"syscall"
)

// stopSelf stops the process until its service manager lets it go on.
func stopSelf() { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
