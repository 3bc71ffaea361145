package repl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/peer"
	"regent/engine"
	"regent/resp"
)

// Limits of a sender.
const (
	// chunk is how much of the log one frame carries at most, in bytes.
	chunk = 256 << 10
	// headRoom is kept before a chunk for the frame's head, in bytes.
	headRoom = 512
	// Window bounds what was sent and not acknowledged as received, in bytes.
	Window = 32 << 20
	// commitDelay is how long a commit offset waits for data to ride on.
	commitDelay = 2 * time.Millisecond
	// gather is how long after a frame the next one waits for more to go with it, where
	// nobody waits for it, and gatherBytes is how much is enough, in bytes. The log's end
	// waits until a loop tends, or for commitDelay, in which the pump looks.
	gather      = time.Millisecond
	gatherBytes = 32 << 10
	// atLeisure is the Seq of DATA whose acknowledgement may be put off, for ackDelay.
	atLeisure = 1
	// openPatience is how long a follower may take to cut its log back, and
	// its keyspace with it.
	openPatience = 2 * time.Minute
)

// ErrCopy says that the follower needs a full copy.
var ErrCopy = errors.New("the follower's log has no common point with what is left of this one: it needs a full copy")

// Progress is what a follower has acknowledged, in offsets.
type Progress struct{ Received, Durable, Applied int64 }

// SenderConfig is what a Sender is told.
type SenderConfig struct {
	Stream            engine.Stream
	Self, Peer, Epoch int64
	Cluster           func() string
	Commit            func() int64 // the leader's commit offset
	// Opened is called once the follower's log is a prefix of this one, with
	// where it ends; Held with every acknowledgement.
	Opened func(off int64)
	Held   func(p Progress)
	// Asked is the round to ask a follower for whose stream begins, Answered
	// takes its answers: see Ask.
	Asked    func() int64
	Answered func(round, synced int64)
	// Awaited is the offset that somebody waits for until the follower has
	// applied it: Applied is then told what it has. Wake tells that it moved.
	Awaited func() int64
	Applied func(off int64)
	// Leisure reports whether nobody waits for what is sent now to be acknowledged; nil:
	// somebody always does.
	Leisure func() bool
	// Spare reports whether as many others as somebody waits for are sent everything at
	// once, and acknowledge it: this follower's turn may come a moment later. nil: never.
	Spare func() bool
	// Watch has ready called by a goroutine that is awake anyway whenever there is input at
	// a descriptor, until it returns false, and tend by goroutines that are awake, again and
	// again and, resting, before they rest; it reports whether it does. nil: it never does.
	Watch func(fd int, ready func() (more bool), tend func(resting bool)) bool
	// Sent is told how many bytes were sent; nil: nobody is.
	Sent func(n int)
	// Patience is how long a follower may neither take nor say anything while
	// something is to be sent.
	Patience time.Duration
}

// A Sender is the leader's side of one stream.
type Sender struct {
	cfg  SenderConfig
	conn *peer.Conn
	head peer.Frame // what all frames share

	wake     chan struct{}
	late     atomic.Bool  // a commit offset is awaited and there is no data
	shut     atomic.Bool  // the window is full
	received atomic.Int64 // by the follower
	sentTo   atomic.Int64 // sent, for others
	round    atomic.Int64 // the latest that the follower is to be asked for
	reading  atomic.Pointer[reading]
	gone     chan struct{}
	in       intake
	owes     atomic.Bool  // something is put off, for tend
	began    time.Time    // of the sender
	last     atomic.Int64 // ns since then: of the last data sent

	out     sync.Mutex // of the one that sends: the pump, or Push. What follows belongs to it
	reader  engine.StreamReader
	level   bool        // all that there was was sent, so that what came since is in the log's memory
	patient bool        // the sender waits for the connection
	rest    []byte      // of a frame that the connection did not take at once
	bad     error       // what Push met with
	timer   *time.Timer // for a commit offset that no data has carried, where nobody tends
	armed   bool        // that, or what was written and not sent, is put off
	armedAt int64       // sent, then
	asked   int64       // the round it was asked for last
	awaited int64       // the offset it was asked to apply last
	sent    int64       // offset after what was sent
	told    int64       // commit offset that was told
	buf     []byte
}

// A reading is a read of the log that is under way: a large group is proved to be whole
// before the first byte of it is sent.
type reading struct {
	off   int64
	until time.Time
}

