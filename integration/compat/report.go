package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A row is one unit's comparison.
type row struct {
	unit   string
	counts int // tests that redis-server passes
	passes int // of those, what Regent passes
	// missed are the others, with what the suite saw.
	missed []miss
	broken string
}

// A miss is a test that Regent does not pass. reason is what the page says of it, where it
// comes from there.
type miss struct{ test, why, reason string }

func (r row) String() string {
	s := fmt.Sprintf("%-26s %4d of %4d", r.unit, r.passes, r.counts)
	if r.broken != "" {
		s += "  ended early: " + r.broken
	}
	for _, m := range r.missed {
		s += "\n    " + m.test + ": " + m.why
	}
	return s
}

// compare counts what redis-server passes and Regent does not; a test that the
// suite did not reach is not passed.
func compare(unit string, theirs, ours result) row {
	r := row{unit: unit, broken: ours.broken}
	for name, o := range theirs.tests {
		if o != passed {
			continue
		}
		r.counts++
		switch ours.tests[name] {
		case passed:
			r.passes++
		case failed:
			r.missed = append(r.missed, miss{test: name, why: ours.why[name]})
		default:
			r.missed = append(r.missed, miss{test: name, why: "not reached"})
		}
	}
	slices.SortFunc(r.missed, func(a, b miss) int { return strings.Compare(a.test, b.test) })
	return r
}

// pages are the rows of each mode.
type pages map[mode][]row

// put puts a unit's row in the place of the one that is there, or behind all.
func put(rows []row, r row) []row {
	for i := range rows {
		if rows[i].unit == r.unit {
			rows[i] = r
			return rows
		}
	}
	return append(rows, r)
}

// document is docs/compatibility.md.
func document(of pages) string {
	var b strings.Builder
	b.WriteString("# What redis-server's own test suite says\n\n")
	b.WriteString("redis-server 7.0's Tcl suite, unit by unit, against redis-server and against Regent. A test counts when redis-server passes\n")
	b.WriteString("it in the same way. `make compat` writes this page.\n")
	for _, m := range modes {
		rows := of[m.mode]
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", m.title, m.about)
		table(&b, rows)
	}
	b.WriteString("\n## Not run\n\n| units | why |\n| --- | --- |\n")
	for _, l := range left {
		fmt.Fprintf(&b, "| %s | %s |\n", l.units, l.why)
	}
	return b.String()
}

func table(b *strings.Builder, rows []row) {
	b.WriteString("| unit | Regent passes | of | ended early |\n| --- | --- | --- | --- |\n")
	counts, passes, missed := 0, 0, 0
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %d | %d | %s |\n", r.unit, r.passes, r.counts, cell(r.broken))
		counts += r.counts
		passes += r.passes
		missed += len(r.missed)
	}
	fmt.Fprintf(b, "| all | %d | %d | |\n", passes, counts)
	if missed == 0 {
		return
	}
	b.WriteString("\nNot passed:\n\n| unit | test | why |\n| --- | --- | --- |\n")
	for _, r := range rows {
		for _, m := range r.missed {
			why := m.reason
			if why == "" {
				why = reasonFor(m.test, m.why)
			}
			if why == "" {
				why = unexplained + m.why
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", r.unit, cell(m.test), cell(why))
		}
	}
}

// unexplained begins what the page says of a failure that no reason explains.
const unexplained = "unexplained: "

// readPages reads what document has written to a file; none: there is no file yet.
func readPages(file string) (pages, error) {
	of := pages{}
	if file == "" {
		return of, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return of, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	var at mode
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if title, is := strings.CutPrefix(line, "## "); is {
			at = ""
			for _, m := range modes {
				if m.title == title {
					at = m.mode
				}
			}
			continue
		}
		cells, is := cellsOf(line)
		if !is || at == "" {
			continue
		}
		rows := of[at]
		i := slices.IndexFunc(rows, func(r row) bool { return r.unit == cells[0] })
		switch {
		case len(cells) == 4 && i < 0:
			r := row{unit: cells[0], broken: cells[3]}
			r.passes, _ = strconv.Atoi(cells[1])
			r.counts, _ = strconv.Atoi(cells[2])
			of[at] = append(rows, r)
		case len(cells) == 3 && i >= 0:
			m := miss{test: cells[1], reason: cells[2]}
			if why, is := strings.CutPrefix(m.reason, unexplained); is {
				m.why, m.reason = why, "" // there may be a reason by now
			}
			rows[i].missed = append(rows[i].missed, m)
		}
	}
	return of, nil
}

// cell is a text as a cell of a table holds it.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// cellsOf are the cells of a unit's line in a table.
func cellsOf(line string) ([]string, bool) {
	if !strings.HasPrefix(line, "| unit/") && !strings.HasPrefix(line, "| integration/") {
		return nil, false
	}
	const bar = "\x00" // stands for one inside a cell
	cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, bar), "|"), "|")
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(strings.TrimSpace(c), bar, "|")
	}
	return cells, true
}
