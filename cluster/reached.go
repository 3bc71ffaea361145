package cluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"regent/aof/disk"
	"regent/cluster/bully"
	"regent/engine"
)

// How far the log had come. The log itself cannot tell that it once was longer:
// a directory that was removed, a file that was cut between two groups or
// restored from an older copy looks like a log that never held more. What it held may
// have been acknowledged, and be committed by that. So a position that the log
// has reached is kept outside of it, in two places:
//
//   - the mark, a page of memory that is a file's (cluster.reached). It is moved
//     before the election is told of the log, so it is never behind an
//     acknowledgement. That costs a few stores and no system call. The end
//     of the process does not lose it, for the page is the system's; the end
//     of the power may.
//   - the line "reached" of the state file, which is synced with it: at each new
//     epoch and vote. It is behind the mark, and is there after a power loss too.
//
// What the power may take of the mark is what it may take of a log that is not
// fsynced with each write, and then rule 12 of the election holds anyway. With
// appendfsync always the mark says what was fsynced, so nothing may lie before
// either of the two.
//
// A log that ends before the mark, or before the line, and a mark that is
// missing beside a state file that knows of one, make a node that may have lost
// what it acknowledged (rule 12). A torn end of the log tells nothing by itself:
// a process that is killed inside write leaves one, and nobody was told of it.
//
// Where this node shortens its log itself, by a cut or a full copy, it moves
// both back before: until then the log is longer than they say.
//
//	0    "regent-log-reached 1\n", zeros
//	32   number, epoch, offset: 8 bytes each, little endian; CRC-32C of those; zeros
//	64   the same; the one with the higher number counts
//	96   zeros up to 4096
//
// The two are written in turn, so that a process that ends between two stores
// leaves the one before.

// reachedFileName is the mark's name in the data directory.
const reachedFileName = "cluster.reached"

// The parts of the mark, in bytes.
const (
	reachedMagic = "regent-log-reached 1\n"
	reachedSlots = 32
	reachedSlot  = 32
	reachedSum   = 24 // where a slot's checksum is
	reachedSize  = 4096
)

// A mark is the file as long as this node runs.
type mark struct {
	at   bully.Position // what it says
	n    uint64         // number of the slot that says so
	bad  error          // it could not be moved
	buf  [reachedSlot]byte
	page pageOf
}

var errNoPage = errors.New("the system has no page for it: the disk is full, or the file was cut")

var errNoMark = errors.New("it is damaged")

// readMark reads the mark that the last process left; found is false where there
// is none.
func readMark(fsys disk.FS, dir string) (at bully.Position, found bool, err error) {
	at, _, found, err = readSlots(fsys, filepath.Join(dir, reachedFileName))
	return at, found, err
}

func readSlots(fsys disk.FS, path string) (at bully.Position, n uint64, found bool, err error) {
	f, err := disk.ReadOnly{FS: fsys}.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return at, 0, false, nil
	}
	if err != nil {
		return at, 0, false, err
	}
	defer f.Close()
	b := make([]byte, reachedSlots+2*reachedSlot)
	if k, err := f.ReadAt(b, 0); k < len(b) {
		return at, 0, false, fmt.Errorf("%s: %w: %w", path, errNoMark, err)
	}
	for i := range 2 {
		s := b[reachedSlots+i*reachedSlot:][:reachedSlot]
		number := binary.LittleEndian.Uint64(s)
		if number > n && checksum(s[:reachedSum]) == binary.LittleEndian.Uint32(s[reachedSum:]) {
			n, found = number, true
			at.Epoch, at.Offset = int64(binary.LittleEndian.Uint64(s[8:])), int64(binary.LittleEndian.Uint64(s[16:]))
		}
	}
	if !found || string(b[:len(reachedMagic)]) != reachedMagic || at.Epoch < 0 || at.Offset < 0 {
		return bully.Position{}, 0, false, fmt.Errorf("%s: %w", path, errNoMark)
	}
	return at, n, true, nil
}