// Reads reports whether the log is being read between two offsets, for the follower, and
// not for longer than maxWork.
func (s *Sender) Reads(start, end int64) bool {
	r := s.reading.Load()
	return r != nil && r.off >= start && r.off < end && time.Now().Before(r.until)
}

// NewSender takes over an open stream connection.
func NewSender(c SenderConfig, conn *peer.Conn) *Sender {
	if c.Watch != nil {
		conn.Own(false) // it is read when there is something
	}
	conn.SetPatience(c.Patience)
	conn.WaitWhileHeard()
	return &Sender{
		cfg: c, conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{}),
		head: peer.Frame{From: c.Self, To: c.Peer, Epoch: c.Epoch}, began: time.Now(),
		buf: make([]byte, headRoom+chunk+2), timer: time.NewTimer(time.Hour),
	}
}

// Wake tells that the log moved. It costs next to nothing when the sender is
// awake.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Ask asks the follower whether it still follows the epoch. Of several rounds
// the latest answers for all.
func (s *Sender) Ask(round int64) {
	for {
		old := s.round.Load()
		if round <= old || s.round.CompareAndSwap(old, round) {
			break
		}
	}
	s.Wake()
}

// CommitMoved tells that the commit offset moved.
func (s *Sender) CommitMoved() {
	if s.late.Load() && s.late.CompareAndSwap(true, false) {
		s.Wake()
	}
}

// Run sends until the connection is lost or ctx ends, and closes it.
func (s *Sender) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	defer s.conn.Close()
	at, err := s.open()
	if err != nil {
		return err
	}
	reader, off, err := s.readFrom(at)
	if err != nil {
		return fmt.Errorf("can't read the log at %d: %w", at.off, err)
	}
	defer reader.Close()
	s.sent = off
	s.received.Store(off)
	s.cfg.Opened(at.off)
	s.asked = 0
	s.Ask(s.cfg.Asked())
	s.takeIn()
	err = s.pump(reader)
	s.end()
	<-s.gone
	if heard := s.in.err; err == nil {
		err = heard
	}
	return err
}

// A beginning is where the follower's log ends, and what it holds of the unit there.
type beginning struct {
	off, held int64
	sum       int64 // CRC-32C of what is held
}

// readFrom reads the log from where the stream goes on: behind what the follower holds
// of an incomplete unit, if that is what stands here.
func (s *Sender) readFrom(at beginning) (r engine.StreamReader, off int64, err error) {
	if r, err = s.cfg.Stream.NewReader(at.off); err != nil || at.held == 0 {
		return r, at.off, err
	}
	sum, err := sumOf(r.Read, at.held, s.buf)
	if err == nil && int64(sum) == at.sum {
		return r, at.off + at.held, nil
	}
	_ = r.Close()
	r, err = s.cfg.Stream.NewReader(at.off) // it holds more than there is, or something else
	return r, at.off, err
}

// open finds where to begin.
func (s *Sender) open() (at beginning, err error) {
	log := describe(s.cfg.Stream)
	f := s.frame(peer.Open)
	whole := int64(0)
	if log.Whole {
		whole = 1
	}
	out := peer.AppendHead(nil, f, 5)
	for _, n := range [...]int64{log.Start, log.End, s.cfg.Commit(), whole} {
		out = peer.AppendInt(out, n)
	}
	out = resp.AppendBulk(out, appendHistory(nil, log.History))
	if _, err := s.conn.Write(out); err != nil {
		return at, err
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(openPatience))
	defer func() { _ = s.conn.SetReadDeadline(time.Time{}) }()
	var answer peer.Frame
	if err := s.conn.Next(&answer); err != nil {
		return at, err
	}
	switch answer.Type {
	case peer.Ready:
		into := []*int64{&at.off, &at.held, &at.sum}
		if len(answer.Args) == 1 {
			into = into[:1]
		}
		err = answer.Ints(into...)
		if err == nil && (at.off < log.Start || at.off > log.End) {
			err = fmt.Errorf("the follower is at %d, outside of %d to %d", at.off, log.Start, log.End)
		}
		return at, err
	case peer.Copy:
		return at, ErrCopy
	case peer.Refuse:
		return at, fmt.Errorf("node %d does not follow epoch %d: it is in epoch %d", s.cfg.Peer, s.cfg.Epoch, answer.Epoch)
	}
	return at, fmt.Errorf("%s in answer to OPEN", answer.Type)
}

