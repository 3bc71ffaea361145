package sentinel

import (
	"fmt"
	"slices"
	"strconv"
)

// A Message is published on the channel that says what has happened.
type Message struct{ Channel, Payload string }

// A State is what was said up to now. The zero value has said nothing.
type State struct {
	begun  bool
	master *Node // the one that was said last
	epoch  int64
	names  []string
	lost   int64 // wall ms since when there is no master, 0: there is one
	down   bool  // the master was said to be down
	odown  bool  // and that as many as it takes agree
	nodes  map[int64]told
}

// told is what was said of a node: where it is, and whether it is down.
type told struct {
	at   Node
	down bool
}

// Grace is for how many times DownAfter a change of leader may take before the master
// is said to be down with nobody in its place.
const Grace = 4

// Step says what is published now that the node sees v, after what was said in s.
func Step(s State, v *View) (State, []Message) {
	t := telling{v: v, old: s, next: State{begun: true, epoch: s.epoch, master: s.master, names: slices.Clone(v.Names), nodes: map[int64]told{}}}
	for _, n := range v.Nodes {
		t.next.nodes[n.ID] = told{at: n, down: v.lost(&n)}
	}
	if !s.begun {
		t.next.settle(v)
		return t.next, nil
	}
	t.renamed()
	t.leader()
	if v.leader() == nil && !t.next.down {
		t.next.nodes = s.nodes // it waits until there is a master to go on with, or none for long
		return t.next, t.out
	}
	t.came()
	t.reach()
	return t.next, t.out
}

// settle takes what v says of the master for said.
func (s *State) settle(v *View) {
	s.lost, s.down, s.odown = 0, false, false
	if n := v.leader(); n != nil {
		m := *n
		s.master, s.epoch = &m, v.Epoch
		return
	}
	s.lost = v.Now
}

// telling is one step.
type telling struct {
	v    *View
	old  State
	next State
	out  []Message
}

func (t *telling) say(channel, format string, args ...any) {
	t.out = append(t.out, Message{channel, fmt.Sprintf(format, args...)})
}

// Who a message is about, in Sentinel's words (%@).
func masterText(name string, m *Node) string {
	return fmt.Sprintf("master %s %s %d", name, m.Host, m.Port)
}

func slaveText(name string, n, m *Node) string {
	return fmt.Sprintf("slave %s %s %d @ %s %s %d", n.Addr(), n.Host, n.Port, name, m.Host, m.Port)
}

func sentinelText(name string, n, m *Node) string {
	return fmt.Sprintf("sentinel %s %s %d @ %s %s %d", n.ID40(), n.Host, n.SentinelPort, name, m.Host, m.Port)
}

// renamed is about names that came and went.
func (t *telling) renamed() {
	m := t.v.master()
	for _, name := range t.old.names {
		if !slices.Contains(t.v.Names, name) {
			t.say("-monitor", "%s", masterText(name, m))
		}
	}
	for _, name := range t.v.Names {
		if !slices.Contains(t.old.names, name) {
			t.say("+monitor", "%s quorum %d", masterText(name, m), t.v.Quorum())
		}
	}
}

// leader is about the master: lost, back, another one.
func (t *telling) leader() {
	v, s := t.v, &t.next
	n := v.leader()
	if n == nil {
		t.gone()
		return
	}
	at := *n
	switch {
	case t.old.master == nil: // the first one that is heard of
		t.epochMoved()
		for _, name := range v.Names {
			t.say("+elected-leader", "%s", masterText(name, &at))
			t.say("+failover-end", "%s", masterText(name, &at))
			// A client that was told of none has nothing else to go by.
			t.say("+switch-master", "%s %s %d %s %d", name, at.Host, at.Port, at.Host, at.Port)
		}
	case t.old.master.Host != at.Host || t.old.master.Port != at.Port:
		t.switched(t.old.master, &at)
	default:
		t.epochMoved()
		if t.old.down {
			for _, name := range v.Names {
				t.say("-sdown", "%s", masterText(name, &at))
				if t.old.odown {
					t.say("-odown", "%s", masterText(name, &at))
				}
			}
		}
	}
	s.master, s.epoch, s.lost, s.down, s.odown = &at, v.Epoch, 0, false, false
}

// gone is about a master that is lost and not replaced yet.
func (t *telling) gone() {
	v, s := t.v, &t.next
	s.lost, s.down, s.odown = t.old.lost, t.old.down, t.old.odown
	if s.lost == 0 {
		s.lost = v.Now
	}
	if s.down || s.master == nil || v.Now-s.lost < Grace*v.DownAfter {
		return
	}
	s.down, s.odown = true, v.agreed()
	for _, name := range v.Names {
		t.died(name, s.master)
	}
}

// died says that the master is down.
func (t *telling) died(name string, m *Node) {
	t.say("+sdown", "%s", masterText(name, m))
	if t.v.agreed() {
		t.say("+odown", "%s #quorum %d/%d", masterText(name, m), t.v.Usable(), t.v.Quorum())
	}
}

func (t *telling) epochMoved() {
	if t.v.Epoch > t.old.epoch {
		t.say("+new-epoch", "%d", t.v.Epoch)
	}
}

