package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// A report prints what is measured as it comes and keeps it for the files.
type report struct {
	tables     []table
	unfinished string // why there is no more
	bars       []bar
}

type table struct {
	title string
	head  []string
	rows  [][]string
}

// A bar of the picture: a throughput as a ratio to the reference's.
type bar struct {
	label string
	ratio float64
}

func newReport(o options) *report {
	fmt.Printf("%s\n%d rounds, %d pairs of slices of %s; ratios are Regent to redis-server\n", machine(o), o.plan.rounds, o.plan.rounds*blocksPerRound, o.plan.slice)
	return &report{}
}

// begin starts a table.
func (r *report) begin(title string, head []string) {
	r.tables = append(r.tables, table{title: title, head: head})
	fmt.Printf("\n%s\n%s\n", title, strings.Join(head, " | "))
}

func (r *report) row(cols ...string) {
	t := &r.tables[len(r.tables)-1]
	t.rows = append(t.rows, cols)
	w := tabwriter.NewWriter(os.Stdout, 9, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, strings.Join(cols, "\t")+"\t")
	w.Flush()
}

// ratio notes a bar of the picture, if it belongs there.
func (r *report) ratio(label string, shown bool, v float64) {
	if shown {
		r.bars = append(r.bars, bar{label, v})
	}
}

// machine says what the figures were measured on.
func machine(o options) string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores of %s, %s, %s, %s", runtime.NumCPU(), model, firstLine(o.redis, "--version"), firstLine(o.regent, "--version"), runtime.Version())
}

func firstLine(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return name + ": " + err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if i := strings.Index(line, " sha="); i > 0 {
		line = line[:i]
	}
	return line
}

// save writes the files that were asked for.
func (r *report) save(o options) error {
	if o.write != "" {
		if err := os.WriteFile(o.write, []byte(r.markdown(o)), 0o644); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	if o.svg != "" {
		if err := os.MkdirAll(filepath.Dir(o.svg), 0o755); err != nil {
			return fmt.Errorf("draw the results: %w", err)
		}
		if err := os.WriteFile(o.svg, []byte(drawBars(r.bars)), 0o644); err != nil {
			return fmt.Errorf("draw the results: %w", err)
		}
	}
	return nil
}

// method says how what is in the tables was found.
func method(p plan) string {
	return fmt.Sprintf(`Regent beside redis-server in one run on one machine, the load generator among them. Absolute figures of a machine that
others share change from second to second; what counts are the ratios, and how they are found:

- Both servers stay up, and one at a time is under load, for a slice of about %s (longer where clients connect by TLS, requests
  take long or there are many clients). Pairs of adjacent slices are in turn Regent, Redis and Redis, Regent (ABBA): %d pairs for a row,
  at least %d where slices take longer.
- A ratio of throughput or p99 is the median of the pairs' own ratios (so it is not exactly the quotient of the medians
  beside it); half of the pairs lie within its quartiles.
- A ratio of CPU time per request is that of all slices together, and p99.9 is of all their requests: what happens once in a
  second, as a collection of garbage or an fsync, is in few slices, and a median would not show it.
- Where a section measures redis-server with io-threads 1 and with 2, the three are in turn, Regent in the middle, and Redis is
  the one with the better throughput.
- A slice ends when the server has answered one PING after its clients have gone. With io-threads redis-server's threads spin
  until then, on a core that the next slice needs.
- Memory, loads, rewrites and the collector are measured in rounds as a whole.
`, p.slice, p.rounds*blocksPerRound, fewestBlocks)
}

func (r *report) markdown(o options) string {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\n")
	b.WriteString(method(o.plan))
	fmt.Fprintf(&b, "\n- %s\n- %s, %d rounds\n", machine(o), time.Now().Format("2 January 2006"), o.plan.rounds)
	fmt.Fprintf(&b, "- command: `go run ./integration/bench %s`\n", strings.Join(flagsOnly(os.Args[1:]), " "))
	if o.svg != "" {
		if rel, err := filepath.Rel(filepath.Dir(o.write), o.svg); err == nil {
			fmt.Fprintf(&b, "\n![Throughput as a ratio to redis-server](%s)\n", rel)
		}
	}
	if r.unfinished != "" {
		fmt.Fprintf(&b, "\nThis run did not come to its end: %s\n", r.unfinished)
	}
	for _, t := range r.tables {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.head, " | "), strings.Repeat(" ---: |", len(t.head)))
		for _, row := range t.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return b.String()
}

// flagsOnly leaves paths outside the tree out of the command that is shown, with
// the flags before them.
func flagsOnly(args []string) (out []string) {
	for _, a := range args {
		switch last := len(out) - 1; {
		case !filepath.IsAbs(a):
			out = append(out, a)
		case last >= 0 && strings.HasPrefix(out[last], "-"):
			out = out[:last]
		}
	}
	return out
}
