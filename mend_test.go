package regent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"regent/aof/disk/disktest"
	"regent/resp"
)

// TestLogIsMadeAnew: a failed fsync ends writing, and reading goes on. When the
// disk works again the log is made anew by itself, and holds everything that was
// executed.
func TestLogIsMadeAnew(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		fs := disktest.New()
		var broken atomic.Bool
		fs.Fault(func(op disktest.Op) (int, error) {
			if broken.Load() && op.Kind == "sync" {
				return 0, errors.New("input/output error")
			}
			return 0, nil
		})
		dir := t.TempDir()
		lines := []string{"appendfsync " + policy, "hz 100", debugging}
		s := beginOn(t, fs, dir, lines...)
		s.fill()
		broken.Store(true)
		c := s.client()
		s.until("writes are refused", func() bool {
			err := c.Set(t.Context(), "during", "the failure", 0).Err()
			return err != nil && strings.HasPrefix(err.Error(), "MISCONF ")
		})
		s.do("1", "GET", "a")
		if got := s.info("aof_last_write_status"); got != "err" {
			t.Errorf("%s: aof_last_write_status is %s", policy, got)
		}
		s.until("a try fails", func() bool { return s.info("aof_rewrites_consecutive_failures") != "0" })
		s.do("1", "GET", "a")
		broken.Store(false)
		s.until("writes are taken", func() bool { return c.Set(t.Context(), "after", "the failure", 0).Err() == nil })
		if got := s.info("aof_last_write_status") + s.info("aof_last_bgrewrite_status"); got != "okok" {
			t.Errorf("%s: after the recovery: %s", policy, got)
		}
		for i := range 100 {
			s.do("OK", "SET", fmt.Sprint("more", i), "x")
		}
		want := s.digest()
		s.end()
		s = beginOn(t, fs, dir, lines...)
		if got := s.digest(); got != want {
			t.Errorf("%s: another keyspace after the restart", policy)
		}
		s.do("the failure", "GET", "after")
		s.end()
	}
}

// TestFailedSaveStopsWrites: with save points a save that fails ends writing, as
// stop-writes-on-bgsave-error says, until one succeeds.
func TestFailedSaveStopsWrites(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", "save 3600 1000000")
	defer s.end()
	s.fill()
	inTheWay := filepath.Join(dir, "dump.rdb")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	s.do("Background saving started", "BGSAVE")
	s.until("the save ends", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	if got := s.info("rdb_last_bgsave_status"); got != "err" {
		t.Fatalf("rdb_last_bgsave_status is %s", got)
	}
	for _, write := range [][]any{{"SET", "a", "2"}, {"PING"}} {
		s.do(resp.ErrBgsave, write...)
	}
	s.do("1", "GET", "a")
	s.do("OK", "CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	s.do("OK", "SET", "a", "2")
	s.do("OK", "CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
	s.do(resp.ErrBgsave, "SET", "a", "3")
	s.do("OK", "CONFIG", "SET", "save", "")
	s.do("OK", "SET", "a", "3")
	s.do("OK", "CONFIG", "SET", "save", "3600 1000000")
	if err := os.Remove(inTheWay); err != nil {
		t.Fatal(err)
	}
	s.do("OK", "SAVE")
	s.do("OK", "SET", "a", "4")
}
