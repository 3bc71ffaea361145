// Package watchdog notices loops that have stopped turning: a goroutine that
// serves many and spins, or waits, inside one turn answers nobody, and no other
// part of the program would say so.
//
// A loop marks where its turns begin and where it rests (Turn, Rest: one store
// each). Look, called every Every, compares: a loop that is in the same turn as
// Looks looks ago is reported, then again after twice as long, and once more
// when it turns again. What is counted is looks and not time: a process that was
// stopped, or a machine that slept, finds one late look and no false report.
//
// It ends nothing and heals nothing, and does not know what a slow turn is: a
// command over ten million keys is reported as well, and should be.
package watchdog

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"regent/engine"
)

const (
	// Every is the time between two looks.
	Every = 250 * time.Millisecond
	// Looks is how many looks a turn may last until the first report: 1 s.
	Looks = int(time.Second / Every)
	// maxStack bounds what is read of all goroutines' stacks, in bytes.
	maxStack = 1 << 20
	// maxFrames is how many functions of a stack are named.
	maxFrames = 12
)

// A Loop is one that is watched. Turn and Rest are called by what runs the
// loop at that moment, one goroutine at a time.
type Loop struct {
	name, what string
	self       any          // a pointer, an argument of the loop's outermost function; or nil
	beat       atomic.Int64 // odd: a turn is under way

	// The rest is the watchdog's.
	seen  int64
	looks int // at the turn that is under way
	next  int // looks at the next report, 0: Looks
}

// Turn says that a turn begins.
func (l *Loop) Turn() { l.beat.Store((l.beat.Load() | 1) + 2) }

// Rest says that the loop waits, for as long as it takes.
func (l *Loop) Rest() { l.beat.Store((l.beat.Load() + 1) &^ 1) }

// Busy reports whether a turn is under way.
func (l *Loop) Busy() bool { return l.beat.Load()%2 == 1 }

// A Watchdog watches loops.
type Watchdog struct {
	host engine.Host

	mu    sync.Mutex
	loops []*Loop
	ended bool
	stop  func() bool
}

// New makes a watchdog that does not look by itself yet.
func New(host engine.Host) *Watchdog { return &Watchdog{host: host} }

// Watch adds a loop under its name; what says what does not go on while it does
// not turn. self, if given, is a pointer that the loop's outermost function has as
// an argument: the report then tells where the loop is. A nil watchdog gives out
// loops that nobody looks at.
func (w *Watchdog) Watch(name, what string, self any) *Loop {
	l := &Loop{name: name, what: what, self: self}
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.loops = append(w.loops, l)
	}
	return l
}

// Start looks every Every until Stop.
func (w *Watchdog) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.stop = w.host.AfterFunc(Every, func() { w.Look(); w.Start() })
	}
}

// Stop ends looking.
func (w *Watchdog) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.stop != nil {
		w.stop()
	}
}

// Look compares each loop with what it was at the last look.
func (w *Watchdog) Look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended { // Stop came between the timer and this look
		return
	}
	for _, l := range w.loops {
		w.look(l)
	}
}

func (w *Watchdog) look(l *Loop) {
	now := l.beat.Load()
	if now != l.seen || now%2 == 0 {
		if l.next > 0 {
			w.host.Logf(engine.LevelWarning, "%s turns again, after %.1f s", l.name, seconds(l.looks))
		}
		l.seen, l.looks, l.next = now, 0, 0
		return
	}
	l.looks++
	if l.looks < max(l.next, Looks) {
		return
	}
	l.next = 2 * l.looks
	w.host.Logf(engine.LevelWarning, "%s has not turned for %.1f s: %s. It is in: %s. "+
		"If that is a slow command, SLOWLOG GET names it once it is over; if it does not end, "+
		"restart this node with SIGQUIT, which writes all stacks to standard error, and report them",
		l.name, seconds(l.looks), l.what, where(l.self))
}

func seconds(looks int) float64 { return (time.Duration(looks) * Every).Seconds() }

// where names the functions that the loop is in, innermost first.
func where(self any) string {
	const unknown = "(not known)"
	if self == nil {
		return unknown
	}
	buf := make([]byte, maxStack)
	buf = buf[:runtime.Stack(buf, true)]
	mark := fmt.Appendf(nil, "(%p", self)
	for _, stack := range bytes.Split(buf, []byte("\n\n")) {
		if bytes.Contains(stack, mark) && !bytes.HasPrefix(stack, []byte("goroutine 0 ")) {
			if names := functions(string(stack)); names != "" {
				return names
			}
		}
	}
	return unknown
}

// functions lists the functions of one goroutine's stack.
func functions(stack string) string {
	var names []string
	for _, line := range strings.Split(stack, "\n")[1:] {
		if line == "" || line[0] == '\t' || strings.HasPrefix(line, "created by ") || len(names) == maxFrames {
			continue
		}
		if i := strings.LastIndexByte(line, '('); i > 0 {
			line = line[:i]
		}
		names = append(names, line[strings.LastIndexByte(line, '/')+1:])
	}
	return strings.Join(names, " < ")
}
