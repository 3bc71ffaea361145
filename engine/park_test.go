package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// parked is a client that waits for a node which acknowledges nothing.
func parked(t *testing.T, timeout string) (*enginetest.Server, *enginetest.Client) {
	t.Helper()
	s := enginetest.NewEngine(t)
	s.Cluster.SetAcked(0)
	c := s.Client()
	c.Do("SET", "k", "v")
	if got := c.Do("WAIT", "1", timeout); got != "" || !c.Parked() {
		t.Fatalf("WAIT: %q", got)
	}
	return s, c
}

// TestDeadlineWakes: the engine itself sees to the end of a wait.
func TestDeadlineWakes(t *testing.T) {
	s, c := parked(t, "50")
	s.Host.Advance(49 * time.Millisecond)
	if n := c.Link.Woken.Load(); n != 0 {
		t.Fatalf("woken %d times too early", n)
	}
	s.Host.Advance(time.Millisecond)
	if n := c.Link.Woken.Load(); n != 1 {
		t.Fatalf("woken %d times at the deadline", n)
	}
	if got := c.Go(); got != ":0\r\n" || c.Parked() {
		t.Fatal(got)
	}
}

// TestDeadlineHoldsWhenTheClockIsSet: a wait ends after its time, and not before, whatever
// the wall clock says then.
func TestDeadlineHoldsWhenTheClockIsSet(t *testing.T) {
	for _, step := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		s, c := parked(t, "50")
		s.Host.StepWall(step)
		if got := c.Go(); got != "" { // something else woke it
			t.Errorf("%s: too early: %q", step, got)
		}
		s.Host.Advance(50 * time.Millisecond)
		if n := c.Link.Woken.Load(); n != 1 {
			t.Errorf("%s: woken %d times at the deadline", step, n)
		}
		if got := c.Go(); got != ":0\r\n" || c.Parked() {
			t.Errorf("%s: %q", step, got)
		}
	}
}

func TestTimerEndsWithItsWait(t *testing.T) {
	s, c := parked(t, "50")
	s.Cluster.SetAcked(s.Log.End())
	if got := c.Go(); got != ":1\r\n" {
		t.Fatal(got)
	}
	s.Host.Advance(time.Second)
	if n := c.Link.Woken.Load(); n != 0 {
		t.Fatalf("woken %d times after the end", n)
	}
	s, c = parked(t, "50")
	s.EndSession(c.Session)
	s.Host.Advance(time.Second)
	if n := c.Link.Woken.Load(); n != 0 {
		t.Fatalf("a connection that is gone was woken %d times", n)
	}
}

func TestParkedSessionTakesNoCommand(t *testing.T) {
	_, c := parked(t, "0")
	defer func() {
		if recover() == nil {
			t.Error("a command was carried out")
		}
	}()
	c.Do("PING")
}

func TestUnblock(t *testing.T) {
	for how, want := range map[string]string{
		"TIMEOUT": ":0\r\n", "error": "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n",
	} {
		s, c := parked(t, "0")
		other := s.Client()
		if got := other.Do("CLIENT", "LIST", "ID", fmt.Sprint(c.ID)); !strings.Contains(got, " flags=b ") || !strings.Contains(got, " cmd=wait ") {
			t.Error(got)
		}
		if got := c.Go(); got != "" {
			t.Fatalf("nothing has happened: %q", got)
		}
		if got := other.Do("CLIENT", "UNBLOCK", fmt.Sprint(c.ID), how); got != ":1\r\n" {
			t.Fatal(got)
		}
		if got := other.Do("CLIENT", "UNBLOCK", fmt.Sprint(c.ID)); got != ":0\r\n" {
			t.Errorf("twice: %q", got)
		}
		if got := c.Go(); got != want || c.Link.Woken.Load() != 1 {
			t.Errorf("%s: %q, woken %d times", how, got, c.Link.Woken.Load())
		}
		if got := other.Do("CLIENT", "UNBLOCK", fmt.Sprint(c.ID)); got != ":0\r\n" {
			t.Errorf("it waits no more: %q", got)
		}
	}
}

// TestSkippedReplyOfAWait: CLIENT REPLY SKIP means the reply of the wait, not
// the silence in which it begins.
func TestSkippedReplyOfAWait(t *testing.T) {
	s, c := parked(t, "50")
	c.Session.ReplyMode = engine.ReplySkip
	s.Host.Advance(time.Second)
	if got := c.Go(); got != "" || c.Parked() {
		t.Fatalf("%q", got)
	}
	if got := c.Do("PING"); got != "+PONG\r\n" {
		t.Fatalf("the next reply: %q", got)
	}
	c.Do("CLIENT", "REPLY", "SKIP")
	c.Do("SET", "k", "v") // this one is silent
	c.Do("CLIENT", "REPLY", "SKIP")
	if got := c.Do("WAIT", "1", "50"); got != "" || !c.Parked() {
		t.Fatal(got)
	}
	s.Host.Advance(time.Second)
	if got := c.Go(); got != "" || c.Parked() {
		t.Fatalf("a skipped wait answers %q", got)
	}
	if got := c.Do("PING"); got != "+PONG\r\n" {
		t.Fatalf("the next reply: %q", got)
	}
}

// TestWaitRestsOnLeadership: what WAIT answers is worth nothing when another
// node leads by the time the reply leaves.
func TestWaitRestsOnLeadership(t *testing.T) {
	s := enginetest.NewEngine(t)
	s.Cluster.SetView(enginetest.ThreeNodes(1, 1))
	s.Cluster.SetAcked(0, 0)
	c := s.Client()
	c.Do("WAIT", "2", "0")
	if c.LeaderEpoch != 7 {
		t.Errorf("answered at once: epoch %d", c.LeaderEpoch)
	}
	c.Do("SET", "k", "v")
	c.LeaderEpoch = 0 // the batch was released
	c.Do("WAIT", "1", "0")
	if c.LeaderEpoch != 0 {
		t.Errorf("while it waits: epoch %d", c.LeaderEpoch)
	}
	v := enginetest.ThreeNodes(1, 1)
	v.Epoch = 9
	s.Cluster.SetView(v)
	s.Cluster.SetAcked(s.Log.End())
	if got := c.Go(); got != ":1\r\n" || c.LeaderEpoch != 9 {
		t.Errorf("%q in epoch %d", got, c.LeaderEpoch)
	}
	c.LeaderEpoch = 0
	c.Do("WAIT", "2", "0")
	s.Cluster.SetView(enginetest.ThreeNodes(1, 3))
	if got := c.Go(); !strings.HasPrefix(got, "-UNBLOCKED ") || c.LeaderEpoch != 0 || !c.CloseAfterReply {
		t.Errorf("deposed: %q, epoch %d, closes %v", got, c.LeaderEpoch, c.CloseAfterReply)
	}
}
