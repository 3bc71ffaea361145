package rdb_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"regent/engine/rdb"
)

// A record is a key as a test sees it: everything as text.
type record struct {
	db     int
	key    string
	value  string
	expire int64
	use    string
}

func (r record) String() string {
	return fmt.Sprintf("db%d %.60q=%.60q expire=%d %s", r.db, r.key, r.value, r.expire, r.use)
}

func recordOf(e *rdb.Entry) record {
	r := record{db: e.DB, key: string(e.Key), value: string(e.Str), expire: e.Expire}
	if e.IsInt {
		r.value = strconv.FormatInt(e.Int, 10)
	}
	if e.Obj != nil {
		r.value = fmt.Sprint(e.Obj)
	}
	if e.UseKind != rdb.UseUnknown {
		r.use = fmt.Sprintf("use %d %d", e.UseKind, e.Use)
	}
	return r
}

// gather collects what a load delivers, sorted.
type gather struct {
	mu   sync.Mutex
	list []record
}

func (g *gather) batch(b *rdb.Batch) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range b.Entries {
		g.list = append(g.list, recordOf(&b.Entries[i]))
	}
	return nil
}

func (g *gather) sorted() []record {
	slices.SortFunc(g.list, func(a, b record) int {
		if a.db != b.db {
			return a.db - b.db
		}
		return strings.Compare(a.key, b.key)
	})
	return g.list
}

// ways are the ways to read a file; all must find the same.
var ways = []struct {
	name string
	load func(file []byte, o rdb.Options, f func(*rdb.Batch) error) (*rdb.Summary, error)
}{
	{"alone", func(file []byte, o rdb.Options, f func(*rdb.Batch) error) (*rdb.Summary, error) {
		return rdb.Load(bytes.NewReader(file), o, f)
	}},
	{"workers", func(file []byte, o rdb.Options, f func(*rdb.Batch) error) (*rdb.Summary, error) {
		o.Workers = 3
		return rdb.Load(bytes.NewReader(file), o, f)
	}},
	{"crumbs", func(file []byte, o rdb.Options, f func(*rdb.Batch) error) (*rdb.Summary, error) {
		o.Workers = 2
		return rdb.Load(&crumbs{p: file}, o, f)
	}},
	{"sections", func(file []byte, o rdb.Options, f func(*rdb.Batch) error) (*rdb.Summary, error) {
		o.Workers = 3
		return rdb.LoadAt(bytes.NewReader(file), int64(len(file)), o, f)
	}},
}

// crumbs gives a file in small pieces of changing length.
type crumbs struct {
	p []byte
	n int
}

func (c *crumbs) Read(p []byte) (int, error) {
	c.n = c.n%97 + 1
	n, err := bytes.NewReader(c.p).Read(p[:min(len(p), c.n)])
	c.p = c.p[n:]
	return n, err
}

// loadAll reads a file in every way, requires that all agree, and returns what
// is in it.
func loadAll(t testing.TB, file []byte, o rdb.Options) ([]record, *rdb.Summary) {
	t.Helper()
	var first []record
	var sum *rdb.Summary
	for _, way := range ways {
		var g gather
		s, err := way.load(file, o, g.batch)
		if err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if sum == nil {
			first, sum = g.sorted(), s
			continue
		}
		if !slices.Equal(first, g.sorted()) {
			t.Fatalf("%s finds other keys: %d, %d", way.name, len(first), len(g.list))
		}
		if s.Keys != sum.Keys || s.Expires != sum.Expires || s.Bytes != sum.Bytes || s.Checked != sum.Checked ||
			fmt.Sprint(s.Skipped, s.Databases) != fmt.Sprint(sum.Skipped, sum.Databases) {
			t.Fatalf("%s sums up otherwise: %+v, %+v", way.name, s, sum)
		}
	}
	return first, sum
}

