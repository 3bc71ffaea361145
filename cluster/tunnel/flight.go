package tunnel

import "regent/resp"

// Limits of what is known of what is in flight.
const (
	// maxKept is how many bytes of it are kept.
	maxKept = 256 << 10
	// maxEnds is how many commands may be among those.
	maxEnds = 4096
	// maxRuns is how many turns between reads and writes are known: what comes after
	// counts as writes.
	maxRuns = 256
	// maxIdle is how many bytes of memory a tunnel keeps when nothing is in flight.
	maxIdle = 2 << 10
	// maxFarewell is how many commands in flight are answered when all is over.
	maxFarewell = 4096
)

// A flight is the commands that were sent and not answered.
type flight struct {
	count int64
	runs  []run // of all of them, from begun on
	begun int
	kept  []byte // their bytes, from head on, and those of a half one
	head  int
	ends  []int // in kept, of each, from first on
	first int
	lost  bool // too much to be kept
}

// A run is commands of one kind, one after the other.
type run struct {
	n     int64
	write bool
}

// keep notes bytes that are sent.
func (f *flight) keep(p []byte) {
	switch {
	case f.lost:
		return
	case len(f.kept)-f.head+len(p) > maxKept:
		f.lose()
		return
	case f.head > 0 && len(f.kept)+len(p) > cap(f.kept):
		f.kept = append(f.kept[:0], f.kept[f.head:]...)
		f.ends = append(f.ends[:0], f.ends[f.first:]...)
		for i := range f.ends {
			f.ends[i] -= f.head
		}
		f.head, f.first = 0, 0
	}
	f.kept = append(f.kept, p...)
}

func (f *flight) lose() { f.lost, f.kept, f.ends, f.head, f.first = true, nil, nil, 0, 0 }

// sent notes that a command has ended, after bytes before the end of what was kept.
func (f *flight) sent(after int, write bool) {
	f.count++
	switch last := len(f.runs) - 1; {
	case last >= f.begun && f.runs[last].write == write:
		f.runs[last].n++
	case len(f.runs)-f.begun < maxRuns:
		f.runs = append(f.runs, run{1, write})
	default:
		f.runs[last] = run{f.runs[last].n + 1, true}
	}
	if f.lost {
		return
	}
	if len(f.ends)-f.first == maxEnds {
		f.lose()
		return
	}
	f.ends = append(f.ends, len(f.kept)-after)
}

// empty notes that what did nothing has ended, an empty line: it need not be kept if
// nothing is in flight.
func (f *flight) empty(after int) {
	if f.count == 0 && !f.lost {
		f.head = len(f.kept) - after
	}
}

// answered notes that the first command in flight has its reply. partial: half a command
// is behind the last one.
func (f *flight) answered(partial bool) {
	if f.count == 0 {
		return // an error about what was no command
	}
	f.count--
	if f.runs[f.begun].n--; f.runs[f.begun].n == 0 {
		f.begun++
	}
	if f.begun == maxRuns {
		f.runs, f.begun = append(f.runs[:0], f.runs[f.begun:]...), 0
	}
	if !f.lost {
		f.head = f.ends[f.first]
		f.first++
	}
	if f.count > 0 {
		return
	}
	f.runs, f.begun = f.runs[:0], 0
	if partial {
		return
	}
	f.kept, f.ends, f.head, f.first, f.lost = f.kept[:0], f.ends[:0], 0, 0, false
	if cap(f.kept) > maxIdle {
		f.kept = nil
	}
	if cap(f.ends) > maxIdle/32 {
		f.ends = nil
	}
	if cap(f.runs) > maxIdle/64 {
		f.runs = nil
	}
}

// take is all that was not answered.
func (f *flight) take() []byte { return f.kept[f.head:] }

func (f *flight) farewell(uncertain, down string) []byte {
	var w resp.Writer
	n := int64(0)
	for _, r := range f.runs[f.begun:] {
		text := down
		if r.write {
			text = uncertain
		}
		for range r.n {
			if n++; n > maxFarewell {
				return w.Bytes()
			}
			w.Error(text)
		}
	}
	return w.Bytes()
}
