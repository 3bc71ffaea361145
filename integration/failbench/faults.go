package main

import (
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"regent/integration/harness"
)

// A fault is what is done to a leader.
type fault struct {
	flag, name string
	hosts      bool // it needs hosts of their own
	// others bounds the trials of systems other than Regent, 0: as -others says.
	others int
	make   func(ctx context.Context, s *system, leader *harness.Node) error
	// settle waits until the fault has had its effect, where that is not plain
	// from the writes; mend takes it back. Both may be nil.
	settle func(ctx context.Context, s *system, old *harness.Node) error
	mend   func(ctx context.Context, s *system, leader *harness.Node) error
}

func faults() []fault {
	return []fault{
		{
			flag: "kill", name: "kill -9",
			make: func(_ context.Context, _ *system, leader *harness.Node) error { return leader.Kill() },
			mend: func(ctx context.Context, _ *system, leader *harness.Node) error {
				if err := leader.Start(); err != nil {
					return err
				}
				return leader.Ready(ctx)
			},
		},
		{
			flag: "stop", name: "SIGSTOP",
			make: func(_ context.Context, _ *system, leader *harness.Node) error { return leader.Signal(syscall.SIGSTOP) },
			mend: func(_ context.Context, _ *system, leader *harness.Node) error { return leader.Signal(syscall.SIGCONT) },
		},
		{
			flag: "partition", name: "partition", hosts: true, others: 5,
			make: func(_ context.Context, s *system, leader *harness.Node) error {
				return s.at.hosts.Isolate(slices.Index(s.nodes, leader))
			},
			settle: replaced,
			mend: func(_ context.Context, s *system, leader *harness.Node) error {
				return s.at.hosts.Rejoin(slices.Index(s.nodes, leader))
			},
		},
		{
			flag: "planned", name: "planned",
			make:   func(ctx context.Context, s *system, leader *harness.Node) error { return s.change(ctx, leader) },
			settle: changed,
		},
		{
			flag: "none", name: "no fault",
			make: func(context.Context, *system, *harness.Node) error { return nil },
		},
	}
}

// trials is how often a fault is made on a system.
func (f *fault) trials(o options, system string) int {
	switch {
	case system == "regent":
		return o.trials
	case f.others == 0:
		return min(o.trials, o.others)
	}
	return min(o.trials, o.others, f.others)
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

// replaced waits until another node calls itself master that leads in place of
// old, whatever old says: Redis Cluster has other masters, which do not.
func replaced(ctx context.Context, s *system, old *harness.Node) error {
	return harness.Until(ctx, func() error {
		masters := 0
		for _, n := range s.nodes {
			if n == old {
				continue
			}
			info, err := n.Info(ctx, "replication")
			if err != nil {
				return err
			}
			if info["role"] == "master" {
				masters++
			}
		}
		if masters < s.masters {
			return errOldLeads
		}
		return nil
	})
}

var errOldLeads = errors.New("the old leader leads")
