package harness

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// serial makes a history of a store that is strictly serializable: each transaction takes place
// at one moment between its question and its answer; some have no answer.
func serial(seed uint64, n int) *Appends {
	rnd := rand.New(rand.NewPCG(seed, 0))
	lists, next := map[string][]int64{}, int64(0)
	a := &Appends{}
	for i := range n {
		at := time.Duration(i) * time.Second
		t := &Txn{Client: i, Known: rnd.IntN(10) > 0}
		t.Asked = max(at-time.Duration(rnd.IntN(3000))*time.Millisecond, 0)
		t.Answered = at + time.Duration(1+rnd.IntN(3000))*time.Millisecond
		happens := t.Known || rnd.IntN(2) == 0
		for range 1 + rnd.IntN(4) {
			s := Step{Key: fmt.Sprint("k", rnd.IntN(3))}
			if rnd.IntN(2) == 0 {
				next++
				if s.Append = next; happens {
					lists[s.Key] = append(lists[s.Key], next)
				}
			} else {
				s.Read = slices.Clone(lists[s.Key])
			}
			t.Steps = append(t.Steps, s)
		}
		a.Note(t)
	}
	end := &Txn{Client: n, Known: true, Asked: time.Duration(n+10) * time.Second, Answered: time.Duration(n+11) * time.Second}
	for key, l := range lists {
		end.Steps = append(end.Steps, Step{Key: key, Read: slices.Clone(l)})
	}
	a.Note(end)
	return a
}

// TestAppendsOfAStrictStore: what is right is not refused.
func TestAppendsOfAStrictStore(t *testing.T) {
	for seed := range uint64(300) {
		if err := serial(seed, 60).Check(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestAppendsMutants: each way to be wrong is found.
func TestAppendsMutants(t *testing.T) {
	sec := func(n int) time.Duration { return time.Duration(n) * time.Second }
	txn := func(from, to int, steps ...Step) *Txn {
		return &Txn{Asked: sec(from), Answered: sec(to), Known: true, Steps: steps}
	}
	app := func(key string, v int64) Step { return Step{Key: key, Append: v} }
	read := func(key string, vs ...int64) Step { return Step{Key: key, Read: vs} }
	unknown := func(t *Txn) *Txn { t.Known = false; return t }
	for name, h := range map[string][]*Txn{
		"a lost append":                 {txn(0, 1, app("x", 1)), txn(2, 3, read("x"))},
		"the last append of two lost":   {txn(0, 1, app("x", 1)), txn(0, 1, app("x", 2)), txn(2, 3, read("x", 1))},
		"an append that came back late": {txn(0, 1, app("x", 1)), txn(2, 3, read("x")), txn(4, 5, read("x", 1))},
		"a stale read":                  {txn(0, 1, app("x", 1)), txn(2, 3, read("x", 1)), txn(4, 5, read("x"))},
		"an append taken back":          {unknown(txn(0, 1, app("x", 1))), txn(2, 3, read("x", 1)), txn(4, 5, read("x"))},
		"two orders":                    {txn(0, 9, app("x", 1)), txn(0, 9, app("x", 2)), txn(0, 9, read("x", 1, 2)), txn(0, 9, read("x", 2, 1))},
		"twice":                         {txn(0, 1, app("x", 1)), txn(2, 3, read("x", 1, 1))},
		"out of nothing":                {txn(2, 3, read("x", 7))},
		"half a transaction, one key":   {txn(0, 9, app("x", 1), app("x", 2)), txn(0, 9, read("x", 1)), txn(10, 11, read("x", 1, 2))},
		"half a transaction, two keys":  {txn(0, 9, app("x", 1), app("y", 2)), txn(0, 9, read("x", 1), read("y")), txn(10, 11, read("x", 1), read("y", 2))},
		"half lost":                     {txn(0, 1, app("x", 1), app("y", 2)), txn(2, 3, read("x", 1), read("y"))},
		"another one inside":            {txn(0, 9, app("x", 1), app("x", 3)), txn(0, 9, app("x", 2)), txn(10, 11, read("x", 1, 2, 3))},
		"its own append unseen":         {txn(0, 9, app("x", 1), read("x"))},
		"write skew":                    {txn(0, 9, read("x"), app("y", 1)), txn(0, 9, read("y"), app("x", 2)), txn(10, 11, read("x", 2), read("y", 1))},
		"a lost update":                 {txn(0, 9, read("x"), app("x", 1)), txn(0, 9, read("x"), app("x", 2)), txn(10, 11, read("x", 1, 2))},
		"a long fork":                   {txn(0, 9, app("x", 1)), txn(0, 9, app("y", 2)), txn(0, 9, read("x", 1), read("y")), txn(0, 9, read("x"), read("y", 2)), txn(10, 11, read("x", 1), read("y", 2))},
		"orders against each other":     {txn(0, 9, app("x", 1), app("y", 2)), txn(0, 9, app("x", 3), app("y", 4)), txn(10, 11, read("x", 1, 3), read("y", 4, 2))},
		"against time, two keys":        {txn(0, 1, app("x", 1)), txn(2, 3, app("y", 2)), txn(0, 9, read("y", 2), read("x")), txn(10, 11, read("x", 1), read("y", 2))},
	} {
		a := &Appends{}
		for _, t := range h {
			a.Note(t)
		}
		if a.Check() == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

// TestAppendsRandomMutants: a value that is taken out of one later read, or all of
// one transaction's from one, is found in a long history, too.
func TestAppendsRandomMutants(t *testing.T) {
	for seed := range uint64(200) {
		a := serial(seed, 60)
		rnd := rand.New(rand.NewPCG(seed, 1))
		last := a.txns[len(a.txns)-1]
		s := &last.Steps[rnd.IntN(len(last.Steps))]
		if len(s.Read) == 0 {
			continue
		}
		switch rnd.IntN(2) {
		case 0: // lost
			i := rnd.IntN(len(s.Read))
			s.Read = slices.Delete(s.Read, i, i+1)
		case 1: // an older state
			s.Read = s.Read[:rnd.IntN(len(s.Read))]
		}
		if err := a.Check(); err == nil && observed(a, last) {
			t.Errorf("seed %d is not found: %v", seed, last)
		}
	}
}

// observed reports whether a change of the last reads can show: values of transactions that
// nobody was told of and nobody has read need not be there.
func observed(a *Appends, last *Txn) bool {
	held := map[int64]bool{}
	for _, s := range last.Steps {
		for _, v := range s.Read {
			held[v] = true
		}
	}
	for _, t := range a.txns {
		for _, s := range t.Steps {
			if t.Known && s.Append != 0 && !held[s.Append] {
				return true
			}
		}
	}
	return false
}
