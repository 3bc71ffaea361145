package engine

import (
	"errors"
	"time"

	"regent/resp"
)

// Planned changes of leader, by command: FAILOVER at the leader, CLUSTER
// FAILOVER at a follower. Both answer at once; how it goes on is in INFO
// (master_failover_state). Nothing is ever lost by one: FORCE and TAKEOVER are
// taken, and force nothing that would.

// Why the cluster does not begin a handover.
var (
	ErrHandoverRuns = errors.New("a handover is under way")
	ErrNotLeading   = errors.New("this node does not lead")
	ErrNoTarget     = errors.New("no node can take over")
	ErrNoLeader     = errors.New("no leader is known")
)

// States of a handover in Redis's words, for View.Handover.
const (
	HandoverNone    = "no-failover"
	HandoverWaiting = "waiting-for-sync"
	HandoverRuns    = "failover-in-progress"
)

// longestHandover is how long FAILOVER without TIMEOUT may wait for its target.
const longestHandover = time.Hour

func failoverCommands() []Command {
	return []Command{{
		Name: "failover", Arity: -1, Flags: Admin | NoScript | Stale, Group: GroupServer, Since: "6.2.0", Complex: "O(1)",
		Summary: "Hands leadership over to another node.",
		Args: []Arg{
			argBlock("target", arg("host", "string"), arg("port", "integer"), argWord("force", "FORCE").optional()).token("TO").optional(),
			argWord("abort", "ABORT").optional(),
			arg("milliseconds", "integer").token("TIMEOUT").optional(),
		},
		Do: doFailover,
	}}
}

// clusterFailover is the literal of CLUSTER FAILOVER.
func clusterFailover() Command {
	return Command{
		Name: "failover", Arity: -2, Flags: clusterAdmin | NoAsyncLoading, Since: "3.0.0", Complex: "O(1)",
		Summary: "Asks the leader to hand over to this node.",
		Args:    []Arg{argOneOf("options", argWord("force", "FORCE"), argWord("takeover", "TAKEOVER")).optional()},
		Do:      doClusterFailover,
	}
}

// A failoverOrder is what FAILOVER was told.
type failoverOrder struct {
	host    string
	port    int64
	to      bool
	force   bool
	timeout int64 // ms, 0: none
}

func (c *Ctx) failoverOrder() (o failoverOrder, ok bool) {
	args := c.Args[1:]
	for len(args) > 0 {
		switch {
		case equalFold(args[0], "timeout") && len(args) > 1 && o.timeout == 0:
			if o.timeout, ok = parseInt(args[1]); !ok || o.timeout < 1 {
				c.Err(resp.ErrFailoverTimeout)
				return o, false
			}
			args = args[2:]
		case equalFold(args[0], "to") && len(args) > 2 && !o.to:
			if o.port, ok = c.intArg(args[2]); !ok {
				return o, false
			}
			o.to, o.host = true, string(args[1])
			args = args[3:]
		case equalFold(args[0], "force") && !o.force:
			o.force = true
			args = args[1:]
		default:
			c.Err(resp.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func doFailover(c *Ctx) {
	if len(c.Args) == 2 && equalFold(c.Args[1], "abort") {
		if !c.E.cluster.AbortHandover() {
			c.Err(resp.ErrNoFailover)
			return
		}
		c.W.OK()
		return
	}
	o, ok := c.failoverOrder()
	if !ok {
		return
	}
	v := c.E.cluster.View()
	followers := v.followers()
	var target int64
	msg := ""
	switch {
	case v.Handover != "" && v.Handover != HandoverNone:
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
	c.answerHandover(c.E.cluster.Handover(target, limit))
}

func findTarget(followers []*NodeView, o failoverOrder) (id int64, msg string) {
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

func (c *Ctx) answerHandover(err error) {
	switch {
	case err == nil:
		c.W.OK()
	case errors.Is(err, ErrHandoverRuns):
		c.Err(resp.ErrFailoverRuns)
	case errors.Is(err, ErrNoTarget):
		c.Err(resp.ErrFailoverOffline)
	default:
		c.Err(resp.ErrFailoverReplica)
	}
}

func doClusterFailover(c *Ctx) {
	if n := len(c.Args); n > 3 || n == 3 && !equalFold(c.Args[2], "force") && !equalFold(c.Args[2], "takeover") {
		c.Err(resp.ErrSyntax)
		return
	}
	v := c.E.cluster.View()
	switch {
	case v.Leading:
		c.Err(resp.ErrFailoverToReplica)
		return
	case v.Leader == "":
		c.Err(resp.ErrFailoverUnknown)
		return
	}
	if err := c.E.cluster.AskHandover(); err != nil {
		c.Err(resp.ErrFailoverUnknown)
		return
	}
	c.W.OK()
}
