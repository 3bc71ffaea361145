package server

// A governor decides how many event loops are at work. It is arithmetic on
// what the loops measured in a window of time, and nothing else.
//
// One more loop helps when the present ones are busy all the time and
//
//   - a good part of that time goes into commands: these run side by side, and
//     the client that sends them has less to do per command than the loop has; or
//   - a whole core lies idle.
//
// It does harm when the time goes into the kernel's network code and every
// core is taken, by the clients most likely: then one loop that always finds
// work is worth more than two that take turns with those they serve.
//
// One loop less is enough when the rest can carry all, or when the reason for
// it is gone. Both are asked for longer than growth is, since moving clients
// back and forth helps nobody.
type governor struct {
	hungry int // windows in a row that asked for one more
	sated  int // that asked for one less
}

// A load is what one loop did in a window, as shares of its time.
type load struct {
	busy float64 // not waiting
	work float64 // of the busy time: in commands, not in system calls
}

// What the governor goes by.
const (
	// saturated is the share of its time that a loop is busy when it cannot
	// take more.
	saturated = 0.9
	// spacious is the share that the others may be busy when one is taken away.
	spacious = 0.7
	// worthwhile and worthless are the shares of work above which one more
	// helps on cores that are taken, and below which it does harm.
	worthwhile = 0.7
	worthless  = 0.6
	// idleCore is how many cores must be idle for one more; crowded: so few
	// that one less is better for work that is worthless.
	idleCore = 1.0
	crowded  = 0.1
	// growAfter and shrinkAfter are in windows.
	growAfter   = 2
	shrinkAfter = 20
)

// decide returns how many loops should be at work after a window, of at most
// limit. idle is how many cores were idle, and asked for only when it counts.
func (g *governor) decide(loads []load, limit int, idle func() float64) int {
	n := len(loads)
	var busy, work float64
	for _, l := range loads {
		busy += l.busy
		work += l.busy * l.work
	}
	share := work / max(busy, 1e-9)
	more := n < limit && busy >= saturated*float64(n) && (share >= worthwhile || idle() >= idleCore)
	less := n > 1 && !more && (busy <= spacious*float64(n-1) || share < worthless && idle() < crowded)
	g.hungry, g.sated = inARow(g.hungry, more), inARow(g.sated, less)
	switch {
	case g.hungry >= growAfter:
		*g = governor{}
		return n + 1
	case g.sated >= shrinkAfter:
		*g = governor{}
		return n - 1
	}
	return n
}

func inARow(n int, again bool) int {
	if !again {
		return 0
	}
	return n + 1
}

// uneven is the difference of two loops' busy shares from which on clients
// move from one to the other.
const uneven = 0.3

// even returns which loop should hand clients to which, and what share of its
// work; ok: there is something to even out.
func even(loads []load) (from, to int, share float64, ok bool) {
	for i, l := range loads {
		if l.busy > loads[from].busy {
			from = i
		}
		if l.busy < loads[to].busy {
			to = i
		}
	}
	gap := loads[from].busy - loads[to].busy
	if gap < uneven || loads[from].busy < saturated {
		return 0, 0, 0, false
	}
	return from, to, gap / 2 / loads[from].busy, true
}
