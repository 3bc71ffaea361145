package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"regent"
)

// endBySignal has SIGTERM and SIGINT end the server in order. The server may
// refuse, because it cannot save the data, and goes on: the next signal asks
// again. One that comes while the end is under way ends the process at once.
// stopping is called when the end is certain.
func (t tool) endBySignal(srv *regent.Server, stopping func()) (done func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		var under atomic.Bool
		for sig := range signals {
			if !under.CompareAndSwap(false, true) {
				fmt.Fprintln(t.err, "You insist... exiting now.")
				os.Exit(exitFailed)
			}
			go func() {
				name := map[os.Signal]string{syscall.SIGTERM: "SIGTERM", os.Interrupt: "SIGINT"}[sig]
				if srv.Shutdown("Received "+name+" scheduling shutdown...") != nil {
					under.Store(false)
					return
				}
				stopping()
			}()
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}
