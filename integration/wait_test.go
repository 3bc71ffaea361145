package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestWaitedForIsSeen: when WAIT 2 answers 2, a reader at either follower sees
// the write, whether the client waited for +OK before or sent both at once.
func TestWaitedForIsSeen(t *testing.T) {
	c, leader := startCluster(t, 3, patient...)
	ctx := within(t, 2*time.Minute)
	lc := leader.Client()
	defer lc.Close()
	writer := lc.Conn()
	defer writer.Close()
	var readers []*redis.Conn
	for _, n := range c.Nodes {
		if n == leader {
			continue
		}
		rc := n.Client()
		defer rc.Close()
		r := rc.Conn()
		defer r.Close()
		if err := r.ReadOnly(ctx).Err(); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	write := map[string]func(key string) (int64, error){
		"one after the other": func(key string) (int64, error) {
			if err := writer.Set(ctx, key, "v", 0).Err(); err != nil {
				return 0, err
			}
			return writer.Do(ctx, "WAIT", 2, 0).Int64()
		},
		"in a pipeline": func(key string) (int64, error) {
			p := writer.Pipeline()
			p.Set(ctx, key, "v", 0)
			n := p.Do(ctx, "WAIT", 2, 0)
			if _, err := p.Exec(ctx); err != nil {
				return 0, err
			}
			return n.Int64()
		},
	}
	for how, f := range write {
		for i := range 80 {
			key := fmt.Sprintf("%s: %d", how, i)
			if n, err := f(key); err != nil || n != 2 {
				t.Fatalf("%s: WAIT says %d, %v", key, n, err)
			}
			for j, r := range readers {
				if got, err := r.Get(ctx, key).Result(); err != nil || got != "v" {
					t.Errorf("%s at follower %d: %q, %v", key, j, got, err)
				}
			}
		}
	}
}
