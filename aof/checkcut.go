package aof

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"regent/aof/disk"
	"regent/engine/units"
)

// What a cut loses, and the cut itself.

// behind counts what is behind the damage, which is in the last file reported:
// next is the first file after it.
func (c *Checked) behind(next int) error {
	c.done()
	d := c.Report.Damage
	d.Loss.From, d.Loss.To = d.Offset, d.Offset
	files := c.files()
	if c.broken != nil && d.File == c.broken.name {
		next--
		if err := c.surveyUnopened(); err != nil {
			return err
		}
	} else if err := c.survey(files[next-1], d.Pos); err != nil {
		return err
	}
	d.Loss.Bytes = c.Report.Files[len(c.Report.Files)-1].Size - d.Pos
	for _, f := range files[next:] {
		size, err := f.file.Size()
		if err != nil {
			return err
		}
		c.lose(f.entry, f.format, size)
		if err := c.survey(f, 0); err != nil {
			return err
		}
	}
	return c.unopened()
}

// surveyUnopened looks into a file whose head is damaged. If the line with the
// salt is not, its groups can be told.
func (c *Checked) surveyUnopened() error {
	f, err := c.l.fs.Open(c.l.path(c.broken.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	text := make([]byte, maxHead)
	n, err := readUpTo(f, text, 0)
	if err != nil {
		return err
	}
	at := bytes.Index(text[:n], []byte(headMark))
	if at < 0 {
		return nil
	}
	line, _, _ := bytes.Cut(text[at:n], []byte{'\n'})
	if h, err := parseHead(append(line[:len(line):len(line)], '\n')); err == nil {
		return c.survey(looked{*c.broken, f, "groups", h.salt}, 0)
	}
	return nil
}

// lose reports a file behind the damage.
func (c *Checked) lose(e entry, format string, size int64) {
	c.Report.Files = append(c.Report.Files, FileReport{Name: e.name, Role: roleName(e.kind), Format: format, Size: size, Behind: true})
	c.Report.Damage.Loss.Bytes += size
	c.Report.Damage.Loss.Files++
}

// unopened reports the files behind the one that could not be opened.
func (c *Checked) unopened() error {
	if c.broken == nil {
		return nil
	}
	listed := c.l.manifest.entries()
	passed := false
	for _, e := range listed {
		if e.kind == typeHistory {
			continue
		}
		if e.name == c.broken.name {
			passed = true
			if c.Report.Damage.File == e.name {
				continue // reported already
			}
		}
		if passed {
			size, _ := c.sizeOf(e.name)
			c.lose(e, "unknown", size)
		}
	}
	return nil
}

// A looked is an opened file of either kind.
type looked struct {
	entry
	file   disk.File
	format string
	salt   uint32
}

func (c *Checked) files() []looked {
	var all []looked
	for _, src := range c.l.before {
		all = append(all, looked{src.entry, src.file, formatOf(src), src.head.salt})
	}
	for _, s := range c.l.segments {
		all = append(all, looked{s.entry, s.file, "groups", s.salt})
	}
	return all
}

// survey counts what can still be read in f from file position pos on.
func (c *Checked) survey(f looked, pos int64) error {
	size, err := f.file.Size()
	if err != nil {
		return err
	}
	w := &window{file: f.file, end: size}
	switch f.format {
	case "groups":
		return c.surveyGroups(w, f.salt, pos)
	case "commands":
		return c.surveyRecords(w, pos)
	}
	return nil
}

// surveyGroups goes from one good group to the next.
func (c *Checked) surveyGroups(w *window, salt uint32, pos int64) error {
	loss := &c.Report.Damage.Loss
	for pos < w.end {
		f, err := readFrame(w, pos, salt)
		if err != nil {
			return err
		}
		if f.state == frameGood && f.open.kind != kindHead {
			p := player{}
			_, _ = p.play(f.data, 0) // as far as it goes
			loss.Records += p.records
			loss.Groups++
			if f.open.kind == kindGroup {
				loss.To = max(loss.To, f.close.offset)
			}
			pos = f.next
			continue
		}
		if f.state == frameDamaged && f.open.kind == kindGroup {
			loss.To = max(loss.To, f.close.offset)
		}
		at, err := nextIn(w, pos+1, func(b []byte) int { return findOpening(b, salt) })
		if err != nil || at < 0 {
			return err
		}
		pos = at
	}
	return nil
}

// surveyRecords goes from one record without a checksum to the next.
func (c *Checked) surveyRecords(w *window, pos int64) error {
	loss := &c.Report.Damage.Loss
	var args [][]byte
	need := int64(windowSize)
	for pos < w.end {
		b, err := w.at(pos, need)
		if err != nil {
			return err
		}
		var size int
		args, size, err = units.Parse(b, args[:0])
		switch {
		case err == nil:
			loss.Records++
			pos, need = pos+int64(size), windowSize
			continue
		case errors.Is(err, units.ErrShort) && int64(len(b)) < w.end-pos:
			need = 2 * int64(len(b))
			continue
		}
		at, err := nextIn(w, pos+1, findRecord)
		if err != nil || at < 0 {
			return err
		}
		pos, need = at, windowSize
	}
	return nil
}

// findOpening returns where the first valid opening line in b begins, -1 if
// there is none.
func findOpening(b []byte, salt uint32) int {
	for from := 0; ; {
		at := findLine(b[from:], salt)
		if at < 0 {
			return -1
		}
		if _, ok := parseOpening(b[from+at:], salt); ok {
			return from + at
		}
		from += at + 1
	}
}

// nextIn is findIn that says where, -1 for nowhere.
func nextIn(w *window, pos int64, find func(b []byte) int) (int64, error) {
	for pos < w.end {
		b, err := w.at(pos, windowSize)
		if err != nil {
			return -1, err
		}
		if at := find(b); at >= 0 {
			return pos + int64(at), nil
		}
		if int64(len(b)) == w.end-pos {
			return -1, nil
		}
		pos += int64(len(b)) - maxLine
	}
	return -1, nil
}

// A Cut is a place where a log may end, and what it loses by that.
type Cut struct {
	File string
	Pos  int64 // in the file: what is behind it goes
	Loss Loss
	note truncation
}

// Fix is the cut at the first damage.
func (c *Checked) Fix() (Cut, error) {
	d := c.Report.Damage
	switch {
	case d == nil:
		return Cut{}, errors.New("there is nothing to fix")
	case d.Base:
		return Cut{}, fmt.Errorf("the damage is in the base file %s: a cut there would leave nothing whole; take the data of another node, or a backup", d.File)
	}
	return Cut{d.File, d.Pos, d.Loss, d.cut}, nil
}

// CutAt is a cut at a stream offset, which must lie between two units and not
// behind the damage.
func (c *Checked) CutAt(off int64) (Cut, error) {
	r := &c.Report
	if off > r.To {
		return Cut{}, fmt.Errorf("offset %d is behind the last good one, %d", off, r.To)
	}
	if len(c.walked) == 0 || off < r.From {
		return c.cutCommands(off)
	}
	s := c.walked[0]
	for _, next := range c.walked[1:] {
		if next.head.start <= off {
			s = next
		}
	}
	if off > s.end {
		return Cut{}, fmt.Errorf("offset %d lies in what Redis appended to %s, where there are no offsets", off, s.name)
	}
	f, _, from, err := c.l.unitAt(s, off)
	if err != nil {
		sc := units.NewScanner(0, from)
		if _, bad := sc.Scan(f.data); bad == nil && len(f.data) > 0 {
			err = fmt.Errorf("offset %d is not between two units: one begins at %d", off, sc.Whole())
		}
		return Cut{}, err
	}
	return c.cutWith(c.l.cutAt(s, &f, from, off), off)
}

// cutCommands cuts a file that Redis wrote, where offsets count its bytes.
func (c *Checked) cutCommands(off int64) (Cut, error) {
	for i, src := range c.l.before[:min(len(c.l.before), len(c.Report.Files))] {
		r := &c.Report.Files[i]
		if r.Behind || r.Role == "base" || r.Format != "commands" || off < r.From || off > r.From+r.Good {
			continue
		}
		pos := off - r.From
		at, err := unitBefore(src.file, pos)
		if err == nil && at != pos {
			err = fmt.Errorf("offset %d is not between two units: one begins at %d", off, r.From+at)
		}
		if err != nil {
			return Cut{}, err
		}
		return c.cutWith(truncation{file: src.name, pos: pos}, off)
	}
	return Cut{}, fmt.Errorf("offset %d cannot be cut to: the base is at %d", off, c.Report.From)
}

// unitBefore is the last place at or before file position pos where a unit of
// a file without checksums may begin.
func unitBefore(f disk.File, pos int64) (at int64, err error) {
	w := &window{file: f, end: pos}
	sc := units.NewScanner(0, 0)
	sc.Comments = true
	for sc.Offset() < pos {
		b, err := w.at(sc.Offset(), windowSize)
		if err == nil {
			_, err = sc.Scan(b)
		}
		if err != nil {
			return sc.Whole(), err
		}
	}
	return sc.Whole(), nil
}

// cutWith counts what a cut loses that lies before the damage, if there is any.
func (c *Checked) cutWith(t truncation, off int64) (Cut, error) {
	cut := Cut{File: t.file, Pos: t.pos + int64(len(t.tail)), note: t}
	was := c.Report.Damage
	defer func() { c.Report.Damage = was }()
	count := &Damage{Loss: Loss{From: off, To: max(off, c.Report.To)}}
	if was != nil {
		count.Loss.To = max(count.Loss.To, was.Loss.To)
	}
	c.Report.Damage = count
	found := false
	for _, f := range c.files() {
		pos := int64(0)
		switch {
		case f.name == t.file:
			found, pos = true, t.pos
			count.Loss.Bytes = -cut.Pos
		case !found:
			continue
		default:
			count.Loss.Files++
		}
		size, err := f.file.Size()
		if err != nil {
			return cut, err
		}
		count.Loss.Bytes += size
		if err := c.survey(f, pos); err != nil {
			return cut, err
		}
	}
	if len(t.tail) > 0 { // the part of a group that stays was counted with it
		first, last := bytes.IndexByte(t.tail, '\n')+1, bytes.LastIndexByte(t.tail[:len(t.tail)-1], '\n')+1
		p := player{}
		_, _ = p.play(t.tail[first:last], 0)
		count.Loss.Records -= p.records
	}
	cut.Loss = count.Loss
	return cut, nil
}

// Cut carries out a cut. A crash leaves the log as it was, or what the next
// start finishes.
func (c *Checked) Cut(cut Cut) error {
	if err := c.takeLock(); err != nil {
		return err
	}
	c.l.fs = c.o.Disk
	t := &cut.note
	if c.o.File != "" {
		f, err := c.l.fs.Open(c.l.path(t.file))
		if err != nil {
			return err
		}
		if err = cutFile(f, t); err == nil {
			err = f.Sync()
		}
		return errors.Join(err, f.Close())
	}
	c.l.manifest = c.onDisk
	if c.pending != nil {
		if err := c.l.finishTruncation(); err != nil {
			return fmt.Errorf("finish an interrupted truncation: %w", err)
		}
	}
	if t.pos == 0 && c.hasBefore(t.file) {
		return c.dropFrom(t.file)
	}
	return c.l.carryOut(t, func() {})
}

// hasBefore reports whether something is left without the named file and
// those behind it.
func (c *Checked) hasBefore(name string) bool {
	m := c.l.manifest
	return len(m.incr) > 0 && (m.base != nil || m.incr[0].name != name)
}

// dropFrom takes the named file and those behind it off the list: it has no
// good byte, or is not there.
func (c *Checked) dropFrom(name string) error {
	m := *c.l.manifest
	at := slices.IndexFunc(m.incr, func(e entry) bool { return e.name == name })
	if at < 0 {
		return fmt.Errorf("the manifest does not list %s", name)
	}
	gone := m.incr[at:]
	m.incr = m.incr[:at:at]
	if err := writeAside(c.l.fs, c.l.manifestPath(), m.encode()); err != nil {
		return err
	}
	for _, e := range gone {
		if err := c.l.fs.Remove(c.l.path(e.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return c.l.fs.SyncDir(c.o.Dir)
}
