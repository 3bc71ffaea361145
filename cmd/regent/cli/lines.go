package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"regent/resp"
)

const (
	// windowCommands and windowBytes bound what is sent ahead of its replies.
	windowCommands = 1000
	windowBytes    = 1 << 20
	// lineBuffer is how many bytes of a pipe are looked at for whole lines.
	lineBuffer = 256 << 10
	// maxLine bounds a line of a pipe in bytes.
	maxLine = 1 << 30
	// slow is from when on a terminal is told how long a reply took.
	slow = 500 * time.Millisecond
)

// lines reads commands from the terminal or a pipe, one a line.
func (c *client) lines() int {
	if isTerminal(c.t.In) {
		return c.prompt()
	}
	if err := c.s.ready(); err != nil { // said once more with each command
		fmt.Fprintln(c.t.Err, ended(err))
	}
	in := &lineReader{in: bufio.NewReaderSize(c.t.In, lineBuffer)}
	for {
		line, ok := in.next()
		if !ok {
			break
		}
		if window := c.window(line, in); len(window) > 0 {
			c.pipeline(window)
		} else if c.line(line) {
			break
		}
		if !in.more() {
			c.out.Flush()
		}
	}
	if in.err != nil && !errors.Is(in.err, io.EOF) {
		return c.status(fmt.Errorf("read standard input: %w", in.err))
	}
	return c.status(nil)
}

// line carries out one line; true means that it was the last.
func (c *client) line(line string) (last bool) {
	words, err := splitLine(line)
	if err != nil {
		fmt.Fprintln(c.out, err)
		return false
	}
	if len(words) == 0 {
		return false
	}
	times := int64(1)
	if n, err := strconv.ParseInt(words[0], 10, 64); err == nil && len(words) > 1 {
		if n <= 0 {
			fmt.Fprintln(c.out, "Invalid redis-cli repeat command option value.")
			return false
		}
		times, words = n, words[1:]
	}
	switch name := localName(words); {
	case name == "quit", name == "exit":
		return true
	case strings.HasPrefix(name, ":"):
		c.prefer(words)
	case name == "restart":
		fmt.Fprintln(c.out, "Use 'restart' only in Lua debugging mode.")
	case name == "clear":
		fmt.Fprint(c.out, "\x1b[H\x1b[2J")
	case name == "connect" && len(words) == 3:
		c.connectTo(words[1], words[2])
	default:
		c.repeated(words, times)
	}
	return false
}

// repeated carries out a command some times and says how long that took.
func (c *client) repeated(words []string, times int64) {
	began := time.Now()
	for range times {
		errorExit := c.o.errorExit
		c.o.errorExit = false // for the command line's own command
		err := c.command(words)
		c.o.errorExit = errorExit
		if err != nil {
			c.out.Flush()
			fmt.Fprintln(c.t.Err, err)
			return
		}
		if times > 1 {
			c.out.Flush()
			time.Sleep(c.o.interval)
		}
	}
	c.took(time.Since(began))
}

func (c *client) took(d time.Duration) {
	if d >= slow && c.o.style == styleTyped {
		fmt.Fprintf(c.out, "(%.2fs)\n", d.Seconds())
	}
}

// connectTo goes to another server, as redis-cli's CONNECT does.
func (c *client) connectTo(host, port string) {
	c.s.close()
	c.s.known, c.s.addr, c.s.o.socket = nil, address(host, port), ""
	if err := c.s.ready(); err != nil {
		c.out.Flush()
		fmt.Fprintln(c.t.Err, ended(err))
	}
}

// splitLine splits what a person typed into arguments.
func splitLine(line string) ([]string, error) {
	split, err := resp.SplitWords([]byte(line))
	if err != nil {
		//lint:ignore ST1005 what redis-cli prints
		return nil, errors.New("Invalid argument(s)")
	}
	words := make([]string, len(split))
	for i, w := range split {
		words[i] = string(w)
	}
	return words, nil
}

// A lineReader reads lines, and knows whether another one has come whole.
type lineReader struct {
	in  *bufio.Reader
	err error
}

// next waits for a line and returns it without its end. The last one may lack
// an end.
func (l *lineReader) next() (line string, ok bool) {
	var all []byte
	for l.err == nil {
		part, err := l.in.ReadSlice('\n')
		all = append(all, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(all) < maxLine:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			err = fmt.Errorf("a line is longer than %d bytes", maxLine)
		case err == nil:
			return string(all[:len(all)-1]), true
		}
		l.err = err
	}
	return string(all), len(all) > 0 && errors.Is(l.err, io.EOF)
}

// more reports whether the next line is there already.
func (l *lineReader) more() bool {
	b, _ := l.in.Peek(l.in.Buffered())
	return bytes.IndexByte(b, '\n') >= 0
}

// peek returns the next line if it is there already, without taking it.
func (l *lineReader) peek() (line string, ok bool) {
	b, _ := l.in.Peek(l.in.Buffered())
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return "", false
	}
	return string(b[:n]), true
}

// window collects the commands that may be sent together, beginning with line;
// nil if line is none of them. It takes from the pipe only lines that have
// come.
func (c *client) window(line string, in *lineReader) (window [][]string) {
	size := 0
	for {
		words, err := splitLine(line)
		if err != nil || len(words) == 0 || !c.s.ahead(words) {
			return window
		}
		if len(window) > 0 {
			_, _ = in.next() // the line that was looked at
		}
		window = append(window, words)
		size += len(line)
		if len(window) == windowCommands || size >= windowBytes {
			return window
		}
		var more bool
		if line, more = in.peek(); !more {
			return window
		}
	}
}

// arguments are a command line's words with what -x, -X and --quoted-input
// make of them.
func (c *client) arguments(words []string) ([]string, error) {
	if c.o.quotedInput {
		plain := make([]string, len(words))
		for i, w := range words {
			var err error
			if plain[i], err = unquote(w); err != nil {
				fmt.Fprintln(c.out, err) // there, as redis-cli does
				return nil, errSilent
			}
		}
		words = plain
	}
	if !c.o.lastFromStdin && c.o.stdinTag == "" {
		return words, nil
	}
	text, err := io.ReadAll(c.t.In)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if c.o.lastFromStdin {
		return append(words, string(text)), nil
	}
	for i, w := range words {
		if w == c.o.stdinTag {
			words[i] = string(text)
			return words, nil
		}
	}
	//lint:ignore ST1005 what redis-cli prints
	return nil, errors.New("Using -X option but stdin tag not match.")
}

// evalWords are the EVAL command for a script file; a comma separates keys from
// arguments.
func evalWords(file string, args []string) ([]string, error) {
	script, err := os.ReadFile(file)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		//lint:ignore ST1005 what redis-cli prints
		return nil, fmt.Errorf("Can't open file '%s': %s", file, reason(err))
	}
	keys := 0
	words := []string{"EVAL", string(script), ""}
	for i, a := range args {
		if a == "," {
			words = append(words, args[i+1:]...)
			break
		}
		words = append(words, a)
		keys++
	}
	words[2] = strconv.Itoa(keys)
	return words, nil
}
