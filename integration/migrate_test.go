package integration

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"regent/integration/harness"
)

// migrateTo is MIGRATE to a node, with what comes after its address.
func migrateTo(t *testing.T, from *redis.Client, to *harness.Node, rest ...any) (string, error) {
	t.Helper()
	args := append([]any{"MIGRATE", "127.0.0.1", to.Port}, rest...)
	return from.Do(t.Context(), args...).Text()
}

// fillTypes makes a key of every type and of large and small encodings.
func fillTypes(t *testing.T, c *redis.Client) (keys []any) {
	t.Helper()
	ctx := t.Context()
	pipe := c.Pipeline()
	pipe.Set(ctx, "s", "text", time.Hour)
	pipe.Set(ctx, "n", "12345", 0)
	pipe.Set(ctx, "big", strings.Repeat("large ", 100_000), 0)
	pipe.RPush(ctx, "l", "a", "1", strings.Repeat("x", 300))
	pipe.SAdd(ctx, "ints", 1, 2, 70000)
	pipe.SAdd(ctx, "t", "a", "b")
	pipe.HSet(ctx, "h", "f", "v", "g", 2)
	pipe.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "a"}, redis.Z{Score: -2, Member: "b"})
	pipe.XAdd(ctx, &redis.XAddArgs{Stream: "x", ID: "1-1", Values: []string{"f", "v"}})
	pipe.XGroupCreate(ctx, "x", "g", "0")
	pipe.PFAdd(ctx, "p", "a", "b", "c")
	for i := range 2000 {
		m := fmt.Sprintf("member %d", i)
		pipe.RPush(ctx, "manyl", m)
		pipe.SAdd(ctx, "manyt", m)
		pipe.HSet(ctx, "manyh", m, i)
		pipe.ZAdd(ctx, "manyz", redis.Z{Score: float64(i), Member: m})
	}
	if _, err := pipe.Exec(ctx); err != nil {
		t.Fatal(err)
	}
	for _, k := range strings.Fields("s n big l ints t h z x p manyl manyt manyh manyz") {
		keys = append(keys, k)
	}
	return keys
}

