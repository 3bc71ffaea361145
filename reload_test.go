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
	s = begin(t, t.TempDir(), debugging, "appendonly no")
	if err := s.client().Do(t.Context(), "DEBUG", "LOADAOF").Err(); err == nil || !strings.Contains(err.Error(), "there is no append only log") {
		t.Errorf("LOADAOF without a log: %v", err)
	}
}
