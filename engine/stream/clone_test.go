package stream

import (
	"fmt"
	"sync"
	"testing"
)

// TestClonesAreReadMeanwhile: a clone stays as it was while its original is changed by
// another goroutine, and shares nothing that is written (go test -race).
func TestClonesAreReadMeanwhile(t *testing.T) {
	s := filled(500)
	s.CreateGroup([]byte("g"), ID{}, 0)
	g, _ := s.EditGroup([]byte("g"))
	c := g.AddConsumer([]byte("c"), 1)
	for i := range 300 {
		g.Give(ID{uint64(i), 0}, Pending{1, 1, c})
	}
	var readers sync.WaitGroup
	for round := range 20 {
		kept := s.Clone()
		want, first := fmt.Sprint(entriesOf(kept, false)), kept.First
		readers.Go(func() {
			for range 3 {
				if got := fmt.Sprint(entriesOf(kept, false)); got != want || kept.First != first {
					t.Error("a clone has changed")
				}
				kg, _ := kept.Group([]byte("g"))
				for w := kg.PendingFrom(ID{}, kg.Consumer([]byte("c"))); w.Next(); {
					if w.Count > int64(round+1) {
						t.Error("what is pending in a clone has changed")
					}
				}
			}
		})
		for i := range 20 {
			s.Append(ID{uint64(1_800_000_000_000 + round*100 + i), 0}, fiveFields(i), redisLimits)
		}
		s.Delete(s.First)
		s.Trim(Trim{Len: int64(s.Len()) - 5})
		g, _ = s.EditGroup([]byte("g"))
		consumer := g.See([]byte("c"), int64(round))
		for i := range 100 {
			g.Give(ID{uint64(i), 0}, Pending{2, int64(round + 2), consumer})
		}
		g.Take(ID{uint64(299 - round), 0})
	}
	readers.Wait()
}
