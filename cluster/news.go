package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"regent/cluster/bully"
	"regent/engine"
)

// What the log says of the election: each event of the state machine is one
// line, with the reason, the nodes' names and, where there is something to do,
// what. Events that may come many times a second (newsBounded) get a line when
// they begin and then one in newsEvery, which says how many there were.

const (
	// newsEvery is how often a line is written about what goes on and on.
	newsEvery = 10 * time.Second
	// newsMost bounds the events that are remembered for that.
	newsMost = 64
)

// news is what was written about what goes on and on.
type news map[newsKey]*newsOf

// A newsKey is what makes two events one that goes on.
type newsKey struct {
	kind   bully.EventKind
	node   int64
	reason bully.Reason
}

type newsOf struct {
	at   time.Duration // of the last line
	more int           // events since
}

// newsBounded are the kinds of events that may come often.
func newsBounded(k bully.EventKind) bool {
	switch k {
	case bully.NotElected, bully.VoteDenied, bully.StoodDown, bully.LeaseLapsed, bully.LeaseLate:
		return true
	}
	return false
}

// due reports whether an event gets a line at now, and how many like it got none
// since the last.
func (n *news) due(e *bully.Event, now time.Duration) (more int, ok bool) {
	if !newsBounded(e.Kind) {
		return 0, true
	}
	if *n == nil {
		*n = news{}
	}
	key := newsKey{e.Kind, e.Node, e.Reason}
	last := (*n)[key]
	switch {
	case last == nil && len(*n) >= newsMost:
		clear(*n)
		fallthrough
	case last == nil:
		(*n)[key] = &newsOf{at: now}
		return 0, true
	case now-last.at < newsEvery:
		last.more++
		return 0, false
	}
	more, last.at, last.more = last.more, now, 0
	return more, true
}

// tell logs what happened. The caller holds mu.
func (c *Cluster) tell(o bully.Output) {
	for i := range o.Events {
		e := &o.Events[i]
		more, ok := c.news.due(e, c.now())
		if !ok {
			continue
		}
		w := newsWriter{name: c.nameOf, lease: c.length, timeout: c.timeout}
		level, text := w.line(e)
		if more > 0 {
			text = fmt.Sprintf("%s (%d more times in the last %v)", text, more, newsEvery)
		}
		c.opts.Host.Logf(level, "%s", text)
	}
}

// nameOf is a node as the log names it.
func (c *Cluster) nameOf(id int64) string {
	if m := c.member(id); m != nil {
		return fmt.Sprintf("node %d at %s", id, m.Addr())
	}
	return fmt.Sprintf("node %d", id)
}

// leaderName is the leader that this node follows, as the log names it. The
// caller does not hold mu.
func (c *Cluster) leaderName() string {
	if id := c.status().Leader; id != 0 {
		return c.nameOf(id)
	}
	return "a node that is no longer followed"
}

// A newsWriter puts events into words.
type newsWriter struct {
	name           func(id int64) string
	lease, timeout time.Duration
}

// line is an event's line.
func (w *newsWriter) line(e *bully.Event) (engine.Level, string) {
	switch e.Kind {
	case bully.LeaderSilent, bully.LeaderGone, bully.LeaderResigned, bully.Follows:
		return w.ofLeader(e)
	case bully.Deposed, bully.Resigned, bully.HandedOver, bully.TakesOver:
		return w.ofOwn(e)
	case bully.LeaseLapsed, bully.LeaseLate:
		return engine.LevelWarning, w.ofLease(e)
	case bully.Emptied:
		return engine.LevelWarning, fmt.Sprintf("This node's disk is empty or its state file is gone, but %s has data: this node does not know what it has promised and acknowledged. "+
			"Until it has caught up with a leader, its vote counts only together with all others", w.name(e.Node))
	case bully.Regained:
		if e.Node == 0 {
			return engine.LevelNotice, fmt.Sprintf("This node is a full voter again: all that may elect have elected it in epoch %d", e.Epoch)
		}
		return engine.LevelNotice, fmt.Sprintf("This node is a full voter again: it has caught up with %s, the leader of epoch %d", w.name(e.Node), e.Epoch)
	}
	return w.ofElection(e)
}

