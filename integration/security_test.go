package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testsOfAll are the names of all tests and fuzzers.
func testsOfAll(t *testing.T) map[string]bool {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	found := map[string]bool{}
	must(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
		return err
	}))
	return found
}

// TestHolesHaveTests: each row of docs/security.md's tables of holes names a test, which there
// is, and no hole stands there twice.
func TestHolesHaveTests(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	must(t, err)
	tests := testsOfAll(t)
	cve := regexp.MustCompile(`CVE-\d{4}-\d{4,}`)
	name := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	seen, rows := map[string]bool{}, 0
	for line := range strings.SplitSeq(string(text), "\n") {
		for _, m := range name.FindAllStringSubmatch(line, -1) {
			if !tests[m[1]] {
				t.Errorf("%s is named, and there is no such test: %s", m[1], line)
			}
		}
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| CVE-") && !strings.HasPrefix(line, "| redis") && !strings.HasPrefix(line, "| valkey") {
			continue // not a row of a hole, with a number or without
		}
		for _, id := range cve.FindAllString(line, -1) {
			if seen[id] {
				t.Errorf("%s stands there twice", id)
			}
			seen[id] = true
		}
		if len(cells) == 4 {
			rows++
			if len(name.FindAllString(cells[3], -1)) != 1 {
				t.Errorf("a row without a test: %s", line)
			}
		} else if len(cells) != 2 {
			t.Errorf("no row of either table: %s", line)
		}
	}
	if rows < 50 {
		t.Errorf("%d rows were found", rows)
	}
}

// TestFuzzersAreNamed: docs/security.md names every fuzzer.
func TestFuzzersAreNamed(t *testing.T) {
	text, err := os.ReadFile("../docs/security.md")
	must(t, err)
	for name := range testsOfAll(t) {
		// Those of a model that draws its own input decode nothing.
		if strings.HasPrefix(name, "Fuzz") && name != "FuzzModel" && !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/security.md does not name %s", name)
		}
	}
}

// TestLongNamesAreOnlyRefused: a client that is given a host, a password and a command of any
// length says what is wrong.
func TestLongNamesAreOnlyRefused(t *testing.T) {
	long := strings.Repeat("h", 100_000)
	for _, args := range [][]string{{"-h", long, "PING"}, {"-h", "127.0.0.1", "-p", long, "PING"}, {"-s", long, "PING"}, {"-p", "1", "-a", long, long}} {
		out, status := run(t, "", append([]string{"cli"}, args...)...)
		if status == 0 || out == "" || strings.Contains(out, "goroutine ") {
			t.Errorf("%.20q: %d %.200q", args, status, out)
		}
	}
}
