package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Wall clocks that are set by hours. The random worlds do that too (wallClock), and judge what
// clients see; here is what they do not ask for.

// TestWallClocksAreSet: the wall clock of the leader, and then a follower's, is set by hours, back
// and forth. Nobody is elected for it, no write waits, followers that are there count as
// there, and timeouts last as long as they are to.
func TestWallClocksAreSet(t *testing.T) {
	scenario(t, func(w *world) {
		leader, follower := w.leaderAndFollower()
		epoch := w.field(leader, "regent", "epoch")
		w.must(leader, "OK", "CONFIG", "SET", "min-replicas-to-write", 2)
		w.eventually("the followers count", func() error {
			_, err := w.ask(w.net.host(operator), leader, "SET", "k", "v")
			return err
		})
		for _, nd := range []*node{leader, follower} {
			for _, ahead := range []time.Duration{5 * time.Hour, -5 * time.Hour, 0, 2 * time.Hour, -30 * time.Hour, 0} {
				took := make(chan time.Duration)
				go func() {
					asked := time.Now()
					w.must(leader, "", "BLPOP", "nothing", 2)
					took <- time.Since(asked)
				}()
				time.Sleep(w.plan.timeout / 3)
				w.tell("the wall clock of node %d is set to be ahead by %s", nd.id, ahead)
				nd.clock.set(ahead)
				for range 20 {
					asked := time.Now()
					w.must(leader, "OK", "SET", "k", "v")
					if d := time.Since(asked); d > w.plan.timeout {
						w.wrong("a write took %s", d)
					}
					time.Sleep(w.plan.timeout / 5)
				}
				const most = 2 * 13 / 10 // a clock's rate, and the way there and back
				if d := <-took; d < 2*time.Second*7/10 || d > most*time.Second+w.plan.timeout {
					w.wrong("a timeout of 2 s took %s", d)
				}
				if now := w.field(leader, "regent", "epoch"); now != epoch || !leader.leads() {
					w.wrong("epoch %s after %s", now, epoch)
				}
			}
		}
		// A follower that is gone does not count as there for hours.
		leader.clock.set(-5 * time.Hour)
		follower.kill()
		w.eventually("the follower counts as gone", func() error {
			reply, err := w.ask(w.net.host(operator), leader, "SET", "k", "v")
			var answer replyError
			if !errors.As(err, &answer) || !strings.HasPrefix(string(answer), "NOREPLICAS ") {
				return fmt.Errorf("a write: %s %v", reply, err)
			}
			return nil
		})
		follower.restart()
		leader.clock.set(0)
		w.recovered("a follower's return")
	})
}

// TestExpiryWhenWallClocksAreSet: when a key ends is a moment that the leader's clock has
// named, and stays that moment: a clock that is set ahead ends what is over by it, and nothing
// else; what it hides at a follower is there again; and when it is set right nothing is kept
// that is over.
func TestExpiryWhenWallClocksAreSet(t *testing.T) {
	scenario(t, func(w *world) {
		leader, follower := w.leaderAndFollower()
		rest := func() { time.Sleep(10 * w.plan.timeout) }
		set := func(nd *node, ahead time.Duration) {
			w.tell("the wall clock of node %d is set to be ahead by %s", nd.id, ahead)
			nd.clock.set(ahead)
			rest()
		}
		life := func(key string) time.Duration {
			text, err := w.ask(w.net.host(operator), leader, "PTTL", key)
			ms, bad := strconv.ParseInt(text, 10, 64)
			if err != nil || bad != nil {
				w.wrong("PTTL %s: %s %v", key, text, err)
			}
			return time.Duration(ms) * time.Millisecond
		}
		w.must(leader, "OK", "SET", "one hour", "v", "PX", time.Hour.Milliseconds())
		w.must(leader, "OK", "SET", "ten hours", "v", "PX", (10 * time.Hour).Milliseconds())
		written := time.Now()
		lasts := func() {
			want := 10*time.Hour - time.Since(written)
			if got := life("ten hours"); (got - want).Abs() > 2*w.plan.timeout {
				w.wrong("ten hours end in %s, and should in %s", got, want)
			}
		}
		w.must(follower, "OK", "CONFIG", "SET", "follower-reads", "yes")
		at := &caller{dial: w.net.host(operator).dialer(), addr: follower.addr()}
		defer at.close()
		sees := func(want string) {
			replies, err := at.exchange(4*w.plan.timeout, []any{"READONLY"}, []any{"GET", "ten hours"})
			if err != nil || fmt.Sprint(replies[1]) != want {
				w.wrong("the follower reads %q, and not %q: %v", replies, want, err)
			}
		}
		sees("v")
		set(follower, 20*time.Hour)
		sees("")
		lasts()
		set(follower, 0)
		sees("v")
		set(leader, 5*time.Hour)
		w.must(leader, "", "GET", "one hour")
		set(leader, 0)
		w.must(leader, "", "GET", "one hour")
		lasts()
		sees("v")
		// Behind: what was to end lasts longer, what is written then ends after its time.
		w.must(leader, "OK", "SET", "before", "v", "PX", w.plan.timeout.Milliseconds())
		set(leader, -5*time.Hour)
		w.must(leader, "v", "GET", "before")
		w.must(leader, "OK", "SET", "behind", "v", "PX", w.plan.timeout.Milliseconds())
		rest()
		w.must(leader, "", "GET", "behind")
		set(leader, 0)
		w.must(leader, "", "GET", "before")
		w.must(leader, "0", "EXISTS", "one hour", "before", "behind")
		lasts()
		w.recovered("clocks that were set")
	})
}

func (w *world) leaderAndFollower() (leader, follower *node) {
	leader = w.nodes[slices.IndexFunc(w.nodes, (*node).leads)]
	return leader, w.nodes[slices.IndexFunc(w.nodes, func(nd *node) bool { return nd != leader })]
}

// must asks a node for what has one right answer.
func (w *world) must(nd *node, want string, args ...any) {
	if reply, err := w.ask(w.net.host(operator), nd, args...); err != nil || reply != want {
		w.wrong("%v at node %d: %q %v, and not %q", args, nd.id, reply, err, want)
	}
}

// field is one of what INFO tells.
func (w *world) field(nd *node, section, name string) string {
	text, err := w.ask(w.net.host(operator), nd, "INFO", section)
	if err != nil {
		w.wrong("INFO of node %d: %v", nd.id, err)
	}
	_, rest, _ := strings.Cut(text, "\r\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}
