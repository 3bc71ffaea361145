//go:build !linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// ride has all clients go round and round until a time, a goroutine for each. Each has sent its
// greeting before, of so many commands.
func ride(ctx context.Context, addr string, riders []rider, greetings [][]byte, greeted int, until time.Time) error {
	var wg sync.WaitGroup
	errs := make([]error, len(riders))
	for i := range riders {
		wg.Go(func() { errs[i] = riders[i].ride(ctx, addr, greetings[i], greeted, until) })
	}
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

func (r *rider) ride(ctx context.Context, addr string, greeting []byte, greeted int, until time.Time) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	in := make([]byte, 64<<10)
	r.out = greeting
	r.owed.owe(greeted)
	for {
		if err := conn.SetDeadline(time.Now().Add(cycleTimeout)); err != nil {
			return fmt.Errorf("a client: %w", err)
		}
		if _, err := conn.Write(r.out); err != nil {
			return fmt.Errorf("a client: %w", err)
		}
		for !r.owed.done() {
			n, err := conn.Read(in)
			if err != nil {
				return fmt.Errorf("a client: %w", err)
			}
			if err := r.owed.take(in[:n]); err != nil {
				return err
			}
		}
		if r.at == 0 && (ctx.Err() != nil || !time.Now().Before(until)) {
			return nil
		}
		r.next()
	}
}
