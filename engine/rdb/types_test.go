package rdb_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/engine/rdb"
)

// values are values of every type as they stand in a file, the type before
// them and the key "k" between the two: bytes written by hand from the
// description of the format, among them those that redis-server 7.0 only reads.
var values = []struct {
	name, bytes string
}{
	{"string", "\x00\x01k\x03abc"},
	{"string", "\x00\x01k\xC0\x05"},
	{"list (linkedlist)", "\x01\x01k\x02\x01a\xC1\x00\x10"},
	{"set (hashtable)", "\x02\x01k\x02\x01a\x01b"},
	{"zset (skiplist)", "\x03\x01k\x04\x01a\x031.5\x01b\xFD\x01c\xFE\x01d\xFF"},
	{"hash (hashtable)", "\x04\x01k\x01\x01f\x01v"},
	{"zset (skiplist)", "\x05\x01k\x01\x01a\x00\x00\x00\x00\x00\x00\xF0\x3F"},
	// A module's value: id, then signed, count, float, double, string, end.
	{"module", "\x07\x01k\x81\x00\x00\x00\x00\x00\x00\x00\x01" + "\x01\x07\x02\x40\xFF\x03abcd\x04abcdefgh\x05\x02xy\x00"},
	{"hash (zipmap)", "\x09\x01k\x04\x01zmp"},
	{"list (ziplist)", "\x0A\x01k\x02zl"},
	{"set (intset)", "\x0B\x01k\x02is"},
	{"zset (ziplist)", "\x0C\x01k\x02zl"},
	{"hash (ziplist)", "\x0D\x01k\x02zl"},
	{"list (quicklist)", "\x0E\x01k\x02\x02zl\xC3\x04\x08\x00a\xA0\x00"},
	{"stream", "\x0F\x01k" + "\x01\x10iiiiiiiiiiiiiiii\x02lp" + "\x01\x01\x01" + "\x00"},
	{"hash (listpack)", "\x10\x01k\x02lp"},
	{"zset (listpack)", "\x11\x01k\x02lp"},
	{"list (quicklist)", "\x12\x01k\x02\x01\x05plain\x02\x02lp"},
	{"stream", "\x13\x01k" + "\x00" + "\x00\x05\x05" + "\x00\x00\x05\x05\x01" +
		"\x01\x01g\x01\x02\x03" + "\x01iiiiiiiiiiiiiiiitttttttt\x01" + "\x01\x01ctttttttt\x01iiiiiiiiiiiiiiii"},
	{"set (listpack)", "\x14\x01k\x02lp"},
	{"stream", "\x15\x01k" + "\x00" + "\x00\x05\x05" + "\x00\x00\x05\x05\x01" +
		"\x01\x01g\x01\x02\x03" + "\x00" + "\x02\x01cttttttttaaaaaaaa\x00\x01dttttttttaaaaaaaa\x00"},
	{"hash (field expiries)", "\x16\x01k\x01\x81\x00\x00\x01\x90\x00\x00\x00\x00\x01f\x01v"},
	{"hash (listpack with field expiries)", "\x17\x01k\x02lp"},
	{"hash (field expiries)", "\x18\x01kmmmmmmmm\x02\x00\x01f\x01v\x05\x01g\x01w"},
	{"hash (listpack with field expiries)", "\x19\x01kmmmmmmmm\x02lp"},
	{"function library", "\xF5\x05#!lua"},
	{"module's data outside keys", "\xF7\x81\x00\x00\x00\x00\x00\x00\x00\x01\x02\x02\x05\x01x\x00"},
}

// fileOf is a file with one item between two keys that must be found.
func fileOf(item string) []byte {
	return []byte("REDIS0012\xFA\x01a\x01b\xFE\x05\xFB\x03\x00\xF4\x07\x01\x00" +
		"\x00\x06before\x01x" + item + "\xFC\x40\x42\x0F\x00\x00\x00\x00\x00\xF8\x07\x00\x05after\x01y" +
		"\xFF\x00\x00\x00\x00\x00\x00\x00\x00")
}

