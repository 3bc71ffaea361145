package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/peterh/liner"

	"regent/engine"
	"regent/resp"
)

// `regent cli` is for people without redis-cli, and for health checks inside
// containers that hold nothing but the binary. It speaks to one server and
// follows the leader: MOVED is followed, an election is waited for, and a
// command whose connection broke is repeated only if it cannot have changed
// anything.

// cliOptions are the flags of `regent cli`, redis-cli's where it has them.
type cliOptions struct {
	host     string
	port     int
	socket   string
	user     string
	password string
	db       int
	resp3    bool
	stay     bool // do not follow MOVED
	format   format
	patience time.Duration
}

// format is how replies are printed.
type format uint8

const (
	formatTyped format = iota // as redis-cli on a terminal
	formatRaw                 // bare values, for scripts
	formatJSON
)

// passwordEnv is where redis-cli looks for a password too.
const passwordEnv = "REDISCLI_AUTH"

func (t tool) cli() int {
	o, words, err := parseCliFlags(t)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return t.fail(err)
	}
	s := newCliSession(o, t.err)
	defer s.close()
	if len(words) > 0 {
		return t.once(s, words)
	}
	if isTerminal(t.in) {
		return t.interactive(s)
	}
	return t.batch(s)
}

func parseCliFlags(t tool) (cliOptions, []string, error) {
	o := cliOptions{password: os.Getenv(passwordEnv)}
	var json, raw, typed bool
	fs := flag.NewFlagSet("regent cli", flag.ContinueOnError)
	fs.SetOutput(t.err)
	fs.StringVar(&o.host, "h", "127.0.0.1", "server's host")
	fs.IntVar(&o.port, "p", 6379, "server's port")
	fs.StringVar(&o.socket, "s", "", "server's unix socket instead of host and port")
	fs.StringVar(&o.user, "user", "", "user name")
	fs.StringVar(&o.password, "a", o.password, "password (or the environment variable "+passwordEnv+")")
	fs.IntVar(&o.db, "n", 0, "database number")
	fs.BoolVar(&o.resp3, "3", false, "speak RESP3")
	fs.Bool("c", true, "follow MOVED; it is the default")
	fs.BoolVar(&o.stay, "stay", false, "do not follow MOVED")
	fs.BoolVar(&json, "json", false, "print JSON")
	fs.BoolVar(&raw, "raw", false, "print bare values, the default when the output is not a terminal")
	fs.BoolVar(&typed, "no-raw", false, "print values with their types")
	fs.DurationVar(&o.patience, "patience", 15*time.Second, "how long to wait for an election to end")
	if err := fs.Parse(t.args); err != nil {
		return o, nil, err
	}
	out, isFile := t.out.(*os.File)
	switch {
	case json:
		o.format, o.resp3 = formatJSON, true
	case raw, !typed && !(isFile && isTerminal(out)):
		o.format = formatRaw
	}
	return o, fs.Args(), nil
}

func isTerminal(f *os.File) bool {
	fi, err := f.Stat()
	return err == nil && fi.Mode()&os.ModeCharDevice != 0
}

// once sends one command and exits 1 when its reply is an error.
func (t tool) once(s *cliSession, words []string) int {
	reply, err := s.exec(words)
	if err != nil {
		fmt.Fprintln(t.err, err)
		return exitFailed
	}
	fmt.Fprint(t.out, render(reply, s.o.format))
	if reply.IsError() {
		return exitFailed
	}
	return exitOK
}

// batch reads commands line by line from a file or pipe.
func (t tool) batch(s *cliSession) int {
	status := exitOK
	err := eachLine(t.in, func(line string) error {
		words, err := splitLine(line)
		if err != nil {
			return err
		}
		if len(words) > 0 && t.once(s, words) != exitOK {
			status = exitFailed
		}
		return nil
	})
	if err != nil {
		return t.fail(err)
	}
	return status
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

// interactive is the prompt, with history and completion from the command
// table.
func (t tool) interactive(s *cliSession) int {
	l := liner.NewLiner()
	defer l.Close()
	l.SetCtrlCAborts(true)
	l.SetCompleter(completer(engine.NewTable()))
	loadHistory(l)
	defer saveHistory(l)
	for {
		line, err := l.Prompt(s.prompt())
		if err != nil { // Ctrl-C, Ctrl-D
			return exitOK
		}
		words, err := splitLine(line)
		if err != nil {
			fmt.Fprintln(t.out, err)
			continue
		}
		if len(words) == 0 {
			continue
		}
		if !secret(words[0]) {
			l.AppendHistory(line)
		}
		switch strings.ToLower(words[0]) {
		case "exit", "quit":
			return exitOK
		}
		reply, err := s.exec(words)
		if err != nil {
			fmt.Fprintln(t.out, err)
			continue
		}
		fmt.Fprint(t.out, render(reply, s.o.format))
	}
}

// secret reports whether a command carries a password, which the history must
// not keep.
func secret(word string) bool {
	return strings.EqualFold(word, "auth") || strings.EqualFold(word, "hello")
}

func completer(table *engine.Table) liner.Completer {
	return func(line string) (found []string) {
		for _, cmd := range table.Commands() {
			if strings.HasPrefix(cmd.Name, strings.ToLower(line)) {
				found = append(found, strings.ToUpper(cmd.Name))
			}
		}
		return found
	}
}

func historyFile() string {
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		return filepath.Join(u.HomeDir, ".regent_history")
	}
	return ""
}

func loadHistory(l *liner.State) {
	if f, err := os.Open(historyFile()); err == nil {
		defer f.Close()
		_, _ = l.ReadHistory(f) // a history that cannot be read is no history
	}
}

func saveHistory(l *liner.State) {
	f, err := os.OpenFile(historyFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return // no home, no history
	}
	defer f.Close()
	_, _ = l.WriteHistory(f)
}
