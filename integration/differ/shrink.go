package main

import "slices"

// mostTrials bounds how often a failing run is tried again while it is shrunk.
const mostTrials = 1500

// A shrinker looks for the fewest steps that still fail in the same way (delta
// debugging: Zeller and Hildebrandt, 2002). Every trial begins with an empty keyspace.
type shrinker struct {
	try    func(steps []step) *failure
	kind   string
	trials int
}

// fails reports whether the steps fail as the run did.
func (sh *shrinker) fails(steps []step) bool {
	if sh.trials++; sh.trials > mostTrials {
		return false
	}
	f := sh.try(steps)
	return f != nil && f.kind() == sh.kind
}

// shrink returns the steps that are left.
func (sh *shrinker) shrink(steps []step) []step {
	for size := max(len(steps)/2, 1); ; size = max(size/2, 1) {
		removed := false
		for at := 0; at < len(steps); {
			less := slices.Delete(slices.Clone(steps), at, min(at+size, len(steps)))
			if sh.fails(less) {
				steps, removed = less, true
			} else {
				at += size
			}
		}
		if size == 1 && !removed {
			break
		}
	}
	for i := range steps {
		steps = sh.shorten(steps, i)
	}
	return steps
}

// shorten removes arguments of a step.
func (sh *shrinker) shorten(steps []step, i int) []step {
	for at := len(steps[i].args) - 1; at > 0; at-- {
		less := slices.Clone(steps)
		less[i].args = slices.Delete(slices.Clone(less[i].args), at, at+1)
		if sh.fails(less) {
			steps = less
		}
	}
	for at := len(steps[i].then) - 1; at >= 0; at-- {
		less := slices.Clone(steps)
		less[i].then = slices.Delete(slices.Clone(less[i].then), at, at+1)
		if sh.fails(less) {
			steps = less
		}
	}
	return steps
}
