package disk

// A Gate is a lock that is held for as long as a disk takes. It is a channel, so that in a
// simulation, whose time is virtual, a slow disk lets those that wait for it wait: a
// goroutine that waits for a mutex keeps time from going on (testing/synctest).
type Gate chan struct{}

// NewGate returns a gate that nobody holds.
func NewGate() Gate { return make(Gate, 1) }

// Lock waits until nobody holds the gate, and holds it.
func (g Gate) Lock() { g <- struct{}{} }

// Unlock lets the gate go.
func (g Gate) Unlock() { <-g }

// TryLock holds the gate if nobody does, and reports whether it does.
func (g Gate) TryLock() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}
