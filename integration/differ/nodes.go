package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// followersAgree waits until the followers have what the leader has, by their digests.
func (ns *nodes) followersAgree() error {
	if len(ns.cluster.Nodes) == 1 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ns.ctx, patience)
	defer cancel()
	return harness.Until(ctx, func() error {
		want, err := digest(ns.leader)
		if err != nil {
			return err
		}
		for _, n := range ns.cluster.Nodes {
			if got, err := digest(n); err != nil || got != want {
				return fmt.Errorf("node %d has the digest %s, its leader %s (%w)", n.Port, got, want, err)
			}
		}
		return nil
	})
}

// moved reports whether a reply says that another node leads, or will: on a machine that
// has much to do that happens.
func (ns *nodes) moved(v value) bool {
	code, _, _ := strings.Cut(v.text, " ")
	return v.failed() && len(ns.cluster.Nodes) > 1 && slices.Contains([]string{"MOVED", "CLUSTERDOWN", "UNCERTAIN", "UNBLOCKED"}, code)
}

// epoch is that of the leader, "" for a node alone, and while there is none.
func (ns *nodes) epoch() string {
	if len(ns.cluster.Nodes) == 1 {
		return ""
	}
	info, err := ns.leader.Info(ns.ctx, "regent")
	if err != nil || info["leader_id"] != info["node_id"] {
		return ""
	}
	return info["epoch"]
}

// allRun reports whether no process has ended.
func (ns *nodes) allRun() bool {
	return !slices.ContainsFunc(ns.cluster.Nodes, func(n *harness.Node) bool { return n.PID() == 0 })
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
