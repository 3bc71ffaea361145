package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"regent/cmd/regent/backup"
)

// offline runs the tools that work on whole copies of the data; ok is false if
// name is none of them.
func (t tool) offline(name string, args []string) (status int, ok bool) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return backup.Tool{In: t.in, Out: t.out, Err: t.err, Now: time.Now}.Run(ctx, name, args)
}
