package tracking

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestTableModel holds the table against what was said.
func TestTableModel(t *testing.T) {
	const most = 3
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		keys := map[string]map[int64]bool{}
		prefixes := map[string]map[int64]bool{}
		draw := func(t *rapid.T) (string, int64) {
			return rapid.SampledFrom([]string{"", "a", "ab", "abc", "b"}).Draw(t, "key"), rapid.Int64Range(1, 3).Draw(t, "client")
		}
		set := func(m map[string]map[int64]bool, key string, client int64) {
			if m[key] == nil {
				m[key] = map[int64]bool{}
			}
			m[key][client] = true
		}
		t.Repeat(map[string]func(*rapid.T){
			"remember": func(t *rapid.T) {
				key, client := draw(t)
				full := keys[key] == nil && len(keys) >= most
				gone := table.Remember([]byte(key), client, most)
				if (gone != nil) != full {
					t.Fatalf("%q has to go with %d keys", gone, len(keys))
				}
				set(keys, key, client)
				if gone != nil {
					told := map[int64]bool{}
					table.Take(gone, func(client int64) { told[client] = true })
					if fmt.Sprint(told) != fmt.Sprint(keys[string(gone)]) {
						t.Fatalf("%v are told of %q, not %v", told, gone, keys[string(gone)])
					}
					delete(keys, string(gone))
				}
			},
			"take": func(t *rapid.T) {
				key, _ := draw(t)
				told, want := map[int64]bool{}, map[int64]bool{}
				table.Take([]byte(key), func(client int64) { told[client] = true })
				for client := range keys[key] {
					want[client] = true
				}
				if fmt.Sprint(told) != fmt.Sprint(want) {
					t.Fatalf("%v are told, not %v", told, want)
				}
				delete(keys, key)
			},
			"forget": func(*rapid.T) {
				table.Forget()
				clear(keys)
			},
			"prefix": func(t *rapid.T) {
				prefix, client := draw(t)
				set(prefixes, prefix, client)
				table.AddPrefix(prefix, client)
			},
			"no prefix": func(t *rapid.T) {
				prefix, client := draw(t)
				table.RemovePrefix(prefix, client)
				if delete(prefixes[prefix], client); len(prefixes[prefix]) == 0 {
					delete(prefixes, prefix)
				}
			},
			"": func(t *rapid.T) {
				items := 0
				for _, who := range keys {
					items += len(who)
				}
				if k, i, p := table.Size(); k != len(keys) || i != items || p != len(prefixes) {
					t.Fatalf("%d keys, %d items, %d prefixes; want %d, %d, %d", k, i, p, len(keys), items, len(prefixes))
				}
				changed := rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "abcd", "ba"}), 1, 4).Draw(t, "changed")
				var keys [][]byte
				for _, key := range changed {
					keys = append(keys, []byte(key))
				}
				var told, want []string
				table.Prefixed(keys, func(client int64, keys [][]byte) { told = append(told, fmt.Sprintf("%d %q", client, keys)) })
				slices.Sort(changed)
				changed = slices.Compact(changed)
				for prefix, who := range prefixes {
					var begin []string
					for _, key := range changed {
						if strings.HasPrefix(key, prefix) {
							begin = append(begin, key)
						}
					}
					for client := range who {
						if begin != nil {
							want = append(want, fmt.Sprintf("%d %q", client, begin))
						}
					}
				}
				slices.Sort(told)
				slices.Sort(want)
				if !slices.Equal(told, want) {
					t.Fatalf("%q are told, not %q", told, want)
				}
			},
		})
	})
}
