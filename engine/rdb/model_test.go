package rdb_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/engine/rdb"
)

// Sizes that fall on all sides of the reader's buffers, of 16 and 512 KiB.
var sizes = rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 20_000), rapid.IntRange(16_300, 16_400),
	rapid.IntRange(0, 100), rapid.IntRange(500_000, 530_000))

// torn gives a file in reads of drawn lengths.
type torn struct {
	r     io.Reader
	sizes []int
}

func (r *torn) Read(p []byte) (int, error) {
	n := r.sizes[0]
	r.sizes = append(r.sizes[1:], n)
	return r.r.Read(p[:min(len(p), n)])
}

// TestAnyFileAgainstItsModel writes files of strings and of lists, which have
// no codec here, and expects the strings from all ways to read, and a count of
// the lists.
func TestAnyFileAgainstItsModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var file bytes.Buffer
		w := rdb.NewWriter(&file, rdb.WriterOptions{
			Checksum: rapid.Bool().Draw(rt, "checksum"), Sections: rapid.Bool().Draw(rt, "sections"),
			Compress: rapid.Bool().Draw(rt, "compress"), Manual: rapid.Bool().Draw(rt, "manual"),
		})
		w.Header(rdb.Info{Server: "7.0.15"})
		var want []record
		lists, db := 0, 0
		for i := range rapid.IntRange(0, 10).Draw(rt, "keys") {
			if i == 0 || rapid.IntRange(0, 3).Draw(rt, "switch") == 0 {
				db = rapid.IntRange(0, 20_000).Draw(rt, "db")
				w.SelectDB(db, 1, 1)
			}
			m := rdb.Meta{Expire: rapid.SampledFrom([]int64{0, 1, 4102444800123}).Draw(rt, "expire")}
			m.UseKind = rdb.UseKind(rapid.IntRange(0, 2).Draw(rt, "use"))
			m.Use = uint64(rapid.IntRange(0, 255).Draw(rt, "used"))
			key := fmt.Sprintf("key %d", i)
			value := noise(sizes.Draw(rt, "size"))
			if rapid.IntRange(0, 2).Draw(rt, "list") == 0 {
				w.Value(&m, []byte(key), stringList{}, slices.Repeat([]string{value}, rapid.IntRange(0, 3).Draw(rt, "elements")))
				lists++
				continue
			}
			w.String(&m, []byte(key), []byte(value))
			r := record{db: db, key: key, value: value, expire: m.Expire}
			if m.UseKind != rdb.UseUnknown {
				r.use = fmt.Sprintf("use %d %d", m.UseKind, m.Use)
			}
			want = append(want, r)
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		read := func(name string, s *rdb.Summary, err error, g *gather) {
			if err != nil || s.Skipped["list (linkedlist)"] != lists || s.Bytes != int64(file.Len()) {
				rt.Fatalf("%s: %d lists, %v: %+v", name, lists, err, s)
			}
			if !slices.Equal(g.sorted(), (&gather{list: want}).sorted()) {
				rt.Fatalf("%s: found %d of %d", name, len(g.list), len(want))
			}
		}
		o := rdb.Options{SkipUnknown: true, Whole: true}
		for _, way := range ways {
			if way.name == "crumbs" {
				continue
			}
			var g gather
			s, err := way.load(file.Bytes(), o, g.batch)
			read(way.name, s, err, &g)
		}
		var g gather
		reads := rapid.SliceOfN(rapid.IntRange(1, 40_000), 1, 5).Draw(rt, "reads")
		s, err := rdb.Load(&torn{bytes.NewReader(file.Bytes()), reads}, o, g.batch)
		read(strings.Trim(fmt.Sprint("reads of ", reads), "[]"), s, err, &g)
	})
}
