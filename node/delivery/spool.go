package delivery

import (
	"errors"
	"io"
	"sync"

	"regent/aof/disk"
)

// A Spool stands between a snapshot and a connection, so that a slow reader there does not
// hold up the next snapshot.
//
//	           not hurried: one piece at a time
//	snapshot ──────────────────────────────────► sender ──► connection
//	        └──► temporary file ────────────────┘
//	           hurried: at the disk's pace
//
// As long as nothing waits (Hurry), a Write returns when the connection has taken its bytes:
// the snapshot goes on at the reader's pace, as without a Spool, and no disk is needed. Once
// it is hurried, what the connection does not take at once goes to a file, the snapshot ends
// at the pace of the disk, and the sender reads the file afterwards. Where the file cannot be
// made or is full, it is as if nothing had waited.
//
// One goroutine calls Write and Close. The file is as long as what is left of the snapshot
// at most, and is gone after Close.
type Spool struct {
	o    SpoolOptions
	work chan struct{} // something is to be sent
	room chan struct{} // something was sent
	over chan struct{} // closed when the sender has ended

	mu      sync.Mutex
	piece   []byte // is being sent, or is to be; empty: none
	file    disk.File
	read    int64 // of the file, so far
	written int64
	closing bool  // what there is, is all
	err     error // of the connection, or that it was given up
	noFile  error // why there is no file
}

// A Use is what a copy of the data that goes out is for.
type Use struct {
	// Libraries of functions are wanted alone, without keys.
	Libraries bool
	// Local says that it goes to this machine's disk: nobody else decides how long it takes,
	// and no Spool is needed.
	Local bool
	// Followed says that what changes from its moment on is wanted, too.
	Followed bool
}

// SpoolOptions are what a Spool stands on.
type SpoolOptions struct {
	// To is the connection. Its writes end with an error when it is cut.
	To io.Writer
	// Hurry is closed when another one waits.
	Hurry <-chan struct{}
	// Make makes an empty file, and Remove removes it. They are called once each at most.
	Make   func() (disk.File, error)
	Remove func() error
}

// spoolPiece is how many bytes are sent at once at most: what the sender holds in memory.
const spoolPiece = 256 << 10

var errSpool = errors.New("read what was put aside")

// NewSpool starts a sender. Close has to follow.
func NewSpool(o SpoolOptions) *Spool {
	s := &Spool{o: o, work: make(chan struct{}, 1), room: make(chan struct{}, 1), over: make(chan struct{})}
	go s.send()
	return s
}

// Write takes bytes to be sent. An error is that of the connection, for this piece or one
// before.
func (s *Spool) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		piece := p[n:min(n+spoolPiece, len(p))]
		if err = s.put(piece); err == nil {
			n += len(piece)
		}
	}
	return n, err
}

// put is Write of one piece.
func (s *Spool) put(p []byte) error {
	for {
		taken, err := s.offer(p)
		if err != nil {
			return err
		}
		if taken {
			break
		}
		if s.hurried() && s.toFile(p) {
			return nil
		}
		s.await()
	}
	for s.busy() && !s.hurried() {
		s.await()
	}
	return s.failed()
}

// offer gives bytes to the sender if it has nothing to do.
func (s *Spool) offer(p []byte) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || len(s.piece) > 0 || s.read < s.written {
		return false, s.err
	}
	s.piece = append(s.piece, p...)
	signal(s.work)
	return true, nil
}

// toFile puts bytes behind what waits in the file, and reports whether it could.
func (s *Spool) toFile(p []byte) bool {
	s.mu.Lock()
	if s.noFile != nil {
		s.mu.Unlock()
		return false
	}
	if s.read == s.written {
		s.read, s.written = 0, 0
	}
	at := s.written
	s.mu.Unlock()

	err := s.append(p, at) // may take long: the disk may

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.noFile = err; err != nil {
		return false
	}
	s.written = at + int64(len(p))
	signal(s.work)
	return true
}

func (s *Spool) append(p []byte, at int64) (err error) {
	if s.file == nil {
		if s.file, err = s.o.Make(); err != nil {
			return err
		}
	}
	_, err = s.file.WriteAt(p, at)
	return err
}

// await waits until the sender has sent something, or until there is more hurry.
func (s *Spool) await() {
	hurry := s.o.Hurry
	select {
	case <-hurry:
		hurry = nil // known already
	default:
	}
	select {
	case <-s.room:
	case <-s.over:
	case <-hurry:
	}
}

// hurried reports whether another one waits and a file can be had.
func (s *Spool) hurried() bool {
	select {
	case <-s.o.Hurry:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.noFile == nil
	default:
		return false
	}
}

func (s *Spool) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil && (len(s.piece) > 0 || s.read < s.written)
}

func (s *Spool) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// send is the sender.
func (s *Spool) send() {
	defer close(s.over)
	for {
		p, more, err := s.next()
		if err == nil && len(p) > 0 {
			_, err = s.o.To.Write(p)
		}
		if !s.sent(err) || !more {
			return
		}
		if len(p) == 0 {
			<-s.work
		}
	}
}

// next is what is to be sent now; more says that it is not the end.
func (s *Spool) next() (p []byte, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.written-s.read, spoolPiece)
	switch {
	case s.err != nil || len(s.piece) > 0:
		return s.piece, true, s.err
	case n == 0:
		return nil, !s.closing, nil
	}
	s.piece = append(s.piece, make([]byte, n)...)
	if m, err := s.file.ReadAt(s.piece, s.read); m < len(s.piece) {
		return nil, false, errors.Join(errSpool, err)
	}
	s.read += n
	return s.piece, true, nil
}

// sent notes that a piece has left, and reports whether there may be more.
func (s *Spool) sent(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.piece = s.piece[:0]
	if s.err == nil {
		s.err = err
	}
	signal(s.room)
	return s.err == nil
}

// Close waits until all was sent, or after an error of the snapshot's gives up what was
// not, and returns that or the connection's.
func (s *Spool) Close(err error) error {
	s.mu.Lock()
	s.closing = true
	if s.err == nil && err != nil {
		s.err = err
	}
	s.mu.Unlock()
	signal(s.work)
	<-s.over
	if s.file != nil {
		_ = s.file.Close()
		_ = s.o.Remove()
	}
	if err != nil {
		return err
	}
	return s.err
}

// signal wakes the other side, now or when it waits.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
