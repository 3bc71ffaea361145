package stream

import (
	"unsafe"

	"regent/engine/prefetch"
)

// Fetching ahead (engine's Room.Deep): a stream of its own memory, the group in the middle, and of the
// tree the first and the last node. What is known at a stage has come when the next begins.
//
//	stage 0  Stream ─┬─► 1  place of a group ─► 2  group ─► 3  its name
//	                 └─► 1  root ─► 2  node ─────────────► 3  its listpack

// Fetch begins to fetch the parts of a stage.
func (s *Stream) Fetch(stage int) (more bool) {
	switch stage {
	case 0:
		prefetch.All(unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s)))
	case 1:
		if g := s.groups.list; len(g) > 0 {
			prefetch.Line(&g[len(g)/2])
		}
		if b := s.nodes.root; b != nil {
			prefetch.Line(b)
			prefetch.Line(&b.vals)
		}
	case 2:
		if g := s.groups.list; len(g) > 0 {
			prefetch.Line(&g[len(g)/2].own)
			prefetch.Line(&g[len(g)/2].read)
		}
		if b := s.nodes.root; b != nil && len(b.vals) > 0 {
			prefetch.Line(&b.ids[len(b.ids)-1])
			prefetch.Line(&b.vals[0])
			prefetch.Line(&b.vals[len(b.vals)-1])
		}
	default:
		if g := s.groups.list; len(g) > 0 {
			prefetch.Line(unsafe.StringData(g[len(g)/2].name))
		}
		if b := s.nodes.root; b != nil && len(b.vals) > 0 {
			prefetch.Line(unsafe.SliceData(b.vals[0].lp))
			prefetch.Line(unsafe.SliceData(b.vals[len(b.vals)-1].lp))
		}
		return false
	}
	return s.length > 0 || len(s.groups.list) > 0 || stage == 0
}
