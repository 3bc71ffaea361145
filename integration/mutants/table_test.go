package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leastMutants is how many the table must have.
const leastMutants = 40

// The table fits the code: each fault's place is there once, and what is made of it
// is Go.
func TestTable(t *testing.T) {
	all, err := readTable(tableText)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < leastMutants {
		t.Errorf("%d mutants, and there must be %d", len(all), leastMutants)
	}
	for _, m := range all {
		text, err := m.apply("../..")
		if err != nil {
			t.Error(err)
			continue
		}
		for name := range strings.SplitSeq(m.first.run, "|") {
			if name != "" && !hasTest(t, m.first.pkg, name) {
				t.Errorf("line %d: %s has no %s", m.line, m.first.pkg, name)
			}
		}
		if _, err := parser.ParseFile(token.NewFileSet(), m.file, text, parser.SkipObjectResolution); err != nil {
			t.Errorf("line %d: %v", m.line, err)
		}
	}
}

// hasTest reports whether a package of this tree has a test.
func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)")
	})
}

func TestLinesThatAreNone(t *testing.T) {
	for name, line := range map[string]string{
		"no comment":      `a.go "x" "y"`,
		"no replacement":  "# why\na.go \"x\"",
		"changes nothing": "# why\na.go \"x\" \"x\"",
		"something more":  "# why\na.go \"x\" \"y\" z",
		"no tests":        "# why\na.go \"x\" \"y\" ./a",
		"no quotes":       "# why\na.go x y",
	} {
		t.Run(name, func(t *testing.T) {
			if all, err := readTable(line); err == nil {
				t.Errorf("taken as %+v", all)
			}
		})
	}
	all, err := readTable("# why\nengine/a.go `x` \"\\ty\"\n\n# root\nb.go \"1\" \"2\" ./c TestX|TestY\n")
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if m := all[0]; m.old != "x" || m.new != "\ty" || m.why != "why" || m.pkg() != "./engine" || len(m.suites("sim")) != 2 {
		t.Errorf("%+v", m)
	}
	if m := all[1]; m.pkg() != "." || m.line != 5 || m.suites("sim")[0] != (suite{"./c", "TestX|TestY"}) {
		t.Errorf("%+v", m)
	}
}
