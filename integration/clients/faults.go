package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// A place is the cluster that programs run against.
type place struct {
	*harness.Cluster
	plain, sentinel []int // ports, by node
}

// newPlace starts three nodes with all three faces.
func newPlace(ctx context.Context, binary, dir string) (*place, error) {
	c, err := harness.NewCluster(binary, dir, nodes, "--takeover", "manual", "--masterauth", "clients", "--follower-reads", "readonly")
	if err != nil {
		return nil, err
	}
	p := &place{Cluster: c}
	for _, ports := range []*[]int{&p.plain, &p.sentinel} {
		if *ports, err = harness.FreePorts(nodes); err != nil {
			return nil, err
		}
	}
	for i, n := range c.Nodes {
		n.Dir = filepath.Join(dir, "node"+strconv.Itoa(i))
		n.Args = append(n.Args, "--plain-port", strconv.Itoa(p.plain[i]), "--sentinel-port", strconv.Itoa(p.sentinel[i]))
	}
	if err := c.Start(ctx); err != nil {
		c.Kill()
		return nil, err
	}
	return p, nil
}

const nodes = 3

// addrs are where a program of a face begins. A plain client has one address: of a node
// that does not lead when it starts.
func (p *place) addrs(face string, leader *harness.Node) (out []string) {
	at := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	for i, n := range p.Nodes {
		switch {
		case face == clusterFace:
			out = append(out, n.Addr())
		case face == sentinelFace:
			out = append(out, at(p.sentinel[i]))
		case n != leader:
			out = append(out, at(p.plain[i]))
		}
	}
	return out
}

// A fault is what happens to the leader while a program counts; the cure comes
// afterwards, at the latest when the program has ended.
type fault struct {
	name string
	do   func(ctx context.Context, p *place, leader *harness.Node) (cure func() error, err error)
}

// asleep is for how long a stopped leader stays so.
const asleep = 1500 * time.Millisecond

func faults() []fault {
	return []fault{
		{"kill -9", func(_ context.Context, _ *place, leader *harness.Node) (func() error, error) {
			return leader.Start, leader.Kill()
		}},
		{"planned", func(ctx context.Context, p *place, leader *harness.Node) (func() error, error) {
			return nil, p.handOver(ctx, leader)
		}},
		{"SIGSTOP", func(_ context.Context, _ *place, leader *harness.Node) (func() error, error) {
			if err := leader.Signal(syscall.SIGSTOP); err != nil {
				return nil, err
			}
			time.Sleep(asleep)
			return nil, leader.Signal(syscall.SIGCONT)
		}},
	}
}

// handOver asks the Sentinel of the leader for another one.
func (p *place) handOver(ctx context.Context, leader *harness.Node) error {
	for i, n := range p.Nodes {
		if n == leader {
			s := redis.NewSentinelClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.sentinel[i]))})
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
	key := "count:" + strings.ReplaceAll(pr.name+":"+pr.face+":"+f.name, " ", "-")
	type end struct {
		report
		err error
	}
	ended := make(chan end, 1)
	go func() {
		got, err := pr.run(ctx, key, during, p.addrs(pr.face, leader))
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
	if leader, err = p.Agreed(ctx); err != nil {
		r.err = errors.Join(r.err, err)
		return r
	}
	c := leader.Client()
	defer c.Close()
	found, err := c.Get(ctx, key).Int64()
	if err != nil && !errors.Is(err, redis.Nil) {
		r.err = errors.Join(r.err, err)
	}
	r.lost = max(r.Acked-found, 0)
	return r
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
