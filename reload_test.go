package regent

import (
	"strings"
	"testing"
)

// TestReload: the data goes through the file, or the log, and is the same; what
// is only in one of them shows.
func TestReload(t *testing.T) {
	s := begin(t, t.TempDir(), debugging, "save \"\"")
	s.fill()
	want := s.digest()
	for _, command := range [][]any{{"DEBUG", "RELOAD"}, {"DEBUG", "LOADAOF"}, {"DEBUG", "RELOAD", "NOSAVE"}, {"DEBUG", "RELOAD", "MERGE", "noflush"}} {
		s.do("OK", command...)
		if got := s.digest(); got != want {
			t.Errorf("%v: digest %s, want %s", command, got, want)
		}
	}
	s.do("OK", "SET", "later", "1")
	s.do("OK", "DEBUG", "RELOAD", "NOSAVE")
	s.do("redis: nil", "GET", "later")
	s.do("OK", "SET", "later", "2")
	s.do("OK", "DEBUG", "LOADAOF")
	s.do("2", "GET", "later")
	s.do("OK", "DEBUG", "RELOAD")
	s.do("2", "GET", "later")
	s.do("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.", "DEBUG", "RELOAD", "now")
	s.do("OK", "SET", "goes", "on")
	s.end()
}

// TestReloadAside: without a log of its own a server loads what BGREWRITEAOF has left, once there is
// something, in both forms of a base, and goes on without one.
func TestReloadAside(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		dir := t.TempDir()
		s := begin(t, dir, debugging, "appendonly no", "save \"\"", "aof-use-rdb-preamble "+preamble)
		if err := s.client().Do(t.Context(), "DEBUG", "LOADAOF").Err(); err == nil || !strings.Contains(err.Error(), "there is no append only log") {
			t.Errorf("LOADAOF without a log: %v", err)
		}
		s.fill()
		want := s.digest()
		for range 2 { // what was loaded is written again
			s.do("Background append only file rewriting started", "BGREWRITEAOF")
			s.until("it is written", func() bool { return s.info("aof_rewrite_in_progress") == "0" })
			s.do("OK", "SET", "later", "1")
			s.do("OK", "DEBUG", "LOADAOF")
			if got := s.digest(); got != want {
				t.Errorf("preamble %s: digest %s, want %s", preamble, got, want)
			}
		}
		s.do("OK", "SET", "goes", "on")
		s.end()
		s = begin(t, dir, debugging, "save \"\"")
		if got := s.digest(); got != want {
			t.Errorf("preamble %s, at the next start with the log: digest %s, want %s", preamble, got, want)
		}
		s.end()
	}
}
