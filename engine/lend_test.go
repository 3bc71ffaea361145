package engine_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"regent/engine"
	"regent/engine/enginetest"
	"regent/engine/large"
)

// A lender is a log that notes what is lent, beside what a log that copies holds.
type lender struct {
	*enginetest.Log
	lent [][]byte
	back int64 // the last Return
}

func (l *lender) Append(e *engine.Effects) int64 {
	for _, one := range e.Lent {
		l.lent = append(l.lent, one.Bytes)
	}
	return l.Log.Append(e)
}

func (l *lender) Return(end int64) { l.back = end }

// TestLargeArgumentsAreLent: the log gets the same records whether they are lent or
// not, and what is lent is the client's own memory.
func TestLargeArgumentsAreLent(t *testing.T) {
	big, bigger := string(bytes.Repeat([]byte("b"), large.Least)), string(bytes.Repeat([]byte("c"), large.Least+1))
	small := big[1:]
	for name, c := range map[string]struct {
		cmds [][]string
		lent int
	}{
		"SET":           {[][]string{{"SET", "k", big}}, 1},
		"SET with life": {[][]string{{"SET", "k", big, "EX", "100"}}, 1},
		"PSETEX":        {[][]string{{"PSETEX", "k", "100000", bigger}}, 1},
		"small":         {[][]string{{"SET", "k", small}}, 0},
		"several":       {[][]string{{"MSET", "a", big, "b", "1", "c", bigger, "d", small}}, 2},
		"a large key":   {[][]string{{"SET", big, bigger}}, 2},
		"APPEND":        {[][]string{{"SET", "k", "v"}, {"APPEND", "k", big}, {"APPEND", "k", bigger}}, 2},
		"SETRANGE":      {[][]string{{"SETRANGE", "k", "7", big}}, 1},
		"GETSET":        {[][]string{{"SET", "k", big}, {"GETSET", "k", bigger}}, 2},
		"elements":      {[][]string{{"RPUSH", "k", "a", big, bigger}, {"SADD", "s", big, "x"}}, 3},
		"a value's own": {[][]string{{"SADD", "s", big}, {"SPOP", "s"}}, 1}, // the record is SREM of what was there
		"nothing":       {[][]string{{"SET", "k", "1"}, {"SETNX", "k", big}, {"GET", "k"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			log, copied := &lender{Log: &enginetest.Log{}}, &enginetest.Log{}
			for i, l := range []engine.Log{log, copied} {
				e := enginetest.NewEngine(t, func(o *engine.Options) { o.Log = l })
				e.Config.ProtoMaxBulkLen.Set(1 << 30)
				s := e.NewSession(&enginetest.Conn{}, engine.FacePort)
				s.Lends = i == 0
				for _, words := range c.cmds {
					args := make([][]byte, len(words))
					for k, w := range words {
						args[k] = []byte(w)
					}
					was, before := len(log.lent), log.End()
					e.Execute(s, args)
					if s.Lent() != (len(log.lent) > was) {
						t.Fatalf("%s: lent is %v", words[0], s.Lent())
					}
					for _, p := range log.lent[was:] {
						if !slices.ContainsFunc(args, func(a []byte) bool { return len(a) == len(p) && &a[0] == &p[0] }) {
							t.Errorf("%s: what is lent is not an argument", words[0])
						}
					}
					e.TakeBack(s)
					if i == 0 && s.Lent() || len(log.lent) > was && (log.back != log.End() || log.back == before) {
						t.Errorf("%s: given back up to %d of %d", words[0], log.back, log.End())
					}
				}
				e.EndSession(s)
			}
			if len(log.lent) != c.lent {
				t.Errorf("%d arguments are lent, not %d", len(log.lent), c.lent)
			}
			if fmt.Sprint(log.Lines()) != fmt.Sprint(copied.Lines()) || log.End() != copied.End() {
				t.Error("the records differ")
			}
		})
	}
}

// TestOffers: a large value that is offered stays where it was read to, where nobody looks
// at the arguments later, and the record, the reply and the slow log are those of any other.
func TestOffers(t *testing.T) {
	const front = 64
	some, more := string(bytes.Repeat([]byte("s"), 100_000)), string(bytes.Repeat([]byte("m"), large.Least))
	for name, c := range map[string]struct {
		before [][]string
		cmd    []string // its long argument is offered
		taken  bool
	}{
		"SET":           {nil, []string{"SET", "k", some}, true},
		"over another":  {[][]string{{"SET", "k", "v"}}, []string{"SET", "k", some}, true},
		"over a list":   {[][]string{{"RPUSH", "k", "v"}}, []string{"SET", "k", some}, true},
		"with life":     {nil, []string{"SET", "k", some, "EX", "100"}, true},
		"GETSET":        {[][]string{{"SET", "k", more}}, []string{"GETSET", "k", some}, true},
		"SETEX":         {nil, []string{"SETEX", "k", "100", some}, true},
		"APPEND":        {nil, []string{"APPEND", "k", some}, true},
		"to a value":    {[][]string{{"SET", "k", "v"}}, []string{"APPEND", "k", some}, false},
		"MSET":          {nil, []string{"MSET", "k", some}, true},
		"MSET of two":   {nil, []string{"MSET", "a", "1", "k", some}, false},
		"no change":     {[][]string{{"SET", "k", "v"}}, []string{"SET", "k", some, "NX"}, false},
		"an element":    {nil, []string{"RPUSH", "k", some}, false},
		"a transaction": {[][]string{{"MULTI"}}, []string{"SET", "k", some}, false},
		"watched":       {[][]string{{"WATCH", "other"}}, []string{"SET", "k", some}, false},
		"monitored":     {[][]string{{"MONITOR"}}, []string{"SET", "k", some}, false},
		"lent":          {nil, []string{"SET", "k", more}, false},
		"small":         {nil, []string{"SET", "k", some[:1000]}, false},
	} {
		t.Run(name, func(t *testing.T) {
			log, plain := &lender{Log: &enginetest.Log{}}, &enginetest.Log{}
			var dumps, replies, slow [2]string
			for i, l := range []engine.Log{log, plain} {
				e := enginetest.NewEngine(t, func(o *engine.Options) { o.Log = l })
				other := e.Client()
				other.Do("CONFIG", "SET", "slowlog-log-slower-than", "0")
				do := e.Client()
				for _, words := range c.before {
					if words[0] == "MONITOR" {
						other.Do(words...)
						continue
					}
					do.Do(words...)
				}
				s := do.Session
				s.Lends = true
				args := make([][]byte, len(c.cmd))
				var span []byte
				for k, w := range c.cmd {
					args[k] = []byte(w)
					if len(w) >= 1000 {
						span = e.Spans().Get(front + len(w))
						args[k] = span[front : front+copy(span[front:], w)]
						if i == 0 {
							e.Offer(s, span, args[k])
						}
					}
				}
				e.Execute(s, args)
				taken := e.Taken(s)
				e.TakeBack(s)
				if taken != (c.taken && i == 0) {
					t.Errorf("taken: %v", taken)
				}
				if !taken {
					clear(span)
					e.Spans().Put(span)
				}
				replies[i] = string(bytes.Clone(s.W.Take(nil)))
				if name != "monitored" {
					slow[i] = fmt.Sprint(bytes.Count([]byte(other.Do("SLOWLOG", "GET", "100")), []byte("ssss... (")))
				}
				dumps[i] = fmt.Sprint(e.Dump())
				e.EndSession(s)
			}
			if dumps[0] != dumps[1] || replies[0] != replies[1] || slow[0] != slow[1] || fmt.Sprint(log.Lines()) != fmt.Sprint(plain.Lines()) {
				t.Errorf("replies %.50q and %.50q, slow %s and %s; or the data or the records differ", replies[0], replies[1], slow[0], slow[1])
			}
		})
	}
}
