package regent

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"regent/aof/disk/disktest"
)

// CONFIG SET appendonly.

// made reports whether there is a log, and a base in it.
func (ts *testServer) made() bool {
	return ts.info("aof_enabled") == "1" && ts.info("aof_rewrite_in_progress") == "0" && ts.info("aof_rewrite_scheduled") == "0" && ts.data.Log() != nil
}

// counters are clients that count, each its own key.
type counters struct {
	acked [4]atomic.Int64
	stop  chan struct{}
	wg    sync.WaitGroup
}

func (ts *testServer) count() *counters {
	c := &counters{stop: make(chan struct{})}
	for i := range c.acked {
		client := ts.client()
		c.wg.Go(func() {
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				n, err := client.Incr(ts.t.Context(), fmt.Sprint("counter", i)).Result()
				if err != nil {
					ts.t.Errorf("counter %d: %v", i, err)
					return
				}
				c.acked[i].Store(n)
			}
		})
	}
	return c
}

func (c *counters) now() (n [4]int64) {
	for i := range c.acked {
		n[i] = c.acked[i].Load()
	}
	return n
}

// wantAll starts a server on what a loss of power has left: all that was acknowledged is there.
func wantAll(t *testing.T, what string, fs *disktest.FS, dir string, acked [4]int64) {
	t.Helper()
	s := beginOn(t, fs, dir, "appendonly yes", "appendfsync always")
	defer s.end()
	for i, want := range acked {
		got, _ := strconv.ParseInt(s.client().Get(t.Context(), fmt.Sprint("counter", i)).Val(), 10, 64)
		if got < want {
			t.Errorf("%s: counter %d is %d, and %d was acknowledged", what, i, got, want)
		}
	}
}

// TestTheLogIsSwitchedWhileClientsWrite: whatever was acknowledged while a log was kept outlasts a
// loss of power, from the moment at which its base is there until it is ended.
func TestTheLogIsSwitchedWhileClientsWrite(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		fs, dir := disktest.New(), t.TempDir()
		s := beginOn(t, fs, dir, debugging, "appendonly no", `save ""`, "appendfsync always", "hz 100", "aof-use-rdb-preamble "+preamble)
		s.fill()
		c := s.count()
		moved := func() bool {
			from := c.now()
			s.until("all count on", func() bool {
				for i, n := range c.now() {
					if n <= from[i]+3 {
						return false
					}
				}
				return true
			})
			return true
		}
		for round := range 3 {
			moved()
			s.do("OK", "CONFIG", "SET", "appendonly", "yes")
			s.until("the log is begun", s.made)
			acked := c.now()
			wantAll(t, fmt.Sprint("begun, round ", round), fs.Crash(disktest.Loss{}), dir, acked)
			moved()
			acked = c.now()
			wantAll(t, fmt.Sprint("kept, round ", round), fs.Crash(disktest.Loss{}), dir, acked)
			acked = c.now()
			s.do("OK", "CONFIG", "SET", "appendonly", "no")
			wantAll(t, fmt.Sprint("ended, round ", round), fs.Crash(disktest.Loss{}), dir, acked)
			if got := s.info("aof_enabled"); got != "0" {
				t.Errorf("aof_enabled is %s", got)
			}
		}
		s.do("OK", "CONFIG", "SET", "appendonly", "yes")
		s.until("the log is begun", s.made)
		close(c.stop)
		c.wg.Wait()
		want := s.digest()
		s.end()
		s = beginOn(t, fs.Crash(disktest.Loss{}), dir, debugging, "appendonly yes")
		if got := s.digest(); got != want {
			t.Errorf("preamble %s: another keyspace after the restart", preamble)
		}
		s.end()
	}
}

