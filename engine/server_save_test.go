package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"regent/engine"
	"regent/engine/enginetest"
)

// TestSaveReplies: what the process says about a job, in Redis's words.
func TestSaveReplies(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, step := range []struct {
		job                    engine.Job
		rewrite, save, waiting string
	}{
		{engine.JobStarted, "+Background append only file rewriting started\r\n", "+Background saving started\r\n", "+Background saving started\r\n"},
		{engine.JobScheduled, "+Background append only file rewriting scheduled\r\n", "+Background saving scheduled\r\n", "+Background saving scheduled\r\n"},
		{engine.JobRunning, "-ERR Background append only file rewriting already in progress\r\n", "-ERR Background save already in progress\r\n", "-ERR Background save already in progress\r\n"},
		{engine.JobRefused, "-ERR Can't execute an AOF background rewriting. Please check the server logs for more information.\r\n", "-ERR\r\n", "-ERR\r\n"},
	} {
		s.Control.Job = step.job
		for _, ask := range []struct{ got, want string }{
			{c.Do("BGREWRITEAOF"), step.rewrite}, {c.Do("BGSAVE"), step.save}, {c.Do("BGSAVE", "schedule"), step.waiting},
		} {
			if ask.got != ask.want {
				t.Errorf("job %d: %q, want %q", step.job, ask.got, ask.want)
			}
		}
	}
	if got := c.Do("BGSAVE", "SCHEDULE", "x"); got != "-ERR syntax error\r\n" {
		t.Errorf("BGSAVE SCHEDULE x: %q", got)
	}
}

// TestSaveParks: SAVE waits without holding anybody up, and tells how it went.
func TestSaveParks(t *testing.T) {
	s := enginetest.NewEngine(t)
	for err, want := range map[error]string{nil: "+OK\r\n", engine.ErrSaving: "-ERR Background save already in progress\r\n", errors.New("x"): "-ERR\r\n"} {
		c := s.Client()
		s.Control.Fail = err
		if got := c.Do("SAVE"); got != "" || !c.Parked() {
			t.Fatalf("SAVE answers %q at once", got)
		}
		s.Host.Advance(time.Millisecond)
		if got := c.Go(); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// TestShutdownSaves: SAVE, or points without NOSAVE; a failure keeps the server up
// unless it is forced down.
func TestShutdownSaves(t *testing.T) {
	for _, step := range []struct {
		words  []string
		points bool
		fail   error
		want   string
		ends   bool
	}{
		{words: []string{"SAVE"}, ends: true},
		{points: true, ends: true},
		{words: []string{"NOSAVE"}, points: true, ends: true},
		{words: []string{"SAVE"}, fail: errors.New("x"), want: "-ERR Errors trying to SHUTDOWN. Check logs.\r\n"},
		{words: []string{"SAVE", "FORCE"}, fail: errors.New("x"), ends: true},
	} {
		s := enginetest.NewEngine(t)
		c := s.Client()
		s.Control.Fail, s.Control.AtEnd = step.fail, step.points
		got := c.Do(append([]string{"SHUTDOWN"}, step.words...)...)
		if c.Parked() {
			s.Host.Advance(time.Millisecond)
			got = c.Go()
		}
		if got != step.want || c.Parked() != step.ends {
			t.Errorf("SHUTDOWN %q: %q, waits for the end %v", step.words, got, c.Parked())
		}
	}
}

// TestSavesBehindTransactions: a part of a transaction or a script waits for no save: what is asked
// for there comes behind, and a save behind FLUSHALL once.
func TestSavesBehindTransactions(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	s.Control.AtEnd, s.Control.Job = true, engine.JobStarted
	c.Do("MULTI")
	for _, word := range []string{"FLUSHALL", "FLUSHALL", "BGSAVE", "BGREWRITEAOF"} {
		if got := c.Do(word); got != "+QUEUED\r\n" {
			t.Fatalf("%s: %q", word, got)
		}
	}
	want := "*4\r\n+OK\r\n+OK\r\n+Background saving scheduled\r\n+Background append only file rewriting scheduled\r\n"
	if got := c.Do("EXEC"); got != want || c.Parked() {
		t.Errorf("EXEC: %q, parked %v", got, c.Parked())
	}
	s.Host.Advance(time.Millisecond)
	s.Host.Advance(time.Millisecond)
	if want := []string{"save soon, afterwards true", "rewrite log", "save, give up true"}; !slices.Equal(s.Control.Calls, want) {
		t.Errorf("%q, want %q", s.Control.Calls, want)
	}
	c.Do("MULTI")
	c.Do("FLUSHALL")
	c.Do("EXEC")
	s.Host.Advance(time.Millisecond)
	if n := len(s.Control.Calls); n != 4 {
		t.Errorf("a later one: %q", s.Control.Calls)
	}
}

// TestFlushGivesTheSaveUp: FLUSHALL without save points ends a save that is under way.
func TestFlushGivesTheSaveUp(t *testing.T) {
	s := enginetest.NewEngine(t)
	c := s.Client()
	for _, flush := range []string{"FLUSHDB", "FLUSHALL"} {
		s.Control.Calls = nil
		if got := c.Do(flush); got != "+OK\r\n" {
			t.Fatal(got)
		}
		if got, want := len(s.Control.Calls), map[string]int{"FLUSHALL": 1}[flush]; got != want {
			t.Errorf("%s: %q", flush, s.Control.Calls)
		}
	}
}
