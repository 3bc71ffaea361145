package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"regent"
	"regent/engine/config"
)

// endBySignal has SIGTERM and SIGINT end the server in order, as
// shutdown-on-sigterm and shutdown-on-sigint say. The server may
// refuse, because it cannot save the data, and goes on: the next signal asks
// again. One that comes while the end is under way ends the process at once.
// stopping is called when the end is certain.
func (t tool) endBySignal(srv *regent.Server, cfg *config.Config, stopping func()) (done func()) {
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
				name, how := "SIGTERM", cfg.ShutdownOnSigterm.Get()
				if sig == os.Interrupt {
					name, how = "SIGINT", cfg.ShutdownOnSigint.Get()
				}
				if srv.Shutdown("Received "+name+" scheduling shutdown...", how) != nil {
					under.Store(false)
					return
				}
				stopping()
			}()
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}
