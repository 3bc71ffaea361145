package strings

import (
	"slices"

	"regent/engine"
	"regent/engine/decimal"
	"regent/engine/spec"
	"regent/resp"
)

func lcsCommands() []engine.Command {
	return []engine.Command{
		{Do: doLcs, Command: spec.Command{
			Name: "lcs", Arity: -3, Flags: spec.ReadOnly, Since: "7.0.0", Complex: "O(N*M) in the lengths of the two strings",
			Summary: "Finds the longest subsequence two strings share.",
			Keys:    spec.Keys{spec.Span(1, 2, 1, spec.KeyRO|spec.KeyAccess)},
			Args: spec.Args{
				spec.Key("key1", 0), spec.Key("key2", 0),
				spec.Word("len", "LEN").Opt(), spec.Word("idx", "IDX").Opt(),
				spec.Integer("len").With("MINMATCHLEN").Opt(), spec.Word("withmatchlen", "WITHMATCHLEN").Opt(),
			},
		}},
	}
}

// lcsOptions are LCS's.
type lcsOptions struct {
	length, index, lengths bool
	min                    int64
}

func doLcs(c *engine.Ctx) {
	var bufs [2][decimal.MaxLen]byte
	var texts [2][]byte
	for i := range texts {
		en := c.Read(c.Args[1+i])
		if !en.OK() {
			continue
		}
		if !en.IsString() {
			c.Err(resp.ErrLCSTypes)
			return
		}
		texts[i] = engine.Text(en.Value(), &bufs[i])
	}
	o, ok := lcsArgs(c)
	if !ok {
		return
	}
	a, b := texts[0], texts[1]
	if cells := (int64(len(a)) + 1) * (int64(len(b)) + 1); cells > c.Config().ProtoMaxBulkLen.Get()/lcsCellBytes {
		c.Err(resp.ErrLCSMemory)
		return
	}
	if o.length {
		c.W.Int(int64(lcsLength(a, b)))
		return
	}
	t := newLCSTable(a, b)
	if o.index {
		t.replyRanges(c.W, &o)
		return
	}
	c.W.Bulk(t.common())
}

func lcsArgs(c *engine.Ctx) (o lcsOptions, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		word, more := c.Args[i], i+1 < len(c.Args)
		switch {
		case spec.EqualFold(word, "idx"):
			o.index = true
		case spec.EqualFold(word, "len"):
			o.length = true
		case spec.EqualFold(word, "withmatchlen"):
			o.lengths = true
		case spec.EqualFold(word, "minmatchlen") && more:
			i++
			if o.min, ok = c.IntArg(c.Args[i]); !ok {
				return o, false
			}
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	if o.index && o.length {
		c.Err(resp.ErrLCSBoth)
		return o, false
	}
	return o, true
}

// lcsCellBytes is the size of one cell of the table.
const lcsCellBytes = 4

// lcsLength needs two rows of the table only.
func lcsLength(a, b []byte) uint32 {
	row := make([]uint32, len(b)+1)
	for i := range a {
		diagonal := uint32(0)
		for j := range b {
			above := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// An lcsTable holds in row i, column j the length of the longest common
// subsequence of a[:i] and b[:j].
type lcsTable struct {
	a, b  []byte
	cells []uint32
}

func newLCSTable(a, b []byte) *lcsTable {
	t := &lcsTable{a, b, make([]uint32, (len(a)+1)*(len(b)+1))}
	w := len(b) + 1
	for i := 1; i <= len(a); i++ {
		above, row := t.cells[(i-1)*w:i*w], t.cells[i*w:(i+1)*w]
		for j := 1; j <= len(b); j++ {
			if a[i-1] == b[j-1] {
				row[j] = above[j-1] + 1
			} else {
				row[j] = max(above[j], row[j-1])
			}
		}
	}
	return t
}

// length is the length of the whole.
func (t *lcsTable) length() uint32 { return t.cells[len(t.cells)-1] }

// walk calls match for each pair of positions of the subsequence Redis
// chooses among equals, from the last to the first.
func (t *lcsTable) walk(match func(i, j int)) {
	w := len(t.b) + 1
	for i, j := len(t.a), len(t.b); i > 0 && j > 0; {
		switch {
		case t.a[i-1] == t.b[j-1]:
			i, j = i-1, j-1
			match(i, j)
		case t.cells[(i-1)*w+j] > t.cells[i*w+j-1]:
			i--
		default:
			j--
		}
	}
}

func (t *lcsTable) common() []byte {
	out := make([]byte, 0, t.length())
	t.walk(func(i, _ int) { out = append(out, t.a[i]) })
	slices.Reverse(out)
	return out
}

// An lcsRange is a run of n bytes common to both, at a and b.
type lcsRange struct{ a, b, n int }

func (t *lcsTable) replyRanges(w *resp.Writer, o *lcsOptions) {
	var ranges []lcsRange
	var run lcsRange
	flush := func() {
		if run.n > 0 && int64(run.n) >= o.min {
			ranges = append(ranges, run)
		}
	}
	t.walk(func(i, j int) {
		if run.n > 0 && run.a == i+1 && run.b == j+1 {
			run = lcsRange{i, j, run.n + 1}
			return
		}
		flush()
		run = lcsRange{i, j, 1}
	})
	flush()
	w.Map(2)
	w.BulkString("matches")
	w.Array(len(ranges))
	for _, r := range ranges {
		if o.lengths {
			w.Array(3)
		} else {
			w.Array(2)
		}
		for _, from := range []int{r.a, r.b} {
			w.Array(2)
			w.Int(int64(from))
			w.Int(int64(from + r.n - 1))
		}
		if o.lengths {
			w.Int(int64(r.n))
		}
	}
	w.BulkString("len")
	w.Int(int64(t.length()))
}