// TestALogThatCannotBeBegunYet: what fails is tried again, and refuses no writes meanwhile.
func TestALogThatCannotBeBegunYet(t *testing.T) {
	fs, dir := disktest.New(), t.TempDir()
	var broken atomic.Pointer[string]
	fs.Fault(func(op disktest.Op) (int, error) {
		if kind := broken.Load(); kind != nil && op.Kind == *kind && strings.Contains(op.Name, "appendonly.aof.") {
			return 0, errors.New("input/output error")
		}
		return 0, nil
	})
	breaks := func(kind string) { broken.Store(&kind) }
	s := beginOn(t, fs, dir, debugging, "appendonly no", `save ""`, "appendfsync always", "hz 100")
	s.fill()
	breaks("create")
	s.do("ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.", "CONFIG", "SET", "slowlog-max-len", "7", "appendonly", "yes")
	if got := s.config("appendonly") + s.info("aof_enabled") + s.config("slowlog-max-len"); got != "no0128" {
		t.Errorf("after a beginning that failed at once: %s", got)
	}
	breaks("rename")
	s.do("OK", "CONFIG", "SET", "appendonly", "yes")
	s.until("a try has failed", func() bool { return s.info("aof_rewrites_consecutive_failures") != "0" })
	s.do("OK", "SET", "meanwhile", "1")
	if got := s.config("appendonly") + s.info("aof_enabled") + s.info("aof_last_bgrewrite_status"); got != "yes1err" {
		t.Errorf("after a beginning that failed: %s", got)
	}
	broken.Store(nil)
	if err := s.client().Do(t.Context(), "BGREWRITEAOF").Err(); err != nil && !strings.Contains(err.Error(), "in progress") {
		t.Fatal(err)
	}
	s.until("the log is begun", s.made)
	s.do("OK", "SET", "later", "2")
	want := s.digest()
	left := fs.Crash(disktest.Loss{})
	s.do("OK", "CONFIG", "SET", "appendonly", "no")
	s.do("OK", "CONFIG", "SET", "appendonly", "no")
	s.do("OK", "SET", "gone", "3")
	s.end()
	for _, fs := range []*disktest.FS{left, fs.Crash(disktest.Loss{})} {
		s := beginOn(t, fs, dir, debugging, "appendonly yes")
		if got := s.digest(); got != want {
			t.Error("another keyspace after the restart")
		}
		s.end()
	}
}

// TestALogThatIsBegunIsGivenUp: no, said while the base is written, and a save first.
func TestALogThatIsBegunIsGivenUp(t *testing.T) {
	fs, dir := disktest.New(), t.TempDir()
	held, reached := make(chan struct{}), make(chan struct{})
	var holds atomic.Bool
	fs.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "sync" && strings.Contains(op.Name, ".base.") && holds.CompareAndSwap(true, false) {
			close(reached)
			<-held
		}
		return 0, nil
	})
	s := beginOn(t, fs, dir, debugging, "appendonly no", `save ""`, "appendfsync always", "hz 100")
	s.fill()
	holds.Store(true)
	s.do("OK", "CONFIG", "SET", "appendonly", "yes")
	<-reached
	s.do("OK", "SET", "while", "it is begun")
	if err := s.client().Do(t.Context(), "BGREWRITEAOF").Err(); err == nil || !strings.Contains(err.Error(), "already in progress") {
		t.Errorf("BGREWRITEAOF: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- s.client().ConfigSet(t.Context(), "appendonly", "no").Err() }()
	s.until("it is told", func() bool { return strings.Contains(s.logText(), "Ending the rewrite of the log") })
	close(held)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.do("it is begun", "GET", "while")
	tx := s.client().TxPipeline()
	tx.Set(t.Context(), "in", "a transaction", 0)
	tx.ConfigSet(t.Context(), "appendonly", "yes")
	if _, err := tx.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.until("the log is begun", s.made)
	want := s.digest()
	left := fs.Crash(disktest.Loss{})
	s.end()
	s = beginOn(t, left, dir, debugging, "appendonly yes")
	if got := s.digest(); got != want {
		t.Error("another keyspace after the restart")
	}
}
