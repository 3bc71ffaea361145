package repl

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"regent/cluster/peer"
	"regent/engine"
)

// Limits of a receiver.
const (
	// ackBytes is how much comes at most before it is acknowledged although more
	// is waiting to be read.
	ackBytes = 1 << 20
	// ackDelay is how long an acknowledgement may be put off that nobody waits for.
	ackDelay = 2 * time.Millisecond
	// lateAck is how long it waits for more data to carry it along.
	lateAck = 2 * ackDelay
	// sayEvery is which part of the patience passes at most until a follower that is
	// at work says so.
	sayEvery = 4
	// maxWork is how long it says so about one append: a disk that hangs is no work.
	maxWork = time.Minute
	// joinBytes is how much of what several frames have brought is appended at once, in
	// bytes, beside what a single one brings.
	joinBytes = 64 << 10
)

// A Node is what the receiver asks of the node it belongs to.
type Node interface {
	// Await waits a moment for the election to agree that this node follows an
	// epoch, and reports whether it does; if not, epoch is this node's own.
	Await(epoch int64) (ok bool, own int64)
	// Broken reports whether the log can't be continued, or is not to be, up to where the
	// leader's ends, so that a full copy has to take its place. An error says that it can't
	// be replaced either, at the moment.
	Broken(end int64) (bool, error)
	// Cut makes the log end at off, and brings the keyspace back to it if it
	// had run ahead.
	Cut(epoch, off int64) error
	// Append adds whole records at off, which may be none, takes the commit
	// offset, and reports up to where the log is durable, as far as this node
	// vouches for it. ok is false when this node does not follow the epoch, before
	// or after: then nothing may be acknowledged.
	Append(epoch, off int64, records []byte, commit int64) (durable int64, ok bool, err error)
	// Apply has applied what of the log is committed, which Append leaves to it: here if
	// it is little, and at leisure elsewhere. It is called when what Append took is
	// acknowledged, and says whether more is waiting to be appended.
	Apply(more bool)
	// Durable is up to where the log is durable, 0 if this node does not follow the
	// epoch or does not vouch for it.
	Durable(epoch int64) int64
	// Vouches reports whether an answer to a round may count: bully.Node.Vouches.
	Vouches() bool
	// Applied is how far readers can see, Synced how far the log is fsynced.
	Applied() int64
	Synced() int64
	// AwaitApplied is Applier.Await.
	AwaitApplied(off int64) (moved <-chan struct{})
	// Opened tells that the stream runs, and Heard that bytes came.
	Opened(epoch int64)
	Heard()
}

// An Enter waits until nobody else takes the log, when the epoch of a stream or a copy is
// known. ok is false where it is not to be taken: own is the epoch this node is in, 0 where
// the leader need not be told.
type Enter func(epoch int64) (ok bool, own int64)

// await enters, and waits until this node follows the epoch.
func (e Enter) await(n interface {
	Await(epoch int64) (ok bool, own int64)
}, epoch int64) (ok bool, own int64) {
	if e != nil {
		if ok, own := e(epoch); !ok {
			return false, own
		}
	}
	return n.Await(epoch)
}

// A Receiver is the follower's side of one stream.
type Receiver struct {
	Conn     *peer.Conn
	Stream   engine.Stream
	Node     Node
	Self     int64
	Cluster  func() string
	Learn    func(f *peer.Frame) error // the cluster ID in a frame
	Patience time.Duration             // of a write that stands still
	Enter    Enter                     // nil: at once
	Part     *Part                     // what the stream before has left, and this one leaves; nil: nothing

	epoch   int64
	next    int64  // the end of the log
	part    *Part  // an incomplete unit that follows there
	joined  joined // follows that, of frames behind which a whole one is waiting to be read
	offered bool   // of it the leader was told, and has not said yet whether it goes on behind it
	work    work
	owed    bool // bytes came that are not acknowledged
	leisure bool // and nobody waits for that, as the leader says
	unacked int  // how many
	durable int64

	mu     sync.Mutex // of the writers: this goroutine, and those that tell what has changed
	out    []byte
	told   struct{ received, durable int64 } // by the last HELD
	due    struct{ received, durable int64 } // what the next one is to say that is put off
	late   *time.Timer                       // for that, where Run's goroutine can't wait for it
	put    bool                              // one is put off
	putAt  time.Time                         // since then
	said   time.Time                         // when the last one was sent
	opened bool                              // the leader has what is needed to understand one

	awaited atomic.Int64 // the leader wants to know when this is applied
	telling bool         // tellApplied runs
	done    chan struct{}
	wg      sync.WaitGroup
}

