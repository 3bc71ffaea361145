package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/bully"
	"regent/cluster/peer"
	"regent/cluster/repl"
	"regent/engine"
)

// Full copies, the leader's side: for a follower whose log has no common point
// with what is left of this one.
//
//	stream ──► OPEN ──► COPY ──► join ──► wait ────► turn ──► one snapshot ─┬─► follower
//	  ▲                          (200 ms, then until the turn is free)      └─► follower
//	  └─────────────── the stream goes on from the copy's offset ◄──────────────┘
//
// Those that ask while others wait share one snapshot, and one snapshot is taken at a
// time (engine.SnapshotTurn): one that comes later waits for the next, as do rewrites
// and backups. Its pace is that of the slowest of them, until somebody waits: what is
// left goes to a file then, and from there to them, and the turn passes. One that takes
// nothing for too long is left behind (repl).
//
// What the log says from the copy's offset on is reserved when the copy is cut,
// until the follower's stream has begun and its reader reserves it instead:
// else a rewrite during a long copy would drop it, and the follower would need
// another copy, for ever.
//
// The copy may hold what is not committed yet. It must: with two nodes left
// of three nothing is, before the second one has it. The follower's readers
// wait for the commitment, as after a restart.

// Limits of copies.
const (
	// copyWait is how long a follower that needs a copy waits for others.
	copyWait = 200 * time.Millisecond
	// copyBuffer is how much of a snapshot is sent at once, in bytes.
	copyBuffer = repl.CopyChunk
	// firstCopyPause to lastCopyPause is waited after a copy that failed,
	// doubled each time: it costs the leader a walk through its keyspace.
	firstCopyPause = 100 * time.Millisecond
	lastCopyPause  = 30 * time.Second
	// copyReserved is how long after a copy the log is reserved for a follower
	// whose stream does not begin.
	copyReserved = time.Minute
)

// copies are the full copies that a leader makes.
type copies struct {
	mu   sync.Mutex
	next *copyRun // takes members; nil: none
}

// A copyRun is one snapshot for some followers.
type copyRun struct {
	epoch   int64
	members []*copyMember
}

// A copyMember is a follower that waits for a copy, or gets it.
type copyMember struct {
	m      *member
	result chan error
	out    *repl.CopySender
	bad    error
	// release ends the reservation of the log behind the copy; nil: none.
	release func()
}

// reserve keeps the log for this node until the next call; nil keeps nothing.
func (m *member) reserve(release func()) {
	if m.release != nil {
		m.release()
	}
	m.release = release
}

// States of a member's copy, for INFO.
const (
	copyNone    = ""
	copyWaits   = "wait_bgsave"
	copyRunning = "send_bulk"
)

// copyPause is what passes between two copies to one follower.
type copyPause struct{ failed int }

