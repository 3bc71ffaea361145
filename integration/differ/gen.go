package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A step is one command on one connection, or something that is done between commands:
// its first word begins with a tilde then.
type step struct {
	on      int // which connection: main, other or waiter
	args    []string
	then    [][]string // with a command that may block: what happens meanwhile; with ~wait: what has a short life
	name    string     // of the command, for the coverage; "" of what is not counted
	options []string
}

// What the connections are for.
const (
	onMain   = iota // most commands
	onOther         // some, so that WATCH has something to see
	onWaiter        // commands that may block
	linkCount

	onLook = linkCount // what is no step
)

// Things that are done between commands.
const (
	doWait    = "~wait"    // until what has a short life is over
	doCompare = "~compare" // the whole keyspaces
	doRestart = "~restart" // Regent, which loads its log
)

// A generator draws steps.
type generator struct {
	rnd     *rand.Rand
	cmds    []command
	weights []int // their running sum
	multi   int   // commands until EXEC; 0: there is no transaction
	nodes   bool  // list-max-listpack-size is not its default
	// followed: there are followers, which carry commands out under their own thresholds.
	// steady: so does Regent in this round, when it loads its log. What changes a value
	// itself, and not just its form, is left alone.
	followed, steady bool
}

func newGenerator(seed uint64, cmds []command) *generator {
	g := &generator{rnd: rand.New(rand.NewPCG(seed, 0)), cmds: cmds}
	sum := 0
	for i := range cmds {
		sum += weightOf(&cmds[i])
		g.weights = append(g.weights, sum)
	}
	return g
}

// weightOf is how often a command is drawn, in tenths.
func weightOf(c *command) int {
	switch c.name {
	case "migrate", "pfselftest", "wait", // timing, and other servers: tests of their own
		"multi", "exec", "discard": // transactions are drawn as a whole
		return 0
	case "set", "sadd", "hset", "zadd", "rpush", "lpush", "xadd", "pfadd", "geoadd", "setbit":
		return 60
	case "xgroup|create", "xreadgroup":
		return 30
	}
	return 10
}

// oneIn is true once in n draws.
func (g *generator) oneIn(n int) bool { return g.rnd.IntN(n) == 0 }

func (g *generator) pick(from ...string) string { return from[g.rnd.IntN(len(from))] }

// round draws a round of about n steps on an empty keyspace.
func (g *generator) round(n int, restart bool) (steps []step) {
	const compareEvery = 150
	g.multi = 0
	// redis-server's lists keep the limit that they were made with: no list is there yet.
	size := g.pick("-2", "-2", "-1", "-5", "1", "2", "3", "7")
	g.nodes, g.steady = size != "-2", restart || g.followed
	steps = append(steps, step{args: []string{"CONFIG", "SET", "list-max-listpack-size", size}},
		step{args: []string{"CONFIG", "SET", "list-compress-depth", g.pick("0", "0", "1", "2")}})
	for i := range n {
		steps = append(steps, g.step()...)
		if i%compareEvery == compareEvery-1 && g.multi == 0 {
			steps = append(steps, step{args: []string{doCompare}})
		}
	}
	steps = append(steps, step{args: []string{"DISCARD"}}, step{args: []string{doCompare}})
	if restart {
		steps = append(steps, step{args: []string{doRestart}}, step{args: []string{doCompare}})
		for range n / 4 {
			steps = append(steps, g.step()...)
		}
		steps = append(steps, step{args: []string{"DISCARD"}}, step{args: []string{doCompare}})
	}
	return steps
}

