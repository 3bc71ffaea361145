package cluster

import (
	"fmt"
	"slices"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/slots"
	"regent/resp"
)

// A topology is a View as cluster clients are told of it.
//
//	leader known, its lease holds   one master with all slots, replicas below it
//	none at the moment              the last one stays listed, cluster_state:fail
//	there was none yet              no slots for anyone
//
// A client that were told of no master would forget all nodes, or fail for good:
// so it asks the last one, and finds the next by MOVED.
type topology struct {
	view   *engine.View
	nodes  []engine.NodeView
	me     *engine.NodeView
	leader *engine.NodeView // that leads, or did last; nil: there was none yet
	serves bool             // it leads, as far as is known here
	tls    bool             // nodes speak TLS with one another
}

// topologyOf is the state as of now. A leader whose lease has run out is the last
// one.
func topologyOf(c *engine.Ctx) topology {
	v := c.View()
	t := topology{view: v, nodes: v.Nodes, tls: c.Config().TLSPeers()}
	if !v.Clustered {
		t.nodes = []engine.NodeView{lone(c, v)}
	}
	if !slices.ContainsFunc(t.nodes, func(nd engine.NodeView) bool { return nd.Myself }) {
		t.nodes = append([]engine.NodeView{{ID: v.NodeID, Name: nodeName(v.NodeID), Myself: true, Leader: v.Leading}}, v.Nodes...)
	}
	over := v.Leading && c.LeaseOver()
	for i := range t.nodes {
		nd := &t.nodes[i]
		if nd.Myself {
			t.me = nd
		}
		switch {
		case nd.Leader:
			t.leader, t.serves = nd, !over
		case t.leader == nil && v.LeaderID == 0 && nd.ID == v.LastLeaderID:
			t.leader = nd
		}
	}
	return t
}

// lone is a server without peers as the one node of a cluster. Unless it was
// told what to call itself, its address is where the client has reached it:
// what it is bound to may mean nothing to others.
func lone(c *engine.Ctx, v *engine.View) engine.NodeView {
	nd := engine.NodeView{ID: v.NodeID}
	for i := range v.Nodes {
		if v.Nodes[i].Myself {
			nd = v.Nodes[i]
		}
	}
	nd.Myself, nd.Leader, nd.Up = true, true, true
	if nd.Name == "" {
		nd.Name = nodeName(nd.ID)
	}
	if c.Config().AnnounceHost.Get() == "" {
		if host, port, ok := engine.SplitAddr(c.LocalAddr()); ok {
			nd.Host, nd.Port = host, port
		}
	}
	return nd
}

// nodeName is the name of a node that has been given none.
func nodeName(id int64) string { return fmt.Sprintf("%040x", id) }

func (t *topology) find(name []byte) *engine.NodeView {
	for i := range t.nodes {
		if t.nodes[i].Name == string(name) {
			return &t.nodes[i]
		}
	}
	return nil
}

// replicas are the nodes with data other than the leader.
func (t *topology) replicas() (list []*engine.NodeView) {
	for i := range t.nodes {
		if nd := &t.nodes[i]; nd != t.leader && !nd.Witness {
			list = append(list, nd)
		}
	}
	return list
}

func doClusterInfo(c *engine.Ctx) {
	t := topologyOf(c)
	state, served := "ok", slots.Count
	if !t.serves {
		state, served = "fail", 0
	}
	var w engine.InfoWriter
	w.Str("cluster_state", state)
	w.Int("cluster_slots_assigned", slots.Count)
	w.Int("cluster_slots_ok", int64(served))
	w.Int("cluster_slots_pfail", 0)
	w.Int("cluster_slots_fail", int64(slots.Count-served))
	w.Int("cluster_known_nodes", int64(len(t.nodes)))
	w.Int("cluster_size", 1)
	w.Int("cluster_current_epoch", t.view.Epoch)
	w.Int("cluster_my_epoch", t.view.Epoch)
	c.W.Verbatim("txt", string(w.Bytes()))
}

// doClusterSlots names the leader, or the last one, and the replicas that can be
// reached.
func doClusterSlots(c *engine.Ctx) {
	t := topologyOf(c)
	if t.leader == nil {
		c.W.Array(0)
		return
	}
	up := []*engine.NodeView{t.leader}
	for _, nd := range t.replicas() {
		if (nd.Up || nd.Myself) && !nd.Learner {
			up = append(up, nd)
		}
	}
	w := c.W
	w.Array(1)
	w.Array(2 + len(up))
	w.Int(0)
	w.Int(slots.Count - 1)
	for _, nd := range up {
		w.Array(4)
		w.BulkString(nd.Host)
		w.Int(int64(nd.Port))
		w.BulkString(nd.Name)
		w.Map(0)
	}
}

