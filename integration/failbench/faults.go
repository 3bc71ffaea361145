package main

import (
	"context"
	"errors"
	"syscall"

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

// changed waits until another node leads, and writes have gone on after that.
func changed(ctx context.Context, s *system, old *harness.Node) error {
	return harness.Until(ctx, func() error {
		now, err := s.leader(ctx)
		if err == nil && now == old {
			err = errors.New("the old leader leads")
		}
		return err
	})
}
