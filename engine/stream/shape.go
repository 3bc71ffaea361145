package stream

import "math/bits"

// TreeNodes is how many nodes the radix tree of Redis has over a stream of these nodes,
// which XINFO shows. A key is an ID of 16 bytes, the high ones first:
//
//	run ─► fork ─┬─► run ─► leaf     a run is one node however long, and is left out where
//	             └─► leaf            nothing stands between two forks
func (s *Stream) TreeNodes() int {
	if s.nodes.n == 0 {
		return 1
	}
	nodes := s.nodes.n // a leaf of each
	var forks []int    // how many bytes lie above each fork on the way to the key before
	// closeTo is called when no more keys come below depth: what the key before has
	// there is complete.
	closeTo := func(depth int) {
		bottom := idBytes
		for len(forks) > 0 && forks[len(forks)-1] > depth {
			top := forks[len(forks)-1]
			forks = forks[:len(forks)-1]
			if bottom > top+1 {
				nodes++ // the run below the fork
			}
			nodes++ // the fork
			bottom = top
		}
		if bottom > depth+1 {
			nodes++
		}
		if depth >= 0 && (len(forks) == 0 || forks[len(forks)-1] < depth) {
			forks = append(forks, depth)
		}
	}
	var c cursor[node]
	s.nodes.first(&c)
	before := c.id()
	for c.next(); c.ok(); c.next() {
		closeTo(common(before, c.id()))
		before = c.id()
	}
	closeTo(-1)
	return nodes
}

// idBytes is how long a key is.
const idBytes = 16

// common is how many bytes two IDs have in common at the beginning.
func common(a, b ID) int {
	if a.MS != b.MS {
		return bits.LeadingZeros64(a.MS^b.MS) / 8
	}
	return 8 + bits.LeadingZeros64(a.Seq^b.Seq)/8
}