func (s *Sender) frame(t peer.Type) *peer.Frame {
	f := s.head
	f.Type, f.Cluster = t, s.cfg.Cluster()
	return &f
}

// pump sends until the connection is lost: what Push has left.
func (s *Sender) pump(r engine.StreamReader) error {
	s.out.Lock()
	s.reader = r
	s.timer.Stop()
	s.out.Unlock()
	defer s.stopPush()
	for {
		n, err := s.catchUp()
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		select {
		case <-s.wake:
		case <-s.timer.C:
			s.rearm()
		case <-s.gone:
			return nil
		}
	}
}

// stopPush has Push do nothing any more.
func (s *Sender) stopPush() {
	s.out.Lock()
	defer s.out.Unlock()
	s.timer.Stop()
	s.reader, s.level = nil, false
	s.owes.Store(false)
}

// rearm puts a bare commit offset off once more if there was data meanwhile for it to ride on.
func (s *Sender) rearm() {
	s.out.Lock()
	defer s.out.Unlock()
	if s.armed = s.sent > s.armedAt; s.armed {
		s.arm()
	}
}

func (s *Sender) arm() {
	s.armed, s.armedAt = true, s.sent
	if s.in.watched.Load() {
		s.owes.Store(true)
		return
	}
	s.timer.Reset(commitDelay)
}

// since is how long ago data was sent last.
func (s *Sender) since() time.Duration { return time.Since(s.began) - time.Duration(s.last.Load()) }

// overdue reports whether a commit offset that is put off is to be put off no longer, where
// loops tend. The caller holds out.
func (s *Sender) overdue() bool { return s.owes.Load() && s.since() >= commitDelay }

// tend sends what was put off, if its time has come or the caller is about to rest: it is
// a loop, so that no timer need run and no goroutine be woken while there are clients. What
// the loops miss, the intake's timer finds.
func (s *Sender) tend(resting bool) {
	if !s.owes.Load() || !resting && s.since() < gather || !s.out.TryLock() {
		return // the caller that has it sends
	}
	defer s.out.Unlock()
	if !s.level || len(s.rest) > 0 || s.bad != nil || s.cfg.Stream.End()-s.sent > chunk {
		return // that is the pump's
	}
	n, err := s.step()
	if err == nil && n == 0 && len(s.rest) == 0 && (resting || s.overdue()) {
		err = s.sendCommit()
	}
	if s.bad = err; err != nil || len(s.rest) > 0 {
		s.Wake()
	}
}

// catchUp sends what there is, and waits for the connection to take it.
func (s *Sender) catchUp() (n int, err error) {
	s.out.Lock()
	defer s.out.Unlock()
	s.patient = true
	defer func() { s.patient = false }()
	if err := s.bad; err != nil {
		return 0, err
	}
	if len(s.rest) > 0 {
		if err := s.put(s.rest); err != nil {
			return 0, err
		}
	}
	return s.step()
}

// Push sends what has just been written to the log, on the caller's goroutine: it is
// awake, and the pump need not be woken. It waits for nothing. What is not in the log's
// memory, or more than a chunk, or not taken by the connection at once, it leaves to
// the pump.
func (s *Sender) Push() {
	if s.conn.Direct() && s.out.TryLock() {
		done := s.pushed()
		s.out.Unlock()
		if done {
			return
		}
	}
	s.Wake()
}

// pushed reports whether all was sent. The caller holds out.
func (s *Sender) pushed() bool {
	if !s.level || len(s.rest) > 0 || s.bad != nil || s.cfg.Stream.End()-s.sent > chunk {
		return false
	}
	if s.gathers() {
		return true
	}
	n, err := s.step()
	if err == nil && n > 0 && len(s.rest) == 0 && s.cfg.Awaited() > s.told {
		err = s.sendCommit()
	}
	s.bad = err
	return err == nil && len(s.rest) == 0 && s.cfg.Stream.End() == s.sent
}

// gathers reports whether what there is to send may wait for more. The caller holds out.
func (s *Sender) gathers() bool {
	return s.armed && (s.leisure() || s.spare()) && s.cfg.Stream.End()-s.sent < gatherBytes && s.cfg.Awaited() <= s.told &&
		s.round.Load() <= s.asked && s.since() < gather
}

func (s *Sender) leisure() bool { return s.cfg.Leisure != nil && s.cfg.Leisure() }

// spare is asked where loops tend alone: elsewhere what is put off waits for a timer, and
// clients would wait for that if the other followers did not answer.
func (s *Sender) spare() bool { return s.cfg.Spare != nil && s.in.watched.Load() && s.cfg.Spare() }

