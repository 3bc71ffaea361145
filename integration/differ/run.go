package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A failure is a difference that is not in the list, or a server that does not answer.
type failure struct {
	at        int // which step
	what      string
	got, want string
}

// kind tells failures apart that shrinking must not take for one another.
func (f *failure) kind() string { return f.what }

// String shows both replies.
func (f *failure) String() string {
	return fmt.Sprintf("step %d, %s\n  got  %s\n  want %s", f.at, f.what, f.got, f.want)
}

// A side is a server with its connections.
type side struct {
	addr  string
	links [linkCount + 1]*link // the last for what is no step
}

func (s *side) connect() (err error) {
	s.close()
	for i := range s.links {
		if s.links[i], err = dial(s.addr); err != nil {
			return err
		}
	}
	return nil
}

// look is the connection for what is no step.
func (s *side) look() *link { return s.links[onLook] }

func (s *side) close() {
	for _, l := range s.links {
		if l != nil {
			l.close()
		}
	}
}

// A pair is Regent and redis-server, side by side.
type pair struct {
	ours, theirs side
	nodes        *nodes
	judge        *judge
	cover        *coverage // nil while a run is shrunk
	commands     int

	queues   [linkCount][][]string // what waits for EXEC, nil: there is no transaction
	settings map[string]string     // what CONFIG SET has said
	loose    bool                  // encodings may differ: Regent has loaded its log
	batch    []pending
}

// A pending is a command that has not been sent yet.
type pending struct {
	at int
	s  *step
}

const longestBatch = 50 // commands

// reset begins anew with an empty keyspace.
func (p *pair) reset() error {
	for _, s := range []*side{&p.ours, &p.theirs} {
		if err := s.connect(); err != nil {
			return err
		}
		for name, val := range defaults() {
			if v, err := s.look().do("CONFIG", "SET", name, val); err != nil || v.failed() {
				return fmt.Errorf("CONFIG SET %s %s: %v %w", name, val, v, err)
			}
		}
		if v, err := s.look().do("FLUSHALL"); err != nil || v.failed() {
			return fmt.Errorf("FLUSHALL: %v %w", v, err)
		}
	}
	p.queues, p.settings, p.loose, p.batch = [linkCount][][]string{}, map[string]string{}, false, nil
	return nil
}

// defaults are the thresholds as they are without configuration.
func defaults() map[string]string {
	return map[string]string{
		"hash-max-listpack-entries": "512", "hash-max-listpack-value": "64", "list-max-listpack-size": "-2",
		"list-compress-depth": "0", "set-max-intset-entries": "512", "zset-max-listpack-entries": "128",
		"zset-max-listpack-value": "64", "hll-sparse-max-bytes": "3000", "stream-node-max-bytes": "4096", "stream-node-max-entries": "100",
	}
}

// run carries the steps out on both sides, on an empty keyspace.
func (p *pair) run(steps []step) *failure {
	if err := p.reset(); err != nil {
		return p.broken(0, err)
	}
	for i := range steps {
		s := &steps[i]
		if p.plain(s) {
			if len(p.batch) > 0 && (p.batch[0].s.on != s.on || len(p.batch) >= longestBatch) {
				if f := p.flush(); f != nil {
					return f
				}
			}
			p.note(s)
			p.batch = append(p.batch, pending{i, s})
			continue
		}
		if f := p.flush(); f != nil {
			return f
		}
		if f := p.special(s); f != nil {
			f.at = i
			return f
		}
	}
	return p.flush()
}

// note follows transactions as they are asked for.
func (p *pair) note(s *step) {
	if len(s.args) > 1 {
		return
	}
	switch q := &p.queues[s.on]; strings.ToLower(s.args[0]) {
	case "multi":
		if *q == nil {
			*q = [][]string{}
		}
	}
}

// plain reports whether a step is just sent to both.
func (p *pair) plain(s *step) bool {
	if s.args[0][0] == '~' || slices.ContainsFunc(s.args, func(a string) bool { return strings.HasPrefix(a, dumpOf) }) {
		return false
	}
	if passedOver(s.args) {
		return false
	}
	name := strings.ToLower(s.args[0])
	if p.queues[s.on] != nil {
		return name != "exec" && name != "discard" && name != "reset"
	}
	switch name {
	case "spop", "srandmember", "hrandfield", "zrandmember", "randomkey", "scan", "sscan", "hscan", "zscan", "dbsize", "config":
		return false
	case "xadd":
		return clockID(s.args) == 0
	}
	return !blocks(s.args)
}

// flush sends what is pending to both and compares the replies.
func (p *pair) flush() *failure {
	batch := p.batch
	p.batch = nil
	if len(batch) == 0 {
		return nil
	}
	cmds := make([][]string, len(batch))
	for i, b := range batch {
		cmds[i] = b.s.args
	}
	on := batch[0].s.on
	for _, s := range []*side{&p.ours, &p.theirs} {
		if err := s.links[on].send(cmds...); err != nil {
			return p.broken(batch[0].at, err)
		}
	}
	for _, b := range batch {
		got, want, f := p.read(on)
		if f == nil {
			f = p.compare(b.s, got, want)
		}
		if f != nil {
			f.at = b.at
			return f
		}
	}
	return nil
}

