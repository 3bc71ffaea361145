package main

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed mutants.txt
var tableText string

// A mutant is one fault.
type mutant struct {
	line     int    // in the table
	why      string // the comment above it
	file     string // from the root of the tree
	old, new string
	first    suite // tests that are known to notice it; the zero value: not known
}

// A suite is tests of one package.
type suite struct{ pkg, run string }

// args are those of go test.
func (s suite) args() []string {
	if s.run == "" {
		return []string{s.pkg}
	}
	return []string{"-run", "^(" + s.run + ")$", s.pkg}
}

// readTable reads the table's text.
func readTable(text string) (all []mutant, err error) {
	why := ""
	for i, line := range strings.Split(text, "\n") {
		switch {
		case strings.HasPrefix(line, "#"):
			why = strings.TrimSpace(line[1:])
		case strings.TrimSpace(line) == "":
			why = ""
		default:
			m, err := readLine(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			if why == "" {
				return nil, fmt.Errorf("line %d: no comment above it says what goes wrong", i+1)
			}
			m.line, m.why, why = i+1, why, ""
			all = append(all, m)
		}
	}
	return all, nil
}

func readLine(line string) (m mutant, err error) {
	file, rest, _ := strings.Cut(line, " ")
	m.file = file
	for _, to := range []*string{&m.old, &m.new} {
		rest = strings.TrimLeft(rest, " ")
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return m, fmt.Errorf("%.40q does not begin with a quoted text", rest)
		}
		if *to, err = strconv.Unquote(quoted); err != nil {
			return m, err
		}
		rest = rest[len(quoted):]
	}
	switch first := strings.Fields(rest); {
	case len(first) == 2 && strings.HasPrefix(first[0], ".") && strings.HasPrefix(first[1], "Test"):
		m.first = suite{first[0], first[1]}
	case len(first) != 0:
		return m, fmt.Errorf("%.40q behind the replacement is no package and tests of it", rest)
	}
	if m.old == m.new {
		return m, errors.New("it changes nothing")
	}
	return m, nil
}

// apply is the file's text with the fault in it.
func (m *mutant) apply(root string) (string, error) {
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(b), m.old); n != 1 {
		return "", fmt.Errorf("line %d: %.60q stands %d times in %s, and should once", m.line, m.old, n, m.file)
	}
	return strings.Replace(string(b), m.old, m.new, 1), nil
}

// suites are what is to notice the fault, in the order in which they are tried.
func (m *mutant) suites(sim string) []suite {
	all := []suite{{pkg: m.pkg()}, {pkg: sim}}
	if m.first != (suite{}) {
		all = slices.Insert(all, 0, m.first)
	}
	return all
}

// pkg is the package of the file.
func (m *mutant) pkg() string {
	if dir := path.Dir(m.file); dir != "." {
		return "./" + dir
	}
	return "."
}
