package streams_test

import (
	"strings"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/rdb"
)

// payload is a value as DUMP has it, with a correct end.
func payload(body string) []byte {
	p := append([]byte(body), rdb.Version, 0)
	sum := rdb.Checksum(0, p)
	for i := range 8 {
		p = append(p, byte(sum>>(8*i)))
	}
	return p
}

const (
	oneNode  = "\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01" + "\x1c" + oneEntry
	oneEntry = "\x1c\x00\x00\x00\x0a\x00\x01\x01\x00\x01\x01\x01\x81a\x02\x00\x01\x02\x01\x00\x01\x00\x01\x01\x01\x04\x01\xff"
	pending  = "\x01" + rawID + "\x01\x00\x00\x00\x00\x00\x00\x00" + "\x03" // time 1, three deliveries
	rawID    = "\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01"
	seen     = "\x02\x00\x00\x00\x00\x00\x00\x00"
)

// TestOtherStreams reads what Redis 5.0 and 7.2 wrote, and what is damaged not at all.
func TestOtherStreams(t *testing.T) {
	const head = "\x01\x05\x01" // length, last ID
	for name, tc := range map[string]struct{ body, want string }{
		"5.0": {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01" + pending + "\x01" + "\x01c" + seen + "\x01" + rawID,
			`["XADD" "key" "5-1" "a" "1"]["XSETID" "key" "5-1" "ENTRIESADDED" "1" "MAXDELETEDID" "0-0"]["XGROUP" "CREATE" "key" "g" "5-1" "ENTRIESREAD" "1"]["XCLAIM" "key" "g" "c" "0" "5-1" "TIME" "1" "RETRYCOUNT" "3" "JUSTID" "FORCE"]`},
		"7.2": {"\x15" + oneNode + head + "\x05\x01\x04\x00\x07" + "\x01" + "\x01g\x05\x01\x07" + pending + "\x01" + "\x01c" + seen + seen + "\x01" + rawID,
			`["XADD" "key" "5-1" "a" "1"]["XSETID" "key" "5-1" "ENTRIESADDED" "7" "MAXDELETEDID" "4-0"]["XGROUP" "CREATE" "key" "g" "5-1" "ENTRIESREAD" "7"]["XCLAIM" "key" "g" "c" "0" "5-1" "TIME" "1" "RETRYCOUNT" "3" "JUSTID" "FORCE"]`},
		"a group twice":    {"\x0f" + oneNode + head + "\x02" + "\x01g\x05\x01\x00\x00" + "\x01g\x05\x01\x00\x00", ""},
		"nobody's":         {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01" + pending + "\x00", ""},
		"not in the group": {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01\x00\x01" + "\x01c" + seen + "\x01" + rawID, ""},
		"two consumers'":   {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01" + pending + "\x02" + "\x01c" + seen + "\x01" + rawID + "\x01d" + seen + "\x01" + rawID, ""},
		"one's twice":      {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01" + pending + "\x01" + "\x01c" + seen + "\x02" + rawID + rawID, ""},
		"pending twice":    {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01" + "\x02" + pending[1:] + pending[1:] + "\x01" + "\x01c" + seen + "\x01" + rawID, ""},
		"a consumer twice": {"\x0f" + oneNode + head + "\x01" + "\x01g\x05\x01\x00\x02" + "\x01c" + seen + "\x00" + "\x01c" + seen + "\x00", ""},
		"another length":   {"\x0f" + oneNode + "\x02\x05\x01" + "\x00", ""},
		"a node twice":     {"\x0f\x02" + oneNode[1:] + oneNode[1:] + "\x02\x05\x01" + "\x00", ""},
		"a short ID":       {"\x0f\x01\x01x" + "\x1c" + oneEntry + head + "\x00", ""},
		"another node":     {"\x0f" + strings.Replace(oneNode, "\x04\x01\xff", "\x05\x01\xff", 1) + head + "\x00", ""},
	} {
		s := enginetest.NewEngine(t)
		var e rdb.Entry
		err := rdb.Undump(payload(tc.body), s.Codecs(), &e)
		switch {
		case tc.want == "" && err == nil:
			t.Errorf("%s is read", name)
		case tc.want != "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.want != "":
			if got := enginetest.ShowObject(e.Obj.(engine.Object)); got != tc.want {
				t.Errorf("%s:\n%s\nnot\n%s", name, got, tc.want)
			}
		}
	}
}
