package enginetest

import (
	"strings"
	"sync"

	"regent/engine"
)

// A Record is one command of the log.
type Record struct {
	DB   int
	Args [][]byte
}

// String is the record as one would type it, without quotes, preceded by
// "dbN " outside database 0.
func (r Record) String() string {
	words := make([]string, len(r.Args))
	for i, a := range r.Args {
		words[i] = string(a)
	}
	line := strings.Join(words, " ")
	if r.DB != 0 {
		line = "db" + string(rune('0'+r.DB%10)) + " " + line
	}
	return line
}

// A Log is an engine.Log that remembers.
type Log struct {
	mu      sync.Mutex
	records []Record
	end     int64
	synced  int64
}

// Append remembers the effects' records.
func (l *Log) Append(e *engine.Effects) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e = e.Joined()
	from := 0
	for _, rec := range e.Recs {
		node, rest, err := Parse(e.Buf[from:rec.End])
		if err != nil || len(rest) != 0 {
			panic("enginetest: an effect is not one command: " + string(e.Buf[from:rec.End]))
		}
		args := make([][]byte, len(node.Elems))
		for i, el := range node.Elems {
			args[i] = []byte(el.Text)
		}
		l.records = append(l.records, Record{rec.DB, args})
		from = rec.End
	}
	l.end += int64(len(e.Buf))
	return l.end
}

// Return has nothing to give back: Append copies.
func (l *Log) Return(int64) {}

// Synced is what SetSynced said.
func (l *Log) Synced() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.synced
}

// SetSynced says up to where the log is fsynced.
func (l *Log) SetSynced(off int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced = off
}

// End is the offset after the last record.
func (l *Log) End() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

// Records are all records since the last Drop.
func (l *Log) Records() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Record(nil), l.records...)
}

// Lines are Records as text.
func (l *Log) Lines() []string {
	var lines []string
	for _, r := range l.Records() {
		lines = append(lines, r.String())
	}
	return lines
}

// Drop forgets the records; offsets go on.
func (l *Log) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = nil
}
