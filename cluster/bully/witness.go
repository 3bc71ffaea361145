package bully

// A witness: a voter with the log and without the data; see doc.go for what that is
// for, and why it is safe. All of its part of the protocol is here, but for the fields of Message
// and Config.

// mayServe: a witness has nothing to serve.
func (n *Node) mayServe() bool { return !n.cfg.Witness || n.rules.witnessServes }

// isWitness reports whether a node is known to be a witness.
func (n *Node) isWitness(id int64) bool {
	if id == n.cfg.ID {
		return n.cfg.Witness
	}
	p := n.peer(id)
	return p != nil && p.witness
}

// PeerIsWitness tells what the driver has heard of a peer: a follower has no words of other
// followers, and would let a witness go first. Like PeerReachable it decides nothing else.
func (n *Node) PeerIsWitness(id int64, is bool) {
	if p := n.peer(id); p != nil {
		p.witness = is
	}
}

// yieldsTo reports whether a node with the same log should lead before this one: one with
// data before a witness, and of two of a kind the higher ID.
func (n *Node) yieldsTo(id int64, witness bool) bool {
	if witness != n.cfg.Witness {
		return n.cfg.Witness
	}
	return id > n.cfg.ID
}

// passOn has a witness that leads hand over to a node with data as soon as there is one
// that lacks little: of those that were tried least often the highest ID.
func (n *Node) passOn() {
	if !n.cfg.Witness || n.role != Leader || n.rules.witnessKeeps || n.mayHandOver() != nil {
		return
	}
	var best *peer
	for _, p := range n.peers {
		if n.canLead(p) && n.isNear(p) && n.now >= p.retryAt && (best == nil || p.tries <= best.tries) {
			best = p // peers ascend by ID
		}
	}
	if best != nil {
		n.beginHandover(best, NoReason, n.now+n.cfg.pause())
	}
}

// heldByData is the offset up to which all voters with data hold this leader's log durably,
// as far as it knows.
func (n *Node) heldByData() int64 {
	held := n.pos.Offset
	if !n.cfg.Witness {
		held = n.durable
	}
	for _, p := range n.peers {
		if p.voter && !p.witness && !n.rules.witnessDrops {
			held = min(held, p.acked)
		}
	}
	return held
}

// dataHeld is Status.Held.
func (n *Node) dataHeld() int64 {
	switch {
	case !n.cfg.Witness:
		return 0
	case n.role == Leader:
		return n.heldByData()
	}
	return n.held
}
