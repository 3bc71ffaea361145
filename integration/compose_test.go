package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/integration/harness"
)

// composeProject keeps the test's containers apart from a user's own.
const composeProject = "regent-compose-test"

// composeStep bounds one docker command.
const composeStep = 3 * time.Minute

// composeImage bounds the making of the image: a compiler that has nothing of the
// program yet needs minutes of a busy machine.
const composeImage = 12 * time.Minute

// composeWait bounds the wait for another run's containers to go.
const composeWait = 8 * time.Minute

// A composed is the three nodes of docker-compose.yml in their containers.
type composed struct {
	t    *testing.T
	argv []string // docker-compose, or docker compose
}

// composePassword is the one that the compose file takes when none is set.
const composePassword = "change-me"

// TestCompose brings docker-compose.yml up for real and uses it from this
// machine, as the file's own comment does: writes, kills the leader's
// container, reads; cuts the leader off the network, writes on the other side,
// joins it again, reads.
func TestCompose(t *testing.T) {
	if _, err := os.Stat("/var/run/docker.sock"); err != nil {
		t.Log("no docker daemon on this machine: nothing to compose")
		return
	}
	c := composeUp(t, "docker-compose.yml")
	first := c.leader("")
	c.safe()
	c.mustCli(1, "OK", "set", "greeting", "hello")
	for i := 1; i <= 3; i++ { // every node leads a client of this machine to the leader
		c.redisCli(i, "OK", "set", "from", node(i))
		c.redisCli(i, node(i), "get", "from")
	}

	t.Logf("killing %s", first)
	c.docker("kill", first)
	c.leader(first)
	c.mustCli(c.other(first), "hello", "get", "greeting")
	c.redisCli(c.other(first), "hello", "get", "greeting")
	c.docker("start", first)
	c.eventually("the killed node follows again", func() error {
		info, err := c.info(first)
		if err == nil && info["master_link_status"] != "up" && info["role"] != "master" {
			err = fmt.Errorf("link %q", info["master_link_status"])
		}
		return err
	})

	second := c.leader("")
	network := composeProject + "_regent"
	t.Logf("disconnecting %s", second)
	c.docker("network", "disconnect", network, second)
	third := c.leader(second)
	if third == second {
		t.Fatal("a leader without a majority still leads")
	}
	c.mustCli(c.other(second), "OK", "set", "greeting", "again")
	c.eventually("the cut off leader refuses", func() error {
		out, _ := c.try("exec", second, "/regent", "cli", "-stay", "-p", port(second), "get", "greeting")
		if health, err := c.try("exec", second, "/regent", "check-health", "-p", port(second)); err == nil {
			return fmt.Errorf("its health check says %q", health)
		}
		if !strings.HasPrefix(out, "CLUSTERDOWN") && !strings.HasPrefix(out, "hello") {
			return fmt.Errorf("it says %q", out)
		}
		out, _ = c.try("exec", second, "/regent", "cli", "-stay", "-p", port(second), "set", "greeting", "lost")
		if !strings.HasPrefix(out, "CLUSTERDOWN") {
			return fmt.Errorf("a write: %q", out)
		}
		return nil
	})
	alias := strings.TrimPrefix(second, "regent-")
	c.docker("network", "connect", "--alias", alias, network, second)
	c.eventually("the cut off node reads what the others wrote", func() error {
		out, err := c.tryWith("READONLY\nGET greeting\n", "exec", "-i", second, "/regent", "cli", "-stay", "-p", port(second))
		if !strings.HasSuffix(out, "again") {
			return fmt.Errorf("%q, %v", out, err)
		}
		return nil
	})
}

// composeUp starts what the files say together.
func composeUp(t *testing.T, files ...string) *composed {
	c := &composed{t: t}
	need(t, "docker")
	if _, err := exec.LookPath("docker-compose"); err == nil {
		c.argv = []string{"docker-compose"}
	} else if err := exec.Command("docker", "compose", "version").Run(); err == nil {
		c.argv = []string{"docker", "compose"}
	} else {
		t.Fatal("docker-compose is needed: `make tools` installs it")
	}
	c.argv = append(c.argv, "-p", composeProject)
	for _, file := range files {
		c.argv = append(c.argv, "-f", file)
	}
	c.within(composeImage, "make", "image")
	composeTurn(t)
	down := func() {
		ctx, cancel := context.WithTimeout(context.Background(), composeStep)
		defer cancel()
		if t.Failed() {
			out, _ := c.command(ctx, append(slices.Clone(c.argv), "logs", "--tail=100")...).CombinedOutput()
			t.Logf("%s", out)
		}
		_, _ = c.command(ctx, append(slices.Clone(c.argv), "down", "-v", "--timeout", "5")...).CombinedOutput()
	}
	down() // what an earlier run left behind
	t.Cleanup(down)
	c.run(append(slices.Clone(c.argv), "up", "-d")...)
	c.eventually("all containers are healthy", func() error {
		for i := 1; i <= 3; i++ {
			out, err := c.try("inspect", "--format", "{{.State.Health.Status}}", node(i))
			if out != "healthy" {
				return fmt.Errorf("%s is %q, %v", node(i), out, err)
			}
		}
		return nil
	})
	return c
}

