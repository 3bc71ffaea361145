package main

import (
	"context"
	"errors"
	"syscall"
	"time"

	"regent/integration/harness"
)

// A fault is what is done to a leader.
type fault struct {
	flag, name string
	make       func(ctx context.Context, s *system, leader *harness.Node) error
	// settle waits until the fault has had its effect, where that is not plain
	// from the writes; mend takes it back. Both may be nil.
	settle func(ctx context.Context, s *system, old *harness.Node) error
	mend   func(ctx context.Context, leader *harness.Node) error
}

func faults() []fault {
	return []fault{
		{
			flag: "kill", name: "kill -9",
			make: func(_ context.Context, _ *system, leader *harness.Node) error { return leader.Kill() },
			mend: func(ctx context.Context, leader *harness.Node) error {
				if err := leader.Start(); err != nil {
					return err
				}
				return leader.Ready(ctx)
			},
		},
		{
			flag: "stop", name: "SIGSTOP",
			make: func(_ context.Context, _ *system, leader *harness.Node) error { return leader.Signal(syscall.SIGSTOP) },
			mend: func(_ context.Context, leader *harness.Node) error { return leader.Signal(syscall.SIGCONT) },
		},
		{
			flag: "planned", name: "planned",
			make:   func(ctx context.Context, s *system, leader *harness.Node) error { return s.change(ctx, leader) },
			settle: changed,
		},
	}
}

// askAgain is when a system that has not begun to change its leader is asked
// again: Redis Cluster gives up a manual failover after 5 s.
const askAgain = 6 * time.Second

// changed waits until another node leads.
func changed(ctx context.Context, s *system, old *harness.Node) error {
	asked := time.Now()
	return harness.Until(ctx, func() error {
		now, err := s.leader(ctx)
		switch {
		case err != nil:
			return err
		case now != old:
			return nil
		case time.Since(asked) > askAgain:
			asked = time.Now()
			return errors.Join(errOldLeads, s.change(ctx, old))
		}
		return errOldLeads
	})
}

var errOldLeads = errors.New("the old leader leads")
