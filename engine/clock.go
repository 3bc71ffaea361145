package engine

// Reading a clock costs as much as finding a key, and a command needs three
// readings: the wall clock for expiry, and one before and one after for INFO's
// commandstats. The commands of a batch therefore share them:
//
//   - Now is read once for up to sharedCommands commands. What may take long
//     (anything but commands on one key or none that are fast, or on a string, DBSIZE,
//     what says how much it goes over: Weighs, and what looks at small values: Sized) is timed
//     exactly and followed by a new reading.
//   - Of the quick commands of a batch every sixteenth or so is timed, and counts
//     for those before it. The gaps vary, so that a pipeline that repeats
//     itself is sampled everywhere. An EXEC of few quick commands is quick, too.
//   - What is quick with a small value is not with a large one. So a command that is
//     about to copy one says so (Ctx.heavy), and timing begins there and then,
//     if it had not: all before it is too short to show. The slow log misses
//     nothing of a millisecond and more.
//
// Clients that send one command at a time would read the wall clock for each all the same.
// So the batches of one turn of an event loop share readings, too (Desk.Turn): two
// readings of each command by itself were a fiftieth of it.
//
// Without BeginBatch every command reads the clocks for itself.

const (
	// sharedCommands is how many commands of a batch share a reading of the
	// wall clock; a power of two.
	sharedCommands = 64
	// quickArgs is how many arguments a quick command has at most.
	quickArgs = 16
	// heavyBytes is from where on a value's size, in bytes, is felt: copying so
	// much takes some microseconds.
	heavyBytes = 16 << 10
	// quickQueue is how many quick commands are a quick EXEC at most.
	quickQueue = 16
	// timedGap is the widest gap between two timed commands; a power of two.
	timedGap = 32
)

// A batchClock is a session's place in its batch.
type batchClock struct {
	left  int    // commands of the batch that are still to come
	stale bool   // the wall clock must be read anew
	gap   uint32 // quick commands until the next timed one
	width uint32 // how many the timed one counts for
	dice  uint32
}

// BeginBatch says that the next n commands of s are carried out one after the
// other, without waiting for input. The connection calls it at the beginning
// of each of its turns. d is nil for a session that is always to have a context.
func (e *Engine) BeginBatch(s *Session, n int, d *Desk) {
	if s.ctx == nil && d != nil {
		s.ctx, d.free = d.free, nil
	}
	c := s.context()
	c.clock.left, c.clock.stale = n, true
	if d == nil {
		return
	}
	c.out = &d.out
	if d.Roomy {
		c.grown = &d.grown
		if d.Direct {
			c.pins = &d.pins
		}
	}
	if d.begun = n; d.fresh > 0 {
		c.Now, c.clock.stale = d.now, false
	}
}

// EndBatch says that no more commands come without waiting: what they counted is added up,
// and the desk has its context back. The connection calls it before their replies leave.
func (e *Engine) EndBatch(s *Session, d *Desk) {
	c := s.context()
	c.out, c.grown, c.pins = nil, nil, nil // what waits may go on at another desk
	switch {
	case c.unshown:
		e.showTurn(c)
	case c.s != nil:
		e.countUp(c)
	}
	if d == nil {
		return
	}
	if d.fresh = max(d.fresh-(d.begun-c.clock.left), 0); c.clock.stale || s.parked != nil {
		d.fresh = 0
	}
	if d.free != nil || s.parked != nil {
		return
	}
	c.Args, c.said = nil, nil
	s.ctx, d.free = nil, c
}

// A Desk is what the sessions of one connection loop use in turns: the context of the one
// whose commands are carried out. So a client at rest has none. One that waits inside a
// command keeps it, and the desk gets another. The zero value is ready; the loop that has it
// serves one session at a time.
type Desk struct {
	free *Ctx
	out  outbox // see TellPublished
	// Roomy says that the loop asks for the spans that replies were written to (Grown).
	Roomy bool
	grown [][]byte // those that were not asked for
	// Direct says that the connection of the batch that begins sends a value from where it lies
	// (resp.Writer.Apart), and says LetGo then.
	Direct bool
	pins   []pinned

	now   int64 // wall ms
	turns bool  // Turn says when now is old
	fresh int   // commands that may still share it
	begun int   // commands that the batch has been promised
}

// Turn says that time may have passed: the next command, or reader of Now, reads the wall
// clock, and those after it share the reading, whosever they are.
func (d *Desk) Turn() { d.turns, d.fresh = true, 0 }

// Now is the wall clock in ms, read at most once a turn and sharedCommands.
func (e *Engine) Now(d *Desk) int64 {
	if d.fresh > 0 {
		return d.now
	}
	d.now = e.host.Now()
	if d.turns {
		d.fresh = sharedCommands
	}
	return d.now
}

// due counts a command and reports whether it reads the wall clock.
func (b *batchClock) due() bool {
	if b.left <= 0 {
		return true
	}
	b.left--
	if b.stale || b.left%sharedCommands == 0 {
		b.stale = false
		return true
	}
	return false
}

// weigh returns for how many commands the time of cmd counts, which is of shape
// sh and has that many arguments; 0: it is not timed.
func (b *batchClock) weigh(cmd *Command, sh shape, args int) int64 {
	if b.left <= 0 || !cmd.quick || sh != shapeSingle && sh != shapeNone && sh != shapeEach && !cmd.Weighs && !cmd.sized || args > quickArgs {
		b.stale = true
		return 1
	}
	return b.sample()
}

// sample is weigh of what is quick.
func (b *batchClock) sample() int64 {
	if b.gap > 0 {
		b.gap--
		return 0
	}
	weight := max(b.width, 1)
	b.dice = b.dice*1664525 + 1013904223 // Numerical Recipes' generator: its upper bits will do
	b.gap = b.dice >> 27 % timedGap
	b.width = b.gap + 1
	return int64(weight)
}

// weighExec is weigh of an EXEC. The commands of one that is quick are weighed one by one.
func (c *Ctx) weighExec() int64 {
	if c.clock.left > 0 && c.quick() {
		return c.clock.sample()
	}
	return c.clock.weigh(c.Cmd, shapeMany, len(c.Args))
}

// quick reports whether c's command is quick, or an EXEC of few that are.
func (c *Ctx) quick() bool {
	if c.Cmd.Locks == lockQueued {
		return c.s.inMulti() && !c.s.tx.slow && len(c.s.tx.queue) <= quickQueue
	}
	return c.Cmd.quick
}

// A stopwatch is how one command is timed.
type stopwatch struct {
	on     bool
	began  int64 // ticks
	weight int64 // how many commands it stands for
}

func (c *Ctx) startWatch(weight int64) {
	c.watch = stopwatch{true, c.e.host.Ticks(), weight}
}

// Heavy says that the command is about to copy that many bytes of a value.
func (c *Ctx) Heavy(bytes int) {
	if bytes > heavyBytes {
		c.Measure()
	}
}

func (c *Ctx) Measure() {
	c.clock.stale = true
	if !c.watch.on {
		c.startWatch(1)
	}
}
