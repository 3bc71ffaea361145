package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// randomLine draws a command over a few keys in several shards.
func randomLine(rnd *rand.Rand) []string {
	key := func() string { return fmt.Sprint("k", rnd.IntN(40)) }
	n := fmt.Sprint(rnd.IntN(100))
	lines := [][]string{
		{"SET", key(), n}, {"SET", key(), n, "PX", "5"}, {"SETNX", key(), n}, {"INCR", key()}, {"INCRBYFLOAT", key(), "0.5"},
		{"APPEND", key(), n}, {"GET", key()}, {"MGET", key(), key()}, {"DEL", key(), key()}, {"MSET", key(), n, key(), n, key(), n},
		{"MSETNX", key(), n, key(), n}, {"RENAME", key(), key()}, {"RENAMENX", key(), key()}, {"COPY", key(), key(), "REPLACE"},
		{"COPY", key(), key(), "DB", "1", "REPLACE"}, {"MOVE", key(), "1"}, {"PEXPIRE", key(), "5"}, {"PERSIST", key()},
		{"SCAN", "0", "COUNT", "20"}, {"KEYS", "k1*"}, {"RANDOMKEY"}, {"GETDEL", key()}, {"GETEX", key(), "PX", "5"},
	}
	list := func() string { return fmt.Sprint("l", rnd.IntN(12)) }
	lines = append(lines, [][]string{
		{"RPUSH", list(), n, n + "th"}, {"LPUSH", list(), n}, {"LPOP", list()}, {"RPOP", list(), "2"}, {"LMOVE", list(), list(), "LEFT", "RIGHT"},
		{"RPOPLPUSH", list(), list()}, {"LTRIM", list(), "1", "5"}, {"LREM", list(), "0", n}, {"LSET", list(), "0", n}, {"LRANGE", list(), "0", "-1"},
		{"LMPOP", "2", list(), list(), "LEFT"}, {"LINSERT", list(), "AFTER", n, "new"}, {"RENAME", list(), list()}, {"COPY", list(), list(), "REPLACE"},
		{"BLPOP", list(), list(), "0.01"}, {"BLMOVE", list(), list(), "LEFT", "RIGHT", "0.01"}, {"BLMPOP", "0.01", "1", list(), "RIGHT", "COUNT", "2"},
		{"BRPOPLPUSH", list(), list(), "0.01"},
	}...)
	return lines[rnd.IntN(len(lines))]
}

// randomTurn is one command, or a transaction of some.
func randomTurn(rnd *rand.Rand, c *enginetest.Client) {
	if rnd.IntN(8) > 0 {
		c.Do(randomLine(rnd)...)
		return
	}
	if rnd.IntN(2) == 0 {
		c.Do("WATCH", fmt.Sprint("k", rnd.IntN(40)), fmt.Sprint("l", rnd.IntN(12)))
	}
	c.Do("MULTI")
	for range rnd.IntN(5) {
		c.Do(randomLine(rnd)...)
	}
	c.Do("EXEC")
}

// TestConcurrentReplay: sessions run side by side, and the log still holds
// every key's changes in the order in which they happened.
func TestConcurrentReplay(t *testing.T) {
	const sessions, commands = 4, 3000
	s := enginetest.NewEngine(t)
	var wg sync.WaitGroup
	for i := range uint64(sessions) {
		c := s.Client()
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(i, 7))
			for range commands {
				randomTurn(rnd, c)
				for c.Parked() {
					c.Go()
					runtime.Gosched()
				}
			}
		})
	}
	stop := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s.Host.Advance(time.Millisecond)
			s.ExpireCycle(10)
			s.Maintain()
			runtime.Gosched()
		}
	})
	wg.Wait()
	close(stop)
	clock.Wait()
	follower := enginetest.NewEngine(t)
	a := follower.NewApplier()
	for i, rec := range s.Log.Records() {
		a.SetDB(rec.DB)
		if err := a.Apply(rec.Args); err != nil {
			t.Fatalf("record %d, %s: %v", i, rec, err)
		}
	}
	if got, want := follower.Dump(), s.Dump(); !slices.Equal(got, want) {
		t.Fatalf("the log builds\n%q\nnot\n%q", got, want)
	}
}