func TestEveryTypeIsPassedOverExactly(t *testing.T) {
	around := []record{{db: 5, key: "after", value: "y", expire: 1_000_000, use: "use 1 7"}, {db: 5, key: "before", value: "x"}}
	for _, v := range values {
		file := fileOf(v.bytes)
		got, sum := loadAll(t, file, rdb.Options{SkipUnknown: true, Whole: true})
		if v.name == "string" {
			if len(got) != 3 || len(sum.Skipped) != 0 {
				t.Errorf("a string: %v, %v", got, sum.Skipped)
			}
			continue
		}
		if !slices.Equal(got, around) || sum.Skipped[v.name] != 1 || len(sum.Skipped) != 1 {
			t.Errorf("%s: found %v, skipped %v", v.name, got, sum.Skipped)
		}
		count := rdb.Count{Keys: 3, Expires: 1}
		if v.bytes[0] >= 0xF0 { // no key
			count.Keys--
		}
		if len(sum.Databases) != 1 || sum.Databases[5] != count {
			t.Errorf("%s: counted %v", v.name, sum.Databases)
		}
		for _, way := range ways {
			var e *rdb.TypeError
			_, err := way.load(file, rdb.Options{}, func(*rdb.Batch) error { return nil })
			if !errors.As(err, &e) || e.Kind != v.name || e.Key != nil && (string(e.Key) != "k" || e.DB != 5) {
				t.Errorf("%s: %s: %v", v.name, way.name, err)
			}
		}
		end := len(file) - len("\xFC\x40\x42\x0F\x00\x00\x00\x00\x00\xF8\x07\x00\x05after\x01y\xFF") - 8
		for n := end - len(v.bytes) + 1; n < end; n++ {
			for _, way := range ways {
				if _, err := way.load(file[:n], rdb.Options{SkipUnknown: true}, func(*rdb.Batch) error { return nil }); err == nil {
					t.Errorf("%s: %s: %d bytes pass for a file", v.name, way.name, n)
				}
			}
		}
	}
}

// filler is a string of n bytes, to move what follows.
func filler(n int) string {
	return "\x00\x04fill\x80" + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + strings.Repeat("f", n)
}

// elements is a list of n elements of 112 bytes, their lengths in four bytes.
func elements(n int) string {
	var list strings.Builder
	list.WriteString("\x01\x01k\x80" + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}))
	for i := range n {
		fmt.Fprintf(&list, "\x80\x00\x00\x00\x6b%0107d", i)
	}
	return list.String()
}

// TestASlotThatThereIsNot: sizes of slots are passed over, whatever number the slot has.
func TestASlotThatThereIsNot(t *testing.T) {
	for _, slot := range []string{"\x00", "\x7F\xFF", "\x80\xFF\xFF\xFF\xFF", "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"} {
		file := fileOf("\xF4" + slot + "\x81\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01")
		if got, sum := loadAll(t, file, rdb.Options{}); len(got) != 2 || sum.Databases[5].Keys != 2 {
			t.Errorf("slot %x: %v, %v", slot, got, sum.Databases)
		}
	}
}

func TestALargeValueIsPassedOver(t *testing.T) {
	check := func(got []record, sum *rdb.Summary) {
		t.Helper()
		if len(got) != 3 || sum.Skipped["list (linkedlist)"] != 1 || sum.Keys != 3 {
			t.Errorf("found %d, skipped %v", len(got), sum.Skipped)
		}
	}
	o := rdb.Options{SkipUnknown: true, Whole: true}
	for _, before := range []int{0, 511, 100_000} {
		check(loadAll(t, fileOf(filler(before)+elements(20_000)), o))
	}
	// The end of a buffer falls on every byte of an element's length.
	for before := range 112 {
		var g gather
		sum, err := ways[0].load(fileOf(filler(before)+elements(5000)), o, g.batch)
		if err != nil {
			t.Fatal(err)
		}
		check(g.sorted(), sum)
	}
}

func TestModulesOfVersionOneCannotBePassedOver(t *testing.T) {
	file := fileOf("\x06\x01k\x05whatever")
	for _, way := range ways {
		var d *rdb.DamageError
		if _, err := way.load(file, rdb.Options{SkipUnknown: true}, func(*rdb.Batch) error { return nil }); !errors.As(err, &d) {
			t.Errorf("%s: %v", way.name, err)
		}
	}
}

func TestExpiriesAsTheyStand(t *testing.T) {
	for item, want := range map[string]int64{
		"\xFD\x00\xF1\x53\x65\x00\x01k\x01v":                 1_700_000_000_000,
		"\xFC\x7B\x68\xE5\xCF\x8B\x01\x00\x00\x00\x01k\x01v": 1_700_000_000_123,
		"\xFC\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01k\x01v": 1, // long past
		"\xFC\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x01k\x01v": 1,
		"\xFC\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00\x01k\x01v": 0, // Redis's "none"
	} {
		got, _ := loadAll(t, fileOf(item), rdb.Options{})
		if i := slices.IndexFunc(got, func(r record) bool { return r.key == "k" }); i < 0 || got[i].expire != want {
			t.Errorf("%q: %v, want %d", item, got, want)
		}
	}
}

func TestAnExpiryBelongsToAKey(t *testing.T) {
	for _, loose := range []string{
		"\xFC\x01\x02\x03\x04\x05\x06\x07\x08\xFE\x01", "\xFD\x01\x02\x03\x04\xFA\x01a\x01b", "\xF9\x07\xFB\x00\x00", "\xF8\x07\xFF",
	} {
		for _, way := range ways {
			var d *rdb.DamageError
			if _, err := way.load(fileOf(loose), rdb.Options{}, func(*rdb.Batch) error { return nil }); !errors.As(err, &d) {
				t.Errorf("%q: %s: %v", loose, way.name, err)
			}
		}
	}
}

