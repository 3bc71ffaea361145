package bully

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// The traces under testdata are stories of a few nodes on a perfect clock and
// a network of one millisecond, told by commands and their golden output. Logs
// are lengths here; the simulator looks at their contents.
//
//	nodes 1 2 3 [epoch=E vote=V log=E/O] [takeover=auto] [voters=1,2] [witness=3]
//	                                      a cluster; nothing is random
//	elect 3                               until it leads and all hold its record
//	run 600                               lets ms pass
//	cut 1 2 | heal                        a link, both ways; 1>2: one way
//	crash 3 | start 3                     the process; its disk stays
//	power 3 [log=E/O]                     the power: the log's tail may be gone
//	members 3 voters=1,2 [learners=4]     a leader changes them
//	force 3                               an operator makes it run
//	dead 3 [to=1] [at=ms] [sign]          everyone, or one, gets proof of its death, or a sign
//	wipe 3                                a crash that leaves an empty disk
//	disk 3 bad|good, stop 3
//	handover 3 2 [within=ms] | retire 3 | held 3 | abort 3 | ask 2
//	append 3 100                          at the leader, durable at once
//	log 2 4/80 [60]                       sets a log, and how much of it is durable
//	delay 200                             messages take so many ms more
//	stream 3 2 [upto=O]                   copies the leader's log, acknowledges
//	tell 2 from=1 election pre epoch=4 log=4/80 ...
//	status
//
// Heartbeats and their acknowledgements are shown only after "beats on", events
// only after "events on", and then nothing else.
type trace struct {
	now    time.Duration
	nodes  map[int64]*traced
	order  []int64
	cuts   map[[2]int64]bool
	flight []flying
	beats  bool
	events bool
	delay  time.Duration // of messages beside traceLatency

	takeover bool
	voters   []int64 // nil: all
	witness  []int64
	out      strings.Builder
}

type traced struct {
	n       *Node
	hard    HardState
	pos     Position
	begun   int64 // epoch whose record was appended
	running bool
	last    string
}

type flying struct {
	at time.Duration
	m  Message
}

const (
	traceT       = 500 * time.Millisecond
	traceBeat    = 30 * time.Millisecond
	traceLease   = 120 * time.Millisecond
	traceLatency = time.Millisecond
	traceRecord  = 10 // bytes of an epoch's record
)

func TestTraces(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		w := &trace{nodes: map[int64]*traced{}, cuts: map[[2]int64]bool{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.out.Reset()
			w.command(t, d, append([]string{d.Cmd}, fullArgs(d)...))
			for line := range strings.SplitSeq(d.Input, "\n") {
				if line != "" {
					w.command(t, d, strings.Fields(line))
				}
			}
			if w.out.Len() == 0 {
				return "ok\n"
			}
			return w.out.String()
		})
	})
}

func fullArgs(d *datadriven.TestData) []string {
	var out []string
	for _, a := range d.CmdArgs {
		s := a.Key
		if len(a.Vals) > 0 {
			s += "=" + strings.Join(a.Vals, ",")
		}
		out = append(out, s)
	}
	return out
}