// step draws what comes next.
func (g *generator) step() []step {
	if g.multi > 0 {
		if g.multi--; g.multi == 0 {
			end := g.pick("exec", "exec", "exec", "exec", "discard")
			return []step{{args: []string{end}, name: end}}
		}
		if g.oneIn(8) {
			return []step{g.command(onOther)}
		}
		return []step{g.command(onMain)}
	}
	switch g.rnd.IntN(400) {
	case 0, 1, 2, 3, 4, 5:
		g.multi = 2 + g.rnd.IntN(6)
		return []step{{args: []string{"MULTI"}, name: "multi"}}
	case 6:
		return []step{g.shortLives()}
	case 7, 8:
		return []step{{args: append([]string{"CONFIG", "SET"}, g.threshold()...)}}
	case 9, 10:
		return []step{{on: g.rnd.IntN(linkCount), args: []string{"SELECT", strconv.Itoa(g.rnd.IntN(databases))}}}
	case 11:
		return []step{{on: g.rnd.IntN(2), args: []string{"HELLO", g.pick("2", "3")}}}
	case 12:
		return []step{{args: []string{"SWAPDB", strconv.Itoa(g.rnd.IntN(databases)), strconv.Itoa(g.rnd.IntN(databases))}}}
	case 13, 14:
		return []step{{args: []string{"DBSIZE"}}}
	case 15:
		if g.oneIn(4) {
			return []step{{args: []string{g.pick("FLUSHDB", "FLUSHDB", "FLUSHALL"), g.pick("SYNC", "ASYNC")}}}
		}
	}
	on := onMain
	if g.oneIn(12) {
		on = onOther
	}
	return []step{g.command(on)}
}

// command draws a command.
func (g *generator) command(on int) step {
	at := g.rnd.IntN(g.weights[len(g.weights)-1])
	i := 0
	for g.weights[i] <= at {
		i++
	}
	return g.commandOf(&g.cmds[i], on)
}

func (g *generator) commandOf(c *command, on int) step {
	d := &draw{g: g, cmd: c, want: 1 + g.rnd.IntN(4)}
	for i, w := range c.words {
		if g.oneIn(2) {
			w = strings.ToUpper(w)
		}
		if i == 0 || !g.oneIn(300) {
			d.out = append(d.out, w)
		}
	}
	if own := handwritten()[c.name]; own != nil {
		own(d)
	} else {
		d.all(c.args)
	}
	s := step{on: on, args: d.out, name: c.name, options: d.options}
	if g.oneIn(40) {
		s.args, s.options = g.spoil(s.args, len(c.words)), nil
	}
	if blocks(s.args) && g.multi == 0 {
		s.on = onWaiter
		for range 1 + g.rnd.IntN(3) {
			s.then = append(s.then, g.wakesFor(c, s.args))
		}
	}
	return s
}

// isWord reports whether an argument is an option: as redis-server reads it, that is up to a zero byte.
func isWord(arg, word string) bool {
	arg, _, _ = strings.Cut(arg, "\x00")
	return strings.EqualFold(arg, word)
}

// spoil makes arguments wrong. The first of them are the command's name.
func (g *generator) spoil(args []string, name int) []string {
	args = append([]string(nil), args...)
	at := g.rnd.IntN(len(args))
	switch g.rnd.IntN(6) {
	case 0:
		if at > 0 {
			return append(args[:at], args[at+1:]...)
		}
		return args
	case 1:
		if at > 0 {
			args[at] = g.pick("", "x", "-1", "0", "99999999999999999999", "*", "nan", "1.5")
		}
		return args
	case 2:
		return append(args, g.pick("x", "COUNT", "LIMIT", "GET", "1"))
	case 3: // a C string ends there; of a subcommand's name that depends on redis-server's hash of it
		if at >= name {
			args[at] += g.pick("\x00", "\x00x")
		}
		return args
	case 4:
		if other := g.rnd.IntN(len(args)); at > 0 && other > 0 {
			args[at], args[other] = args[other], args[at]
		}
		return args
	}
	return append(args, args[at])
}

// A draw is the arguments of one command as they come into being.
type draw struct {
	g       *generator
	cmd     *command
	out     []string
	options []string
	want    int    // how likely an option is: one in so many
	num     int    // keys that a number before them has promised, or that stood after STREAMS
	token   string // the last token
}

func (d *draw) put(words ...string) { d.out = append(d.out, words...) }

// all draws the arguments in their order; options sometimes in another.
func (d *draw) all(args []arg) {
	order := make([]int, len(args))
	for i := range order {
		order[i] = i
	}
	first := len(args)
	for first > 0 && args[first-1].optional && args[first-1].token != "" {
		first--
	}
	if d.g.oneIn(4) {
		d.g.rnd.Shuffle(len(args)-first, func(i, j int) { order[first+i], order[first+j] = order[first+j], order[first+i] })
	}
	for _, i := range order {
		d.arg(&args[i], false)
	}
}

