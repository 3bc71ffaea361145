package engine

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"regent/engine/config"
)

// What a Cluster answers, beside ports.go.

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

// Why the nodes are not changed as asked; ErrNotLeading and ErrHandoverRuns
// count here, too.
var (
	ErrAlone            = errors.New("a server without peers")
	ErrChangeRuns       = errors.New("another change is under way")
	ErrChangeReplaced   = errors.New("another change of the same node came after it")
	ErrChangeUnknown    = errors.New("it is not known what became of the change")
	ErrStillLearning    = errors.New("the node has not caught up yet")
	ErrLeaderStays      = errors.New("the leader cannot be removed")
	ErrLeaderAddr       = errors.New("the leader's address is what it announces")
	ErrNoSuchNode       = errors.New("no such node")
	ErrFarWithoutSecret = errors.New("a node beyond this machine, and no secret")
)

// A TakenError says that another node is where one is said to be.
type TakenError struct{ By config.Peer }

func (e *TakenError) Error() string { return fmt.Sprintf("node %d is at %s", e.By.ID, e.By.Addr()) }

// An UnprovedError says that a node did not prove itself at an address.
type UnprovedError struct {
	Node config.Peer
	Err  error
}

func (e *UnprovedError) Error() string {
	return fmt.Sprintf("node %d has not proved that it is at %s: %v", e.Node.ID, e.Node.Addr(), e.Err)
}

func (e *UnprovedError) Unwrap() error { return e.Err }

// An ApartError says that one node is reached over the loopback interface and
// another one is not.
type ApartError struct{ Near, Far config.Peer }

func (e *ApartError) Error() string {
	return fmt.Sprintf("%s is on one machine alone, and %s need not be there", e.Near.Addr(), e.Far.Addr())
}

// What a node is, for View.Membership.
const (
	MemberVoter   = "voter"
	MemberLearner = "learner" // follows, and votes when it has caught up
	MemberJoining = "joining" // has never been a member
	MemberRemoved = "removed"
)

// Followers are the other nodes that are up.
func (v *View) Followers() (out []*NodeView) {
	for i := range v.Nodes {
		if n := &v.Nodes[i]; !n.Myself && n.Up {
			out = append(out, n)
		}
	}
	return out
}

// SplitAddr takes host:port or [host]:port apart; false for a unix socket's
// path.
func SplitAddr(addr string) (host string, port int, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 || strings.HasPrefix(addr, "/") {
		return "", 0, false
	}
	port, err := strconv.Atoi(addr[i+1:])
	return strings.Trim(addr[:i], "[]"), port, err == nil && port > 0
}