func (w *trace) command(t *testing.T, d *datadriven.TestData, args []string) {
	opts, words := splitArgs(args[1:])
	id := func(i int) int64 {
		k, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		return k
	}
	node := func(i int) *traced { return w.nodes[id(i)] }
	switch args[0] {
	case "nodes":
		*w = trace{nodes: map[int64]*traced{}, cuts: map[[2]int64]bool{}, events: w.events}
		for i := range words {
			w.order = append(w.order, id(i))
		}
		w.takeover, w.voters = opts["takeover"] == "auto", parseIDs(opts["voters"])
		w.witness = parseIDs(opts["witness"])
		for _, k := range w.order {
			x := &traced{pos: parsePos(opts["log"])}
			x.hard = HardState{Epoch: num(opts["epoch"]), VoteFor: num(opts["vote"])}
			w.nodes[k] = x
			w.start(k)
		}
	case "elect":
		w.elect(id(0))
	case "wipe":
		node(0).running = false
		node(0).hard, node(0).pos = HardState{}, Position{}
	case "run":
		w.run(time.Duration(id(0)) * time.Millisecond)
	case "cut":
		a, b, oneWay := strings.Cut(words[0], ">")
		if oneWay {
			w.cuts[[2]int64{num(a), num(b)}] = true
			return
		}
		w.cuts[[2]int64{id(0), id(1)}] = true
		w.cuts[[2]int64{id(1), id(0)}] = true
	case "heal":
		clear(w.cuts)
	case "crash":
		node(0).running = false
	case "power":
		x := node(0)
		x.running, x.hard.MayHaveLost = false, true
		if opts["log"] != "" {
			x.pos = parsePos(opts["log"])
		}
	case "members":
		o, err := node(0).n.SetMembers(w.now, Configuration{Voters: parseIDs(opts["voters"]), Learners: parseIDs(opts["learners"]), Addrs: opts["at"]})
		if err != nil {
			w.say(id(0), "%v", err)
		}
		w.act(id(0), o)
	case "told":
		w.act(id(0), node(0).n.Told(w.now, node(1).n.Status().Members))
	case "force":
		o, err := node(0).n.ForceLeader(w.now)
		if err != nil {
			w.say(id(0), "%v", err)
		}
		w.act(id(0), o)
	case "start":
		w.start(id(0))
	case "dead":
		for _, k := range w.order {
			if k != id(0) && w.nodes[k].running && (opts["to"] == "" || num(opts["to"]) == k) {
				at := w.now
				if opts["at"] != "" {
					at = time.Duration(num(opts["at"])) * time.Millisecond
				}
				how := Proof
				if slices.Contains(words, "sign") {
					how = Sign
				}
				w.act(k, w.nodes[k].n.PeerDead(at, id(0), how))
			}
		}
	case "disk":
		w.act(id(0), node(0).n.Disk(w.now, words[1] == "good"))
	case "stop":
		w.act(id(0), node(0).n.Stop(w.now))
	case "handover":
		within := max(num(opts["within"]), 1000)
		o, err := node(0).n.Handover(w.now, id(1), w.now+time.Duration(within)*time.Millisecond)
		if err != nil {
			w.say(id(0), "%v", err)
		}
		w.act(id(0), o)
	case "retire":
		o, err := node(0).n.Retire(w.now, w.now+time.Second)
		if err != nil {
			w.say(id(0), "%v", err)
		}
		w.act(id(0), o)
	case "held":
		w.act(id(0), node(0).n.Held(w.now))
	case "abort":
		o, ok := node(0).n.AbortHandover(w.now)
		if !ok {
			w.say(id(0), "no handover to end")
		}
		w.act(id(0), o)
	case "ask":
		o, err := node(0).n.AskHandover(w.now)
		if err != nil {
			w.say(id(0), "%v", err)
		}
		w.act(id(0), o)
	case "append":
		x := node(0)
		x.pos.Offset += id(1)
		w.act(id(0), x.n.Appended(w.now, x.pos, x.pos.Offset))
	case "log":
		x := node(0)
		x.pos = parsePos(words[1])
		durable := x.pos.Offset
		if len(words) > 2 {
			durable = id(2)
		}
		w.act(id(0), x.n.Appended(w.now, x.pos, durable))
	case "stream":
		w.stream(id(0), id(1), opts["upto"])
	case "tell":
		m := parseMessage(words[1:], opts)
		m.To = id(0)
		w.act(m.To, node(0).n.Step(w.now, m))
	case "events":
		w.events = words[0] == "on"
	case "delay":
		w.delay = time.Duration(id(0)) * time.Millisecond
	case "beats":
		w.beats = words[0] == "on"
	case "status":
		for _, k := range w.order {
			w.status(k)
		}
	default:
		d.Fatalf(t, "unknown command %s", args[0])
	}
}

func (w *trace) start(id int64) {
	x := w.nodes[id]
	voters := w.order
	if w.voters != nil {
		voters = w.voters
	}
	x.n = New(Config{
		ID: id, Voters: voters, Joining: !slices.Contains(voters, id), Timeout: traceT, Heartbeat: traceBeat, Lease: traceLease,
		Rand: func() uint64 { return 0 }, Addr: fmt.Sprintf("host:%d", id), Takeover: w.takeover,
		Witness: slices.Contains(w.witness, id),
	}, x.hard, x.pos, w.now)
	for _, k := range w.order {
		x.n.PeerReachable(k, true)
		x.n.PeerIsWitness(k, slices.Contains(w.witness, k))
	}
	x.running, x.last = true, ""
}

// elect runs until a node serves and all that run hold its epoch's record, and
// tells nothing of it: the first story did.
func (w *trace) elect(id int64) {
	for w.nodes[id].n.Status().Role != Leader && w.now < time.Minute {
		w.run(time.Millisecond)
	}
	w.run(2 * time.Millisecond)
	for _, k := range w.order {
		if k != id && w.nodes[k].running && w.nodes[k].n.Follows(w.nodes[id].n.Status().Epoch) {
			w.stream(id, k, "")
		}
	}
	w.run(2 * traceT / 5)
	w.out.Reset()
	w.status(id)
}