// write makes a file of records.
func write(t testing.TB, o rdb.WriterOptions, list []record) []byte {
	t.Helper()
	var file bytes.Buffer
	w := rdb.NewWriter(&file, o)
	w.Header(rdb.Info{Server: "7.0.15", Created: 1_700_000_000, Memory: 1 << 20, Base: true})
	db := -1
	for i, r := range list {
		if r.db != db {
			db = r.db
			w.SelectDB(db, uint64(len(list)-i), 1)
		}
		m := rdb.Meta{Expire: r.expire}
		w.String(&m, []byte(r.key), []byte(r.value))
		if o.Manual && i%100 == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(file.Len()) {
		t.Fatalf("Written says %d of %d bytes", w.Written(), file.Len())
	}
	return file.Bytes()
}

// several are records of all shapes of strings in several databases, and large
// enough to fill several sections and batches.
func several() []record {
	list := []record{
		{db: 0, key: "", value: ""},
		{db: 0, key: "127", value: "-128"},
		{db: 0, key: "128", value: "-129"},
		{db: 0, key: "32768", value: "32767"},
		{db: 0, key: "2147483647", value: "2147483648"},
		{db: 0, key: "-2147483648", value: "-2147483649"},
		{db: 0, key: "007", value: "-0"},
		{db: 0, key: "zeros", value: strings.Repeat("\x00", 70_000)},
		{db: 0, key: strings.Repeat("long key ", 9000), value: "x"},
		{db: 0, key: "gone", value: "1", expire: 1},
		{db: 3, key: "dies", value: "v", expire: 1_700_000_000_123},
		{db: 3, key: "6 bits", value: strings.Repeat("a", 63)},
		{db: 3, key: "14 bits", value: noise(64)},
		{db: 3, key: "14 bits more", value: noise(1<<14 - 1)},
		{db: 3, key: "32 bits", value: noise(1 << 14)},
		{db: 3, key: "larger than a batch", value: noise(3 << 20)},
		{db: 3, key: "as large, packed", value: strings.Repeat("abcdefgh", 1<<18)},
	}
	for i := range 20_000 {
		list = append(list, record{db: 9, key: fmt.Sprintf("key:%07d", i), value: noise(i % 90), expire: int64(i % 5)})
	}
	slices.SortStableFunc(list, func(a, b record) int {
		if a.db != b.db {
			return a.db - b.db
		}
		return strings.Compare(a.key, b.key)
	})
	return list
}

// noise is n bytes that do not compress, always the same.
func noise(n int) string {
	p := make([]byte, n)
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	for i := range p {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		p[i] = byte(x >> 32)
	}
	return string(p)
}

var writerOptions = []rdb.WriterOptions{
	{},
	{Checksum: true},
	{Compress: true, Checksum: true},
	{Compress: true, Checksum: true, Sections: true},
	{Sections: true, Manual: true},
	{Compress: true, Checksum: true, Sections: true, Manual: true},
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	list := several()
	for _, o := range writerOptions {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			file := write(t, o, list)
			got, sum := loadAll(t, file, rdb.Options{})
			if !slices.Equal(got, list) {
				for i := range list {
					if i >= len(got) || got[i] != list[i] {
						t.Fatalf("record %d of %d, %d", i, len(got), len(list))
					}
				}
			}
			if sum.Checked != o.Checksum || sum.Version != rdb.Version || sum.Bytes != int64(len(file)) {
				t.Errorf("summary %+v of %d bytes", sum, len(file))
			}
			if got := sum.Aux.Get(rdb.AuxVersion); got != "7.0.15" {
				t.Errorf("redis-ver %q", got)
			}
			s, err := rdb.LoadAt(bytes.NewReader(file), int64(len(file)), rdb.Options{}, func(*rdb.Batch) error { return nil })
			if err != nil || (s.Sections >= 5) != (o.Sections && o.Checksum) {
				t.Errorf("%d sections, %v", s.Sections, err)
			}
		})
	}
}

func TestSizesAreToldBeforeKeys(t *testing.T) {
	list := several()
	for _, o := range writerOptions {
		file := write(t, o, list)
		for _, way := range ways {
			var mu sync.Mutex
			told := map[int]uint64{}
			options := rdb.Options{Resize: func(db int, keys, expires uint64) {
				mu.Lock()
				defer mu.Unlock()
				told[db] = keys
			}}
			_, err := way.load(file, options, func(b *rdb.Batch) error {
				mu.Lock()
				defer mu.Unlock()
				if told[0] != uint64(len(list)) {
					return fmt.Errorf("keys of database %d come before the size of database 0", b.Entries[0].DB)
				}
				return nil
			})
			if err != nil || len(told) != 3 {
				t.Errorf("%+v, %s: %v, %v", o, way.name, told, err)
			}
		}
	}
}