// step sends one chunk, and before it what else is due: data first, a bare commit offset
// when there is none. The caller holds out.
func (s *Sender) step() (n int, err error) {
	if err := s.sendRound(); err != nil || len(s.rest) > 0 {
		return 0, err
	}
	if err := s.sendAwait(); err != nil || len(s.rest) > 0 {
		return 0, err
	}
	if n, err = s.send(s.reader); err != nil || len(s.rest) > 0 {
		return n, err
	}
	switch {
	case n > 0 && !s.armed:
		s.arm()
	case n == 0 && (!s.armed || s.cfg.Awaited() > s.told || s.overdue()):
		err = s.sendCommit()
	}
	return n, err
}

// put sends a frame, or as much of it as is taken at once: the rest must be sent before
// any other, and before buf is used again.
func (s *Sender) put(b []byte) (err error) {
	s.in.expect()
	n := len(b)
	if s.patient {
		_, err = s.conn.Write(b)
	} else {
		n, err = s.conn.WriteNow(b)
	}
	if s.rest = b[n:]; s.cfg.Sent != nil {
		s.cfg.Sent(n)
	}
	return err
}

// send sends one chunk, if there is one and the window is open.
func (s *Sender) send(r engine.StreamReader) (n int, err error) {
	if s.sent-s.received.Load() >= Window {
		s.shut.Store(true)
		if s.sent-s.received.Load() >= Window {
			return 0, nil // an acknowledgement wakes
		}
	}
	if s.cfg.Stream.End()-s.sent >= chunk { // there is much to send
		s.reading.Store(&reading{s.sent, time.Now().Add(maxWork)})
		defer s.reading.Store(nil)
	}
	n, err = r.Read(s.buf[headRoom : headRoom+chunk])
	if err != nil && err != io.EOF {
		return 0, fmt.Errorf("can't read the log at %d: %w", s.sent, err)
	}
	if n == 0 {
		s.level = true
		return 0, nil
	}
	commit := s.cfg.Commit()
	var room [headRoom]byte
	f := s.frame(peer.Data)
	s.last.Store(int64(time.Since(s.began)))
	if s.leisure() {
		f.Seq = atLeisure
	}
	h := peer.AppendHead(room[:0], f, 3)
	h = peer.AppendInt(h, s.sent)
	h = peer.AppendInt(h, commit)
	h = append(strconv.AppendInt(append(h, '$'), int64(n), 10), '\r', '\n')
	at := headRoom - len(h)
	copy(s.buf[at:], h)
	end := headRoom + n
	s.buf[end], s.buf[end+1] = '\r', '\n'
	if err := s.put(s.buf[at : end+2]); err != nil {
		return 0, err
	}
	s.sent += int64(n)
	s.sentTo.Store(s.sent)
	s.told = max(s.told, commit)
	return n, nil
}

func (s *Sender) sendRound() error {
	round := s.round.Load()
	if round <= s.asked {
		return nil
	}
	s.asked = round
	out := peer.AppendHead(s.buf[:0], s.frame(peer.Ask), 1)
	return s.put(peer.AppendInt(out, round))
}

// sendAwait asks for what somebody waits for. From then on until that is
// committed, commit offsets wait for no data to ride on.
func (s *Sender) sendAwait() error {
	off := s.cfg.Awaited()
	if off <= s.awaited {
		return nil
	}
	s.awaited = off
	out := peer.AppendHead(s.buf[:0], s.frame(peer.Await), 1)
	return s.put(peer.AppendInt(out, off))
}

// sendCommit tells a commit offset that no data has carried. While it has not
// reached what was sent, CommitMoved wakes, or a loop that tends asks again.
func (s *Sender) sendCommit() error {
	for {
		if commit := s.cfg.Commit(); commit > s.told {
			out := peer.AppendHead(s.buf[:0], s.frame(peer.Commit), 1)
			s.told = commit
			if err := s.put(peer.AppendInt(out, commit)); err != nil || len(s.rest) > 0 {
				return err
			}
		}
		tended := s.in.watched.Load()
		if s.told >= s.sent && tended {
			s.armed = false
			s.owes.Store(false)
		}
		if s.told >= s.sent || s.late.Load() || tended && s.cfg.Awaited() <= s.told {
			return nil
		}
		s.late.Store(true) // and look again: it may have moved before that was seen
	}
}
