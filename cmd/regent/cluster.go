package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// `regent cluster`: real processes on one machine, to watch an election and
// to kill leaders. Each child is `regent --port … --peers …` with a directory
// and a log file of its own; a child that ends is started again after a while.
//
//	parent ──► child 7001 ─┐
//	       ──► child 7002 ─┼── elect among themselves; the parent only asks
//	       ──► child 7003 ─┘   them which one leads (INFO), as any client could

const (
	// maxNodes bounds how many servers one command starts.
	maxNodes = 16
	// showEvery is how often the table may be printed.
	showEvery = 200 * time.Millisecond
	// stopTimeout is how long children have for an orderly end.
	stopTimeout = 10 * time.Second
)

// clusterOptions are the flags of `regent cluster`.
type clusterOptions struct {
	nodes int
	port  int
	// plain and sentinel are the ports of the first server's other faces, 0: it has none.
	plain, sentinel int
	dir             string
	restart         time.Duration
	pass            []string // directives for every child, after "--"
}

func (t tool) cluster() int {
	o, err := parseClusterFlags(t)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return t.fail(err)
	}
	s, err := newSupervisor(t, o)
	if err != nil {
		return t.fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		return t.fail(err)
	}
	return exitOK
}

func parseClusterFlags(t tool) (clusterOptions, error) {
	var o clusterOptions
	fs := flag.NewFlagSet("regent cluster", flag.ContinueOnError)
	fs.SetOutput(t.err)
	fs.IntVar(&o.nodes, "nodes", 3, "how many servers to start")
	fs.IntVar(&o.port, "port", 7001, "port of the first server; the others have the ports after it")
	fs.IntVar(&o.plain, "plain-port", derived, "port of the first server for clients that know nothing of clusters (0: none; else 100 after --port)")
	fs.IntVar(&o.sentinel, "sentinel-port", derived, "port of the first server for clients of Sentinel (0: none; else 200 after --port)")
	fs.StringVar(&o.dir, "dir", "./data", "directory below which each server gets one of its own")
	fs.DurationVar(&o.restart, "restart", 5*time.Second, "start a killed server again after this time (0: never)")
	if err := fs.Parse(t.args); err != nil {
		return o, err
	}
	o.pass = fs.Args()
	o.derive()
	switch {
	case o.nodes < 1 || o.nodes > maxNodes:
		return o, fmt.Errorf("--nodes %d: between 1 and %d", o.nodes, maxNodes)
	case o.port < 1 || o.port+o.nodes > 65536:
		return o, fmt.Errorf("--port %d: the servers need ports up to 65535", o.port)
	case max(o.plain, o.sentinel)+o.nodes > 65536 || min(o.plain, o.sentinel) < 0:
		return o, fmt.Errorf("--plain-port %d, --sentinel-port %d: the servers need ports up to 65535", o.plain, o.sentinel)
	case o.restart < 0:
		return o, fmt.Errorf("--restart %s: not below 0", o.restart)
	case len(o.pass) > 0 && !strings.HasPrefix(o.pass[0], "--"):
		return o, fmt.Errorf("%q: what follows the flags must be directives, after --", o.pass[0])
	}
	return o, nil
}

// Ports of the other faces when nobody has said any: so far after --port.
const (
	derived       = -1
	plainAfter    = 100
	sentinelAfter = 200
)

// derive chooses the ports that were not said. One server alone shows clients that know
// nothing of clusters all they need at its port.
func (o *clusterOptions) derive() {
	for _, face := range []struct {
		port  *int
		after int
	}{{&o.plain, plainAfter}, {&o.sentinel, sentinelAfter}} {
		switch {
		case *face.port != derived:
		case o.nodes > 1 && o.port+face.after+o.nodes <= 65536:
			*face.port = o.port + face.after
		default:
			*face.port = 0
		}
	}
}

// faces are the arguments that open the other faces of the i-th server.
func (o *clusterOptions) faces(i int) (args []string) {
	if o.plain != 0 {
		args = append(args, "--plain-port", strconv.Itoa(o.plain+i))
	}
	if o.sentinel != 0 {
		args = append(args, "--sentinel-port", strconv.Itoa(o.sentinel+i))
	}
	return args
}

// A supervisor owns the children and the table on the screen.
type supervisor struct {
	tool     tool
	o        clusterOptions
	children []*child
	events   chan event // a child ended
	shown    string     // the table as it was last printed
	led      bool       // a leader was seen: the hints were printed
	reports  chan report
	reign    reign
}

// An event is the end of a child's process.
type event struct {
	child *child
	err   error
	ran   time.Duration
}