// A stringList is a codec such as a later type will bring: lists of strings.
type stringList struct{}

func (stringList) Kind() string      { return "list" }
func (stringList) Types() []rdb.Type { return []rdb.Type{rdb.TypeList, rdb.TypeListQuicklist2} }
func (stringList) Pick(any) rdb.Type { return rdb.TypeList }

func (stringList) Encode(e *rdb.Encoder, _ rdb.Type, v any) {
	list := v.([]string)
	e.Length(uint64(len(list)))
	for _, s := range list {
		e.String([]byte(s))
	}
}

func (stringList) Decode(d *rdb.Decoder, t rdb.Type) (any, error) {
	if t != rdb.TypeList {
		return nil, errors.New("a packed list")
	}
	n, err := d.Length()
	if err != nil {
		return nil, err
	}
	var list []string
	for ; n > 0; n-- {
		s, err := d.String()
		if err != nil {
			return nil, err
		}
		list = append(list, string(s))
	}
	return list, nil
}

func TestATypeJoinsByItsCodec(t *testing.T) {
	codecs := rdb.NewRegistry(stringList{})
	var file strings.Builder
	w := rdb.NewWriter(&file, rdb.WriterOptions{Checksum: true, Sections: true, Compress: true})
	w.Header(rdb.Info{Server: "7.0.15"})
	w.SelectDB(0, 300, 0)
	var want []record
	for i := range 300 {
		list := []string{strconv.Itoa(i), "", noise(i), strings.Repeat("ab", 5*i)}
		if i == 7 {
			list = slices.Repeat([]string{noise(100)}, 20_000) // more than one buffer
		}
		key := fmt.Sprintf("key %03d", i)
		w.Value(&rdb.Meta{Expire: 5}, []byte(key), codecs.Of("list"), list)
		want = append(want, record{key: key, value: fmt.Sprint(list), expire: 5})
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, sum := loadAll(t, []byte(file.String()), rdb.Options{Codecs: codecs, Whole: true})
	if !slices.Equal(got, want) || sum.Expires != 300 {
		t.Errorf("found %d of %d, %+v", len(got), len(want), sum)
	}
	var e rdb.Entry
	payload := rdb.DumpValue(nil, stringList{}, []string{"a", "1"}, true)
	if err := rdb.Undump(payload, codecs, &e); err != nil || fmt.Sprint(e.Obj) != "[a 1]" {
		t.Errorf("DUMP: %v, %v", e.Obj, err)
	}
	// What a codec finds wrong is damage, with a place.
	var d *rdb.DamageError
	_, err := rdb.Load(strings.NewReader(string(fileOf("\x12\x01k\x01\x02\x02lp"))), rdb.Options{Codecs: codecs},
		func(*rdb.Batch) error { return nil })
	if !errors.As(err, &d) || d.From == 0 {
		t.Errorf("a codec's error: %v", err)
	}
}

func TestAFileKnowsItsPlaceInTheLog(t *testing.T) {
	want := rdb.Place{Epoch: 7, Offset: 1 << 40, History: []rdb.EpochStart{{1, 2, 0}, {5, 1, 100}, {7, 2, 1 << 39}}}
	var file strings.Builder
	w := rdb.NewWriter(&file, rdb.WriterOptions{})
	w.Header(rdb.Info{Server: "7.0.15", Base: true, Place: &want})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	version, aux, err := rdb.ReadHeader(strings.NewReader(file.String()))
	if err != nil || version != rdb.Version {
		t.Fatalf("version %d, %v", version, err)
	}
	got, err := aux.Place()
	if err != nil || fmt.Sprint(*got) != fmt.Sprint(want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if p, err := (rdb.Aux{{Key: "redis-ver", Value: "7.0.15"}}).Place(); p != nil || err != nil {
		t.Errorf("a foreign file has the place %v, %v", p, err)
	}
	for _, bad := range []rdb.Aux{
		{{rdb.AuxEpoch, "1"}},
		{{rdb.AuxEpoch, "x"}, {rdb.AuxOffset, "1"}},
		{{rdb.AuxEpoch, "1"}, {rdb.AuxOffset, "-1"}},
		{{rdb.AuxEpoch, "1"}, {rdb.AuxOffset, "1"}, {rdb.AuxHistory, "1:2"}},
		{{rdb.AuxEpoch, "1"}, {rdb.AuxOffset, "1"}, {rdb.AuxHistory, "1:1:-5"}},
		{{rdb.AuxEpoch, "1"}, {rdb.AuxOffset, "1"}, {rdb.AuxHistory, "1:1:9,2:1:8"}},
		{{rdb.AuxEpoch, "1"}, {rdb.AuxOffset, "1"}, {rdb.AuxHistory, "2:1:0,1:1:5"}},
	} {
		if p, err := bad.Place(); err == nil {
			t.Errorf("%v is taken for %v", bad, p)
		}
	}
}
