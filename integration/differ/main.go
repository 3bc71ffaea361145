package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// quiet drops what go-redis says of servers that are not there yet.
type quiet struct{}

// Printf drops it.
func (quiet) Printf(context.Context, string, ...any) {}

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "differ:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	p := plan{}
	flag.StringVar(&p.regent, "regent", "./bin/regent", "Regent's binary")
	flag.IntVar(&p.nodes, "nodes", 1, "how many nodes of Regent: 1, or 3 for a leader and two followers")
	flag.Uint64Var(&p.seed, "seed", 1, "the first seed")
	flag.IntVar(&p.seeds, "seeds", 1, "how many seeds, one after the other")
	flag.IntVar(&p.commands, "commands", 50_000, "commands for each seed, at least")
	flag.IntVar(&p.failures, "failures", 5, "give up after this many failures of different kinds")
	flag.Parse()
	redis.SetLogger(quiet{})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	total, err := p.carryOut(ctx, out)
	if err != nil {
		return err
	}
	if len(total.failures) > 0 {
		return fmt.Errorf("%d kinds of differences", len(total.failures))
	}
	return nil
}

// A plan is what to run.
type plan struct {
	regent   string
	nodes    int
	seed     uint64
	seeds    int
	commands int
	failures int
}

// A tally is what came of it.
type tally struct {
	commands int
	failures map[string]int // by kind
	cover    *coverage
	cmds     []command
	moved    int // rounds that ended because leadership moved
}

// mostMoves bounds those.
const mostMoves = 200

// stepsPerRound is how many steps are drawn before the keyspace is emptied.
const stepsPerRound = 900

// restartEvery says in which rounds Regent is started again.
const restartEvery = 6

// carryOut runs the plan and reports every failure as a short script.
func (p plan) carryOut(ctx context.Context, out io.Writer) (*tally, error) {
	ns, err := start(ctx, p.regent, p.nodes)
	if err != nil {
		return nil, err
	}
	defer ns.stop()
	both := &pair{ours: side{addr: ns.leader.Addr()}, theirs: side{addr: ns.redis.Addr()}, nodes: ns, judge: newJudge()}
	t := &tally{failures: map[string]int{}, cover: newCoverage()}
	if t.cmds, err = commandsOf(ns); err != nil {
		return nil, err
	}
	for seed := p.seed; seed < p.seed+uint64(p.seeds) && ctx.Err() == nil && len(t.failures) < p.failures; seed++ {
		began := time.Now()
		g := newGenerator(seed, t.cmds)
		g.followed = p.nodes > 1
		both.commands = 0
		for n := 0; both.commands < p.commands && ctx.Err() == nil && len(t.failures) < p.failures; n++ {
			both.cover = t.cover
			steps := g.round(stepsPerRound, n%restartEvery == restartEvery-1)
			epoch := ns.epoch()
			f := both.run(steps)
			if f != nil && ns.allRun() && ns.epoch() != epoch && !restarts(steps[:f.at+1]) {
				f.what = hasMoved
			}
			if f != nil && f.what == hasMoved {
				if t.moved++; t.moved > mostMoves {
					return t, fmt.Errorf("leadership has moved %d times: %s", t.moved, f)
				}
				if err := both.mend(); err != nil {
					return t, err
				}
				continue
			}
			if f != nil {
				if err := t.report(out, both, steps, f, seed); err != nil {
					return t, err
				}
			}
		}
		t.commands += both.commands
		fmt.Fprintf(out, "seed %d: %d commands in %.1f s\n", seed, both.commands, time.Since(began).Seconds())
	}
	fmt.Fprintln(out, t.cover.report(t.cmds))
	fmt.Fprintf(out, "%d commands, %d kinds of differences; leadership has moved in %d rounds\n", t.commands, len(t.failures), t.moved)
	return t, ctx.Err()
}

// restarts reports whether a node is ended and started among the steps.
func restarts(steps []step) bool {
	return slices.ContainsFunc(steps, func(s step) bool { return s.args[0] == doRestart })
}

// commandsOf asks redis-server for its commands.
func commandsOf(ns *nodes) ([]command, error) {
	l, err := dial(ns.redis.Addr())
	if err != nil {
		return nil, err
	}
	defer l.close()
	v, err := l.do("COMMAND", "DOCS")
	if err != nil {
		return nil, err
	}
	return readDocs(v), nil
}

// report shrinks a failure that is the first of its kind, and shows it.
func (t *tally) report(out io.Writer, both *pair, steps []step, f *failure, seed uint64) error {
	kind := f.kind()
	if t.failures[kind]++; t.failures[kind] > 1 {
		return both.mend()
	}
	fmt.Fprintf(out, "seed %d: %s\n", seed, f)
	if err := both.mend(); err != nil {
		return err
	}
	both.cover = nil
	commands := both.commands
	defer func() { both.commands = commands }()
	steps = slices.Clone(steps[:min(f.at+1, len(steps))])
	var last *failure
	sh := shrinker{kind: kind, try: func(steps []step) *failure {
		f := both.run(steps)
		if f != nil {
			if f.kind() == kind {
				last = f
			}
			if err := both.mend(); err != nil {
				fmt.Fprintln(out, "differ:", err)
			}
		}
		return f
	}}
	if !sh.fails(steps) {
		fmt.Fprintf(out, "  and not again: what came before it in this process counts, or time\n")
		return nil
	}
	short := sh.shrink(steps)
	fmt.Fprintf(out, "shrunk in %d trials:\n", sh.trials)
	for _, s := range short {
		fmt.Fprintf(out, "    %s\n", s)
	}
	fmt.Fprintf(out, "  %s\n", last)
	return nil
}

// mend makes the servers answer again after a failure.
func (p *pair) mend() error {
	if err := p.nodes.revive(); err != nil {
		return err
	}
	p.ours.addr = p.nodes.leader.Addr()
	return nil
}
