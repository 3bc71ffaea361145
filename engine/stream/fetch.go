package stream

import (
	"unsafe"

	"regent/engine/prefetch"
)

// Fetching ahead (engine's Room.Deep): a stream of its own memory, the group in the middle, and of the
// tree the first and the last node. What is known at a stage has come when the next begins.
//
//	stage 0  Stream ─┬─► 1  group, if it is the only one ─► 2  its name
//	                 ├─► 1  place of a group ─► 2  group ─► 3  its name
//	                 └─► 1  its rest, root ─► 2  node ────► 3  its listpack
//
// A stream without entries is its first line and its groups: more is not fetched of it.

// lastStage is the last one there may be.
const lastStage = 3

// Fetch begins to fetch the parts of a stage.
func (s *Stream) Fetch(stage int) (more bool) {
	if stage == 0 {
		prefetch.Line(s)
		return true
	}
	more = s.length > 0 && stage < lastStage
	if s.length > 0 {
		s.fetchNodes(stage)
	}
	if list := s.list(); len(list) > 0 {
		at := &list[len(list)/2]
		if s.only[0] != nil {
			stage++ // it is here
		}
		switch stage {
		case 1:
			prefetch.Line(at)
		case 2:
			prefetch.Line(&(*at).own)
			prefetch.Line(&(*at).read)
		case lastStage:
			prefetch.Line(unsafe.StringData((*at).name))
		}
		more = more || stage < lastStage
	}
	return more
}

// fetchNodes is Fetch of what a stream with entries has.
func (s *Stream) fetchNodes(stage int) {
	b := s.nodes.root
	switch {
	case stage == 1:
		prefetch.Line(&s.First)
		prefetch.Line(&s.opened)
		if b != nil {
			prefetch.Line(b)
			prefetch.Line(&b.vals)
		}
	case b == nil || len(b.vals) == 0:
	case stage == 2:
		prefetch.Line(&b.ids[len(b.ids)-1])
		prefetch.Line(&b.vals[0])
		prefetch.Line(&b.vals[len(b.vals)-1])
	default:
		prefetch.Line(unsafe.SliceData(b.vals[0].lp))
		prefetch.Line(unsafe.SliceData(b.vals[len(b.vals)-1].lp))
	}
}