// switched is a change of leader, with what a Sentinel that drives it says, in its
// order. Every message leaves after the change.
func (t *telling) switched(from, to *Node) {
	v := t.v
	old := v.node(from.ID)
	crashed := old == nil || v.lost(old)
	if crashed && !t.old.down {
		for _, name := range v.Names {
			t.died(name, from)
		}
	}
	t.epochMoved()
	t.say("+vote-for-leader", "%s %d", to.ID40(), v.Epoch)
	for _, name := range v.Names {
		t.say("+elected-leader", "%s", masterText(name, from))
		t.say("+selected-slave", "%s", slaveText(name, to, from))
		t.say("+promoted-slave", "%s", slaveText(name, to, from))
		t.say("+failover-end", "%s", masterText(name, from))
		t.say("+switch-master", "%s %s %d %s %d", name, from.Host, from.Port, to.Host, to.Port)
		for _, n := range v.replicas() {
			t.say("+slave", "%s", slaveText(name, n, to))
		}
		for _, n := range v.replicas() {
			if t.v.lost(n) {
				t.say("+sdown", "%s", slaveText(name, n, to))
			}
		}
	}
}

// isSwitch reports whether the replicas have just been told of one by one.
func (t *telling) isSwitch() bool {
	return t.old.master != nil && t.next.master != nil && t.old.master.Addr() != t.next.master.Addr()
}

// came is about nodes that have joined, moved or left.
func (t *telling) came() {
	m := t.v.master()
	for i := range t.v.Nodes {
		n := &t.v.Nodes[i]
		was, known := t.old.nodes[n.ID]
		server := known && was.at.Host == n.Host && was.at.Port == n.Port
		guard := known && was.at.Host == n.Host && was.at.SentinelPort == n.SentinelPort
		for _, name := range t.v.Names {
			if !server && n.ID != t.v.Last && !t.isSwitch() {
				t.say("+slave", "%s", slaveText(name, n, m))
			}
			if !guard && n.ID != t.v.Self && n.SentinelPort != 0 {
				t.say("+sentinel", "%s", sentinelText(name, n, m))
			}
		}
	}
	for _, id := range t.leftIDs() {
		was := t.old.nodes[id]
		if was.down {
			continue
		}
		for _, name := range t.v.Names {
			t.say("+sdown", "%s", slaveText(name, &was.at, m))
			if was.at.SentinelPort != 0 {
				t.say("+sdown", "%s", sentinelText(name, &was.at, m))
			}
		}
	}
}

// leftIDs are the nodes that are there no more, in order.
func (t *telling) leftIDs() (out []int64) {
	for id := range t.old.nodes {
		if _, there := t.next.nodes[id]; !there {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// reach is about nodes that are lost or have come back.
func (t *telling) reach() {
	m := t.v.master()
	for i := range t.v.Nodes {
		n := &t.v.Nodes[i]
		was, known := t.old.nodes[n.ID]
		down := t.v.lost(n)
		if down == was.down || !known && !down {
			continue
		}
		channel := "-sdown"
		if down {
			channel = "+sdown"
		}
		for _, name := range t.v.Names {
			if n.ID != t.v.Last && !(down && t.isSwitch()) {
				t.say(channel, "%s", slaveText(name, n, m))
			}
			if n.SentinelPort != 0 {
				t.say(channel, "%s", sentinelText(name, n, m))
			}
		}
	}
}

// Renewed is what SENTINEL RESET publishes for one name: that everything known of the
// master is forgotten, and what is found again at once.
func (v *View) Renewed(name string) []Message {
	t := telling{v: v}
	m := v.master()
	t.say("+reset-master", "%s", masterText(name, m))
	for _, n := range v.replicas() {
		t.say("+slave", "%s", slaveText(name, n, m))
	}
	for _, n := range v.others() {
		t.say("+sentinel", "%s", sentinelText(name, n, m))
	}
	return t.out
}

// InfoCache is what is known here of a node, as lines of its INFO.
func (v *View) InfoCache(n *Node) string {
	role := "slave"
	if n == v.leader() {
		role = "master"
	}
	m := v.master()
	text := "# Server\r\nredis_mode:standalone\r\nrun_id:" + n.Name + "\r\ntcp_port:" + strconv.Itoa(n.Port) + "\r\n\r\n# Replication\r\nrole:" + role + "\r\n"
	if role == "slave" {
		text += "master_host:" + m.Host + "\r\nmaster_port:" + strconv.Itoa(m.Port) + "\r\nslave_repl_offset:" + strconv.FormatInt(n.Offset, 10) + "\r\n"
	}
	return text + "master_repl_offset:" + strconv.FormatInt(n.Offset, 10) + "\r\n"
}

// Age is how old what is known of a node is, in ms.
func (v *View) Age(n *Node) int64 {
	if n.ID == v.Self {
		return 0
	}
	return v.since(n.Heard)
}

// Servers are the master first, then the replicas.
func (v *View) Servers() []*Node { return append([]*Node{v.master()}, v.replicas()...) }
