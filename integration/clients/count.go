package main

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// A report is what a program says at its end.
type report struct {
	Version string `json:"version"`
	Writes  int64  `json:"writes"` // that were acknowledged
	Errors  int64  `json:"errors"`
	Gap     int64  `json:"gap_ms"` // the longest time between two acknowledged writes
	Acked   int64  `json:"acked"`  // the last value that was
	Stale   int64  `json:"stale"`  // reads of less than that
	Said    string `json:"said"`   // the last error
}

// pause is what a program waits between two rounds.
const pause = 2 * time.Millisecond

// count is the program's loop, in Go.
func count(ctx context.Context, c redis.Cmdable, key string, during time.Duration) report {
	var r report
	began := time.Now()
	last := began
	for n := int64(1); time.Since(began) < during; n++ {
		if err := round(ctx, c, key, n, &r, &last); err != nil {
			r.Errors++
			r.Said = err.Error()
		}
		time.Sleep(pause)
	}
	r.gap(last)
	return r
}

func (r *report) gap(last time.Time) { r.Gap = max(r.Gap, time.Since(last).Milliseconds()) }

func round(ctx context.Context, c redis.Cmdable, key string, n int64, r *report, last *time.Time) error {
	if err := c.Set(ctx, key, n, 0).Err(); err != nil {
		return err
	}
	r.gap(*last)
	*last = time.Now()
	r.Acked = n
	r.Writes++
	text, err := c.Get(ctx, key).Result()
	if err != nil && !absent(err) {
		return err
	}
	if got, _ := strconv.ParseInt(text, 10, 64); got < r.Acked {
		r.Stale++
	}
	return nil
}

// absent reports whether an error is go-redis's word for a value that is not there. It is
// that itself and nothing around it: a FailoverClient whose Sentinels all answer null, as
// they do while nobody leads, has an error that wraps it.
func absent(err error) bool { return err == redis.Nil }

// waits are the timeouts of all clients of go-redis, and what its cluster clients need, as
// README says: when a node cannot be dialled they go by the slots that they know, and
// those are a minute old at worst by default.
const (
	dialWait  = time.Second
	replyWait = time.Second
	redirects = 30
	reload    = 100 * time.Millisecond
)

// goClients are the clients of go-redis, by the face that they use.
func goClients() []program {
	make := func(name, face string, open func(addrs []string) redis.UniversalClient) program {
		name = "go-redis " + name
		return program{name: name, face: face, run: func(ctx context.Context, t task) (report, error) {
			if len(t.prefix) > 0 {
				return elsewhere(ctx, name, face, t)
			}
			c := open(t.addrs)
			defer c.Close()
			r := count(ctx, c, t.key, t.during)
			r.Version = redis.Version()
			return r, nil
		}}
	}
	failover := func(addrs []string) *redis.FailoverOptions {
		return &redis.FailoverOptions{MasterName: "mymaster", SentinelAddrs: addrs, DialerRetries: 1, DialTimeout: dialWait, ReadTimeout: replyWait, WriteTimeout: replyWait}
	}
	plain := func(addrs []string) redis.UniversalClient {
		return redis.NewClient(&redis.Options{Addr: addrs[0], DialTimeout: dialWait, ReadTimeout: replyWait, WriteTimeout: replyWait})
	}
	universal := make("UniversalClient", clusterFace, func(addrs []string) redis.UniversalClient {
		return redis.NewUniversalClient(&redis.UniversalOptions{
			Addrs: addrs, MaxRedirects: redirects, DialerRetries: 1,
			DialTimeout: dialWait, ReadTimeout: replyWait, WriteTimeout: replyWait,
		})
	})
	universal.own = "its own wait: it goes on with the node that it knows until it reloads its slots, and has no option for that"
	both := make("FailoverClusterClient", sentinelFace, func(addrs []string) redis.UniversalClient { return redis.NewFailoverClusterClient(failover(addrs)) })
	both.own = "its own wait: the Sentinel that it listened to was the leader's, and it does not look for another before it reloads its slots"
	return []program{
		make("ClusterClient", clusterFace, func(addrs []string) redis.UniversalClient {
			return redis.NewClusterClient(&redis.ClusterOptions{
				Addrs: addrs, MaxRedirects: redirects, ClusterStateReloadInterval: reload, DialerRetries: 1,
				DialTimeout: dialWait, ReadTimeout: replyWait, WriteTimeout: replyWait,
			})
		}),
		universal,
		make("FailoverClient", sentinelFace, func(addrs []string) redis.UniversalClient { return redis.NewFailoverClient(failover(addrs)) }),
		both,
		make("Client", plainFace, plain),
		make("Client", dumbFace, plain),
		make("Client", checkedFace, plain),
		make("Ring", plainFace, func(addrs []string) redis.UniversalClient {
			return redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": addrs[0]}, DialTimeout: dialWait, ReadTimeout: replyWait, WriteTimeout: replyWait})
		}),
	}
}
