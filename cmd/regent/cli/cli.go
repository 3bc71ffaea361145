package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
)

// A Tool is the process's surroundings.
type Tool struct {
	In       *os.File
	Out, Err io.Writer
	Getenv   func(string) string
	Version  string
}

// Run carries out `regent cli` with these arguments and returns its exit
// status.
func (t Tool) Run(args []string) int {
	o := defaults(t)
	words, err := o.parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(t.Out, usage)
		return exitOK
	case errors.Is(err, errVersion):
		fmt.Fprintf(t.Out, "regent cli %s\n", t.Version)
		return exitOK
	case err != nil:
		fmt.Fprintln(t.Err, err)
		return exitFailed
	}
	if o.askPassword {
		if o.password, err = askPassword(t); err != nil {
			fmt.Fprintln(t.Err, err)
			return exitFailed
		}
	} else if o.password == "" {
		o.password = t.Getenv(passwordEnv)
	}
	out := bufio.NewWriter(t.Out)
	defer out.Flush()
	c := &client{t: t, o: o, out: out, s: newSession(o, out, t.Err)}
	defer c.s.close()
	return c.run(words)
}

// A client is one run of the program.
type client struct {
	t   Tool
	o   options
	out *bufio.Writer
	s   *session

	noHints bool
}

// run picks what was asked for.
func (c *client) run(words []string) int {
	if mode := c.mode(); mode != nil {
		return c.status(mode())
	}
	var err error
	switch {
	case c.o.evalFile != "":
		if words, err = evalWords(c.o.evalFile, words); err != nil {
			return c.status(err)
		}
	case len(words) == 0:
		return c.lines()
	default:
		if words, err = c.arguments(words); err != nil {
			return c.status(err)
		}
	}
	return c.once(words)
}

// mode is the special mode that an option asks for, nil for none.
func (c *client) mode() func() error {
	switch c.o.mode {
	case modeScan:
		return c.scan
	case modeBigKeys:
		return func() error { return c.sample(elementCounts(), "biggest") }
	case modeMemKeys:
		return func() error { return c.sample(memoryUse(c.o.memSamples), "biggest") }
	case modeHotKeys:
		return c.hotKeys
	case modeStat:
		return c.stat
	case modeLatency, modeLatencyHistory:
		return c.latency
	case modePipe:
		return c.pipe
	}
	return nil
}

// errSilent ends the program with status 1; what is to be said was said.
var errSilent = errors.New("failed")

// status reports err, if there is one, and returns the exit status for it.
func (c *client) status(err error) int {
	c.out.Flush()
	if err == nil {
		return exitOK
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(c.t.Err, err)
	}
	return exitFailed
}

// once carries out one command as often as -r says.
func (c *client) once(words []string) int {
	for n := c.o.repeat; n != 0; n-- {
		if err := c.command(words); err != nil {
			return c.status(err)
		}
		c.out.Flush()
		if n != 1 {
			time.Sleep(c.o.interval)
		}
	}
	return exitOK
}

// command carries out one command and prints its reply. An error is one of the
// connection, or with -e the server's own.
func (c *client) command(words []string) error {
	switch what := localName(words); what {
	case "help", "?":
		c.help(words[1:])
		return nil
	case "monitor", "subscribe", "psubscribe", "ssubscribe":
		return c.listen(words)
	case "sync", "psync":
		//lint:ignore ST1005 shown to people
		return errors.New("A replication stream is not shown here: regent backup copies a server's data")
	}
	r, err := c.s.exec(words)
	if errors.Is(err, errServerEnded) {
		return nil
	}
	if err != nil {
		return err
	}
	if c.o.errorExit && r.IsError() {
		return errors.New(string(r.Text))
	}
	_, err = c.out.Write(c.o.print(nil, r, readsAsText(words)))
	return err
}
