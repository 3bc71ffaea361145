package persist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"regent/engine"
	"regent/engine/rdb"
	"regent/resp"
)

// A snapshot of the keyspace becomes a file here: an RDB for the base of the log,
// dump.rdb and backups, or commands.
//
// At a leader the cut is the end of what was appended, and may be cut off again by
// another leader as long as it is not committed. So a program that counts on the file
// waits for that at its end (settled), and the file is whole only then.

const (
	// commitWait is how long a finished snapshot waits until it is committed.
	commitWait = time.Minute
	// commitPoll is how often it looks.
	commitPoll = 2 * time.Millisecond
)

var (
	errRoleChanges = errors.New("this node's role is changing")
	errNotSettled  = errors.New("the moment it shows was not committed in time")
	errRebuilt     = errors.New("the moment it shows was not committed: another leader has cut it off")
)

// A placed tells where in the log a snapshot is, given the offset: called at the
// cut, without I/O.
type placed func(at int64) (*rdb.Place, error)

// A moment is what a snapshot remembers of its cut.
type moment struct {
	info     *engine.SnapshotInfo
	offset   int64 // of the log
	keyspace int64 // Engine.KeyspaceEpoch
	place    *rdb.Place
	changes  int64 // Engine.Changes
	made     int64 // wall ms
}

// snapshot gives out the keyspace; where is asked at the cut, and m is what is
// known of it by then.
func (d *Data) snapshot(ctx context.Context, o engine.SnapshotOptions, m *moment, where placed, emit func(*engine.SnapshotBatch) error) error {
	reached := func(i *engine.SnapshotInfo) (int64, bool) { return i.Offset, true }
	if d.followed.Load() {
		o.Still = func(cut func()) {
			d.others.AtRest(func(at func() (int64, bool)) {
				reached = func(*engine.SnapshotInfo) (int64, bool) { return at() }
				cut()
			})
		}
	}
	o.Cut = func(i *engine.SnapshotInfo) (err error) {
		at, ok := reached(i)
		if !ok {
			return errRoleChanges
		}
		*m = moment{info: i, offset: at, keyspace: d.engine.KeyspaceEpoch(), changes: d.engine.Changes(), made: d.host.Now()}
		m.place, err = where(at)
		return err
	}
	p := pacer{d: d, since: time.Now()}
	return d.engine.Snapshot(ctx, o, func(b *engine.SnapshotBatch) error {
		if err := emit(b); err != nil {
			return err
		}
		p.rest()
		return d.saves.keys(ctx, b.Len())
	})
}

// A pacer keeps a snapshot from taking a whole processor while clients want
// something: it works in bursts and rests as long in between. What waits for a
// processor then waits for a burst and not for a scheduler's slice. With nobody
// there it does not rest.
type pacer struct {
	d     *Data
	since time.Time // the burst began
	asked int64     // inputs and changes by then
}

// burst is how long a snapshot works, and rests, at a time. The system's timers
// are no finer.
const burst = time.Millisecond

func (p *pacer) rest() {
	if time.Since(p.since) < burst {
		return
	}
	if asked := p.d.engine.Inputs() + p.d.engine.Changes(); asked != p.asked {
		p.asked = asked
		time.Sleep(burst)
	}
	p.since = time.Now()
}

// settled waits until what a snapshot shows cannot be cut off any more.
func (d *Data) settled(ctx context.Context, m *moment) error {
	if !d.followed.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, commitWait, errNotSettled)
	defer cancel()
	tick := time.NewTicker(commitPoll)
	defer tick.Stop()
	for d.others.Committed() < m.offset {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	// A keyspace that ran ahead is rebuilt before anything else is committed.
	if d.engine.KeyspaceEpoch() != m.keyspace {
		return errRebuilt
	}
	return nil
}

// logPlace is where the log is at an offset, for files that are not its base.
func (d *Data) logPlace(at int64) (*rdb.Place, error) {
	log := d.Log()
	if log == nil {
		return nil, nil
	}
	p := log.PlaceAt(at)
	return rdbPlace(p.Offset, p.History), nil
}

func rdbPlace(at int64, history []engine.EpochStart) *rdb.Place {
	p := &rdb.Place{Offset: at}
	for _, h := range history {
		p.Epoch = h.Epoch
		p.History = append(p.History, rdb.EpochStart(h))
	}
	return p
}

// An rdbUse is what an RDB file is for.
type rdbUse struct {
	base      bool // of a log
	checksum  bool
	maxCopied int64 // see engine.SnapshotOptions
	noKeys    bool  // it is for the libraries alone
	followed  bool  // what changes after it is wanted, too
	// turn is the caller's; nil: the snapshot waits for its own.
	turn   *engine.SnapshotTurn
	fields [][2]string // for the head
}

// writeRDB writes the keyspace at one moment as an RDB file.
func (d *Data) writeRDB(ctx context.Context, dst io.Writer, use rdbUse, where placed) (*moment, error) {
	f := d.newRDB(dst, use)
	return &f.moment, f.write(ctx, where)
}

// write writes all of the file, and returns when what it shows is committed.
func (f *rdbFile) write(ctx context.Context, where placed) error {
	if err := f.fill(ctx, where); err != nil {
		return err
	}
	if err := f.d.settled(ctx, &f.moment); err != nil {
		return err
	}
	return f.w.Close()
}