// errDeposed says that the stream's epoch is over.
var errDeposed = errors.New("this node does not follow that epoch any more")

// Run takes the stream until it ends, and closes it.
func (r *Receiver) Run() error {
	r.done = make(chan struct{})
	defer r.wg.Wait()
	defer close(r.done)
	defer r.Conn.Close()
	r.Conn.SetPatience(r.Patience)
	if r.part = r.Part; r.part == nil {
		r.part = &Part{}
		defer r.part.Drop()
	}
	r.work.timer = time.AfterFunc(time.Hour, r.stillAtWork)
	defer r.work.timer.Stop()
	r.late = time.AfterFunc(time.Hour, r.acknowledgeLate)
	defer r.late.Stop()
	if err := r.open(); err != nil {
		return err
	}
	r.Node.Opened(r.epoch)
	if err := r.Tell(); err != nil {
		return err
	}
	var f peer.Frame
	for {
		r.awaitMore()
		if err := r.Conn.Next(&f); err != nil {
			return err
		}
		r.Node.Heard()
		if err := r.take(&f); err != nil {
			return err
		}
		if len(r.joined.bytes) > 0 {
			continue // the next frame is here
		}
		if err := r.acknowledge(); err != nil {
			return err
		}
		r.Node.Apply(r.Conn.Buffered())
	}
}

// open answers the leader's OPEN.
func (r *Receiver) open() error {
	var f peer.Frame
	_ = r.Conn.SetReadDeadline(time.Now().Add(r.Patience))
	if err := r.Conn.Next(&f); err != nil {
		return err
	}
	_ = r.Conn.SetReadDeadline(time.Time{})
	if f.Type != peer.Open || len(f.Args) != 5 {
		return fmt.Errorf("%s where OPEN should stand", f.Type)
	}
	if err := r.Learn(&f); err != nil {
		return err
	}
	var theirs Log
	var commit, whole int64
	if err := f.Ints(&theirs.Start, &theirs.End, &commit, &whole); err != nil {
		return err
	}
	var err error
	if theirs.History, err = parseHistory(string(f.Args[4])); err != nil {
		return err
	}
	theirs.Whole, r.epoch = whole == 1, f.Epoch
	if ok, own := r.Enter.await(r.Node, r.epoch); !ok {
		if own != 0 {
			r.refuse(own)
		}
		return errDeposed
	}
	broken, err := r.Node.Broken(theirs.End)
	if err != nil {
		return err
	}
	at, err := common(theirs, describe(r.Stream))
	if broken || errors.Is(err, errCopy) {
		_ = r.send(peer.Copy, r.epoch)
		return ErrCopy
	}
	if err != nil {
		return err
	}
	if err := r.Node.Cut(r.epoch, at); err != nil {
		return err
	}
	r.next = at
	held, sum := r.part.keep(r.epoch, at)
	if held == 0 {
		r.mu.Lock()
		r.told.received, r.opened = at, true
		r.mu.Unlock()
		return r.send(peer.Ready, r.epoch, at)
	}
	r.offered = true
	return r.send(peer.Ready, r.epoch, at, held, int64(sum))
}

// refuse tells the leader which epoch this node is in.
func (r *Receiver) refuse(own int64) { _ = r.send(peer.Refuse, own) }

func (r *Receiver) send(t peer.Type, epoch int64, args ...int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sendLocked(t, epoch, args...)
}