// composeTurn waits until no other run of these tests on this machine has the containers:
// their names and ports are the compose file's.
func composeTurn(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/tmp/"+composeProject+".lock", os.O_CREATE|os.O_RDWR, 0o666)
	must(t, err)
	t.Cleanup(func() { f.Close() }) // and with it the lock goes, after the containers
	ctx := within(t, composeWait)
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			t.Fatalf("another run of this test has had the containers for %s", composeWait)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func node(i int) string { return fmt.Sprintf("regent-node%d", i) }

// command runs in the project's root, where the compose file is.
func (c *composed) command(ctx context.Context, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = ".."
	return cmd
}

func (c *composed) run(argv ...string) string {
	c.t.Helper()
	return c.within(composeStep, argv...)
}

// within is run with a limit of its own.
func (c *composed) within(limit time.Duration, argv ...string) string {
	c.t.Helper()
	out, err := c.command(within(c.t, limit), argv...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *composed) docker(args ...string) string {
	c.t.Helper()
	return c.run(append([]string{"docker"}, args...)...)
}

// try is docker for what may fail.
func (c *composed) try(args ...string) (string, error) { return c.tryWith("", args...) }

// tryWith is try with an input.
func (c *composed) tryWith(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	cmd := c.command(ctx, append([]string{"docker"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// port is where a container listens, in it and on this machine.
func port(name string) string { return "700" + strings.TrimPrefix(name, "regent-node") }

// mustCli runs `regent cli` on this machine against node i's published port.
func (c *composed) mustCli(i int, want string, args ...string) {
	c.t.Helper()
	args = append([]string{"cli", "-a", composePassword, "--no-auth-warning", "-p", port(node(i))}, args...)
	if got, status := run(c.t, "", args...); got != want+"\n" || status != 0 {
		c.t.Fatalf("%v: %q, status %d, want %q", args, got, status, want)
	}
}

// redisCli is mustCli with redis-cli -c.
func (c *composed) redisCli(i int, want string, args ...string) {
	c.t.Helper()
	args = append([]string{need(c.t, "redis-cli"), "-c", "-a", composePassword, "--no-auth-warning", "-p", port(node(i))}, args...)
	if got := c.run(args...); got != want {
		c.t.Fatalf("%v: %q, want %q", args, got, want)
	}
}

// safe looks at what the containers may do: a password is asked for, and the
// server is not root.
func (c *composed) safe() {
	c.t.Helper()
	if out, _ := run(c.t, "", "cli", "-p", port(node(1)), "get", "k"); !strings.HasPrefix(out, "NOAUTH") {
		c.t.Errorf("without a password: %q", out)
	}
	for i := 1; i <= 3; i++ {
		if user := c.docker("inspect", "--format", "{{.Config.User}}", node(i)); !strings.HasPrefix(user, "10001") {
			c.t.Errorf("%s runs as %q", node(i), user)
		}
		if policy := c.docker("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", node(i)); policy != "unless-stopped" {
			c.t.Errorf("%s is started again: %q", node(i), policy)
		}
	}
}

func (c *composed) info(name string) (map[string]string, error) {
	text, err := c.try("exec", name, "/regent", "cli", "-stay", "-p", port(name), "info", "replication", "regent")
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, err, text)
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[k] = v
		}
	}
	return fields, nil
}

// leader waits until a container other than not leads, and names it.
func (c *composed) leader(not string) (name string) {
	c.t.Helper()
	c.eventually("a leader", func() error {
		for i := 1; i <= 3; i++ {
			if node(i) == not {
				continue
			}
			if info, err := c.info(node(i)); err == nil && info["role"] == "master" && info["leader_id"] == info["node_id"] {
				name = node(i)
				return nil
			}
		}
		return errors.New("nobody leads")
	})
	return name
}

// other is a node that is not the one named.
func (c *composed) other(name string) int {
	if name == node(1) {
		return 2
	}
	return 1
}

func (c *composed) eventually(what string, f func() error) {
	c.t.Helper()
	if err := harness.Until(within(c.t, time.Minute), f); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}
