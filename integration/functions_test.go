package integration

import (
	"fmt"
	"os"
	"testing"
	"time"

	"regent/integration/harness"
)

// functionEverywhere waits until every node that runs answers a function with want.
func functionEverywhere(t *testing.T, c *harness.Cluster, name, want string) {
	t.Helper()
	ctx := within(t, 30*time.Second)
	err := harness.Until(ctx, func() error {
		for _, n := range c.Nodes {
			if n.PID() == 0 {
				continue
			}
			rc := n.Client()
			got, err := rc.Do(ctx, "FCALL_RO", name, "1", "key").Text()
			rc.Close()
			if err != nil {
				got = err.Error()
			}
			if got != want {
				return fmt.Errorf("node %d answers %s with %q, want %q", n.Port, name, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFunctionsInACluster: a library that the leader has confirmed is at the followers, at the
// next leader after kill -9, and at a node that gets a full copy; one that was deleted is
// nowhere.
func TestFunctionsInACluster(t *testing.T) {
	c, leader := startCluster(t, 3)
	library := func(name, value string) string {
		return fmt.Sprintf("#!lua name=%s\nredis.register_function{function_name='%s', callback=function(keys, args) return '%s' .. (redis.call('get', keys[1]) or '') end, flags={'no-writes'}}", name, name, value)
	}
	say := func(n *harness.Node, args ...any) {
		t.Helper()
		rc := client(t, n)
		if err := rc.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%.60q: %v", fmt.Sprint(args...), err)
		}
	}
	say(leader, "SET", "key", "value")
	say(leader, "FUNCTION", "LOAD", library("kept", "kept "))
	say(leader, "FUNCTION", "LOAD", library("gone", "gone "))
	functionEverywhere(t, c, "gone", "gone value")
	say(leader, "FUNCTION", "DELETE", "gone")
	say(leader, "FUNCTION", "LOAD", "REPLACE", library("kept", "anew "))
	functionEverywhere(t, c, "kept", "anew value")
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	functionEverywhere(t, c, "kept", "anew value")
	if err := os.RemoveAll(leader.Dir); err != nil {
		t.Fatal(err)
	}
	if err := leader.Start(); err != nil { // with nothing: it gets a full copy
		t.Fatal(err)
	}
	ready(t, leader)
	functionEverywhere(t, c, "kept", "anew value")
	functionEverywhere(t, c, "gone", "ERR Function not found")
}