func (p *pair) broken(at int, err error) *failure {
	what := "a connection ends"
	if len(p.nodes.cluster.Nodes) > 1 && p.nodes.allRun() { // who is deposed hangs up
		what = hasMoved
	}
	return &failure{at: at, what: what, got: err.Error() + "\n" + p.nodes.trouble()}
}

func (p *pair) orBroken(err error) *failure {
	if err == nil {
		return nil
	}
	return p.broken(0, err)
}

// read reads a reply from both.
func (p *pair) read(on int) (got, want value, f *failure) {
	got, err := p.ours.links[on].read()
	if err != nil {
		return got, want, p.broken(0, err)
	}
	if want, err = p.theirs.links[on].read(); err != nil {
		return got, want, p.broken(0, fmt.Errorf("redis-server: %w", err))
	}
	return got, want, nil
}

// compare compares the replies to a step.
func (p *pair) compare(s *step, got, want value) *failure {
	p.commands++
	if p.cover != nil {
		p.cover.note(s, want.failed())
	}
	if want.kind == '+' && want.text == "QUEUED" && same(got, want) {
		p.queues[s.on] = append(p.queues[s.on], s.args)
		return nil
	}
	if p.judge.agree(s.args, got, want, p.loose) {
		return nil
	}
	if p.nodes.moved(got) {
		return &failure{what: hasMoved, got: show(got), want: show(want)}
	}
	return differ(s.args, got, want)
}

// hasMoved is what happens when another node comes to lead: no difference, and the round
// is over.
const hasMoved = "leadership has moved"

func differ(args []string, got, want value) *failure {
	return &failure{what: nameOf(args), got: show(got), want: show(want)}
}

// both sends one command to both.
func (p *pair) both(on int, args []string) (got, want value, f *failure) {
	for _, s := range []*side{&p.ours, &p.theirs} {
		if err := s.links[on].send(args); err != nil {
			return got, want, p.broken(0, err)
		}
	}
	return p.read(on)
}

// special carries out what is more than a command and its reply, unless it cannot be
// compared.
func (p *pair) special(s *step) *failure {
	if passedOver(s.args) {
		if over, err := p.passOver(s); over || err != nil {
			return p.orBroken(err)
		}
	}
	return p.carryOut(s)
}

// carryOut carries out what is more than a command and its reply.
func (p *pair) carryOut(s *step) *failure {
	name := strings.ToLower(s.args[0])
	switch name {
	case doCompare:
		return p.compareAll()
	case doRestart:
		return p.restart()
	case doWait:
		return p.wait(s)
	case "exec", "discard", "reset":
		return p.exec(s)
	case "config":
		if len(s.args) == 4 {
			p.settings[s.args[2]] = s.args[3]
		}
	case "dbsize":
		return p.settledSame(s.on, s.args)
	case "spop", "srandmember", "hrandfield", "zrandmember", "randomkey":
		return p.random(s)
	case "scan", "sscan", "hscan", "zscan":
		return p.scan(s)
	case "xadd":
		return p.addNow(s)
	}
	if distances(s.args) {
		return p.storeDistances(s)
	}
	if blocks(s.args) && p.queues[s.on] == nil {
		return p.block(s)
	}
	args, err := p.withDump(s.args)
	if err != nil {
		return p.broken(0, err)
	}
	got, want, f := p.both(s.on, args)
	if f != nil {
		return f
	}
	filled := *s
	filled.args = args
	return p.compare(&filled, got, want)
}

// withDump puts redis-server's DUMP where a step asks for it.
func (p *pair) withDump(args []string) ([]string, error) {
	args = slices.Clone(args)
	for i, a := range args {
		if key, ok := strings.CutPrefix(a, dumpOf); ok {
			v, err := p.theirs.look().do("DUMP", key)
			if err != nil {
				return nil, err
			}
			args[i] = v.text
		}
	}
	return args, nil
}

// exec ends a transaction and compares the replies of its commands, each by its own rule.
func (p *pair) exec(s *step) *failure {
	got, want, f := p.both(s.on, s.args)
	if f != nil {
		return f
	}
	queue := p.queues[s.on]
	if len(s.args) == 1 {
		p.queues[s.on] = nil
	}
	p.commands++
	if p.cover != nil {
		p.cover.note(s, want.failed())
	}
	if same(got, want) {
		return nil
	}
	if len(got.elems) != len(queue) || len(want.elems) != len(queue) || got.kind != want.kind {
		return differ(s.args, got, want)
	}
	for i, args := range queue {
		if !p.judge.agree(args, got.elems[i], want.elems[i], p.loose) {
			return differ(args, got.elems[i], want.elems[i])
		}
	}
	return nil
}

// wait gives keys a short life and waits until it is over on both sides.
func (p *pair) wait(s *step) *failure {
	if p.queues[onMain] != nil {
		return nil
	}
	for _, args := range s.then {
		got, want, f := p.both(onMain, args)
		if f != nil {
			return f
		}
		if !p.judge.agree(args, got, want, p.loose) {
			return differ(args, got, want)
		}
	}
	const longestLife = 5 * time.Millisecond // of what shortLives draws
	time.Sleep(longestLife + 3*time.Millisecond)
	return nil
}
