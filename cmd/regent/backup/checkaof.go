package backup

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"regent/aof"
	"regent/engine"
	"regent/engine/rdb"
)

const manifestSuffix = ".manifest"

type checkAOFOptions struct {
	fix, yes bool
	to       int64 // cut to this stream offset; -1: do not
	path     string
}

func (t Tool) checkAOFFlags(args []string) (o checkAOFOptions, err error) {
	fs := t.flags("check-aof")
	fs.BoolVar(&o.fix, "fix", false, "cut the log at the first damage")
	fs.Int64Var(&o.to, "truncate-to-offset", -1, "cut the log at this `offset` of its stream")
	fs.BoolVar(&o.yes, "yes", false, "cut without asking")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	if fs.NArg() != 1 || o.fix && o.to >= 0 {
		return o, errors.New("one DIR, MANIFEST or FILE is needed, and at most one of --fix and --truncate-to-offset")
	}
	o.path = fs.Arg(0)
	return o, nil
}

// checkAOF tells whether a log is whole, what a cut would lose, and cuts if it
// is asked to.
func (t Tool) checkAOF(_ context.Context, args []string) error {
	o, err := t.checkAOFFlags(args)
	if err != nil {
		return err
	}
	at, err := findLog(o.path)
	if err != nil {
		return err
	}
	at.Progress = t.progress("checked")
	at.LoadBase = proveBase
	c, err := aof.Check(at)
	if err != nil {
		return err
	}
	defer c.Close()
	t.tellLog(&at, &c.Report)
	switch {
	case o.to >= 0:
		return t.cutLog(o, &at, c, func() (aof.Cut, error) { return c.CutAt(o.to) })
	case c.Report.Damage == nil:
		return nil
	case o.fix:
		return t.cutLog(o, &at, c, c.Fix)
	}
	t.advise(c.Report.Damage, o.path)
	return errTold
}

// findLog is the log that path means: a directory with a manifest, one above
// such a directory, a manifest, or one file of a log.
func findLog(path string) (o aof.CheckOptions, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return o, err
	}
	if !info.IsDir() {
		o.Dir, o.File = filepath.Split(path)
		if name, ok := strings.CutSuffix(o.File, manifestSuffix); ok {
			o.Name, o.File = name, ""
		}
		o.Dir = filepath.Clean(o.Dir)
		return o, nil
	}
	for _, pattern := range []string{"*" + manifestSuffix, "*/*" + manifestSuffix} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(path), pattern))
		if err != nil {
			return o, err
		}
		switch len(found) {
		case 0:
			continue
		case 1:
			dir, name := filepath.Split(found[0])
			return aof.CheckOptions{Dir: filepath.Clean(dir), Name: strings.TrimSuffix(name, manifestSuffix)}, nil
		}
		return o, fmt.Errorf("there are several logs, name the manifest of one: %s", strings.Join(found, ", "))
	}
	return o, fmt.Errorf("%s holds no log: there is no file *%s", path, manifestSuffix)
}

// escapeGlob lets a path stand for itself in a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// proveBase decodes a whole RDB file and proves its checksum.
func proveBase(b *aof.Base) (about string, err error) {
	o := rdb.Options{Codecs: codecs(), SkipUnknown: true, Library: library, Workers: runtime.GOMAXPROCS(0), Progress: b.Progress}
	sum, err := rdb.LoadAt(b, b.Size, o, func(*rdb.Batch) error { return nil })
	if err != nil {
		return "", err
	}
	b.Used = sum.Bytes
	place, err := sum.Aux.Place()
	if err != nil {
		return "", err
	}
	if place != nil {
		b.HasPlace, b.Place = true, aof.Place{Offset: place.Offset}
		for _, h := range place.History {
			b.Place.History = append(b.Place.History, engine.EpochStart(h))
		}
	}
	about = fmt.Sprintf("RDB version %d, %d keys, ", sum.Version, keys(sum))
	if sum.Checked {
		about += "its checksum matches"
	} else {
		about += "it has no checksum"
	}
	for _, kind := range sortedKeys(sum.Skipped) {
		about += fmt.Sprintf(", %d of a type that Regent does not have: %s", sum.Skipped[kind], kind)
	}
	return about, nil
}

// progress shows how much was read, every progressEvery.
func (t Tool) progress(what string) func(done, total int64) {
	var mu sync.Mutex
	began := t.Now()
	shown := began
	return func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		now := t.Now()
		if now.Sub(shown) < progressEvery {
			return
		}
		shown = now
		fmt.Fprintf(t.Err, "%s %s of %s (%d%%), %s/s\n", what, size(done), size(total), done*100/max(total, 1),
			size(int64(float64(done)/max(now.Sub(began).Seconds(), 0.001))))
	}
}