// after waits as the result asks for.
func (p *copyPause) after(ctx context.Context, err error) {
	if err == nil {
		p.failed = 0
		return
	}
	d := min(firstCopyPause<<p.failed, lastCopyPause)
	if d < lastCopyPause {
		p.failed++
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// copyTo gives a follower a full copy and waits until it is installed there.
func (c *Cluster) copyTo(ctx context.Context, m *member, epoch int64) error {
	switch {
	case c.opts.Witness:
		return errNoData
	case m.witness.Load():
		return c.beginWitness(ctx, m, epoch)
	case c.opts.Snapshot == nil:
		return repl.ErrCopy
	}
	cm := &copyMember{m: m, result: make(chan error, 1)}
	m.copying.Store(copyWaits)
	defer m.copying.Store(copyNone)
	c.copies.mu.Lock()
	run := c.copies.next
	if run == nil || run.epoch != epoch {
		run = &copyRun{epoch: epoch}
		c.copies.next = run
		c.lead.wg.Go(func() { c.runCopy(ctx, run) })
	}
	run.members = append(run.members, cm)
	c.copies.mu.Unlock()
	err := <-cm.result
	switch {
	case err == nil:
		m.reserve(cm.release)
		c.opts.Host.AfterFunc(copyReserved, cm.release)
	case cm.release != nil:
		cm.release()
	}
	return err
}

// runCopy is one snapshot from the first request to the last answer.
func (c *Cluster) runCopy(ctx context.Context, run *copyRun) {
	turn, err := c.awaitTurn(ctx, run)
	for _, cm := range run.members {
		if err != nil {
			cm.bad = err
		}
	}
	if err == nil {
		c.dialCopies(ctx, run)
		f := &fanout{run: run}
		began := time.Now()
		err = c.sendSnapshot(ctx, turn, f)
		f.done(ctx, err, func(cm *copyMember) {
			c.opts.Host.Logf(engine.LevelNotice, "Full copy to %s done: %d bytes at offset %d, %.3f seconds",
				c.nameOf(cm.m.ID), cm.out.Sent(), f.at.Offset, time.Since(began).Seconds())
		})
	}
	for _, cm := range run.members {
		if cm.out != nil {
			cm.out.Close()
			c.engine.CountSync(engine.SyncFull)
			cm.m.copied.Store(true)
			c.engine.CountReplOutput(int(cm.out.Sent()))
			if cm.bad != nil && ctx.Err() == nil {
				c.opts.Host.Logf(engine.LevelWarning, "Full copy to %s failed after %d bytes, it is tried again: %v", c.nameOf(cm.m.ID), cm.out.Sent(), cm.bad)
			}
		}
		cm.result <- cm.bad
	}
}

// awaitTurn waits for others that need a copy, for the turn, and until this
// node's keyspace is what its log says. Nobody joins the run afterwards.
func (c *Cluster) awaitTurn(ctx context.Context, run *copyRun) (turn *engine.SnapshotTurn, err error) {
	wait := time.NewTimer(copyWait)
	defer wait.Stop()
	select {
	case <-wait.C:
		turn, err = c.engine.SnapshotTurn(ctx)
	case <-ctx.Done():
		err = ctx.Err()
	}
	for err == nil && c.begun.Load() != run.epoch {
		select {
		case <-ctx.Done():
			err = ctx.Err()
			turn.Pass()
		case <-time.After(c.beat):
		}
	}
	c.copies.mu.Lock()
	defer c.copies.mu.Unlock()
	if c.copies.next == run {
		c.copies.next = nil
	}
	return turn, err
}

// dialCopies opens a connection to each follower of the run.
func (c *Cluster) dialCopies(ctx context.Context, run *copyRun) {
	var wg sync.WaitGroup
	for _, cm := range run.members {
		wg.Go(func() {
			conn, err := cm.m.dialer.Dial(ctx, cm.m.Addr(), c.hello(cm.m, peer.Copying))
			if err != nil {
				cm.bad = err
				return
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			cm.out = repl.NewCopySender(conn, peer.Frame{Cluster: c.clusterText(), From: c.id, To: cm.m.ID, Epoch: run.epoch})
			cm.m.copying.Store(copyRunning)
			c.opts.Host.Logf(engine.LevelNotice, "Begin of a full copy to %s: its log is empty or has no common point with what is left of this node's", c.nameOf(cm.m.ID))
		})
	}
	wg.Wait()
}

// sendSnapshot streams the keyspace to everyone in f.
func (c *Cluster) sendSnapshot(ctx context.Context, turn *engine.SnapshotTurn, f *fanout) error {
	defer turn.Pass()
	if err := f.nobody(); err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, copyBuffer)
	cut := func(at repl.Place, total int64) {
		f.at, f.total, f.cut = at, total, true
		f.reserve(c.opts.Stream)
	}
	if err := c.opts.Snapshot(ctx, turn, w, cut); err != nil {
		return fmt.Errorf("the snapshot: %w", err)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if !f.cut {
		return errors.New("the snapshot was not cut")
	}
	if c.opts.Seal != nil { // the stream goes on from there
		return c.opts.Seal(f.at.Offset)
	}
	return nil
}

// A fanout writes to all followers of a run. Who fails is left out.
type fanout struct {
	run   *copyRun
	at    repl.Place
	total int64
	cut   bool
	begun bool
}

var errAlone = errors.New("no follower is left to copy to")

func (f *fanout) nobody() error {
	var last error
	for _, cm := range f.run.members {
		if cm.bad == nil {
			return nil
		}
		last = cm.bad
	}
	return fmt.Errorf("%w: %w", errAlone, last)
}

// reserve keeps the log behind the cut for each follower. It is called with the
// keyspace locked.
func (f *fanout) reserve(s engine.Stream) {
	for _, cm := range f.run.members {
		if cm.bad == nil {
			cm.release, cm.bad = s.Reserve(f.at.Offset)
		}
	}
}

// each calls do for every follower that is well, at once.
func (f *fanout) each(do func(cm *copyMember) error) error {
	var wg sync.WaitGroup
	for _, cm := range f.run.members {
		if cm.bad == nil {
			wg.Go(func() { cm.bad = do(cm) })
		}
	}
	wg.Wait()
	return f.nobody()
}

// Write sends bytes of the snapshot, after where it was cut.
func (f *fanout) Write(p []byte) (int, error) {
	if !f.cut {
		return 0, errors.New("the snapshot writes before it is cut")
	}
	begin := !f.begun
	f.begun = true
	err := f.each(func(cm *copyMember) error {
		if begin {
			if err := cm.out.Begin(f.at, f.total); err != nil {
				return err
			}
		}
		_, err := cm.out.Write(p)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// done ends the copy at everyone; err is what became of the snapshot.
func (f *fanout) done(ctx context.Context, err error, well func(cm *copyMember)) {
	_ = f.each(func(cm *copyMember) error {
		if err != nil {
			return err
		}
		if err := cm.out.Done(ctx); err != nil {
			return err
		}
		well(cm)
		return nil
	})
}

// The follower's side.

// copying is the full copy that this node gets.
type copying struct {
	on          atomic.Bool
	total, read atomic.Int64 // bytes
	lastIO      atomic.Int64 // wall ms
}

// receiveCopy takes a full copy from a node that says it leads.
func (c *Cluster) receiveCopy(conn *peer.Conn) {
	c.taking(conn, func(enter repl.Enter) error {
		r := &repl.CopyReceiver{Conn: conn, Node: (*follower)(c), Self: c.id, Cluster: c.clusterText, Learn: c.learn, Enter: enter}
		return r.Run()
	})
}

// Install takes a full copy as the beginning of this node's log and keyspace.
func (f *follower) Install(epoch int64, at repl.Place, total int64, r io.Reader) error {
	c := (*Cluster)(f)
	if c.opts.Install == nil {
		return repl.ErrCopy
	}
	began := time.Now()
	c.opts.Host.Logf(engine.LevelNotice, "Receiving a full copy at offset %d from %s, the leader of epoch %d: this node's log is empty, has failed, or has no common point with what is left of the leader's", at.Offset, c.leaderName(), epoch)
	p := &c.copying
	p.total.Store(total)
	p.read.Store(0)
	p.lastIO.Store(c.opts.Host.Now())
	p.on.Store(true)
	poke(c.chores)
	defer func() {
		p.on.Store(false)
		poke(c.chores)
	}()
	e := &entry{f: f, epoch: epoch, at: at}
	err := c.opts.Install(c.ctx, at, counted{c, r}, e.enter)
	if err == nil && !e.in {
		err = errors.New("a full copy was installed without asking")
	}
	if err != nil {
		e.fail(err)
		return fmt.Errorf("can't install a full copy: %w", err)
	}
	e.finish()
	c.tail.begun.Store(true)
	c.opts.Host.Logf(engine.LevelNotice, "Full copy from %s installed: %d bytes at offset %d, %.3f seconds", c.leaderName(), p.read.Load(), at.Offset, time.Since(began).Seconds())
	return nil
}

// ErrUntouched wraps an error of Options.Install before which it changed
// neither log nor keyspace.
var ErrUntouched = engine.ErrUntouched

// An entry is this node's way into the state in which log and keyspace are
// replaced: nobody else writes the log, and nothing is applied.
type entry struct {
	f       *follower
	epoch   int64
	at      repl.Place
	in      bool
	broken  bool // what it replaces had failed
	applier repl.Suspended
}

var errBackward = errors.New("the full copy lies before what is committed here")

// enter is called by Options.Install once everything has come.
func (e *entry) enter() error {
	c := (*Cluster)(e.f)
	c.logMu.Lock()
	err := error(nil)
	switch {
	case !e.f.follows(e.epoch) || !c.following.Load():
		err = errOver
	case e.at.Offset < c.commit.Load():
		err = errBackward
	case !c.broken() && c.hasMore(e.epoch, e.at.Offset):
		err = errOld
	}
	if err == nil {
		err = e.doubt()
	}
	if err == nil {
		err = c.shorten(bully.Position{Epoch: epochAt(e.at.History, e.at.Offset), Offset: e.at.Offset})
	}
	if err != nil {
		c.logMu.Unlock()
		return err
	}
	e.in, e.applier = true, c.applier.Suspend()
	return nil
}

// finish tells everyone what the log and the keyspace hold now. How much of it
// is committed is not known yet.
func (e *entry) finish() {
	c := (*Cluster)(e.f)
	e.applier.Replaced(e.at.Offset, e.at.DB)
	c.shortened()
	c.do(nothing)
	c.logMu.Unlock()
	if e.broken {
		c.DiskOK()
	}
}

// doubt notes durably that what this node has acknowledged may be lost, if its log or
// keyspace had failed: the copy may have been cut before that.
func (e *entry) doubt() error {
	c := (*Cluster)(e.f)
	if e.broken = c.broken(); !e.broken {
		return nil
	}
	c.do(func(now time.Duration) bully.Output { return c.node.Doubt(now) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.awaitKept() {
		return fmt.Errorf("%w: %w", engine.ErrUntouched, errMuted)
	}
	return nil
}

// broken reports whether the log or the keyspace has failed for good.
func (c *Cluster) broken() bool {
	return c.opts.Failing != nil && c.opts.Failing() != nil || c.applier.Failed()
}

// Broken has a log that failed replaced by a full copy, once the disk works.
func (f *follower) Broken(end int64) (bool, error) {
	c := (*Cluster)(f)
	if c.skips(end) {
		return true, nil
	}
	if !c.broken() {
		return false, nil
	}
	if c.opts.Probe != nil {
		if err := c.opts.Probe(); err != nil {
			return false, fmt.Errorf("the log has failed, and the disk does not work yet: %w", err)
		}
	}
	return true, nil
}

// fail goes on with what there was, if that is still there.
func (e *entry) fail(err error) {
	c := (*Cluster)(e.f)
	switch {
	case !e.in:
		return
	case errors.Is(err, ErrUntouched):
		e.applier.Keep()
	default:
		e.applier.Lost()
		c.DiskFailed(err)
	}
	c.shortened()
	c.logMu.Unlock()
}

// counted notes the progress of a copy.
type counted struct {
	c *Cluster
	r io.Reader
}

func (n counted) Read(p []byte) (int, error) {
	got, err := n.r.Read(p)
	n.c.copying.read.Add(int64(got))
	n.c.engine.CountReplInput(got)
	n.c.copying.lastIO.Store(n.c.opts.Host.Now())
	return got, err
}
