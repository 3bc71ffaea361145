package main

import (
	"os"
	"runtime"
)

// spareProcessors is how many of the scheduler's processors there are beside
// those that event loops may take: one for a stream from the leader, whose receiver
// keeps it as a loop does (cluster/peer, socket), and one for all others.
const spareProcessors = 2

// spareProcessor lets Go run some goroutines more at a time than there are
// cores. Event loops are started for all cores, and a loop that is busy keeps
// its processor: what peers send, fsyncs that end and timers would then be
// noticed by the scheduler's monitor only, which looks every 10 milliseconds.
// With processors to spare the kernel shares out the cores, as it does between
// the threads of any server. It is called when the server is built, which has
// counted the cores by then. GOMAXPROCS in the environment wins: hasSpare.
func spareProcessor() {
	if hasSpare() {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + spareProcessors)
	}
}

// hasSpare reports whether there are processors to spare.
func hasSpare() bool { return os.Getenv("GOMAXPROCS") == "" }
