package sentinel

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A View is what one node sees of its cluster.
type View struct {
	Names []string // of the master; every one is it
	Self  int64    // this node's ID
	Epoch int64    // of the leader
	// Leader is the node that leads, is alive and serves; 0: none is known.
	Leader int64
	// Last is Leader, or the node that led last, or another one that could: clients want
	// an address in every list. 0 only if there are no nodes.
	Last      int64
	Failover  bool  // this node hands its leadership over
	DownAfter int64 // ms of silence after which a node counts as lost
	Now       int64 // wall ms
	Nodes     []Node
	Set       Settings
}

// A Node is one node of the cluster: a Redis server, and the Sentinel beside it.
type Node struct {
	ID           int64
	Name         string // 40 hex digits
	Host         string // as all clients are told it
	Port         int    // where its data is served
	SentinelPort int    // 0: it has no Sentinel
	Up           bool
	Copying      bool  // it gets a full copy
	Heard        int64 // wall ms, 0: never
	Offset       int64 // of the log
	Priority     int64 // replica-priority, as far as it is known here
}

// Settings are what SENTINEL SET and SENTINEL DEBUG change: they are shown, and
// FailoverTimeout is how long a planned change may take. When a node counts as lost, and
// how many must agree, is the election's to say.
type Settings struct {
	DownAfter       int64 // ms, 0: as the election does
	FailoverTimeout int64 // ms
	ParallelSyncs   int64
	Quorum          int64 // 0: a majority
}

// Defaults are Redis's.
func Defaults() Settings { return Settings{FailoverTimeout: 180_000, ParallelSyncs: 1} }

// A Field is one line of a reply.
type Field struct{ Name, Value string }

// ID40 names the Sentinel beside a node: 40 hex digits that are not the node's own, as a
// Sentinel's are not those of the server beside it.
func (n *Node) ID40() string {
	h := sha1.Sum([]byte("sentinel/" + n.Name))
	return hex.EncodeToString(h[:])
}

// Addr is host:port, and the name that a replica has.
func (n *Node) Addr() string { return n.Host + ":" + strconv.Itoa(n.Port) }

// node finds a node, nil for none.
func (v *View) node(id int64) *Node {
	for i := range v.Nodes {
		if v.Nodes[i].ID == id {
			return &v.Nodes[i]
		}
	}
	return nil
}

// lost reports whether a node is not heard of.
func (v *View) lost(n *Node) bool { return !n.Up && n.ID != v.Self }

// leader is the node that leads, is alive and serves, nil: none is known.
func (v *View) leader() *Node {
	if n := v.node(v.Leader); n != nil && !v.lost(n) {
		return n
	}
	return nil
}

// MyID is the ID of this node's Sentinel.
func (v *View) MyID() string {
	if n := v.node(v.Self); n != nil {
		return n.ID40()
	}
	return nowhere().Name
}

// nowhere stands for a node that is not known.
func nowhere() *Node { return &Node{Name: strings.Repeat("0", 40), Host: "?"} }

// master is where the master is, or was last.
func (v *View) master() *Node {
	if n := v.node(v.Last); n != nil {
		return n
	}
	return nowhere()
}

// Address is where the master is; false: none is alive and serves.
func (v *View) Address() (host string, port int, ok bool) {
	n := v.leader()
	if n == nil {
		return "", 0, false
	}
	return n.Host, n.Port, true
}

// Down reports whether host and port are the master's, and it is lost.
func (v *View) Down(host string, port int64) bool {
	m := v.master()
	return v.leader() == nil && m.Host == host && int64(m.Port) == port
}

// Has reports whether a node's data is served at host and port.
func (v *View) Has(host string, port int64) bool {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; n.Host == host && int64(n.Port) == port {
			return true
		}
	}
	return false
}

// Known reports whether name is the master's.
func (v *View) Known(name string) bool {
	for _, n := range v.Names {
		if n == name {
			return true
		}
	}
	return false
}

// Quorum is how many Sentinels must agree: the majority that the election needs.
func (v *View) Quorum() int64 {
	if v.Set.Quorum > 0 {
		return v.Set.Quorum
	}
	return v.majority()
}

func (v *View) majority() int64 { return int64(len(v.Nodes)/2 + 1) }

// Usable counts the Sentinels that can vote, this one too.
func (v *View) Usable() (n int64) {
	for i := range v.Nodes {
		if !v.lost(&v.Nodes[i]) {
			n++
		}
	}
	return n
}

// agreed reports whether as many see a lost master as it takes.
func (v *View) agreed() bool { return v.Usable() >= v.Quorum() }

// Reachable says how CKQUORUM comes out: whether the quorum is there, and a majority.
func (v *View) Reachable() (quorum, majority bool) {
	return v.agreed(), v.Usable() >= v.majority()
}

// replicas are the nodes that are not the master.
func (v *View) replicas() (out []*Node) {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; n.ID != v.Last {
			out = append(out, n)
		}
	}
	return out
}

// others are the Sentinels beside the other nodes.
func (v *View) others() (out []*Node) {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; n.ID != v.Self && n.SentinelPort != 0 {
			out = append(out, n)
		}
	}
	return out
}

// Status is how INFO calls the master's state.
func (v *View) Status() string {
	switch {
	case v.leader() != nil:
		return "ok"
	case v.agreed():
		return "odown"
	}
	return "sdown"
}

// InfoLines are the masters in INFO's section Sentinel: "master0" and what it says.
func (v *View) InfoLines() (out []Field) {
	m := v.master()
	for i, name := range v.Names {
		out = append(out, Field{"master" + strconv.Itoa(i), fmt.Sprintf("name=%s,status=%s,address=%s,slaves=%d,sentinels=%d",
			name, v.Status(), m.Addr(), len(v.replicas()), len(v.others())+1)})
	}
	return out
}
