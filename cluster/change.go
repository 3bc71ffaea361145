package cluster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/engine"
	"regent/engine/config"
	"regent/resp"
)

// Changes of the nodes by command, at the leader. The state machine has the
// rules (bully/members.go); here is what asks, what waits, and what goes on by
// itself:
//
//	REGENT NODE ADD ──► learner ──► it has caught up: the leader, whichever that
//	                                is by then, makes it a voter ──► OK
//	REGENT NODE REMOVE ──► out ──► OK
//
// A change is over when it is in force: Status.Members say so, and a majority
// has them. Whoever waits for it learns this, or that it cannot be known here:
// this node does not lead any more, or the time is over.

// A change is one that somebody waits for.
type change struct {
	id    int64 // the node that it is about
	epoch int64 // of the leadership that carries it out
	done  func(*bully.Configuration) bool
	over  chan error // holds one
}

// Limits of the proof that a node is where it is said to be.
const (
	// proveWait bounds the tries from below, which may take an election timeout where that is
	// longer, since a way as slow takes four of them there and back: a node may have been
	// started a moment ago.
	proveWait = 3 * time.Second
	// proveDial bounds one of them from below, where the election's timeout is
	// shorter: a name is looked up, perhaps far away.
	proveDial = time.Second
)

// AddNode takes a node in, or tells where one is that moved. The node is dialled
// there first, and has to prove its ID: a wrong word would cost a voter. It returns
// when the change is in force, at most after limit.
func (c *Cluster) AddNode(p config.Peer, limit time.Duration) error {
	end := time.Now().Add(limit)
	if p.Far() && c.secrets.None() && !c.opts.Config.PeersWithoutSecret.Get() {
		return engine.ErrFarWithoutSecret
	}
	st := c.risen(limit)
	if st.Role != bully.Leader || !st.Serving {
		return engine.ErrNotLeading
	}
	list, err := c.fit(p)
	if err != nil {
		return err
	}
	settled := func(now *bully.Configuration) bool {
		return slices.Contains(now.Voters, p.ID) && c.places(now)[p.ID] == p
	}
	if p.ID != c.id && !settled(&st.Members) {
		if _, _, apart := config.Apart(list); apart {
			return apartError(list)
		}
		err := c.prove(p, min(limit, max(proveWait, c.timeout)))
		switch {
		case c.ctx.Err() != nil:
			return engine.ErrNotLeading
		case err != nil:
			return &engine.UnprovedError{Node: p, Err: err}
		}
	}
	return c.change(p.ID, time.Until(end), func(to *bully.Configuration, _ []config.Peer) ([]config.Peer, error) {
		if !to.Has(p.ID) {
			to.Learners = append(slices.Clone(to.Learners), p.ID)
		}
		return c.fit(p) // it may have changed meanwhile
	}, settled)
}

func apartError(list []config.Peer) error {
	near, far, _ := config.Apart(list)
	return &engine.ApartError{Near: near, Far: far}
}

// fit is the list of nodes with p in its place: one node has one address, and one
// address one node.
func (c *Cluster) fit(p config.Peer) ([]config.Peer, error) {
	list := slices.Clone(c.roster.Load().list)
	for _, q := range list {
		switch {
		case q.ID == p.ID && p.ID == c.id && q != p:
			return nil, engine.ErrLeaderAddr
		case q.ID != p.ID && q.Addr() == p.Addr():
			return nil, &engine.TakenError{By: q}
		}
	}
	i := slices.IndexFunc(list, func(q config.Peer) bool { return q.ID == p.ID })
	if i < 0 {
		return append(list, p), nil
	}
	list[i] = p
	return list, nil
}

