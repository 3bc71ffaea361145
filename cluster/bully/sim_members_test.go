package bully

import (
	"slices"
	"time"
)

// Changes of the voters: an operator asks a node that serves, again and again.

func (w *world) electors() {
	if w.plan.members == 0 || w.plan.drill == newVoters {
		return
	}
	w.after(w.within(simT), func() {
		if w.calm {
			return
		}
		if l := w.serving(); l != nil {
			w.elect(l)
		}
		w.tell()
		w.electors()
	})
}

// votes reports whether x is a voter as l knows them.
func (m *machine) votes(x *machine) bool {
	return slices.Contains(m.node.members.Voters, x.id)
}

// elect moves a node a step further: in as a learner, in as a voter, out.
func (w *world) elect(l *machine) {
	x := w.nodes[w.rand.IntN(len(w.nodes))]
	if x == l {
		return
	}
	l.on(0, func() {
		now := l.node.Status().Members
		voters, learners := slices.Clone(now.Voters), slices.Clone(now.Learners)
		out := func(ids []int64) []int64 {
			return slices.DeleteFunc(ids, func(id int64) bool { return id == x.id })
		}
		switch {
		case l.votes(x):
			voters = out(voters)
		case slices.Contains(learners, x.id):
			learners = out(learners)
			if w.chance(0.8) {
				voters = append(voters, x.id)
			}
		default:
			learners = append(learners, x.id)
		}
		l.do(func(t time.Duration) Output {
			o, err := l.node.SetMembers(t, Configuration{Voters: voters, Learners: learners})
			if err == nil {
				w.count.changes++
			}
			w.say(l.id, "MEMBERS %v, learning %v: %v", voters, learners, err)
			return o
		}, nil)
	})
}

// tell is a dial of each node that a node does not know: it is told which the
// members are, if a leader is heard here. The words may come late.
func (w *world) tell() {
	from := w.nodes[w.rand.IntN(len(w.nodes))]
	from.on(0, func() {
		st := from.node.Status()
		if from.writing || st.Leader == 0 && st.Members.Epoch == 0 || st.Changing {
			return
		}
		for _, to := range w.nodes {
			if st.Members.Has(to.id) || !w.linked(to.id, from.id) {
				continue
			}
			to.on(w.delay(), func() {
				to.do(func(t time.Duration) Output {
					w.count.told++
					w.say(to.id, "TOLD by %d: %v", from.id, st.Members)
					return to.node.Told(t, st.Members)
				}, nil)
			})
		}
	})
}

// drillNewVoters: one of the two others, or both, do not hear the leader, which
// removes first the one and then the other. What they know together would elect
// another leader beside it.
func (w *world) drillNewVoters(l *machine) {
	deaf := w.anyBut(l)
	other := w.anyBut(l, deaf)
	if deaf == nil || other == nil || len(l.node.members.Voters) != 3 {
		return
	}
	if w.chance(0.5) {
		w.cutOff(l, nil)
	} else {
		w.say(l.id, "DRILL: %d does not hear it", deaf.id)
		w.cut[l.id][deaf.id], w.cut[deaf.id][l.id] = true, true
	}
	remove := func(ids ...int64) func() bool {
		return func() bool {
			done := false
			if !l.up || w.now < l.pausedUntil || l.writing {
				return false
			}
			l.do(func(now time.Duration) Output {
				o, err := l.node.SetMembers(now, Configuration{Voters: ids})
				done = err == nil
				w.say(l.id, "MEMBERS %v: %v", ids, err)
				return o
			}, nil)
			if done {
				w.count.changes++
			}
			return done
		}
	}
	w.when(2, remove(l.id, other.id), func() { w.when(2, remove(l.id), func() {}) })
}
