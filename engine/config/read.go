package config

import (
	"errors"
	"fmt"
	"strings"

	"regent/resp"
)

// A File is the text of a configuration file and the name that errors give it.
type File struct{ Name, Text string }

// An Include reads the files that an include line names, which may be a
// pattern: a pattern that matches nothing is no error, a name without a file is.
type Include func(pattern string) ([]File, error)

const (
	// maxProblems is how many lines that cannot be taken one start tells of.
	maxProblems = 64
	// maxIncludes bounds how deep files may include one another.
	maxIncludes = 16
)

// Problems are all lines of a configuration that could not be taken.
type Problems []error

// Error is a line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, err := range p {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the problems one by one.
func (p Problems) Unwrap() []error { return p }

// errMore ends a list that is too long.
var errMore = fmt.Errorf("and more: only the first %d are shown", maxProblems)

func (p *Problems) add(err error) {
	switch {
	case len(*p) < maxProblems:
		*p = append(*p, err)
	case len(*p) == maxProblems:
		*p = append(*p, errMore)
	}
}

// orNil is p as an error.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Parse reads a file's text in redis.conf's syntax: a directive and its
// arguments a line, # for comments. What can be taken is; the error is Problems,
// each with its file and line.
func Parse(c *Config, text, file string) error {
	return ParseFile(c, File{Name: file, Text: text}, nil)
}

// ParseFile is Parse for a file that may include others.
func ParseFile(c *Config, f File, include Include) error {
	var found Problems
	c.parse(f, include, 0, &found)
	return found.orNil()
}

func (c *Config) parse(f File, include Include, depth int, found *Problems) {
	for i, line := range strings.Split(f.Text, "\n") {
		words, err := splitLine(line)
		switch {
		case err == nil && len(words) == 0:
			continue
		case err == nil && strings.EqualFold(words[0], "include"):
			err = c.include(words[1:], include, depth, found)
		case err == nil:
			err = c.set(words[0], words[1:])
		}
		if err != nil {
			found.add(fmt.Errorf("%s:%d: %w", f.Name, i+1, err))
		}
	}
}

// include reads other files in the place of the line.
func (c *Config) include(words []string, include Include, depth int, found *Problems) error {
	switch {
	case len(words) != 1:
		return fmt.Errorf("include: %w", errArguments)
	case include == nil:
		return errors.New("include: there are no other files here")
	case depth == maxIncludes:
		return fmt.Errorf("include %s: files include one another more than %d deep", words[0], maxIncludes)
	}
	files, err := include(words[0])
	if err != nil {
		return fmt.Errorf("include %s: %w", words[0], err)
	}
	for _, f := range files {
		c.parse(f, include, depth+1, found)
	}
	return nil
}

// splitLine returns the words of a line, none for a comment.
func splitLine(line string) ([]string, error) {
	line = strings.Trim(line, " \t\r\n")
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	split, err := resp.SplitWords([]byte(line))
	if err != nil {
		return nil, err
	}
	words := make([]string, len(split))
	for i, w := range split {
		words[i] = string(w)
	}
	return words, nil
}

// ParseFlags reads a command line as redis-server does: "--name value ...", or
// name and value in one argument, "--name value". The argument behind a bare
// name is its value, whatever it begins with; --save alone means no save points.
// A nil include refuses --include. The error is Problems.
func ParseFlags(c *Config, args []string, include Include) error {
	var found Problems
	for i := 0; i < len(args); {
		name, ok := strings.CutPrefix(args[i], "--")
		if !ok || name == "" {
			found.add(fmt.Errorf("%q: a directive begins with --", args[i]))
			i++
			continue
		}
		words, err := splitLine(name)
		if err != nil || len(words) == 0 {
			words = []string{name}
		}
		i++
		bare := len(words) == 1
		for ; i < len(args) && (bare || !strings.HasPrefix(args[i], "--")); i++ {
			if bare && strings.EqualFold(words[0], "save") && strings.HasPrefix(args[i], "--") {
				break
			}
			words, bare = append(words, args[i]), false
		}
		if strings.EqualFold(words[0], "include") {
			err = c.include(words[1:], include, 0, &found)
		} else {
			err = c.flag(words)
		}
		if err != nil {
			found.add(fmt.Errorf("--%w", err))
		}
	}
	return found.orNil()
}

func (c *Config) flag(words []string) error {
	name, values := words[0], words[1:]
	if len(values) == 0 {
		if !strings.EqualFold(name, "save") {
			if c.table.find(name) != nil {
				return fmt.Errorf("%s: a value is missing", name)
			}
			return c.set(name, values)
		}
		values = []string{""}
	}
	return c.set(name, values)
}
