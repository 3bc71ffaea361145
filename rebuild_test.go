package regent

import (
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
	end, want := s.aof.Stream().End(), s.digest()
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
	go func() { done <- s.rebuild(end) }()
	<-begun
	const loading = "LOADING Redis is loading the dataset in memory"
	for _, command := range [][]any{{"GET", "a"}, {"SET", "a", "2"}, {"DBSIZE"}, {"PING"}, {"FLUSHALL"}} {
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
