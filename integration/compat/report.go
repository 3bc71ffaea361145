package main

import (
	"fmt"
	"slices"
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

type miss struct{ test, why string }

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
			r.missed = append(r.missed, miss{name, ours.why[name]})
		default:
			r.missed = append(r.missed, miss{name, "not reached"})
		}
	}
	slices.SortFunc(r.missed, func(a, b miss) int { return strings.Compare(a.test, b.test) })
	return r
}

// document is docs/compatibility.md.
func document(rows []row) string {
	var b strings.Builder
	b.WriteString("# What redis-server's own test suite says\n\n")
	b.WriteString("redis-server 7.0's Tcl suite in its external mode, unit by unit, against redis-server and against Regent. A test counts when\n")
	b.WriteString("redis-server passes it this way. `make compat` writes this page; the units of types and commands that Regent does not have\n")
	b.WriteString("yet are left out.\n\n")
	b.WriteString("| unit | Regent passes | of | ended early |\n| --- | --- | --- | --- |\n")
	counts, passes := 0, 0
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d | %d | %s |\n", r.unit, r.passes, r.counts, r.broken)
		counts += r.counts
		passes += r.passes
	}
	fmt.Fprintf(&b, "| all | %d | %d | |\n", passes, counts)
	b.WriteString("\n## What Regent does not pass\n\n| unit | test | why |\n| --- | --- | --- |\n")
	for _, r := range rows {
		for _, m := range r.missed {
			why := reasonFor(m.test, m.why)
			if why == "" {
				why = "unexplained: " + m.why
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.unit, strings.ReplaceAll(m.test, "|", "\\|"), why)
		}
	}
	return b.String()
}
