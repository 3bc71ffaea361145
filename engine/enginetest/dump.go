package enginetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"regent/engine"
	"regent/engine/rdb"
)

// Dump lists every key with its database, value and expiry, in order, as a
// snapshot gives them out. Encodings are left out: INCRBYFLOAT's results have
// another one when they come out of the log, as with Redis.
func (s *Server) Dump() []string { return Dump(s.Engine) }

// Dump is Server.Dump of any engine.
func Dump(e *engine.Engine) (lines []string) {
	snapshot(e, func(en *engine.SnapshotEntry) { lines = append(lines, EntryLine(en)) })
	sort.Strings(lines)
	return lines
}

// snapshot calls f with every entry.
func snapshot(e *engine.Engine, f func(en *engine.SnapshotEntry)) {
	err := e.Snapshot(context.Background(), engine.SnapshotOptions{}, func(b *engine.SnapshotBatch) error {
		return b.Each(func(en *engine.SnapshotEntry) error {
			f(en)
			return nil
		})
	})
	if err != nil {
		panic(fmt.Sprint("enginetest: a snapshot fails: ", err))
	}
}

// EntryLine is a line of Dump.
func EntryLine(en *engine.SnapshotEntry) string {
	text := fmt.Sprintf("%q", en.Str)
	switch {
	case en.IsInt:
		text = fmt.Sprintf("%q", fmt.Sprint(en.Int))
	case en.Obj != nil:
		text = ShowObject(en.Obj)
	}
	return fmt.Sprintf("%d %q %s %d", en.DB, en.Key, text, en.Expire)
}

// ShowObject shows an object by the commands that make it.
func ShowObject(o engine.Object) string {
	if show, ok := o.(fmt.Stringer); ok {
		return show.String()
	}
	if name := o.TypeName(); name == "set" || name == "hash" { // what has no order, in one
		parts := map[string]int{"set": 1, "hash": 2}[name]
		var members []string
		_ = o.Commands([]byte("key"), func(args ...[]byte) error { // emit has no errors
			for m := range slices.Chunk(args[2:], parts) {
				members = append(members, string(bytes.Join(m, []byte("="))))
			}
			return nil
		})
		sort.Strings(members)
		return fmt.Sprintf("%s %q", name, members)
	}
	show := ""
	_ = o.Commands([]byte("key"), func(args ...[]byte) error {
		show += fmt.Sprintf("%q", args)
		return nil
	})
	return show
}

// PutObject stores o at key in database 0.
func (s *Server) PutObject(key string, o engine.Object) { s.load(rdb.Entry{Key: []byte(key), Obj: o}) }

func (s *Server) load(en rdb.Entry) {
	if err := s.LoadBatch(&rdb.Batch{Entries: []rdb.Entry{en}}); err != nil {
		panic(fmt.Sprint("enginetest: a key cannot be put: ", err))
	}
}

// Misweighed lists the keys whose objects are not counted as large as they are
// (a clone that is put into another engine is weighed anew), or that are empty and
// still there. A small one may stand in a slot that is by a quarter too large.
func (s *Server) Misweighed() (keys []string) {
	fresh := NewEngine(s.Host.TB)
	here, there := s.Client(), fresh.Client()
	defer s.EndSession(here.Session)
	now := s.Host.Now()
	defer s.Host.Set(now)
	s.Host.Set(0) // what has expired and is still there is looked at, too
	fresh.Host.Set(0)
	snapshot(s.Engine, func(en *engine.SnapshotEntry) {
		if en.Obj == nil {
			return
		}
		key := slices.Clone(en.Key)
		fresh.load(rdb.Entry{Meta: rdb.Meta{Expire: en.Expire}, DB: en.DB, Key: key, Obj: en.Obj.Clone()})
		var usage [2]int
		for i, c := range []*Client{here, there} {
			c.Do("SELECT", strconv.Itoa(en.DB))
			usage[i], _ = strconv.Atoi(strings.TrimSpace(c.Do("MEMORY", "USAGE", string(key))[1:]))
		}
		slack := 0
		if small, ok := en.Obj.(engine.Small); ok {
			if _, _, packed := small.Packed(); packed {
				const least = 16 // bytes
				slack = max(usage[0]/4, least)
			}
		}
		if usage[0] < usage[1] || usage[0] > usage[1]+slack || usage[1] == 0 || en.Obj.Len() == 0 {
			keys = append(keys, string(key))
		}
	})
	return keys
}
