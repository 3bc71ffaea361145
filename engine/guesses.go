package engine

import (
	"sync"
	"time"
)

// Wrong passwords. An address that says one after the other waits longer and longer for
// the answer: what guesses is slow, and what made a mistake does not notice.

// Limits of the pauses.
const (
	freeGuesses  = 16                    // wrong passwords of an address that cost nothing
	firstGuess   = 10 * time.Millisecond // the first pause; each later one is twice as long
	guessForgets = time.Second           // in which one wrong password is forgotten
	maxGuessers  = 4096                  // addresses that are remembered; beyond, the oldest goes
)

// guesses are how many wrong passwords came from where.
type guesses struct {
	mu sync.Mutex
	of map[string]*guesser
}

type guesser struct {
	wrong int64
	last  int64 // wall ms
}

// wrong notes a wrong password from an address, and says how long its answer waits, at
// most limit.
func (g *guesses) wrong(from string, now int64, limit time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of == nil {
		g.of = map[string]*guesser{}
	}
	who := g.of[from]
	if who == nil {
		if len(g.of) >= maxGuessers {
			g.dropOldest()
		}
		who = &guesser{}
		g.of[from] = who
	}
	who.wrong = max(who.wrong-max(now-who.last, 0)/guessForgets.Milliseconds(), 0) + 1
	who.last = now
	if who.wrong <= freeGuesses {
		return 0
	}
	return min(firstGuess<<min(who.wrong-freeGuesses-1, 20), limit)
}

func (g *guesses) dropOldest() {
	oldest, at := "", int64(0)
	for from, who := range g.of {
		if oldest == "" || who.last < at {
			oldest, at = from, who.last
		}
	}
	delete(g.of, oldest)
}
