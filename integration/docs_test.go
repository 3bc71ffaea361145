package integration

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// named is what stands in backticks, or behind a Markdown link, on one line.
	named = regexp.MustCompile("`([^`\n]+)`|\\]\\(([^)\n]+)\\)")
	// block is a block of code: it shows commands, and files that need not exist.
	block = regexp.MustCompile("(?ms)^```.*?^```")
	// fileLike is a path of this repository: no spaces, options or variables.
	fileLike = regexp.MustCompile(`^[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*/?$`)
	// fileEnd tells a file's name without a folder from other words with a dot.
	fileEnd = regexp.MustCompile(`\.(go|md|yml|conf|sh|svg|mod|sum)$|^(Makefile|Dockerfile)$`)
)

// elsewhere is what texts name and what has no one place here: what the reader
// makes, and the file that every package has.
var elsewhere = map[string]bool{"bin/regent": true, "./bin/regent": true, "./data": true, "doc.go": true}

// filesNamed gives the paths that a text names in backticks or links: each token
// that ends as a file does, or whose first folder is one of the repository's.
func filesNamed(text string, isFolder func(string) bool) []string {
	var found []string
	for _, m := range named.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
		name := m[1] + m[2]
		first, _, deep := strings.Cut(name, "/")
		if elsewhere[name] || !fileLike.MatchString(name) {
			continue
		}
		if fileEnd.MatchString(name) || deep && isFolder(first) {
			found = append(found, name)
		}
	}
	return found
}

// TestDocsNameFilesThatExist: a map that shows a house of last month sends its
// reader astray, so each file and folder that a text names is there, under the path
// from the repository's root or, for a link, from the text's own folder.
func TestDocsNameFilesThatExist(t *testing.T) {
	top := ".."
	texts, err := filepath.Glob(filepath.Join(top, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ARCHITECTURE.md", "README.md", "BENCHMARKS.md"} {
		texts = append(texts, filepath.Join(top, name))
	}
	isThere := func(parts ...string) bool {
		_, err := os.Stat(filepath.Join(parts...))
		return err == nil
	}
	for _, text := range texts {
		t.Run(filepath.Base(text), func(t *testing.T) {
			data, err := os.ReadFile(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range filesNamed(string(data), func(dir string) bool { return isThere(top, dir) }) {
				if !isThere(top, name) && !isThere(filepath.Dir(text), name) {
					t.Errorf("%s names %s, which is not there", filepath.Base(text), name)
				}
			}
		})
	}
}

// TestMapShowsEveryPackage: what ARCHITECTURE draws of the house has a word for every
// folder that holds a package, tools and helpers of tests apart.
func TestMapShowsEveryPackage(t *testing.T) {
	data, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := block.FindString(string(data))
	words := map[string]bool{}
	for _, word := range regexp.MustCompile(`[A-Za-z0-9_]+`).FindAllString(drawn, -1) {
		words[word] = true
	}
	if len(words) < 20 {
		t.Fatalf("the map is not the text's first block: %q", drawn)
	}
	for pkg := range imports(t) {
		if strings.HasPrefix(pkg, "regent/integration") || strings.HasSuffix(pkg, "test") {
			continue
		}
		if name := pkg[strings.LastIndex(pkg, "/")+1:]; !words[name] {
			t.Errorf("the map of ARCHITECTURE.md does not show %s", pkg)
		}
	}
}

// TestFilesNamedFindsThem keeps the reader of texts from finding nothing.
func TestFilesNamedFindsThem(t *testing.T) {
	text := "see `engine/gone.go`, `wire.go`, [x](docs/a.md) and `engine/rdb`, not `go test ./...`, `and/or`, `config.x`\n```\n`engine/no.go`\n```\n"
	got := strings.Join(filesNamed(text, func(dir string) bool { return dir == "engine" }), " ")
	if want := "engine/gone.go wire.go docs/a.md engine/rdb"; got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}