func newSupervisor(t tool, o clusterOptions) (*supervisor, error) {
	s := &supervisor{tool: t, o: o, events: make(chan event, maxNodes), reports: make(chan report)}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own binary: %w", err)
	}
	var peers []string
	for i := range o.nodes {
		peers = append(peers, net.JoinHostPort("127.0.0.1", strconv.Itoa(o.port+i)))
	}
	for i := range o.nodes {
		c := &child{port: o.port + i, binary: self, dir: filepath.Join(o.dir, strconv.Itoa(o.port+i))}
		c.args = []string{
			"--port", strconv.Itoa(c.port), "--bind", "127.0.0.1", "--dir", c.dir,
			"--logfile", childLog,
		}
		if o.nodes > 1 {
			c.args = append(c.args, "--peers", strings.Join(peers, ","))
		}
		c.args = append(append(c.args, o.faces(i)...), o.pass...)
		s.children = append(s.children, c)
	}
	return s, s.checkPorts()
}

// checkPorts finds out before anything is started that a port is taken.
func (s *supervisor) checkPorts() error {
	for _, c := range s.children {
		l, err := net.Listen("tcp4", c.addr())
		if err != nil {
			return fmt.Errorf("port %d is taken (another cluster running? choose --port): %w", c.port, err)
		}
		l.Close()
	}
	return nil
}

// run starts the children and shows what they do until ctx ends.
func (s *supervisor) run(ctx context.Context) error {
	for _, c := range s.children {
		if err := c.start(s.events); err != nil {
			s.stop()
			return err
		}
	}
	s.say("%d servers started, data and logs in %s. Ctrl-C ends them.", len(s.children), s.o.dir)
	watched, unwatch := context.WithCancel(ctx)
	defer unwatch()
	for _, c := range s.children {
		go watch(watched, c, s.reports)
	}
	tick := time.NewTicker(showEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.say("Stopping.")
			return s.stop()
		case ev := <-s.events:
			if err := s.ended(ev); err != nil {
				s.stop()
				return err
			}
		case r := <-s.reports:
			s.note(r)
		case <-tick.C:
			s.revive()
			s.show()
		}
	}
}

// failedStart is how soon a child that ends by itself must be taken for one
// that cannot start at all.
const failedStart = 2 * time.Second

func (s *supervisor) ended(ev event) error {
	c := ev.child
	c.pid = 0
	c.diedAt = time.Now()
	var exit *exitError
	if errors.As(ev.err, &exit) && exit.code == exitFailed && ev.ran < failedStart {
		return fmt.Errorf("node %d did not start: %s", c.port, c.lastLine())
	}
	c.ended = ev.err.Error()
	s.say("Node %d has ended at %s (%v).%s", c.port, clock(c.diedAt), ev.err, s.promise())
	s.note(report{child: c, at: c.diedAt})
	return nil
}

// note takes what was seen of a child and says what it means for leadership.
func (s *supervisor) note(r report) {
	c := r.child
	ended := ""
	if c.pid == 0 {
		r.seen, ended = sighting{}, c.ended
	}
	c.seen = r.seen
	for _, line := range s.reign.observe(c, r.at, ended, s.children) {
		s.say("%s", line)
	}
}

func (s *supervisor) promise() string {
	if s.o.restart == 0 {
		return ""
	}
	return fmt.Sprintf(" It starts again in %s.", s.o.restart)
}

// revive starts the children again whose time has come.
func (s *supervisor) revive() {
	for _, c := range s.children {
		if c.pid != 0 || s.o.restart == 0 || time.Since(c.diedAt) < s.o.restart {
			continue
		}
		if err := c.start(s.events); err != nil {
			s.say("Node %d: %v", c.port, err)
			c.diedAt = time.Now()
			continue
		}
		s.say("Node %d is started again at %s, process %d.", c.port, clock(time.Now()), c.pid)
	}
}

// stop ends every child in order: SIGTERM, then, for those that hang, SIGKILL.
func (s *supervisor) stop() error {
	running := 0
	for _, c := range s.children {
		if c.pid != 0 {
			running++
			c.signal(syscall.SIGTERM)
		}
	}
	late := time.After(stopTimeout)
	for running > 0 {
		select {
		case ev := <-s.events:
			ev.child.pid = 0
			running--
		case <-late:
			for _, c := range s.children {
				c.signal(syscall.SIGKILL)
			}
			return fmt.Errorf("%d servers did not end within %s and were killed", running, stopTimeout)
		}
	}
	return nil
}

func (s *supervisor) say(format string, args ...any) {
	fmt.Fprintf(s.tool.out, format+"\n", args...)
}