// prove dials a node where it is said to be and has it prove that it is there. A
// node that is not up yet is tried again, one that says something else is not.
func (c *Cluster) prove(p config.Peer, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	d := peer.Dialer{Secrets: c.secrets, Limit: max(c.timeout, proveDial), Net: c.opts.Dial, TLS: c.opts.TLS}
	h := peer.Hello{Cluster: c.ownID(), From: c.id, To: p.ID, Kind: peer.Probe, Process: c.process}
	var last error
	for pause := peer.NewBackoff(c.opts.Host.Rand); pause.Wait(ctx, nil); {
		conn, err := d.Dial(ctx, p.Addr(), h)
		if err == nil {
			return conn.Close()
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		var refusal *peer.Refusal
		if errors.Is(err, peer.ErrSecret) || errors.Is(err, peer.ErrForeign) || errors.As(err, &refusal) && refusal.Text != resp.ErrLoading {
			return err
		}
	}
	return cmp.Or(last, context.DeadlineExceeded)
}

// RemoveNode takes a node out; as AddNode. A leader that is to be taken out hands
// over first, and ErrNotLeading sends the client that asks to the next one.
func (c *Cluster) RemoveNode(id int64, limit time.Duration) error {
	c.risen(limit)
	if id == c.id {
		return c.yield(limit)
	}
	return c.change(id, limit, func(to *bully.Configuration, list []config.Peer) ([]config.Peer, error) {
		if !to.Has(id) {
			return nil, engine.ErrNoSuchNode
		}
		out := func(ids []int64) []int64 {
			return slices.DeleteFunc(slices.Clone(ids), func(x int64) bool { return x == id })
		}
		to.Voters, to.Learners = out(to.Voters), out(to.Learners)
		return slices.DeleteFunc(list, func(p config.Peer) bool { return p.ID == id }), nil
	}, func(now *bully.Configuration) bool { return !now.Has(id) })
}

// Limits of waiting for a change of leader.
const (
	// riseTimes bounds in T how long a node that is elected takes to serve.
	riseTimes = 4
)

// risen is what this node is, once it serves if it has been elected: a node that was
// sent here by the last leader comes a moment early.
func (c *Cluster) risen(limit time.Duration) bully.Status {
	var st bully.Status
	c.until(min(limit, riseTimes*c.timeout), func() bool {
		st = c.status()
		return st.Role != bully.Leader || st.Serving && c.View().Leading
	})
	return st
}

// yield hands over to the best node and returns ErrNotLeading once another node
// leads.
func (c *Cluster) yield(limit time.Duration) error {
	switch err := c.giveAway(limit); {
	case errors.Is(err, engine.ErrNoTarget):
		return engine.ErrLeaderStays
	case err != nil:
		return err
	}
	err := engine.ErrChangeUnknown
	c.until(limit, func() bool {
		st := c.status()
		switch v := c.View(); {
		case !v.Leading && v.LeaderID != 0 && v.LeaderID != c.id:
			err = engine.ErrNotLeading
		case st.Role == bully.Leader && st.Handover == bully.NoHandover:
			err = engine.ErrLeaderStays // it came to nothing
		default:
			return false
		}
		return true
	})
	return err
}

// change carries out one change: edit makes the wanted configuration of the
// present one and the list of its nodes, done recognises it.
func (c *Cluster) change(id int64, limit time.Duration,
	edit func(*bully.Configuration, []config.Peer) ([]config.Peer, error), done func(*bully.Configuration) bool,
) error {
	ch := &change{id: id, done: done, over: make(chan error, 1)}
	err := engine.ErrNotLeading
	c.do(func(now time.Duration) (o bully.Output) {
		st := c.node.Status()
		if st.Role != bully.Leader || !st.Serving {
			return o
		}
		if c.busyWith(id, &st) {
			err = engine.ErrChangeRuns
			return o
		}
		to := st.Members
		var list []config.Peer
		if list, err = edit(&to, slices.Clone(c.roster.Load().list)); err != nil {
			return o
		}
		to.Addrs = config.FormatPeers(list)
		if st.Members.Addrs == "" && slices.Equal(list, c.roster.Load().list) {
			to.Addrs = "" // nothing changes
		}
		if o, err = c.node.SetMembers(now, to); err != nil {
			err = changeError(err)
			return o
		}
		c.withdraw()
		ch.epoch = st.Epoch
		c.changing = ch
		c.judge()
		return o
	})
	if err != nil {
		return err
	}
	return c.await(ch, limit)
}

// busyWith reports whether a change is under way that one about a node has to
// wait for. Who still learns may be moved or taken out. The caller holds mu.
func (c *Cluster) busyWith(id int64, st *bully.Status) bool {
	other := func(x int64) bool { return x != id }
	return st.Changing || c.changing != nil && c.changing.id != id || slices.ContainsFunc(st.Members.Learners, other)
}

// withdraw ends the wait for a change that another one replaces. The caller
// holds mu.
func (c *Cluster) withdraw() {
	if c.changing != nil {
		c.changing.over <- engine.ErrChangeReplaced
		c.changing = nil
	}
}

// judge tells the sessions that wait for a change what has become of it, if that is
// decided. The caller holds mu.
func (c *Cluster) judge() {
	ch := c.changing
	if ch == nil {
		return
	}
	st := c.node.Status()
	switch {
	case st.Role != bully.Leader || st.Epoch != ch.epoch:
		ch.over <- engine.ErrChangeUnknown
	case st.Changing || !ch.done(&st.Members):
		return
	default:
		ch.over <- nil
	}
	c.changing = nil
}

// await waits until a change is decided.
func (c *Cluster) await(ch *change, limit time.Duration) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case err := <-ch.over:
		return err
	case <-c.ctx.Done():
		return engine.ErrChangeUnknown
	case <-t.C:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changing == ch {
		c.changing = nil
	}
	select {
	case err := <-ch.over: // just now
		return err
	default:
	}
	if st := c.node.Status(); !st.Changing && slices.Contains(st.Members.Learners, ch.id) {
		return engine.ErrStillLearning
	}
	return engine.ErrChangeUnknown
}

// promote makes a learner that has caught up a voter. Each leader tries at each
// beat: one that has begun to learn under another leader is taken in as well.
func (c *Cluster) promote(now time.Duration) bully.Output {
	st := c.node.Status()
	if st.Role != bully.Leader || !st.Serving || st.Changing || len(st.Members.Learners) == 0 {
		return bully.Output{}
	}
	to := st.Members
	to.Voters = append(slices.Clone(to.Voters), to.Learners[0])
	to.Learners = to.Learners[1:]
	o, _ := c.node.SetMembers(now, to) // not yet, if it is refused
	return o
}

func changeError(err error) error {
	switch {
	case errors.Is(err, bully.ErrChangeRuns):
		return engine.ErrChangeRuns
	case errors.Is(err, bully.ErrHandoverRuns):
		return engine.ErrHandoverRuns
	case errors.Is(err, bully.ErrNotLeading):
		return engine.ErrNotLeading
	}
	return err
}
