package aof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"regent/aof/disk"
	"regent/engine"
)

// Check looks at a log offline: the same walk that a start makes, with nothing
// carried out and nothing changed, since the files are opened through
// disk.ReadOnly. So what it calls whole a start loads, what it calls torn a
// start cuts, and what it calls damaged a start refuses (check_test.go holds
// the two against each other). Beyond that it looks behind the first damage
// for what a cut there would lose, which a start has no use for.
//
// Cut is the one thing that changes a log here, in the crash-safe steps of
// truncate.go, and it is called when a person has read what it would lose.

// CheckOptions for Check.
type CheckOptions struct {
	Dir  string // of the log alone
	Name string // what its files' names begin with: appendonly.aof
	// File, if not empty, is one file of Dir to look at, without a manifest.
	File string
	// LoadBase proves an RDB file, as Options.LoadBase carries one out, and
	// says in some words what it holds. Without it such a file is damage.
	LoadBase func(b *Base) (about string, err error)
	// Progress, which may be nil, gets the bytes read so far and in all.
	Progress func(done, total int64)
	Disk     disk.FS // nil: the operating system's
}

// A Report is what Check found.
type Report struct {
	Files    []FileReport // in the order in which they are loaded
	Unlisted []string     // in no manifest: the next start removes them
	// Pending says that a cut or a rewrite was interrupted, and what the next
	// start does about it; the report is about the log as it is then.
	Pending string
	Records int64 // good ones, in all files but the history
	From    int64 // stream offset of the first record behind the base
	To      int64 // and after the last good one
	Damage  *Damage
}

// A FileReport is what was found in one file.
type FileReport struct {
	Name    string
	Role    string // base, incr, history
	Format  string // RDB, groups (Regent's, with checksums), commands (Redis's, without)
	About   string // of an RDB file: what it holds
	Size    int64
	Good    int64 // bytes up to the first damage
	Groups  int64 // that match their checksum
	Records int64
	From    int64 // stream offsets; of commands counted by their bytes
	To      int64
	Epochs  []engine.EpochStart // begun in it
	Damaged bool
	Behind  bool // behind the damage, not looked at record by record
}

// A Damage is the first place where the log is not good.
type Damage struct {
	DamageError
	// Torn: the trace of a write that a crash interrupted. The next start cuts
	// it by itself.
	Torn bool
	// Base: it is in the base file, which no cut can repair.
	Base bool
	Loss Loss // of a cut there
	cut  truncation
}

// A Loss is what a cut takes away.
type Loss struct {
	Bytes   int64 // of files
	Files   int   // whole ones, behind the one that is cut
	Records int64 // that can still be read behind the place
	Groups  int64 // good ones behind it
	From    int64 // stream offsets
	To      int64 // the highest that is still to be seen; From: none
}

// A Checked is a log that was looked at, and is kept from servers until Close.
type Checked struct {
	Report Report

	o       CheckOptions
	l       *Log
	ld      *loader
	lock    io.Closer   // nil: nobody ever locked this directory
	onDisk  *manifest   // before what is pending
	pending *truncation // a cut that was interrupted
	walked  []*segment  // of the stream, as far as the walk came
	broken  *entry      // the first file that could not be opened
	why     error
}

