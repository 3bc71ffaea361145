package server

import "container/list"

// seldom is what few clients have, so that the others, of which there may be many
// thousands, do not pay for it.
type seldom struct {
	hello [][]byte    // the command with which its connection is given away; nil: it is not
	away  [][]byte    // the command with which it goes to another node; nil: it stays
	lent  []lentInput // input before, which the log may still need

	heldSpan []byte // in which held is, nil: it is elsewhere
	outSpan  []byte // in which out is, or was before it grew

	stranger     *list.Element // its place among the strangers; Server.mu's
	strangeSince int64         // Server.ticks; Server.mu's
}

// rarely is c.seldom, to write to.
func (c *client) rarely() *seldom {
	if c.seldom == nil {
		c.seldom = &seldom{}
	}
	return c.seldom
}

// hello is the command with which the connection is given away, nil: it is not.
func (c *client) hello() [][]byte {
	if !c.departs {
		return nil
	}
	return c.seldom.hello
}

// away is the command with which the client goes to another node, nil: it stays.
func (c *client) away() [][]byte {
	if !c.departs {
		return nil
	}
	return c.seldom.away
}

// sendAway has the client go to another node, with a command.
func (c *client) sendAway(args [][]byte) {
	c.rarely().away, c.departs = args, true
}
