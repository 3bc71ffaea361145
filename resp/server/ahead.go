package server

import (
	"regent/engine"
	"regent/engine/units"
)

// Looking ahead. What a pipeline sends is parsed some commands before their turn,
// so that the engine can fetch what they need while it is busy with others
// (engine/foresee.go). Nothing is decided ahead: a command counts as read when
// its turn comes, and if that does not come in this batch, because one before it
// parks or ends the client, it is parsed again.

const (
	// maxAhead is how many commands are parsed at once.
	maxAhead = 16
	// maxAheadArgs is after how many arguments no further command is parsed.
	maxAheadArgs = 256
	// manyArgs is how many arguments one command has whose keys are fetched although none
	// is behind it: while it looks at the first, the others are on their way.
	manyArgs = 8
)

// An ahead holds the commands that are parsed and not carried out.
type ahead struct {
	cmds      [maxAhead]parsed
	next, n   int
	seen      int      // up to here keys were fetched; unseen: they are not
	args      [][]byte // memory of their arguments
	big       bool     // they hold the memory of a big frame
	foresight engine.Foresight
}

// unseen is the seen of commands whose keys are not fetched.
const unseen = -1

// A parsed command is a frame of n bytes, and either its arguments, none for
// one that does nothing, or what to tell a client that sent no command.
type parsed struct {
	args    [][]byte
	n       int
	refusal string
}

// empty reports whether the next command has to be parsed first.
func (a *ahead) empty() bool { return a.next == a.n }

// pop returns the next command.
func (a *ahead) pop() *parsed {
	a.next++
	return &a.cmds[a.next-1]
}

// look parses the whole commands at the beginning of p, one at least if it is
// there, and reports whether there is any.
func (a *ahead) look(c *client, p []byte) bool {
	lim := limits{bulk: min(c.srv.cfg.ProtoMaxBulkLen.Get(), units.MaxBulk), stranger: !c.sess.Authenticated || c.guest != nil}
	most := maxAhead
	if lim.stranger {
		most = 1 // AUTH changes the limits
	}
	a.forget()
	for used := 0; a.n < most && len(a.args) < maxAheadArgs; {
		cmd := &a.cmds[a.n]
		if *cmd = a.parse(c, p[used:], lim); cmd.n == 0 && cmd.refusal == "" {
			break
		}
		a.n++
		if cmd.refusal != "" {
			break
		}
		used += cmd.n
	}
	a.seen = unseen
	if (a.n > 1 || len(a.args) >= manyArgs) && c.srv.engine.ForesightPays() {
		a.seen = 0
	}
	return a.n > 0
}

// parse parses one command; n is 0 without a refusal when it is not whole.
func (a *ahead) parse(c *client, p []byte, lim limits) (cmd parsed) {
	free := a.free()
	if cmd.n, cmd.args = c.guard.quick(p, lim, free); cmd.n > 0 {
		a.args = a.args[:len(a.args)+len(cmd.args)]
		return cmd
	}
	if cmd.n, cmd.refusal = c.guard.next(p, lim); cmd.n == 0 {
		return cmd
	}
	cmd.args, cmd.refusal = c.guard.split(p[:cmd.n], free)
	switch n := len(cmd.args); {
	case n == 0:
	case n <= cap(free):
		a.args = a.args[:len(a.args)+n]
	case cap(a.args) < maxArgsKept: // it was too small for them: the next find more
		a.args = make([][]byte, 0, min(max(2*cap(a.args), maxAhead*n), maxArgsKept))
	}
	a.big = a.big || cmd.n >= bigFrame
	return cmd
}

// free is memory for the next command's arguments. Those before keep theirs
// when it has to grow.
func (a *ahead) free() [][]byte {
	const few = 4
	if size := cap(a.args); size-len(a.args) < few && size < maxArgsKept {
		a.args = make([][]byte, 0, max(2*size, maxAhead*few))
	}
	return a.args[len(a.args):]
}

// foresee fetches the keys of the next commands, when it is the turn of one whose keys were
// not.
func (a *ahead) foresee(c *client) {
	if a.next != a.seen {
		return
	}
	e := c.srv.engine
	a.group(func(args [][]byte) bool { return e.Foresee(&a.foresight, c.sess, args) })
	e.Fetch(&a.foresight, c.sess)
}

// group shows the next commands to foresee, as long as that has room for another one.
func (a *ahead) group(foresee func(args [][]byte) (more bool)) {
	for more := true; more && a.seen < a.n; a.seen++ {
		if args := a.cmds[a.seen].args; len(args) > 0 {
			more = foresee(args)
		}
	}
}

// forget drops what was parsed.
func (a *ahead) forget() {
	if a.big {
		clear(a.args) // they would hold the frame's memory
		a.big = false
	}
	a.args = a.args[:0]
	a.next, a.n = 0, 0
}