// Check looks at a log. An error means that it could not: the disk failed, the
// manifest is missing or damaged, a server is running.
func Check(o CheckOptions) (_ *Checked, err error) {
	if o.Disk == nil {
		o.Disk = disk.OS{}
	}
	c := &Checked{o: o}
	c.l = &Log{
		o:       Options{Dir: o.Dir, Name: o.Name, Host: silent{}},
		fs:      disk.ReadOnly{FS: o.Disk},
		readers: map[*reader]struct{}{},
		filesMu: disk.NewGate(), syncMu: disk.NewGate(),
	}
	if o.LoadBase != nil {
		c.l.o.LoadBase = c.loadBase
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if err := c.open(); err != nil {
		return nil, err
	}
	if err := c.walk(); err != nil {
		return nil, err
	}
	return c, nil
}

// Close lets go of the files.
func (c *Checked) Close() error {
	c.l.closeFiles()
	if c.lock == nil {
		return nil
	}
	err := c.lock.Close()
	c.lock = nil
	return err
}

// silent is a host for what has nobody to talk to.
type silent struct{ engine.Host }

func (silent) Logf(engine.Level, string, ...any) {}

func (c *Checked) loadBase(b *Base) error {
	about, err := c.o.LoadBase(b)
	c.Report.Files[len(c.Report.Files)-1].About = about
	return err
}

func (c *Checked) open() error {
	names, err := c.l.fs.List(c.o.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lockName {
			if err := c.takeLock(); err != nil {
				return err
			}
		}
	}
	if c.o.File != "" {
		c.l.manifest = &manifest{}
		c.l.manifest.incr = []entry{{c.o.File, 1, roleOf(c.o.File)}}
		return c.openFiles()
	}
	m, found, err := readManifest(c.l.fs, c.l.manifestPath())
	switch {
	case err != nil:
		return fmt.Errorf("read the manifest: %w", err)
	case !found:
		return fmt.Errorf("%s is missing", c.l.manifestPath())
	}
	c.l.manifest, c.onDisk = m, m
	if err := c.readNote(); err != nil {
		return err
	}
	for _, name := range names {
		switch {
		case c.l.isOurs(name) && !c.l.manifest.lists(name):
			if err := c.l.mayGo(name, found); err != nil {
				return err
			}
			fallthrough
		case strings.HasPrefix(name, tempPrefix+c.o.Name+"."):
			c.Report.Unlisted = append(c.Report.Unlisted, name)
		}
	}
	return c.openFiles()
}

// takeLock keeps servers away, or finds that one is there.
func (c *Checked) takeLock() (err error) {
	if c.lock != nil {
		return nil
	}
	c.lock, err = c.o.Disk.Lock(filepath.Join(c.o.Dir, lockName))
	if errors.Is(err, disk.ErrLocked) {
		return fmt.Errorf("%s is in use by a server: stop it first", c.o.Dir)
	}
	return err
}

// roleOf guesses by its name what a single file is.
func roleOf(name string) byte {
	if strings.Contains(name, ".base.") {
		return typeBase
	}
	return typeIncr
}

// readNote finds the trace of an interrupted cut, and looks at the log as the
// next start makes it.
func (c *Checked) readNote() error {
	text, err := disk.Read(c.l.fs, c.l.path(noteName), maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := parseTruncation(text)
	if err != nil {
		return fmt.Errorf("%s: %w", noteName, err)
	}
	if !c.l.manifest.lists(t.file) {
		return fmt.Errorf("%s: the manifest does not list %s", noteName, t.file)
	}
	m, _ := c.l.manifest.upTo(t.file)
	if t.add.name != "" {
		m.incr = append(m.incr, t.add)
	}
	c.l.manifest, c.pending = m, &t
	c.Report.Pending = fmt.Sprintf("a cut of %s to %d bytes was interrupted; the next start finishes it", t.file, t.pos+int64(len(t.tail)))
	return nil
}

// A patched file is one as a pending cut leaves it.
type patched struct {
	disk.File
	pos  int64
	tail []byte
}

func (p patched) Size() (int64, error) { return p.pos + int64(len(p.tail)), nil }

func (p patched) ReadAt(b []byte, off int64) (n int, err error) {
	if off < p.pos {
		n, err = p.File.ReadAt(b[:min(int64(len(b)), p.pos-off)], off)
		if err != nil || n == len(b) {
			return n, err
		}
		off += int64(n)
	}
	if in := off - p.pos; in < int64(len(p.tail)) {
		n += copy(b[n:], p.tail[in:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (c *Checked) openFiles() error {
	m := c.l.manifest
	list := m.incr
	if m.base != nil {
		list = append([]entry{*m.base}, list...)
	}
	for i, e := range list {
		err := c.l.openFile(e, i == len(list)-1)
		var damage *DamageError
		switch {
		case err == nil:
			c.patch(e)
		case errors.As(err, &damage), errors.Is(err, fs.ErrNotExist):
			c.broken, c.why = &e, err
			return nil
		default:
			return fmt.Errorf("open %s: %w", e.name, err)
		}
	}
	if e := c.l.unused; e != nil {
		c.Report.Pending = fmt.Sprintf("%s is empty; the next start takes over what Redis wrote before it anew", e.name)
	}
	if c.l.torn != nil {
		c.Report.Pending = fmt.Sprintf("%s was begun just before a crash; the next start removes it", c.l.torn.name)
	}
	return nil
}

// patch lets e be read as the pending cut leaves it.
func (c *Checked) patch(e entry) {
	if c.pending == nil || c.pending.file != e.name {
		return
	}
	for _, s := range c.l.segments {
		if s.name == e.name {
			s.file = patched{s.file, c.pending.pos, c.pending.tail}
		}
	}
}

// walk goes through the files in order, up to the first damage.
func (c *Checked) walk() error {
	l := c.l
	c.ld = &loader{l: l, repair: true, progress: c.o.Progress, torn: c.tore}
	if err := c.ld.measure(); err != nil {
		return err
	}
	whole := c.broken == nil
	for i, src := range l.before {
		last := whole && len(l.segments) == 0 && i == len(l.before)-1
		if !c.file(src.entry, src.file, formatOf(src), func() error { return c.ld.source(src, last) }) {
			return c.behind(i + 1)
		}
	}
	if len(l.segments) > 0 {
		c.Report.From = l.segments[0].head.start
	}
	for i, s := range l.segments {
		c.walked = l.segments[:i+1]
		last := whole && i == len(l.segments)-1 && l.torn == nil
		if !c.file(s.entry, s.file, "groups", func() error { return c.ld.segment(s, last) }) {
			return c.behind(len(l.before) + i + 1)
		}
	}
	if c.broken != nil {
		c.missing()
		return c.behind(len(c.Report.Files))
	}
	c.done()
	return c.past()
}

func (c *Checked) done() {
	c.Report.Records, c.Report.To = c.ld.player.records, c.ld.off
	c.l.history = c.ld.player.history
	c.l.baseAt = c.Report.From
	c.l.written.Store(c.ld.off)
}

func formatOf(src *source) string {
	switch {
	case src.rdb:
		return "RDB"
	case src.headed:
		return "groups"
	}
	return "commands"
}

func roleName(kind byte) string {
	switch kind {
	case typeBase:
		return "base"
	case typeHistory:
		return "history"
	}
	return "incr"
}

// file walks one file and reports whether it is whole.
func (c *Checked) file(e entry, f disk.File, format string, walk func() error) bool {
	ld := c.ld
	size, err := f.Size()
	done, groups, records, epochs := ld.done, ld.groups, ld.player.records, len(ld.player.history)
	c.Report.Files = append(c.Report.Files, FileReport{Name: e.name, Role: roleName(e.kind), Format: format, Size: size, From: ld.off})
	r := &c.Report.Files[len(c.Report.Files)-1]
	if err == nil {
		err = walk()
	}
	r.Good, r.Groups, r.Records = ld.done-done, ld.groups-groups, ld.player.records-records
	r.To = ld.off
	if n := len(ld.player.history); n > epochs {
		r.Epochs = ld.player.history[epochs:n:n]
	}
	switch {
	case e.kind == typeBase:
		r.From = r.To // a base holds no part of the stream
	case len(c.walked) > 0:
		r.From = c.walked[len(c.walked)-1].head.start
	}
	if err == nil {
		if r.Damaged { // by tore
			c.byBytes(r, c.Report.Damage)
		}
		return !r.Damaged
	}
	d := Damage{Base: e.kind == typeBase}
	var at *DamageError
	if errors.As(err, &at) {
		d.DamageError = *at
	} else {
		d.DamageError = DamageError{File: e.name, Pos: r.Good, Offset: ld.off, Record: ld.player.records, What: "it cannot be read", Err: err}
	}
	d.cut = truncation{file: e.name, pos: d.Pos}
	r.Damaged, r.Good = true, d.Pos
	c.Report.Damage = &d
	c.byBytes(r, &d)
	return false
}

// byBytes gives offsets to damage in a file that Redis wrote, where they count
// the file's bytes.
func (c *Checked) byBytes(r *FileReport, d *Damage) {
	if r.Format == "commands" {
		d.Offset = r.From + d.Pos
		r.To, c.ld.off = d.Offset, d.Offset
	}
}

// tore notes the torn end that the walk has found.
func (c *Checked) tore(t tear) {
	if t.lost == 0 && t.line == nil {
		return
	}
	r := &c.Report.Files[len(c.Report.Files)-1]
	r.Damaged = true
	d := &Damage{Torn: true, Base: r.Role == "base"}
	d.DamageError = DamageError{File: t.name, Pos: t.pos, Offset: c.ld.off, Record: c.ld.player.records, What: "it ends with " + t.what}
	d.cut = truncation{file: t.name, pos: t.pos, tail: t.line}
	c.Report.Damage = d
}

// missing makes the file that could not be opened the damage.
func (c *Checked) missing() {
	e := *c.broken
	size, _ := c.sizeOf(e.name)
	c.Report.Files = append(c.Report.Files, FileReport{Name: e.name, Role: roleName(e.kind), Format: "unknown", Size: size, From: c.ld.off, To: c.ld.off, Damaged: true})
	d := &Damage{Base: e.kind == typeBase}
	var at *DamageError
	if errors.As(c.why, &at) {
		d.DamageError = *at
		d.Offset, d.Record = c.ld.off, c.ld.player.records
	} else {
		d.DamageError = DamageError{File: e.name, Offset: c.ld.off, Record: c.ld.player.records, What: "the manifest lists it, and it is not there"}
	}
	d.cut = truncation{file: e.name}
	c.Report.Damage = d
}

func (c *Checked) sizeOf(name string) (int64, error) {
	f, err := c.l.fs.Open(c.l.path(name))
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}

// past looks at the files before the base, newest first, as a start does.
func (c *Checked) past() error {
	m := c.l.manifest
	next := c.Report.From
	for i := len(m.history) - 1; i >= 0; i-- {
		e := m.history[i]
		r := FileReport{Name: e.name, Role: roleName(e.kind), Format: "groups"}
		s, ld, err := c.l.openPast(e, next)
		r.Size, _ = c.sizeOf(e.name)
		if err != nil {
			r.Damaged, r.About = true, err.Error()
			c.Report.Files = append(c.Report.Files, r)
			return nil // it serves followers alone; what is before it is of no use
		}
		r.Good, r.From, r.To, r.Groups = s.size, s.head.start, s.end, ld.groups
		r.Records = ld.player.records
		next = s.head.start
		c.Report.Files = append(c.Report.Files, r)
		_ = s.file.Close()
	}
	return nil
}
