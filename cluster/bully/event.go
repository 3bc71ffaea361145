package bully

import "time"

// Events say why a node does what it does, for people. Nothing rests on them:
// a driver that drops them behaves as any other.

// EventKind says what an Event is about.
type EventKind uint8

// Kinds of events. Node is the other node that has a part in it.
const (
	LeaderSilent   EventKind = iota + 1 // nothing was heard of Node, the leader, for For
	LeaderGone                          // connections to Node, the leader, are refused; How much that proves
	LeaderResigned                      // Node gave up the lead of Epoch; Reason
	Follows                             // Node leads Epoch
	Stands                              // this node asks for votes in Epoch
	StoodDown                           // Node has the same log and a higher ID, and runs itself
	Elected                             // this node, in Epoch; Votes
	NotElected                          // this node; Phase, in Epoch; Votes, or Node has promised Epoch
	Voted                               // for Node in Epoch
	VoteDenied                          // to Node, which asked for it in Epoch; Reason
	Deposed                             // this node led; Epoch is a later one, which came from Node (0: from its own log)
	Resigned                            // this node led Epoch; Reason
	HandedOver                          // this node's lead of Epoch, to Node
	TakesOver                           // this node, from Node, which led Epoch
	Emptied                             // this node came with nothing to Node, which has a log
	Regained                            // this node is a full voter again: it has caught up with Node (0: it was elected)
	LeaseLapsed                         // this node leads and had no lease for For
	LeaseLate                           // this node leads; a majority answers For after the heartbeat, when the lease is over
)

// An Event is one thing that happened.
type Event struct {
	Kind   EventKind
	Node   int64
	Epoch  int64
	Reason Reason
	How    Evidence
	Phase  Phase
	For    time.Duration
	Votes  []Vote
}

// A Vote is what a voter has answered a candidate.
type Vote struct {
	Node    int64
	Verdict Verdict // 0: nothing
	Reason  Reason  // of Refuse; MayHaveLost with Grant: it counts only if all grant
	Leader  int64   // that it hears, with LeaderAlive
}

// lateMost is how many answers in a row must come after the lease they give is
// over until that is an event: a few may be late on a busy machine.
const lateMost = 10

// timelyMost is how many answers in a row must leave at least a quarter of the
// lease until a lease that was late is relied on again.
const timelyMost = 20

func (n *Node) event(e Event) { n.out.Events = append(n.out.Events, e) }

// silence tells that the leader, if there is one, is given up without its word.
func (n *Node) silence() {
	if p := n.peer(n.leader); p != nil && !p.dead { // else LeaderGone was told
		n.event(Event{Kind: LeaderSilent, Node: p.id, Epoch: n.hard.Epoch, For: n.now - p.seen})
	}
}

// votes are the answers of the others in the running phase.
func (n *Node) votes() []Vote {
	var out []Vote
	for _, p := range n.peers {
		if !p.voter {
			continue
		}
		v := Vote{Node: p.id}
		switch {
		case p.verdict == Grant && p.weak:
			v.Verdict, v.Reason = Grant, MayHaveLost
		case p.verdict == Grant:
			v.Verdict = Grant
		case p.refusal.Verdict != 0:
			v = p.refusal
		}
		out = append(out, v)
	}
	return out
}

// watchLease tells of a lease that a majority's answers, which have just come,
// do not give in time. was is until when it lasted before.
func (n *Node) watchLease(was time.Duration) {
	l := &n.lead
	if l.lease > n.now {
		l.late = 0
		if l.timely++; l.lease-n.now < n.cfg.Lease/4 {
			l.timely = 0
		}
		l.tooLate = l.tooLate && l.timely < timelyMost
		if was != 0 && was < n.now && n.serving() {
			n.event(Event{Kind: LeaseLapsed, Epoch: n.hard.Epoch, For: n.now - was})
		}
		return
	}
	l.timely = 0
	if l.late++; l.late >= lateMost {
		l.late, l.tooLate = 0, true
		n.event(Event{Kind: LeaseLate, Epoch: n.hard.Epoch, For: n.now - l.renewed})
	}
}
