package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/chzyer/readline"

	"regent/aof/disk"
)

const (
	// historyEnv names the history's file, as for redis-cli.
	historyEnv = "REDISCLI_HISTFILE"
	// historyLines bounds the history, and maxHistory its file, in bytes.
	historyLines = 1000
	maxHistory   = 64 << 20
	// knownLines is how many lines the library may find: of more it would write the last ones
	// to a file that everybody may read. There are never so many, see shorten.
	knownLines = 2 * historyLines
)

// prompt reads commands from a terminal, with history, completion and hints
// from the command table.
func (c *client) prompt() int {
	if err := c.s.ready(); err != nil { // each command tries again
		fmt.Fprintln(c.t.Err, ended(err))
	}
	history := c.historyFile()
	rl, err := readline.NewEx(c.reading(history))
	if err != nil {
		return c.status(fmt.Errorf("terminal: %w", err))
	}
	defer rl.Close()
	for {
		c.out.Flush()
		rl.SetPrompt(c.s.prompt())
		line, err := rl.Readline()
		if err != nil { // Ctrl-C, Ctrl-D
			return c.status(nil)
		}
		if words, err := splitLine(line); err != nil || len(words) > 0 && !c.s.secret(words) {
			_ = rl.SaveHistory(line) // without a home there is no history
		}
		if c.line(line) {
			return c.status(nil)
		}
	}
}

// reading is how lines are read, with a history in a file; "": in none.
func (c *client) reading(history string) *readline.Config {
	return &readline.Config{
		Prompt: c.s.prompt(), HistoryFile: history, HistoryLimit: knownLines, DisableAutoSaveHistory: true,
		HistorySearchFold: true, AutoComplete: completer{c}, Painter: painter{c}, InterruptPrompt: "\n", EOFPrompt: "\n",
	}
}

// prompt says which server gets the next command.
func (s *session) prompt() string {
	where := s.addr
	if s.o.socket != "" {
		where = "redis " + s.o.socket
	}
	if s.conn == nil {
		return "not connected> "
	}
	if s.set.db != 0 {
		where += fmt.Sprintf("[%d]", s.set.db)
	}
	if s.multi != nil {
		where += "(TX)"
	}
	return where + "> "
}

// historyFile is where lines are kept, for the user alone; "" for nowhere.
func (c *client) historyFile() string {
	path := c.t.Getenv(historyEnv)
	if path == os.DevNull {
		return ""
	}
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		path = filepath.Join(home, ".regent_history")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return ""
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil {
		return ""
	}
	if err := shorten(path); err != nil {
		return ""
	}
	return path
}

// shorten takes the oldest lines of a history away that has more than historyLines.
func shorten(path string) error {
	text, err := disk.Read(disk.OS{}, path, maxHistory)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if from := len(lines) - 1 - historyLines; from > 0 { // behind the last line's end there is nothing
		return disk.ReplaceBytes(disk.OS{}, path, bytes.Join(lines[from:], nil))
	}
	return nil
}

// askPassword reads the password from the terminal without showing it.
func askPassword(t Tool) (string, error) {
	rl, err := readline.NewEx(&readline.Config{Stdout: t.Err})
	if err != nil {
		return "", fmt.Errorf("terminal: %w", err)
	}
	defer rl.Close()
	text, err := rl.ReadPassword("Please input password: ")
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}

// completer gives readline what a line may become.
type completer struct{ c *client }

func (f completer) Do(line []rune, pos int) (rest [][]rune, shared int) {
	typed := string(line[:pos])
	for _, whole := range f.c.completions(typed) {
		rest = append(rest, []rune(whole[len(typed):]+" "))
	}
	return rest, len([]rune(typed))
}

// painter shows the hint behind the cursor, and puts the cursor back.
type painter struct{ c *client }

func (p painter) Paint(line []rune, _ int) []rune {
	text := string(line)
	if strings.HasSuffix(text, "\n") { // entered: it stands as it was typed
		return line
	}
	hint := p.c.hint(text)
	room := readline.GetScreenWidth() - len([]rune(p.c.s.prompt())) - len(line) - 1
	if hint == "" || room <= 0 {
		return line
	}
	if len(hint) > room {
		hint = hint[:room]
	}
	painted := append([]rune{}, line...)
	return append(painted, []rune("\x1b7\x1b[90m"+hint+"\x1b[0m\x1b8")...)
}

// address takes an IPv6 host with brackets or without.
func address(host, port string) string { return net.JoinHostPort(strings.Trim(host, "[]"), port) }