// tellLog says what was found, file by file.
func (t Tool) tellLog(at *aof.CheckOptions, r *aof.Report) {
	if at.File == "" {
		fmt.Fprintf(t.Out, "%s: the log of %s%s\n", at.Dir, at.Name, manifestSuffix)
	}
	for i := range r.Files {
		f := &r.Files[i]
		fmt.Fprintf(t.Out, "%-7s %s, %d bytes: %s\n", f.Role, f.Name, f.Size, aboutFile(f))
		for _, e := range f.Epochs {
			fmt.Fprintf(t.Out, "          epoch %d begins at offset %d, node %d leads\n", e.Epoch, e.Offset, e.Leader)
		}
	}
	for _, name := range r.Unlisted {
		fmt.Fprintf(t.Out, "unused  %s: not in the manifest, the next start removes it\n", name)
	}
	if r.Pending != "" {
		fmt.Fprintf(t.Out, "Not finished: %s\n", r.Pending)
	}
	if r.Damage == nil {
		fmt.Fprintf(t.Out, "The log is whole: %d records, up to offset %d\n", r.Records, r.To)
		return
	}
	d, what := r.Damage, "DAMAGED"
	if d.Torn {
		what = "TORN"
	}
	fmt.Fprintf(t.Out, "%s at byte %d of %s (stream offset %d, after %d good records): %s\n", what, d.Pos, d.File, d.Offset, d.Record, d.What)
	if d.Err != nil {
		fmt.Fprintf(t.Out, "  %v\n", d.Err)
	}
}

func aboutFile(f *aof.FileReport) string {
	switch {
	case f.Behind:
		return "behind the damage"
	case f.Role == "history" && f.Damaged:
		return "damaged, of no more use to followers, and not needed for a start: " + f.About
	case f.Damaged && f.Format == "RDB":
		return "damaged"
	case f.Damaged && f.Good == 0:
		return "damaged from its beginning"
	}
	var parts []string
	if f.Damaged {
		parts = append(parts, fmt.Sprintf("good up to byte %d", f.Good))
	}
	if f.About != "" {
		parts = append(parts, f.About)
	}
	switch f.Format {
	case "groups":
		parts = append(parts, fmt.Sprintf("%d groups match their checksums", f.Groups))
	case "commands":
		parts = append(parts, "no checksums (written by Redis)")
	}
	if f.Format != "RDB" {
		parts = append(parts, fmt.Sprintf("%d records", f.Records))
	}
	if f.Role != "base" {
		parts = append(parts, fmt.Sprintf("offsets %d to %d", f.From, f.To))
	}
	return strings.Join(parts, ", ")
}

// advise says what can be done about damage, without doing it.
func (t Tool) advise(d *aof.Damage, path string) {
	if d.Base {
		fmt.Fprintln(t.Out, "A base cannot be cut. Let this node copy another one's data (start it with an empty directory), or restore a backup.")
		return
	}
	t.tellLoss(d.Loss)
	if d.Torn {
		fmt.Fprintln(t.Out, "No client was told that this write was done. With aof-load-truncated yes a server cuts it off when it starts.")
	}
	fmt.Fprintf(t.Out, "To cut the log there: regent check-aof --fix %s. A node with peers should rather be started with an empty directory: it then copies what the others hold.\n", path)
}

// tellLoss says what a cut takes.
func (t Tool) tellLoss(l aof.Loss) {
	fmt.Fprintf(t.Out, "A cut there loses %d bytes", l.Bytes)
	if l.Files > 0 {
		fmt.Fprintf(t.Out, ", among them %d whole files", l.Files)
	}
	if l.Records > 0 {
		fmt.Fprintf(t.Out, "; %d records of it can be read", l.Records)
		if l.Groups > 0 {
			fmt.Fprintf(t.Out, ", in %d groups that match their checksums", l.Groups)
		}
	} else {
		fmt.Fprint(t.Out, "; no record of it can be read")
	}
	if l.To > l.From {
		fmt.Fprintf(t.Out, "; it reaches from offset %d to %d", l.From, l.To)
	}
	fmt.Fprintln(t.Out)
}

// cutLog asks, cuts, and looks again.
func (t Tool) cutLog(o checkAOFOptions, at *aof.CheckOptions, c *aof.Checked, plan func() (aof.Cut, error)) error {
	cut, err := plan()
	if err != nil {
		return err
	}
	if cut.Loss == (aof.Loss{From: cut.Loss.From, To: cut.Loss.From}) && !o.fix {
		fmt.Fprintln(t.Out, "The log ends there already.")
		return nil
	}
	t.tellLoss(cut.Loss)
	if !o.yes && !t.agreed(fmt.Sprintf("Cut %s at byte %d, for good?", filepath.Join(at.Dir, cut.File), cut.Pos)) {
		fmt.Fprintln(t.Out, "Nothing was changed.")
		return errTold
	}
	if err := errors.Join(c.Cut(cut), c.Close()); err != nil {
		return fmt.Errorf("cut %s: %w", cut.File, err)
	}
	again, err := aof.Check(*at)
	if err != nil {
		return fmt.Errorf("look at what is left: %w", err)
	}
	defer again.Close()
	if d := again.Report.Damage; d != nil {
		fmt.Fprintf(t.Out, "Cut, but not whole yet: %v\n", &d.DamageError)
		return errTold
	}
	fmt.Fprintf(t.Out, "Cut. The log is whole now: %d records, up to offset %d\n", again.Report.Records, again.Report.To)
	return nil
}

// agreed asks a question; every answer but y is a no.
func (t Tool) agreed(question string) bool {
	fmt.Fprintf(t.Out, "%s [y/N]: ", question)
	line, err := bufio.NewReader(io.LimitReader(t.In, 16)).ReadString('\n')
	if err != nil {
		fmt.Fprintln(t.Out)
	}
	return strings.EqualFold(strings.TrimSpace(line), "y")
}