func appendSlot(dst []byte, n uint64, at bully.Position) []byte {
	from := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, n)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(at.Epoch))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(at.Offset))
	return binary.LittleEndian.AppendUint32(dst, checksum(dst[from:]))
}

// newMark makes the file anew, durably, and takes it into memory.
func newMark(fsys disk.FS, dir string, at bully.Position) (*mark, error) {
	b := append(make([]byte, 0, reachedSize), reachedMagic...)
	b = appendSlot(b[:reachedSlots], 1, at)[:reachedSize]
	path := filepath.Join(dir, reachedFileName)
	if err := disk.ReplaceBytes(fsys, path, b); err != nil {
		return nil, err
	}
	page, err := openPage(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &mark{at: at, n: 1, page: page}, nil
}

// A pageOf is the mark's file as it is written: the system's memory where that can be
// a file's (reached_linux.go), and otherwise a write for each move.
type pageOf interface {
	write(b []byte, at int64) error
	sync() error
	close()
}

type filePage struct{ disk.File }

func (p filePage) write(b []byte, at int64) error {
	_, err := p.WriteAt(b, at)
	return err
}

func (p filePage) sync() error { return p.Sync() }

func (p filePage) close() { _ = p.Close() }

// set moves the mark. A page that the system cannot give is an error, not the
// end of the process.
func (m *mark) set(at bully.Position) (err error) {
	if at == m.at || m.bad != nil {
		return m.bad
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, fault := p.(interface{ Addr() uintptr }); !fault {
				panic(p)
			}
			m.bad = fmt.Errorf("%s can't be written: %w", reachedFileName, errNoPage)
			err = m.bad
		}
	}()
	n := m.n + 1
	appendSlot(m.buf[:0], n, at)
	if err := m.page.write(m.buf[:], reachedSlots+int64(n%2)*reachedSlot); err != nil {
		m.bad = fmt.Errorf("%s can't be written: %w", reachedFileName, err)
		return m.bad
	}
	m.at, m.n = at, n
	return nil
}

// reachedBy is the position up to which what at says is durable. The caller holds marks.mu.
func (c *Cluster) reachedBy(at logEnd) bully.Position {
	p := bully.Position{Epoch: at.pos.Epoch, Offset: at.durable}
	m := c.marks.reached
	if at.durable >= at.pos.Offset || m.at.Epoch == at.pos.Epoch && m.at.Offset <= at.durable {
		return p
	}
	p.Epoch = epochAt(c.opts.Stream.History(), at.durable)
	return p
}

// epochAt is the epoch of the last record before an offset.
func epochAt(history []engine.EpochStart, off int64) (epoch int64) {
	for _, h := range history {
		if h.Offset < off {
			epoch = h.Epoch
		}
	}
	return epoch
}

// A marking is the mark, and how much of the log it covers. The election is told that no
// more than that is durable (refresh), and so nobody else is. Where the log ends it is told
// at once: a handover and what a node that has lost something asks for rest on it.
//
// The page is a file's: when the system has just written it, a store may wait for the disk.
// So it is moved by those that bring news of the log, before they take the election's
// lock, and for the others by a goroutine of its own (markLoop). mu is taken before
// Cluster.mu, never inside.
type marking struct {
	mu         sync.Mutex
	reached    *mark // nil: not begun, or ended
	shortening bool  // the log is about to be cut: the mark stays, and no more is durable

	covered atomic.Int64 // the durable end that it says, or more
}

// remark moves the mark to where the log is. The caller does not hold mu.
func (c *Cluster) remark() {
	c.marks.mu.Lock()
	defer c.marks.mu.Unlock()
	c.remarkHeld()
}

// tryRemark is remark for a caller that may wait for nothing. While another moves the mark,
// perhaps held up by the disk, markLoop is to do it after that one.
func (c *Cluster) tryRemark() {
	if !c.marks.mu.TryLock() {
		poke(c.unmarked)
		return
	}
	defer c.marks.mu.Unlock()
	c.remarkHeld()
}