// sendLocked is send for a caller that holds mu.
func (r *Receiver) sendLocked(t peer.Type, epoch int64, args ...int64) error {
	f := peer.Frame{Type: t, Cluster: r.Cluster(), From: r.Self, To: r.Conn.Peer, Epoch: epoch}
	r.out = peer.AppendHead(r.out[:0], &f, len(args))
	for _, n := range args {
		r.out = peer.AppendInt(r.out, n)
	}
	_, err := r.Conn.Write(r.out)
	return err
}

// take handles one frame of the running stream.
func (r *Receiver) take(f *peer.Frame) error {
	r.leisure = f.Type == peer.Data && f.Seq == atLeisure
	if f.Epoch != r.epoch {
		return fmt.Errorf("epoch %d in a stream of epoch %d", f.Epoch, r.epoch)
	}
	if f.Type != peer.Data {
		if err := r.flush(); err != nil {
			return err
		}
	}
	var off, commit int64
	switch {
	case f.Type == peer.Data && len(f.Args) == 3:
		if err := f.Ints(&off, &commit); err != nil {
			return err
		}
		if r.offered && off == r.next {
			r.part.begin(r.epoch, r.next) // the leader does not go on behind it
		}
		r.offered = false
		if have := r.received(); off != have {
			return fmt.Errorf("bytes at %d where %d should follow", off, have)
		}
		return r.join(f.Args[2], commit)
	case f.Type == peer.Commit && len(f.Args) == 1:
		if err := f.Ints(&commit); err != nil {
			return err
		}
		return r.write(nil, commit)
	case f.Type == peer.Ask && len(f.Args) == 1:
		round, err := f.Int(0)
		if err == nil {
			err = r.write(nil, 0) // which finds out
		}
		if err != nil || !r.Node.Vouches() {
			return err
		}
		return r.send(peer.Answer, r.epoch, round, r.Node.Synced())
	case f.Type == peer.Await && len(f.Args) == 1:
		off, err := f.Int(0)
		if err != nil {
			return err
		}
		err = r.Tell() // first: what is applied is held
		r.await(off)
		return err
	}
	return fmt.Errorf("%s with %d arguments in a stream", f.Type, len(f.Args))
}

// await has the leader told what is applied, until off is.
func (r *Receiver) await(off int64) {
	r.awaited.Store(max(off, r.awaited.Load())) // nobody else writes it
	moved := r.Node.AwaitApplied(off)
	if !r.telling {
		r.telling = true
		r.wg.Go(func() { r.tellApplied(moved) })
	}
}

// tellApplied tells the leader what is applied while it waits for that. It is a
// goroutine of its own, so that neither applying nor appending waits for the
// connection, and there is none where nobody waits.
func (r *Receiver) tellApplied(moved <-chan struct{}) {
	told := int64(-1)
	for {
		select {
		case <-r.done:
			return
		case <-moved:
		}
		at := r.Node.Applied()
		if told >= r.awaited.Load() || at <= told {
			continue
		}
		told = at
		if r.send(peer.Applied, r.epoch, at) != nil {
			return // the reader finds out
		}
	}
}

// received is the offset up to which the follower holds bytes.
func (r *Receiver) received() int64 {
	return r.next + int64(r.part.buf.Len()+len(r.joined.bytes))
}

// joined is what several frames have brought, and the commit offset that came with it.
type joined struct {
	bytes  []byte
	commit int64
}

// join writes a piece with those before it that were put off; or puts it off, if another
// whole frame is here already: one write to the log does for several, and one word to the
// election.
func (r *Receiver) join(piece []byte, commit int64) error {
	j := &r.joined
	put := len(j.bytes)+len(piece) <= joinBytes && r.Conn.Whole()
	if !put && len(j.bytes) == 0 {
		return r.data(piece, commit)
	}
	j.bytes, j.commit = append(j.bytes, piece...), max(j.commit, commit)
	if put {
		return nil
	}
	return r.flush()
}

