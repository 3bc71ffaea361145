package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// buildTimeout bounds the build of the binary under test.
const buildTimeout = 15 * time.Minute // a hang's end, and no measure of a machine that has other work

func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

// binaryEnv tells the tests where the binary is that TestMain has built.
const binaryEnv = "REGENT_TEST_BINARY"

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "regent-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	bin := filepath.Join(dir, "regent")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "regent/cmd/regent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the binary: %v\n%s", err, out)
		return 1
	}
	os.Setenv(binaryEnv, bin)
	redis.SetLogger(quiet{}) // a server that is not there yet is no news
	return m.Run()
}

// quiet drops what go-redis logs.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func binary() string { return os.Getenv(binaryEnv) }

// need fails the test when a program that it needs is not installed: a test
// that is skipped proves nothing.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is needed: `make tools` installs it (%v)", program, err)
	}
	return path
}

// startNode starts one Regent server of its own.
func startNode(t *testing.T, args ...string) *harness.Node {
	t.Helper()
	n := prepareNode(t, binary(), args...)
	n.Before = []string{"--write-timeout", strconv.Itoa(int(slowDisk / time.Millisecond))}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	return n
}

// slowDisk is how long a lone node's disk may take for a write on a busy machine: no
// test of one is about what a write that waits longer is told.
const slowDisk = time.Minute

// startRedis starts the reference.
func startRedis(t *testing.T, args ...string) *harness.Node {
	t.Helper()
	n := prepareNode(t, need(t, "redis-server"), append([]string{"--save", ""}, args...)...)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ready(t, n)
	return n
}

func prepareNode(t *testing.T, bin string, args ...string) *harness.Node {
	t.Helper()
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	n := &harness.Node{Binary: bin, Port: ports[0], Dir: t.TempDir(), Args: args}
	t.Cleanup(func() {
		_ = n.Kill()
		if t.Failed() {
			t.Logf("log of node %d:\n%s", n.Port, n.Log())
		}
	})
	return n
}

func ready(t *testing.T, n *harness.Node) {
	t.Helper()
	if err := n.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// startCluster starts n nodes and waits for their leader.
func startCluster(t *testing.T, n int, args ...string) (*harness.Cluster, *harness.Node) {
	t.Helper()
	c, err := harness.NewCluster(binary(), t.TempDir(), n, args...)
	if err != nil {
		t.Fatal(err)
	}
	return c, runCluster(t, c)
}

// runCluster starts a cluster that is prepared and returns its leader.
func runCluster(t *testing.T, c *harness.Cluster) *harness.Node {
	t.Helper()
	t.Cleanup(func() {
		c.Kill()
		if t.Failed() {
			for _, n := range c.Nodes {
				t.Logf("log of node %d:\n%s", n.Port, n.Log())
			}
		}
	})
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	leader, err := c.Leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leader
}

// client is a plain go-redis client of a node, closed with the test.
func client(t *testing.T, n *harness.Node) *redis.Client {
	t.Helper()
	c := n.Client()
	c.Options().ReadTimeout = slowDisk
	t.Cleanup(func() { c.Close() })
	return c
}

// within bounds one step of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
