// Package machine is the real machine behind what the engine asks for: clocks,
// timers, random numbers, what the process takes, and the server's log.
//
// It knows nothing of commands, files of data or other nodes. Several servers of
// one process have a Host each and share nothing.
package machine

import "runtime"

// Cores is how many processors the process may use.
func Cores() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }
