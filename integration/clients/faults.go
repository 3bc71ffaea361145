package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// A fault is what happens to the leader while a program counts; the cure comes
// afterwards, at the latest when the program has ended.
type fault struct {
	name   string
	during time.Duration // how long the program counts; 0: countsFor
	apart  bool          // it needs nodes on hosts of their own
	do     func(ctx context.Context, p *place, leader *harness.Node) (cure func() error, err error)
}

const (
	// asleep is for how long a stopped leader stays so.
	asleep = 1500 * time.Millisecond
	// cutOff is for how long the others do not hear of a leader that is cut off.
	cutOff = 3 * time.Second
)

func faults() []fault {
	return []fault{
		{name: "kill -9", do: func(_ context.Context, _ *place, leader *harness.Node) (func() error, error) {
			return leader.Start, leader.Kill()
		}},
		{name: "planned", do: func(ctx context.Context, p *place, leader *harness.Node) (func() error, error) {
			return nil, p.handOver(ctx, leader)
		}},
		{name: "SIGSTOP", do: func(_ context.Context, _ *place, leader *harness.Node) (func() error, error) {
			if err := leader.Signal(syscall.SIGSTOP); err != nil {
				return nil, err
			}
			time.Sleep(asleep)
			return nil, leader.Signal(syscall.SIGCONT)
		}},
		{name: "rolling restart", during: 10 * time.Second, do: func(ctx context.Context, p *place, _ *harness.Node) (func() error, error) {
			return nil, p.restartAll(ctx)
		}},
		{name: "partition", during: cutOff + 4*time.Second, apart: true, do: func(_ context.Context, p *place, leader *harness.Node) (func() error, error) {
			mend, err := p.cut(leader)
			time.Sleep(cutOff)
			return nil, errors.Join(err, mend())
		}},
	}
}

// restartAll ends each node in order and starts it again.
func (p *place) restartAll(ctx context.Context) error {
	for _, n := range p.Nodes {
		if err := n.Stop(); err != nil {
			return err
		}
		if err := n.Start(); err != nil {
			return err
		}
		if err := n.Ready(ctx); err != nil {
			return err
		}
		if _, err := p.Agreed(ctx); err != nil {
			return err
		}
	}
	return nil
}

// handOver asks the Sentinel of the leader for another one.
func (p *place) handOver(ctx context.Context, leader *harness.Node) error {
	for i, n := range p.Nodes {
		if n == leader {
			s := redis.NewSentinelClient(&redis.Options{Addr: at(n, p.sentinel[i])})
			defer s.Close()
			ctx, cancel := context.WithTimeout(ctx, slack)
			defer cancel()
			return harness.Until(ctx, func() error { return s.Failover(ctx, "mymaster").Err() }) // a busy machine's followers may be behind
		}
	}
	return errors.New("no such node")
}

// A result is one program through one fault.
type result struct {
	program, face, fault string
	report
	own  string // program.own
	lost int64  // values acknowledged and not found
	err  error
}

// fair reports whether nothing was lost, nothing stale, and the program worked at its end.
func (r *result) fair(limit time.Duration) error {
	switch {
	case r.err != nil:
		return r.err
	case r.Writes == 0:
		return fmt.Errorf("it wrote nothing: %s", r.Said)
	case r.lost > 0:
		return fmt.Errorf("%d values were acknowledged and lost", r.lost)
	case r.Stale > 0:
		return fmt.Errorf("%d reads were older than what had been acknowledged", r.Stale)
	case r.own == "" && r.slow(limit):
		return fmt.Errorf("it did not work for %d ms: %s", r.Gap, r.Said)
	}
	return nil
}

// slow reports whether the program had to wait for longer than limit.
func (r *result) slow(limit time.Duration) bool { return time.Duration(r.Gap)*time.Millisecond > limit }

// try runs a program through a fault, which happens after a while.
func (p *place) try(ctx context.Context, pr program, f fault, after, during time.Duration) result {
	r := result{program: pr.name, face: pr.face, fault: f.name, own: pr.own}
	leader, err := p.Agreed(ctx)
	if err != nil {
		r.err = err
		return r
	}
	p.tries++
	key := fmt.Sprint("count:", p.tries)
	type end struct {
		report
		err error
	}
	ended := make(chan end, 1)
	go func() {
		got, err := pr.run(ctx, task{key: key, during: during, addrs: p.addrs(pr.face, leader), prefix: p.prefix})
		ended <- end{got, err}
	}()
	r.err = p.await(ctx, key)
	time.Sleep(after)
	if now, err := p.Leader(ctx); err == nil {
		leader = now // on a busy machine another may have been elected meanwhile
	}
	cure, err := f.do(ctx, p, leader)
	got := <-ended
	r.report = got.report
	if cure != nil {
		err = errors.Join(err, cure())
	}
	r.err = errors.Join(r.err, err, got.err)
	found, err := p.found(ctx, key)
	if err != nil {
		r.err = errors.Join(r.err, err)
		return r
	}
	r.lost = max(r.Acked-found, 0)
	return r
}

// found is what the leader has under a key, 0 for nothing.
func (p *place) found(ctx context.Context, key string) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	err = harness.Until(ctx, func() error {
		leader, err := p.Agreed(ctx)
		if err != nil {
			return err
		}
		c := leader.Client()
		defer c.Close()
		if n, err = c.Get(ctx, key).Int64(); absent(err) {
			err = nil
		}
		return err
	})
	return n, err
}

// await waits until a program has begun to count.
func (p *place) await(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	return harness.Until(ctx, func() error {
		leader, err := p.Leader(ctx)
		if err != nil {
			return err
		}
		c := leader.Client()
		defer c.Close()
		return c.Get(ctx, key).Err()
	})
}
