package engine

import (
	"fmt"
	"testing"
	"time"
)

// TestWrongPasswordsWait: a few cost nothing, more wait twice as long each, up to the
// limit; time makes up for them, other addresses do not pay, and the table stays small.
func TestWrongPasswordsWait(t *testing.T) {
	var g guesses
	const limit = 5 * time.Second
	for i := range freeGuesses {
		if got := g.wrong("a", 1000, limit); got != 0 {
			t.Fatalf("mistake %d waits %v", i, got)
		}
	}
	for want := firstGuess; want < limit; want *= 2 {
		if got := g.wrong("a", 1000, limit); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if got := g.wrong("a", 1000, limit); got != limit {
		t.Errorf("%v, want the limit", got)
	}
	if got := g.wrong("b", 1000, limit); got != 0 {
		t.Errorf("another address waits %v", got)
	}
	if got := g.wrong("a", 1000+time.Hour.Milliseconds(), limit); got != 0 {
		t.Errorf("an hour later: %v", got)
	}
	if got := g.wrong("a", 1000, 0); got != 0 {
		t.Errorf("without a limit above 0: %v", got)
	}
	for i := range 2 * maxGuessers {
		g.wrong(fmt.Sprint(i), int64(i), limit)
	}
	if len(g.of) > maxGuessers {
		t.Errorf("%d addresses are remembered", len(g.of))
	}
}