// remarkHeld is remark; the caller holds marks.mu. While the mark cannot be moved this node is
// mute, before anybody is told of the log.
func (c *Cluster) remarkHeld() {
	m := &c.marks
	if m.reached == nil || m.shortening {
		return
	}
	at := c.readLog()
	if err := m.reached.set(c.reachedBy(at)); err != nil {
		c.mu.Lock()
		c.mute(err)
		c.mu.Unlock()
	}
	m.covered.Store(at.durable)
}

// markLoop moves the mark when the log has moved and nobody that brings news of it is there.
func (c *Cluster) markLoop() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.unmarked:
		}
		c.behind.Store(false)
		c.doLog(nothing)
	}
}

// doLog is do for a caller that brings news of the log.
func (c *Cluster) doLog(f func(now time.Duration) bully.Output) {
	c.remark()
	c.do(f)
}

// shorten moves the mark back to where the log is about to be cut or begun anew,
// durably, and keeps it there until shortened is called.
func (c *Cluster) shorten(to bully.Position) error {
	behind, err := c.markBack(to)
	if err != nil || behind {
		return err
	}
	err = c.marks.reached.page.sync() // one that could be set is not replaced meanwhile
	c.mu.Lock()
	ok := err == nil
	switch {
	case !ok:
		c.mute(err)
	case to.Less(c.state.reached):
		c.persist()
		ok = c.awaitKept()
	}
	ok = ok && !c.muted
	c.mu.Unlock()
	if !ok {
		c.shortened()
		return fmt.Errorf("%w: %w", engine.ErrUntouched, errMuted)
	}
	return nil
}

// markBack moves the mark back, unless it is behind already, and keeps it where it is. What
// is about to be cut is not told to be durable any more.
func (c *Cluster) markBack(to bully.Position) (behind bool, err error) {
	m := &c.marks
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reached == nil {
		return false, errOver
	}
	m.shortening = true
	m.covered.Store(min(m.covered.Load(), to.Offset))
	if !to.Less(m.reached.at) {
		return true, nil
	}
	if err := m.reached.set(to); err != nil {
		c.mu.Lock()
		c.mute(err)
		c.mu.Unlock()
		m.shortening = false
		c.remarkHeld()
		return false, fmt.Errorf("%w: %w", engine.ErrUntouched, errMuted)
	}
	return false, nil
}

var errMuted = errors.New("the cluster state file can't be written")

// shortened tells that the log is cut, or is not going to be.
func (c *Cluster) shortened() {
	c.marks.mu.Lock()
	defer c.marks.mu.Unlock()
	c.marks.shortening = false
	c.remarkHeld()
}

// inspect compares the log that was loaded with what it had reached, and tells
// whether this node may have lost what it acknowledged.
func (c *Cluster) inspect(at bully.Position) (lost bool, err error) {
	mark, found, err := readMark(c.opts.Disk, c.opts.Dir)
	if err != nil && !errors.Is(err, errNoMark) {
		return false, err
	}
	reached := c.state.reached
	switch {
	case found && reached.Less(mark):
		reached = mark
	case !found && c.state.marked:
		c.opts.Host.Logf(engine.LevelWarning, "The file %s is missing or damaged: this node can't tell whether its log is whole. Until it has caught up with a leader, its vote counts only together with all others", reachedFileName)
		lost = true
	}
	if at.Less(reached) {
		c.opts.Host.Logf(engine.LevelWarning, "The log ends at offset %d of epoch %d, but it had reached offset %d of epoch %d: a part of it was removed, cut or put back from an older copy. "+
			"Until this node has caught up with a leader, its vote counts only together with all others", at.Offset, at.Epoch, reached.Offset, reached.Epoch)
		lost = true
	}
	if c.state.hard.Epoch < at.Epoch {
		c.opts.Host.Logf(engine.LevelWarning, "The cluster state file is missing or older than the log, which is of epoch %d: this node does not know what it has promised. "+
			"Until it has caught up with a leader, its vote counts only together with all others", at.Epoch)
	}
	return lost, nil
}
