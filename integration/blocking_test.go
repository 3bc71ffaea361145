package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestBlockedAtAFailover: clients block at the leader, are served under a quorum
// and in order, and are told when it leads no more; all nodes hold the same lists.
func TestBlockedAtAFailover(t *testing.T) {
	c, leader := startCluster(t, 3, "--enable-debug-command", "yes")
	ctx := within(t, 30*time.Second)
	cl := client(t, leader)
	type answer struct {
		who int
		got []string
		err error
	}
	answers := make(chan answer, 10)
	block := func(who int, key string) {
		consumer := redis.NewClient(&redis.Options{Addr: leader.Addr(), ReadTimeout: time.Minute, MaxRetries: -1})
		t.Cleanup(func() { consumer.Close() })
		go func() {
			got, err := consumer.BLPop(ctx, 0, "nothing", key).Result()
			answers <- answer{who, got, err}
		}()
		for !strings.Contains(cl.Info(ctx, "clients").Val(), fmt.Sprintf("blocked_clients:%d\r\n", who)) {
			if ctx.Err() != nil {
				t.Fatal("nobody blocks")
			}
			time.Sleep(time.Millisecond)
		}
	}
	for who := range 3 {
		block(who+1, "jobs")
	}
	if n, err := cl.RPush(ctx, "jobs", "1", "2", "3", "left").Result(); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	for range 3 {
		a := <-answers
		if a.err != nil || a.got[1] != fmt.Sprint(a.who) {
			t.Errorf("client %d got %q, %v", a.who, a.got, a.err)
		}
	}
	for i := range 3000 {
		cl.RPush(ctx, "long", fmt.Sprint("element ", i))
	}
	block(1, "none")
	if err := cl.Do(ctx, "FAILOVER").Err(); err != nil {
		t.Fatal(err)
	}
	if a := <-answers; a.err == nil || !strings.HasPrefix(a.err.Error(), "UNBLOCKED ") {
		t.Errorf("after the failover: %q, %v", a.got, a.err)
	}
	if _, err := c.Agreed(ctx); err != nil {
		t.Fatal(err)
	}
	sameData(t, c)
	for _, n := range c.Nodes {
		equal(t, redis.NewStringResult(client(t, n).LIndex(ctx, "jobs", 0).Result()), "left")
		if got := client(t, n).LLen(ctx, "long").Val(); got != 3000 {
			t.Errorf("node %d holds %d elements", n.Port, got)
		}
	}
}
