package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"regent/integration/harness"
)

// persistence are the arguments for a kind of log, the same for both.
func persistence(fsync string) []string {
	if fsync == "off" {
		return []string{"--appendonly", "no"}
	}
	// A rewrite in the middle of a round would be the round.
	return []string{"--appendonly", "yes", "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"}
}

// regentNode and redisNode prepare servers that are alike.
func regentNode(o options, port int, dir string, args ...string) *harness.Node {
	return &harness.Node{
		Binary: o.regent, Port: port, Dir: filepath.Join(dir, "regent-"+strconv.Itoa(port)),
		Args: append([]string{"--save", ""}, args...), // as redis-server: a load of more than a minute would begin a snapshot
	}
}

func redisNode(o options, port int, dir string, args ...string) *harness.Node {
	return &harness.Node{
		Binary: o.redis, Port: port, Dir: filepath.Join(dir, "redis-"+strconv.Itoa(port)),
		Args: append([]string{"--save", ""}, args...),
	}
}

// start starts servers and waits until they answer; the caller ends them,
// also after an error.
func start(ctx context.Context, servers ...*harness.Node) error {
	for _, n := range servers {
		if err := n.Start(); err != nil {
			return err
		}
		if err := n.Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func stop(servers ...*harness.Node) {
	for _, n := range servers {
		if n != nil {
			_ = n.Kill() // measured and done with
		}
	}
}

// cpuSeconds is the user and system time that a process has used, all its threads, also those that ended.
func cpuSeconds(pid int) (float64, error) {
	took, err := processTime(pid)
	if err != nil {
		return 0, fmt.Errorf("read the server's CPU time: %w", err)
	}
	return took.Seconds(), nil
}

// residentBytes is the memory that a process holds.
func residentBytes(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the server's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status names no VmRSS", pid)
}
