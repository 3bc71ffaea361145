package repl

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"regent/cluster/peer"
	"regent/engine"
	"regent/resp"
)

// A full copy, on a connection of its own (peer.Copying): see doc.go.

// Limits of a full copy.
const (
	// CopyChunk is how many bytes one frame carries at most.
	CopyChunk = 256 << 10
	// copyStall bounds a write: how long a follower may take nothing.
	copyStall = 10 * time.Second
	// copyPatience is how long either side may be silent. It is more than
	// copyStall, for one follower of several may hold up the others.
	copyPatience = 30 * time.Second
	// copyAlive is how often a follower that is busy says that it lives.
	copyAlive = time.Second
)

var errCopyForm = errors.New("the full copy is malformed")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Place is where in the stream a full copy was taken.
type Place struct {
	Offset  int64
	DB      int                 // selected there
	History []engine.EpochStart // of the epochs begun before it, oldest first
}

// A CopySender is the leader's side of one full copy. Its methods are called
// one after the other: Begin, Write…, Done.
type CopySender struct {
	conn   *peer.Conn
	head   peer.Frame
	place  Place
	sent   int64
	sum    uint32
	buf    []byte
	answer chan error
}

// NewCopySender takes over an open connection; head is what all frames share.
func NewCopySender(conn *peer.Conn, head peer.Frame) *CopySender {
	conn.SetPatience(copyStall)
	s := &CopySender{conn: conn, head: head, answer: make(chan error, 1)}
	go func() { s.answer <- s.listen() }()
	return s
}

// Begin says where the copy was taken and about how many bytes will come, 0:
// not known.
func (s *CopySender) Begin(at Place, total int64) error {
	s.place = at
	f := s.head
	f.Type = peer.Base
	s.buf = peer.AppendHead(s.buf[:0], &f, 4)
	for _, n := range [...]int64{at.Offset, int64(at.DB), total} {
		s.buf = peer.AppendInt(s.buf, n)
	}
	s.buf = resp.AppendBulk(s.buf, appendHistory(nil, at.History))
	_, err := s.conn.Write(s.buf)
	return err
}

// Write sends bytes of the copy.
func (s *CopySender) Write(p []byte) (n int, err error) {
	for n < len(p) {
		part := p[n:min(len(p), n+CopyChunk)]
		f := s.head
		f.Type = peer.Part
		s.buf = peer.AppendHead(s.buf[:0], &f, 3)
		s.buf = peer.AppendInt(s.buf, s.sent)
		s.buf = peer.AppendInt(s.buf, int64(crc32.Checksum(part, castagnoli)))
		s.buf = resp.AppendBulk(s.buf, part)
		if _, err := s.conn.Write(s.buf); err != nil {
			return n, err
		}
		s.sum = crc32.Update(s.sum, castagnoli, part)
		s.sent += int64(len(part))
		n += len(part)
	}
	return n, nil
}

// Sent is how many bytes of the copy went out.
func (s *CopySender) Sent() int64 { return s.sent }

// Done says that this was all, and waits until the follower has installed it.
func (s *CopySender) Done(ctx context.Context) error {
	f := s.head
	f.Type = peer.Done
	s.buf = peer.AppendHead(s.buf[:0], &f, 2)
	s.buf = peer.AppendInt(s.buf, s.sent)
	s.buf = peer.AppendInt(s.buf, int64(s.sum))
	if _, err := s.conn.Write(s.buf); err != nil {
		return err
	}
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the connection.
func (s *CopySender) Close() { _ = s.conn.Close() }

// listen waits for the end of the follower's work. A lost connection shows in
// the next write as well.
func (s *CopySender) listen() error {
	var f peer.Frame
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(copyPatience))
		if err := s.conn.Next(&f); err != nil {
			return err
		}
		switch f.Type {
		case peer.Ping:
		case peer.Ready:
			at, err := f.Int(0)
			if err == nil && at != s.place.Offset {
				err = fmt.Errorf("%w: installed at %d, taken at %d", errCopyForm, at, s.place.Offset)
			}
			return err
		case peer.Refuse:
			return fmt.Errorf("node %d does not follow epoch %d: it is in epoch %d", s.head.To, s.head.Epoch, f.Epoch)
		default:
			return fmt.Errorf("%w: %s from a follower", errCopyForm, f.Type)
		}
	}
}

// A CopyNode is what a CopyReceiver asks of the node it belongs to.
type CopyNode interface {
	// Await is Node's.
	Await(epoch int64) (ok bool, own int64)
	// Install takes the copy, of about total bytes, as the new beginning of
	// log and keyspace. Nothing is changed unless r ends with io.EOF.
	Install(epoch int64, at Place, total int64, r io.Reader) error
}

