package server

import (
	"testing"
	"unsafe"
)

// maxSlotBytes is how large a connection slot may be: each idle client has one. It is one
// of Go's size classes; a field too many costs every client the way to the next.
const maxSlotBytes = 448

// TestSizeOfSlot: what few clients need has its place elsewhere (seldom).
func TestSizeOfSlot(t *testing.T) {
	if n := unsafe.Sizeof(slot{}); n > maxSlotBytes {
		t.Errorf("a connection slot takes %d bytes, %d at most", n, maxSlotBytes)
	}
}
