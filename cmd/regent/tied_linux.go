package main

import "syscall"

// childAttr makes a group of its own and, so that no server outlives a parent
// that was killed, a signal from the kernel when the parent is gone.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