// run lets time pass in steps of one millisecond: deliveries first, in the
// order they were sent, then ticks by node.
func (w *trace) run(d time.Duration) {
	for end := w.now + d; w.now < end; {
		w.now += time.Millisecond
		due := w.flight
		w.flight = nil
		for _, f := range due {
			if f.at > w.now {
				w.flight = append(w.flight, f)
				continue
			}
			if x := w.nodes[f.m.To]; x.running && !w.cuts[[2]int64{f.m.From, f.m.To}] {
				w.act(f.m.To, x.n.Step(w.now, f.m))
			}
		}
		for _, id := range w.order {
			if x := w.nodes[id]; x.running && w.now >= x.n.NextTick() {
				w.act(id, x.n.Tick(w.now))
			}
		}
	}
}

// act is the driver: persist, revoke, send, act on the change.
func (w *trace) act(id int64, o Output) {
	x := w.nodes[id]
	for i := range o.Events {
		if w.events {
			w.write(id, "%s", describeEvent(&o.Events[i]))
		}
	}
	if o.Persist != nil {
		x.hard = *o.Persist
		w.say(id, "on disk: epoch %d, vote %d%s", x.hard.Epoch, x.hard.VoteFor, membersText(x.hard.Members))
	}
	if o.Persist != nil {
		defer func(h HardState) { w.act(id, x.n.Saved(w.now, h)) }(*o.Persist)
	}
	if o.Deposed || o.Revoke {
		w.say(id, "lease revoked")
	}
	if o.Hold {
		w.say(id, "holds new commands")
	}
	for _, m := range o.Messages {
		if w.beats || m.Kind != Heartbeat && (m.Kind != Ack || m.Reason != NoReason && m.Reason != JustStarted) {
			w.say(id, "-> %d %s", m.To, describe(m))
		}
		w.flight = append(w.flight, flying{w.now + traceLatency + w.delay, m})
	}
	if o.Changed {
		w.status(id)
	}
	if o.Release {
		w.say(id, "lets go of what it held")
	}
	if s := x.n.Status(); s.Role == Leader && x.begun != s.Epoch {
		x.begun = s.Epoch
		x.pos = Position{Epoch: s.Epoch, Offset: x.pos.Offset + traceRecord}
		w.act(id, x.n.Appended(w.now, x.pos, x.pos.Offset))
		w.act(id, x.n.EpochBegun(w.now, s.Epoch, x.pos.Offset))
	}
}

// stream copies the leader's log to a follower, cutting what diverged, and
// brings the acknowledgement back.
func (w *trace) stream(from, to int64, upto string) {
	l, f := w.nodes[from], w.nodes[to]
	epoch := l.n.Status().Epoch
	if !f.n.Follows(epoch) {
		w.say(to, "does not follow epoch %d", epoch)
		return
	}
	f.pos = l.pos
	if upto != "" {
		f.pos = parsePos(upto)
	}
	w.act(to, f.n.Appended(w.now, f.pos, f.pos.Offset))
	w.act(to, f.n.Committed(w.now, epoch, l.n.Status().Commit))
	if f.n.Vouches() {
		w.act(from, l.n.Acked(w.now, to, epoch, f.pos.Offset))
	}
}

func (w *trace) say(id int64, format string, args ...any) {
	if !w.events {
		w.write(id, format, args...)
	}
}

func (w *trace) write(id int64, format string, args ...any) {
	fmt.Fprintf(&w.out, "%5d  %d: %s\n", w.now.Milliseconds(), id, fmt.Sprintf(format, args...))
}

func (w *trace) status(id int64) {
	x := w.nodes[id]
	if !x.running {
		w.say(id, "down")
		return
	}
	s := x.n.Status()
	text := fmt.Sprintf("%s, epoch %d, log %d/%d", roleName(s.Role), s.Epoch, x.pos.Epoch, x.pos.Offset)
	if s.Role == Follower && s.Leader != 0 {
		text += fmt.Sprintf(", leader %d at %s", s.Leader, s.Addr)
	}
	if s.ByWitness {
		text += ", a witness"
	}
	if s.Serving {
		text += ", serving"
		if !x.n.LeaseValid(w.now) {
			text += " but the lease is over"
		}
		if s.LeaseLate {
			text += " and always late"
		}
	}
	if s.Handover != NoHandover {
		text += fmt.Sprintf(", handover %s", stageName(s.Handover))
		if s.Target != 0 {
			text += fmt.Sprintf(" to %d", s.Target)
		}
	}
	if s.HandoverFailed != NoReason {
		text += ", handover failed: " + reasonNames()[s.HandoverFailed]
	}
	if s.Electing {
		text += ", electing"
	}
	if s.Recovering {
		text += ", recovering"
	}
	if s.Suspended {
		text += ", suspended"
	}
	text += fmt.Sprintf(", commit %d", s.Commit)
	w.say(id, "%s", text)
}
