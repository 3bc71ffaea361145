package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"regent/engine"
	"regent/engine/config"
	"regent/engine/spec"
	"regent/resp"
)

// REGENT NODE: which nodes there are, and changing that while they run. LIST is
// answered by every node; ADD and REMOVE by the leader, others say MOVED. Both
// wait, with their session parked, until the change is in force.

// nodeChangeWait is how long a client waits for a change of the nodes: for a
// full copy it may have to ask again.
const nodeChangeWait = 30 * time.Second

// regentNode is the literal of REGENT NODE.
func regentNode() engine.Command {
	return engine.Command{Administer: doRegentNode, Command: spec.Command{
		Name: "node", Arity: -3, Flags: spec.Admin | spec.NoScript | spec.NoMulti | spec.Stale, Since: "7.0.0", Complex: "O(N) in the number of nodes",
		Summary: "Lists the nodes, takes one in, or takes one out.",
		Args: spec.Args{spec.OneOf("action",
			spec.Word("list", "LIST"),
			spec.String("id@host:port").With("ADD"),
			spec.Integer("node-id").With("REMOVE"))},
	}}
}

func doRegentNode(c *engine.Ctx, a engine.Administration) {
	action, args := c.Args[2], c.Args[3:]
	switch {
	case spec.EqualFold(action, "list") && len(args) == 0:
		listNodes(c)
	case spec.EqualFold(action, "add") && len(args) == 1:
		p, err := config.ParsePeer(string(args[0]))
		if err != nil {
			c.Err(fmt.Sprintf(resp.ErrNodeAddr, err))
			return
		}
		changeNodes(c, p.ID, func() error { return a.AddNode(p, nodeChangeWait) })
	case spec.EqualFold(action, "remove") && len(args) == 1:
		id, ok := c.IntArg(args[0])
		if !ok {
			return
		}
		changeNodes(c, id, func() error { return a.RemoveNode(id, nodeChangeWait) })
	default:
		c.Err(fmt.Sprintf(resp.ErrSubSyntax, engine.Clip(action, 128), "REGENT"))
	}
}

// changeNodes parks the session while the cluster carries out a change.
func changeNodes(c *engine.Ctx, id int64, change func() error) {
	v := c.View()
	switch {
	case !v.Clustered:
		c.Err(resp.ErrNodeAlone)
		return
	case !v.Leading && (v.Leader != "" || !v.Electing): // it may be about to lead
		notLeading(c, v)
		return
	}
	c.InBackground(change, func(c *engine.Ctx, err error) {
		if err == nil {
			c.W.OK()
			return
		}
		refuseChange(c, id, err)
	})
}

// notLeading sends an operator to the leader, as it sends a write there.
func notLeading(c *engine.Ctx, v *engine.View) {
	if v.Leader == "" || v.LeaderID == v.NodeID {
		c.Err(resp.ErrClusterDown)
		return
	}
	c.Err(fmt.Sprintf(resp.ErrMoved, 0, v.Leader))
}

func refuseChange(c *engine.Ctx, id int64, err error) {
	for _, known := range []struct {
		err  error
		text string
	}{
		{engine.ErrAlone, resp.ErrNodeAlone},
		{engine.ErrChangeRuns, resp.ErrNodeBusy},
		{engine.ErrHandoverRuns, resp.ErrNodeBusy},
		{engine.ErrChangeReplaced, resp.ErrNodeReplaced},
		{engine.ErrChangeUnknown, resp.ErrNodeUncertain},
		{engine.ErrFarWithoutSecret, resp.ErrNodeSecret},
	} {
		if errors.Is(err, known.err) {
			c.Err(known.text)
			return
		}
	}
	for _, known := range []struct {
		err  error
		text string
	}{
		{engine.ErrStillLearning, resp.ErrNodeLearns},
		{engine.ErrLeaderStays, resp.ErrNodeLeads},
		{engine.ErrLeaderAddr, resp.ErrNodeLeaderAddr},
		{engine.ErrNoSuchNode, resp.ErrNodeUnknown},
	} {
		if errors.Is(err, known.err) {
			c.Err(fmt.Sprintf(known.text, id))
			return
		}
	}
	var taken *engine.TakenError
	var unproved *engine.UnprovedError
	var apart *engine.ApartError
	switch {
	case errors.Is(err, engine.ErrNotLeading):
		notLeading(c, c.View())
	case errors.As(err, &taken):
		c.Err(fmt.Sprintf(resp.ErrNodeTakenBy, taken.By.ID, taken.By.Addr()))
	case errors.As(err, &unproved):
		c.Err(fmt.Sprintf(resp.ErrNodeUnproved, unproved.Node.ID, unproved.Node.Addr(), unproved.Err))
	case errors.As(err, &apart):
		c.Err(fmt.Sprintf(resp.ErrNodeLoopback, apart.Near.Addr(), apart.Far.Addr()))
	default:
		c.Err(fmt.Sprintf(resp.ErrNodeChange, err))
	}
}

// listNodes answers with a map for each node.
func listNodes(c *engine.Ctx) {
	t := topologyOf(c)
	c.W.Array(len(t.nodes))
	for i := range t.nodes {
		nd := &t.nodes[i]
		role, link := "follower", "up"
		switch {
		case nd == t.leader && t.serves:
			role = "leader"
		case nd.Myself && nd.Learner:
			role = t.view.Membership
		case nd.Learner:
			role = engine.MemberLearner
		case nd.Witness:
			role = "witness"
		}
		if !nd.Up && !nd.Myself {
			link = "down"
		}
		text := func(name, value string) { c.W.BulkString(name); c.W.BulkString(value) }
		c.W.Map(5)
		c.W.BulkString("id")
		c.W.Int(nd.ID)
		text("address", cmp.Or(nd.PeerAddr, config.Spell(nd.Host, nd.Port)))
		text("role", role)
		text("link", link)
		c.W.BulkString("offset")
		c.W.Int(nd.Offset)
	}
}