func (d *Data) newRDB(dst io.Writer, use rdbUse) *rdbFile {
	f := &rdbFile{d: d, use: use, db: -1}
	f.w = rdb.NewWriter(dst, rdb.WriterOptions{Compress: d.cfg.RdbCompression.Get(), Checksum: use.checksum, Sections: true})
	return f
}

// fill writes all but the file's end.
func (f *rdbFile) fill(ctx context.Context, where placed) error {
	if err := f.d.snapshot(ctx, engine.SnapshotOptions{MaxCopied: f.use.maxCopied, Turn: f.use.turn}, &f.moment, where, f.batch); err != nil {
		return err
	}
	f.header()
	return nil
}

// An rdbFile is an RDB file that is being written.
type rdbFile struct {
	moment
	d      *Data
	w      *rdb.Writer
	use    rdbUse
	headed bool
	db     int
}

// header writes what stands first, once the cut is made.
func (f *rdbFile) header() {
	if f.headed {
		return
	}
	f.headed = true
	f.w.Header(rdb.Info{
		Server: engine.RedisVersion, Created: f.made / 1000, Memory: f.info.Bytes, Base: f.use.base, Place: f.place,
	})
	if f.use.base {
		f.use.fields = append(f.use.fields, f.info.Aux...)
	}
	for _, field := range f.use.fields {
		f.w.Aux(field[0], field[1])
	}
	for _, code := range f.info.Libraries {
		f.w.Library(code)
	}
}

func (f *rdbFile) batch(b *engine.SnapshotBatch) error {
	f.header()
	if f.use.noKeys {
		return nil
	}
	if err := b.Each(f.entry); err != nil {
		return err
	}
	return f.w.Err()
}

func (f *rdbFile) entry(en *engine.SnapshotEntry) error {
	if en.DB != f.db {
		f.db = en.DB
		f.w.SelectDB(en.DB, uint64(f.info.Keys[en.DB]), uint64(f.info.Expires[en.DB]))
	}
	switch {
	case en.IsInt:
		f.w.Int(&en.Meta, en.Key, en.Int)
	case en.Obj != nil:
		c := f.d.engine.Codecs().Of(en.Obj.TypeName())
		if c == nil {
			return fmt.Errorf("key %.64q holds a %s, which cannot be saved", en.Key, en.Obj.TypeName())
		}
		f.w.Value(&en.Meta, en.Key, c, en.Obj)
	default:
		f.w.String(&en.Meta, en.Key, en.Str)
	}
	return nil
}

// writeCommands writes the keyspace at one moment as commands: the base of a log
// with aof-use-rdb-preamble no.
func (d *Data) writeCommands(ctx context.Context, dst io.Writer, where placed) error {
	f := &commandFile{dst: dst, db: -1}
	if err := d.snapshot(ctx, engine.SnapshotOptions{}, &f.moment, where, f.batch); err != nil {
		return err
	}
	if err := f.libraries(); err != nil { // there were no keys
		return err
	}
	return d.settled(ctx, &f.moment)
}

// libraries writes what stands first, once the cut is made.
func (f *commandFile) libraries() error {
	if !f.begun {
		f.begun = true
		f.buf = append(f.buf, f.info.Beside...)
	}
	for ; f.written < len(f.info.Libraries); f.written++ {
		if err := f.command([]byte("FUNCTION"), []byte("LOAD"), f.info.Libraries[f.written]); err != nil {
			return err
		}
	}
	return f.flush()
}

// A commandFile is a base of commands that is being written.
type commandFile struct {
	moment
	dst     io.Writer
	buf     []byte
	db      int
	written int  // libraries
	begun   bool // what stands beside the keys is written
}

func (f *commandFile) batch(b *engine.SnapshotBatch) error {
	if !f.begun {
		if err := f.libraries(); err != nil {
			return err
		}
	}
	if err := b.Each(f.entry); err != nil {
		return err
	}
	err := f.flush()
	if cap(f.buf) > maxCommandBuffer {
		f.buf = nil
	}
	return err
}

// flush writes what has gathered, once.
func (f *commandFile) flush() error {
	_, err := f.dst.Write(f.buf)
	f.buf = f.buf[:0]
	return err
}

// maxCommandBuffer is how large a buffer is kept, in bytes.
const maxCommandBuffer = 4 << 20

func (f *commandFile) entry(en *engine.SnapshotEntry) error {
	var digits [20]byte
	if en.DB != f.db {
		f.db = en.DB
		f.buf = resp.AppendCommand(f.buf, []byte("SELECT"), strconv.AppendInt(digits[:0], int64(en.DB), 10))
	}
	switch {
	case en.IsInt:
		f.buf = resp.AppendCommand(f.buf, []byte("SET"), en.Key, strconv.AppendInt(digits[:0], en.Int, 10))
	case en.Obj != nil:
		if err := en.Obj.Commands(en.Key, f.command); err != nil {
			return err
		}
	default:
		f.buf = resp.AppendCommand(f.buf, []byte("SET"), en.Key, en.Str)
	}
	if en.Expire != 0 {
		f.buf = resp.AppendCommand(f.buf, []byte("PEXPIREAT"), en.Key, strconv.AppendInt(digits[:0], en.Expire, 10))
	}
	return nil
}

// command takes one command of several that make a value, and writes what has
// gathered when that is much.
func (f *commandFile) command(args ...[]byte) error {
	f.buf = resp.AppendCommand(f.buf, args...)
	if len(f.buf) < maxCommandBuffer {
		return nil
	}
	return f.flush()
}
