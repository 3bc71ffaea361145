package list

import "regent/engine/listpack"

// A Cursor stands at an element, or beyond either end. It is good until the list
// is changed by other means than the cursor.
type Cursor struct {
	l  *List
	at position
	// Of the node: its listpack, or Even; nil: the cursor is beyond the end.
	lp   []byte
	end  int // behind the last element
	even bool
}

// At is a cursor at the element with index i, from 0 on; beyond the end if there
// is none.
func (l *List) At(i int) Cursor {
	c := Cursor{l: l}
	if i < 0 || i >= l.Len() {
		return c
	}
	if l.spine != nil {
		i = c.findNode(i)
	}
	nd := c.look()
	if i <= int(nd.n)/2 {
		c.at.p = nd.forward(nd.first(), i)
	} else {
		c.at.p = nd.backward(c.end, int(nd.n)-i)
	}
	return c
}

// findNode goes to the node that holds index i, and returns the index inside it.
func (c *Cursor) findNode(i int) int {
	s := c.l.spine
	if at := &c.at.segment; i < s.n/2 {
		for ; i >= s.segments[*at].n; *at++ {
			i -= s.segments[*at].n
		}
	} else {
		left := s.n // elements before the segment
		for *at = len(s.segments); left > i; {
			*at--
			left -= s.segments[*at].n
		}
		i -= left
	}
	seg := s.segments[c.at.segment]
	if at := &c.at.node; i < seg.n/2 {
		for ; i >= int(seg.nodes[*at].n); *at++ {
			i -= int(seg.nodes[*at].n)
		}
	} else {
		left := seg.n
		for *at = len(seg.nodes); left > i; {
			*at--
			left -= int(seg.nodes[*at].n)
		}
		i -= left
	}
	return i
}

// OK reports whether there is an element.
func (c *Cursor) OK() bool { return c.lp != nil }

// Value is the element, the list's own bytes, valid until the next Value.
func (c *Cursor) Value() (v listpack.Value) {
	if !c.even {
		return listpack.Get(c.lp, c.at.p)
	}
	s := c.l.spine
	v, s.text = listpack.Even(c.lp).Get(c.at.p, s.text)
	return v
}

// Next goes one on.
func (c *Cursor) Next() {
	if c.at.p = c.after(); c.at.p == c.end {
		c.nextNode()
	}
}

// after is the position after the element's.
func (c *Cursor) after() int {
	if c.even {
		return c.at.p + 1
	}
	return listpack.Next(c.lp, c.at.p)
}

// look looks at the node where the cursor is.
func (c *Cursor) look() *node {
	nd := c.l.node(c.at.place)
	c.lp, c.end, c.even = nd.buf[nd.gap:], nd.end(), nd.even
	return nd
}

func (c *Cursor) nextNode() {
	c.at.node++
	c.settle()
}

// settle looks for the first element at or after the beginning of a node, which
// may be behind the last one of its segment.
func (c *Cursor) settle() {
	c.lp = nil
	s := c.l.spine
	if s == nil {
		if c.at.node == 0 && c.l.only.n > 0 {
			c.enter()
		}
		return
	}
	if c.at.segment < len(s.segments) && c.at.node == len(s.segments[c.at.segment].nodes) {
		c.at.place = place{segment: c.at.segment + 1}
	}
	if c.at.segment < len(s.segments) {
		c.enter()
	}
}

func (c *Cursor) enter() {
	c.at.p = c.look().first()
}

// Prev goes one back.
func (c *Cursor) Prev() {
	if c.at.p == c.l.node(c.at.place).first() {
		c.prevNode()
		return
	}
	c.at.p = c.before(c.at.p)
}

// prevNode goes to the last element of the node before.
func (c *Cursor) prevNode() {
	c.lp = nil
	if c.at.node--; c.at.node < 0 {
		if c.at.segment--; c.at.segment < 0 {
			return
		}
		c.at.node = len(c.l.spine.segments[c.at.segment].nodes) - 1
	}
	c.look()
	c.at.p = c.before(c.end)
}

// before is the position before another one, which is not the first.
func (c *Cursor) before(p int) int {
	if c.even {
		return p - 1
	}
	return listpack.Prev(c.lp, p)
}

// Set replaces the element, and leaves the cursor at the new one.
func (c *Cursor) Set(e *listpack.Element, fill Fill) {
	l := c.l
	c.plain()
	nd := l.node(c.at.place)
	size := c.after() - c.at.p
	if nd.n > 1 && e.Size() > size && !fill.holds(0, nd.size()+e.Len()-size+entryMargin) { // as many elements as before
		at := l.put(c.at, e, fill)
		c.stand(at)
		c.Next()
		c.Delete(false)
		c.stand(at)
		return
	}
	nd, was := l.edit(c.at.place)
	nd.replace(c.at.p, e)
	l.edited(c.at.place, nd, was)
	c.stand(c.at)
}

// Insert puts e in before the element, or after it. The cursor stands nowhere then.
func (c *Cursor) Insert(e *listpack.Element, after bool, fill Fill) {
	c.plain()
	if after {
		c.at.p = c.after()
		c.l.insertBehind(c.at, e, fill)
	} else {
		c.l.insertBefore(c.at, e, fill)
	}
	c.lp = nil
}

// Delete removes the element. The cursor goes to the next one, or with back to
// the one before.
func (c *Cursor) Delete(back bool) {
	l := c.l
	c.plain()
	at := c.at
	if l.node(at.place).n == 1 {
		if back {
			c.prevNode()
		}
		l.removeNode(at.place)
		if !back {
			c.settle()
		}
		return
	}
	l.cut(at.place, at.p, c.after(), 1)
	c.stand(at)
	switch {
	case back:
		c.Prev()
	case at.p == c.end:
		c.nextNode()
	}
}

// plain makes the node a listpack, which is about to change.
func (c *Cursor) plain() {
	if c.even {
		c.l.plain(c.at.place)
		i := c.at.p
		nd := c.look()
		c.at.p = nd.forward(nd.first(), i)
	}
}

// stand makes the cursor stand at a position.
func (c *Cursor) stand(at position) {
	c.at = at
	c.look()
}
