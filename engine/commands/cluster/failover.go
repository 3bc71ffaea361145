package cluster

import (
	"errors"
	"time"

	"regent/engine"
	"regent/engine/spec"
	"regent/resp"
)

// Planned changes of leader, by command: FAILOVER at the leader, CLUSTER
// FAILOVER at a follower. Both answer at once; how it goes on is in INFO
// (master_failover_state). Nothing is ever lost by one: FORCE and TAKEOVER are
// taken, and force nothing that would.

// longestHandover is how long FAILOVER without TIMEOUT may wait for its target.
const longestHandover = time.Hour

func failoverCommands() []engine.Command {
	return []engine.Command{{Administer: doFailover, Command: spec.Command{
		Name: "failover", Arity: -1, Flags: spec.Admin | spec.NoScript | spec.Stale, Group: spec.GroupServer, Since: "6.2.0", Complex: "O(1)",
		Summary: "Hands leadership over to another node.",
		Args: spec.Args{
			spec.Block("target", spec.String("host"), spec.Integer("port"), spec.Word("force", "FORCE").Opt()).With("TO").Opt(),
			spec.Word("abort", "ABORT").Opt(),
			spec.Integer("milliseconds").With("TIMEOUT").Opt(),
		},
	}}}
}

// clusterFailover is the literal of CLUSTER FAILOVER.
func clusterFailover() engine.Command {
	return engine.Command{Administer: doClusterFailover, Command: spec.Command{
		Name: "failover", Arity: -2, Flags: clusterAdmin | spec.NoAsyncLoading, Since: "3.0.0", Complex: "O(1)",
		Summary: "Asks the leader to hand over to this node.",
		Args:    spec.Args{spec.OneOf("options", spec.Word("force", "FORCE"), spec.Word("takeover", "TAKEOVER")).Opt()},
	}}
}

// A failoverOrder is what FAILOVER was told.
type failoverOrder struct {
	host    string
	port    int64
	to      bool
	force   bool
	timeout int64 // ms, 0: none
}

func orderArgs(c *engine.Ctx) (o failoverOrder, ok bool) {
	args := c.Args[1:]
	for len(args) > 0 {
		switch {
		case spec.EqualFold(args[0], "timeout") && len(args) > 1 && o.timeout == 0:
			if o.timeout, ok = c.IntArg(args[1]); !ok {
				return o, false
			}
			if o.timeout < 1 {
				c.Err(resp.ErrFailoverTimeout)
				return o, false
			}
			args = args[2:]
		case spec.EqualFold(args[0], "to") && len(args) > 2 && !o.to:
			if o.port, ok = c.IntArg(args[2]); !ok {
				return o, false
			}
			o.to, o.host = true, string(args[1])
			args = args[3:]
		case spec.EqualFold(args[0], "force") && !o.force:
			o.force = true
			args = args[1:]
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func doFailover(c *engine.Ctx, a engine.Administration) {
	if len(c.Args) == 2 && spec.EqualFold(c.Args[1], "abort") {
		if !a.AbortHandover() {
			c.Err(resp.ErrNoFailover)
			return
		}
		c.W.OK()
		return
	}
	o, ok := orderArgs(c)
	if !ok {
		return
	}
	v := c.View()
	followers := v.Followers()
	var target int64
	msg := ""
	switch {
	case v.Handover != "" && v.Handover != engine.HandoverNone:
		msg = resp.ErrFailoverRuns
	case !v.Leading:
		msg = resp.ErrFailoverReplica
	case len(followers) == 0:
		msg = resp.ErrFailoverAlone
	case o.force && (o.timeout == 0 || !o.to):
		msg = resp.ErrFailoverForce
	case o.to:
		target, msg = findTarget(followers, o)
	}
	if msg != "" {
		c.Err(msg)
		return
	}
	limit := longestHandover
	if o.timeout > 0 && o.timeout < longestHandover.Milliseconds() {
		limit = time.Duration(o.timeout) * time.Millisecond
	}
	answerHandover(c, a.Handover(target, limit))
}

func findTarget(followers []*engine.NodeView, o failoverOrder) (id int64, msg string) {
	for _, n := range followers {
		if n.Host != o.host || int64(n.Port) != o.port {
			continue
		}
		if n.Copy != "" {
			return 0, resp.ErrFailoverOffline
		}
		return n.ID, ""
	}
	return 0, resp.ErrFailoverTarget
}

func answerHandover(c *engine.Ctx, err error) {
	switch {
	case err == nil:
		c.W.OK()
	case errors.Is(err, engine.ErrHandoverRuns):
		c.Err(resp.ErrFailoverRuns)
	case errors.Is(err, engine.ErrNoTarget):
		c.Err(resp.ErrFailoverOffline)
	default:
		c.Err(resp.ErrFailoverReplica)
	}
}

func doClusterFailover(c *engine.Ctx, a engine.Administration) {
	if n := len(c.Args); n > 3 || n == 3 && !spec.EqualFold(c.Args[2], "force") && !spec.EqualFold(c.Args[2], "takeover") {
		c.Err(resp.ErrSyntax)
		return
	}
	v := c.View()
	switch {
	case v.Leading:
		c.Err(resp.ErrFailoverToReplica)
		return
	case v.Leader == "":
		c.Err(resp.ErrFailoverUnknown)
		return
	}
	if err := a.AskHandover(); err != nil {
		c.Err(resp.ErrFailoverUnknown)
		return
	}
	c.W.OK()
}