// ofLeader is about the leader that this node follows.
func (w *newsWriter) ofLeader(e *bully.Event) (engine.Level, string) {
	name := w.name(e.Node)
	switch {
	case e.Kind == bully.Follows:
		return engine.LevelNotice, fmt.Sprintf("The leader of epoch %d is %s", e.Epoch, name)
	case e.Kind == bully.LeaderResigned:
		return engine.LevelWarning, fmt.Sprintf("The leader of epoch %d, %s, gave up the lead: %s", e.Epoch, name, resignText(e.Reason, "it", "its"))
	case e.Kind == bully.LeaderSilent:
		return engine.LevelWarning, fmt.Sprintf("Nothing was heard of the leader of epoch %d, %s, for %d ms (election-timeout is %d ms): it is taken for dead, another is to be elected",
			e.Epoch, name, e.For.Milliseconds(), w.timeout.Milliseconds())
	case e.How == bully.Proof:
		return engine.LevelWarning, fmt.Sprintf("The process of the leader of epoch %d, %s, has ended: nobody listens on its port of this machine. Another is to be elected", e.Epoch, name)
	}
	return engine.LevelWarning, fmt.Sprintf("The leader of epoch %d, %s, seems to have ended: connections to its port are refused. Another is to be elected unless it is heard again within %d ms",
		e.Epoch, name, promised(w.lease).Milliseconds())
}

// promised is how long a voter's promise lasts that gives a lease.
func promised(lease time.Duration) time.Duration { return lease * 5 / 4 }

// ofOwn is about this node's own lead.
func (w *newsWriter) ofOwn(e *bully.Event) (engine.Level, string) {
	switch e.Kind {
	case bully.Deposed:
		from := "this node's own log"
		if e.Node != 0 {
			from = w.name(e.Node)
		}
		return engine.LevelWarning, fmt.Sprintf("Deposed: %s is in the later epoch %d, for which a majority has or may have voted", from, e.Epoch)
	case bully.Resigned:
		return engine.LevelWarning, fmt.Sprintf("Giving up the lead of epoch %d: %s", e.Epoch, resignText(e.Reason, "this node", "this node's"))
	case bully.HandedOver:
		return engine.LevelNotice, fmt.Sprintf("Handing the lead of epoch %d over to %s", e.Epoch, w.name(e.Node))
	}
	return engine.LevelNotice, fmt.Sprintf("Taking over: the leader of epoch %d, %s, hands the lead to this node", e.Epoch, w.name(e.Node))
}

// resignText is why a leader resigns.
func resignText(r bully.Reason, subject, whose string) string {
	switch r {
	case bully.LeaseLost:
		return "no majority of the nodes has answered " + subject + " for election-timeout; see the lines about links"
	case bully.DiskFailed:
		return subject + " can't write its data; see the lines about " + whose + " disk"
	case bully.Stopping:
		return subject + " is shutting down"
	}
	return subject + " can't go on"
}

// ofElection is about votes.
func (w *newsWriter) ofElection(e *bully.Event) (engine.Level, string) {
	switch {
	case e.Kind == bully.Stands:
		return engine.LevelNotice, fmt.Sprintf("Standing for election in epoch %d", e.Epoch)
	case e.Kind == bully.StoodDown:
		return engine.LevelNotice, fmt.Sprintf("Not standing for election: %s has as much of the log and goes before this one, and stands itself", w.name(e.Node))
	case e.Kind == bully.Voted:
		return engine.LevelNotice, fmt.Sprintf("Voted for %s in epoch %d", w.name(e.Node), e.Epoch)
	case e.Kind == bully.VoteDenied:
		return engine.LevelNotice, fmt.Sprintf("Refused %s this node's vote in epoch %d: %s", w.name(e.Node), e.Epoch, w.denial(e.Reason, 0))
	case e.Kind == bully.Elected:
		return engine.LevelNotice, fmt.Sprintf("Elected leader of epoch %d: %s", e.Epoch, w.votes(e.Votes))
	case e.Node != 0:
		return engine.LevelNotice, fmt.Sprintf("Not elected: %s has promised the later epoch %d", w.name(e.Node), e.Epoch)
	case e.Phase == bully.Pre:
		return engine.LevelWarning, fmt.Sprintf("No leader, and this node can't be elected at the moment: %s. It asks again", w.votes(e.Votes))
	}
	return engine.LevelWarning, fmt.Sprintf("Not elected in epoch %d: %s. This node stands again", e.Epoch, w.votes(e.Votes))
}

