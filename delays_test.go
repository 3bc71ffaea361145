package regent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSavesAreDrawnOut: rdb-key-save-delay keeps a save going; FLUSHALL gives it up, as in redis-server, and a
// change of the directive is heeded at once.
func TestSavesAreDrawnOut(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, dir, "appendonly no", `save ""`, "rdb-key-save-delay 2000000000")
	dump := filepath.Join(dir, "dump.rdb")
	s.do("OK", "MSET", "a", "1", "b", "2", "c", "3")
	s.do("Background saving started", "BGSAVE")
	if got := s.info("rdb_bgsave_in_progress"); got != "1" {
		t.Errorf("a save that takes hours is over: %s", got)
	}
	s.do("OK", "FLUSHALL")
	s.until("the save is given up", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	if _, err := os.Stat(dump); !os.IsNotExist(err) {
		t.Errorf("a save that was given up has left a file: %v", err)
	}
	if changes, status := s.info("rdb_changes_since_last_save"), s.info("rdb_last_bgsave_status"); changes == "0" || status != "ok" {
		t.Errorf("after it: %s changes, status %s", changes, status)
	}
	s.do("OK", "CONFIG", "SET", "rdb-key-save-delay", "-5") // what the other save owed is forgotten
	s.do("OK", "MSET", "a", "1", "b", "2", "c", "3")
	s.do("Background saving started", "BGSAVE")
	s.until("a save ends", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	s.do("OK", "CONFIG", "SET", "rdb-key-save-delay", "2000000000")
	s.do("Background saving started", "BGSAVE")
	s.do("Background append only file rewriting scheduled", "BGREWRITEAOF")
	s.do("OK", "CONFIG", "SET", "rdb-key-save-delay", "-5")
	s.until("the save ends", func() bool { return s.info("rdb_bgsave_in_progress") == "0" })
	if _, err := os.Stat(dump); err != nil {
		t.Error(err)
	}
}

// TestLoadsAreDrawnOut: key-load-delay keeps a load going, of dump.rdb and of the log, and the server can be
// ended meanwhile.
func TestLoadsAreDrawnOut(t *testing.T) {
	for what, lines := range map[string][]string{
		"a dump":                  {"appendonly no", "save 3600 1"},
		"the base of the log":     {"appendonly yes"},
		"the records of the log":  {"appendonly yes"},
		"a base that is commands": {"appendonly yes", "aof-use-rdb-preamble no"},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			s := begin(t, dir, lines...)
			s.do("OK", "MSET", "a", "1", "b", "2", "c", "3")
			s.do("OK", "SET", "d", "4")
			if strings.Contains(what, "base") {
				s.do("Background append only file rewriting started", "BGREWRITEAOF")
				s.until("it is rewritten", func() bool { return s.info("aof_rewrite_in_progress") == "0" })
			}
			s.end()
			const delay = 50 * time.Millisecond
			began := time.Now()
			slow := begin(t, dir, append(lines, "key-load-delay 50000")...)
			if took, least := time.Since(began), 2*delay; took < least {
				t.Errorf("it was loaded in %v, and takes %v at least", took, least)
			}
			slow.do("4", "GET", "d")
			slow.end()

			never := unanswered(t, dir, append(lines, "key-load-delay 2000000000")...)
			c := never.client()
			never.until("it loads", func() bool {
				err := c.Get(t.Context(), "d").Err()
				return err != nil && strings.HasPrefix(err.Error(), "LOADING")
			})
			never.end()
		})
	}
}

// TestDelayEndsWithItsWork: what rests returns when its work is to end.
func TestDelayEndsWithItsWork(t *testing.T) {
	s := begin(t, t.TempDir(), "appendonly no", `save ""`, "rdb-key-save-delay 2000000000")
	s.do("OK", "SET", "a", "1")
	s.do("Background saving started", "BGSAVE")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s.stop()
	select {
	case err := <-s.done:
		s.once.Do(func() {})
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Fatal("the server does not end")
	}
}
