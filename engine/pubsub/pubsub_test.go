package pubsub

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/glob"
)

// TestTableModel holds the table against lists of what was said.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int]
		type said struct {
			kind Kind
			name string
			by   int
		}
		model := map[said]bool{}
		draw := func(t *rapid.T) said {
			return said{
				Kind(rapid.IntRange(0, Kinds-1).Draw(t, "kind")),
				rapid.SampledFrom([]string{"a", "ab", "a*", "?", "*", "[a-b]", ""}).Draw(t, "name"),
				rapid.IntRange(1, 3).Draw(t, "by"),
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				s := draw(t)
				model[s] = true
				table.Add(s.kind, s.name, s.by)
			},
			"remove": func(t *rapid.T) {
				s := draw(t)
				delete(model, s)
				table.Remove(s.kind, s.name, s.by)
			},
			"": func(t *rapid.T) {
				if table.Quiet() != (len(model) == 0) {
					t.Fatalf("quiet is %v with %v", table.Quiet(), model)
				}
				for _, kind := range []Kind{Channel, Shard} {
					for _, ch := range []string{"a", "ab", "b", "*"} {
						want, got := map[string]int{}, map[string]int{}
						for s := range model {
							switch {
							case s.kind == kind && s.name == ch:
								want[fmt.Sprint(s.by, "")]++
							case kind == Channel && s.kind == Pattern && glob.Match([]byte(s.name), []byte(ch)):
								want[fmt.Sprint(s.by, s.name)]++
							}
						}
						n := table.Deliver(kind, []byte(ch), func(by int, pattern string) { got[fmt.Sprint(by, pattern)]++ })
						if fmt.Sprint(got) != fmt.Sprint(want) || n != len(want) {
							t.Fatalf("a message to %q reaches %v (%d), not %v", ch, got, n, want)
						}
						if n := table.Hearers(kind, []byte(ch)); n != len(want) {
							t.Fatalf("%d would hear a message to %q, not %d", n, ch, len(want))
						}
					}
				}
				names := [Kinds]map[string]int{{}, {}, {}}
				for s := range model {
					names[s.kind][s.name]++
				}
				for kind := range Kind(Kinds) {
					if got := table.Names(kind); got != len(names[kind]) {
						t.Fatalf("%d names of kind %d, not %d", got, kind, len(names[kind]))
					}
					table.Each(kind, func(name string) {
						if got := table.Listeners(kind, name); got == 0 || got != names[kind][name] {
							t.Fatalf("%d listen to %q, not %d", got, name, names[kind][name])
						}
					})
				}
			},
		})
	})
}

// TestNothingComesAfterRemove: a client that has stopped listening hears no more, whatever is
// being published at that moment.
func TestNothingComesAfterRemove(t *testing.T) {
	var table Table[*atomic.Int64]
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				table.Deliver(Channel, []byte("a"), func(heard *atomic.Int64, _ string) { heard.Add(1) })
			}
		}
	})
	for range 2000 {
		heard := new(atomic.Int64)
		table.Add(Channel, "a", heard)
		table.Remove(Channel, "a", heard)
		before := heard.Load()
		runtime.Gosched()
		if after := heard.Load(); after != before {
			t.Fatalf("%d messages after the end", after-before)
		}
	}
	close(stop)
	wg.Wait()
}