// TestMigrate moves keys of every type from Regent to redis-server, back and on to another
// Regent: each time all that was there is at the other end.
func TestMigrate(t *testing.T) {
	a := startNode(t, "--enable-debug-command", "yes")
	b := startRedis(t, "--enable-debug-command", "yes")
	c := startNode(t, "--enable-debug-command", "yes")
	keys := fillTypes(t, client(t, a))
	digest := func(n *harness.Node) string {
		text, err := client(t, n).Do(t.Context(), "DEBUG", "DIGEST").Text()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := digest(a)
	const nothing = "0000000000000000000000000000000000000000"
	for i, hop := range [][2]*harness.Node{{a, b}, {b, a}, {a, c}} {
		got, err := migrateTo(t, client(t, hop[0]), hop[1], append([]any{"", 0, 20000, "KEYS"}, keys...)...)
		if err != nil || got != "OK" {
			t.Fatalf("hop %d: %q, %v", i, got, err)
		}
		if got := digest(hop[0]); got != nothing {
			t.Errorf("hop %d: %s is left", i, got)
		}
		if got := digest(hop[1]); got != want {
			t.Errorf("hop %d: the digest is %s there, and was %s", i, got, want)
		}
	}
	if ttl := client(t, c).TTL(t.Context(), "s").Val(); ttl <= 0 || ttl > time.Hour {
		t.Errorf("a time to live of an hour has become %s", ttl)
	}
}

// TestMigrateAnswers: Regent and redis-server say the same of what goes wrong.
func TestMigrateAnswers(t *testing.T) {
	target := startRedis(t, "--requirepass", "secret")
	silent := startRedis(t)
	ports, err := harness.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	sources := []*redis.Client{client(t, startNode(t)), client(t, startRedis(t))}
	there := redis.NewClient(&redis.Options{Addr: target.Addr(), Password: "secret"})
	t.Cleanup(func() { there.Close() })
	for _, from := range sources {
		if err := from.MSet(t.Context(), "a", 1, "b", 2, "c", 3, "d", 4, "e", 5).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		to    int
		rest  string
		again bool // what was sent before is there
	}{
		{to: target.Port, rest: "none 0 1000"},
		{to: target.Port, rest: "a 0 1000"}, // NOAUTH
		{to: target.Port, rest: "a 0 1000 AUTH wrong"},
		{to: target.Port, rest: "a 0 1000 AUTH2 default wrong COPY"},
		{to: target.Port, rest: "a 99 1000 AUTH secret"}, // no such database
		{to: target.Port, rest: "a 0 1000 COPY AUTH secret"},
		{to: target.Port, rest: "a 0 1000 AUTH secret", again: true}, // it is there already
		{to: target.Port, rest: "a 3 1000 COPY REPLACE AUTH2 default secret"},
		{to: target.Port, rest: "a 0 1000 REPLACE AUTH secret", again: true},
		{to: target.Port, rest: "a 0 1000"}, // it is gone
		{to: target.Port, rest: "- 1 1000 AUTH secret KEYS b none c"},
		{to: target.Port, rest: "- 1 1000 AUTH secret KEYS none"},
		{to: target.Port, rest: "- 1 1000 AUTH secret REPLACE KEYS d d"},
		{to: target.Port, rest: "e 0 1000 KEYS f"},
		{to: target.Port, rest: "e 0 x"},
		{to: target.Port, rest: "e x 1000"},
		{to: target.Port, rest: "e 0 1000 AUTH"},
		{to: target.Port, rest: "e 0 1000 what"},
		{to: ports[0], rest: "e 0 1000"}, // nobody listens
		{to: silent.Port, rest: "e 0 -1 COPY REPLACE"},
	} {
		var said [2]string
		for i, from := range sources {
			if !c.again {
				if err := there.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
			}
			args := []any{"MIGRATE", "127.0.0.1", c.to}
			for _, w := range strings.Fields(c.rest) {
				if w == "-" {
					w = ""
				}
				args = append(args, w)
			}
			text, err := from.Do(t.Context(), args...).Text()
			left, arrived := from.DBSize(t.Context()).Val(), there.DBSize(t.Context()).Val()
			said[i] = fmt.Sprintf("%s %v, %d are left, %d have arrived", text, err, left, arrived)
		}
		if said[0] != said[1] {
			t.Errorf("%s:\n  got  %s\n  want %s", c.rest, said[0], said[1])
		}
	}
}

// TestMigrateUnderWrites: a key that is written all the while goes over with every write
// that was acknowledged before it went, and the others start a key anew.
func TestMigrateUnderWrites(t *testing.T) {
	a, b := startNode(t), startRedis(t)
	from, to := client(t, a), client(t, b)
	const writes, moves = 3000, 40
	if err := from.Set(t.Context(), "n", 0, 0).Err(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range writes {
			if err := from.Incr(t.Context(), "n").Err(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	sum := 0
	take := func() {
		n, err := to.GetDel(t.Context(), "n").Int()
		if err != nil && err != redis.Nil {
			t.Fatal(err)
		}
		sum += n
	}
	for range moves {
		_, err := migrateTo(t, from, b, "n", 0, 5000)
		switch {
		case err == nil:
			take()
		case strings.HasPrefix(err.Error(), "TRYAGAIN"):
			if err := to.Del(t.Context(), "n").Err(); err != nil { // an older value
				t.Fatal(err)
			}
		default:
			t.Fatal(err)
		}
	}
	wg.Wait()
	if _, err := migrateTo(t, from, b, "n", 0, 5000); err != nil {
		t.Fatal(err)
	}
	if take(); sum != writes {
		t.Errorf("of %d writes %d have arrived", writes, sum)
	}
}