// arg draws one argument, with its repetitions.
func (d *draw) arg(a *arg, alternative bool) {
	if a.optional && !d.g.oneIn(d.want+1) {
		return
	}
	if a.optional || alternative {
		d.options = append(d.options, a.label())
	}
	n := 1
	if a.multiple {
		n = 1 + d.g.rnd.IntN(4)
		if (a.kind == "key" || a.name == "weight" || a.name == "id" && strings.HasPrefix(d.cmd.name, "xread")) && d.num > 0 {
			n = d.num
			if d.g.oneIn(60) {
				n++
			}
		} else if a.kind == "key" {
			d.num = n
		}
	}
	for i := range n {
		if a.token != "" && a.token != `""` && (i == 0 || a.eachToken) {
			d.token = a.token
			d.put(a.token)
		}
		d.inner(a)
	}
}

// inner draws what stands for the argument's own value.
func (d *draw) inner(a *arg) {
	switch a.kind {
	case "pure-token":
	case "block":
		d.all(a.args)
	case "oneof":
		d.arg(&a.args[d.g.rnd.IntN(len(a.args))], true)
	case "key":
		d.put(d.key())
	default:
		d.put(d.value(a))
	}
}

// key draws a key for the command.
func (d *draw) key() string {
	if strings.Contains(d.cmd.name, "lex") && !d.g.oneIn(5) {
		return oneScore
	}
	return d.g.key(d.cmd.group)
}

// shortLives is a step that gives a key a short life and waits until it is over.
func (g *generator) shortLives() step {
	s := step{args: []string{doWait}}
	k, ms := g.key(""), strconv.Itoa(1+g.rnd.IntN(5))
	s.then = [][]string{{"PEXPIRE", k, ms}}
	switch g.rnd.IntN(4) {
	case 0:
		s.then = [][]string{{"SET", k, "v", "PX", ms}}
	case 1:
		s.then = [][]string{{"GETEX", k, "PX", ms}}
	}
	return s
}

// threshold is a directive that says when a value changes its encoding, and a value.
func (g *generator) threshold() []string {
	name := g.pick(thresholds()...)
	for g.steady && strings.HasPrefix(name, "zset-") { // the sign of a score of zero is one
		name = g.pick(thresholds()...)
	}
	switch name {
	case "list-max-listpack-size", "list-max-ziplist-size":
		return []string{name, g.pick("-2", "-1", "-5", "1", "2", "3", "7")}
	case "hll-sparse-max-bytes":
		return []string{name, g.pick("0", "20", "100", "3000")}
	case "list-compress-depth":
		return []string{name, g.pick("0", "0", "1", "2")}
	case "stream-node-max-bytes":
		return []string{name, g.pick("0", "60", "200", "4096")}
	case "stream-node-max-entries":
		return []string{name, g.pick("0", "1", "2", "5", "100")}
	}
	return []string{name, g.pick("0", "1", "2", "4", "8", "64", "128", "512")}
}

// thresholds are the directives that say when a value changes its encoding.
func thresholds() []string {
	return []string{
		"hash-max-listpack-entries", "hash-max-ziplist-entries", "hash-max-listpack-value", "hash-max-ziplist-value",
		"set-max-intset-entries",
		"zset-max-listpack-entries", "zset-max-ziplist-entries", "zset-max-listpack-value", "zset-max-ziplist-value",
		"hll-sparse-max-bytes", "stream-node-max-bytes", "stream-node-max-entries",
	}
}

// String is the step as a line of a script (enginetest.RunScripts reads most of them).
func (s step) String() string {
	var b strings.Builder
	if s.on != onMain {
		fmt.Fprintf(&b, "@%s ", []string{"", "other", "waiter"}[s.on])
	}
	b.WriteString(spell(s.args))
	for _, t := range s.then {
		fmt.Fprintf(&b, " ~then %s", spell(t))
	}
	return b.String()
}
