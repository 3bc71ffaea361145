package engine

import (
	"cmp"
	"slices"

	"regent/engine/config"
)

// A Face is what a node shows to one kind of client. It belongs to the port that a
// client has come to: the listener says it when the session begins, and it does not
// change. All faces are over the same sessions, commands and data.
//
//	face          where it is             clients see
//	FacePort      port, unixsocket        a cluster where there are peers, or with cluster-enabled yes; else as FacePlain
//	FacePlain     plain-port              a standalone server, a primary or a replica
//	FaceSentinel  sentinel-port           one of N Sentinels
//
// Each has a second port, for TLS: tls-port, tls-plain-port, tls-sentinel-port. A client is
// told of ports of its own kind as far as there are any (View.toward).
//
// What asks for it: the gates (what a node that does not lead answers), HELLO, INFO,
// ROLE, CLUSTER, and all that spells a node's address (NodeView.At).
type Face uint8

// The faces. A session that nobody has told is one of the port's.
const (
	FacePort Face = iota
	FacePlain
	FaceSentinel
	faces = 3
)

// showsCluster reports whether a client that came to this face sees a cluster.
func (e *Engine) showsCluster(f Face, v *View) bool {
	return f == FacePort && (v.Clustered || e.Config.ClusterEnabled.Get())
}

// tableAt is the commands of a face.
func (e *Engine) tableAt(f Face) *table {
	if f == FaceSentinel {
		return e.guard
	}
	return e.table
}

// facePort is the port at which a client of a face is.
func (e *Engine) facePort(f Face, tls bool) int64 {
	if tls {
		return [faces]*config.Int{FacePort: &e.Config.TLSPort, FacePlain: &e.Config.TLSPlainPort, FaceSentinel: &e.Config.TLSSentinelPort}[f].Get()
	}
	switch f {
	case FacePlain:
		return e.Config.PlainPort.Get()
	case FaceSentinel:
		return e.Config.SentinelPort.Get()
	}
	return e.Config.Port.Get()
}

// Face is what the node shows to the session's client.
func (c *Ctx) Face() Face { return c.s.face }

// ClusterFace reports whether the client sees a cluster here.
func (c *Ctx) ClusterFace() bool { return c.e.showsCluster(c.s.face, c.e.cluster.View()) }

// mode is what HELLO and INFO call the server's mode.
func (e *Engine) mode(f Face, v *View) string {
	switch {
	case f == FaceSentinel:
		return "sentinel"
	case e.showsCluster(f, v):
		return "cluster"
	}
	return "standalone"
}

// At is where clients of a face reach the node: the one answer for MOVED, CLUSTER
// SLOTS, SHARDS and NODES, ROLE, INFO, SENTINEL and REDIRECT. A node without a port for
// plain clients is reached by them at its port. ok is false for a face that the node
// does not show, or that is not known yet.
func (n *NodeView) At(f Face) (host string, port int, ok bool) {
	switch {
	case f == FaceSentinel:
		return n.Host, n.SentinelPort, n.SentinelPort != 0
	case f == FacePlain && n.PlainPort != 0:
		return n.Host, n.PlainPort, true
	}
	return n.Host, n.Port, n.Port != 0
}

// spelled is At as Redis spells an address, "" for none.
func (n *NodeView) spelled(f Face) string {
	host, port, ok := n.At(f)
	if !ok {
		return ""
	}
	return config.Spell(host, port)
}

// toward is the view as clients are told of it that speak TLS, or do not: the nodes have
// the ports for them.
func (v *View) toward(tls bool) *View {
	if !tls {
		return v
	}
	out := *v
	out.Nodes = slices.Clone(v.Nodes)
	for i := range out.Nodes {
		n := &out.Nodes[i]
		// A plain client without a port of its kind goes to the port of all, by TLS too.
		n.PlainPort = cmp.Or(n.TLS.Plain, n.TLS.Port, n.PlainPort)
		n.Port = cmp.Or(n.TLS.Port, n.Port)
		n.SentinelPort = cmp.Or(n.TLS.Sentinel, n.SentinelPort)
		if n.Leader && v.Leader != "" {
			out.Leader = config.Spell(n.Host, n.Port)
		}
	}
	return &out
}
