package engine

import (
	"testing"
	"unsafe"
)

// maxSessionBytes is how large a session may be: each idle client has one. It is one of
// Go's size classes; a field too many costs every client the way to the next.
const maxSessionBytes = 352

// TestSizeOfSession: what few sessions need, or none while its client is idle, has its
// place elsewhere (Session, Desk, seldom).
func TestSizeOfSession(t *testing.T) {
	if n := unsafe.Sizeof(Session{}); n > maxSessionBytes {
		t.Errorf("a session takes %d bytes, %d at most", n, maxSessionBytes)
	}
}
