package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"regent/integration/harness"
)

// nodes are the servers of a run: Regent's, one or three, and a redis-server.
type nodes struct {
	ctx     context.Context
	dir     string
	cluster *harness.Cluster
	leader  *harness.Node
	redis   *harness.Node
}

// regentArgs are given to every node: what is compared needs DEBUG, and only one
// process at a time has something to do.
func regentArgs() []string {
	return []string{"--enable-debug-command", "yes", "--appendfsync", "everysec", "--loglevel", "warning"}
}

// start starts n nodes of Regent and a redis-server, below a directory of their own.
func start(ctx context.Context, regent string, n int) (*nodes, error) {
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("there is nothing to compare with: %w", err)
	}
	dir, err := os.MkdirTemp("", "regent-differ-")
	if err != nil {
		return nil, err
	}
	ns := &nodes{ctx: ctx, dir: dir}
	if err := ns.start(regent, redis, n); err != nil {
		ns.stop()
		return nil, err
	}
	return ns, nil
}

func (ns *nodes) start(regent, redis string, n int) (err error) {
	if ns.cluster, err = harness.NewCluster(regent, filepath.Join(ns.dir, "regent"), n, regentArgs()...); err != nil {
		return err
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		return err
	}
	ns.redis = &harness.Node{
		Binary: redis, Port: ports[0], Dir: filepath.Join(ns.dir, "redis"),
		Args: []string{"--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--enable-protected-configs", "yes"},
	}
	if err := ns.redis.Start(); err != nil {
		return err
	}
	if err := ns.redis.Ready(ns.ctx); err != nil {
		return err
	}
	if err := ns.cluster.Start(ns.ctx); err != nil {
		return err
	}
	ns.leader, err = ns.cluster.Leader(ns.ctx)
	return err
}

// stop ends all servers and removes what they have written.
func (ns *nodes) stop() {
	if ns.cluster != nil {
		ns.cluster.Kill()
	}
	if ns.redis != nil {
		_ = ns.redis.Kill() // it holds nothing that is wanted
	}
	_ = os.RemoveAll(ns.dir) // in the system's directory for temporary files
}

// restart ends the leader as a crash would, and starts it; with peers another one may
// lead then.
func (ns *nodes) restart() error {
	if err := ns.leader.Kill(); err != nil {
		return err
	}
	if err := ns.leader.Start(); err != nil {
		return err
	}
	if err := ns.leader.Ready(ns.ctx); err != nil {
		return err
	}
	var err error
	ns.leader, err = ns.cluster.Agreed(ns.ctx)
	return err
}

// followersAgree waits until the followers have what the leader has, and compares the
// digests.
func (ns *nodes) followersAgree() error {
	if len(ns.cluster.Nodes) == 1 {
		return nil
	}
	want, err := digest(ns.leader)
	if err != nil {
		return err
	}
	for _, n := range ns.cluster.Nodes {
		if n == ns.leader {
			continue
		}
		ctx, cancel := context.WithTimeout(ns.ctx, patience)
		err := harness.Until(ctx, func() error {
			got, err := digest(n)
			if err != nil || got == want {
				return err
			}
			return fmt.Errorf("node %d has the digest %s, its leader %s", n.Port, got, want)
		})
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func digest(n *harness.Node) (string, error) {
	l, err := dial(n.Addr())
	if err != nil {
		return "", err
	}
	defer l.close()
	v, err := l.do("DEBUG", "DIGEST")
	if err != nil {
		return "", err
	}
	if v.failed() {
		return "", errors.New(v.text)
	}
	return v.text, nil
}

// trouble is the end of the leader's log.
func (ns *nodes) trouble() string {
	const lines = 40
	all := strings.Split(ns.leader.Log(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// revive starts every node that has ended, with what is on its disk.
func (ns *nodes) revive() error {
	for _, n := range ns.cluster.Nodes {
		if n.PID() == 0 {
			if err := n.Start(); err != nil {
				return err
			}
			if err := n.Ready(ns.ctx); err != nil {
				return err
			}
		}
	}
	var err error
	ns.leader, err = ns.cluster.Agreed(ns.ctx)
	return err
}
