package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"regent/engine"
	"regent/engine/commands"
	"regent/engine/config"
	"regent/engine/rdb"
)

// codecs are those of a server with the default configuration.
func codecs() *rdb.Registry { return engine.Codecs(config.New(), commands.All()...) }

// library takes a library of functions, whose code only a server proves.
func library([]byte) error { return nil }

// checkRDB tells what a file holds, up to where it is damaged.
func (t Tool) checkRDB(_ context.Context, args []string) error {
	fs := t.flags("check-rdb")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() != 1 {
		return errors.New("one FILE is needed (- for standard input)")
	}
	c := check{now: t.Now().UnixMilli()}
	sum, err := t.checkFile(&c, fs.Arg(0))
	if sum != nil {
		t.tell(&c, sum)
	}
	switch {
	case err == nil:
		fmt.Fprintln(t.Out, "RDB is whole")
		return nil
	case sum == nil:
		return err
	}
	fmt.Fprintf(t.Out, "%v\n", err)
	return errTold
}

// A check counts what is delivered, beside the summary.
type check struct {
	now     int64 // wall ms
	mu      sync.Mutex
	byKind  map[string]int64
	expired int64
}

func (t Tool) checkFile(c *check, name string) (*rdb.Summary, error) {
	o := rdb.Options{Codecs: codecs(), SkipUnknown: true, Library: library, Whole: true, Workers: runtime.GOMAXPROCS(0)}
	if name == "-" {
		return rdb.Load(t.meter(t.In, "checked", 0), o, c.batch)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return rdb.Load(t.meter(f, "checked", 0), o, c.batch)
	}
	return rdb.LoadAt(f, info.Size(), o, c.batch)
}

func (c *check) batch(b *rdb.Batch) error {
	byKind, expired := map[string]int64{}, int64(0)
	for i := range b.Entries {
		e := &b.Entries[i]
		byKind[e.Type.String()]++
		if e.Expire != 0 && e.Expire <= c.now {
			expired++
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKind == nil {
		c.byKind = map[string]int64{}
	}
	for kind, n := range byKind {
		c.byKind[kind] += n
	}
	c.expired += expired
	return nil
}

func (t Tool) tell(c *check, sum *rdb.Summary) {
	fmt.Fprintf(t.Out, "RDB version %d\n", sum.Version)
	for _, f := range sum.Aux {
		value, _, _ := strings.Cut(f.Value, "\x00") // an index is text up to there
		fmt.Fprintf(t.Out, "  %s = %s\n", f.Key, printable(value))
	}
	expires := int64(0)
	for _, db := range sortedKeys(sum.Databases) {
		n := sum.Databases[db]
		fmt.Fprintf(t.Out, "database %d: %d keys, %d with an expiry\n", db, n.Keys, n.Expires)
		expires += n.Expires
	}
	least := ""
	if len(sum.Skipped) > 0 { // their expiries were not looked at one by one
		least = "at least "
	}
	fmt.Fprintf(t.Out, "%d keys, %d with an expiry, %s%d of them past it\n", keys(sum), expires, least, c.expired)
	for _, kind := range sortedKeys(c.byKind) {
		fmt.Fprintf(t.Out, "  %-10d %s\n", c.byKind[kind], kind)
	}
	if sum.Libraries > 0 {
		fmt.Fprintf(t.Out, "  %-10d function library\n", sum.Libraries)
	}
	for _, kind := range sortedKeys(sum.Skipped) {
		fmt.Fprintf(t.Out, "  %-10d %s: Regent does not have this type\n", sum.Skipped[kind], kind)
	}
	switch {
	case sum.Checked:
		fmt.Fprintln(t.Out, "checksum matches")
	case sum.Bytes > 0:
		fmt.Fprintln(t.Out, "no checksum in the file")
	}
}

// printable shows a text of a file on a terminal, which it must not control.
func printable(s string) string {
	const shown = 200 // bytes
	more := ""
	if len(s) > shown {
		s, more = s[:shown], "..."
	}
	q := strconv.QuoteToASCII(s)
	return q[1:len(q)-1] + more
}

// openSource opens what restore reads, and says how long it is (0: not known).
func (t Tool) openSource(name string) (io.ReadCloser, int64, error) {
	if name == "-" {
		return io.NopCloser(t.In), 0, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// since is how long something took.
func (t Tool) since(began time.Time) time.Duration { return t.Now().Sub(began) }
