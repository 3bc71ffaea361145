package backup

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"regent/engine/rdb"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
)

// A Tool is the surroundings of one run.
type Tool struct {
	In       io.Reader
	Out, Err io.Writer // what was asked for; progress and complaints
	Now      func() time.Time
}

// Usage describes the subcommands for `regent --help`.
const Usage = `  regent check-rdb FILE
      Says what an RDB file holds. If it is damaged it says where, and exits
      with 1.

  regent check-aof [--fix | --truncate-to-offset N] [--yes] DIR|MANIFEST|FILE
      Says whether an append only log, Regent's or Redis's, is whole, and what
      would be lost if it were cut at the damage. With one of the two options it
      cuts the log, after a question. It exits with 1 if the log is not whole.

  regent backup --from host:port [-a password] [--user name] --to DIR|-
      Copies a running Regent or Redis node into DIR/regent-TIME.rdb, or to
      standard output, as its data is at one moment. The node keeps working.

  regent restore --from FILE|DIR|- --to DIR [--force]
      Makes a data directory from a copy (the newest one in DIR). It refuses a
      directory that has data, or with --force moves that data aside.
`

// Run carries out a subcommand; ok is false if name is none.
func (t Tool) Run(ctx context.Context, name string, args []string) (status int, ok bool) {
	run := map[string]func(context.Context, []string) error{
		"check-rdb": t.checkRDB, "check-aof": t.checkAOF, "backup": t.backup, "restore": t.restore,
	}[name]
	if run == nil {
		return exitFailed, false
	}
	err := run(ctx, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK, true
	case errors.Is(err, errTold):
	default:
		fmt.Fprintf(t.Err, "regent %s: %v\n", name, err)
	}
	return exitFailed, true
}

// errTold says that what is wrong was already told.
var errTold = errors.New("already told")

func (t Tool) flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet("regent "+name, flag.ContinueOnError)
	fs.SetOutput(t.Err)
	fs.Usage = func() {
		fmt.Fprintf(t.Err, "%s\nOptions:\n", usageOf(name))
		fs.PrintDefaults()
	}
	return fs
}

// usageOf is one subcommand's part of Usage.
func usageOf(name string) string {
	for part := range strings.SplitSeq(Usage, "\n\n") {
		if strings.HasPrefix(part, "  regent "+name+" ") {
			return strings.TrimSuffix(part, "\n") + "\n"
		}
	}
	return "  regent " + name + "\n"
}

// progressEvery is how often progress is shown.
const progressEvery = 2 * time.Second

// A meter shows how many bytes have passed.
type meter struct {
	tool  Tool
	r     io.Reader
	what  string
	total int64 // 0: not known
	n     int64
	began time.Time
	shown time.Time
}

func (t Tool) meter(r io.Reader, what string, total int64) *meter {
	now := t.Now()
	return &meter{tool: t, r: r, what: what, total: total, began: now, shown: now}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.n += int64(n)
	if now := m.tool.Now(); now.Sub(m.shown) >= progressEvery {
		m.shown = now
		m.show(now)
	}
	return n, err
}

func (m *meter) show(now time.Time) {
	of := ""
	if m.total > 0 {
		of = fmt.Sprintf(" of %s (%d%%)", size(m.total), m.n*100/m.total)
	}
	fmt.Fprintf(m.tool.Err, "%s %s%s, %s/s\n", m.what, size(m.n), of, size(int64(float64(m.n)/max(now.Sub(m.began).Seconds(), 0.001))))
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d bytes", n)
	}
	f, i := float64(n)/unit, 0
	for ; f >= unit && i < 4; i++ {
		f /= unit
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTP"[i])
}

// prove reads an RDB file to its end, copying it to dst, and proves it.
func prove(src io.Reader, dst io.Writer) (*rdb.Summary, error) {
	o := rdb.Options{Codecs: codecs(), SkipUnknown: true, Library: library, Whole: true, Workers: runtime.GOMAXPROCS(0)}
	return rdb.Load(io.TeeReader(src, dst), o, func(*rdb.Batch) error { return nil })
}

// report says what a copy holds, and what is doubtful about it.
func (t Tool) report(sum *rdb.Summary, took time.Duration) {
	where := ""
	if p, err := sum.Aux.Place(); err == nil && p != nil {
		where = fmt.Sprintf(", epoch %d, offset %d", p.Epoch, p.Offset)
	}
	libraries := ""
	if sum.Libraries > 0 {
		libraries = fmt.Sprintf("%d function libraries, ", sum.Libraries)
	}
	fmt.Fprintf(t.Err, "%d keys, %s%s, in %s%s\n", keys(sum), libraries, size(sum.Bytes), took.Round(time.Millisecond), where)
	if !sum.Checked {
		fmt.Fprintln(t.Err, "warning: the file has no checksum (rdbchecksum no): damage in it would not be noticed")
	}
	for _, kind := range sortedKeys(sum.Skipped) {
		fmt.Fprintf(t.Err, "warning: it holds %d of a type that Regent does not have: %s\n", sum.Skipped[kind], kind)
	}
}

// keys counts all keys of a file.
func keys(sum *rdb.Summary) (n int64) {
	for _, c := range sum.Databases {
		n += c.Keys
	}
	return n
}

func sortedKeys[K int | string, V any](m map[K]V) []K {
	list := make([]K, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