// votes are the answers of voters.
func (w *newsWriter) votes(votes []bully.Vote) string {
	parts := make([]string, 0, len(votes)+1)
	votes = slices.Clone(votes)
	slices.SortFunc(votes, func(a, b bully.Vote) int { return cmp.Compare(a.Node, b.Node) })
	for _, v := range votes {
		name := w.name(v.Node)
		switch {
		case v.Verdict == 0:
			parts = append(parts, name+" has not answered")
		case v.Verdict == bully.Grant && v.Reason == bully.MayHaveLost:
			parts = append(parts, name+" granted its vote, which counts only together with all others: it may have lost data")
		case v.Verdict == bully.Grant:
			parts = append(parts, name+" granted its vote")
		case v.Verdict == bully.StandDown:
			parts = append(parts, name+" stands itself")
		default:
			parts = append(parts, fmt.Sprintf("%s refused (%s)", name, w.denial(v.Reason, v.Leader)))
		}
	}
	if len(parts) == 0 {
		return "this node is the only voter"
	}
	return strings.Join(parts, ", ")
}

// denial is why a voter refuses.
func (w *newsWriter) denial(r bully.Reason, leader int64) string {
	switch r {
	case bully.LeaderAlive:
		if leader != 0 {
			return "it hears a leader, " + w.name(leader)
		}
		return "a leader is heard, or was until a moment ago"
	case bully.StaleLog:
		return "the voter has data that the candidate lacks"
	case bully.OldEpoch:
		return "the voter has promised a later epoch"
	case bully.VoteTaken:
		return "the vote went to another node"
	case bully.JustStarted:
		return "the voter has just started and waits until all it may have promised before is over"
	case bully.OldMembers:
		return "the candidate has an older list of the nodes"
	}
	return "no reason given"
}

const (
	// leaseTrips is how many round trips a lease should last, as README says.
	leaseTrips = 5
	// leaseStep is what proposed lengths are a multiple of.
	leaseStep = 10 * time.Millisecond
)

// ofLease is about a lease that does not hold.
func (w *newsWriter) ofLease(e *bully.Event) string {
	if e.Kind == bully.LeaseLapsed {
		return fmt.Sprintf("The lease of epoch %d had run out for %d ms, in which commands waited: no majority answered a heartbeat in time. "+
			"If this comes often without load, raise leader-lease (%d ms) on every node", e.Epoch, e.For.Milliseconds(), w.lease.Milliseconds())
	}
	lease := stepped(leaseTrips * e.For)
	advice := fmt.Sprintf("set leader-lease %d", lease.Milliseconds())
	if promised(lease) > w.timeout {
		advice += fmt.Sprintf(" and election-timeout %d", stepped(2*promised(lease)).Milliseconds())
	}
	return fmt.Sprintf("The lease of epoch %d never holds: a majority's answers to a heartbeat take %d ms and leader-lease is %d ms. Until that is better each reply waits for a round trip to a majority, as with read-lease no. "+
		"If the network is as slow as that, %s on every node and restart them", e.Epoch, e.For.Milliseconds(), w.lease.Milliseconds(), advice)
}

func stepped(d time.Duration) time.Duration { return (d + leaseStep - 1) / leaseStep * leaseStep }