// A CopyReceiver is the follower's side of one full copy.
type CopyReceiver struct {
	Conn    *peer.Conn
	Node    CopyNode
	Self    int64
	Cluster func() string
	Learn   func(f *peer.Frame) error
	Enter   Enter // nil: at once

	epoch int64
	got   int64
	sum   uint32
	frame peer.Frame
	rest  []byte // of the frame at hand
	end   error  // what Read returns from now on

	out sync.Mutex // one writer at a time
}

// Run takes the copy and closes the connection.
func (r *CopyReceiver) Run() error {
	defer r.Conn.Close()
	r.Conn.SetPatience(copyStall)
	at, total, err := r.begin()
	if err != nil {
		return err
	}
	if ok, own := r.Enter.await(r.Node, r.epoch); !ok {
		if own != 0 {
			_ = r.send(peer.Refuse, own)
		}
		return errDeposed
	}
	stop := r.live()
	err = r.Node.Install(r.epoch, at, total, r)
	stop()
	if err != nil {
		return err
	}
	return r.send(peer.Ready, r.epoch, at.Offset)
}

// begin reads what is coming.
func (r *CopyReceiver) begin() (at Place, total int64, err error) {
	f := &r.frame
	if err := r.next(); err != nil {
		return at, 0, err
	}
	if f.Type != peer.Base || len(f.Args) != 4 {
		return at, 0, fmt.Errorf("%w: %s where BASE should stand", errCopyForm, f.Type)
	}
	if err := r.Learn(f); err != nil {
		return at, 0, err
	}
	var db int64
	if err := f.Ints(&at.Offset, &db, &total); err != nil {
		return at, 0, err
	}
	at.DB, r.epoch = int(db), f.Epoch
	if at.History, err = parseHistory(string(f.Args[3])); err != nil {
		return at, 0, err
	}
	if n := len(at.History); n > 0 && at.History[n-1].Offset > at.Offset {
		return at, 0, fmt.Errorf("%w: epoch %d begins behind it", errCopyForm, at.History[n-1].Epoch)
	}
	return at, total, nil
}

func (r *CopyReceiver) next() error {
	_ = r.Conn.SetReadDeadline(time.Now().Add(copyPatience))
	return r.Conn.Next(&r.frame)
}

// live says every copyAlive that this node is at work, until stop.
func (r *CopyReceiver) live() (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(copyAlive)
		defer t.Stop()
		for {
			select {
			case <-quit:
				return
			case <-t.C:
				if r.send(peer.Ping, r.epoch) != nil {
					return
				}
			}
		}
	}()
	return func() { close(quit); <-ended }
}

func (r *CopyReceiver) send(t peer.Type, epoch int64, args ...int64) error {
	r.out.Lock()
	defer r.out.Unlock()
	f := peer.Frame{Type: t, Cluster: r.Cluster(), From: r.Self, To: r.Conn.Peer, Epoch: epoch}
	out := peer.AppendHead(nil, &f, len(args))
	for _, n := range args {
		out = peer.AppendInt(out, n)
	}
	_, err := r.Conn.Write(out)
	return err
}

// Read is the copy's bytes. io.EOF means that all of them have come and that
// their checksums match.
func (r *CopyReceiver) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.end == nil {
			r.end = r.part()
		}
		if r.end != nil {
			return 0, r.end
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// part takes the next frame.
func (r *CopyReceiver) part() error {
	if err := r.next(); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("the full copy broke off after %d bytes: %w", r.got, err)
	}
	f := &r.frame
	var n, sum int64
	if err := f.Ints(&n, &sum); err != nil {
		return err
	}
	switch {
	case f.Epoch != r.epoch:
		return fmt.Errorf("%w: epoch %d in a copy of epoch %d", errCopyForm, f.Epoch, r.epoch)
	case f.Type == peer.Part && len(f.Args) == 3:
		part := f.Args[2]
		if n != r.got || sum != int64(crc32.Checksum(part, castagnoli)) {
			return fmt.Errorf("%w: a piece at %d where %d should follow, or its checksum is wrong", errCopyForm, n, r.got)
		}
		r.got += int64(len(part))
		r.sum = crc32.Update(r.sum, castagnoli, part)
		r.rest = part
		return nil
	case f.Type == peer.Done && len(f.Args) == 2:
		if n != r.got || sum != int64(r.sum) {
			return fmt.Errorf("%w: it ends after %d bytes of %d, or its checksum is wrong", errCopyForm, r.got, n)
		}
		return io.EOF
	}
	return fmt.Errorf("%w: %s with %d arguments", errCopyForm, f.Type, len(f.Args))
}