func doClusterShards(c *engine.Ctx) {
	t := topologyOf(c)
	w := c.W
	w.Array(1)
	w.Map(2)
	w.BulkString("slots")
	if t.leader != nil {
		w.Array(2)
		w.Int(0)
		w.Int(slots.Count - 1)
	} else {
		w.Array(0)
	}
	w.BulkString("nodes")
	var data []*engine.NodeView
	for i := range t.nodes {
		if !t.nodes[i].Witness {
			data = append(data, &t.nodes[i])
		}
	}
	w.Array(len(data))
	for _, nd := range data {
		t.shardNode(w, nd)
	}
}

func (t *topology) shardNode(w *resp.Writer, nd *engine.NodeView) {
	role, health := "replica", "online"
	if nd == t.leader {
		role = "master"
	}
	switch {
	case !nd.Up && !nd.Myself:
		health = "failed"
	case nd.Learner || nd.Copy != "":
		health = "loading"
	}
	text := func(name, value string) { w.BulkString(name); w.BulkString(value) }
	// Where nodes speak TLS Redis tells both ports, whatever the client speaks. Else it tells
	// the one without alone; here clients by TLS are told that by which they can go on.
	port, tls := nd.Port, 0
	if t.tls && nd.TLS.Port != 0 {
		port, tls = nd.Bare, nd.TLS.Port
	}
	w.Map(6 + min(port, 1) + min(tls, 1))
	text("id", nd.Name)
	if port != 0 {
		w.BulkString("port")
		w.Int(int64(port))
	}
	if tls != 0 {
		w.BulkString("tls-port")
		w.Int(int64(tls))
	}
	text("ip", nd.Host)
	text("endpoint", nd.Host)
	text("role", role)
	w.BulkString("replication-offset")
	w.Int(nd.Offset)
	text("health", health)
}

func doClusterNodes(c *engine.Ctx) {
	t := topologyOf(c)
	var text []byte
	for i := range t.nodes {
		text = append(t.line(text, &t.nodes[i]), '\n')
	}
	c.W.Verbatim("txt", string(text))
}

// line describes a node:
//
//	name host:port@peers'-port flags master ping pong epoch link [slots]
//
// The peers' channel is on the client port. A witness is shown as what clients know to hold
// no data: a master without slots. Before the first leader every node is
// a replica of nobody.
func (t *topology) line(dst []byte, nd *engine.NodeView) []byte {
	flags, master, served, link := "slave", "-", "", "connected"
	switch {
	case nd == t.leader:
		flags, served = "master", fmt.Sprintf(" 0-%d", slots.Count-1)
	case nd.Witness:
		flags = "master,nofailover"
	case t.leader != nil:
		master = t.leader.Name
	}
	if nd.Myself {
		flags = "myself," + flags
	} else if !nd.Up {
		flags, link = flags+",fail", "disconnected"
	}
	return fmt.Appendf(dst, "%s %s@%d %s %s %d %d %d %s%s",
		nd.Name, config.Spell(nd.Host, nd.Port), nd.Port, flags, master, nd.PingAt, nd.PongAt, t.view.Epoch, link, served)
}

func doClusterReplicas(c *engine.Ctx) {
	t := topologyOf(c)
	nd := t.find(c.Args[2])
	switch {
	case nd == nil:
		c.Err(fmt.Sprintf(resp.ErrUnknownNode, engine.Clip(c.Args[2], 128)))
		return
	case nd != t.leader:
		c.Err(resp.ErrNotMaster)
		return
	}
	list := t.replicas()
	c.W.Array(len(list))
	for _, nd := range list {
		c.W.Bulk(t.line(nil, nd))
	}
}

func doClusterFailureReports(c *engine.Ctx) {
	t := topologyOf(c)
	nd := t.find(c.Args[2])
	if nd == nil {
		c.Err(fmt.Sprintf(resp.ErrUnknownNode, engine.Clip(c.Args[2], 128)))
		return
	}
	n := int64(0)
	if !nd.Myself && !nd.Up {
		n = 1
	}
	c.W.Int(n)
}

func doClusterLinks(c *engine.Ctx) {
	links := c.Links()
	w := c.W
	w.Array(len(links))
	for _, l := range links {
		direction := "from"
		if l.To {
			direction = "to"
		}
		text := func(name, value string) { w.BulkString(name); w.BulkString(value) }
		number := func(name string, value int64) { w.BulkString(name); w.Int(value) }
		w.Map(6)
		text("direction", direction)
		text("node", l.Node)
		number("create-time", l.CreatedAt)
		text("events", l.Events)
		number("send-buffer-allocated", l.BufAlloc)
		number("send-buffer-used", l.BufUsed)
	}
}