// flush writes what was put off.
func (r *Receiver) flush() error {
	all := r.joined
	r.joined = joined{bytes: all.bytes[:0]} // data counts it
	if len(all.bytes) == 0 {
		return nil
	}
	return r.data(all.bytes, all.commit)
}

// data writes the whole records that a piece completes and keeps its rest. In
// the usual case a piece is whole, and is not copied.
func (r *Receiver) data(piece []byte, commit int64) (err error) {
	p := r.part
	defer func() {
		if err != nil {
			p.Drop() // it knows of more than was appended, or of nonsense
		}
	}()
	if _, err := p.scan.Scan(piece); err != nil {
		return err
	}
	all, joined := piece, p.buf.Len() > 0
	if joined {
		p.buf.Append(piece, p.scan.Needs())
		all = p.buf.Bytes()
	}
	whole := int(p.scan.Whole() - r.next)
	p.scan.Epochs = p.scan.Epochs[:0]
	if err := r.write(all[:whole], commit); err != nil {
		return err
	}
	r.next += int64(whole)
	p.next = r.next
	if joined {
		p.buf.Shift(whole)
	} else if whole < len(all) {
		p.buf.Append(all[whole:], p.scan.Needs())
	}
	r.owed, r.unacked = true, r.unacked+len(piece)
	return nil
}

// write appends to the log. What it appends is acknowledged only if the
// election still agrees afterwards.
func (r *Receiver) write(records []byte, commit int64) error {
	r.begins(len(records))
	durable, ok, err := r.Node.Append(r.epoch, r.next, records, commit)
	r.work.ends()
	if err != nil {
		return err
	}
	if !ok {
		_, own := r.Node.Await(r.epoch)
		r.refuse(own)
		return errDeposed
	}
	r.durable = durable
	return nil
}

// acknowledge tells what is held, unless nobody waits for that and it was told a moment
// ago, or more is already waiting to be read:
// then one acknowledgement will do for both. So it is called after every frame:
// what was waiting may have been no data.
func (r *Receiver) acknowledge() error {
	if !r.owed || r.Conn.Buffered() && r.unacked < ackBytes {
		return nil
	}
	r.owed = false
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.leisure && r.unacked < ackBytes && time.Since(r.said) < ackDelay {
		r.due.received, r.due.durable = r.received(), r.durable
		if !r.put {
			r.put, r.putAt = true, time.Now()
			if !r.Conn.Owned() {
				r.late.Reset(lateAck)
			}
		}
		return nil
	}
	r.unacked = 0
	return r.held(r.received(), r.durable)
}

// awaitMore says what acknowledge has put off if no more data come to carry it along before
// its time is over. It waits for that on Run's goroutine: a timer would wake two threads,
// some hundred times a second.
func (r *Receiver) awaitMore() {
	r.mu.Lock()
	put, at := r.put, r.putAt
	r.mu.Unlock()
	if !put || !r.Conn.Owned() {
		return
	}
	if left := lateAck - time.Since(at); left <= 0 || !r.Conn.Await(left) {
		r.acknowledgeLate()
	}
}

// acknowledgeLate says what acknowledge has put off.
func (r *Receiver) acknowledgeLate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.put {
		_ = r.held(r.due.received, r.due.durable) // an error is the stream's end, which Run finds out
	}
}

// held sends a HELD. The caller holds mu.
func (r *Receiver) held(received, durable int64) error {
	r.told.received, r.told.durable, r.opened = received, durable, true
	r.put, r.said = false, time.Now()
	return r.sendLocked(peer.Held, r.epoch, received, durable, r.Node.Applied())
}

// Tell tells the leader what was put off, and that more of what it was told of is durable
// than was said, if it is so: what this node did not vouch for when it came, it may vouch for now, and no more
// data need come. It may be called from another goroutine than Run's.
func (r *Receiver) Tell() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.opened {
		return nil
	}
	say := r.told
	if r.put {
		say = r.due
	}
	say.durable = max(say.durable, min(r.Node.Durable(r.epoch), say.received))
	if say == r.told {
		return nil
	}
	return r.held(say.received, say.durable)
}
