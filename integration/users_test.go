package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// revocations is how often a user is taken away and the leader killed; REGENT_REVOCATIONS
// says so too.
func revocations() int {
	if n, err := strconv.Atoi(os.Getenv("REGENT_REVOCATIONS")); err == nil {
		return n
	}
	if os.Getenv("REGENT_SOAK") != "" {
		return 50
	}
	return 2
}

// TestARevokedUserStaysOut: a user is deleted or loses its password, that is acknowledged
// and the leader is killed at once. Whoever leads next does not let it in, nor do nodes
// that come back.
func TestARevokedUserStaysOut(t *testing.T) {
	c, _ := startCluster(t, 3)
	for round := range revocations() {
		name := fmt.Sprint("user", round)
		leader, err := c.Agreed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		admin := leader.Client()
		must(t, admin.Do(t.Context(), "ACL", "SETUSER", name, "on", ">secret", "~*", "+@all").Err())
		if err := login(t.Context(), leader, name); err != nil {
			t.Fatalf("round %d: the user does not get in before: %v", round, err)
		}
		if round%2 == 0 {
			must(t, admin.Do(t.Context(), "ACL", "DELUSER", name).Err())
		} else {
			must(t, admin.Do(t.Context(), "ACL", "SETUSER", name, "<secret").Err())
		}
		must(t, leader.Kill())
		next, err := c.Leader(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := login(t.Context(), next, name); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
			t.Fatalf("round %d: the next leader lets %s in: %v", round, name, err)
		}
		must(t, leader.Start())
		must(t, leader.Ready(t.Context()))
		if _, err := c.Agreed(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, n := range c.Nodes {
			if err := login(t.Context(), n, name); err == nil || !strings.Contains(err.Error(), "WRONGPASS") {
				t.Fatalf("round %d: node %d lets %s in: %v", round, n.Port, name, err)
			}
		}
	}
}

// TestUsersAreTheClusters: what one node is told all nodes know, also after the log was
// made anew and all were started again; followers send changes to the leader.
func TestUsersAreTheClusters(t *testing.T) {
	c, leader := startCluster(t, 3)
	must(t, leader.Client().Do(t.Context(), "ACL", "SETUSER", "kept", "on", ">secret", "~a*", "+@read", "(~b +set)").Err())
	must(t, leader.Client().Do(t.Context(), "ACL", "SETUSER", "gone", "on", ">secret").Err())
	must(t, leader.Client().Do(t.Context(), "ACL", "DELUSER", "gone").Err())
	for _, n := range c.Nodes {
		if n == leader {
			continue
		}
		if err := n.Client().Do(t.Context(), "ACL", "SETUSER", "x", "on").Err(); err == nil || !strings.HasPrefix(err.Error(), "MOVED ") {
			t.Errorf("a follower changes users: %v", err)
		}
	}
	check := func(when string) {
		t.Helper()
		for _, n := range c.Nodes {
			err := harness.Until(t.Context(), func() error {
				list, err := n.Client().Do(t.Context(), "ACL", "LIST").StringSlice()
				if err != nil {
					return err
				}
				if len(list) != 2 || !strings.HasPrefix(list[1], "user kept on ") || !strings.HasSuffix(list[1], " ~a* resetchannels -@all +@read (~b resetchannels -@all +set)") {
					return fmt.Errorf("node %d: %q", n.Port, list)
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
		}
	}
	check("at once")
	for _, n := range c.Nodes {
		must(t, n.Client().BgRewriteAOF(t.Context()).Err())
		must(t, harness.Until(t.Context(), func() error {
			info, err := n.Info(t.Context(), "persistence")
			if err == nil && (info["aof_rewrite_in_progress"] != "0" || info["aof_last_bgrewrite_status"] != "ok") {
				err = errors.New("the log is being made anew")
			}
			return err
		}))
	}
	must(t, c.Stop())
	must(t, c.Start(t.Context()))
	check("after a start from the logs' bases")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// login has a user ask who it is.
func login(ctx context.Context, n *harness.Node, name string) error {
	c := redis.NewClient(&redis.Options{Addr: n.Addr(), Username: name, Password: "secret", MaxRetries: -1, DialTimeout: 5 * time.Second})
	defer c.Close()
	return c.Do(ctx, "ACL", "WHOAMI").Err()
}
