package engine_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/engine/enginetest"
)

// Scripts that append ARGV[1] to lists, and return how long each is then. The first ones name
// all their keys, and run with their shards alone; the others reach for more.
const (
	pushKeys   = "local at = {} for i, k in ipairs(KEYS) do at[i] = redis.call('rpush', k, ARGV[1]) end return at"
	pushFirst  = "local n = redis.call('rpush', KEYS[1], ARGV[1]) return {n}"
	pushNamed  = "local k, n = KEYS[1], redis.call('llen', KEYS[1]) redis.call('rpush', k, ARGV[1]) return {n + 1}"
	pushMore   = "local at = {} for i = 1, #ARGV - 1 do at[i] = redis.call('rpush', ARGV[i + 1], ARGV[1]) end return at"
	pushHelped = "local function push(k) return redis.call('rpush', k, ARGV[1]) end local at = {} for i, k in ipairs(KEYS) do at[i] = push(k) end return at"
)

// A push is a script's, or another command's, and where it has put its mark.
type push struct {
	mark  string
	lists []string
	at    []string // from 1 on
}

// draw draws a command that pushes, and what it pushes to.
func (p *push) draw(rnd *rand.Rand) []string {
	const lists, most = 24, 4
	for _, i := range rnd.Perm(lists)[:1+rnd.IntN(most)] {
		p.lists = append(p.lists, fmt.Sprint("list:", i))
	}
	n := fmt.Sprint(len(p.lists))
	switch rnd.IntN(6) {
	case 0:
		p.lists = p.lists[:1]
		return []string{"EVAL", pushFirst, "1", p.lists[0], p.mark}
	case 1:
		p.lists = p.lists[:1]
		return []string{"EVAL", pushNamed, "1", p.lists[0], p.mark}
	case 2:
		return append(append([]string{"EVAL", pushMore, "0"}, p.mark), p.lists...)
	case 3:
		return append(append([]string{"EVAL", pushHelped, n}, p.lists...), p.mark)
	case 4:
		p.lists = p.lists[:1]
		return []string{"RPUSH", p.lists[0], p.mark}
	}
	return append(append([]string{"EVAL", pushKeys, n}, p.lists...), p.mark)
}

// TestScriptsAreSerial: what scripts, keyed and wide ones, and commands do side by side is
// what they would have done one after the other, in one order for all keys; and that order is
// the log's.
func TestScriptsAreSerial(t *testing.T) {
	const sessions, commands = 4, 700
	s := enginetest.NewEngine(t)
	pushed := make([][]push, sessions)
	var wg sync.WaitGroup
	for i := range uint64(sessions) {
		c := s.Client()
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(i, 11))
			for n := range commands {
				p := push{mark: fmt.Sprintf("%d-%d", i, n)}
				reply := c.Do(p.draw(rnd)...)
				for c.Parked() {
					if !untilWoken(c) {
						t.Errorf("nobody has woken %s", p.mark)
						return
					}
					reply = c.Go()
				}
				p.at = strings.FieldsFunc(reply, func(r rune) bool { return r < '0' || r > '9' })
				if strings.HasPrefix(reply, "*") {
					p.at = p.at[1:]
				}
				pushed[i] = append(pushed[i], p)
			}
		})
	}
	stop := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() { // what runs in the background runs here
		for {
			select {
			case <-stop:
				return
			default:
				s.Host.Advance(time.Millisecond)
				runtime.Gosched()
			}
		}
	})
	wg.Wait()
	close(stop)
	clock.Wait()
	checkPushes(t, s, slices.Concat(pushed...))
}

// untilWoken waits until somebody wakes a parked session, which has nobody else to ask for its turn.
func untilWoken(c *enginetest.Client) bool {
	const limit = 20 * time.Second // it hangs
	for began := time.Now(); c.Link.Woken.Swap(0) == 0; runtime.Gosched() {
		if time.Since(began) > limit {
			return false
		}
	}
	return true
}

// checkPushes takes the marks off all lists at once, in the order that the log gives, and sees
// that each was where its script has said.
func checkPushes(t *testing.T, s *enginetest.Server, pushed []push) {
	of := map[string]*push{}
	for i := range pushed {
		p := &pushed[i]
		of[p.mark] = p
		if len(p.at) != len(p.lists) {
			t.Fatalf("%s has pushed to %v at %v", p.mark, p.lists, p.at)
		}
	}
	length, done := map[string]int{}, map[string]int{}
	last := ""
	for _, rec := range s.Log.Records() {
		if string(rec.Args[0]) == "MULTI" || string(rec.Args[0]) == "EXEC" {
			continue
		}
		list, mark := string(rec.Args[1]), string(rec.Args[2])
		p := of[mark]
		if n := done[mark]; n > 0 && last != mark || n == len(p.lists) || p.lists[n] != list {
			t.Fatalf("the log has %s of %s after %d of its pushes, behind one of %s", list, mark, n, last)
		}
		length[list]++
		if want := p.at[done[mark]]; want != fmt.Sprint(length[list]) {
			t.Fatalf("%s was number %s of %s, and in the log it is number %d", mark, want, list, length[list])
		}
		done[mark]++
		last = mark
	}
	for _, p := range pushed {
		if done[p.mark] != len(p.lists) {
			t.Errorf("%d of %d pushes of %s are in the log", done[p.mark], len(p.lists), p.mark)
		}
	}
	c := s.Client()
	for list, n := range length {
		if got := c.Do("LLEN", list); got != fmt.Sprintf(":%d\r\n", n) {
			t.Errorf("%s has %q elements, want %d", list, got, n)
		}
	}
}
