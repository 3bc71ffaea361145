package clustertest

import (
	"bytes"
	"fmt"
	"strconv"
)

// LoadUpTo calls apply with every record that ends at or before upto, as a
// restart does, and says which database each goes to.
func (l *Log) LoadUpTo(upto int64, apply func(db int, args [][]byte) error) error {
	l.mu.Lock()
	b := append(bytes.Clone(l.base), l.buf[:min(upto, l.sealed)-l.start]...)
	l.mu.Unlock()
	db := 0
	for len(b) > 0 {
		args, rest, err := record(b)
		if err != nil {
			return err
		}
		b = rest
		switch {
		case len(args) == 0:
		case len(args) == 2 && string(args[0]) == "SELECT":
			db, _ = strconv.Atoi(string(args[1]))
		default:
			if err := apply(db, args); err != nil {
				return err
			}
		}
	}
	return nil
}

// record takes one record off b; a line that begins with # has no arguments.
func record(b []byte) (args [][]byte, rest []byte, err error) {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return nil, b, fmt.Errorf("a torn record: %.40q", b)
	}
	if line[0] == '#' {
		return nil, rest, nil
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(line[1:])))
	if err != nil {
		return nil, b, err
	}
	for range n {
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		size, err := strconv.Atoi(string(line[1:]))
		if err != nil || len(after) < size+2 {
			return nil, b, fmt.Errorf("a torn record: %.40q", b)
		}
		args, rest = append(args, after[:size]), after[size+2:]
	}
	return args, rest, nil
}
