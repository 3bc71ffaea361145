package regent

import (
	"math"
	"strings"
	"sync"
	"testing"

	"regent/aof/disk/disktest"
)

// TestARebuildAnswersLoading: while a deposed leader's keyspace is loaded anew
// nobody waits for it: commands get the answers that they get at the start.
func TestARebuildAnswersLoading(t *testing.T) {
	fs := disktest.New()
	s := beginOn(t, fs, t.TempDir(), debugging)
	s.fill()
	end, want := s.data.Log().Stream().End(), s.digest()
	s.do("OK", "SET", "ahead", "of what is committed")

	begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	fs.Fault(func(op disktest.Op) (int, error) {
		if op.Kind == "read" {
			once.Do(func() { close(begun) })
			<-goOn
		}
		return 0, nil
	})
	go func() { done <- s.data.Rebuild(end) }()
	<-begun
	const loading = "LOADING Redis is loading the dataset in memory"
	for _, command := range [][]any{{"GET", "a"}, {"SET", "a", "2"}, {"DBSIZE"}, {"PING"}, {"FLUSHALL"}, {"DEBUG", "DIGEST"}, {"DEBUG", "DIGEST-VALUE", "a"}, {"DEBUG", "OBJECT", "a"}} {
		s.do(loading, command...)
	}
	s.do("OK", "CLIENT", "SETNAME", "allowed")
	if got := s.info("loading"); got != "1" {
		t.Errorf("loading:%s in INFO while the data is loaded", got)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	s.do("1", "GET", "a")
	s.do("redis: nil", "GET", "ahead")
	if got := s.info("loading"); got != "0" || s.digest() != want {
		t.Errorf("loading:%s, and digest %s, want %s, after it", got, s.digest(), want)
	}
}

// TestWhatSlipsIntoARebuildEndsUncertain: a reply that rests on the keyspace that
// is being replaced is not given, and the server goes on: its offset is behind all
// that the log will ever hold.
func TestWhatSlipsIntoARebuildEndsUncertain(t *testing.T) {
	for _, policy := range []string{"everysec", "always"} {
		t.Run(policy, func(t *testing.T) {
			s := begin(t, t.TempDir(), "appendfsync "+policy, "write-timeout 300")
			s.do("OK", "SET", "a", "1")
			s.engine.Freeze(func() { s.engine.SetFloor(math.MaxInt64) })
			for range 3 { // each answered at all, because the loop turns
				if err := s.client().Get(t.Context(), "a").Err(); err == nil || !strings.HasPrefix(err.Error(), "UNCERTAIN") {
					t.Errorf("GET: %v, want UNCERTAIN", err)
				}
			}
			s.do("PONG", "PING")
		})
	}
}

// TestACopyWhileAScriptRuns: the keyspace and the functions are replaced, as a full copy from the
// leader replaces them, while a function runs that reads: it keeps what it looks at until it
// ends, and the next call finds what has come.
func TestACopyWhileAScriptRuns(t *testing.T) {
	s := begin(t, t.TempDir(), "busy-reply-threshold 50", debugging)
	s.fill()
	s.do("lib", "FUNCTION", "LOAD", "#!lua name=lib\n"+
		"redis.register_function{function_name='endless', flags={'no-writes'}, callback=function(keys) while true do redis.call('GET', keys[1]) end end}\n"+
		"redis.register_function{function_name='read', flags={'no-writes'}, callback=function(keys) return redis.call('GET', keys[1]) end}")
	want := s.digest()
	ended, copied := make(chan error, 1), make(chan error, 1)
	go func() { ended <- s.client().Do(t.Context(), "FCALL_RO", "endless", 1, "a").Err() }()
	s.untilBusy()
	log := s.data.Log()
	end := log.Stream().End()
	if err := log.Seal(end); err != nil {
		t.Fatal(err)
	}
	go func() { copied <- s.data.Rebuild(end) }()
	c := s.client()
	s.until("the data is about to be replaced", func() bool { return refused(c.Ping(t.Context()).Err(), "LOADING") })
	select {
	case err := <-copied:
		t.Errorf("the data is replaced (%v) while a function looks at it", err)
	case err := <-ended:
		t.Errorf("the function has ended with %v", err)
	default:
	}
	if err := c.FunctionKill(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !refused(err, "Script killed by user") {
		t.Errorf("the function ended with %v", err)
	}
	if err := <-copied; err != nil {
		t.Fatal(err)
	}
	if got := s.digest(); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	s.do("1", "FCALL_RO", "read", "1", "a")
}
